"""The sweeps as their users run them: points, both thresholds, collapse, compositions, sample and whole."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from facecheck.corruptions import CORRUPTIONS, of_family
from facecheck.datasets import open_dataset
from facecheck.evaluation.degradations import chosen_levels
from tests.plugin.test_suite import people, suite

__all__ = ["people"]  # the fixture

LIMITS = """
[[limit]]
eval = "filters"
name = "accuracy"
at_least = 0.5
why = "a coin does as well"

[[limit]]
eval = "filters"
name = "fta"
at_most = 0.1
why = "a promise of the tests"

[[sweep]]
eval = "filters"
name = "accuracy"
where = { model = "colours" }
why = "colours are all it sees"
at_least.invert = { 0 = 0.9, 1 = 0.9 }
at_least.greyscale = { 1 = 1.0 }

[[limit]]
eval = "corruptions"
name = "accuracy"
at_least = 0.0
why = "a promise of the tests"

[[limit]]
eval = "corruptions"
name = "fta"
at_most = 1.0
why = "a promise of the tests"
"""


def run(*arguments: str, people: Path, folder: Path) -> tuple[str, dict[str, list[dict[str, object]]], int]:
    """Return what the terminal showed, the results and the exit status."""
    (folder / "limits.toml").write_text(LIMITS)
    done = suite(
        *arguments,
        "--facecheck-models=tests.plugin.test_suite:colours",
        f"--facecheck-datasets=folders:{people}?name=people",
        f"--facecheck-limits={folder / 'limits.toml'}",
        reports=folder / "reports",
    )
    assert (folder / "reports" / "latest").exists(), done.stdout + done.stderr
    return done.stdout, json.loads((folder / "reports/latest/results.json").read_text()), done.returncode


@pytest.fixture(scope="module")
def filtered(people: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, list[dict[str, object]]]]:
    """Colours seen through filters."""
    output, results, status = run(
        "evals/", "--facecheck-evals=filters", people=people, folder=tmp_path_factory.mktemp("filters")
    )
    assert status == pytest.ExitCode.TESTS_FAILED, output
    return output, results


def conditions(results: dict[str, list[dict[str, object]]], name: str) -> list[dict[str, object]]:
    return [m["conditions"] for m in results["measurements"] if m["name"] == name]  # type: ignore[misc]


def test_only_the_level_that_misses_its_limit_fails(
    filtered: tuple[str, dict[str, list[dict[str, object]]]],
) -> None:
    """A model of colours is lost without them, and that is said of that filter alone."""
    output, results = filtered
    failed = [str(v["case"]).partition("[")[2] for v in results["verdicts"] if v["outcome"] == "failed"]

    assert any(case.startswith("people-greyscale:1-") for case in failed), failed
    assert not [case for case in failed if "invert" in case or ":0-" in case]
    assert "promised at least 1, missed by" in output
    assert "colours are all it sees" in output


def test_every_level_is_measured_at_both_thresholds_and_in_both_views(
    filtered: tuple[str, dict[str, list[dict[str, object]]]],
) -> None:
    """Deployment and separability; failures as non-matches and left out; the place in the sweep."""
    found = conditions(filtered[1], "accuracy")
    seen = {(c["corruption"], c["level"], c["severity"], c["threshold"], c["failures"]) for c in found}
    views = [(threshold, failures) for threshold in ("clean", "retuned") for failures in ("non-match", "left out")]

    for entry in of_family("filters"):
        for severity, level in enumerate(entry.levels):
            assert {(entry.name, level, severity, *view) for view in views} <= seen
    for name in ("eer", "dprime", "detection_rate", "genuine_distance_mean", "impostor_distance_mean", "f1", "recall"):
        assert {"greyscale", "invert"} <= {str(c["corruption"]) for c in conditions(filtered[1], name)}, name


def test_the_change_of_accuracy_and_the_collapse_stand_in_the_results(
    filtered: tuple[str, dict[str, list[dict[str, object]]]],
) -> None:
    """One number a corruption, whether or not there is a limit for it."""
    survived = conditions(filtered[1], "levels_before_collapse")

    assert sorted(str(c["corruption"]) for c in survived) == sorted(e.name for e in of_family("filters"))
    assert {"corruption": "greyscale"} in conditions(filtered[1], "accuracy_change")


def measured(results: dict[str, list[dict[str, object]]]) -> list[tuple[object, ...]]:
    untimed = [m for m in results["measurements"] if m["name"] != "time_per_image_ms"]
    return sorted((str(m["name"]), str(m["conditions"]), str(m["value"])) for m in untimed)


def test_noise_is_the_same_in_every_process_and_compositions_are_judged(people: Path, tmp_path: Path) -> None:
    """One process and two workers of xdist measure the same, to the last digit."""
    chosen = "shot_noise or elastic_transform or jpeg:30 or jpeg:40 or low_light"
    arguments = ("evals/", "--facecheck-evals=corruptions", "-k", chosen)
    more = "--facecheck-corruptions=shot_noise:2+jpeg:30,shot_noise:4+jpeg:30,jpeg:30,jpeg:40"
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()

    _, alone, _ = run(*arguments, more, people=people, folder=tmp_path / "one")
    _, spread, _ = run(*arguments, more, "-n2", people=people, folder=tmp_path / "two")

    judged = {(str(c["corruption"]), c["level"], c["severity"]) for c in conditions(alone, "accuracy")}
    assert {("shot_noise:2+jpeg:30", 1, 1), ("shot_noise:4+jpeg:30", 1, 1)} <= judged
    # A level of the table is not judged twice; one between two levels goes with the milder.
    assert {place for place in judged if place[0] == "jpeg" and place[1] in (30, 40)} == {
        ("jpeg", 30, 4),
        ("jpeg", 40, 3),
    }
    assert len(measured(alone)) > 100
    assert measured(alone) == measured(spread)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_sample_goes_from_clean_to_worst(name: str) -> None:
    """Whatever is left out, the clean and the worst level are there, with their own severities."""
    entry = CORRUPTIONS[name]

    whole, sample = chosen_levels(entry, sampled=False), chosen_levels(entry, sampled=True)

    assert [level for _, level in whole] == list(entry.levels)
    assert sample[0] == whole[0]
    assert sample[-1] == whole[-1]
    assert set(sample) <= set(whole)
    assert len(sample) >= min(3, len(whole))


def collected(*arguments: str, tmp_path: Path) -> Sequence[str]:
    done = suite(
        "evals/",
        "--co",
        "-q",
        "-m",
        "robustness and not timing",
        "--facecheck-evals=blur,resolution,filters,occlusion,corruptions",
        *arguments,
        reports=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if "::" in line]


def test_the_embedded_faces_are_swept_on_a_sample_unless_all_are_asked_for(tmp_path: Path) -> None:
    """By default every corruption is there on the fixed sample; with --facecheck-full at every level on all pairs."""
    quick, whole = collected(tmp_path=tmp_path), collected("--facecheck-full", tmp_path=tmp_path)
    swept = [entry for entry in CORRUPTIONS.values() if entry.family != "studies"]  # those are run if asked for
    levels = sum(len(entry.levels) for entry in swept)

    assert all("[faces-sample" in case for case in quick)
    assert all("[faces-" in case and "[faces-sample" not in case for case in whole)
    assert sum("judged_rightly" in case for case in whole) == 2 * levels
    for entry in swept:
        assert any(f"[faces-sample-{entry.name}:" in case for case in quick), entry.name


def test_the_sample_is_a_part_of_the_embedded_protocol() -> None:
    """Its pairs are pairs of the whole, in the same folds, so that its people stay apart as well."""
    sample, whole = open_dataset("faces?part=sample"), open_dataset("faces?part=pairs")

    def named(dataset: object) -> set[tuple[object, ...]]:
        pairs = dataset.pairs  # type: ignore[attr-defined]
        names = [face.source.name for face in pairs.faces]
        return {(*sorted((names[a], names[b])), fold) for (a, b), fold in zip(pairs.indices, pairs.folds, strict=True)}

    assert len(sample.pairs) < len(whole.pairs) / 20
    assert named(sample) <= named(whole)
    assert 0.3 < sample.pairs.genuine.mean() < 0.7
