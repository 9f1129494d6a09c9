"""What a run leaves can be read again, and what is no run's is refused by name."""

import dataclasses
import errno
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from facecheck.corruptions import Applied
from facecheck.errors import FacecheckError
from facecheck.faces import Face, ImageSource, Pairs
from facecheck.metrics.scores import Scores
from facecheck.results.catalogue import METRICS
from facecheck.results.conditions import Conditions
from facecheck.results.measurement import Measurement
from facecheck.results.run import FailedImage, Failures, Run
from facecheck.results.scored_pairs import ScoredPairs, hashes_of_scores, load_scores, save_scores
from facecheck.results.signature import Code, DatasetSignature, Machine, ModelSignature, Repository, Signature
from facecheck.results.verdict import Judgement, Limit, Verdict

EER = Measurement(
    eval="verification",
    name="eer",
    value=0.1 + 0.2,
    low=0.25,
    high=1 / 3,
    n=6000,
    model="dlib",
    dataset="lfw",
    conditions=Conditions(corruption="blur", level=3),
    scores=("dlib__lfw__blur-3__0123",),
)
LIMIT = Limit(
    eval="verification", name="eer", bound=0.4, upper=True, why="Zoë's promise", model="dlib",
    where=Conditions(corruption="blur"),
)  # fmt: skip
JUDGEMENT = Judgement(measurement=EER, outcome="passed", reason="kept", limit=LIMIT, margin=0.1)
RECORD = Run(
    id="20261126T114636Z-0a1b2c3d",
    started="2026-11-26T11:46:36+00:00",
    duration_s=12.5,
    signature=Signature(
        models=(ModelSignature(name="dlib", spec="dlib", contract={"threshold": 0.6}, fingerprint="0123"),),
        datasets=(DatasetSignature(name="lfw", spec="lfw:/x?pairs=p.txt", comparisons=6000, notes=("7 left over",)),),
        code=Code(facecheck="0.1.0", sources="ab", repository=Repository(commit="89ba0fb", dirty=True)),
        libraries={"torch": "2.15.0"},
        machine=Machine(device="cpu", cores=2),
    ),
    measurements=(dataclasses.replace(EER, name="auc"), EER),
    verdicts=(
        dataclasses.replace(Verdict.of([JUDGEMENT]), eval="verification", case="dlib-lfw"),
        Verdict(outcome="skipped", reason="no folds", eval="pose", case="dlib-strips"),
    ),
    failures=(
        Failures(
            model="dlib",
            dataset="lfw",
            corrupted="clean",
            images=(FailedImage(name="a/1.jpg"), FailedImage(name="b.jpg", reason="b.jpg: cut off")),
        ),
    ),
    notes=("dlib on lfw: distances collapse under fog",),
    questions={"verification": "Are images of one person distinguished?"},
    scores={"dlib__lfw__blur-3__0123": "ff"},
)
PAIRS = Pairs(
    tuple(
        Face(source=ImageSource(Path(f"/x/{name}"), name), subject=name[0])
        for name in ("ann/1.jpg", "ann/2.jpg", "bob/1.jpg")
    ),
    np.array([[0, 1], [2, 0]], dtype=np.int64),
)


def scored(**changes: str) -> ScoredPairs:
    """Return the scores of two pairs, the second of which failed."""
    title = {"model": "dlib", "dataset": "faces", "kind": "lfw", "digest": "abc", "condition": "blur=2", **changes}
    return ScoredPairs(
        **title,
        scores=Scores(np.array([-0.1 - 0.2, -np.inf]), PAIRS.who),
        thresholds=np.array([-0.6, -0.55]),
        yaw_difference_rad=np.array([0.4, np.nan]),
        names=np.empty((0, 2), dtype=np.str_),
    )


def saved(folder: Path, **changes: str) -> Path:
    """Save these scores and return the file."""
    return folder / "scores" / f"{save_scores(folder, scored(**changes), PAIRS)}.npz"


# results.json


def test_a_record_comes_back(tmp_path: Path) -> None:
    """Every value to the last bit, and the path is told."""
    path = RECORD.write(tmp_path)
    assert path == tmp_path / "results.json"
    assert Run.read(tmp_path) == RECORD
    assert RECORD.judged == (EER,)


