"""``facecheck make-bin SPEC --out FILE.bin``: insightface's ``.bin`` out of any verification protocol.

Each picture becomes the five-point crop of 112 px that the pipeline cuts out of it, as JPEG or PNG. An image that the
protocol uses again is stored once, and referred to. The file is read by insightface's own loader, and by ``bin:``.

Whoever reads it cuts ten folds in the order of the file, so that pairs are written fold by fold.
"""

from __future__ import annotations

import argparse
import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from facecheck.errors import FacecheckError

if TYPE_CHECKING:  # torch comes with it
    from facecheck.datasets import Dataset
    from facecheck.faces import Image, Pairs
    from facecheck.models.recognizer import Recognizer
    from facecheck.pipeline.work import Crop

__all__ = ["add_arguments", "run"]

_FOLDS = 10  # that readers cut
_NAMED = 5
_QUALITY = 95


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``facecheck make-bin`` takes."""
    parser.add_argument("dataset", help="specification of a data set of pairs, such as lfw:FOLDER")
    parser.add_argument("--out", type=Path, required=True, help="the file to write, .bin; read by bin:FILE")
    parser.add_argument(
        "--model", required=True, help="specification of a model that is aligned by five points at 112 px"
    )
    parser.add_argument("--form", choices=["jpeg", "png"], default="jpeg", help="of the pictures, jpeg by default")
    parser.add_argument(
        "--quality", type=int, default=_QUALITY, help=f"of JPEGs, 1 to 100, {_QUALITY} by default; colours stay whole"
    )
    parser.add_argument(
        "--faceless",
        choices=["centre", "refuse"],
        default="centre",
        help="what an image without a face becomes: the crop of the box at its centre (default), or an error",
    )
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--cache", help="folder of the cache, or none")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the file and say what it holds."""
    made = _made(options)
    print(
        f"{options.out}: {made.pairs} pairs, {made.genuine} of them genuine, of {made.images} images of 112 px, "
        f"{options.out.stat().st_size / 2**20:.1f} MiB"
    )
    for note in made.notes:
        print(f"note: {note}")
    print(f'next: pytest evals/ --facecheck-datasets "bin:{options.out}" --facecheck-models "MODEL?detector=none"')
    return 0


class _Made(NamedTuple):
    pairs: int
    genuine: int
    images: int
    notes: tuple[str, ...]


def _made(options: argparse.Namespace) -> _Made:
    # Torch comes with these.
    import torch  # noqa: PLC0415

    from facecheck.datasets import open_dataset  # noqa: PLC0415
    from facecheck.models import Settings, build  # noqa: PLC0415
    from facecheck.pipeline import Pipeline  # noqa: PLC0415
    from facecheck.storage.cache import Cache  # noqa: PLC0415
    from facecheck.storage.files import writing  # noqa: PLC0415
    from facecheck.storage.weights import cache_folder  # noqa: PLC0415

    _check(options)
    dataset = open_dataset(options.dataset)
    recognizer = _aligning(build(options.model, Settings(device=torch.device(options.device))), options)
    ordered, notes = _in_order(dataset)
    genuine = ordered.genuine.tolist()
    cache = None if options.cache == "none" else Cache(Path(options.cache) if options.cache else cache_folder())
    try:
        crops = Pipeline(cache=cache).crops(recognizer, ordered.faces)
        with writing(options.out) as stream:
            faceless = _write(stream, ordered.indices.tolist(), genuine, _encoded(crops, options))
    finally:
        if cache is not None:
            cache.close()
    return _Made(len(genuine), sum(genuine), len(ordered.faces), (*notes, *_faceless(faceless, len(ordered.faces))))


def _check(options: argparse.Namespace) -> None:
    if not 1 <= options.quality <= 100:  # noqa: PLR2004 - percent
        raise FacecheckError(f"--quality {options.quality}: expected 1 to 100")
    if options.out.exists() or options.out.is_symlink():
        raise FacecheckError(f"{options.out}: is there, and is not overwritten: choose another name")
    if not options.out.parent.is_dir():
        raise FacecheckError(f"{options.out}: there is no folder {options.out.parent}")


