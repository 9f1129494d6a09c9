"""The page of a run, put together from what the run's folder holds."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from facecheck import __version__
from facecheck.errors import FacecheckError, printable
from facecheck.report.graph import Drawn
from facecheck.report.html.curves import curve_tables
from facecheck.report.html.models import cards, cases_of, changes_of, headline, promises_of
from facecheck.report.html.pictures import Picture, as_data, graph_of, pictures
from facecheck.report.html.tables import Table, as_csv, headline_table, measurement_tables, table_as_csv
from facecheck.report.html.thresholds import sliders
from facecheck.results.change import Against, Change, telling_flips, worst_of
from facecheck.results.measurement import Measurement
from facecheck.results.run import Run
from facecheck.results.scored_pairs import ScoredPairs, load_scores
from facecheck.results.shown import FACES, ShownFace, ShownFaces, load_shown
from facecheck.storage.files import file_stem, write_text

__all__ = ["PAGE", "Extras", "write_page"]

PAGE = "index.html"
_TABLES = "tables"
_TEMPLATES = Path(__file__).parent / "templates"
_WORSE = ("worse", "incomparable", "undecided")
_MOST_PROMISES = 600
_OF_SCORES = "verification"  # the eval whose graphs are drawn of scores
_FIRST = ("verification", "identification", "pose")  # evals, in the order of the page; others follow by name


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """What a page shows beside the run's own files.

    Args:
        graphs: the run's pictures.
        flipped: pictures of images by data set, corruption and name.
        trend: what changed over the runs of a history, in words.
        against: comparisons to be shown instead of the run's own.
        before: what these compare with, such as ``run A``; empty for the baseline that was approved.
        run: as it was read already, None if it is still to be read.
        clean: its scores of clean images, likewise.
        withheld_of: why pictures of a data set are not shown, by its name; those of others may be.
    """

    graphs: Sequence[Drawn] = ()
    flipped: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    trend: Sequence[str] = ()
    against: tuple[Against, ...] | None = None
    before: str = ""
    withheld_of: Mapping[str, str] = field(default_factory=dict)
    run: Run | None = None
    clean: Sequence[ScoredPairs] | None = None


def write_page(folder: Path, extras: Extras, *, path: Path | None = None, single_file: bool = False) -> Path:
    """Write the page of a run and the tables beside it, and return its path.

    Args:
        folder: of the run.
        extras: what it shows beside the run's own files.
        path: of the page, ``index.html`` of the folder by default; elsewhere only a single file works.
        single_file: hold the pictures as well, so that the one file can be mailed; the CSV stay in the folder.

    Raises:
        FacecheckError: the folder holds no run, or damaged files.
        OSError: it cannot be written.
    """
    for name in (_TABLES, FACES, "graphs"):
        if (folder / name).is_symlink():
            raise FacecheckError(f"{folder / name}: a link to elsewhere: expected a folder of the run")
    run = Run.read(folder) if extras.run is None else extras.run
    if extras.against is not None:
        run = dataclasses.replace(run, against=extras.against)
    clean = extras.clean
    if clean is None:
        clean = [each for each in load_scores(folder, hashes=run.scores) if each.condition == "clean"]
    behind = tuple(curve_tables(clean))
    if not single_file:
        (folder / _TABLES).mkdir(exist_ok=True)
        for file, content in _tables(run, behind):
            write_text(folder / file, content)
    moving = list(sliders(clean, run.measurements, run.signature.models))
    moving.sort(key=lambda each: each.has_clean_threshold, reverse=True)
    context = {
        **_of_run(run, folder, extras, behind),
        "sliders": moving,
        "slider_data": [each.as_json() for each in moving],
        "single": single_file,
        "picture": _of_picture(folder) if single_file else quote,
        "link": quote,
    }
    return write_text(folder / PAGE if path is None else path, render(context))


def render(context: Mapping[str, Any]) -> str:
    """Return the page as text: its script and style stand in it, and their hashes are its policy: nothing else runs."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script, style = ((_TEMPLATES / name).read_text(encoding="utf-8") for name in ("page.js", "page.css"))
    return environment.get_template("page.html").render(
        **context, script=script, style=style, script_hash=_hash(script), style_hash=_hash(style), version=__version__
    )


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _of_picture(folder: Path) -> Callable[[str], str]:
    return lambda file: as_data(folder / file)