def test_a_judgement_names_its_measurement_by_its_position(tmp_path: Path) -> None:
    """The number stands once in the file, with unit and direction; the limit and the margin stand in the verdict."""
    content = json.loads(RECORD.write(tmp_path).read_text(encoding="utf-8"))
    (judgement,) = content["verdicts"][0]["judgements"]

    assert content["schema"] == 2
    assert judgement["measurement"] == 1
    assert (judgement["limit"]["bound"], judgement["margin"]) == (0.4, 0.1)
    assert judgement["limit"]["where"] == {"corruption": "blur"}


def test_results_of_a_newer_facecheck_are_refused(tmp_path: Path) -> None:
    """The message says which schemas this one reads, and what to do."""
    (tmp_path / "results.json").write_text('{"schema": 3}', encoding="utf-8")

    with pytest.raises(FacecheckError, match=r"results\.json: written by a newer facecheck \(schema 3; .*upgrade"):
        Run.read(tmp_path)


def test_results_of_schema_1_are_read(tmp_path: Path) -> None:
    """Signature, failures and scores take today's form; what was judged is known, not by which verdict."""
    title = {"model": "dlib", "dataset": "lfw", "kind": "lfw", "digest": "abc", "condition": "blur:3"}
    name = save_scores(tmp_path, scored(**title), PAIRS)
    clean = save_scores(tmp_path, scored(**(title | {"condition": "clean"})), PAIRS)
    about = {"eval": "blur", "value": 0.9, "low": 0.8, "high": 1.0, "n": 9, "model": "dlib", "dataset": "lfw"}
    at = {"corruption": "blur", "level": 3.0, "severity": 3}
    accuracy = about | {"name": "accuracy", "conditions": at | {"threshold": "clean", "failures": "non-match"}}
    old = {
        "signature": {
            "facecheck": "0.1.0",
            "code": "ab",
            "libraries": {"torch": "2.15.0"},
            "machine": {"device": "cpu", "cuda": None},
            "models": {"dlib": {"detector": "hog", "contract": {"l2": False}, "device": "cpu"}},
            "datasets": {"lfw": {"spec": "lfw:/x", "comparisons": 9, "notes": ["n"], "sampled": False}},
        },
        "measurements": [accuracy, about | {"name": "fta", "conditions": at}],
        "verdicts": [{"eval": "blur", "case": "c", "outcome": "passed", "reason": "r"}],
        "failures": {"dlib on lfw, blur:3": ["a.jpg", "b.jpg: cut off"]},
        "judged": [accuracy],
    }
    (tmp_path / "results.json").write_text(json.dumps(old), encoding="utf-8")
    run = Run.read(tmp_path)
    (failed,) = run.failures

    assert [m.scores for m in run.measurements] == [(name, clean), ()]
    assert run.judged == run.measurements[:1]
    assert run.signature.model("dlib") == ModelSignature(
        name="dlib", detector="hog", contract={"l2": False}, device="cpu"
    )
    assert run.signature.dataset("lfw") == DatasetSignature(name="lfw", spec="lfw:/x", comparisons=9, notes=("n",))
    assert (run.signature.code.sources, run.signature.machine.device) == ("ab", "cpu")
    assert (failed.model, failed.dataset, failed.corrupted) == ("dlib", "lfw", "blur:3")
    assert [(image.name, image.reason) for image in failed.images] == [("a.jpg", ""), ("b.jpg", "b.jpg: cut off")]
    run.write(tmp_path)
    assert Run.read(tmp_path) == run


@pytest.mark.parametrize("text", ["blur:2.1234567", "blur:0.30000000000000004", "blur:2.1234567+jpeg:30"])
def test_scores_of_schema_1_are_found_by_the_whole_level(tmp_path: Path, text: str) -> None:
    """Its measurements do not name their scores: they are found by the corruption, not by one that is rounded alike."""
    applied = Applied.parse(text)
    title = {"model": "dlib", "dataset": "lfw"}
    saved(tmp_path, **title, condition="blur:2.12346")
    name = saved(tmp_path, **title, condition=applied.identity).stem
    at = {"corruption": text if applied.parts else "blur", "level": applied.level, "severity": 1}
    about = {"eval": "blur", "name": "accuracy", "value": 0.9, "low": 0.8, "high": 1.0, "n": 9, **title}
    old = {"signature": {}, "measurements": [{**about, "conditions": at | {"threshold": "retuned"}}], "verdicts": []}
    (tmp_path / "results.json").write_text(json.dumps(old), encoding="utf-8")

    assert [m.scores for m in Run.read(tmp_path).measurements] == [(name,)]


