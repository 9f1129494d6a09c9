"""Detect, align, embed: the only place that opens an image.

Loader threads read, decode and degrade; lanes detect, align and embed in batches. On a CPU there is a lane
for each core, single-threaded inside, because small networks scale better side by side than within one
batch; a GPU has one lane. Each image is detected once and each crop embedded once: results are remembered
during the run and kept in the cache between runs, keyed by content. An image that cannot be read, or in
which no face is found, is a result like any other.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TextIO, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

import facecheck
from facecheck.corruptions import CLEAN, Applied
from facecheck.detection.detector import Detections, Detector
from facecheck.detection.mtcnn import Mtcnn
from facecheck.detection.selection import ChosenFace, FacePolicy
from facecheck.embedders import Embeddings
from facecheck.errors import ModelError, UnreadableImageError
from facecheck.faces import Face, Image, ImageSource
from facecheck.faces.decoding import cut_tile, decode, digest, read
from facecheck.models.recognizer import Recognizer, device_name
from facecheck.pipeline.outcomes import Embedded, Outcome, Result, StageTimes, collect
from facecheck.storage.cache import Arrays, Cache, key
from facecheck.storage.versions import library_versions

__all__ = ["Pipeline", "cores", "find_landmarks"]

T = TypeVar("T")

# What decides over pixels, boxes and crops; embedders are told apart by what they answer.
_ROAD_SOURCES = ("faces", "detection", "alignment", "pipeline")
_CORRUPTION_SOURCES = ("corruptions",)
_REFERENCE_DEVICE = torch.device("cpu")
_CPU_BATCH = 16
_GPU_BATCH = 64
_AHEAD = 3  # batches under way for each lane
_LONG_WORK = 64  # images from which a progress bar is worth it


@dataclass(slots=True)
class _Work:
    """An image on its road."""

    source: ImageSource
    digest: bytes
    key: bytes
    detection_key: bytes
    image: Image | None = None
    found: Detections | None = None
    reference: Detections | None = None
    detect_ms: float = 0.0
    newly_found: bool = False
    unreadable: str = ""


@functools.cache
def road_version() -> str:
    """Return what parts results of this code and these libraries from those of any others in the cache."""
    return _sources_sha256(_ROAD_SOURCES) + json.dumps(library_versions(), sort_keys=True)


def _condition(corruption: Applied) -> str:
    """Name a corruption for the cache; clean results outlive a change of the corruptions' code."""
    return corruption.identity + (_sources_sha256(_CORRUPTION_SOURCES) if corruption.identity != CLEAN.identity else "")


