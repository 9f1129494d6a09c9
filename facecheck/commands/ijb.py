"""``facecheck ijb FOLDER --model SPEC``: IJB-B and IJB-C, 1:1 and 1:N, for each recipe of templates."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from facecheck.errors import FacecheckError

__all__ = ["add_arguments", "run"]

_SCHEMA = 1
_MOST_FPIR = 0.1
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
    from facecheck.evaluation.template_rates import by_recipe  # noqa: PLC0415
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
        "recipes": [by_recipe(recipe, listed, vectors) for recipe in recipes],
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
            yield f"  open set: {each['non_mated']} non-mated probes resolve no FPIR of {_MOST_FPIR:g} or less"
    if len(found) > 1:
        mean = {rank: sum(each["rank"][rank]["rate"] for each in found) / len(found) for rank in found[0]["rank"]}
        yield f"mean of both galleries: {', '.join(f'rank {rank} {rate:.4f}' for rank, rate in mean.items())}"