# What the template is given.


def _of_run(run: Run, folder: Path, extras: Extras, behind: Sequence[Table]) -> dict[str, object]:
    models = cards(run)
    failed, more_failed = cases_of(run)
    promises = promises_of(run)
    graphs = pictures(folder, extras.graphs)
    shown = [each for each in load_shown(folder) if run.signature.model(each.model) is not None]
    shown = [_permitted(each, extras.withheld_of, folder) for each in shown]
    yardstick = extras.before or "baseline"
    harms = [(each, *changes_of(run, each, _WORSE, yardstick=yardstick)) for each in run.against]
    gains = [(each, *changes_of(run, each, ("better",), yardstick=yardstick)) for each in run.against]
    return {
        "run": run,
        "models": models,
        "headline": headline(models),
        "numbers": headline_table(run.measurements),
        "bad": [card for card in models if not card.ships],
        "promises": promises[:_MOST_PROMISES],
        "more_promises": max(0, len(promises) - _MOST_PROMISES),
        "failed": failed,
        "more_failed": more_failed,
        "harms": [entry for entry in harms if entry[1]],
        "gains": [entry for entry in gains if entry[1]],
        "flips": [entry for entry in ((each, _flips(each, extras)) for each in run.against) if entry[1]],
        "evals": _evals(run, graphs, behind),
        "yardstick": yardstick,
        "graph_of": lambda case: graph_of(graphs.get(case.eval, ()), case.dataset, case.metric),
        "anchors": {name: f"eval-{file_stem(name)}" for name in run.questions},
        "faces": _by_model(shown, [card.model.name for card in models]),
        "faces_of": _places(shown),
        "withheld": next(filter(None, (*extras.withheld_of.values(), *(each.withheld for each in shown))), ""),
        "trend": list(extras.trend),
        "trend_pictures": graphs.get("trend", []),
        "libraries": sorted(run.signature.libraries.items()),
        "machine": _machine(run),
        "notes": [note for note in run.notes if not any(note in dict(card.notes) for card in models)],
        "failures": _failures(run),
        "faces_folder": FACES,
    }


def _machine(run: Run) -> list[tuple[str, str]]:
    machine, code = run.signature.machine, run.signature.code
    commit = code.repository
    told = [
        ("facecheck", code.facecheck),
        ("commit", "" if commit is None else f"{commit.commit}{' and changes' if commit.dirty else ''}"),
        ("device", machine.device),
        ("precision", machine.precision),
        ("processor", f"{machine.processor}, {machine.cores} cores"),
        ("system", machine.system),
        ("Python", machine.python),
        ("CUDA", machine.cuda or ""),
    ]
    return [(name, text) for name, text in told if text]


def _failures(run: Run) -> list[tuple[str, str, str, int]]:
    return [(each.model, each.dataset, each.corrupted, len(each.images)) for each in run.failures]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalSection:
    """One eval of the page.

    Args:
        name: of the eval.
        question: that it asks.
        outcomes: how its cases ended, in words.
        lead: pictures that are looked at first.
        rest: other pictures.
        tables: what each holds, such as a data set, its columns in groups, and the file that holds all of it.
    """

    name: str
    question: str
    outcomes: str
    lead: tuple[Picture, ...]
    rest: tuple[Picture, ...]
    tables: tuple[tuple[str, tuple[Table, ...], str], ...]


def _evals(run: Run, graphs: Mapping[str, list[Picture]], behind: Sequence[Table]) -> list[EvalSection]:
    measured = _measured(run)
    names = sorted({*run.questions, *(m.eval for m in run.measurements)}, key=_order)
    sections = []
    for name in names:
        counts: dict[str, int] = defaultdict(int)
        for verdict in run.verdicts:
            counts[verdict.outcome] += verdict.eval == name
        found = graphs.get(name, [])
        lead = [picture for picture in found if picture.lead and not picture.is_tall][:4]
        sections.append(
            EvalSection(
                name=name,
                question=run.questions.get(name, ""),
                outcomes=", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count),
                lead=tuple(lead),
                rest=tuple(picture for picture in found if picture not in lead),
                tables=(
                    *(
                        (dataset, measurement_tables(group), _table_file(name, dataset))
                        for (eval_name, dataset), group in measured.items()
                        if eval_name == name
                    ),
                    *(
                        (table.title, (table,), _table_file(name, table.title))
                        for table in behind
                        if name == _OF_SCORES
                    ),
                ),
            )
        )
    return sections


