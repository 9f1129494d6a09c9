"""What a run is compared with beside its limits: the baseline of each model's line, or another run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from facecheck.comparison.sides import Side, compare, couples, of_baseline, sides_of, sides_of_run
from facecheck.errors import FacecheckError, nearest
from facecheck.gate.approval import approve, approver, check_reason
from facecheck.gate.baselines import Baseline, baseline_folder, leftovers, read_baseline
from facecheck.gate.margins import Margins
from facecheck.plugin.options import text
from facecheck.results.change import Against
from facecheck.results.run import Run

__all__ = ["Compared", "Yardstick"]

_RED = ("worse", "flips", "incomparable", "undecided", "slower")
_USUALLY_RED = "worse,flips,incomparable"
_MOST_DAYS = 90
_MOST_RUNS = 200
_NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What the comparison of a run found.

    Args:
        against: each model against its yardstick.
        notes: what a person should know.
        problems: why something could not be compared that should have been: the run is not green.
    """

    against: tuple[Against, ...] = ()
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def is_red(self) -> bool:
        """Whether the run must not be green."""
        return bool(self.problems) or any(each.is_red for each in self.against)

    @property
    def judged(self) -> bool:
        """Whether at least one case was compared."""
        outcomes = {change.outcome for each in self.against for change in each.changes}
        return bool(outcomes - {"incomparable", "not measured"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """What was asked for.

    Args:
        folder: of all baselines.
        reports: folder of the runs.
        other: run or baseline that every model is compared with instead, None for the baseline of its line.
        off: whether nothing is compared.
        reason: of the approval, empty if the run is not to be approved.
        scores_at: folder or URL for the scores of an approved run.
        red: outcomes that make the run red.
        false_alarms: chance of calling any sound case of a model worse.
        margins: tolerated losses.
    """

    folder: Path
    reports: Path
    other: Path | None
    off: bool
    reason: str
    scores_at: str
    red: tuple[str, ...]
    false_alarms: float
    margins: Margins

    @classmethod
    def of(cls, config: pytest.Config, *, margins: Margins, sampled: bool) -> Yardstick:
        """Read and check what is asked for.

        Raises:
            pytest.UsageError: something makes no sense, or is not there.
        """
        asked = text(config, "baseline", "")
        other = None if asked in ("", _NONE) else _existing(Path(asked).expanduser())
        reason = text(config, "approve", "")
        if reason:
            _check_approval(reason, sampled=sampled)
        elif _is_given(config, "approve"):
            raise pytest.UsageError("--facecheck-approve needs a reason, in words: it is what a reviewer reads first")
        folder = text(config, "baselines", "")
        return cls(
            folder=Path(folder).expanduser() if folder else config.rootpath / "reports" / "baselines",
            reports=Path(text(config, "reports", str(config.rootpath / "reports"))).expanduser(),
            other=other,
            off=asked == _NONE,
            reason=reason,
            scores_at=text(config, "scores_at", ""),
            red=_red(text(config, "red", _USUALLY_RED)),
            false_alarms=_rate(text(config, "false_alarms", "0.01")),
            margins=margins,
        )

    def compare(self, run: Run, folder: Path) -> Compared:
        """Compare every model of a run with its yardstick; what cannot be read is a problem, never an exception.

        Args:
            run: as it was written.
            folder: of it.
        """
        if self.off or not run.measurements:
            return Compared()
        sampled = [dataset.name for dataset in run.signature.datasets if dataset.sampled]
        if sampled:
            told = f"{', '.join(sampled)}: a run of a sample is not compared with a baseline, which is of other pairs"
            return Compared(notes=(told,))
        try:
            sides = sides_of_run(run, folder)
            if self.other is not None:
                return Compared(against=tuple(self._with_other(sides, self.other)))
        except FacecheckError as error:
            return Compared(problems=(str(error),))
        return self._with_baselines(sides)

    def _with_other(self, sides: Sequence[Side], other: Path) -> Iterator[Against]:
        theirs = sides_of(other)
        ours = sides[0].model.name if len(sides) == 1 else None
        known = [side.model.name for side in theirs]
        against = known[0] if ours is not None and len(known) == 1 else None
        for old, new in couples(theirs, sides, model=ours, against=against):
            yield self._judged(old, new)

    def _with_baselines(self, sides: Sequence[Side]) -> Compared:
        against, problems, lacking, left = [], [], [], []
        for side in sides:
            line = side.model.in_line
            try:
                place = baseline_folder(self.folder, line)
                baseline = read_baseline(self.folder, place.name)
                if baseline is None:
                    lacking.append(line)
                    left += leftovers(Baseline(line=place.name, parts=(), folder=place))
                    continue
                against.append(self._judged(of_baseline(baseline), side, tuple(self._known_of(baseline, side))))
            except FacecheckError as error:
                problems.append(f"{side.model.name} could not be compared with its baseline: {error}")
        notes = [self._no_baseline(lacking)] if lacking and not self.reason else []
        return Compared(against=tuple(against), notes=(*notes, *left), problems=tuple(problems))

    def _no_baseline(self, lines: Sequence[str]) -> str:
        """Say once how one is made, and which lines have one: the line may have been forgotten."""
        held = sorted(path.parent.name for path in self.folder.glob("*/baseline.json"))
        others = f"; there is one of {', '.join(held[:5])}, chosen by ?line=NAME" if held else ""
        return (
            f"no baseline yet for {', '.join(lines)} in {self.folder}{others}: pytest evals/ --facecheck-approve "
            '"REASON" makes a run the one that later runs are compared with'
        )

    def _judged(self, old: Side, new: Side, notes: tuple[str, ...] = ()) -> Against:
        return compare(old, new, margins=self.margins, false_alarms=self.false_alarms, red=self.red, notes=notes)

    def _known_of(self, baseline: Baseline, side: Side) -> Iterator[str]:
        """Yield what a person should know of the baseline: its age, what it lacks, what was left behind."""
        yield from leftovers(baseline)
        approval = baseline.parts[-1].approval
        held = {name for part in baseline.parts for name in part.datasets}
        new = sorted({each.dataset for each in side.scored} - held)
        if new:
            yield f"the baseline has no scores of {', '.join(new)}: approve a run to hold later versions to them"
        age = (dt.datetime.now().astimezone() - dt.datetime.fromisoformat(approval.at)).days
        runs = sum(1 for path in self.reports.glob("20*") if path.name > approval.at[:10] + "-999999")
        if age > _MOST_DAYS or runs > _MOST_RUNS:
            yield f"the baseline has grown old: {age} days, {runs} runs since; approve a run that you trust"

    def approve(self, run: Run, folder: Path) -> list[str]:
        """Make the run the baseline of every model's line, and return what was done, a line a model.

        Raises:
            FacecheckError: it cannot be approved.
            OSError: it cannot be written; the last baselines are as they were.
        """
        found = []
        for model in run.signature.models:
            made = approve(
                folder, self.folder, model=model.name, reason=self.reason, by=approver(), elsewhere=self.scores_at
            )
            found.append(f"approved: {made.folder} is {model.name} of this run now")
        return [
            *found,
            f"This run is red: a run never moves its own yardstick unseen. Review and commit {self.folder},",
            "then run again without --facecheck-approve",
        ]


def _is_given(config: pytest.Config, name: str) -> bool:
    return config.getoption(f"facecheck_{name}") is not None


def _check_approval(reason: str, *, sampled: bool) -> None:
    if sampled:
        raise pytest.UsageError("--facecheck-approve with --facecheck-sample: a sample is no yardstick")
    try:
        check_reason(reason)
    except FacecheckError as error:
        raise pytest.UsageError(f"--facecheck-approve: {error}") from error


def _existing(path: Path) -> Path:
    if not any((path / name).is_file() for name in ("results.json", "baseline.json")):
        raise pytest.UsageError(
            f"--facecheck-baseline {path}: expected the folder of a run (results.json) or of a baseline "
            "(baseline.json), or none"
        )
    return path


def _red(given: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in given.split(",") if word.strip())
    if words == (_NONE,):
        return ()
    for word in words:
        if word not in _RED:
            raise pytest.UsageError(f"--facecheck-red {word}: unknown. {nearest(word, _RED)}")
    return words


def _rate(given: str) -> float:
    try:
        rate = float(given)
    except ValueError:
        rate = 0.0
    if not 0 < rate < 1:
        raise pytest.UsageError(f"--facecheck-false-alarms {given[:20]}: expected a fraction between 0 and 1")
    return rate
