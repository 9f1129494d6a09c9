"""The report draws a whole run from what it left: which graphs, of what, in which colours, again and again."""

import dataclasses
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from matplotlib.colors import to_hex

from facecheck import plots
from facecheck.errors import FacecheckError
from facecheck.plots import style
from facecheck.report import graphs as drawing
from facecheck.report.graph import Drawn, Graph
from facecheck.report.graphs import graphs_of
from facecheck.results.conditions import Conditions
from facecheck.results.measurement import Measurement
from facecheck.results.run import Run
from facecheck.results.scored_pairs import ScoredPairs, load_scores
from tests.support.figures import across, segments, texts
from tests.support.runs import DLIB, EDGEFACE, EVERYTHING, FACENET, STUDIES, Made, Model, made_run, people

SWEPT = ("accuracy", "detection", "rates", "distances", "change", "bars")


def draw(folder: Path) -> list[Drawn]:
    """Draw a run's folder, as it is read at the end of a run."""
    run = Run.read(folder)
    clean = [each for each in load_scores(folder, hashes=run.scores) if each.condition == "clean"]
    return drawing.draw(run, clean, folder)


def graphs(run: Made, record: Run | None = None) -> dict[str, Graph]:
    """Return what the report draws of a run, without saving it."""
    clean = [each for each in run.scored if each.condition == "clean"]
    return {graph.name: graph for graph in graphs_of(record or run.run, clean)}


def only(run: Made, names: Sequence[str]) -> Run:
    """Return the record with measurements of these evals alone."""
    kept = [m for m in run.run.measurements if m.eval in names]
    return dataclasses.replace(run.run, measurements=tuple(kept))


@pytest.fixture(scope="module")
def studies() -> Made:
    """Two models under the studies' own sweeps."""
    return made_run([DLIB, FACENET], STUDIES)


@pytest.fixture(scope="module")
def drawn(studies: Made) -> dict[str, Graph]:
    """The graphs of that run."""
    return graphs(studies)


def test_every_eval_gets_its_graphs_and_no_more(drawn: dict[str, Graph]) -> None:
    """Six for each sweep, a heat map and the bars of verification; their number does not grow with corruptions."""
    names = set(drawn)

    assert {f"{eval_name} faces {graph}" for eval_name in STUDIES for graph in SWEPT} <= names
    assert {
        "corruptions faces heat map",
        "verification faces bars",
        "verification faces trade-off",
        "verification faces roc",
        "verification dlib on faces decisions",
        "timing stages",
    } <= names
    assert len(names) == 6 * len(STUDIES) + 1 + 2 + 2 + 2 * 2 + 1


def test_graphs_are_files_that_can_be_opened(tmp_path: Path) -> None:
    """PNG and SVG of each, neither blank."""
    run = made_run([DLIB, FACENET], {"filters": {"greyscale": (0, 1), "sepia": (0, 1)}})
    paths = [drawn.picture for drawn in draw(run.write(tmp_path))]

    assert len(paths) == len(set(paths)) == len(graphs(run))
    for path in paths:
        with PIL.Image.open(path) as picture:
            assert min(picture.size) > 250
            assert len(np.unique(np.asarray(picture.convert("L")))) > 10
        assert ET.parse(path.with_name(f"{path.stem}.svg")).getroot().tag.endswith("svg")  # noqa: S314 - our own file


def test_the_same_run_is_drawn_the_same_again(tmp_path: Path) -> None:
    """Byte by byte, in both forms: ``facecheck report`` changes nothing."""
    folder = made_run([DLIB], {"blur": STUDIES["blur"]}).write(tmp_path)
    first = {path.name: path.read_bytes() for path in draw(folder)[0].picture.parent.iterdir()}
    second = {path.name: path.read_bytes() for path in draw(folder)[0].picture.parent.iterdir()}

    assert first == second


def test_a_model_has_one_colour_in_all_graphs(studies: Made, drawn: dict[str, Graph]) -> None:
    """Also where another model is missing: colours are dealt out once a run."""
    alone = dataclasses.replace(
        studies.run,
        measurements=tuple(m for m in studies.run.measurements if m.model != "dlib" or m.eval == "timing"),
    )
    for found in (graphs(studies, alone), drawn):
        bars = found["verification faces roc"].figure.axes[0].lines
        curves = found["blur faces accuracy"].figure.legends[0]
        colour = plots.model_colours(["dlib", FACENET.name])[FACENET.name]
        handles = dict(zip([t.get_text() for t in curves.get_texts()], curves.legend_handles, strict=True))

        assert {line.get_color() for line in bars if line.get_label() == FACENET.name} == {colour}
        assert to_hex(handles[FACENET.name].get_color()) == colour.lower()  # type: ignore[union-attr]


