"""Cases are made for every model and data set of the run, and for every level of the corruptions of a sweep."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from _pytest.mark.structures import ParameterSet  # pytest names the type nowhere else

from facecheck.plugin.markers import SweepAsked, is_eval, sweeps_asked
from facecheck.plugin.planning import planned, remember_problem

if TYPE_CHECKING:
    from facecheck.corruptions import Corruption
    from facecheck.datasets import Dataset
    from facecheck.plugin.plan import Plan

__all__: list[str] = []

_SWEPT = ("point", "sweep", "sweeps")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a case for each model, and for each data set that has what the case needs."""
    asks = {"recognizer", "dataset", *_SWEPT} & set(metafunc.fixturenames)
    if not asks or not is_eval(metafunc.definition):
        return
    try:
        _generate(metafunc, planned(metafunc.config))
    except pytest.UsageError as problem:
        remember_problem(metafunc.config, problem)
        pytest.skip(str(problem), allow_module_level=True)


def _generate(metafunc: pytest.Metafunc, plan: Plan) -> None:
    """Vary what varies slowest first: the levels of a sweep, and models within one level."""
    models = [pytest.param(spec, id=spec, marks=pytest.mark.xdist_group(ascii(spec))) for spec in plan.models]
    swept = metafunc.definition.get_closest_marker("sweep") is not None
    if swept:
        params = [param for asked in sweeps_asked(metafunc.definition) for param in _swept(metafunc, plan, asked)]
        metafunc.parametrize(("dataset", "levels"), params, indirect=["dataset"], scope="session")
    if "recognizer" in metafunc.fixturenames:
        metafunc.parametrize("recognizer", models, indirect=True, scope="session")
    if "dataset" in metafunc.fixturenames and not swept:
        marker = metafunc.definition.get_closest_marker("data")
        params = list(_datasets(plan, marker.args[0] if marker else "pairs"))
        metafunc.parametrize("dataset", params, indirect=True, scope="session")


# Data sets.


def _datasets(plan: Plan, kind: str) -> Iterator[ParameterSet]:
    """Yield the run's data sets that hold what a case needs; others, or none at all, make a case that is skipped."""
    opened = plan.asked
    specs = _timed_once(list(opened)) if kind == "any" else list(opened)
    fitting = [spec for spec in specs if _fits(opened[spec], kind)]
    lacking = [dataset for dataset in opened.values() if kind == "pairs" and _lacks_folds(dataset)]
    yield from (pytest.param(spec, id=opened[spec].name) for spec in fitting)
    yield from map(_without_folds, lacking)
    if not fitting and not lacking:
        yield _nothing_to_run_on(kind, opened)


def _fits(dataset: Dataset, kind: str) -> bool:
    from facecheck.faces.columns import have_groups  # noqa: PLC0415 - numpy comes with it

    return {
        "pairs": dataset.pairs.folds is not None,
        "people": not dataset.has_yaw and dataset.templates is None,
        "groups": dataset.pairs.folds is not None and not dataset.has_yaw and have_groups(dataset.faces),
        "yaw": dataset.has_yaw,
        "templates": dataset.templates is not None,
        "any": dataset.templates is None,
    }[kind]


def _timed_once(specs: list[str]) -> list[str]:
    """Leave the bundled strips out where the pairs are there: the same people in pictures of the same size.

    >>> _timed_once(["faces?part=pairs", "faces?part=strips", "strips:mine"])
    ['faces?part=pairs', 'strips:mine']
    """
    return [spec for spec in specs if spec != "faces?part=strips" or "faces?part=pairs" not in specs]


def _lacks_folds(dataset: Dataset) -> bool:
    return not dataset.has_yaw and dataset.templates is None and dataset.pairs.folds is None


def _without_folds(dataset: Dataset) -> ParameterSet:
    reason = (
        f"{dataset.name}: too few people, or too many compared with each other, for two folds with both kinds of "
        "pairs, so that no threshold can be chosen on other people"
    )
    return pytest.param("", id=dataset.name, marks=pytest.mark.skip(reason=reason))


def _nothing_to_run_on(kind: str, opened: dict[str, Dataset]) -> ParameterSet:
    what = {
        "pairs": "verification pairs in folds (lfw:, pairs:, folders:)",
        "people": "people beside strips (lfw:, pairs:, folders:)",
        "groups": "labels of groups (faces, or ?labels=FILE.csv with any other)",
        "yaw": "known yaws (strips:)",
        "templates": "templates of several images (ijb:FOLDER)",
        "any": "faces",
    }[kind]
    given = ", ".join(dataset.name for dataset in opened.values()) or "none"
    reason = f"no data set with {what} was asked for (given: {given}): add one to --facecheck-datasets"
    return pytest.param("", id="no-data", marks=pytest.mark.skip(reason=reason))


# Sweeps.


def _swept(metafunc: pytest.Metafunc, plan: Plan, asked: SweepAsked) -> Iterator[ParameterSet]:
    """Yield the levels of one eval's corruptions on each data set: one a case, or all of one, or all of all."""
    from facecheck.evaluation.degradations import SAMPLE, is_sampled  # noqa: PLC0415 - torch comes with it

    mark = pytest.mark.eval(asked.name, question=asked.question)
    for given in _datasets(plan, "pairs"):
        if given.marks:
            yield pytest.param(*given.values, (), id=f"{asked.name}-{given.id}", marks=[*given.marks, mark])
            continue
        spec = str(given.values[0])
        sampled = is_sampled(plan.asked[spec], full=plan.full)
        spec = SAMPLE if sampled else spec
        name = plan.dataset(spec).name
        for levels, title, marks in _levels(metafunc, plan, asked, sampled=sampled):
            yield pytest.param(spec, levels, id="-".join(filter(None, (name, title))), marks=[*marks, mark])


def _levels(
    metafunc: pytest.Metafunc, plan: Plan, asked: SweepAsked, *, sampled: bool
) -> Iterator[tuple[object, str, tuple[pytest.MarkDecorator, ...]]]:
    from facecheck.corruptions import of_family  # noqa: PLC0415 - OpenCV comes with it
    from facecheck.evaluation.degradations import chosen_levels, chosen_points  # noqa: PLC0415
    from facecheck.specs import spelt_number  # noqa: PLC0415

    if "point" in metafunc.fixturenames:
        more = plan.corruptions if "imagenet_c" in asked.families else ()
        for severity, applied, entry in chosen_points(asked.families, sampled=sampled, more=more):
            title = f"{applied.name}:{spelt_number(applied.level)}" if entry else applied.identity
            yield (severity, applied), title, _marks(entry)
        return
    chosen = {entry: chosen_levels(entry, sampled=sampled) for family in asked.families for entry in of_family(family)}
    if "sweep" in metafunc.fixturenames:
        yield from (({entry: levels}, entry.name, _marks(entry)) for entry, levels in chosen.items())
    else:
        yield chosen, "", ()


def _marks(entry: Corruption | None) -> tuple[pytest.MarkDecorator, ...]:
    """Mark what the two original studies did, so that ``-m studies`` repeats it."""
    from facecheck.evaluation.degradations import OF_THE_STUDIES  # noqa: PLC0415

    return (pytest.mark.studies,) if entry is not None and entry.name in OF_THE_STUDIES else ()
