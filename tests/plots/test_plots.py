"""Content of graphs: positions, colours, texts and lines, read from the figures and compared with the values."""

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from facecheck import plots
from facecheck.metrics import curve
from facecheck.metrics.intervals import Estimate
from facecheck.metrics.scores import Scores
from facecheck.plots.canvas import Canvas, Frame, Sheet, ticks
from facecheck.plots.style import BETTER, NEITHER, WORSE
from tests.support.figures import across, entries, segments, shapes, texts, up

COLOURS = {"a": "#E69F00", "b": "#009E73"}


def estimate(value: float, half: float = 0.02) -> Estimate:
    return Estimate(value, value - half, value + half, 100)


# Colours.


@given(names=st.lists(st.text(), unique=True, max_size=7))
def test_models_have_colours_of_their_own(names: list[str]) -> None:
    """Seven models have seven colours, independent of their order, and none is the colour of a kind of pairs."""
    colours = plots.model_colours(names)

    assert colours == plots.model_colours(names[::-1])
    assert len(set(colours.values())) == len(names)
    assert not {plots.GENUINE, plots.IMPOSTOR} & set(colours.values())


def test_more_models_than_colours_still_have_one() -> None:
    """Colours are reused."""
    assert len(plots.model_colours(str(number) for number in range(30))) == 30


# The sheet of panels.


def test_values_have_places() -> None:
    """A frame one inch from the left and two from below, three wide and four high, that spans 0..10 and -1..1."""
    frame = Frame(1.0, 2.0, 3.0, 4.0, (0.0, 10.0), (-1.0, 1.0))

    np.testing.assert_allclose(frame.points([0, 5, 10], [-1, 0, 1]), np.array([[1.0, 2.0], [2.5, 4.0], [4.0, 6.0]]))
    np.testing.assert_allclose(frame.points([-5, 20], [0, 9]), np.array([[1.0, 4.0], [4.0, 6.0]]))


@given(
    count=st.integers(1, 30),
    columns=st.integers(1, 8),
    width=st.floats(0.5, 4),
    height=st.floats(0.5, 4),
    names=st.lists(st.text(min_size=1, max_size=30), max_size=12),
)
def test_panels_stand_within_the_figure_and_apart(
    count: int, columns: int, width: float, height: float, names: list[str]
) -> None:
    """Panels of any number, size and legend do not overlap."""
    canvas = Canvas("title", count, Sheet(columns, (width, height), (0.3, 0.6)), entries=names)
    frames = [canvas.frame(number, (0, 1), (0, 1)) for number in range(count)]
    right, top = canvas.figure([], []).get_size_inches()

    for frame in frames:
        assert 0.5 <= frame.left <= frame.left + frame.width <= right
        assert 0.4 <= frame.bottom <= frame.bottom + frame.height <= top - 0.6
    for one, other in itertools.combinations(frames, 2):
        beside = one.left + one.width < other.left or other.left + other.width < one.left
        assert beside or one.bottom + one.height < other.bottom or other.bottom + other.height < one.bottom


@given(low=st.floats(-5, 5), span=st.floats(0.01, 100))
def test_ticks_are_round_and_within_the_limits(low: float, span: float) -> None:
    """There are a few ticks, each with a different text."""
    found = ticks((low, low + span), percent=False)

    assert 1 <= len(found) <= 8
    assert all(low <= value <= low + span for value in found)
    assert len(set(found.values())) == len(found)


# Lines in panels.


def panel(*lines: plots.Series, **more: object) -> plots.Panel:
    levels = {0.0: "clean", 1.0: "128", 2.0: "96"}
    return plots.Panel(title="Resolution", lines=lines, ticks=levels, x_label="shorter side, px", **more)  # type: ignore[arg-type]


FALLING = [estimate(0.98), estimate(0.9), estimate(0.7)]