@pytest.mark.parametrize("schema", [1, 2])
@pytest.mark.parametrize("damage", [{"level": "three"}, {"levle": 3.0}, {"threshold": "cleen"}])
def test_conditions_that_none_can_have_are_refused_by_the_file(
    tmp_path: Path, damage: dict[str, object], schema: int
) -> None:
    """Of a run that somebody edited by hand, the message names the file: a name is not left out in silence."""
    content = json.loads(RECORD.write(tmp_path).read_text(encoding="utf-8"))
    if schema == 1:
        content = {"signature": {}, "measurements": content["measurements"], "verdicts": []}
    content["measurements"][0]["conditions"] |= damage
    (tmp_path / "results.json").write_text(json.dumps(content), encoding="utf-8")

    with pytest.raises(FacecheckError, match=r"results\.json: not the results of a facecheck run: .*le"):
        Run.read(tmp_path)


@pytest.mark.parametrize("position", [2, -1, "EER", None])
def test_a_judgement_of_no_measurement_is_refused(tmp_path: Path, position: object) -> None:
    """A position beyond the list, or none, damages the whole."""
    content = json.loads(RECORD.write(tmp_path).read_text(encoding="utf-8"))
    content["verdicts"][0]["judgements"][0]["measurement"] = position
    (tmp_path / "results.json").write_text(json.dumps(content), encoding="utf-8")

    with pytest.raises(FacecheckError, match=r"results\.json: not the results of a facecheck run: "):
        Run.read(tmp_path)


def test_a_measurement_carries_its_unit_and_direction(tmp_path: Path) -> None:
    """Readers of the file need no table of metrics."""
    _, entry = json.loads(RECORD.write(tmp_path).read_text(encoding="utf-8"))["measurements"]
    assert (entry["unit"], entry["better"]) == ("fraction", "lower")


@pytest.mark.parametrize("name", sorted(METRICS))
def test_every_metric_says_which_way_is_better(name: str) -> None:
    """Each name in the results has a unit, a direction and a title."""
    metric = METRICS[name]
    assert metric.better in {"higher", "lower", "neither"}
    assert metric.unit
    assert metric.title


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_cannot_hold_is_refused_and_harms_nothing(tmp_path: Path, value: float) -> None:
    """NaN is no result, and the results that were there stay."""
    before = RECORD.write(tmp_path).read_bytes()
    bad = Run(measurements=(dataclasses.replace(EER, value=value),))
    with pytest.raises(ValueError, match="Out of range float values are not JSON compliant"):
        bad.write(tmp_path)
    assert (tmp_path / "results.json").read_bytes() == before


def test_a_record_without_failures_is_read(tmp_path: Path) -> None:
    """Of schema 1, where they were added later than the rest."""
    content: dict[str, object] = {"signature": {}, "measurements": [], "verdicts": []}
    (tmp_path / "results.json").write_text(json.dumps(content), encoding="utf-8")
    assert Run.read(tmp_path).failures == ()


def test_a_folder_without_results_is_an_error(tmp_path: Path) -> None:
    """The message names the file that was looked for."""
    with pytest.raises(FacecheckError, match=r"no run of facecheck: expected a folder with results\.json"):
        Run.read(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut-off"),
        pytest.param(b"\xff\xfe", id="not-text"),
        pytest.param(b"[]", id="a-list"),
        pytest.param(b"null", id="null"),
        pytest.param(b"{}", id="no-keys"),
        pytest.param(b'{"signature": {}, "measurements": []}', id="no-verdicts"),
        pytest.param(b'{"signature": {}, "measurements": 3, "verdicts": []}', id="measurements-a-number"),
        pytest.param(b'{"signature": {}, "measurements": [{"name": "eer"}], "verdicts": []}', id="fields-missing"),
        pytest.param(b'{"signature": {}, "measurements": [3], "verdicts": []}', id="a-number-for-a-measurement"),
    ],
)
def test_what_is_no_record_is_refused(tmp_path: Path, content: bytes) -> None:
    """Every way of being something else is one error that names the file."""
    (tmp_path / "results.json").write_bytes(content)
    with pytest.raises(FacecheckError, match=r"results\.json: not the results of a facecheck run: "):
        Run.read(tmp_path)


