"""The contact sheet shows every corruption at every level."""

from __future__ import annotations

import numpy as np

from facecheck.corruptions import CORRUPTIONS, Applied, of_family
from facecheck.plots.contact_sheet import contact_sheet
from facecheck.report.contact_sheets import swept_rows
from facecheck.results.sweeps import RecordedSweep, SweepStep, recorded_sweeps
from tests.support.portrait import LANDMARKS, PORTRAIT, digest
from tests.support.runs import DLIB, made_run, people


def test_each_cell_shows_what_its_row_and_column_say() -> None:
    """The pixels of the corruption at the level, a row each, from clean at the left to worst."""
    rows = [*of_family("occlusion"), *of_family("resolution")]

    (axes,) = contact_sheet(PORTRAIT, LANDMARKS, digest(1), corruptions=rows).axes

    shown = iter(axes.images)
    corners = []
    for entry in rows:
        for level in entry.levels:
            expected = Applied(entry.name, level).apply(PORTRAIT, digest(1), LANDMARKS)
            cell = next(shown)
            np.testing.assert_array_equal(cell.get_array(), expected)
            left, _, _, top = cell.get_extent()
            corners.append((-top, left))
    assert next(shown, None) is None
    assert corners == sorted(set(corners))
    written = [text.get_text() for text in axes.texts]
    assert written[:6] == ["square (side, % of the shorter side)", "clean", "5", "10", "15", "20"]


def test_the_whole_table_is_drawn_unless_told() -> None:
    """A row each."""
    (axes,) = contact_sheet(PORTRAIT[:12, :12], None, digest(1)).axes

    headings = [text.get_text().partition(" (")[0] for text in axes.texts if "(" in text.get_text()]
    assert headings == list(CORRUPTIONS)


def test_a_run_of_compositions_alone_has_no_sheet() -> None:
    """A composition has no row; beside a corruption it leaves that one's rows as they are."""

    def swept(corruption: str, dataset: str, *levels: float) -> RecordedSweep:
        steps = tuple(SweepStep(severity, level) for severity, level in enumerate(levels))
        return RecordedSweep(
            eval="corruptions", dataset=dataset, corruption=corruption, model="m", steps=steps, points={}
        )

    found = swept_rows(
        [swept("blur:2+jpeg:30", "a", 0, 1), swept("blur:2+jpeg:30", "b", 0, 1), swept("jpeg", "b", 0, 30)]
    )

    assert [(where, [(e.name, e.levels) for e in rows]) for where, rows in found.items()] == [
        (("corruptions", "b"), [("jpeg", (0, 30))])
    ]


def test_levels_of_another_version_have_no_row() -> None:
    """A run that was recorded when a mask had other levels is drawn all the same."""
    made = made_run([DLIB], {"occlusion": {"mask": (0, 1, 2, 3), "blur": (0, 1, 2)}}, pairs=people(6))
    rows = swept_rows(recorded_sweeps(made.run.measurements))

    assert [entry.name for entry in rows["occlusion", "faces"]] == ["blur"]