def test_a_curve_runs_through_its_values_within_its_band() -> None:
    """Heights are proportional to values, and the band to the ends of the intervals."""
    line = plots.Series("a", [0, 1, 2], FALLING, COLOURS["a"])
    figure = plots.line_panels("Accuracy", [panel(line)], y_label="accuracy", percent=True, columns=5)
    (points,) = segments(figure, COLOURS["a"])
    (band,) = shapes(figure, COLOURS["a"])
    inches = (points[0, 1] - points[2, 1]) / (0.98 - 0.7)

    assert np.ptp(np.diff(points[:, 0])) == pytest.approx(0)
    assert points[0, 1] - points[1, 1] == pytest.approx(0.08 * inches)
    np.testing.assert_allclose(band[:3, 1], points[:, 1] - 0.02 * inches)
    np.testing.assert_allclose(band[3:6, 1], points[::-1, 1] + 0.02 * inches)


def test_a_panel_is_labelled_in_its_corruptions_own_order() -> None:
    """Falling levels are drawn from clean to worst, each at its own position."""
    line = plots.Series("a", [0, 1, 2], FALLING, COLOURS["a"])
    figure = plots.line_panels("Accuracy", [panel(line)], y_label="accuracy", percent=True, columns=5)
    places = {text.get_text(): text.get_position()[0] for text in figure.texts}

    assert places["clean"] < places["128"] < places["96"]
    assert {"Accuracy", "Resolution", "shorter side, px", "accuracy", "80 %"} <= set(texts(figure))
    assert entries(figure) == ["a"]


def test_a_dashed_line_has_no_band() -> None:
    """The retuned threshold is drawn in the model's colour, dashed."""
    solid = plots.Series("a", [0, 1], FALLING[:2], COLOURS["a"])
    dashed = plots.Series("a, retuned", [0, 1], FALLING[:2], COLOURS["a"], "--")
    figure = plots.line_panels("Accuracy", [panel(solid, dashed)], y_label="", percent=True, columns=5)
    styles = [p.get_linestyle() for p in figure.axes[0].patches if to_hex(p.get_edgecolor()) == COLOURS["a"].lower()]

    assert len(segments(figure, COLOURS["a"])) == 2
    assert len(shapes(figure, COLOURS["a"])) == 1
    assert sorted(styles) == ["-", "--"]
    assert entries(figure) == ["a", "a, retuned"]


def test_points_without_an_order_are_not_joined() -> None:
    """Filters are drawn as whiskers side by side, and those of two models do not overlap."""
    lines = [plots.Series(name, [1, 2], FALLING[:2], colour, "") for name, colour in COLOURS.items()]
    figure = plots.line_panels("Accuracy", [panel(*lines)], y_label="", percent=True, columns=5)
    whiskers = {name: segments(figure, colour) for name, colour in COLOURS.items()}

    assert all(len(drawn) == 2 for drawn in whiskers.values())
    assert all(np.ptp(each[:, 0]) == 0 and np.ptp(each[:, 1]) > 0 for drawn in whiskers.values() for each in drawn)
    assert whiskers["a"][0][0, 0] < whiskers["b"][0][0, 0]


def test_panels_of_one_scale_share_it_and_others_do_not() -> None:
    """Equal values have equal heights in panels of one scale; the level is drawn at its value."""
    low, high = [estimate(0.1), estimate(0.2)], [estimate(5.0), estimate(9.0)]
    panels = [
        panel(plots.Series("genuine", [0, 1], values, plots.GENUINE), scale=scale, level=0.15, level_label="threshold")
        for values, scale in ((low, "a"), (low, "a"), (high, "b"))
    ]
    figure = plots.line_panels("Distances", panels, y_label="mean", percent=False, columns=3)
    first, second, third = segments(figure, plots.GENUINE)
    levels = segments(figure, "#555555")

    np.testing.assert_allclose(first[:, 1], second[:, 1])
    assert levels[0][0, 1] == pytest.approx((first[0, 1] + first[1, 1]) / 2)
    assert third[1, 1] - third[0, 1] == pytest.approx((first[1, 1] - first[0, 1]) * 4 * _span(low) / _span(high) / 0.1)
    assert entries(figure) == ["genuine", "threshold"]


