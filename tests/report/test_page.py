"""The page of a run: what it says, that every name is text, and that its numbers are the library's."""

import csv
import dataclasses
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from facecheck.cli import main
from facecheck.errors import FacecheckError
from facecheck.gate.published import WITHIN
from facecheck.metrics.decisions import confusion
from facecheck.report.html import write_page
from facecheck.report.html.curves import curve_tables
from facecheck.report.html.models import cards, cases_of, changes_of, headline, promises_of
from facecheck.report.html.pictures import Picture
from facecheck.report.html.tables import as_csv, headline_table, measurement_tables
from facecheck.report.html.thresholds import sliders
from facecheck.report.privacy import withheld
from facecheck.report.standings import OTHERS
from facecheck.results.change import Against, Change
from facecheck.results.shown import FACES, load_shown
from facecheck.results.signature import ModelSignature
from tests.support.pages import DATASET, HOSTILE, PERSON, page_of, run_with_faces
from tests.support.runs import DLIB, FACENET, Made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def made(folder: Path) -> Made:
    return run_with_faces(folder)


@pytest.fixture(scope="module")
def page(made: Made, folder: Path) -> str:
    assert made.scored
    return write_page(folder, page_of(folder)).read_text(encoding="utf-8")


class Seen(HTMLParser):
    """Collects the elements, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_first_sentence_names_who_may_not_ship(made: Made) -> None:
    """Failed and worse models stand first, with their outcomes in counts."""
    found = cards(made.run)

    assert headline(found) == f"2 of 3 models may not ship: {DLIB.name}, {FACENET.name}"
    assert [card.word for card in found] == ["failed", "worse than baseline", "passed"]
    assert found[0].limits == "1 failed"
    assert found[1].baseline == "1 worse; against run 1, approved by <b>me</b>"
    assert found[1].differences == ("weights: aaaa → bbbb",)


def test_a_failed_case_is_told_in_full(made: Made) -> None:
    """Promise, measurement with interval, by how much, why, and the command that repeats just it."""
    (case,), more = cases_of(made.run)
    facts = dict(case.facts)

    assert more == 0
    assert facts["promised"].startswith("at least 0.")
    assert re.fullmatch(r"0\.\d{4} \[0\.\d{4}, 0\.\d{4}\], n = 144", facts["measured"])
    assert facts["missed by"].startswith("0.0500")
    assert facts["baseline"] == "this case was not compared with one"
    assert facts["reason for the promise"] == f"a promise of {PERSON}"
    assert case.command.startswith("pytest 'evals/test_verification.py::test_pairs_are_judged_rightly[dlib]'")


def test_a_failed_case_shows_its_baseline(made: Made) -> None:
    """The approved value, the gain on it with its interval, and p of harm; its graph is a link."""
    (verdict,) = (each for each in made.run.verdicts if each.outcome == "failed")
    m = verdict.judgements[0].measurement
    change = Change(
        dataset=m.dataset, name=m.name, conditions=m.conditions, outcome="worse", before=0.9, after=m.value,
        gain=-0.1, low=-0.2, high=-0.05, margin=0.002, p=0.01, p_holm=0.02, people=24,
    )  # fmt: skip
    against = Against(model=m.model, line="door", baseline="run 1, approved by me", changes=(change,))
    (case,), _ = cases_of(dataclasses.replace(made.run, against=(against,)))
    facts = dict(case.facts)

    assert facts["baseline"] == "0.9000"
    assert facts["gain on the baseline"].startswith("-0.1000 [-0.2000, -0.0500]")
    assert facts["p of harm"] == "0.01 over all cases (Holm: 0.02)"
    assert (case.eval, case.metric) == (m.eval, m.name)


def test_every_name_is_text(page: str) -> None:
    """Markup, quotes and formulas of models, data sets and people make no element, no attribute and no script."""
    seen = Seen(page)

    assert page.count("<script") == 2  # the page's own, and the slider's numbers
    assert not {"b", "i"}.intersection(seen.tags)
    assert not [name for name, _ in seen.attributes if name.startswith("on") or name == "style"]
    for name in (HOSTILE, DATASET, PERSON):
        assert name in seen.text


def test_nothing_is_fetched_and_nothing_else_runs(page: str, folder: Path) -> None:
    """Every address is a file of the folder or a place on the page; the policy allows the page's own script alone."""
    seen = Seen(page)
    addresses = [value for name, value in seen.attributes if name in ("src", "href")]
    places = {value for name, value in seen.attributes if name == "id"}

    assert "default-src 'none'" in page
    assert "unsafe" not in page
    for address in addresses:
        if address.startswith("#"):
            assert address[1:] in places, address
        elif address != "data:,":
            assert (folder / unquote(address)).is_file(), address


