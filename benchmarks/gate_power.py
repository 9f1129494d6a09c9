"""How often is the gate right? Faults that teams make, harmless re-runs, and the rules that people use beside ours.

    uv run python benchmarks/gate_power.py measure WORK --lfw DIR   # scores of every fault: an hour of CPU, resumable
    uv run python benchmarks/gate_power.py judge WORK               # tables in Markdown, and the graph

``measure`` runs EdgeFace XXS (FACECHECK_WEIGHTS names its folder), sound and with each fault, over the bundled faces
and, where ``DIR`` holds LFW (``lfw/`` and ``lfw_protocol/``), over its view 1 (test pairs) and view 2. ``judge`` reads
the scores only: the table can be made again when the gate's test or its margins change.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from scipy.stats import beta

from facecheck.alignment import BoxCrop, FivePoint
from facecheck.comparison.between_runs import compare_scores
from facecheck.corruptions import CLEAN, Applied
from facecheck.datasets import open_dataset
from facecheck.detection.mtcnn import Mtcnn
from facecheck.detection.selection import ChosenFace
from facecheck.embedders.network import NetworkEmbedder
from facecheck.embedders.preprocessing import IMAGENET, Preprocessing
from facecheck.evaluation.evaluator import Evaluator
from facecheck.evaluation.views import View, decided, ranked
from facecheck.faces import Image
from facecheck.faces.five_points import TEMPLATES
from facecheck.gate import judge_all, read_limits
from facecheck.gate.margins import MARGINS, Margin, Margins
from facecheck.metrics.scores import Scores
from facecheck.metrics.thresholds import PairThresholds
from facecheck.models import Settings, build
from facecheck.models.recognizer import Recognizer
from facecheck.pipeline import Pipeline
from facecheck.results.change import Change
from facecheck.results.conditions import DEPLOYED, NON_MATCH, Conditions
from facecheck.results.measurement import Measurement
from facecheck.results.scored_pairs import ScoredPairs, load_scores
from facecheck.results.verdict import Limit
from facecheck.storage.cache import Cache

ROOT = Path(__file__).parents[1]
MODEL = "edgeface-xxs"
SETS = {"faces": "faces?part=pairs", "view-1": "pairsDevTest.txt", "view-2": "pairs.txt"}
TITLES = {"faces": "bundled faces", "view-1": "LFW view 1", "view-2": "LFW view 2"}
SETTINGS = Settings(device=torch.device("cpu"))
Change_ = Callable[[Recognizer], Recognizer]
PowerCurve = list[tuple[float, float]]


# Faults: each takes the sound recogniser and returns one that a team makes by accident.


def _fed(**changes: object) -> Change_:
    """Feed the network other numbers than it was trained on."""

    def change(sound: Recognizer) -> Recognizer:
        fed: Preprocessing = dataclasses.replace(sound.contract.preprocessing, **changes)  # type: ignore[arg-type] # each key has its own type
        contract = dataclasses.replace(sound.contract, preprocessing=fed)
        assert isinstance(sound.embedder, NetworkEmbedder)
        return dataclasses.replace(sound, contract=contract, embedder=sound.embedder.with_preprocessing(fed))

    return change


def _placed(*, shift_px: float = 0.0, scale: float = 1.0) -> Change_:
    """Cut crops that lie beside the face, or are larger or smaller than the network expects."""

    def change(sound: Recognizer) -> Recognizer:
        centre = TEMPLATES["arcface"].points.mean(axis=0)
        moved = centre + scale * (TEMPLATES["arcface"].points - centre) + shift_px
        return dataclasses.replace(sound, aligner=FivePoint(112, template=moved))

    return change


def _weighted(edit: Callable[[torch.Tensor, torch.Generator], torch.Tensor], *, only: str = "") -> Change_:
    """Change the network's matrices and filters."""

    def change(sound: Recognizer) -> Recognizer:
        embedder = copy.deepcopy(sound.embedder)
        assert isinstance(embedder, NetworkEmbedder)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for name, weight in embedder.network.named_parameters():
                if weight.ndim > 1 and only in name:
                    weight.copy_(edit(weight, generator))
        return dataclasses.replace(sound, embedder=embedder)

    return change