def _span(values: Sequence[Estimate]) -> float:
    """Return the range of values that a panel of these shows."""
    lowest, highest = min(e.low for e in values), max(e.high for e in values)
    margin = max(0.01, 0.06 * (highest - lowest))
    return highest + margin - max(0.0, lowest - margin)


# Bars.


@pytest.mark.parametrize(
    ("fraction", "better", "colour"),
    [
        pytest.param(0.1, "higher", BETTER, id="accuracy-up"),
        pytest.param(-0.1, "higher", WORSE, id="accuracy-down"),
        pytest.param(0.1, "lower", WORSE, id="eer-up"),
        pytest.param(-0.1, "lower", BETTER, id="eer-down"),
        pytest.param(0.1, "neither", NEITHER, id="threshold"),
        pytest.param(0.0, "lower", NEITHER, id="the-same"),
        pytest.param(None, "lower", NEITHER, id="from-nothing"),
    ],
)
def test_green_is_better_and_red_is_worse(fraction: float | None, better: str, colour: str) -> None:
    """The colour depends on the better direction of the metric."""
    assert plots.Change(fraction, better).colour == colour


def test_changes_keep_their_sign_and_are_coloured_by_what_they_mean() -> None:
    """Accuracy down is red and negative; EER down is green and negative; EER up is red and positive."""
    groups = {
        "accuracy": {"a": plots.Change(-0.2, "higher")},
        "EER": {"a": plots.Change(-0.4, "lower")},
        "FNMR": {"a": plots.Change(0.6, "lower")},
    }
    figure = plots.change_bars("Change", [plots.Changes(title="blur", groups=groups)], columns=3)
    (eer,) = shapes(figure, BETTER)
    accuracy, fnmr = shapes(figure, WORSE)
    zero = accuracy[:, 1].max()

    assert eer[:, 1].max() == pytest.approx(zero)
    assert fnmr[:, 1].min() == pytest.approx(zero)
    heights = [float(np.ptp(bar[:, 1])) for bar in (accuracy, eer, fnmr)]
    assert np.array(heights) / heights[0] == pytest.approx([1, 2, 3])
    assert {"accuracy", "EER", "FNMR", "blur"} <= set(texts(figure))


def test_changes_beyond_the_scale_are_told_in_figures() -> None:
    """A bar is cut off at 100 %, its change is written; a change from 0 has no percentage."""
    groups = {
        "EER": {"a": plots.Change(4.59, "lower"), "b": plots.Change(1.0, "lower"), "c": plots.Change(None, "lower")}
    }
    figure = plots.change_bars("Change", [plots.Changes(title="blur", groups=groups)], columns=3)
    first, second = shapes(figure, WORSE)

    assert np.ptp(first[:, 1]) == pytest.approx(np.ptp(second[:, 1]))
    assert "+459 %" in texts(figure)
    assert "from 0" in texts(figure)
    assert sum("%" in text for text in texts(figure)) == 1 + 4  # the axis has four


def test_bars_of_a_group_are_told_apart_by_hatching() -> None:
    """Colour is already used; the legend lists the hatches if there are several labels."""
    two = {"EER": {"a": plots.Change(0.5, "lower"), "b": plots.Change(0.5, "lower")}}
    one = {"EER": {"a": plots.Change(0.5, "lower")}}
    hatched = plots.change_bars("Change", [plots.Changes(title="blur", groups=two)], columns=3)
    plain = plots.change_bars("Change", [plots.Changes(title="blur", groups=one)], columns=3)
    hatches = {patch.get_hatch() for patch in hatched.axes[0].patches if to_hex(patch.get_facecolor()) == WORSE.lower()}

    assert len(hatches) == 2
    assert entries(hatched) == ["better", "worse", "a", "b"]
    assert entries(plain) == ["better", "worse"]


