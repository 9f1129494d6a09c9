"""One model of a finished run, or of a baseline, as one side of a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from facecheck.comparison.between_runs import compare_scores
from facecheck.comparison.differences import differences, refusal
from facecheck.comparison.timings import compare_timings
from facecheck.errors import FacecheckError, nearest
from facecheck.gate.baselines import Baseline, read_baseline
from facecheck.gate.margins import Margins
from facecheck.results.change import Against
from facecheck.results.evidence import Evidence, load_evidence
from facecheck.results.probe_vectors import ProbeVectors, load_probes, same_function
from facecheck.results.run import Run
from facecheck.results.scored_pairs import ScoredPairs, load_scores
from facecheck.results.signature import ModelSignature, Signature
from facecheck.results.timed import Timed

__all__ = ["Side", "compare", "couples", "of_baseline", "sides_of", "sides_of_run"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """A model and everything that it is compared by.

    Args:
        title: what it is called, such as its run.
        model: that was judged, its newest version.
        scored: every data set and corruption.
        signatures: by data set; those of a baseline are of several approvals.
        newest: the signature that the model belongs to.
        probe: vectors on fixed crops, None if they were not recorded.
        timed: the rounds of its timings.
        evidence: what stands behind evals beside the scores.
    """

    title: str
    model: ModelSignature
    scored: tuple[ScoredPairs, ...]
    signatures: Mapping[str, Signature]
    newest: Signature
    probe: ProbeVectors | None = None
    timed: tuple[Timed, ...] = ()
    evidence: tuple[Evidence, ...] = ()


def sides_of(folder: Path) -> list[Side]:
    """Return the models of a run's folder, or the one of a baseline's.

    Raises:
        FacecheckError: neither is there, or scores are damaged.
    """
    baseline = read_baseline(folder.parent, folder.name)
    return [of_baseline(baseline)] if baseline is not None else sides_of_run(Run.read(folder), folder)


def sides_of_run(run: Run, folder: Path) -> list[Side]:
    """Return the models of a run.

    Raises:
        FacecheckError: scores or vectors are damaged, or are not those that the run wrote.
    """
    scored = list(load_scores(folder, hashes=run.scores))
    evidence = list(load_evidence(folder, run.evidence))
    probes = {answers.model: answers for answers in load_probes(folder, run.probes)}
    return [
        Side(
            title=f"{model.name} of run {run.id}",
            model=model,
            scored=tuple(each for each in scored if each.model == model.name),
            signatures={dataset.name: run.signature for dataset in run.signature.datasets},
            newest=run.signature,
            probe=probes.get(model.name),
            timed=tuple(each for each in run.timed if each.model == model.name),
            evidence=tuple(each for each in evidence if each.model == model.name),
        )
        for model in run.signature.models
    ]


def of_baseline(baseline: Baseline) -> Side:
    """Return the approved versions of a line.

    Raises:
        FacecheckError: a file of scores is missing or was altered.
    """
    newest = baseline.parts[-1]
    about = newest.approval
    return Side(
        title=f"{about.model} of run {about.run}, approved by {about.by} on {about.at[:10]}",
        model=newest.signature.models[0],
        scored=tuple(baseline.scored()),
        signatures={name: part.signature for part in baseline.parts for name in part.datasets},
        newest=newest.signature,
        probe=baseline.probe(),
        timed=tuple(each for part in baseline.parts for each in part.timed),
        evidence=tuple(baseline.evidence()),
    )


def couples(
    before: Sequence[Side], after: Sequence[Side], *, model: str | None = None, against: str | None = None
) -> Iterator[tuple[Side, Side]]:
    """Yield which model of the first run each of the second is compared with.

    Args:
        before: of the first run.
        after: of the second.
        model: of the second; by default every model that both have, or the only one of each.
        against: of the first, the same name by default.

    Raises:
        FacecheckError: no such model, or it is not clear which.
    """
    old, new = ({side.model.name: side for side in sides} for sides in (before, after))
    for theirs, ours in _named(list(old), list(new), model, against):
        yield old[theirs], new[ours]


def _named(old: Sequence[str], new: Sequence[str], model: str | None, against: str | None) -> list[tuple[str, str]]:
    for name, known, where in ((model, new, "the second run"), (against, old, "the first run")):
        if name is not None and name not in known:
            raise FacecheckError(f"{name!r} is no model of {where}. {nearest(name, known)}")
    if model is not None or against is not None:
        ours = model if model is not None else against if against in new else new[0] if len(new) == 1 else None
        theirs = against if against is not None else ours if ours in old else old[0] if len(old) == 1 else None
        if ours is None or theirs is None:
            raise FacecheckError("which models? Give both --model and --against: the runs have several")
        return [(theirs, ours)]
    both = [(name, name) for name in old if name in new]
    if not both and len(old) == len(new) == 1:
        both = [(old[0], new[0])]
    if not both:
        raise FacecheckError(
            f"the runs have no model in common ({', '.join(old)}; {', '.join(new)}): say --model NEW --against OLD"
        )
    return both


def compare(
    before: Side,
    after: Side,
    *,
    margins: Margins,
    false_alarms: float = 0.01,
    red: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> Against:
    """Compare a model with its yardstick: every case, what differs, the function and the timings.

    Args:
        before: the yardstick.
        after: the model that is judged.
        margins: tolerated losses.
        false_alarms: chance of calling any sound case worse, over all cases together.
        red: outcomes that make a run red.
        notes: to be shown with it.
    """
    return Against(
        model=after.model.name,
        line=after.model.in_line,
        baseline=before.title,
        red=red,
        changes=compare_scores(
            before.scored,
            after.scored,
            evidence=(before.evidence, after.evidence),
            margins=margins,
            false_alarms=false_alarms,
            refuse=refusal(before.signatures, after.newest, (before.model.name, after.model.name)),
        ),
        differences=differences(before.newest, after.newest, (before.model, after.model)),
        function=same_function(before.probe, after.probe),
        timings=compare_timings(before.timed, after.timed, (before.newest, after.newest), margins=margins),
        notes=(*notes, *_lacking(before, after)),
    )


def _lacking(before: Side, after: Side) -> Iterator[str]:
    """Say which evals of the run have nothing to be compared with: it was measured by an older facecheck, or not."""
    datasets, held = {each.dataset for each in before.scored}, {(each.dataset, each.eval) for each in before.evidence}
    new = [each for each in after.evidence if each.dataset in datasets and (each.dataset, each.eval) not in held]
    told = ", ".join(sorted(f"{each.eval} on {each.dataset}" for each in new))
    if told:
        yield f"the baseline holds nothing of {told}: judged by limits alone until a run with it is approved"
