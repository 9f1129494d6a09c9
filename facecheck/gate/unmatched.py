"""Limits that applied to nothing that a run measured: a promise that is never judged protects nobody."""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from facecheck.errors import nearest
from facecheck.results.measurement import Measurement
from facecheck.results.verdict import Limit

__all__ = ["absent_evals", "unmatched"]

_NAMED = 3
_NEARLY = 0.8  # of a name's letters, from which another is taken for a slip of the pen


def unmatched(limits: Iterable[Limit], measurements: Sequence[Measurement]) -> str:
    """Return in a sentence which limits of the evals that ran applied to no measurement, empty if there is none.

    Limits for other models and data sets than the run's are counted by those, so that a misspelt one shows.

    Args:
        limits: of the file.
        measurements: of the run.
    """
    found: dict[tuple[str, str], list[Measurement]] = defaultdict(list)
    for m in measurements:
        found[m.eval, m.name].append(m)
    evals = {m.eval for m in measurements}
    mine = [limit for limit in limits if limit.eval in evals]
    idle = [limit for limit in mine if not any(map(limit.applies_to, found[limit.eval, limit.name]))]
    if not idle:
        return ""
    told = "; ".join(_told(idle, {m.model for m in measurements}, {m.dataset for m in measurements}))
    return f"{len(idle)} of {len(mine)} limits of these evals applied to nothing: {told}"


def _told(idle: Sequence[Limit], models: Collection[str], datasets: Collection[str]) -> Iterator[str]:
    of_models = Counter(limit.model for limit in idle if limit.model is not None and limit.model not in models)
    rest = [limit for limit in idle if limit.model is None or limit.model in models]
    of_data = Counter(limit.dataset for limit in rest if limit.dataset is not None and limit.dataset not in datasets)
    rest = [limit for limit in rest if limit.dataset is None or limit.dataset in datasets]
    yield from _counted("other models", of_models)
    yield from _counted("other data sets", of_data)
    if rest:
        more = f" and {len(rest) - _NAMED} more" if len(rest) > _NAMED else ""
        yield "; ".join(map(_described, rest[:_NAMED])) + more


def _counted(what: str, counts: Counter[str]) -> Iterator[str]:
    if counts:
        yield f"{counts.total()} for {what} ({', '.join(f'{name}: {count}' for name, count in counts.most_common())})"


def _described(limit: Limit) -> str:
    where = {"model": limit.model, "dataset": limit.dataset, **limit.where.as_json()}
    told = ", ".join(f"{key} {value}" for key, value in where.items() if value is not None)
    return f"{limit.eval} {limit.name}{told and f' ({told})'}"


def absent_evals(limits: Iterable[Limit], evals: Collection[str]) -> Iterator[tuple[str, bool]]:
    """Yield a sentence on each eval that limits name and that is not there, and whether it is nearly another's name.

    Args:
        limits: of the file.
        evals: the names of all evals.
    """
    for name, count in Counter(limit.eval for limit in limits if limit.eval not in evals).items():
        nearly = bool(difflib.get_close_matches(name, evals, cutoff=_NEARLY))
        told = f"eval {name!r} of {count} limit{'s' if count > 1 else ''} is not here. {nearest(name, sorted(evals))}"
        yield told, nearly