def _noise(share: float) -> Change_:
    return _weighted(lambda w, g: w + share * w.std() * torch.randn(w.shape, generator=g))


def _int8(weight: torch.Tensor, _: torch.Generator) -> torch.Tensor:
    step = weight.abs().max() / 127
    return (weight / step).round() * step


def _pruned(share: float) -> Callable[[torch.Tensor, torch.Generator], torch.Tensor]:
    return lambda w, _: torch.where(w.abs() >= torch.quantile(w.abs().flatten()[:1_000_000], share), w, 0.0)


class _ClippedWindow:
    """What lies outside the detector's box is missing, as in a data set of tight crops."""

    def __init__(self, usual: FivePoint) -> None:
        self._usual, self.shape = usual, usual.shape

    @property
    def identity(self) -> str:
        return f"clipped({self._usual.identity})"

    def align(self, image: Image, face: ChosenFace) -> Image:
        height, width = image.shape[:2]
        left, top = np.clip(np.floor(face.box[:2]), 0, (width, height)).astype(int)
        right, bottom = np.clip(np.ceil(face.box[2:]), 0, (width, height)).astype(int)
        clipped = np.zeros_like(image)
        clipped[top:bottom, left:right] = image[top:bottom, left:right]
        return self._usual.align(clipped, face)


def _no_l2(sound: Recognizer) -> Recognizer:
    embedder = copy.copy(sound.embedder)
    embedder._postprocessing = dataclasses.replace(sound.contract.postprocessing, l2=False)  # type: ignore[attr-defined]  # noqa: SLF001
    contract = dataclasses.replace(sound.contract, distance="euclidean")
    return dataclasses.replace(sound, embedder=embedder, contract=contract)


def _rebuilt(spec: str, settings: Settings = SETTINGS) -> Change_:
    return lambda sound: dataclasses.replace(build(spec, settings), name=sound.name)


FAULTS: dict[str, tuple[str, Change_, Applied]] = {
    "sound": ("none", lambda sound: sound, CLEAN),
    "bgr": ("channels swapped", _fed(colour="bgr"), CLEAN),
    "unit": ("0..1 instead of -1..1", _fed(mean=(0.0,) * 3, std=(255.0,) * 3), CLEAN),
    "raw": ("0..255 instead of -1..1", _fed(mean=(0.0,) * 3, std=(1.0,) * 3), CLEAN),
    "mean": ("ImageNet's mean and deviation", _fed(mean=IMAGENET.mean, std=IMAGENET.std), CLEAN),
    "no_l2": ("no L2, Euclidean distance", _no_l2, CLEAN),
    "shift_1": ("crop shifted by 1 px", _placed(shift_px=1), CLEAN),
    "shift_2": ("crop shifted by 2 px", _placed(shift_px=2), CLEAN),
    "shift_4": ("crop shifted by 4 px", _placed(shift_px=4), CLEAN),
    "shift_8": ("crop shifted by 8 px", _placed(shift_px=8), CLEAN),
    "wide": ("face 15 % smaller in the crop", _placed(scale=0.85), CLEAN),
    "tight": ("face 15 % larger in the crop", _placed(scale=1.15), CLEAN),
    "unaligned": ("no alignment: the box", lambda s: dataclasses.replace(s, aligner=BoxCrop(112, margin=0)), CLEAN),
    "clipped": (
        "windows clipped to the box",
        lambda s: dataclasses.replace(s, aligner=_ClippedWindow(FivePoint())),
        CLEAN,
    ),
    "half": ("weights in fp16", _weighted(lambda w, _: w.half().float()), CLEAN),
    "bf16": ("computed in bf16", _rebuilt(MODEL, dataclasses.replace(SETTINGS, precision="bf16")), CLEAN),
    "int8": ("weights in int8, one scale a tensor", _weighted(_int8), CLEAN),
    "noise_1": ("noise of 1 % on the weights", _noise(0.01), CLEAN),
    "noise_5": ("noise of 5 % on the weights", _noise(0.05), CLEAN),
    "noise_20": ("noise of 20 % on the weights", _noise(0.20), CLEAN),
    "pruned": ("one stage: half of its weights 0", _weighted(_pruned(0.5), only="stages.2"), CLEAN),
    "checkpoint": ("another checkpoint: EdgeFace XS", _rebuilt("edgeface-xs"), CLEAN),
    "jpeg": ("JPEG 75 on all inputs", lambda sound: sound, Applied.parse("jpeg:75")),
    "detector": (
        "detector thresholds .9 .95 .99",
        lambda s: dataclasses.replace(s, detector=Mtcnn(device=SETTINGS.device, thresholds=(0.9, 0.95, 0.99))),
        CLEAN,
    ),
}  # fmt: skip


