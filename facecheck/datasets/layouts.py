"""``pairs:PATH?layout=NAME&root=DIR``: lists and folders as they are published, each with its traps.

The same grammar as for any list of pairs, with the name of a layout: which column is what, where the folds are, who is
in a picture, and how many pairs the published list has. A list that has others is refused, since a truncated one looks
like any other; ``partial=yes`` takes it as it is.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from facecheck.datasets.dataset import Dataset
from facecheck.datasets.galleries import SCFACE_DISTANCES, read_scface, read_tinyface
from facecheck.datasets.lfw import faces_of_rows, lfw_rows
from facecheck.datasets.lists import Line, read_lines, shown
from facecheck.datasets.pair_list import pairs_of_table, read_pairs
from facecheck.datasets.pair_table import ListedPair, read_table
from facecheck.datasets.people import folded_by_identity, repeated, tenths
from facecheck.datasets.places import existing_file, existing_folder
from facecheck.datasets.rfw import RACES, read_rfw
from facecheck.datasets.sizes import aligned_crops
from facecheck.errors import DatasetError, nearest
from facecheck.faces import Pairs
from facecheck.specs import Spec

__all__ = ["LAYOUTS", "Layout", "read_pairs_or_layout"]

_PUBLISHED = 6000  # pairs of LFW's view 2, which most lists keep to


def read_pairs_or_layout(spec: Spec) -> Dataset:
    """Open ``pairs:FILE?root=DIR``, or ``pairs:PATH?layout=NAME`` for a published layout.

    Raises:
        DatasetError: an unknown layout, and what its reader raises.
    """
    if "layout" not in spec.options:
        return read_pairs(spec)
    name = spec.options["layout"]
    if name not in LAYOUTS:
        raise DatasetError(f"{spec.text}: layout {name!r} is unknown. {nearest(name, LAYOUTS)}")
    layout = LAYOUTS[name]
    spec.refuse_unknown(("layout", "name", *layout.options))
    read = layout.read(spec)
    if layout.pairs:
        _refuse_other_counts(spec, layout, read.pairs)
    return dataclasses.replace(
        read,
        name=spec.options.get("name", read.name),
        aligned=aligned_crops(read.faces),
    )


def _refuse_other_counts(spec: Spec, layout: Layout, pairs: Pairs) -> None:
    partial = spec.options.get("partial", "no")
    if partial not in ("yes", "no"):
        raise DatasetError(f"{spec.text}: partial={partial}: expected yes or no")
    genuine = int(pairs.genuine.sum())
    if partial == "no" and (len(pairs), genuine) != (layout.pairs, layout.pairs // 2):
        raise DatasetError(
            f"{spec.text}: {len(pairs)} pairs, {genuine} of them genuine: {layout.title} has {layout.pairs}, half of "
            "them genuine: the list is truncated, or another. partial=yes takes it as it is"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A published layout.

    Args:
        title: its name.
        read: opens it.
        options: of its specification, besides ``layout`` and ``name``.
        pairs: of the published list, half of them genuine; 0 where there is no such list.
        trap: what others got wrong with it.
        source: where the layout is described.
    """

    title: str
    read: Callable[[Spec], Dataset]
    options: frozenset[str]
    pairs: int
    trap: str
    source: str


# Lists.

_Rows = Callable[[Path, tuple[Line, ...]], list[ListedPair]]


class _People(NamedTuple):
    """How files are called after people: the person is the first group."""

    pattern: re.Pattern[str]

    def of(self, image: str) -> str | None:
        found = self.pattern.fullmatch(image.replace("\\", "/").rpartition("/")[2])
        return found[1] if found else None


# ``Name_0001.jpg``, in MLFW with the number of a variant.
_AFTER_LFW = _People(re.compile(r"(.+?)_[0-9]{1,4}(?:_[0-9]{1,4})?\.\w+"))
_AFTER_AGEDB = _People(re.compile(r"[0-9]+_(.+)_[0-9]+_[mf]\.\w+"))


def _list_of(kind: str, rows: _Rows, people: _People) -> Callable[[Spec], Dataset]:
    """Return the reader of a list whose rows name two images."""

    def read(spec: Spec) -> Dataset:
        listed, root = _places(spec)
        found, doubts = _with_people(listed, rows(listed, read_lines(listed)), people)
        made = pairs_of_table(listed, root, found)
        folds, how = tenths(made.pairs.genuine)
        pairs, changed = folded_by_identity(dataclasses.replace(made.pairs, folds=folds), source=listed.name)
        return Dataset(
            name=kind,
            kind="pairs",
            spec=spec.text,
            pairs=pairs,
            protocol=f"{made.protocol}, {_folds(pairs)}",
            notes=(*doubts, *made.notes, *(f"{listed.name}: {each}" for each in how), *changed),
            people_known=made.people_known,
        )

    return read


