"""The tables of ``docs/findings.md``, from runs of the suite on LFW.

uv run pytest evals/ -m studies --facecheck-models A,B --facecheck-datasets "lfw:LFW?pairs=pairsDevTest.txt"
uv run python benchmarks/findings.py sweeps reports/latest
uv run python benchmarks/findings.py artefacts reports/latest
uv run pytest evals/test_verification.py --facecheck-models A,B --facecheck-datasets "lfw:LFW?pairs=pairs.txt"
uv run python benchmarks/findings.py verification reports/latest
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from facecheck.corruptions import CORRUPTIONS
from facecheck.metrics import best_threshold
from facecheck.results.conditions import ANY, COMPLETED, DEPLOYED, NON_MATCH, RETUNED, Conditions
from facecheck.results.measurement import Measurement
from facecheck.results.run import Run
from facecheck.results.scored_pairs import load_scores


def _rate(value: float) -> str:
    if value >= 10:  # noqa: PLR2004 - milliseconds
        return f"{value:.0f}"
    return f"{value:.3f}".lstrip("0") if value != 1 else "1"


def _table(head: list[str], rows: Iterable[list[str]]) -> None:
    print("| " + " | ".join(head) + " |")
    print("|---" * len(head) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def sweeps(run: Run) -> None:
    """Print accuracy at the clean threshold, the re-tuned one in brackets, and the share of faces found."""
    found = [m for m in run.measurements if m.conditions.is_swept]
    models = list(dict.fromkeys(m.model for m in found))
    wanted: tuple[tuple[str, str, tuple[Conditions, ...]], ...] = (
        ("accuracy at the clean threshold (re-tuned)", "accuracy", (DEPLOYED, RETUNED)),
        ("detection rate", "detection_rate", (ANY,)),
    )
    for title, name, views in wanted:
        print(f"### {title}\n")
        rows = []
        for corruption, level in dict.fromkeys(
            (str(m.conditions.corruption), m.conditions.level or 0.0) for m in found
        ):
            if level or corruption == "blur":
                cells = [_cell(found, (model, corruption, float(level)), name, views) for model in models]
                rows.append([corruption if level else "clean", f"{level:g}" if level else "", *cells])
        _table(["corruption", "level", *models], rows)
    print("### levels before distances collapse\n")
    survived = [m for m in run.measurements if m.name == "levels_before_collapse"]
    names = list(dict.fromkeys(str(m.conditions.corruption) for m in survived))
    value = {(str(m.conditions.corruption), m.model): m.value for m in survived}
    _table(
        ["corruption", "levels", *models],
        (
            [name, str(len(CORRUPTIONS[name].levels) - 1), *(_number(value.get((name, model))) for model in models)]
            for name in names
        ),
    )
    print("### blur, as the studies reported it: at the clean threshold, failures as non-matches\n")
    _table(
        ["model", "px", *(title for title, _, _ in STUDIED)],
        (
            [model, f"{level:g}", *(_cell(found, (model, "blur", level), name, (view,)) for _, name, view in STUDIED)]
            for model in models
            for level in CORRUPTIONS["blur"].levels
        ),
    )


Place = tuple[str, str, float]
STUDIED: tuple[tuple[str, str, Conditions], ...] = (
    ("accuracy", "accuracy", DEPLOYED),
    ("precision", "precision", DEPLOYED),
    ("recall", "recall", DEPLOYED),
    ("F1", "f1", DEPLOYED),
    ("EER", "eer", NON_MATCH),
    ("d'", "dprime", ANY),
    ("genuine distance", "genuine_distance_mean", ANY),
    ("impostor distance", "impostor_distance_mean", ANY),
    ("found", "detection_rate", ANY),
    ("ms per picture", "time_per_image_ms", ANY),
)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def _cell(found: list[Measurement], place: Place, name: str, views: tuple[Conditions, ...]) -> str:
    """Return one metric of a model under a corruption at a level: in the first view, in brackets in the second."""
    model, corruption, level = place
    values = []
    for view in views:
        where = Conditions(corruption=corruption, level=level) | view
        same = (m for m in found if (m.model, m.name) == (model, name) and m.conditions.matches(where))
        values.append(next((_rate(m.value) for m in same), "-"))
    return values[0] + "".join(f" ({value})" for value in values[1:])


def verification(run: Run) -> None:
    """Print the metrics usually reported on LFW view 2, with both ways to count failures."""
    models = list(dict.fromkeys(m.model for m in run.measurements))

    def value(model: str, name: str, at: Conditions = ANY) -> Measurement | None:
        same = (
            m
            for m in run.measurements
            if (m.model, m.name) == (model, name) and m.conditions.matches(at) and m.conditions.fold is None
        )
        return next(same, None)

    rows = []
    for model in models:
        accuracy, error = value(model, "accuracy", DEPLOYED), value(model, "accuracy_standard_error", DEPLOYED)
        completed = value(model, "accuracy", DEPLOYED | COMPLETED)
        rest = [value(model, "eer", NON_MATCH), value(model, "tar_at_far", NON_MATCH | Conditions(far=0.001))]
        fta = value(model, "fta")
        assert accuracy is not None
        assert error is not None
        assert completed is not None
        assert fta is not None
        interval = f"[{accuracy.low:.4f}, {accuracy.high:.4f}]"
        others = [f"{m.value:.4f}" if m is not None else "-" for m in rest]
        failed = f"{round(fta.value * fta.n)}"
        rows.append(
            [model, f"{accuracy.value:.4f} ± {error.value:.4f} {interval}", f"{completed.value:.4f}", *others, failed]
        )
    _table(["model", "accuracy ± S_E [95 %]", "completed pairs", "EER", "TAR at FAR .1 %", "no face"], rows)


def artefacts(run: Path) -> None:
    """Print how two choices of the second study change the result: tuning on the test pairs, and coin flips."""
    rows = []
    for each in load_scores(run):
        if each.condition in SHOWN:
            scores = each.scores
            deployed = float((scores.matched(each.thresholds) == scores.genuine).mean())
            tuned = float((scores.matched(best_threshold(scores)) == scores.genuine).mean())
            made = scores.completed()
            best = float((made.matched(best_threshold(made)) == made.genuine).mean()) if len(made) else 0.5
            share = len(made) / len(scores)
            flipped = share * best + (1 - share) / 2
            cells = (_rate(value) for value in (1 - share, deployed, tuned, flipped, best))
            rows.append((list(SHOWN).index(each.condition), [each.condition, each.model, *cells]))
    head = ["condition", "model", "pairs without a face", "retuned on other people", "tuned on the pairs judged"]
    _table([*head, "and coins flipped", "failed pairs dropped"], [row for _, row in sorted(rows)])


SHOWN = ("clean", "blur:3", "blur:5", "resolution:64", "square:10", "square:20")


def main() -> None:
    """Print the requested tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["sweeps", "verification", "artefacts"])
    parser.add_argument("run", type=Path, help="folder of the run")
    options = parser.parse_args()
    if options.what == "artefacts":
        artefacts(options.run)
    else:
        {"sweeps": sweeps, "verification": verification}[options.what](Run.read(options.run))


if __name__ == "__main__":
    main()
