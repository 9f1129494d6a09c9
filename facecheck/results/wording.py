"""What measurements are called in tables and graphs: one wording for all of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from facecheck.results.catalogue import METRICS, Metric

__all__ = ["capital", "conditions", "metric", "title", "value"]

_KEYS = {"yaw_rad": "yaw {:g} rad", "yaw_difference_rad": "yaw difference {:g} rad", "batch": "batch {:g}"}


def metric(name: str) -> Metric:
    """Return what a name stands for; a name of another version stands for itself."""
    return METRICS.get(name, Metric("", "neither", name.replace("_", " ")))


def capital(text: str) -> str:
    """Return the text as a heading begins.

    >>> capital("mean AUC")
    'Mean AUC'
    """
    return text[:1].upper() + text[1:]


def conditions(told: Mapping[str, str | float], *, without: Collection[str] = ()) -> str:
    """Return conditions in words, empty where they say what is usual.

    >>> conditions({"corruption": "blur", "level": 3, "threshold": "clean", "failures": "non-match"})
    'blur 3, clean threshold'
    """
    words = [_words(key, value, told) for key, value in told.items() if key not in without]
    return ", ".join(word for word in words if word)


def _words(key: str, value: str | float, told: Mapping[str, str | float]) -> str:
    if key == "threshold":
        return f"{value} threshold"
    if key == "failures":
        return "" if value == "non-match" else "completed only"
    if key == "corruption":
        level = told.get("level", "")
        return f"{value} {level:g}" if isinstance(level, int | float) else str(value)
    if key in {"level", "severity"}:
        return "" if "corruption" in told else f"{key} {value}"
    if key == "stage":
        return "all stages" if value == "all" else str(value)
    return _KEYS[key].format(value) if key in _KEYS and isinstance(value, int | float) else f"{key} {value}"


def title(name: str, told: Mapping[str, str | float]) -> str:
    """Return what a measurement is called: its metric, then its conditions.

    >>> title("tar_at_far", {"far": 0.01, "failures": "non-match"})
    'TAR at FAR 0.01'
    """
    known = metric(name).title
    if name == "tar_at_far" and "far" in told:
        known = f"{known} {told['far']:g}"
        told = {key: value for key, value in told.items() if key != "far"}
    rest = conditions(told)
    return f"{known}, {rest}" if rest else known


def value(name: str, number: float) -> str:
    """Return a value with the digits that it deserves: four of a fraction, three significant ones of all else.

    >>> value("accuracy", 0.98765), value("latency_ms", 123.456), value("dprime", 2.3456)
    ('0.9877', '123', '2.35')
    """
    return f"{number:.4f}" if metric(name).unit == "fraction" else f"{number:.3g}"
