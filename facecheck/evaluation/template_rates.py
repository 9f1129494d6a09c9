"""What the eval of templates measures: 1:1 at each FAR, 1:N in each gallery, for one recipe of templates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from facecheck.datasets.dataset import Dataset
from facecheck.datasets.ijb import Ijb
from facecheck.errors import FacecheckError
from facecheck.evaluation.evaluator import Evaluator
from facecheck.evaluation.templates import FARS, Pooled, Recipe, at_far, nearest_far, pair_scores, pool, searched
from facecheck.metrics.curves import resolvable
from facecheck.metrics.identification import Bools, Numbers, Searches, fnir_at_fpir, identified, missed
from facecheck.metrics.intervals import Estimate, proportion, wilson
from facecheck.models.recognizer import Recognizer
from facecheck.pipeline.listed import ListedVectors
from facecheck.results.conditions import NON_MATCH, Conditions
from facecheck.results.measurement import Findings, Measured

__all__ = ["by_recipe", "of_pairs", "of_recipe", "of_searches", "resolved_fars", "templated"]

_RANKS = (1, 5, 10)
_FPIRS = (0.1, 0.01, 0.001)
_USUAL = Recipe()
_SCALED = Recipe(norm="unit")


def templated(evaluator: Evaluator, recognizer: Recognizer, dataset: Dataset) -> dict[str, Any]:
    """Return every rate of a model on a set of templates, as :func:`by_recipe` does, with what could not be read.

    The recipe is the data set's; by default insightface's, or its vectors of length one where a model gives no others.

    Raises:
        FacecheckError: the recipe keeps norms that the model does not give, or the lists are at fault.
    """
    listed = dataset.templates
    assert listed is not None, "the case asked for a data set with templates"
    vectors = evaluator.listed(recognizer, dataset)
    recipe = Recipe.parse(listed.recipe) if listed.recipe else _USUAL if vectors.raw else _SCALED
    if recipe.norm == "kept" and not vectors.raw:
        raise FacecheckError(
            f"{dataset.spec}: the vectors of {recognizer.name} come scaled, so that no norm can be kept: give a recipe "
            "with unit"
        )
    return {**by_recipe(recipe, listed, vectors), "unreadable": vectors.unreadable}


def by_recipe(recipe: Recipe, listed: Ijb, vectors: ListedVectors) -> dict[str, Any]:
    """Return every rate of one recipe, as plain values.

    Args:
        recipe: of the templates.
        listed: the set.
        vectors: of its images.

    Raises:
        FacecheckError: a list that names templates without images.
    """
    pooled = pool(
        recipe,
        vectors.plain,
        vectors.mirrored,
        scores=listed.scores,
        templates=listed.templates,
        media=listed.media,
    )
    return {
        "recipe": {"flip": recipe.flip, "norm": recipe.norm, "weight": recipe.weight, "name": recipe.name},
        "templates": len(pooled.templates),
        "templates_without_vector": int((~pooled.found).sum()),
        "verification": _verification(listed, pooled),
        "identification": list(_identification(listed, pooled)),
    }


def _verification(listed: Ijb, pooled: Pooled) -> dict[str, Any]:
    found = pair_scores(pooled, listed.blocks())
    genuine, impostor = found.genuine, found.impostor
    people = listed.subjects(found.templates)
    points = []
    for far in FARS:
        if not len(genuine) or not resolvable(len(impostor), far):
            points.append({"far": far, "unresolved": f"{len(genuine)} genuine and {len(impostor)} impostor pairs"})
            continue
        strict, nearest = at_far(genuine, impostor, far), nearest_far(genuine, impostor, far)
        points.append(
            {
                "far": far,
                "tar": strict.tar,
                "interval": None if people is None else _interval(genuine > strict.above, people),
                "far_observed": strict.far,
                "as_published": {"tar": nearest.tar, "far_observed": nearest.far},
            }
        )
    return {"genuine": len(genuine), "impostor": len(impostor), "points": points}


def _interval(hits: Bools, people: Numbers) -> list[float]:
    """Return the ends of a fraction's 95 % interval by identity; thresholds are taken as fixed."""
    found = proportion(hits, people)
    return [found.low, found.high]


