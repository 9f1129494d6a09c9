"""Runs recognisers over faces: every image once, results remembered and kept."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn, TextIO

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from facecheck.corruptions import CLEAN, Applied
from facecheck.errors import UnreadableImageError
from facecheck.faces import Face, Image, ImageSource
from facecheck.faces.decoding import file_digest
from facecheck.models.recognizer import Recognizer, device_name
from facecheck.pipeline.executor import Executor, Threads, cores
from facecheck.pipeline.keys import condition, detection_key, embedding_key
from facecheck.pipeline.outcomes import Detected, Embedded, Outcome, Result, collect
from facecheck.pipeline.work import (
    REFERENCE_DEVICE,
    Crop,
    Inspected,
    Work,
    crop_batch,
    detect_batch,
    embed_batch,
    inspect_one,
    load,
    pixels_of,
    reference_detector,
    score_of,
)
from facecheck.storage.cache import Arrays, Cache

__all__ = ["Pipeline"]

_LONG_RUN = 64  # images from which a progress bar is worth it
_MANY = 2**28  # bytes of images that are held at once to be timed


class Pipeline:
    """Runs recognisers over faces.

    Args:
        cache: kept results, or None.
        workers: how many batches are computed at once on a CPU; as many as cores by default.
        batch: images in a batch; at most 16 on a CPU, 64 on a GPU by default.
        terminal: where progress is drawn, or None.
        executor: computes the batches in the place of threads of this process; it has workers and a batch of its own.
    """

    def __init__(
        self,
        *,
        cache: Cache | None = None,
        workers: int | None = None,
        batch: int | None = None,
        terminal: TextIO | None = None,
        executor: Executor | None = None,
    ) -> None:
        self._cache = cache
        self._executor = executor or Threads(workers or cores(), batch)
        self._terminal = terminal
        self._digests: dict[ImageSource, bytes] = {}
        self._results: dict[bytes, Result] = {}
        self._detected: dict[bytes, Detected] = {}

    def run(self, recognizer: Recognizer, faces: Sequence[Face], *, corruption: Applied = CLEAN) -> Embedded:
        """Return a vector, or the reason why there is none, for every face.

        Args:
            recognizer: the model.
            faces: m faces.
            corruption: applied to every image first.
        """
        contents = self._read_digests(list(dict.fromkeys(face.source for face in faces)))
        corrupted = condition(corruption)
        keys = {
            source: embedding_key(recognizer, corrupted, content)
            for source, content in contents.items()
            if isinstance(content, bytes)
        }
        self._recall_results(keys.values())
        self._compute(recognizer, corruption, self._missing(recognizer, corrupted, keys))
        return collect(
            tuple(faces),
            {
                source: self._results[keys[source]]
                if source in keys
                else Result(Outcome.UNREADABLE, reason=str(content))
                for source, content in contents.items()
            },
        )

    def inspect(
        self, recognizer: Recognizer, sources: Sequence[ImageSource], *, corruption: Applied = CLEAN
    ) -> Iterator[Inspected]:
        """Yield what the recogniser's network gets of each image, one after the other; detections are remembered.

        Args:
            recognizer: the model.
            sources: of the images.
            corruption: applied to every image first.
        """
        contents = self._read_digests(list(dict.fromkeys(sources)))
        corrupted, device = condition(corruption), device_name(recognizer.device)
        works = [
            Work(source, content, b"", detection_key(recognizer.detector, device, corrupted, content))
            for source in sources
            for content in [contents[source]]
            if isinstance(content, bytes)
        ]
        self._recall_detected(works)
        if corruption.needs_landmarks:
            self._find_references(works)
        for work in works:
            yield inspect_one(load([work], corruption=corruption)[0], recognizer=recognizer)

    def content_digest(self, faces: Sequence[Face]) -> str:
        """Return a hash of the bytes behind the faces, in their order; what cannot be read counts as that."""
        contents = self._read_digests(list(dict.fromkeys(face.source for face in faces)))
        total = hashlib.sha256()
        for face in faces:
            content = contents[face.source]
            total.update(content if isinstance(content, bytes) else b"unreadable")
        return total.hexdigest()

    def images(self, faces: Sequence[Face], count: int) -> list[Image]:
        """Return the pixels of the first readable images, at most ``count``, and no more once they are many pixels."""
        found: list[Image] = []
        for source in dict.fromkeys(face.source for face in faces):
            if len(found) == count or sum(image.size for image in found) > _MANY:
                break
            content = self._digest(source)
            if isinstance(content, bytes):
                (work,) = load([Work(source, content)], corruption=CLEAN)
                found.extend([] if work.image is None else [work.image])
        return found

    def crops(self, recognizer: Recognizer, faces: Sequence[Face]) -> Iterator[Crop]:
        """Yield the aligned crop of every different image, in the order of the faces; only a few are held at once.

        Args:
            recognizer: whose detector, policy and aligner cut them out; its network is not asked.
            faces: m faces.
        """
        detector, device, clean = recognizer.detector, recognizer.device, condition(CLEAN)
        contents = self._read_digests(list(dict.fromkeys(face.source for face in faces)))
        # An image that cannot be read has no digest: it is read again when its turn comes, and then says why.
        digests = {source: each if isinstance(each, bytes) else b"" for source, each in contents.items()}
        works = [
            Work(source, each, detection_key=detection_key(detector, device_name(device), clean, each))
            for source, each in digests.items()
        ]
        self._recall_detected(works)
        loaded, compute = (
            functools.partial(load, corruption=CLEAN),
            functools.partial(crop_batch, recognizer=recognizer),
        )
        with self._progress(recognizer.aligner.identity, len(works)) as progress:
            for done, crops in self._executor.run(works, loaded, compute, device=device, weigh=pixels_of):
                self._keep_detected(done)
                progress.update(len(done))
                yield from crops

    def pixels(self, faces: Sequence[Face]) -> Iterator[Image | None]:
        """Yield the pixels of every face's image, one after the other; None for one that cannot be read."""
        for face in faces:
            content = self._digest(face.source)
            if isinstance(content, bytes):
                (work,) = load([Work(face.source, content)], corruption=CLEAN)
                yield work.image
            else:
                yield None

    def detection_scores(self, recognizer: Recognizer, faces: Sequence[Face]) -> npt.NDArray[np.float64]:
        """Return the detector's score of the face that represents each image, ``(m,)``, ``-inf`` where none was found.

        Args:
            recognizer: whose detector and policy choose.
            faces: m faces.
        """
        detector, device = recognizer.detector, device_name(recognizer.device)
        contents = self._read_digests(list(dict.fromkeys(face.source for face in faces)))
        works = {
            source: Work(source, content, detection_key=detection_key(detector, device, condition(CLEAN), content))
            for source, content in contents.items()
            if isinstance(content, bytes)
        }
        self._recall_detected(list(works.values()))
        wanted = [work for work in works.values() if work.detected is None]
        loaded, compute = functools.partial(load, corruption=CLEAN), functools.partial(detect_batch, detector=detector)
        for done in self._executor.run(wanted, loaded, compute, device=recognizer.device, weigh=pixels_of):
            self._keep_detected(done)
        scores = {source: score_of(work, recognizer.policy) for source, work in works.items()}
        return np.array([scores.get(face.source, -np.inf) for face in faces], dtype=np.float64)

    def _read_digests(self, sources: Sequence[ImageSource]) -> dict[ImageSource, bytes | UnreadableImageError]:
        with ThreadPoolExecutor(2 * cores()) as pool:
            return dict(zip(sources, pool.map(self._digest, sources), strict=True))

    def _digest(self, source: ImageSource) -> bytes | UnreadableImageError:
        if source not in self._digests:
            try:
                self._digests[source] = file_digest(source)
            except UnreadableImageError as error:
                return error
        return self._digests[source]

    def _missing(self, recognizer: Recognizer, corrupted: str, keys: dict[ImageSource, bytes]) -> list[Work]:
        """Return the work that has no result yet, each content once, under the source that is first in the list."""
        first_of_content = {key: source for source, key in reversed(keys.items())}
        missing = [source for key, source in first_of_content.items() if key not in self._results]
        detector, device = recognizer.detector, device_name(recognizer.device)
        contents = {source: self._digests[source] for source in reversed(missing)}
        return [
            Work(source, content, keys[source], detection_key(detector, device, corrupted, content))
            for source, content in contents.items()
        ]

    def _recall_results(self, keys: Iterable[bytes]) -> None:
        wanted = [key for key in keys if key not in self._results]
        if self._cache is not None:
            self._results.update((key, Result.of_arrays(arrays)) for key, arrays in self._cache.get(wanted).items())

    def _recall_detected(self, works: Sequence[Work]) -> None:
        wanted = [work.detection_key for work in works if work.detection_key not in self._detected]
        if self._cache is not None:
            self._detected.update((key, Detected.of_arrays(arrays)) for key, arrays in self._cache.get(wanted).items())
        for work in works:
            work.detected = self._detected.get(work.detection_key)

    def _compute(self, recognizer: Recognizer, corruption: Applied, works: Sequence[Work]) -> None:
        self._recall_detected(works)
        if corruption.needs_landmarks:
            self._find_references(works)
        loaded, compute = (
            functools.partial(load, corruption=corruption),
            functools.partial(embed_batch, recognizer=recognizer),
        )
        with self._progress(f"{recognizer.name}, {corruption.identity}", len(works)) as progress:
            for done, results in self._executor.run(works, loaded, compute, device=recognizer.device, weigh=pixels_of):
                self._keep_results(done, results)
                progress.update(len(done))

    def _find_references(self, works: Sequence[Work]) -> None:
        """Give each image the faces that the reference detector finds in it clean, to place corruptions by."""
        detector, clean = reference_detector(), condition(CLEAN)
        references = [
            Work(w.source, w.digest, detection_key=detection_key(detector, REFERENCE_DEVICE.type, clean, w.digest))
            for w in works
        ]
        self._recall_detected(references)
        wanted = [work for work in references if work.detected is None]
        loaded, compute = functools.partial(load, corruption=CLEAN), functools.partial(detect_batch, detector=detector)
        with self._progress("landmarks", len(wanted)) as progress:
            for done in self._executor.run(wanted, loaded, compute, device=REFERENCE_DEVICE, weigh=pixels_of):
                self._keep_detected(done)
                progress.update(len(done))
        for work, reference in zip(works, references, strict=True):
            found = self._detected.get(reference.detection_key)
            work.reference = None if found is None else found.detections

    def _keep_results(self, works: Sequence[Work], results: Sequence[Result]) -> None:
        """Remember finished work, and put it where an interruption cannot lose it."""
        found = {work.key: result for work, result in zip(works, results, strict=True)}
        self._results.update(found)
        # An image that could not be read may be readable in the next run.
        self._keep({key: result.arrays() for key, result in found.items() if result.outcome != Outcome.UNREADABLE})
        self._keep_detected(works)

    def _keep_detected(self, works: Sequence[Work]) -> None:
        found = {w.detection_key: w.detected for w in works if w.newly_detected and w.detected is not None}
        self._detected.update(found)
        self._keep({key: detected.arrays() for key, detected in found.items()})

    def _keep(self, entries: dict[bytes, Arrays]) -> None:
        if self._cache is not None:
            self._cache.put(entries)

    def _progress(self, title: str, count: int) -> tqdm[NoReturn]:
        quiet = self._terminal is None or count < _LONG_RUN
        return tqdm(desc=title, total=count, unit="image", disable=quiet, file=self._terminal, leave=False)
