"""What a run leaves can be read again, and what is no run's is refused by name."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from facecheck.errors import FacecheckError
from facecheck.faces import Face, ImageSource, Pairs
from facecheck.metrics.scores import Scores
from facecheck.results.catalogue import METRICS
from facecheck.results.run import Measurement, Record
from facecheck.results.scored_pairs import ScoredPairs, load_scores, save_scores

EER = Measurement(
    eval="verification",
    name="eer",
    value=0.1 + 0.2,
    low=0.25,
    high=1 / 3,
    n=6000,
    model="dlib",
    dataset="lfw",
    conditions={"corruption": "blur", "level": 3},
)
RECORD = Record(
    signature={"machine": "pc", "models": {"dlib": "0123"}},
    measurements=[EER],
    verdicts=[{"eval": "verification", "case": "dlib-lfw", "outcome": "passed", "reason": "Zoë's promise"}],
    failures={"dlib on lfw, clean": ["a/1.jpg"]},
    judged=(EER,),
    notes=("dlib on lfw: distances collapse under fog",),
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


# results.json


def test_a_record_comes_back(tmp_path: Path) -> None:
    """Every value to the last bit, and the path is told."""
    path = RECORD.write(tmp_path)
    assert path == tmp_path / "results.json"
    assert Record.read(tmp_path) == RECORD


def test_a_measurement_carries_its_unit_and_direction(tmp_path: Path) -> None:
    """Readers of the file need no table of metrics."""
    (entry,) = json.loads(RECORD.write(tmp_path).read_text(encoding="utf-8"))["measurements"]
    assert (entry["unit"], entry["better"]) == ("fraction", "lower")
    assert Measurement.of_json(entry) == EER


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
    bad = Record(signature={"x": value}, measurements=[], verdicts=[], failures={})
    with pytest.raises(ValueError, match="Out of range float values are not JSON compliant"):
        bad.write(tmp_path)
    assert (tmp_path / "results.json").read_bytes() == before


def test_a_record_without_failures_is_read(tmp_path: Path) -> None:
    """They were added later than the rest."""
    content = json.loads(RECORD.write(tmp_path).read_text(encoding="utf-8"))
    del content["failures"]
    (tmp_path / "results.json").write_text(json.dumps(content), encoding="utf-8")
    assert Record.read(tmp_path).failures == {}


def test_a_folder_without_results_is_an_error(tmp_path: Path) -> None:
    """The message names the file that was looked for."""
    with pytest.raises(FacecheckError, match=r"results\.json: not the results of a facecheck run: .*No such file"):
        Record.read(tmp_path)


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
        Record.read(tmp_path)


# scores/*.npz


def test_scores_come_back(tmp_path: Path) -> None:
    """Similarities to the last bit with their failures, who is who, thresholds, yaw and the images' names."""
    path = save_scores(tmp_path, scored(), PAIRS)
    (found,) = load_scores(tmp_path)

    assert path.parent == tmp_path / "scores"
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
    paths = {save_scores(tmp_path, scored(**title), PAIRS) for title in titles}

    assert len(paths) == len(titles)
    assert {path.parent for path in paths} == {tmp_path / "scores"}
    assert all(path.name.isascii() and len(path.name) < 128 for path in paths)
    assert sorted(s.model for s in load_scores(tmp_path)) == sorted(scored(**title).model for title in titles)


def test_the_kind_is_part_of_the_title(tmp_path: Path) -> None:
    """It stands in the file, under its own name."""
    with np.load(save_scores(tmp_path, scored(kind="strips"), PAIRS)) as arrays:
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
    path = save_scores(folder, scored(), PAIRS)
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
    save_scores(tmp_path, scored(), PAIRS).write_bytes(pickle.dumps(Trap(sprung)))
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
    path = save_scores(tmp_path, scored(), PAIRS)
    path.write_bytes(path.read_bytes()[kept])
    with pytest.raises(FacecheckError, match="not scores of a facecheck run"):
        list(load_scores(tmp_path))


def test_an_array_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    """An .npy under the name of an .npz holds one array only."""
    path = save_scores(tmp_path, scored(), PAIRS)
    with path.open("wb") as stream:
        np.save(stream, np.zeros(3))
    with pytest.raises(FacecheckError, match="not scores of a facecheck run"):
        list(load_scores(tmp_path))