def test_one_model_is_not_compared() -> None:
    """No bars side by side and no trade-off; its sweeps are drawn."""
    names = set(graphs(made_run([DLIB], {"blur": STUDIES["blur"]})))

    assert not {"verification faces bars", "verification faces trade-off", "blur faces bars"} & names
    assert {"blur faces accuracy", "blur faces distances", "blur faces change", "corruptions faces heat map"} <= names


def test_each_corruption_has_a_panel_with_its_unit(drawn: dict[str, Graph]) -> None:
    """Levels as they are, from clean to worst."""
    found = texts(drawn["resolution faces accuracy"].figure)

    assert [text for text in found if text in {"clean", "128", "96", "64", "48", "32"}] == [
        *("clean", "128", "96", "64", "48", "32"),
    ] * 2
    assert found.count("shorter side, px") == 2
    assert {"dlib", "dlib, retuned", FACENET.name, f"{FACENET.name}, retuned"} <= set(found)


def test_corruptions_of_one_level_share_a_panel(drawn: dict[str, Graph]) -> None:
    """Six filters stand side by side beside the clean images."""
    found = texts(drawn["filters faces accuracy"].figure)

    assert found.count("clean") == 1
    assert {"Greyscale", "Sepia", "Inverted"} <= set(found)
    assert "dlib, retuned" not in found


def test_the_collapse_is_seen() -> None:
    """Of the model whose distances shrink together the impostor line falls below the threshold, of the other not."""
    graph = graphs(made_run([DLIB, FACENET], {"blur": STUDIES["blur"]}))["blur faces distances"]
    sound, collapsed = segments(graph.figure, plots.IMPOSTOR)
    levels = segments(graph.figure, "#555555")

    assert sound[-1, 1] > levels[0][0, 1]
    assert collapsed[-1, 1] < levels[1][0, 1] < collapsed[0, 1]
    assert {"genuine pairs", "impostor pairs", "clean threshold"} <= set(texts(graph.figure))


def test_few_corruptions_show_levels_and_many_show_models(drawn: dict[str, Graph]) -> None:
    """Bars of the studies: one a level for blur, one a model for each filter, one a model for twenty at once."""
    many = made_run([DLIB, FACENET], {"corruptions": EVERYTHING["corruptions"]})

    assert {"level 1", "level 5", "better", "worse"} <= set(texts(drawn["blur faces change"].figure))
    assert {"dlib", FACENET.name, "Sepia"} <= set(texts(drawn["filters faces change"].figure))
    assert "mean over 20 corruptions and their levels" in texts(graphs(many)["corruptions faces change"].figure)


def test_the_heat_map_holds_mean_and_worst_loss(studies: Made, drawn: dict[str, Graph]) -> None:
    """Worked out from the record once more."""
    axes = drawn["corruptions faces heat map"].figure.axes
    values = {
        m.conditions.severity: m.value
        for m in studies.run.measurements
        if (m.eval, m.model, m.name, m.conditions.threshold) == ("blur", "dlib", "accuracy", "clean")
    }
    losses = [100 * (values[severity] - values[0]) for severity in range(1, 6)]
    rows = [label.get_text() for label in axes[0].get_yticklabels()]
    mean, worst = ([text.get_text() for text in each.texts][2 * rows.index("Gaussian blur")] for each in axes)

    assert (mean, worst) == (f"{np.mean(losses):+.1f}", f"{min(losses):+.1f}")
    assert len(rows) == sum(map(len, STUDIES.values()))


def test_the_trade_off_takes_latency_and_size_where_they_are_known(studies: Made) -> None:
    """Latency of timing, else the time per image; the size only where it was recorded."""
    sizes = [
        Measurement(
            eval="timing",
            name="model_size_mb",
            value=size,
            low=size,
            high=size,
            n=1,
            model=model,
            dataset="faces",
        )
        for model, size in (("dlib", 22.0), (FACENET.name, 110.0))
    ]
    timed = only(studies, ["verification", "timing"])
    more = dataclasses.replace(timed, measurements=(*timed.measurements, *sizes))
    found = [
        [axes.get_xlabel() for axes in graphs(studies, record)["verification faces trade-off"].figure.axes]
        for record in (timed, more, only(studies, ["verification"]))
    ]

    assert found == [
        ["latency at batch 1, ms"],
        ["latency at batch 1, ms", "size of the weights, MB"],
        ["time per image on one worker, ms"],
    ]


