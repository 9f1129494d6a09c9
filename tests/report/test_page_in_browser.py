"""The page in a real Chromium: what a person sees, with a script and without, and that nothing leaves the folder."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from facecheck.metrics.decisions import confusion
from facecheck.report.html import write_page
from tests.support.pages import DATASET, HOSTILE, PERSON, page_of, run_with_faces
from tests.support.runs import DLIB, Made

api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def made(folder: Path) -> Made:
    run = run_with_faces(folder)
    write_page(folder, page_of(folder))
    return run


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


class Watched:
    """A page with everything that it asked for, and every message of its console."""

    def __init__(self, browser: Any, address: str, **how: object) -> None:  # noqa: ANN401 - playwright's own
        self.context = browser.new_context(**how)
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.said: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.goto(address)


@pytest.fixture
def watched(browser: Any, made: Made, folder: Path) -> Iterator[Watched]:  # noqa: ANN401
    assert made.scored
    opened = Watched(browser, (folder / "index.html").as_uri())
    yield opened
    opened.context.close()


def test_nothing_leaves_the_folder_and_nothing_goes_wrong(watched: Watched, folder: Path) -> None:
    """Every picture loads, no request goes elsewhere, the console stays empty, and no name became a script."""
    watched.page.evaluate("document.querySelectorAll('img').forEach((each) => { each.loading = 'eager'; })")
    watched.page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    watched.page.wait_for_function("[...document.images].every((each) => each.complete)")
    broken = watched.page.evaluate("[...document.images].filter((each) => !each.naturalWidth).map((each) => each.src)")

    assert not broken
    assert not watched.said
    assert len(watched.asked) > 2
    assert not [url for url in watched.asked if not url.startswith((folder.as_uri(), "data:"))]
    assert watched.page.evaluate("window.injected") is None


def test_the_slider_shows_the_library_s_numbers(watched: Watched, made: Made) -> None:
    """At ten thresholds, to every digit that is shown."""
    scored = next(each for each in made.scored if (each.model, each.condition) == (DLIB.name, "clean"))
    slider = watched.page.locator("[data-slider]", has=watched.page.get_by_role("heading", name=f"{DLIB.name} on"))
    everything = watched.page.evaluate("JSON.parse(document.getElementById('slider-data').textContent)")
    steps = everything[int(slider.get_attribute("data-slider"))]["distances"]
    tenth = (len(steps) - 1) / 9
    for step in sorted({round(tenth * i) for i in range(10)}):
        slider.locator("input").evaluate(
            "(input, step) => { input.value = step; input.dispatchEvent(new Event('input')); }", step
        )
        counts = confusion(scored.scores, -float(steps[step]))
        shown = {
            name: slider.locator(f"[data-of={name}]").inner_text() for name in ("fmr", "fnmr", "accuracy", "tp", "tn")
        }

        assert shown == {
            "fmr": f"{counts.fmr:.4f}",
            "fnmr": f"{counts.fnmr:.4f}",
            "accuracy": f"{counts.accuracy:.4f}",
            "tp": f"{counts.tp}",
            "tn": f"{counts.tn}",
        }


def test_a_mark_moves_the_slider(watched: Watched) -> None:
    """A click on an operating point shows its row."""
    slider = watched.page.locator("[data-slider='0']")
    row = slider.locator("tbody tr", has_text="clean threshold")
    row.locator("button").click()

    assert slider.locator("[data-of=fmr]").inner_text() == row.locator("td").nth(1).inner_text()


def test_a_click_sorts_a_table(watched: Watched) -> None:
    """By number, both ways; cells without one come last."""
    table = watched.page.locator("table.sortable").first
    heading = table.locator("thead th").nth(2)
    heading.locator("button").click()
    column = "(table) => [...table.tBodies[0].rows].map((row) => Number(row.cells[2].dataset.n))"
    rising = table.evaluate(column)
    heading.locator("button").click()

    assert rising == sorted(rising)
    assert heading.get_attribute("aria-sort") == "descending"
    assert table.evaluate(column) == sorted(rising, reverse=True)


def test_links_lead_somewhere(watched: Watched) -> None:
    """Each place on the page exists, and a link into something folded opens it."""
    targets = watched.page.evaluate(
        "[...document.querySelectorAll('a[href^=\"#\"]')].map((a) => a.getAttribute('href'))"
    )
    lost = [target for target in targets if not watched.page.evaluate(f"!!document.getElementById({target[1:]!r})")]
    faces = next(target for target in targets if target.startswith("#faces-"))
    watched.page.evaluate(f"document.getElementById({faces[1:]!r}).open = false")
    watched.page.locator(f"a[href='{faces}']").first.click()

    assert not lost
    watched.page.wait_for_function(f"document.getElementById({faces[1:]!r}).open")


def test_names_are_read_as_text(watched: Watched) -> None:
    """What folders and models are called stands on the page, letter by letter."""
    seen = watched.page.locator("body").inner_text()

    assert HOSTILE in seen
    assert PERSON in seen
    assert DATASET in watched.page.locator("body").text_content()


def test_a_table_is_downloaded(watched: Watched) -> None:
    """All numbers of an eval as CSV; a spreadsheet takes no cell for a formula."""
    watched.page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    with watched.page.expect_download() as downloading:
        watched.page.locator("a[download]").first.click()
    content = Path(downloading.value.path()).read_text(encoding="utf-8")

    assert content.startswith("eval,model,dataset,metric")
    assert f"'{DATASET}" in content.replace('""', '"')


def test_without_a_script_every_number_is_there(browser: Any, folder: Path, made: Made) -> None:  # noqa: ANN401
    """Verdicts, tables and the operating points; what needs the script is hidden."""
    opened = Watched(browser, (folder / "index.html").as_uri(), java_script_enabled=False)
    text = opened.page.locator("body").text_content()
    accuracy = next(m for m in made.run.measurements if m.name == "accuracy")

    assert f"{accuracy.value:.4f}" in text
    assert "clean threshold, mean of the folds" in text
    assert not opened.page.locator("input[type=range]").first.is_visible()
    opened.context.close()


def test_a_single_file_works_alone(browser: Any, folder: Path, made: Made, tmp_path: Path) -> None:  # noqa: ANN401
    """Far from its folder: all pictures are in it."""
    assert made.scored
    path = write_page(folder, page_of(folder), path=tmp_path / "mail.html", single_file=True)
    opened = Watched(browser, path.as_uri())
    opened.page.evaluate("document.querySelectorAll('img').forEach((each) => { each.loading = 'eager'; })")
    opened.page.wait_for_function("[...document.images].every((each) => each.complete && each.naturalWidth)")

    assert not opened.said
    assert {url.partition(":")[0] for url in opened.asked[1:]} <= {"data"}
    opened.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 1280, 820, 390])
def test_the_page_is_accessible(browser: Any, folder: Path, made: Made, scheme: str, width: int) -> None:  # noqa: ANN401
    """axe-core finds nothing serious in either scheme, and nothing is wider than the screen."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    assert made.scored
    how = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    opened = Watched(browser, (folder / "index.html").as_uri(), bypass_csp=True, **how)
    opened.page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    found = axe.Axe().run(opened.page).response["violations"]
    serious = [
        (each["id"], each["nodes"][0]["html"][:200]) for each in found if each["impact"] in ("serious", "critical")
    ]

    assert not serious, json.dumps(serious, indent=1)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    opened.context.close()