def _places(spec: Spec) -> tuple[Path, Path]:
    if not spec.path:
        raise DatasetError(f"{spec.text!r}: expected a file, pairs:FILE?layout={spec.options['layout']}&root=FOLDER")
    listed = existing_file(spec, spec.path)
    return listed, existing_folder(spec, spec.options["root"]) if "root" in spec.options else listed.parent


def _folds(pairs: Pairs) -> str:
    return "no folds" if pairs.folds is None else f"{len(np.unique(pairs.folds))} folds"


def _with_people(listed: Path, rows: Sequence[ListedPair], people: _People) -> tuple[list[ListedPair], tuple[str, ...]]:
    """Return rows with the people after whom the files are called, where all are and no label contradicts them."""
    named = []
    for row in rows:
        first, second = (people.of(image) for image in row.images)
        if first is None or second is None:
            return list(rows), ()
        if row.genuine is not None and row.genuine != (first == second):
            kind = "one person" if row.genuine else "two people"
            note = (
                f"{listed.name}: line {row.line} is labelled as {kind}, and the files are called after {shown(first)} "
                f"and {shown(second)}: people are taken from the labels alone"
            )
            return list(rows), (note,)
        named.append(row._replace(subjects=(first, second)))
    return named, ()


def _table_rows(listed: Path, lines: tuple[Line, ...]) -> list[ListedPair]:
    """Return the rows of a table, such as ``1 a.jpg b.jpg``, in whichever order its columns are."""
    rows, _ = read_table(listed, lines)
    return [row._replace(fold=None) for row in rows]


_LABELLED = re.compile(r"(\S.*?)\s+(-?[0-9]{1,9})\s*")


def _two_labelled_lines(listed: Path, lines: tuple[Line, ...]) -> list[ListedPair]:
    """Return the pairs of two lines each, ``image label``; any label but 0 is a genuine pair."""
    sides = []
    for line in lines:
        found = _LABELLED.fullmatch(line.text)
        if found is None:
            raise DatasetError(f"{listed}, line {line.number}: expected 'image label', not {shown(line.text)}")
        sides.append((line.number, found[1], int(found[2]) != 0))
    pairs = list(zip(sides[::2], sides[1::2], strict=False))
    _refuse_odd(listed, lines)
    for (_, _, genuine), (number, _, other) in pairs:
        if genuine != other:
            raise DatasetError(
                f"{listed}, line {number}: labelled otherwise than line {number - 1}, the other image of the pair: a "
                "line is missing, or there is one too many"
            )
    return [
        ListedPair(line=number, images=(first, second), subjects=None, genuine=genuine, fold=None)
        for (number, first, genuine), (_, second, _) in pairs
    ]


def _refuse_odd(listed: Path, lines: tuple[Line, ...]) -> None:
    if len(lines) % 2 or not lines:
        last = lines[-1].number if lines else 0
        raise DatasetError(
            f"{listed}, line {last}: {len(lines)} images: expected two lines for each pair: the list is truncated"
        )


def _two_paths(listed: Path, lines: tuple[Line, ...]) -> list[ListedPair]:
    """Return the pairs of two lines each, ``Name/Name_0001.jpg``; a pair of one name is genuine."""
    _refuse_odd(listed, lines)
    for line in lines:
        if _AFTER_LFW.of(line.text.strip()) is None:
            raise DatasetError(f"{listed}, line {line.number}: expected 'Name/Name_0001.jpg', not {shown(line.text)}")
    texts = [line.text.strip() for line in lines]
    return [
        ListedPair(
            line=line.number,
            images=(first, second),
            subjects=None,
            genuine=_AFTER_LFW.of(first) == _AFTER_LFW.of(second),
            fold=None,
        )
        for line, first, second in zip(lines[::2], texts[::2], texts[1::2], strict=True)
    ]


def _either(listed: Path, lines: tuple[Line, ...]) -> list[ListedPair]:
    """Return the pairs of a list that people have in both forms: three columns, or two lines a pair."""
    if lines and _LABELLED.fullmatch(lines[0].text) and len(lines[0].text.split()) == 2:  # noqa: PLR2004 - image, label
        return _two_labelled_lines(listed, lines)
    return _table_rows(listed, lines)