def test_bars_are_as_high_as_their_values_with_whiskers_at_their_intervals() -> None:
    """Two models side by side, in their colours."""
    groups = {"accuracy": {"a": Estimate(0.8, 0.7, 0.9, 9), "b": Estimate(0.4, 0.3, 0.6, 9)}}
    bars = plots.Bars(title="more is better", groups=groups, percent=True)
    figure = plots.bar_panels("Verification", [bars], colours=COLOURS, columns=3)
    (first,), (second,) = (shapes(figure, colour) for colour in COLOURS.values())
    whiskers = segments(figure, "#222222")
    inches = float(np.ptp(first[:, 1])) / 0.8

    assert np.ptp(second[:, 1]) == pytest.approx(0.4 * inches)
    assert first[:, 0].max() <= second[:, 0].min() + 1e-9
    assert [float(np.ptp(each[:, 1])) for each in whiskers] == pytest.approx([0.2 * inches, 0.3 * inches])
    assert entries(figure) == ["a", "b"]


# Overviews.


def test_a_heat_map_holds_every_figure_once() -> None:
    """Values are in percentage points with their sign; values that were not measured are blank."""
    values = np.array([[-0.125, 0.01], [math.nan, -0.3]])
    figure = plots.heat_map("Loss", ["blur", "fog"], ["a", "b"], {"mean": values, "worst": values * 2})
    written = [[text.get_text() for text in axes.texts] for axes in figure.axes]

    assert written == [["-12.5", "+1.0", "-30.0"], ["-25.0", "+2.0", "-60.0"]]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["blur", "fog"]
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["mean", "worst"]


def test_losses_are_red_gains_green_and_nothing_white() -> None:
    """Both parts share one scale, so that a colour means the same number."""
    figure = plots.heat_map("Loss", ["x"], ["a", "b", "c"], {"mean": np.array([[-0.4, 0.0, 0.4]])})
    mesh = figure.axes[0].collections[0]
    mesh.update_scalarmappable()
    loss, nothing, gain = np.asarray(mesh.get_facecolor())

    assert loss[0] > loss[1]
    assert gain[1] > gain[0]
    assert nothing[:3] == pytest.approx((1, 1, 1), abs=0.01)


POINTS = st.dictionaries(
    st.sampled_from("abcdefgh"), st.tuples(st.integers(1, 5).map(float), st.integers(1, 5).map(float)), min_size=1
)


@given(points=POINTS)
def test_who_is_not_dominated_is_found_by_looking_at_every_other(points: dict[str, tuple[float, float]]) -> None:
    """A model is dominated by one that costs no more, gains no less, and differs in one of both."""
    beaten = {
        name
        for (name, (cost, gain)), (c, g) in itertools.product(points.items(), points.values())
        if c <= cost and g >= gain and (c < cost or g > gain)
    }
    found = plots.non_dominated(points)

    assert set(found) == points.keys() - beaten
    assert [points[name][0] for name in found] == sorted(points[name][0] for name in found)


def test_a_line_joins_the_models_that_none_beats() -> None:
    """The third model costs more and is worse: it is not on the line, and its mark is hollow."""
    at = {
        "a": (estimate(10, 1), estimate(0.9)),
        "b": (estimate(20, 1), estimate(0.95)),
        "c": (estimate(30, 1), estimate(0.8)),
    }
    colours = plots.model_colours(at)
    figure = plots.trade_off("Cost", [plots.Cost(label="latency, ms", points=at)], colours=colours)
    front, *marks = [line for line in figure.axes[0].lines if len(across(line)) != 2 or line.get_color() == "#999999"]

    assert list(across(front)) == [10, 20]
    assert list(up(front)) == [0.9, 0.95]
    assert [mark.get_markerfacecolor() for mark in marks] == [colours["a"], colours["b"], "white"]
    assert figure.axes[0].get_xscale() == "linear"


def test_costs_far_apart_are_drawn_in_proportion() -> None:
    """From four megabytes to four hundred the axis is logarithmic."""
    at = {"a": (estimate(4, 0), estimate(0.9)), "b": (estimate(400, 0), estimate(0.95))}
    figure = plots.trade_off("Cost", [plots.Cost(label="size, MB", points=at)], colours=COLOURS)

    assert figure.axes[0].get_xscale() == "log"


# Graphs of pairs.

WHO = np.array([[0, 0], [1, 1], [2, 2], [0, 1], [1, 2], [2, 3]])
SCORES = Scores(np.array([-0.2, -0.4, -np.inf, -0.9, -0.5, -1.1]), WHO)


