"""``facecheck ijb FOLDER --model SPEC``: IJB-B and IJB-C, 1:1 and 1:N, for each recipe of templates."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facecheck.errors import FacecheckError

if TYPE_CHECKING:  # torch comes with it
    from facecheck.datasets.ijb import Ijb
    from facecheck.evaluation.templates import Pooled, Recipe
    from facecheck.metrics.identification import Bools, Numbers, Searches
    from facecheck.pipeline.listed import ListedVectors

__all__ = ["add_arguments", "run"]

_SCHEMA = 1
_RANKS = (1, 5, 10)
_FPIRS = (0.1, 0.01, 0.001)
_USUAL = "flip+kept+score"  # insightface's


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``facecheck ijb`` takes."""
    parser.add_argument("folder", type=Path, help="that holds meta/ and loose_crop/, as insightface lays them out")
    parser.add_argument("--model", required=True, help="specification of a model that is aligned by five points")
    parser.add_argument(
        "--recipe",
        action="append",
        default=[],
        help="of templates: flip or plain, kept or unit (norm), score or none (weight), joined by +; may be repeated; "
        f"{_USUAL} by default",
    )
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--out", type=Path, help="folder for the run: results.json, and ijb.json with every number")
    parser.add_argument("--limits", type=Path, help="file with [[limit]] tables of the eval templates: 1 if one fails")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what was measured, judge it and write it; 1 if a limit is not kept."""
    from facecheck.commands.ijb_run import judged, kept  # noqa: PLC0415 - numpy comes with it
    from facecheck.gate import read_limits  # noqa: PLC0415 - likewise

    if options.out is not None and not options.out.parent.is_dir():
        raise FacecheckError(f"{options.out}: there is no folder {options.out.parent}")
    limits = () if options.limits is None else read_limits(options.limits)
    started = dt.datetime.now().astimezone()
    measured = _measured(options)
    verdict = judged(measured, limits)
    print("\n".join(told(measured)))
    print(f"{verdict.outcome}{': ' + verdict.reason if verdict.outcome == 'failed' else ''}")
    if options.out is not None:
        print(f"results in {kept(measured, verdict, options.out, started=started, device=options.device)}")
    return int(verdict.outcome == "failed")


def _measured(options: argparse.Namespace) -> dict[str, Any]:
    # Torch comes with these.
    import msgspec  # noqa: PLC0415
    import torch  # noqa: PLC0415

    from facecheck.datasets.ijb import read_ijb  # noqa: PLC0415
    from facecheck.evaluation.signatures import sign_model  # noqa: PLC0415
    from facecheck.evaluation.templates import Recipe  # noqa: PLC0415
    from facecheck.models import Settings, build  # noqa: PLC0415
    from facecheck.pipeline.listed import listed_vectors  # noqa: PLC0415

    recipes = [Recipe.parse(text) for text in dict.fromkeys(options.recipe or [_USUAL])]
    listed = read_ijb(options.folder)
    recognizer = build(options.model, Settings(device=torch.device(options.device)))
    vectors = listed_vectors(recognizer, listed.images, listed.names, listed.points, terminal=sys.stderr)
    if not vectors.raw and any(recipe.norm == "kept" for recipe in recipes):
        raise FacecheckError(
            f"--model {options.model}: its vectors come scaled, so that no norm can be kept: give a recipe with unit"
        )
    return {
        "schema": _SCHEMA,
        "set": listed.name,
        "folder": str(options.folder),
        "model": msgspec.to_builtins(sign_model(recognizer)),
        "images": len(listed.names),
        "unreadable": vectors.unreadable,
        "recipes": [_by_recipe(recipe, listed, vectors) for recipe in recipes],
    }


def _by_recipe(recipe: Recipe, listed: Ijb, vectors: ListedVectors) -> dict[str, Any]:
    from facecheck.evaluation.templates import pool  # noqa: PLC0415

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
    from facecheck.evaluation.templates import FARS, at_far, nearest_far, pair_scores  # noqa: PLC0415
    from facecheck.metrics.curves import resolvable  # noqa: PLC0415

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
    from facecheck.metrics.intervals import proportion  # noqa: PLC0415

    found = proportion(hits, people)
    return [found.low, found.high]


def _identification(listed: Ijb, pooled: Pooled) -> Iterator[dict[str, Any]]:
    from facecheck.evaluation.templates import searched  # noqa: PLC0415
    from facecheck.metrics.curves import resolvable  # noqa: PLC0415

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
    from facecheck.metrics.identification import identified  # noqa: PLC0415

    hits = identified(found, rank=rank)
    return {"rate": float(hits.mean()), "interval": _interval(hits, found.probe[found.mated])}


def _open_set(found: Searches, fpir: float) -> dict[str, Any]:
    from facecheck.metrics.identification import fnir_at_fpir, missed  # noqa: PLC0415

    point = fnir_at_fpir(found, fpir)
    misses = missed(found, point.threshold)
    return {
        "asked": fpir,
        "fpir": point.fpir,
        "fnir": point.fnir,
        "interval": _interval(misses, found.probe[found.mated]),
    }


# What is printed.


def told(measured: dict[str, Any]) -> Iterator[str]:
    """Yield the results in lines.

    Args:
        measured: as it is written.
    """
    yield f"{measured['model']['name']} on {measured['set']}, {measured['images']} images"
    if measured["unreadable"]:
        first = next(iter(measured["unreadable"].values()))
        yield f"note: {len(measured['unreadable'])} images cannot be read: {first}"
    for each in measured["recipes"]:
        yield ""
        yield f"recipe {each['recipe']['name']}: {each['templates']} templates"
        if each["templates_without_vector"]:
            yield f"note: {each['templates_without_vector']} templates have no vector: their pairs do not match"
        yield from _told_pairs(each["verification"])
        yield from _told_searches(each["identification"])


def _told_pairs(found: dict[str, Any]) -> Iterator[str]:
    yield f"1:1, {found['genuine']} genuine and {found['impostor']} impostor pairs"
    yield "  FAR at most  TAR                      observed FAR  as published (nearest FAR)"
    for point in found["points"]:
        if "unresolved" in point:
            yield f"  {point['far']:<11.0e}  -  not resolved by {point['unresolved']}"
            continue
        nearest = point["as_published"]
        tar = f"{point['tar']:.4f} {_spelt(point['interval'])}"
        at = f"{nearest['tar']:.4f} at {nearest['far_observed']:.2e}"
        yield f"  {point['far']:<11.0e}  {tar:<23}  {point['far_observed']:<12.2e}  {at}"


def _spelt(interval: list[float] | None) -> str:
    return "" if interval is None else f"[{interval[0]:.4f}, {interval[1]:.4f}]"


def _told_searches(found: list[dict[str, Any]]) -> Iterator[str]:
    for each in found:
        yield f"1:N, gallery {each['gallery']}: {each['enrolled']} people, {each['mated']} mated probes"
        for rank, hit in each["rank"].items():
            yield f"  rank {rank}: {hit['rate']:.4f} {_spelt(hit['interval'])}"
        for point in each["open_set"]:
            fnir = f"{point['fnir']:.4f} {_spelt(point['interval'])}"
            yield f"  FPIR at most {point['asked']:g}: FNIR {fnir} at FPIR {point['fpir']:.4g}"
        if not each["open_set"]:
            yield f"  open set: {each['non_mated']} non-mated probes resolve no FPIR of {max(_FPIRS):g} or less"
    if len(found) > 1:
        mean = {rank: sum(each["rank"][rank]["rate"] for each in found) / len(found) for rank in found[0]["rank"]}
        yield f"mean of both galleries: {', '.join(f'rank {rank} {rate:.4f}' for rank, rate in mean.items())}"
