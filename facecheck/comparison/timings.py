"""Is it slower than the baseline? Ratios to a reference kernel on the same machine, by ranks.

Seconds of two runs differ with whatever else the machine did. Each round is divided by the median time of a fixed
kernel that was timed beside it, and the ratios of both runs are compared by ranks, which assumes no distribution: is
the run slower by more than the margin? Of the kernel's median the less favourable end of its interval is taken.

Source: Mann and Whitney, Annals of Mathematical Statistics 1947.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, mannwhitneyu

from facecheck.gate.margins import Margins
from facecheck.metrics.paired import holm
from facecheck.results.change import ChangeOutcome, Slower
from facecheck.results.signature import Signature
from facecheck.results.timed import Timed

__all__ = ["compare_timings"]

_LEVEL = 0.01
_MACHINE = ("system", "processor", "cores", "device", "precision", "cuda", "cudnn", "driver")


def compare_timings(
    before: Sequence[Timed], after: Sequence[Timed], signed: tuple[Signature, Signature], *, margins: Margins
) -> tuple[Slower, ...]:
    """Compare the timings that both runs made.

    Args:
        before: of the baseline.
        after: of the run.
        signed: what ran where.
        margins: by which share each may be slower.
    """
    known = {(each.dataset, each.conditions): each for each in before}
    both = [(known[each.dataset, each.conditions], each) for each in after if (each.dataset, each.conditions) in known]
    if not both:
        return ()
    empty = any(not (each.seconds and each.reference) for couple in both for each in couple)
    other = "a timing without rounds" if empty else _other_machine(*signed)
    if other:
        return tuple(
            Slower(dataset=new.dataset, conditions=new.conditions, outcome="incomparable", reason=other)
            for _, new in both
        )
    return tuple(_judged(both, margins))


def _other_machine(old: Signature, new: Signature) -> str:
    """Return the first key of the machine that differs, with both values."""
    for key in _MACHINE:
        was, now = getattr(old.machine, key), getattr(new.machine, key)
        if was != now:
            return f"machine, {key}: baseline {was}, run {now}"
    return ""


def _judged(both: Sequence[tuple[Timed, Timed]], margins: Margins) -> Iterator[Slower]:
    tolerated = [margins.of(new.model, new.dataset, "latency_ms", new.conditions) for _, new in both]
    slower = holm(
        [
            _p(_ratios(old, low=False) * (1 + margin), _ratios(new, low=True))
            for (old, new), margin in zip(both, tolerated, strict=True)
        ]
    )
    faster = holm([_p(_ratios(new, low=False), _ratios(old, low=True)) for old, new in both])
    for position, (old, new) in enumerate(both):
        outcome: ChangeOutcome = "not worse"
        if slower[position] <= _LEVEL:
            outcome = "worse"
        elif faster[position] <= _LEVEL:
            outcome = "better"
        was, now = (np.median(each.seconds) / np.median(each.reference) for each in (old, new))
        yield Slower(
            dataset=new.dataset,
            conditions=new.conditions,
            outcome=outcome,
            ratio=float(now / was),
            p=float(slower[position]),
            margin=tolerated[position],
            rounds=(len(old.seconds), len(new.seconds)),
        )


def _ratios(timed: Timed, *, low: bool) -> npt.NDArray[np.float64]:
    """Return the rounds in units of the kernel's median, at the end of its interval that gives low ratios, or high."""
    rounds = np.sort(timed.reference)
    rank = int(binom.ppf(_LEVEL / 2, len(rounds), 0.5))  # so few rounds lie below the median by chance
    found: npt.NDArray[np.float64] = np.asarray(timed.seconds) / rounds[-1 - rank if low else rank]
    return found


def _p(smaller: npt.NDArray[np.float64], larger: npt.NDArray[np.float64]) -> float:
    """Return the probability of ranks that say so clearly that the second are larger."""
    return float(mannwhitneyu(larger, smaller, alternative="greater").pvalue)