def _lfw_variant(kind: str) -> Callable[[Spec], Dataset]:
    """Return the reader of LFW's own list over other pictures of the same names."""

    def read(spec: Spec) -> Dataset:
        listed, root = _places(spec)
        rows = lfw_rows(listed, read_lines(listed))
        pairs, folds = faces_of_rows(listed, rows, root)
        notes = repeated(pairs, [f"line {row.line}" for row in rows], source=listed.name)
        made, how = (pairs.folds, ()) if folds > 1 else tenths(pairs.genuine)
        pairs, changed = folded_by_identity(dataclasses.replace(pairs, folds=made), source=listed.name)
        return Dataset(
            name=kind,
            kind="pairs",
            spec=spec.text,
            pairs=pairs,
            protocol=f"{len(pairs)} pairs of {listed.name}, a list as LFW's, {_folds(pairs)}",
            notes=(*notes, *(f"{listed.name}: {each}" for each in how), *changed),
        )

    return read


_OF_LIST = frozenset({"root", "partial"})
_PARSERS = "JDAI-CV/FaceX-Zoo, test_protocol/lfw/pairs_parser.py"
_ONE_KIND = "3000 genuine and then 3000 impostor pairs: folds in order would have one kind each"
LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        "agedb-30": Layout(
            title="AgeDB-30",
            read=_list_of("agedb-30", _table_rows, _AFTER_AGEDB),
            options=_OF_LIST,
            pairs=_PUBLISHED,
            trap="impostor pairs are labelled 0 or -1; the aligned copies' names say nobody",
            source="Moschoglou et al., AgeDB, CVPRW 2017; the list of aligned copies, 'label image image'",
        ),
        "calfw": Layout(
            title="CALFW",
            read=_list_of("calfw", _two_labelled_lines, _AFTER_LFW),
            options=_OF_LIST,
            pairs=_PUBLISHED,
            trap=f"two lines a pair; any label but 0 is genuine; {_ONE_KIND}",
            source=f"Zheng et al., Cross-Age LFW, arXiv 1708.08197; {_PARSERS}",
        ),
        "cplfw": Layout(
            title="CPLFW",
            read=_list_of("cplfw", _two_labelled_lines, _AFTER_LFW),
            options=_OF_LIST,
            pairs=_PUBLISHED,
            trap=f"two lines a pair; {_ONE_KIND}",
            source=f"Zheng and Deng, Cross-Pose LFW, BUPT 2018; {_PARSERS}",
        ),
        "sllfw": Layout(
            title="SLLFW",
            read=_list_of("sllfw", _two_paths, _AFTER_LFW),
            options=_OF_LIST,
            pairs=_PUBLISHED,
            trap="two lines a pair without a label: the folder of LFW says who it is",
            source="Deng et al., Fine-grained face verification, Pattern Recognition 2017",
        ),
        "mlfw": Layout(
            title="MLFW",
            read=_list_of("mlfw", _either, _AFTER_LFW),
            options=_OF_LIST,
            pairs=_PUBLISHED,
            trap="after CALFW; three columns or two lines a pair; a second number in a name is the mask's",
            source="Wang et al., MLFW, arXiv 2109.05804",
        ),
        "xqlfw": Layout(
            title="XQLFW",
            read=_lfw_variant("xqlfw"),
            options=_OF_LIST,
            pairs=_PUBLISHED,
            trap="its pictures have LFW's names: over LFW's own folder the list runs too, and measures another thing",
            source="Knoche et al., XQLFW, FG 2021",
        ),
        "talfw": Layout(
            title="TALFW",
            read=_lfw_variant("talfw"),
            options=_OF_LIST,
            pairs=_PUBLISHED,
            trap="LFW's list and names, as of XQLFW: the folder makes the difference",
            source="Zhong and Deng, Towards transferable adversarial attack against deep face recognition, TIFS 2020",
        ),
        "rfw": Layout(
            title="RFW",
            read=read_rfw,
            options=frozenset({"race"}),
            pairs=0,
            trap=f"four lists in LFW's form without its first line ({', '.join(RACES)}); folds are tenths of each",
            source="Wang et al., Racial Faces in-the-Wild, ICCV 2019",
        ),
        "tinyface": Layout(
            title="TinyFace",
            read=read_tinyface,
            options=frozenset({"distractors"}),
            pairs=0,
            trap="1:N; people are in .mat files, not in names; 153,428 distractors show nobody who is searched",
            source="Cheng et al., Low-resolution face recognition, ACCV 2018",
        ),
        "scface": Layout(
            title="SCface",
            read=read_scface,
            options=frozenset({"distance"}),
            pairs=0,
            trap=f"distances {', '.join(SCFACE_DISTANCES)}; cameras 6 and 7 are infrared, and are left out",
            source="Grgic et al., SCface, Multimedia Tools and Applications 2011",
        ),
    }
)