# The sound model again: images in a batch, batches at once, and threads of torch.
RERUNS = {"batch_1": (1, 2, 1), "batch_5": (5, 2, 1), "batch_64": (64, 1, 2), "one_thread": (16, 1, 1)}


def _pipeline(cache: Cache, rerun: tuple[int, int, int] | None = None) -> Pipeline:
    """Return the usual pipeline, or that of a re-run, which computes everything again: a cache would answer alike."""
    if rerun is None:
        return Pipeline(cache=cache)
    batch, workers, threads = rerun
    torch.set_num_threads(threads)
    return Pipeline(batch=batch, workers=workers)


def measure(work: Path, lfw: Path | None, sets: Sequence[str]) -> None:
    """Write the scores of every fault and re-run on every data set that are not there yet."""
    cache = Cache(work / "cache")
    again = {name: (f"re-run, {name}", FAULTS["sound"][1], CLEAN) for name in RERUNS}
    for name in sets:
        if name != "faces" and lfw is None:
            continue
        protocol = f"lfw:{lfw}/lfw?pairs={lfw}/lfw_protocol/{SETS[name]}"
        dataset = open_dataset(SETS[name] if name == "faces" else protocol)
        sound = build(MODEL, SETTINGS)
        for fault, (words, change, corruption) in {**FAULTS, **again}.items():
            folder = work / name / fault
            if folder.is_dir() and any(folder.glob("scores/*.npz")):
                continue
            pipeline = _pipeline(cache, RERUNS.get(fault))
            kept = None if fault in RERUNS else cache
            compared = Evaluator(pipeline, folder=folder, cache=kept).compare(change(sound), dataset, corruption)
            assert compared.own_thresholds is not None, compared.problem
            right = compared.scores.matched(compared.own_thresholds.of_pair) == compared.scores.genuine
            print(f"{name}, {words}: {right.mean():.4f}", flush=True)
    cache.close()


# Judging: scores only.