@functools.cache
def _sources_sha256(names: tuple[str, ...]) -> str:
    package = Path(facecheck.__file__).parent
    total = hashlib.sha256()
    for name in names:
        for file in [package / name] if name.endswith(".py") else sorted((package / name).rglob("*.py")):
            total.update(file.read_bytes())
    return total.hexdigest()


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Pipeline:
    """Runs recognisers over faces.

    Args:
        cache: kept results, or None.
        lanes: how many batches are computed at once on a CPU; as many as cores by default.
        batch: images in a batch; 16 on a CPU, 64 on a GPU by default.
        terminal: where progress is drawn, or None.
    """

    def __init__(
        self,
        *,
        cache: Cache | None = None,
        lanes: int | None = None,
        batch: int | None = None,
        terminal: TextIO | None = None,
    ) -> None:
        self._cache = cache
        self._lanes = lanes or cores()
        self._batch = batch
        self._terminal = terminal
        self._digests: dict[ImageSource, bytes] = {}
        self._results: dict[bytes, Result] = {}
        self._detections: dict[bytes, tuple[Detections, float]] = {}

    def run(self, recognizer: Recognizer, faces: Sequence[Face], *, corruption: Applied = CLEAN) -> Embedded:
        """Return a vector, or the reason why there is none, for every face.

        Args:
            recognizer: the model.
            faces: m faces.
            corruption: applied to every image first.
        """
        sources = list(dict.fromkeys(face.source for face in faces))
        contents = self._read_digests(sources)
        keys = {
            source: key("embedding", road_version(), recognizer.identity, _condition(corruption), content)
            for source, content in contents.items()
            if isinstance(content, bytes)
        }
        self._recall_results(keys.values())
        first_of_content = {key_: source for source, key_ in reversed(keys.items())}
        missing = [source for key_, source in first_of_content.items() if key_ not in self._results]
        works = [
            _Work(source, self._digests[source], keys[source], self._detection_key(recognizer, corruption, source))
            for source in reversed(missing)
        ]
        self._recall_detections(works)
        if corruption.needs_landmarks:
            self._find_references(works)
        self._compute(recognizer, corruption, works)
        return collect(
            tuple(faces),
            {
                source: self._results[keys[source]]
                if source in keys
                else Result(Outcome.UNREADABLE, reason=str(content))
                for source, content in contents.items()
            },
        )

    def content_digest(self, faces: Sequence[Face]) -> str:
        """Return a hash of the bytes behind the faces, in their order; what cannot be read counts as that."""
        contents = self._read_digests(list(dict.fromkeys(face.source for face in faces)))
        total = hashlib.sha256()
        for face in faces:
            content = contents[face.source]
            total.update(content if isinstance(content, bytes) else b"unreadable")
        return total.hexdigest()

    def images(self, faces: Sequence[Face], count: int) -> list[Image]:
        """Return the pixels of the first readable images, at most ``count``."""
        found: list[Image] = []
        for source in dict.fromkeys(face.source for face in faces):
            if len(found) == count:
                break
            content = self._digest(source)
            if isinstance(content, bytes):
                work = _load([_Work(source, content, b"", b"")], CLEAN)[0]
                found.extend([] if work.image is None else [work.image])
        return found

    def _read_digests(self, sources: Sequence[ImageSource]) -> dict[ImageSource, bytes | UnreadableImageError]:
        with ThreadPoolExecutor(2 * cores()) as pool:
            return dict(zip(sources, pool.map(self._digest, sources), strict=True))

    def _digest(self, source: ImageSource) -> bytes | UnreadableImageError:
        if source not in self._digests:
            try:
                self._digests[source] = digest(read(source), source.tile)
            except UnreadableImageError as error:
                return error
        return self._digests[source]

    def _detection_key(self, recognizer: Recognizer, corruption: Applied, source: ImageSource) -> bytes:
        return _detection_key(
            recognizer.detector, device_name(recognizer.device), _condition(corruption), self._digests[source]
        )

    def _recall_results(self, keys: Iterable[bytes]) -> None:
        wanted = [key_ for key_ in keys if key_ not in self._results]
        if self._cache is not None:
            self._results.update((k, Result.of_arrays(arrays)) for k, arrays in self._cache.get(wanted).items())

    def _recall_detections(self, works: Sequence[_Work]) -> None:
        wanted = [work.detection_key for work in works if work.detection_key not in self._detections]
        if self._cache is not None:
            found = self._cache.get(wanted)
            self._detections.update((k, _detections_of_arrays(arrays)) for k, arrays in found.items())
        for work in works:
            if work.detection_key in self._detections:
                work.found, work.detect_ms = self._detections[work.detection_key]

    def _find_references(self, works: Sequence[_Work]) -> None:
        """Give each image the faces that the pinned detector finds in it clean, for what is placed on a face."""
        detector = _reference_detector()
        clean = [
            _Work(w.source, w.digest, b"", _detection_key(detector, _REFERENCE_DEVICE.type, CLEAN.identity, w.digest))
            for w in works
        ]
        self._recall_detections(clean)
        wanted = [work for work in clean if work.found is None]
        detect = functools.partial(_detect_loaded, detector)
        with self._progress("landmarks", len(wanted)) as progress:
            for done in self._in_lanes(wanted, detect, _REFERENCE_DEVICE, CLEAN):
                self._keep_detections(done)
                progress.update(len(done))
        for work, found in zip(works, clean, strict=True):
            work.reference = found.found

    def _compute(self, recognizer: Recognizer, corruption: Applied, works: Sequence[_Work]) -> None:
        road = functools.partial(_road, recognizer)
        with self._progress(f"{recognizer.name}, {corruption.identity}", len(works)) as progress:
            for done, results in self._in_lanes(works, road, recognizer.device, corruption):
                self._keep(done, results)
                progress.update(len(done))

    def _in_lanes(
        self, works: Sequence[_Work], step: Callable[[list[_Work]], T], device: torch.device, corruption: Applied
    ) -> Iterator[T]:
        """Load batches ahead and take each through a step, several at once; yield what it gives, in order."""
        on_gpu = device.type == "cuda"
        lanes = 1 if on_gpu else self._lanes
        size = self._batch or _even(len(works), lanes, _GPU_BATCH if on_gpu else _CPU_BATCH)
        with (
            _pool(2 if on_gpu else lanes) as loaders,
            _pool(lanes, threads=1 if lanes > 1 else torch.get_num_threads()) as computing,
        ):
            started: deque[Future[T]] = deque()
            for start in range(0, len(works), size):
                loaded = loaders.submit(_load, list(works[start : start + size]), corruption)
                started.append(computing.submit(_then, step, loaded))
                while len(started) >= _AHEAD * lanes:
                    yield started.popleft().result()
            while started:
                yield started.popleft().result()

    def _keep(self, works: Sequence[_Work], results: Sequence[Result]) -> None:
        """Remember finished work, and put it where an interruption cannot lose it."""
        kept: dict[bytes, Arrays] = {}
        for work, result in zip(works, results, strict=True):
            self._results[work.key] = result
            if result.outcome != Outcome.UNREADABLE:
                kept[work.key] = result.arrays()
        if self._cache is not None:
            self._cache.put(kept)
        self._keep_detections(works)

    def _keep_detections(self, works: Sequence[_Work]) -> None:
        kept: dict[bytes, Arrays] = {}
        for work in works:
            if work.newly_found and work.found is not None:
                self._detections[work.detection_key] = work.found, work.detect_ms
                kept[work.detection_key] = _arrays_of_detections(work.found, work.detect_ms)
        if self._cache is not None:
            self._cache.put(kept)

    def _progress(self, title: str, count: int) -> tqdm[NoReturn]:
        quiet = self._terminal is None or count < _LONG_WORK
        return tqdm(desc=title, total=count, unit="image", disable=quiet, file=self._terminal, leave=False)