def _aligning(recognizer: Recognizer, options: argparse.Namespace) -> Recognizer:
    """Return the recogniser with what it does about images without a face; it must cut aligned crops."""
    import dataclasses  # noqa: PLC0415

    from facecheck.alignment import FivePoint  # noqa: PLC0415

    usual = FivePoint().identity
    if recognizer.aligner.identity not in (usual, f"aligned-before({FivePoint().shape[0]})"):
        raise FacecheckError(
            f"--model {options.model}: its crops are {recognizer.aligner.identity}; a .bin holds {usual}: give a model "
            "that is aligned so, such as edgeface-xs, or add ?detector=none where the pictures are such crops"
        )
    fallback = "centre_box" if options.faceless == "centre" else "none"
    return dataclasses.replace(recognizer, policy=dataclasses.replace(recognizer.policy, fallback=fallback))


def _in_order(dataset: Dataset) -> tuple[Pairs, tuple[str, ...]]:
    """Return the pairs fold by fold, images in the order of their first use, and what readers of the file will see.

    Raises:
        FacecheckError: a data set that is no verification protocol.
    """
    import numpy as np  # noqa: PLC0415

    from facecheck.datasets.people import tenths  # noqa: PLC0415

    pairs = dataset.pairs
    if dataset.has_yaw or not 0 < int(pairs.genuine.sum()) < len(pairs):
        raise FacecheckError(
            f"{dataset.spec}: {dataset.protocol}: expected a verification protocol, pairs of one person and of two"
        )
    rows = np.arange(len(pairs)) if pairs.folds is None else np.argsort(pairs.folds, kind="stable")
    ordered = pairs.take(rows)
    cut, _ = tenths(ordered.genuine)
    if ordered.folds is None or cut is None:
        return ordered, ("without folds: its readers cut ten in the order of the pairs, and people may be in several",)
    if len(np.unique(ordered.folds)) == _FOLDS and np.array_equal(
        np.unique(ordered.folds, return_inverse=True)[1], cut
    ):
        return ordered, ()
    folds = len(np.unique(ordered.folds))
    return ordered, (
        f"its readers cut {_FOLDS} folds in the order of the pairs: not those of {dataset.name} ({folds})",
    )


# What is written.


class _Picture(NamedTuple):
    name: str
    content: bytes
    faceless: bool


def _encoded(crops: Iterator[Crop], options: argparse.Namespace) -> Iterator[_Picture]:
    """Yield each crop as the bytes of an image file.

    Raises:
        FacecheckError: an image that cannot be read, or that has no face and may not be without.
    """
    for crop in crops:
        if crop.pixels is None:
            why = crop.unreadable or f"{crop.source.name}: no face was found"
            raise FacecheckError(f"{why}. A .bin holds both images of every pair: mend the picture, or leave it out")
        yield _Picture(crop.source.name, _bytes(crop.pixels, options), crop.fallback)


def _bytes(pixels: Image, options: argparse.Namespace) -> bytes:
    import PIL.Image  # noqa: PLC0415 - with the rest

    stream = io.BytesIO()
    image = PIL.Image.fromarray(pixels)
    if options.form == "png":
        image.save(stream, "PNG")
    else:
        image.save(stream, "JPEG", quality=options.quality, subsampling=0)
    return stream.getvalue()


def _write(stream: BinaryIO, pairs: list[list[int]], genuine: list[bool], pictures: Iterator[_Picture]) -> list[str]:
    """Write a pickle of protocol 3, ``([image, image, ...], [True, False, ...])``, and return who had no face.

    Each picture is written when it comes, and never held: opcodes are few, and the standard library would need all of
    them at once.
    """
    faceless: list[str] = []
    known = -1  # the last image that is in the file
    stream.write(b"\x80\x03](")
    for number in (side for pair in pairs for side in pair):
        if number <= known:
            stream.write(b"j" + struct.pack("<I", number))
            continue
        picture, known = next(pictures), number
        faceless += [picture.name] if picture.faceless else []
        stream.write(b"B" + struct.pack("<I", len(picture.content)) + picture.content)
        stream.write(b"r" + struct.pack("<I", number))
    stream.write(b"e](" + b"".join(b"\x88" if each else b"\x89" for each in genuine) + b"e\x86.")
    return faceless


def _faceless(names: list[str], images: int) -> tuple[str, ...]:
    if not names:
        return ()
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    shown = ", ".join(names[:_NAMED])
    told = f"no face was found in {len(names)} of {images} images; of these the crop is the box at the centre"
    return (f"{told}: {shown}{more}",)