WORDS = {fault: words for fault, (words, *_) in FAULTS.items()} | {"labels": "one fold's labels shuffled"}
NAIVE = ("accuracy within .5 %", "inside last interval", "distance within 5 %")
LOSSES = (0.0025, 0.004, 0.005, 0.006, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.08)
REPEATS = 60
NUMERIC, EXCHANGED, RESAMPLED, AT_MARGIN = 100, 150, 150, 400
A_POINT = 0.01 - 1e-9
NOISE = 2e-5  # of a similarity, root mean square: what batches of 1 in place of 16 do, detection included


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What each rule says of one fault on one data set."""

    fault: str
    accuracy: float
    gain: float
    low: float
    high: float
    cases: tuple[str, ...]
    clearest: str
    promised: bool | None
    proposed: tuple[str, ...]
    naive: tuple[bool, bool, bool]

    @property
    def caught(self) -> bool:
        """Whether the comparison with the baseline is red."""
        return bool(self.cases)


def scores_of(work: Path, name: str, fault: str) -> ScoredPairs | None:
    """Return the scores of a fault on clean pairs, None if they were not measured."""
    found = list(load_scores(work / name / fault)) if (work / name / fault).is_dir() else []
    return dataclasses.replace(found[0], condition="clean") if found else None


def reds(changes: Sequence[Change]) -> list[Change]:
    """Return what makes a run red, the clearest first."""
    found = [c for c in changes if c.outcome in ("worse", "incomparable")]
    return sorted(found, key=lambda c: (c.p, c.gain))


def in_words(changes: Sequence[Change]) -> str:
    """Return the clearest of the red cases with its gain and interval, and how many others are red."""
    if not changes:
        return "-"
    first, *others = changes
    words = case_title(first)
    if first.outcome != "incomparable":
        scale = 1 if first.name == "dprime" else 100
        gain, low, high = (scale * value for value in (first.gain, first.low, first.high))
        words += f" {gain:+.2f} [{low:+.2f}, {high:+.2f}]"
    return words + (f" and {len(others)} more" if others else "")


def kept_promise(scored: ScoredPairs) -> bool | None:
    """Whether the repository's own limits hold, None where nobody promised anything of this model and data set.

    Of EdgeFace on clean images, they promise only the accuracy that the sweeps begin with.
    """
    clean = DEPLOYED | Conditions(corruption="blur", level=0.0, severity=0)
    measured = decided(View(scored.scores, clean, PairThresholds(scored.thresholds))).named("accuracy").measured
    asked = [Measurement.of(m, eval_name="blur", model=MODEL, dataset=scored.dataset) for m in measured]
    verdict = judge_all(asked, read_limits(ROOT / "evals" / "limits.toml"), sampled=False)
    outcomes = {judgement.outcome for judgement in verdict.judgements}
    return None if outcomes == {"unjudged"} else "failed" not in outcomes


def measurements(scored: ScoredPairs) -> list[Measurement]:
    """Return what evals/test_verification.py judges at thresholds chosen on other people."""
    view = View(scored.scores, DEPLOYED, PairThresholds(scored.thresholds))
    found = decided(view).named("accuracy") + ranked(View(scored.scores, NON_MATCH, None), fars=(0.01,))
    return [
        Measurement.of(measured, eval_name="verification", model=MODEL, dataset=scored.dataset)
        for measured in found.measured
        if measured.name in ("accuracy", "auc", "eer", "tar_at_far")
    ]


def proposed_limits(sound: Sequence[Measurement]) -> list[Limit]:
    """Return the limits that ``facecheck limits`` proposes from the sound run: half way to the interval's end."""
    found = []
    for m in sound:
        upper = m.name == "eer"
        bound = m.value + 0.5 * ((m.high if upper else m.low) - m.value)
        found.append(Limit(eval=m.eval, name=m.name, bound=bound, upper=upper, why="proposed", where=m.conditions))
    return found


def judged(fault: str, sound: ScoredPairs, scored: ScoredPairs) -> Judged:
    """Judge one fault by the baseline, the limits and the rules that people use."""
    changes = compare_scores([sound], [scored])
    own = next((c for c in changes if c.name == "accuracy" and c.conditions.threshold == "clean"), None)
    before, after = measurements(sound), measurements(scored)
    failed = [
        judgement.measurement.name
        for judgement in judge_all(after, proposed_limits(before), sampled=False).judgements
        if judgement.outcome == "failed"
    ]
    accuracies = [next(m for m in each if m.name == "accuracy") for each in (before, after)]
    return Judged(
        fault=fault,
        accuracy=accuracies[1].value,
        gain=own.gain if own else float("nan"),
        low=own.low if own else float("nan"),
        high=own.high if own else float("nan"),
        cases=tuple(dict.fromkeys(case_title(change) for change in reds(changes))),
        clearest=in_words(reds(changes)),
        promised=kept_promise(scored),
        proposed=tuple(failed),
        naive=naive(accuracies[0], accuracies[1], sound.scores, scored.scores),
    )