@contextlib.contextmanager
def _pool(workers: int, *, threads: int | None = None) -> Iterator[ThreadPoolExecutor]:
    """Give a pool that drops what has not begun when the run is interrupted."""
    initialise = None if threads is None else functools.partial(torch.set_num_threads, threads)
    pool = ThreadPoolExecutor(workers, initializer=initialise)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _load(works: list[_Work], corruption: Applied) -> list[_Work]:
    """Decode and degrade; a strip is decoded once for all its tiles in the batch."""
    strip: tuple[Path, Image] | None = None
    for work in works:
        source = work.source
        try:
            if strip is None or strip[0] != source.path:
                strip = source.path, decode(_read_again(work), source.name)
            image = strip[1] if source.tile is None else cut_tile(strip[1], source.tile)
        except UnreadableImageError as error:
            work.unreadable = str(error)
            continue
        try:
            work.image = corruption.apply(image, work.digest, _landmarks(work, image))
        except UnreadableImageError as error:
            work.unreadable = f"{source.name}: {corruption.identity} cannot be applied: {error}"
    return works


def find_landmarks(image: Image) -> npt.NDArray[np.float32] | None:
    """Return the five points ``(5, 2)`` of the face by which corruptions are placed, None without a face."""
    return _points(_reference_detector().detect([image])[0], image)


def _landmarks(work: _Work, image: Image) -> npt.NDArray[np.float32] | None:
    return None if work.reference is None else _points(work.reference, image)


def _points(found: Detections, image: Image) -> npt.NDArray[np.float32] | None:
    """Return the face's five points to the pixel, so that the last bits of no machine move them; None without one."""
    face = FacePolicy().choose(found, image.shape)
    return None if face is None else np.round(face.landmarks)


def _read_again(work: _Work) -> bytes:
    """Return the bytes that the work's key was made of; another picture must not be kept under it."""
    content = read(work.source)
    if digest(content, work.source.tile) != work.digest:
        raise UnreadableImageError(f"{work.source.name}: changed while the run went on")
    return content