def test_what_this_version_does_not_know_is_drawn_under_its_own_name() -> None:
    """A corruption, a composition and a metric of another version."""
    run = made_run([DLIB, EDGEFACE], {"mine": {"zebra_stripes": (0, 2, 1), "blur+jpeg": (0, 1)}})
    extra = dataclasses.replace(run.run.measurements[0], name="from_the_future")
    record = dataclasses.replace(run.run, measurements=(*run.run.measurements, extra))
    found = texts(graphs(run, record)["mine faces accuracy"].figure)

    assert {"zebra stripes", "blur+jpeg"} <= set(found)
    assert [text for text in found if text in {"clean", "2", "1"}][:3] == ["clean", "2", "1"]


def test_clean_images_alone_make_no_sweep() -> None:
    """Neither does a sweep of which only one level was run draw a line from nowhere."""
    run = made_run([DLIB, FACENET], {"blur": {"blur": (0,)}})
    lone = [m for m in made_run([DLIB], {"blur": {"blur": (0, 3)}}).run.measurements if m.conditions.level != 0]

    assert not any("heat map" in name or name.startswith("blur") for name in graphs(run))
    found = graphs(run, dataclasses.replace(run.run, measurements=tuple(lone)))
    assert "blur faces change" not in found
    assert "Gaussian blur" in texts(found["blur faces accuracy"].figure)


def test_a_run_that_measured_nothing_has_no_graphs(tmp_path: Path) -> None:
    """That is no error; a folder without results is one."""
    Run().write(tmp_path)

    assert draw(tmp_path) == []
    with pytest.raises(FacecheckError, match="no run of facecheck: expected a folder with results"):
        draw(tmp_path / "elsewhere")


def test_a_sweep_without_a_single_face_is_drawn(studies: Made) -> None:
    """Where everything fails there are no distances, and the other graphs stand."""
    gone = {"genuine_distance_mean", "impostor_distance_mean", "dprime", "precision", "f1"}
    kept = [m for m in studies.run.measurements if m.name not in gone and m.eval == "blur"]
    found = graphs(studies, dataclasses.replace(studies.run, measurements=tuple(kept)))

    assert "blur faces distances" not in found
    assert {"blur faces accuracy", "blur faces change", "blur faces bars"} <= found.keys()


HOSTILE = ("../../escape", "a$b$c_{", "名前", "<svg>&amp;", "a" * 400, "line\nbreak", "a b", "a-b", "%s{}\\")


def test_names_are_names_and_nothing_else(tmp_path: Path) -> None:
    """Paths, formulas, scripts of the world, markup and names that would share a file: all drawn, all inside."""
    run = made_run([Model(name=name) for name in HOSTILE], {"blur": {"blur": (0, 1)}})
    scored = [each for each in run.scored if each.model in {"a b", "a-b", "../../escape"}]
    paths = [drawn.picture for drawn in draw(run._replace(scored=scored).write(tmp_path / "run"))]

    assert len({path for path in paths if "decisions" in path.name}) == 3
    assert len(set(paths)) == len(paths)
    assert {path.parent for path in paths} == {tmp_path / "run" / "graphs"}
    assert all(re.fullmatch(r"[A-Za-z0-9_.=-]{1,170}", path.name) for path in paths)
    assert {path.name for path in tmp_path.iterdir()} == {"run"}


def test_pose_is_drawn_against_yaw(studies: Made) -> None:
    """Scores of strips make distances against yaw, measurements by yaw make curves; neither is verification."""
    turned = [_turned(each) for each in studies.scored if each.condition == "clean"]
    by_yaw = [
        dataclasses.replace(m, eval="pose", dataset="strips", conditions=Conditions(yaw_rad=yaw))
        for m in studies.run.measurements
        for yaw in (-0.4, 0.4)
        if (m.eval, m.name) == ("verification", "detection_rate")
    ]
    record = dataclasses.replace(studies.run, measurements=tuple(by_yaw))
    found = {graph.name: graph for graph in graphs_of(record, turned)}

    assert set(found) == {
        "pose dlib on strips distance",
        f"pose {FACENET.name} on strips distance",
        "pose strips detection_rate",
    }
    (axes,) = found["pose strips detection_rate"].figure.axes
    assert [line.get_label() for line in axes.lines] == ["dlib", FACENET.name]
    assert list(across(axes.lines[0])) == [-0.4, 0.4]


def test_pose_is_drawn_without_a_threshold(studies: Made) -> None:
    """A model that declares none matches nobody: its threshold is infinite, and no line is drawn for it."""
    turned = next(_turned(each) for each in studies.scored if each.condition == "clean")
    endless = dataclasses.replace(turned, thresholds=np.full(len(turned.scores), np.inf))

    (graph,) = graphs_of(dataclasses.replace(studies.run, measurements=()), [endless])

    assert graph.name == f"pose {turned.model} on strips distance"


