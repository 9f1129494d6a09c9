"""``ijb:FOLDER``: IJB-B or IJB-C as a data set of a run; its templates are compared, not pairs of its images."""

from __future__ import annotations

import dataclasses
import re

import numpy as np

from facecheck.datasets.dataset import Dataset
from facecheck.datasets.ijb import Ijb, read_ijb
from facecheck.datasets.places import existing_folder
from facecheck.errors import DatasetError
from facecheck.faces import Pairs
from facecheck.faces.columns import Faces
from facecheck.specs import Spec

__all__ = ["read_template_set"]

_RECIPE = re.compile(r"(?:flip|plain)\+(?:kept|unit)\+(?:score|none)")


def read_template_set(spec: Spec) -> Dataset:
    """Open ``ijb:FOLDER``, IJB-B or IJB-C as insightface lays them out; ``recipe=`` names how templates are made.

    Raises:
        DatasetError: an option, a recipe or a list that is invalid.
    """
    spec.refuse_unknown(["recipe"])
    recipe = spec.options.get("recipe", "")
    if recipe and not _RECIPE.fullmatch(recipe):
        raise DatasetError(
            f"{spec.text}: recipe {recipe!r}: expected flip or plain, kept or unit, score or none: flip+kept+score"
        )
    listed = dataclasses.replace(read_ijb(existing_folder(spec)), recipe=recipe)
    names, people = _people(listed)
    return Dataset(
        name=listed.name,
        kind="ijb",
        spec=spec.text,
        pairs=Pairs(Faces(listed.images, listed.names, names, people), np.empty((0, 2), dtype=np.int64)),
        protocol=f"{listed.name}, templates of {len(listed.names)} images",
        people_known=False,
        templates=listed,
    )


def _people(listed: Ijb) -> tuple[list[str], np.ndarray[tuple[int], np.dtype[np.int32]]]:
    """Return who the images show by the lists of 1:N; where these do not say so, each template is one of its own."""
    subjects = listed.subjects(listed.templates)
    known = listed.templates if subjects is None else subjects
    what = "template " if subjects is None else ""
    numbers, place = np.unique(known, return_inverse=True)
    return [f"{what}{number}" for number in numbers.tolist()], place.astype(np.int32)