def test_decisions_are_counted_in_the_legend() -> None:
    """One genuine pair matches and one does not, one impostor pair matches; a failure is noted, not drawn."""
    figure = plots.decision_rows("Decisions", SCORES, np.full(6, -0.55))

    assert {"true positive (2)", "false negative (0)", "true negative (2)", "false positive (1)"} <= set(texts(figure))
    assert {"mean 0.300", "mean 0.833", "threshold 0.550"} <= set(texts(figure))
    assert any("1 pairs without a face" in text for text in texts(figure))


def test_a_histogram_holds_completed_pairs_of_both_kinds() -> None:
    """In their colours, with their numbers."""
    figure = plots.histogram("Distances", SCORES, np.full(6, -0.55))
    colours = {to_hex(patch.get_facecolor()) for patch in figure.axes[0].patches}

    assert {"genuine, 2 pairs", "impostor, 3 pairs"} <= set(texts(figure))
    assert colours == {plots.GENUINE.lower(), plots.IMPOSTOR.lower()}


def test_roc_and_det_draw_each_model_in_its_colour() -> None:
    """The colours of the run are used, not the palette in the order of the graph."""
    curves = {"b": (curve(SCORES), 3)}
    roc = plots.roc("ROC", curves, colours=COLOURS).axes[0].lines[0]
    det = plots.det("DET", curves, colours=COLOURS).axes[0].lines[0]

    assert (roc.get_color(), det.get_color()) == (COLOURS["b"], COLOURS["b"])
    assert (roc.get_label(), det.get_label()) == ("b", "b")
    np.testing.assert_allclose(up(roc), curve(SCORES).tmr)
    assert plots.roc("ROC", curves).axes[0].lines[0].get_color() in plots.model_colours(["b"]).values()


def test_pose_draws_genuine_pairs_by_yaw_with_their_means() -> None:
    """The graph has means with intervals for at least two people, the threshold, and the impostor mean."""
    who = np.array([[0, 0], [1, 1], [0, 0], [1, 1], [0, 1], [1, 2]])
    scores = Scores(np.array([-0.2, -0.4, -0.5, -0.7, -0.9, -1.1]), who)
    difference = np.array([0.4, 0.4, 0.8, 0.8, 0.4, 0.4])
    figure = plots.pose_distance("Pose", difference, scores, -0.6)
    means = next(line for line in figure.axes[0].lines if "95 %" in str(line.get_label()))

    np.testing.assert_allclose(across(means), [0.4, 0.8])
    np.testing.assert_allclose(up(means), [0.3, 0.6])
    assert {"impostor mean 1.000", "threshold 0.6", "genuine pairs (4)"} <= set(texts(figure))


def test_series_draw_lines_with_bands_in_their_colours() -> None:
    """The given colour is used, otherwise one of the palette; the percent axis follows the values."""
    lines = [plots.Series("a", [0.2, 0.4], FALLING[:2], COLOURS["b"]), plots.Series("b", [0.2, 0.4], FALLING[1:])]
    axes = plots.series("Yaw", lines, x_label="yaw", y_label="rate", percent=True).axes[0]

    assert axes.lines[0].get_color() == COLOURS["b"]
    assert axes.lines[1].get_color() in plots.model_colours(["a", "b"]).values()
    np.testing.assert_allclose(up(axes.lines[1]), [0.9, 0.7])
    assert axes.get_ylim()[0] < 0.68
    assert axes.get_ylim()[1] <= 1.02


def test_stages_are_stacked_end_to_end() -> None:
    """The bars are detect, align and embed, with the sum beside them."""
    figure = plots.stage_bars("Time", {"a": {"detect": 5.0, "align": 1.0, "embed": 4.0, "all": 10.5}})
    widths = [(bar.get_x(), bar.get_width()) for bar in figure.axes[0].patches if isinstance(bar, Rectangle)]

    assert widths == [(0.0, 5.0), (5.0, 1.0), (6.0, 4.0)]
    assert " 10.0 ms" in texts(figure)