def _identification(listed: Ijb, pooled: Pooled) -> Iterator[dict[str, Any]]:
    if listed.probes is None:
        return
    probes = listed.probes.templates, listed.probes.subjects
    for gallery in listed.galleries:
        try:
            found = searched(pooled, gallery=(gallery.templates, gallery.subjects), probes=probes)
            ranks = {str(rank): _rank(found, rank) for rank in _RANKS}
        except ValueError as error:
            raise FacecheckError(f"{listed.images.parent}, gallery {gallery.name}: {error}") from error
        strangers = int((~found.mated).sum())
        points = [_open_set(found, fpir) for fpir in _FPIRS if resolvable(strangers, fpir)]
        yield {
            "gallery": gallery.name,
            "enrolled": found.enrolled,
            "mated": len(found) - strangers,
            "non_mated": strangers,
            "rank": ranks,
            "open_set": points,
        }


def _rank(found: Searches, rank: int) -> dict[str, Any]:
    hits = identified(found, rank=rank)
    return {"rate": float(hits.mean()), "interval": _interval(hits, found.probe[found.mated])}


def _open_set(found: Searches, fpir: float) -> dict[str, Any]:
    point = fnir_at_fpir(found, fpir)
    misses = missed(found, point.threshold)
    return {
        "asked": fpir,
        "fpir": point.fpir,
        "fnir": point.fnir,
        "interval": _interval(misses, found.probe[found.mated]),
    }


# As measurements.


def of_recipe(recipe: Mapping[str, Any]) -> Findings:
    """Return every rate as a measurement under its recipe."""
    return of_pairs(recipe) + of_searches(recipe)


def of_pairs(recipe: Mapping[str, Any]) -> Findings:
    """Return TAR at every FAR that the impostor pairs resolve, with what is published beside it."""
    name, pairs = recipe["recipe"]["name"], recipe["verification"]
    at = NON_MATCH | Conditions(recipe=name)
    points = [point for point in pairs["points"] if "unresolved" not in point]
    measured = tuple(
        _measured("tar_at_far", point["tar"], point["interval"], pairs["genuine"], at | Conditions(far=point["far"]))
        for point in points
    )
    failures = tuple(("clean", image, why) for image, why in recipe.get("unreadable", {}).items())
    lacking = recipe["templates_without_vector"]
    notes = [f"{name}: {lacking} templates have no vector: their pairs do not match"] if lacking else []
    return Findings(measured, (*notes, *dict.fromkeys(_notes(name, points))), failures)


def _notes(name: str, points: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for point in points:
        near = point["as_published"]
        yield (
            f"{name}: TAR {near['tar']:.4f} as published, at the FAR nearest to {point['far']:g}, which is "
            f"{near['far_observed']:.3g}"
        )
        if point["interval"] is None:
            yield f"{name}: the lists name no subjects, and intervals take pairs as independent"


def resolved_fars(recipe: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the FARs for which there are enough impostor pairs to keep a limit, 30/FAR."""
    impostors = recipe["verification"]["impostor"]
    return tuple(far for far in FARS if resolvable(impostors, far, for_gate=True))


def of_searches(recipe: Mapping[str, Any]) -> Findings:
    """Return identification rates and FNIR of each gallery."""
    at, found = NON_MATCH | Conditions(recipe=recipe["recipe"]["name"]), []
    for search in recipe["identification"]:
        there = at | Conditions(gallery=search["gallery"])
        for rank, hit in search["rank"].items():
            here = there | Conditions(rank=int(rank))
            found.append(_measured("identification_rate", hit["rate"], hit["interval"], search["mated"], here))
        for point in search["open_set"]:
            here = there | Conditions(fpir=point["asked"], rank=1)
            found.append(_measured("fnir", point["fnir"], point["interval"], search["mated"], here))
    return Findings(tuple(found))


def _measured(name: str, value: float, interval: Sequence[float] | None, n: int, at: Conditions) -> Measured:
    # Without subjects, pairs are taken as independent: the run notes it.
    low, high = interval or wilson(value, n)
    return Measured(name=name, estimate=Estimate(value, low, high, n), conditions=at)