def test_a_single_file_holds_everything(made: Made, folder: Path, tmp_path: Path) -> None:
    """Pictures are data within it."""
    path = write_page(folder, page_of(folder), path=tmp_path / "mail.html", single_file=True)
    addresses = [v for name, v in Seen(path.read_text(encoding="utf-8")).attributes if name in ("src", "href")]

    assert made.run.id in path.read_text(encoding="utf-8")
    assert {address.partition(":")[0] for address in addresses if not address.startswith("#")} == {"data"}
    assert sum(address.startswith("data:image/") for address in addresses) > 2


def test_the_slider_s_counts_are_the_library_s(made: Made) -> None:
    """At every step, and the operating points lie at their thresholds."""
    clean = [each for each in made.scored if each.condition == "clean"]
    found = list(sliders(clean, made.run.measurements, made.run.signature.models))

    assert [each.model for each in found] == [each.model for each in clean]
    for slider, scored in zip(found, clean, strict=True):
        for step in range(0, len(slider.distances), 7):
            counts = confusion(scored.scores, -slider.distances[step])
            assert (slider.tp[step], slider.fp[step]) == (counts.tp, counts.fp)
        assert slider.fp[0] == slider.tp[0] == 0
        assert (slider.tp[-1] + slider.fp[-1], slider.failed) == (
            scored.scores.made.sum(),
            (~scored.scores.made).sum(),
        )
        marks = {mark.name: mark for mark in slider.marks}
        accuracy = next(
            m for m in made.run.measurements
            if (m.model, m.name, m.eval) == (slider.model, "accuracy", "verification")
        )  # fmt: skip
        at = marks["clean threshold, mean of the folds"]
        assert (at.tp + slider.impostor - at.fp) / 144 == pytest.approx(accuracy.value)
        assert marks["FMR at most 0.1"].fp <= 0.1 * slider.impostor


def test_a_spreadsheet_takes_no_cell_for_a_formula(made: Made) -> None:
    """Text that begins like one gets an apostrophe; negative numbers stay numbers."""
    rows = list(csv.DictReader(io.StringIO(as_csv(made.run.measurements))))

    assert {row["dataset"] for row in rows} == {f"'{DATASET}"}
    assert {row["model"] for row in rows} == {DLIB.name, FACENET.name, HOSTILE}
    assert len(rows) == len(made.run.measurements)
    assert float(rows[0]["value"]) == pytest.approx(made.run.measurements[0].value, rel=1e-7)


def test_the_headline_numbers_are_those_of_the_evals(made: Made) -> None:
    """A row a model; a column that nobody measured is left out."""
    found = headline_table(made.run.measurements)

    assert found is not None
    assert found.head[:3] == ("model", "data set", "accuracy")
    assert "AUC turned" not in found.head
    assert len(found.rows) == 3
    assert headline_table(()) is None