def _even(count: int, lanes: int, most: int) -> int:
    """Return the size of batches, at most ``most``, that leaves no lane idle while another has two to go.

    >>> _even(72, 2, 16), _even(1000, 2, 16), _even(5, 2, 16)
    (12, 16, 3)
    """
    rounds = max(1, -(-count // (lanes * most)))
    return max(1, -(-count // (lanes * rounds)))


def _then(step: Callable[[list[_Work]], T], loading: Future[list[_Work]]) -> T:
    return step(loading.result())


def _detect_loaded(detector: Detector, works: list[_Work]) -> list[_Work]:
    """Find the faces of a loaded batch, and drop its pixels."""
    _detect(detector, [work for work in works if work.image is not None])
    for work in works:
        work.image = None
    return works


def _road(recognizer: Recognizer, works: list[_Work]) -> tuple[list[_Work], list[Result]]:
    """Take a loaded batch through detection, choice, alignment and embedding."""
    _detect(recognizer.detector, [work for work in works if work.image is not None and work.found is None])
    started = time.perf_counter()
    chosen = [_choose(recognizer, work) for work in works]
    crops = [
        recognizer.aligner.align(work.image, face)
        for work, face in zip(works, chosen, strict=True)
        if work.image is not None and face is not None
    ]
    align_ms = _ms_each(started, len(crops))
    started = time.perf_counter()
    embedded = recognizer.embed(np.stack(crops)) if crops else np.empty((0, 0), dtype=np.float32)
    embed_ms = _ms_each(started, len(crops))
    _refuse_nan(recognizer, embedded, [w for w, face in zip(works, chosen, strict=True) if face is not None])
    vectors = iter(embedded)
    results = []
    for work, face in zip(works, chosen, strict=True):
        if work.unreadable:
            results.append(Result(Outcome.UNREADABLE, reason=work.unreadable))
        elif face is None:
            results.append(Result(Outcome.NO_FACE, times=StageTimes(work.detect_ms)))
        else:
            times = StageTimes(work.detect_ms, align_ms, embed_ms)
            results.append(Result(Outcome.EMBEDDED, next(vectors), face.fallback, times))
        work.image = None
    return works, results


def _refuse_nan(recognizer: Recognizer, vectors: Embeddings, works: Sequence[_Work]) -> None:
    for vector, work in zip(vectors, works, strict=True):
        if not np.isfinite(vector).all():
            raise ModelError(
                f"{recognizer.name}: the embedding of {work.source.name} holds NaN or infinity in "
                f"{recognizer.precision}; an overflow of fp16, or a fault in the network"
            )


def _detect(detector: Detector, works: list[_Work]) -> None:
    started = time.perf_counter()
    found = detector.detect([work.image for work in works if work.image is not None]) if works else []
    detect_ms = _ms_each(started, len(works))
    for work, detections in zip(works, found, strict=True):
        work.found, work.detect_ms, work.newly_found = detections, detect_ms, True


def _choose(recognizer: Recognizer, work: _Work) -> ChosenFace | None:
    if work.image is None or work.found is None:
        return None
    return recognizer.policy.choose(work.found, work.image.shape)


@functools.cache
def _reference_detector() -> Mtcnn:
    """Return the detector that places corruptions on faces: always the same, whatever model is judged."""
    return Mtcnn(device=_REFERENCE_DEVICE)


def _detection_key(detector: Detector, place: str, condition: str, content: bytes) -> bytes:
    return key("detection", road_version(), detector.identity, place, condition, content)


def _ms_each(started: float, count: int) -> float:
    return 1000 * (time.perf_counter() - started) / max(1, count)


def _arrays_of_detections(found: Detections, detect_ms: float) -> Arrays:
    ms = np.array([detect_ms], dtype=np.float32)
    return {"boxes": found.boxes, "scores": found.scores, "landmarks": found.landmarks, "ms": ms}


def _detections_of_arrays(arrays: Arrays) -> tuple[Detections, float]:
    boxes, scores, landmarks = (np.asarray(arrays[n], dtype=np.float32) for n in ("boxes", "scores", "landmarks"))
    return Detections(boxes, scores, landmarks), float(arrays["ms"][0])
