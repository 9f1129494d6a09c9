"""What measurements are called in tables and graphs: one wording for all of them."""

from __future__ import annotations

import re

from facecheck.errors import printable
from facecheck.results.catalogue import METRICS, Metric
from facecheck.results.conditions import Conditions

__all__ = ["capital", "in_markdown", "in_spreadsheet", "metric", "title", "value"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # with which a spreadsheet's formulas begin
# What Markdown and HTML would read as markup; an underscore within a word is none.
_MARKUP = re.compile(r"[\\|`*<>~]|\](?=[(\[:])|(?<!\w)_|_(?!\w)|&(?=#|\w+;)|^[#+-](?=\s)")


def metric(name: str) -> Metric:
    """Return what a name stands for; a name of another version stands for itself."""
    return METRICS.get(name, Metric("", "neither", name.replace("_", " ")))


def capital(text: str) -> str:
    """Return the text as a heading begins.

    >>> capital("mean AUC")
    'Mean AUC'
    """
    return text[:1].upper() + text[1:]


def in_markdown(text: str) -> str:
    r"""Return a name so that it neither breaks the table that it stands in nor is taken for markup.

    >>> print(in_markdown("a|b <i>"))
    a\|b \<i\>
    """
    return _MARKUP.sub(r"\\\g<0>", " ".join(printable(" ".join(text.split())).split()))


def in_spreadsheet(value: object) -> object:
    """Return a cell that no spreadsheet takes for a formula: such a text gets an apostrophe, numbers stay as they are.

    >>> in_spreadsheet("=1+2"), in_spreadsheet(-0.5), in_spreadsheet("dlib")
    ("'=1+2", -0.5, 'dlib')
    """
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def title(name: str, at: Conditions) -> str:
    """Return what a measurement is called: its metric, then its conditions.

    >>> title("tar_at_far", Conditions(far=0.01, failures="non-match"))
    'TAR at FAR 0.01'
    """
    known = metric(name).title
    if name == "dir_at_fpir" and at.fpir is not None:
        known, at = f"DIR at FPIR {at.fpir:g}", at.without("fpir")
    if name in ("tar_at_far", "fnmr_at_far") and at.far is not None:
        known, at = f"{known} {at.far:g}", at.without("far")
    rest = at.in_words()
    return f"{known}, {rest}" if rest else known


def value(name: str, number: float) -> str:
    """Return a value with the digits that it deserves: four of a fraction, all of a count, three of all else.

    >>> value("accuracy", 0.98765), value("latency_ms", 123.456), value("dprime", 2.3456), value("tp", 2971.0)
    ('0.9877', '123', '2.35', '2971')
    """
    if metric(name).unit == "pairs":
        return f"{number:.0f}"
    return f"{number:.4f}" if metric(name).unit == "fraction" else f"{number:.3g}"