def test_pictures_of_real_faces_are_withheld_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless they are asked for; the bundled faces show nobody."""
    monkeypatch.setenv("CI", "true")
    assert "left out in CI" in withheld("lfw:/data/lfw", "auto")
    assert not withheld("lfw:/data/lfw", "yes")
    assert not withheld("faces?part=strips", "auto")
    monkeypatch.delenv("CI")
    assert not withheld("lfw:/data/lfw", "auto")
    assert "no was asked for" in withheld("folders:faces", "no")


@pytest.mark.parametrize(
    "damage",
    [
        ("0123456789abcdef01234567.webp", "../../etc/passwd"),
        ('"schema": 1', '"schema": 9'),
        ('"mistake": "false match"', '"mistake": "<b>"'),
        ("{", ""),
    ],
)
def test_damaged_faces_are_named(folder: Path, made: Made, tmp_path: Path, damage: tuple[str, str]) -> None:
    """A picture outside the folder, another schema, an unknown word, no JSON."""
    assert made.scored
    source = next((folder / FACES).glob("*.json"))
    target = tmp_path / FACES / source.name
    target.parent.mkdir()
    target.write_text(source.read_text().replace(*damage))

    with pytest.raises(FacecheckError, match="not faces of a facecheck run"):
        load_shown(tmp_path)


def test_two_runs_are_compared_on_one_page(
    made: Made, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`facecheck report A B` leaves a page of B, compared with A; more runs are refused."""
    assert made.scored
    other = tmp_path / "later"
    run_with_faces(other)

    assert main(["report", str(folder), str(other), "--history", "none"]) == 0
    page = (other / f"against-{folder.name}.html").read_text(encoding="utf-8")
    told = capsys.readouterr().out
    assert "identical" in page
    assert "<dt>run A</dt>" in page
    assert "<dt>baseline</dt><dd>1" not in page
    assert told.startswith(f"{other} against run A, {folder}:")
    assert "approved" not in told
    assert main(["report", str(folder), str(other), str(other)]) == 2
    assert "expected one, or two" in capsys.readouterr().err


def test_pictures_that_are_withheld_are_not_on_a_page_made_again(made: Made, folder: Path, tmp_path: Path) -> None:
    """Although the run kept them: names and scores stay, and the page says why."""
    extras = dataclasses.replace(page_of(folder), withheld_of={DATASET: "nobody may see them"})
    page = write_page(folder, extras, path=tmp_path / "mail.html", single_file=True).read_text(encoding="utf-8")

    assert made.scored
    assert "nobody may see them" in page
    assert "image/webp" not in page
    assert PERSON in Seen(page).text


@pytest.mark.parametrize("what", ["picture", "folder", "no picture"])
def test_a_file_of_the_reader_s_never_gets_into_a_page(made: Made, tmp_path: Path, what: str) -> None:
    """A run folder from elsewhere may hold links: they are refused by name."""
    run_with_faces(tmp_path / "run")
    secret = tmp_path / "secret"
    secret.write_text("a key")
    faces = tmp_path / "run" / FACES
    picture = next(faces.glob("*.webp"))
    if what == "folder":
        faces.rename(tmp_path / "faces")
        faces.symlink_to(tmp_path / "faces")
    else:
        picture.unlink()
        picture.symlink_to(secret) if what == "picture" else picture.write_text("a key")

    assert made.scored
    with pytest.raises(FacecheckError, match=r"a link|no picture as its name says"):
        write_page(tmp_path / "run", page_of(tmp_path / "run"), path=tmp_path / "mail.html", single_file=True)
    assert not (tmp_path / "mail.html").exists()


def test_the_headline_counts_only_what_was_judged(made: Made) -> None:
    """A model of which nothing can be said keeps no promise."""
    good = next(card for card in cards(made.run) if card.ships)
    unsure = dataclasses.replace(good, model=dataclasses.replace(good.model, name="new"), word="undecided")
    nobody = dataclasses.replace(good, model=dataclasses.replace(good.model, name=OTHERS), word="skipped")

    assert headline([unsure]).startswith("Nothing was judged")
    assert headline([good, nobody]) == f"{good.model.name} keeps its promises"
    assert headline([good, unsure]) == "1 of 2 models keeps its promises; new is undecided"
    others = [dataclasses.replace(unsure, word="unjudged", model=ModelSignature(name=name)) for name in "abc"]
    assert headline([good, unsure, *others]) == (
        "1 of 5 models keeps its promises; new is undecided; a, b and c are unjudged"
    )