# scores/*.npz


def test_scores_come_back(tmp_path: Path) -> None:
    """Similarities to the last bit with their failures, who is who, thresholds, yaw and the images' names."""
    name = save_scores(tmp_path, scored(), PAIRS)
    (found,) = load_scores(tmp_path)

    assert found.name == name
    assert (tmp_path / "scores" / f"{name}.npz").is_file()
    assert (found.model, found.dataset, found.kind) == ("dlib", "faces", "lfw")
    assert (found.digest, found.condition) == ("abc", "blur=2")
    assert found.scores.similarity.tolist() == scored().scores.similarity.tolist()
    np.testing.assert_array_equal(found.scores.who, PAIRS.who)
    assert found.thresholds.tolist() == [-0.6, -0.55]
    np.testing.assert_array_equal(found.yaw_difference_rad, [0.4, np.nan])
    assert found.names.tolist() == [["ann/1.jpg", "ann/2.jpg"], ["bob/1.jpg", "ann/1.jpg"]]


def test_scores_are_written_the_same_twice(tmp_path: Path) -> None:
    """One comparison has one file."""
    assert save_scores(tmp_path, scored(), PAIRS) == save_scores(tmp_path, scored(), PAIRS)
    assert len(list(load_scores(tmp_path))) == 1


def test_scores_are_told_apart_by_all_of_their_title(tmp_path: Path) -> None:
    """Titles that look alike in a file's name, or only differ in the digest, do not overwrite each other."""
    titles = [
        {},
        {"digest": "abd"},
        {"kind": "strips"},
        {"model": "dl/ib"},
        {"model": "dl ib"},
        {"model": "dlib__lfw", "dataset": "x"},
        {"condition": "../../escape"},
        {"model": "m" * 300},
        {"model": "m" * 301},
        {"model": "Zoë"},
    ]
    names = {save_scores(tmp_path, scored(**title), PAIRS) for title in titles}

    assert len(names) == len(titles)
    assert {path.stem for path in (tmp_path / "scores").iterdir()} == names
    assert all(name.isascii() and len(name) < 124 for name in names)
    assert sorted(s.model for s in load_scores(tmp_path)) == sorted(scored(**title).model for title in titles)


def test_the_kind_is_part_of_the_title(tmp_path: Path) -> None:
    """It stands in the file, under its own name."""
    with np.load(saved(tmp_path, kind="strips")) as arrays:
        title = json.loads(str(arrays["title"]))
    assert title == {"model": "dlib", "dataset": "faces", "kind": "strips", "digest": "abc", "condition": "blur=2"}


def test_scores_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    """Not in the order in which processes wrote them."""
    for condition in ("c", "a", "b"):
        save_scores(tmp_path, scored(condition=condition), PAIRS)
    assert [each.condition for each in load_scores(tmp_path)] == ["a", "b", "c"]


def test_a_run_without_scores_has_none(tmp_path: Path) -> None:
    """An empty folder yields nothing."""
    assert list(load_scores(tmp_path)) == []


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.path,)


def rewrite(folder: Path, **changes: npt.NDArray[np.generic] | None) -> Path:
    """Save scores, then change or leave out some of the file's arrays."""
    path = saved(folder)
    with np.load(path) as arrays:
        kept = {**arrays, **changes}
    np.savez(path, **{key: array for key, array in kept.items() if array is not None})
    return path


@pytest.mark.parametrize("key", ["similarity", "title", "images"])
def test_hostile_scores_are_not_unpickled(tmp_path: Path, key: str) -> None:
    """An array of objects would run code on loading: it is refused, and the code has not run."""
    sprung = tmp_path / "sprung"
    rewrite(tmp_path, **{key: np.array([Trap(sprung)], dtype=object)})
    with pytest.raises(FacecheckError, match="not scores of a facecheck run: Object arrays cannot be loaded"):
        list(load_scores(tmp_path))
    assert not sprung.exists()