def case_title(change: Change) -> str:
    """Name a case in a word or two."""
    if change.outcome == "incomparable":
        return "incomparable"
    at = (
        " at FAR"
        if change.name == "tar_at_far"
        else " at the approved threshold"
        if change.conditions.reference
        else ""
    )
    return change.name.replace("tar_at_far", "TAR").replace("_", " ") + at


def naive(before: Measurement, after: Measurement, old: Scores, new: Scores) -> tuple[bool, bool, bool]:
    """Return whether each rule that people use is red."""
    distances = [-float(s.similarity[s.genuine & s.made].mean()) for s in (old, new)]
    return (
        after.value < before.value - 0.005,
        not before.low <= after.value <= before.high,
        abs(distances[1] - distances[0]) > 0.05 * abs(distances[0]),
    )


def with_scores(scored: ScoredPairs, similarity: np.ndarray, thresholds: np.ndarray | None = None) -> ScoredPairs:
    """Return the same pairs with other similarities."""
    return dataclasses.replace(
        scored,
        scores=Scores(similarity, scored.scores.who),
        thresholds=scored.thresholds if thresholds is None else thresholds,
    )


def harmless(first: ScoredPairs, second: ScoredPairs) -> Iterator[tuple[str, ScoredPairs, ScoredPairs]]:
    """Yield before and after of re-runs in which nothing became worse.

    Numeric noise; two sound models of different errors, exchanged at random for each person: neither is better, while
    pairs change sides as they do between two versions; and the same among people who were drawn with replacement.
    """
    generator = np.random.default_rng(11)
    for _ in range(NUMERIC):
        noise = NOISE * generator.standard_normal(len(first.scores))
        yield "numeric", first, with_scores(first, first.scores.similarity + noise)
    for _ in range(EXCHANGED):
        yield "exchanged", *exchanged(first, second, generator)
    for _ in range(RESAMPLED):
        rows, who = resampled(first.scores.who, generator)
        yield "resampled", *exchanged(taken(first, rows, who), taken(second, rows, who), generator)


def exchanged(
    first: ScoredPairs, second: ScoredPairs, generator: np.random.Generator
) -> tuple[ScoredPairs, ScoredPairs]:
    """Exchange two models' answers for each person with the chance of a coin."""
    people, sides = np.unique(first.scores.who, return_inverse=True)
    coin = generator.random(len(people)) < 0.5  # noqa: PLR2004 - a coin a person
    swap = coin[sides.reshape(first.scores.who.shape)[:, 0]]
    a, b = first.scores.similarity, second.scores.similarity
    s, t = first.thresholds, second.thresholds
    return (
        with_scores(first, np.where(swap, b, a), np.where(swap, t, s)),
        with_scores(first, np.where(swap, a, b), np.where(swap, s, t)),
    )


