"""Names out of other people's files, in pages, tables and on terminals."""

from __future__ import annotations

import csv
import dataclasses
import io

import pytest

from facecheck.comparison.tables import Row, Table
from facecheck.comparison.text import markdown, spreadsheet
from facecheck.results.measurement import Measurement

MARKUP = "<img src=x onerror=alert(1)>|[a](http://b)*c*`d`_e_ f_g"
ESCAPES = "\x1b[31mred\x1b[0m\r\n\u202eevil"


def table(model: str) -> Table:
    cell = Measurement(
        eval="verification", name="accuracy", value=0.9, low=0.8, high=0.95, n=10, model=model, dataset="faces"
    )
    other = dataclasses.replace(cell, model="dlib")
    return Table(
        eval="verification",
        dataset="faces",
        title="",
        models=(model, "dlib"),
        rows=(Row(label="accuracy", cells={model: cell, "dlib": other}),),
        incomparable={model: "answered other pairs"},
    )


def test_markup_in_a_name_is_text() -> None:
    """Markdown and HTML show it as it is spelt; a word's own underscore needs no escape."""
    page = markdown([table(MARKUP)])

    assert r"\<img src=x onerror=alert(1)\>\|[a\](http://b)\*c\*\`d\`\_e\_ f_g" in page
    assert "<img" not in page.replace(r"\<img", "")


@pytest.mark.parametrize("show", [markdown, spreadsheet])
def test_no_control_character_is_written(show: object) -> None:
    """An escape sequence colours a terminal, a carriage return hides what stood there."""
    assert callable(show)
    shown = show([table(ESCAPES)])

    assert not {"\x1b", "\u202e"} & set(shown)
    assert "red" in shown


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "=cmd|' /C calc'!A0"])
def test_no_cell_is_a_formula(name: str) -> None:
    """A spreadsheet computes what begins so; numbers stay numbers."""
    (first, _) = csv.DictReader(io.StringIO(spreadsheet([table(name)])))

    assert first["model"].startswith(("'", "\\t"))
    assert float(first["value"]) == pytest.approx(0.9)