def _turned(scored: ScoredPairs) -> ScoredPairs:
    steps = np.tile([0.4, 0.8], len(scored.scores) // 2)
    return dataclasses.replace(scored, kind="strips", dataset="strips", yaw_difference_rad=steps)


def test_a_run_of_every_corruption_is_drawn_in_seconds() -> None:
    """Two models, thirty-three corruptions: at most 45 graphs; made, not saved, at a small part of 15 s.

    The clock is the processor's, and generous: what is meant to fail is a graph for each corruption.
    """
    run = made_run([DLIB, FACENET], EVERYTHING)
    started = time.process_time()
    found = graphs(run)

    assert len(found) <= 45
    assert sum(len(graph.figure.axes) for graph in found.values()) < 60
    assert time.process_time() - started < 30


def test_what_a_run_imports_at_its_start_does_not_draw() -> None:
    """Matplotlib takes a second: record, summary and comparison do without."""
    modules = "facecheck.report.terminal, facecheck.comparison, facecheck.results.run"
    script = f"import sys, {modules}; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_a_vector_graph_shows_what_its_pixels_show(tmp_path: Path) -> None:
    """Shapes and places are written to a hundredth of a point, texts as they are, each in the picture's one font."""
    run = made_run([DLIB], {"blur": {"blur": (0, 1, 2)}}, pairs=people(6))
    text = draw(run.write(tmp_path))[0].picture.with_suffix(".svg").read_text(encoding="utf-8")

    assert re.search(r">[^<]*\d\.\d{3}[^<]*</text>", text), "a text was cut"
    assert text.count("DejaVu Sans") == 1
    paths = re.findall(r"(?m)^[ML] .*$", text)
    assert paths
    assert not [line for line in paths if re.search(r"\.\d{3}", line)]


def test_pixels_show_what_the_vector_graph_shows(tmp_path: Path) -> None:
    """Few colours, but white paper, and the colours that mean something."""
    run = made_run([DLIB], {"blur": {"blur": (0, 1, 2)}}, pairs=people(6))
    drawn = {each.name: each.picture for each in draw(run.write(tmp_path))}
    with PIL.Image.open(drawn["verification dlib on faces histogram"]) as opened:
        shown = np.asarray(opened.convert("RGB")).reshape(-1, 3).astype(int)
    threshold, paper = np.array([0, 0, 0]), np.array([255, 255, 255])

    assert tuple(shown[0]) == tuple(paper)
    assert (np.abs(shown - threshold).max(axis=1) <= 3).sum() > 100
    assert (shown == paper).all(axis=1).mean() > 0.4


def test_letters_that_xml_forbids_leave_a_picture(tmp_path: Path) -> None:
    """Names from elsewhere hold control characters, entities and surrogates: every vector graph is read."""
    run = made_run([DLIB], {"blur": {"blur": (0, 1, 2)}}, pairs=people(6))
    name = "a\udc80\x00\x0b\x1f\r\ufffe<!-- --><b>&lt;"
    measured = tuple(dataclasses.replace(m, dataset=name) for m in run.run.measurements)
    shown = drawing.draw(dataclasses.replace(run.run, measurements=measured), [], tmp_path)

    assert len(shown) > 3
    for each in shown:
        root = ET.fromstring(each.picture.with_suffix(".svg").read_bytes())  # noqa: S314 - our own file
        assert not list(root.iter("b"))


@pytest.mark.parametrize("letter", ["\x00", "\x1b", "\r", "\ufffe"])
def test_labels_of_groups_are_drawn_without_letters_that_xml_forbids(tmp_path: Path, letter: str) -> None:
    """They come from a file of somebody else, and no name of a model or data set."""
    figure = plots.group_heat_map("groups", [f"a{letter}", "b"], {"dlib": np.eye(2)})
    with style.drawing():
        figure_file = drawing._save(Graph("groups", figure), tmp_path / "groups")

    ET.parse(figure_file.with_suffix(".svg"))  # noqa: S314 - our own file


def test_one_kind_of_pairs_has_no_curves() -> None:
    """A list of genuine pairs alone is drawn as far as it goes."""
    made = made_run([DLIB], {}, pairs=people(6))
    scored = [
        dataclasses.replace(
            each,
            scores=each.scores.take(each.scores.genuine),
            thresholds=np.full(int(each.scores.genuine.sum()), np.inf),
            yaw_difference_rad=each.yaw_difference_rad[each.scores.genuine],
        )
        for each in made.scored
    ]
    names = [graph.name for graph in graphs_of(Run(), scored)]

    assert any("histogram" in name for name in names)
    assert not any(name.endswith(("roc", "det")) for name in names)