def test_a_published_figure_that_is_met_is_no_warning(made: Made) -> None:
    """One that is missed is."""
    notes = tuple(f"{DLIB.name} on lfw: {told}" for told in (WITHIN, "the published figure lies above the interval"))
    (card,) = (card for card in cards(dataclasses.replace(made.run, notes=notes)) if card.model.name == DLIB.name)

    assert card.notes == ((notes[0], False), (notes[1], True))


def test_graphs_of_many_panels_take_a_line() -> None:
    """They alone are scrolled on a narrow screen; what is merely flat is not enlarged."""
    flat, panels, usual = (
        Picture(file="a.svg", title="a", words="a graph", width=width, height=height)
        for width, height in ((480, 203), (1313, 913), (672, 481))
    )

    assert [each.is_wide for each in (flat, panels, usual)] == [True, True, False]
    assert [each.has_many_panels for each in (flat, panels, usual)] == [False, True, False]


def test_a_case_is_repeated_as_it_was_asked(made: Made) -> None:
    """With its own limits, data and switches; a change since the baseline names its eval."""
    options = {"datasets": "faces?part=sample", "limits": "too-much.toml", "full": ""}
    run = dataclasses.replace(made.run, options=options)
    (case,), _ = cases_of(run)
    (change,), _ = changes_of(run, run.against[0], ["worse"])

    assert "'--facecheck-datasets=faces?part=sample' --facecheck-limits=too-much.toml --facecheck-full" in case.command
    assert change.eval == "verification"
    assert change.command.startswith("pytest evals/ --facecheck-evals=verification --facecheck-models=")


def test_graphs_of_scores_have_their_tables(made: Made, page: str, folder: Path) -> None:
    """Operating points as the library computes them, and every comparison that was made in one of twenty bins."""
    (each,) = (each for each in made.scored if (each.model, each.condition) == (DLIB.name, "clean"))
    points, bins = curve_tables([each])
    impostors = int((~each.scores.genuine).sum())

    assert [row[1].number for row in points.rows] == [fmr for fmr in (0.1, 0.01) if fmr * impostors >= 1]
    for _, asked, fmr, fnmr, tmr, threshold in points.rows:
        counted = confusion(each.scores, -float(threshold.number or 0.0))
        assert (fmr.number, fnmr.number) == (counted.fmr, counted.fnmr)
        assert counted.fmr <= float(asked.number or 0.0)
        assert tmr.number == pytest.approx(1 - counted.fnmr)
    assert len(bins.rows) == 20
    assert sum(int(row[3].number or 0) + int(row[4].number or 0) for row in bins.rows) == each.scores.made.sum()
    assert points.title.split(": ")[-1] in Seen(page).text
    files = [path.name for path in (folder / "tables").iterdir()]
    assert sum("ROC-and-DET" in name for name in files) == sum("distances" in name for name in files) == 1


def test_no_table_is_wider_than_a_screen(made: Made) -> None:
    """Columns come in groups, rates first; no number is left out."""
    of_eval = [m for m in made.run.measurements if m.eval == "verification" and m.conditions.fold is None]
    tables = measurement_tables(of_eval)
    shown = {cell.number for table in tables for row in table.rows for cell in row if cell.number is not None}

    assert tables[0].title == "rates"
    assert max(len(table.head) for table in tables) <= 9
    assert {m.value for m in of_eval} == shown


def test_every_promise_has_a_row(made: Made) -> None:
    """Kept or not, with what was measured."""
    found = promises_of(made.run)

    assert [each.outcome for each in found] == ["failed", "passed", "passed"]
    assert found[0].promised.startswith("at least 0.")
    assert found[0].measured.number == made.run.verdicts[0].judgements[0].measurement.value