def resampled(who: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw people with replacement: rows of the pairs that they make, and the identities ``(m, 2)`` of these.

    A person who is drawn twice is two people: their genuine pairs come twice, the pairs with another person as often
    as the two numbers of draws multiply to.
    """
    people, sides = np.unique(who, return_inverse=True)
    sides = sides.reshape(who.shape)
    drawn = np.bincount(generator.integers(len(people), size=len(people)), minlength=len(people))
    times = drawn[sides]
    genuine = sides[:, 0] == sides[:, 1]
    copies = np.where(genuine, times[:, 0], times[:, 0] * times[:, 1])
    rows = np.repeat(np.arange(len(who)), copies)
    number = np.arange(len(rows)) - np.repeat(np.cumsum(copies) - copies, copies)
    of_second = np.maximum(times[rows, 1], 1)
    first, second = number // of_second, number % of_second
    first = np.where(genuine[rows], number, first)
    second = np.where(genuine[rows], number, second)
    most = int(drawn.max()) + 1
    return rows, np.stack([sides[rows, 0] * most + first, sides[rows, 1] * most + second], axis=1)


def taken(scored: ScoredPairs, rows: np.ndarray, who: np.ndarray) -> ScoredPairs:
    """Return some rows of scores as pairs of other people."""
    return dataclasses.replace(
        scored,
        scores=Scores(scored.scores.similarity[rows], who),
        thresholds=scored.thresholds[rows],
        yaw_difference_rad=scored.yaw_difference_rad[rows],
        names=scored.names[rows],
    )


def alarms(first: ScoredPairs, second: ScoredPairs) -> dict[str, dict[str, int]]:
    """Count the false alarms of every rule over the harmless re-runs, by kind of re-run."""
    names = ("facecheck", "facecheck, without margins", *NAIVE)
    counts = {name: {"numeric": 0, "exchanged": 0, "resampled": 0} for name in names}
    none = Margins(
        tuple(Margin(name=name, tolerate=0.0, why="none") for name in MARGINS if name != "negative_flip_rate")
    )
    for kind, before, after in harmless(first, second):
        red = bool(reds(compare_scores([before], [after])))
        bare = bool(reds([c for c in compare_scores([before], [after], margins=none) if not c.is_of_flips]))
        accuracies = [next(m for m in measurements(each) if m.name == "accuracy") for each in (before, after)]
        rules = naive(accuracies[0], accuracies[1], before.scores, after.scores)
        for name, hit in zip(names, (red, bare, *rules), strict=True):
            counts[name][kind] += hit
    return counts


def alarms_at_margin(sound: ScoredPairs) -> int:
    """Count how often a true loss of exactly the accuracy's margin is called worse: the size of the test."""
    generator = np.random.default_rng(14)
    return sum(
        bool(reds(compare_scores([sound], [broken(sound, MARGINS["accuracy"], generator, of_people=False)])))
        for _ in range(AT_MARGIN)
    )


def power(sound: ScoredPairs, *, of_people: bool) -> list[tuple[float, float]]:
    """Return losses of accuracy and the shares of runs that are red, for pairs or people broken at random."""
    generator = np.random.default_rng(12)
    found = []
    for loss in LOSSES:
        hits = sum(
            bool(reds(compare_scores([sound], [broken(sound, loss, generator, of_people=of_people)])))
            for _ in range(REPEATS)
        )
        found.append((loss, hits / REPEATS))
        if hits == REPEATS:
            break
    return found


def broken(sound: ScoredPairs, loss: float, generator: np.random.Generator, *, of_people: bool) -> ScoredPairs:
    """Mirror similarities at the threshold, so that a version is worse by this loss on average.

    Each correct pair changes sides with one chance; or each person does, with all their correct genuine pairs.
    """
    who, genuine = sound.scores.who, sound.scores.genuine
    exposed = sound.scores.matched(sound.thresholds) == genuine
    if of_people:
        exposed &= genuine
        people, sides = np.unique(who, return_inverse=True)
        chance = loss / exposed.mean()
        changed = exposed & (generator.random(len(people)) < chance)[sides.reshape(who.shape)[:, 0]]
    else:
        changed = exposed & (generator.random(len(who)) < loss / exposed.mean())
    apart = np.abs(sound.scores.similarity - sound.thresholds) + 1e-6
    mirrored = np.where(genuine, sound.thresholds - apart, sound.thresholds + apart)
    return with_scores(sound, np.where(changed, mirrored, sound.scores.similarity))


def at_80(curve: Sequence[tuple[float, float]]) -> float:
    """Return the smallest loss that is caught with 80 % power, between the losses that were tried."""
    for (below, weak), (above, strong) in zip([(0.0, 0.0), *curve], curve, strict=False):
        if strong >= 0.8:  # noqa: PLR2004 - the power that is asked for
            return below + (0.8 - weak) / (strong - weak) * (above - below)
    return float("nan")


def judge(work: Path, sets: Sequence[str]) -> None:
    """Print the tables and draw the graph."""
    rows: dict[str, list[Judged]] = {}
    curves: dict[str, list[PowerCurve]] = {}
    for name in sets:
        sound = scores_of(work, name, "sound")
        if sound is None:
            continue
        print(f"\n### {TITLES[name]}: {len(sound.scores)} pairs of {len(np.unique(sound.scores.who))} people\n")
        rows[name] = list(_table(work, name, sound))
        _tell_missed(rows[name])
        _tell_alarms(work, name, sound)
        curves[name] = _tell_power(sound)
    draw(rows, curves, ROOT / "docs" / "images" / "gate-power.png")


def _table(work: Path, name: str, sound: ScoredPairs) -> Iterator[Judged]:
    """Print a row for each fault, and yield what it says."""
    head = ("fault", "accuracy", "gain of the accuracy, points", "red by the baseline", "red by evals/limits.toml")
    print(f"| {' | '.join((*head, 'red by proposed limits', *NAIVE))} |")
    print("|---" * (len(head) + 1 + len(NAIVE)) + "|")
    for fault, words in WORDS.items():
        scored = _shuffled(sound) if fault == "labels" else scores_of(work, name, fault)
        if scored is not None:
            one = judged(fault, sound, scored)
            print(_row(words, one), flush=True)
            yield one


def _tell_missed(rows: Sequence[Judged]) -> None:
    costly = [one for one in rows if one.accuracy <= rows[0].accuracy - A_POINT]
    missed = [one.fault for one in costly if not one.caught]
    print(f"\nFaults that cost a whole point: {len(costly)}, missed by the baseline: {', '.join(missed) or 'none'}.")


def _tell_alarms(work: Path, name: str, sound: ScoredPairs) -> None:
    other = scores_of(work, name, "checkpoint")
    if other is not None:
        total = NUMERIC + EXCHANGED + RESAMPLED
        print(f"\nFalse alarms over {total} harmless re-runs:\n")
        for rule, counts in alarms(sound, other).items():
            kinds = ", ".join(f"{kind} {hits}" for kind, hits in counts.items())
            print(f"- {rule}: {_rate(sum(counts.values()), total)}; {kinds}", flush=True)
    for rerun, (batch, workers, threads) in RERUNS.items():
        again = scores_of(work, name, rerun)
        if again is not None:
            made = sound.scores.made & again.scores.made
            apart = np.abs(again.scores.similarity - sound.scores.similarity)[made].max()
            red = ", ".join(map(case_title, reds(compare_scores([sound], [again])))) or "none"
            what = f"really run, batches of {batch}, {workers} at once, {threads} threads"
            print(f"- {what}: largest difference of a similarity {apart:.1e}, red: {red}")
    print(f"- at the margin, a true loss of .2 points: red {_rate(alarms_at_margin(sound), AT_MARGIN)}", flush=True)


def _tell_power(sound: ScoredPairs) -> list[PowerCurve]:
    """Print the power curves of pairs and of people that are broken, and return them."""
    curves = [power(sound, of_people=of_people) for of_people in (False, True)]
    for what, curve in zip(("pairs", "people"), curves, strict=True):
        shown = ", ".join(f"{100 * loss:.2f} points {hit:.0%}" for loss, hit in curve)
        print(f"\nPower, {what} broken at random: {shown}. 80 % at {100 * at_80(curve):.2f} points.", flush=True)
    return curves


def _shuffled(sound: ScoredPairs) -> ScoredPairs:
    """Shuffle the labels of a tenth of the pairs: the digest of the pairs changes with them."""
    generator = np.random.default_rng(13)
    who = sound.scores.who.copy()
    fold = np.arange(len(who)) % 10 == 0
    rows = np.flatnonzero(fold)
    who[rows] = who[generator.permutation(rows)]
    return dataclasses.replace(sound, scores=Scores(sound.scores.similarity, who), digest="labels")


def _row(words: str, one: Judged) -> str:
    gain = "" if np.isnan(one.gain) else f"{100 * one.gain:+.2f} [{100 * one.low:+.2f}, {100 * one.high:+.2f}]"
    promised = {None: "no promise", True: "-", False: "accuracy"}[one.promised]
    marks = ["red" if hit else "-" for hit in one.naive]
    cells = (words, f"{one.accuracy:.4f}", gain, one.clearest, promised, ", ".join(one.proposed) or "-", *marks)
    return f"| {' | '.join(cells)} |"


def _rate(hits: int, total: int) -> str:
    low = float(beta.ppf(0.025, hits, total - hits + 1)) if hits else 0.0
    high = float(beta.ppf(0.975, hits + 1, total - hits)) if hits < total else 1.0
    return f"{hits} of {total} ({hits / total:.1%} [{low:.1%}, {high:.1%}])"


def draw(rows: dict[str, list[Judged]], curves: dict[str, list[PowerCurve]], path: Path) -> None:
    """Draw what each fault costs and whether it is caught, and the power over the size of a loss."""
    figure = Figure(figsize=(4.2 * len(rows) + 4.4, 8.2), layout="constrained")
    panels = figure.subplots(1, len(rows) + 1, gridspec_kw={"width_ratios": [1.0] * len(rows) + [1.15]})
    order = [fault for fault in WORDS if fault != "sound"][::-1]
    for number, (axes, (name, found)) in enumerate(zip(panels, rows.items(), strict=False)):
        for one in found:
            if one.fault == "sound":
                continue
            loss = 100 * (found[0].accuracy - one.accuracy)
            y = order.index(one.fault)
            axes.plot([0, loss], [y, y], color="#CCCCCC", linewidth=1.0, zorder=1)
            axes.scatter(
                loss, y, s=46, zorder=3, linewidths=1.6,
                facecolor="#0072B2" if one.caught else "white", edgecolor="#0072B2" if one.caught else "#999999",
            )  # fmt: skip
            if one.proposed:
                axes.scatter(loss, y, s=130, zorder=2, facecolor="none", edgecolor="#D55E00", linewidths=1.2)
        axes.axvline(0, color="#666666", linewidth=0.8)
        axes.set_xscale("symlog", linthresh=1.0)
        axes.set_xlim(-1.3, 60)
        axes.set_xticks([-1, 0, 0.5, 1, 3, 10, 30], ["-1", "0", ".5", "1", "3", "10", "30"])
        axes.set_yticks(range(len(order)), [WORDS[fault] for fault in order] if not number else [""] * len(order))
        axes.set_ylim(-0.7, len(order) - 0.3)
        axes.set_title(TITLES[name], fontsize=11, loc="left")
        axes.set_xlabel("loss of accuracy, points")
        axes.grid(alpha=0.25, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    axes = panels[-1]
    for colour, (name, both) in zip(("#009E73", "#E69F00", "#0072B2"), curves.items(), strict=False):
        for what, curve, line in zip(("pairs", "people"), both, ("-", "--"), strict=True):
            x, y = 100 * np.array([(0.0, 0.0), *curve]).T
            axes.plot(x, y, line, marker="o", markersize=4, color=colour, label=f"{TITLES[name]}, {what}")
    axes.axhline(80, color="#666666", linewidth=0.8, linestyle=":")
    axes.set(xlabel="true loss of accuracy, points", ylabel="runs that are red, %", ylim=(-2, 102))
    axes.set_title("power: pairs or people broken at random", fontsize=11, loc="left")
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    told = "filled: red by the baseline; orange ring: red by limits proposed from the sound run; empty: neither"
    figure.suptitle(told, fontsize=10)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=100)
    print(f"\ndrawn: {path}")


def main() -> None:
    """Run one of the two commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_subparsers(required=True, dest="what")
    measuring, judging = (what.add_parser(name) for name in ("measure", "judge"))
    for each in (measuring, judging):
        each.add_argument("work", type=Path, help="folder of the scores, outside of the repository")
        each.add_argument("--sets", default=",".join(SETS), help="faces,view-1,view-2")
    measuring.add_argument("--lfw", type=Path, help="folder with lfw/ and lfw_protocol/")
    options = parser.parse_args()
    if options.what == "measure":
        measure(options.work, options.lfw, options.sets.split(","))
    else:
        judge(options.work, options.sets.split(","))


if __name__ == "__main__":
    main()