def _order(name: str) -> tuple[int, str]:
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST), name)


def _measured(run: Run) -> dict[tuple[str, str], list[Measurement]]:
    found: dict[tuple[str, str], list[Measurement]] = {}
    for m in run.measurements:
        found.setdefault((m.eval, m.dataset), []).append(m)
    return found


def _table_file(eval_name: str, dataset: str) -> str:
    exact = hashlib.sha256(f"{eval_name} {dataset}".encode("utf-8", "backslashreplace")).hexdigest()[:6]
    return f"{_TABLES}/{file_stem(f'{eval_name}-{dataset}', most=80)}-{exact}.csv"


def _tables(run: Run, behind: Sequence[Table]) -> Iterable[tuple[str, str]]:
    for table in behind:
        yield _table_file(_OF_SCORES, table.title), table_as_csv(table)
    for (eval_name, dataset), group in _measured(run).items():
        yield _table_file(eval_name, dataset), as_csv(group)


# The faces that it gets wrong.


def _permitted(shown: ShownFaces, withheld: Mapping[str, str], folder: Path) -> ShownFaces:
    """Return what is shown without pictures that must not be, or that are not there any more."""
    reason = withheld.get(shown.dataset, "")

    def kept(face: ShownFace) -> ShownFace:
        there = face.picture and not reason and (folder / FACES / face.picture).is_file()
        return face if there else dataclasses.replace(face, picture="")

    return dataclasses.replace(
        shown,
        pairs=tuple(dataclasses.replace(p, first=kept(p.first), second=kept(p.second)) for p in shown.pairs),
        failed=tuple(kept(face) for face in shown.failed),
        withheld=reason or shown.withheld,
    )


def _by_model(shown: Iterable[ShownFaces], order: Sequence[str]) -> list[tuple[str, list[ShownFaces]]]:
    """Return what is shown of each model, in an order; clean images first, then the corruptions with most errors."""
    found: dict[str, list[ShownFaces]] = {}
    for each in shown:
        if each.pairs or each.failed:
            found.setdefault(each.model, []).append(each)
    for group in found.values():
        group.sort(key=lambda each: (each.condition != "clean", each.threshold != "clean", -each.errors))
    return sorted(found.items(), key=lambda item: order.index(item[0]))


def _places(shown: Iterable[ShownFaces]) -> dict[tuple[str, str, str], str]:
    """Return the anchor of what is shown, by model, data set and corruption: with its level, and without."""
    found: dict[tuple[str, str, str], str] = {}
    for each in shown:
        if each.pairs or each.failed:
            for condition in (each.condition, each.condition.partition(":")[0]):
                found.setdefault((each.model, each.dataset, condition), f"faces-{_key(each)}")
    return found


def _key(each: ShownFaces) -> str:
    text = "\n".join((each.model, each.dataset, each.condition))
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:10]


def _flips(against: Against, extras: Extras) -> list[tuple[Change, list[dict[str, Any]]]]:
    """Return the pairs that changed sides of the changes that matter most, with pictures where there are some."""
    told: list[tuple[Change, list[dict[str, Any]]]] = []
    for change in telling_flips(against):
        at = change.dataset, change.conditions.corrupted
        pairs = [
            {
                "names": [printable(first), printable(second)],
                "pictures": [extras.flipped.get((*at, name), "") for name in (first, second)],
                "told": _moved(change, old, new),
            }
            for first, second, old, new in worst_of(change)
        ]
        told.append((change, pairs))
    return told


def _moved(change: Change, old: float | None, new: float | None) -> str:
    """Say what became of a pair: its similarity, or the share of levels at which it is judged correctly."""
    if change.conditions.levels is not None:
        return f"judged correctly at {old or 0:.0%} of the levels → {new or 0:.0%}"
    before, after = ("none, no face" if value is None else f"{value:.4f}" for value in (old, new))
    return f"similarity {before} → {after}"