def test_a_bare_pickle_is_not_unpickled(tmp_path: Path) -> None:
    """Neither is a file that is a pickle from its first byte."""
    sprung = tmp_path / "sprung"
    saved(tmp_path).write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(FacecheckError, match="not scores of a facecheck run"):
        list(load_scores(tmp_path))
    assert not sprung.exists()


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"similarity": None}, id="an-array-missing"),
        pytest.param({"similarity": np.array([np.nan, 0.0])}, id="nan"),
        pytest.param({"similarity": np.array([0.5])}, id="lengths-differ"),
        pytest.param({"similarity": np.array(["a", "b"])}, id="text-for-numbers"),
        pytest.param({"title": np.array("{")}, id="title-cut-off"),
        pytest.param({"title": np.array("[]")}, id="title-a-list"),
        pytest.param({"title": np.array('{"model": "dlib"}')}, id="title-incomplete"),
        pytest.param(
            {"title": np.array('{"model": "dlib", "dataset": "lfw", "digest": "abc", "condition": "clean"}')},
            id="title-without-the-kind",
        ),
        pytest.param({"indices": np.array([[0, 9], [0, 1]])}, id="index-beyond-the-images"),
    ],
)
def test_scores_that_do_not_fit_are_refused(tmp_path: Path, changes: dict[str, npt.NDArray[np.generic] | None]) -> None:
    """The message names the file."""
    path = rewrite(tmp_path, **changes)
    with pytest.raises(FacecheckError, match="not scores of a facecheck run") as caught:
        list(load_scores(tmp_path))
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param(slice(0), id="empty"),
        pytest.param(slice(4), id="only-the-magic"),
        pytest.param(slice(-200), id="cut-off"),
        pytest.param(slice(10, None), id="beginning-lost"),
    ],
)
def test_a_damaged_file_of_scores_is_refused(tmp_path: Path, kept: slice) -> None:
    """A run that was killed while writing leaves such files."""
    path = saved(tmp_path)
    path.write_bytes(path.read_bytes()[kept])
    with pytest.raises(FacecheckError, match="not scores of a facecheck run"):
        list(load_scores(tmp_path))


def test_an_array_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    """An .npy under the name of an .npz holds one array only."""
    path = saved(tmp_path)
    with path.open("wb") as stream:
        np.save(stream, np.zeros(3))
    with pytest.raises(FacecheckError, match="not scores of a facecheck run"):
        list(load_scores(tmp_path))


def test_scores_that_were_changed_are_refused(tmp_path: Path) -> None:
    """The run keeps the hash of each file; a file that it does not list is none of its own and is not checked."""
    path = saved(tmp_path)
    hashes = hashes_of_scores(tmp_path)
    saved(tmp_path, model="other")
    assert len(list(load_scores(tmp_path, hashes=hashes))) == 2
    rewrite(tmp_path, thresholds=np.array([-0.7, -0.55]))

    with pytest.raises(FacecheckError, match="changed since the run wrote it") as caught:
        list(load_scores(tmp_path, hashes=hashes))
    assert str(caught.value).startswith(str(path))


def test_a_full_disk_leaves_the_old_files_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results and scores are written whole or not at all, and nothing else is left in the folder."""
    before = {path: path.read_bytes() for path in (RECORD.write(tmp_path), saved(tmp_path))}

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("facecheck.storage.files.os.fsync", full)

    with pytest.raises(OSError, match="No space left"):
        dataclasses.replace(RECORD, notes=("more",)).write(tmp_path)
    with pytest.raises(OSError, match="No space left"):
        saved(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_limit_under_unknown_conditions_is_refused(tmp_path: Path) -> None:
    """It would otherwise be read as a promise about everything."""
    content = json.loads(RECORD.write(tmp_path).read_text(encoding="utf-8"))
    content["verdicts"][0]["judgements"][0]["limit"]["where"] = {"thresholdd": "clean"}
    (tmp_path / "results.json").write_text(json.dumps(content), encoding="utf-8")

    with pytest.raises(FacecheckError, match="Did you mean threshold"):
        Run.read(tmp_path)
