"""Qualities of images, and what each says about the errors of a model: error against discard."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facecheck.errors import FacecheckError
from facecheck.evaluation.evaluator import Compared, Evaluator
from facecheck.faces import Face, Image
from facecheck.metrics import curve, fnmr_at_fmr, intervals, resolvable
from facecheck.metrics.dyads import Dyads
from facecheck.metrics.intervals import Estimate
from facecheck.metrics.quality import LIMIT, discard_curve, influence_of_relative_area, pair_quality
from facecheck.pipeline.outcomes import Outcome
from facecheck.results.conditions import COMPLETED, Conditions
from facecheck.results.evidence import Evidence
from facecheck.results.measurement import Findings, Measured

__all__ = ["Array", "error_against_discard", "image_function", "qualities_of"]

Array = npt.NDArray[np.float64]
ImageFunction = Callable[[Image], float]
FAR = 0.01
_SHOWN = (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3)  # fractions of the recorded curve


def qualities_of(evaluator: Evaluator, compared: Compared, *, own: str = "") -> Mapping[str, Array]:
    """Return every quality that is known of all images, ``(m,)`` by its name; ``-inf`` where no face was found.

    ``detector`` is the detector's score of the chosen face; ``norm`` the length of the embedding, unless the model
    scales it to one; ``column`` the column ``quality`` of the data set's labels.

    Args:
        evaluator: whose pipeline knows the detections.
        compared: a model on a data set.
        own: a function of an image, ``package.module:function``, empty for none.

    Raises:
        FacecheckError: the function cannot be imported, or gives no number.
    """
    faces, found = compared.dataset.faces, compared.embedded.outcomes == Outcome.EMBEDDED
    known = {"detector": evaluator.pipeline.detection_scores(compared.recognizer, faces)}
    if not compared.recognizer.contract.postprocessing.l2:
        known["norm"] = np.linalg.norm(compared.embedded.vectors.astype(np.float64), axis=1)
    if all(face.quality is not None for face in faces):
        known["column"] = np.array([face.quality for face in faces], dtype=np.float64)
    if own:
        known[own] = _measured(evaluator, faces, image_function(own), own)
    whole = {name: np.where(found, values, -np.inf) for name, values in known.items()}
    return {name: values for name, values in whole.items() if not np.isnan(values).any()}


def image_function(text: str) -> ImageFunction:
    """Return the user's function of an image ``(h, w, 3)`` uint8 RGB that gives its quality, higher is better.

    Raises:
        FacecheckError: the text names no function.
    """
    module_name, _, name = text.partition(":")
    if not re.fullmatch(r"[A-Za-z_][\w.]*", module_name) or not name.isidentifier():
        raise FacecheckError(f"--facecheck-quality {text[:80]!r}: expected package.module:function")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        function = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise FacecheckError(f"--facecheck-quality {text}: {error}") from error
    if not callable(function):
        raise FacecheckError(f"--facecheck-quality {text}: expected a function of an image that gives a number")
    return function  # type: ignore[no-any-return]  # what it gives is checked


def _measured(evaluator: Evaluator, faces: Sequence[Face], function: ImageFunction, name: str) -> Array:
    values = []
    for image in evaluator.pipeline.pixels(faces):
        try:
            value = -np.inf if image is None else float(function(image))
        except Exception as error:  # a function of the user's own may raise anything
            raise FacecheckError(f"{name}: failed on an image: {type(error).__name__}: {error}") from error
        if np.isnan(value):
            raise FacecheckError(f"{name}: gave NaN for an image: expected a number, higher is better")
        values.append(value)
    return np.array(values, dtype=np.float64)


def error_against_discard(compared: Compared, qualities: Mapping[str, Array]) -> Findings:
    """Measure the FNMR after discarding genuine comparisons of low quality, and the areas under that curve.

    The threshold is the one at which 1 % of all impostor pairs match, and stays. Comparisons that could not be made
    have no quality and are left out: what failures cost is measured by verification.
    """
    scores = compared.scores
    impostors = int((~scores.genuine).sum())
    if not resolvable(impostors, FAR):
        return Findings(notes=(f"{compared.dataset.name}: {impostors} impostor pairs show no threshold at FAR 1 %",))
    threshold = fnmr_at_fmr(curve(scores), FAR, impostors=impostors).threshold
    rows = scores.genuine & scores.made
    wrong, who = ~scores.matched(threshold)[rows], scores.who[rows]
    where = f"{compared.recognizer.name} on {compared.dataset.name}"
    kept = _kept(compared, qualities)
    if not wrong.any():
        note = f"{where}: every genuine pair matches at FAR 1 %: no error that a quality could find"
        return Findings(notes=(note,), evidence=(kept,))
    indices = compared.dataset.pairs.indices[rows]
    return Findings(
        tuple(
            Measured(name=name, estimate=estimate, conditions=at, scores=compared.sources)
            for quality, of_image in qualities.items()
            for name, estimate, at in _curve(wrong, pair_quality(of_image, indices), who, quality)
        ),
        evidence=(kept,),
    )


def _kept(compared: Compared, qualities: Mapping[str, Array]) -> Evidence:
    """Return every quality of every image, and which images each pair compares."""
    arrays = {
        "names": np.array(list(qualities)),
        "qualities": np.array(list(qualities.values())).reshape(len(qualities), -1),
        "indices": compared.dataset.pairs.indices.astype(np.int32),
    }
    return Evidence(eval="quality", model=compared.recognizer.name, dataset=compared.dataset.name, arrays=arrays)


def _curve(
    wrong: npt.NDArray[np.bool_], quality: Array, who: npt.NDArray[np.int64], name: str
) -> Iterator[tuple[str, Estimate, Conditions]]:
    at = COMPLETED | Conditions(far=FAR, quality=name)
    steps = discard_curve(wrong, quality)
    for fraction in _SHOWN:
        kept = quality >= steps.quality[steps.at(fraction)]
        yield "fnmr_after_discard", intervals.proportion(wrong[kept], who[kept]), at | Conditions(discarded=fraction)
    spread = Dyads.of(who).spread(influence_of_relative_area(wrong, quality))
    relative = intervals.around(steps.relative_area(), spread, len(wrong))
    yield "edc_relative_area", relative._replace(low=max(0.0, relative.low)), at | Conditions(discarded=LIMIT)
    area = steps.area()
    yield "edc_area", Estimate(area, area, area, len(wrong)), at | Conditions(discarded=LIMIT)
