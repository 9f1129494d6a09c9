"""Runs recognisers over faces: every image once, results remembered and kept."""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, NoReturn, TextIO

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from facecheck.corruptions import CLEAN, Applied
from facecheck.errors import UnreadableImageError
from facecheck.faces import Face, Faces, Image, ImageSource
from facecheck.faces.columns import different_images
from facecheck.faces.decoding import file_digest
from facecheck.models.recognizer import Recognizer, device_name
from facecheck.pipeline.contents import DIGEST, Contents, Images
from facecheck.pipeline.executor import Executor, Threads, cores
from facecheck.pipeline.keys import condition, detection_key, embedding_key
from facecheck.pipeline.listed import ListedVectors, cached_vectors
from facecheck.pipeline.outcomes import Collecting, Detected, Embedded, Outcome, Result
from facecheck.pipeline.recent import Recent
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
    reference_batch,
    reference_detector,
    score_of,
)
from facecheck.storage.cache import Arrays, Cache

__all__ = ["Pass", "Pipeline"]

_LONG_RUN = 64  # images from which a progress bar is worth it
_MANY = 2**28  # bytes of images that are held at once to be timed
_AT_ONCE = 4096  # images whose objects exist at once
_READ_AT_ONCE = 32  # images that a thread reads before it is given others
# What is remembered during a run; the rest is in the cache on disk, and without one it is made again.
_MOST_DIGESTS = 2**16
_MOST_CONTENTS = 2**23  # faces
_MOST_RESULTS = 2**28  # bytes
_MOST_DETECTED = 2**27
_OBJECT = 1000  # bytes that a result takes beside its vector, about
Rows = npt.NDArray[np.int64]


class Pass(NamedTuple):
    """A recogniser over faces under one corruption, done.

    Args:
        recognizer: its name.
        corruption: identity.
        faces: the list itself.
        computed: images whose vectors were neither remembered nor in the cache.
        seconds: that it took.
    """

    recognizer: str
    corruption: str
    faces: Sequence[Face]
    computed: int
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """One model over faces under one corruption.

    Args:
        recognizer: the model.
        corruption: applied to every image first.
        contents: of the faces.
        images: that are different.
    """

    recognizer: Recognizer
    corruption: Applied
    contents: Contents
    images: Images

    def key(self, image: int) -> bytes:
        """Return the key of an image's embedding."""
        content = self.contents.of(self.images.first(image))
        return embedding_key(self.recognizer, condition(self.corruption), content)

    def work(self, image: int) -> Work:
        """Return an image at its beginning."""
        row = self.images.first(image)
        content, corrupted = self.contents.of(row), condition(self.corruption)
        device = device_name(self.recognizer.device)
        found = detection_key(self.recognizer.detector, device, corrupted, content)
        return Work(self.contents.faces[row].source, content, self.key(image), found)


def _digests_of(sources: Sequence[ImageSource]) -> list[bytes | UnreadableImageError]:
    return [_digest_of(source) for source in sources]


def _digest_of(source: ImageSource) -> bytes | UnreadableImageError:
    try:
        return file_digest(source)
    except UnreadableImageError as error:
        return error


def _bytes_of_result(result: Result) -> int:
    return _OBJECT + (0 if result.vector is None else result.vector.nbytes)


def _bytes_of_detected(detected: Detected) -> int:
    return _OBJECT + 64 * len(detected.detections)


class Pipeline:
    """Runs recognisers over faces.

    What was found is remembered up to a bound (256 MiB of results, 128 MiB of detections). Beyond it, it is read from
    the cache; without a cache it is computed again when it is asked for again.

    Args:
        cache: kept results, or None.
        workers: how many batches are computed at once on a CPU; as many as cores by default.
        batch: images in a batch; at most 16 on a CPU, 64 on a GPU by default.
        terminal: where progress is drawn, or None.
        executor: computes the batches in the place of threads of this process; it has workers and a batch of its own.
        told: is called after each pass.
    """

    def __init__(
        self,
        *,
        cache: Cache | None = None,
        workers: int | None = None,
        batch: int | None = None,
        terminal: TextIO | None = None,
        executor: Executor | None = None,
        told: Callable[[Pass], None] | None = None,
    ) -> None:
        self._cache, self._told = cache, told
        self._executor = executor or Threads(workers or cores(), batch)
        self._terminal = terminal
        self._digests = Recent[ImageSource, bytes](_MOST_DIGESTS)
        self._contents = Recent[int, Contents](_MOST_CONTENTS, size=len)
        self._results = Recent[bytes, Result](_MOST_RESULTS, size=_bytes_of_result)
        self._detected = Recent[bytes, Detected](_MOST_DETECTED, size=_bytes_of_detected)

    def run(self, recognizer: Recognizer, faces: Sequence[Face], *, corruption: Applied = CLEAN) -> Embedded:
        """Return a vector, or the reason why there is none, for every face.

        However many faces there are, only arrays grow with them: results go where they belong as batches end.

        Args:
            recognizer: the model.
            faces: m faces.
            corruption: applied to every image first.
        """
        begun = time.perf_counter()
        contents = self._read_contents(faces)
        asked = _Asked(recognizer, corruption, contents, contents.images())
        collecting = Collecting(contents.faces)
        for row, reason in contents.unreadable.items():
            collecting.put(np.array([row]), Result(Outcome.UNREADABLE, reason=reason))
        missing = self._recall_results(asked, collecting)
        self._compute(asked, missing, collecting)
        if self._told is not None:
            self._told(Pass(recognizer.name, corruption.identity, faces, len(missing), time.perf_counter() - begun))
        return collecting.embedded()

    def inspect(
        self, recognizer: Recognizer, sources: Sequence[ImageSource], *, corruption: Applied = CLEAN
    ) -> Iterator[Inspected]:
        """Yield what the recogniser's network gets of each image, one after the other; detections are remembered.

        Args:
            recognizer: the model.
            sources: of the images.
            corruption: applied to every image first.
        """
        corrupted, device = condition(corruption), device_name(recognizer.device)
        for start in range(0, len(sources), _AT_ONCE):
            portion = sources[start : start + _AT_ONCE]
            works = [
                Work(source, content, b"", detection_key(recognizer.detector, device, corrupted, content))
                for source, content in zip(portion, self._read_digests(portion), strict=True)
                if isinstance(content, bytes)
            ]
            self._recall_detected(works)
            if corruption.needs_landmarks:
                self._find_references(works)
            for work in works:
                yield inspect_one(load([work], corruption=corruption)[0], recognizer=recognizer)

    def content_digest(self, faces: Sequence[Face]) -> str:
        """Return a hash of the bytes behind the faces, in their order; what cannot be read counts as that."""
        return self._read_contents(faces).total()

    def images(self, faces: Sequence[Face], count: int) -> list[Image]:
        """Return the pixels of the first readable images, at most ``count``, and no more once they are many pixels."""
        found: list[Image] = []
        seen: set[ImageSource] = set()
        for face in faces:
            if len(found) == count or sum(image.size for image in found) > _MANY:
                break
            source = face.source
            if source in seen:
                continue
            seen.add(source)
            (content,) = self._read_digests([source])
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
        contents, rows = self._read_contents(faces), different_images(faces)
        detector, device, clean = recognizer.detector, device_name(recognizer.device), condition(CLEAN)
        loaded, compute = (
            functools.partial(load, corruption=CLEAN),
            functools.partial(crop_batch, recognizer=recognizer),
        )

        def works() -> Iterator[Work]:
            for portion in np.array_split(rows, max(1, len(rows) // _AT_ONCE)):
                # An image that cannot be read has no digest: it is read again when its turn comes, and then says why.
                digests = {row: b"" if row in contents.unreadable else contents.of(row) for row in portion.tolist()}
                made = [
                    Work(faces[row].source, each, detection_key=detection_key(detector, device, clean, each))
                    for row, each in digests.items()
                ]
                self._recall_detected(made)
                yield from made

        with self._progress(recognizer.aligner.identity, len(rows)) as progress:
            for done, crops in self._executor.run(
                works(), loaded, compute, device=recognizer.device, weigh=pixels_of, count=len(rows)
            ):
                self._keep_detected(done)
                progress.update(len(done))
                yield from crops

    def pixels(self, faces: Sequence[Face]) -> Iterator[Image | None]:
        """Yield the pixels of every face's image, one after the other; None for one that cannot be read."""
        for face in faces:
            (content,) = self._read_digests([face.source])
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
        detector, device, clean = recognizer.detector, device_name(recognizer.device), condition(CLEAN)
        contents = self._read_contents(faces)
        images = contents.images()
        scores = np.full(len(faces), -np.inf)
        for portion in images.portions(_AT_ONCE):
            works = []
            for image in portion:
                row = images.first(image)
                content = contents.of(row)
                key = detection_key(detector, device, clean, content)
                works.append(Work(faces[row].source, content, detection_key=key))
            self._find(works, functools.partial(detect_batch, recognizer=recognizer), device=recognizer.device)
            for image, work in zip(portion, works, strict=True):
                scores[images.rows_of(image)] = score_of(work, recognizer.policy)
        return scores

    def listed(self, recognizer: Recognizer, faces: Sequence[Face], points: npt.NDArray[np.float32]) -> ListedVectors:
        """Return the network's own vectors of images whose five points are listed, and of their mirror images.

        Args:
            recognizer: aligned by five points; its detector is not asked.
            faces: m faces, image files below a folder.
            points: ``(m, 5, 2)`` x and y.

        Raises:
            ModelError: a model that is aligned otherwise, or that cannot embed.
        """
        return cached_vectors(
            recognizer,
            self._read_contents(faces),
            points,
            cache=self._cache,
            # Its steps hold the network itself, which is not sent to other processes: threads of this one, by default.
            executor=self._executor if isinstance(self._executor, Threads) else None,
            terminal=self._terminal,
        )

    def _read_contents(self, faces: Sequence[Face]) -> Contents:
        """Return what is behind the faces, remembered by the list of them; what could not be read is tried again."""
        if not isinstance(faces, tuple | Faces):
            faces = tuple(faces)  # a list may hold others at the next call
        known = self._contents.get(id(faces))
        if known is None or known.faces is not faces:
            known = Contents(
                faces, np.zeros((len(faces), DIGEST), dtype=np.uint8), dict.fromkeys(range(len(faces)), "")
            )
        if not known.unreadable:
            return known
        rows, digests, unreadable = list(known.unreadable), known.digests.copy(), {}
        for start in range(0, len(rows), _AT_ONCE):
            portion = rows[start : start + _AT_ONCE]
            for row, content in zip(portion, self._read_digests([faces[row].source for row in portion]), strict=True):
                if isinstance(content, bytes):
                    digests[row] = np.frombuffer(content, dtype=np.uint8)
                else:
                    unreadable[row] = str(content)
        found = Contents(faces, digests, unreadable)
        self._contents.update([(id(faces), found)])
        return found

    def _read_digests(self, sources: Sequence[ImageSource]) -> list[bytes | UnreadableImageError]:
        """Return the digest of each image, or why it cannot be read; read in threads."""
        recalled = {source: self._digests.get(source) for source in sources}
        known: dict[ImageSource, bytes | UnreadableImageError]
        known = {source: content for source, content in recalled.items() if content is not None}
        unknown = [source for source in recalled if source not in known]
        parts = [unknown[start : start + _READ_AT_ONCE] for start in range(0, len(unknown), _READ_AT_ONCE)]
        if len(parts) > 1:
            with ThreadPoolExecutor(2 * cores()) as pool:
                read = list(itertools.chain.from_iterable(pool.map(_digests_of, parts)))
        else:
            read = _digests_of(unknown)
        new = dict(zip(unknown, read, strict=True))
        self._digests.update((source, content) for source, content in new.items() if isinstance(content, bytes))
        known |= new
        return [known[source] for source in sources]

    def _recall_results(self, asked: _Asked, collecting: Collecting) -> Rows:
        """Collect what is known already, and return the images that are not."""
        missing = []
        for portion in asked.images.portions(_AT_ONCE):
            keys = {image: asked.key(image) for image in portion}
            known = {key: self._results.get(key) for key in keys.values()}
            if self._cache is not None:
                arrays = self._cache.get(key for key, result in known.items() if result is None)
                kept = {key: Result.of_arrays(each) for key, each in arrays.items()}
                self._results.update(kept.items())
                known |= kept
            for image, key in keys.items():
                result = known[key]
                if result is None:
                    missing.append(image)
                else:
                    collecting.put(asked.images.rows_of(image), result)
        return np.array(missing, dtype=np.int64)

    def _recall_detected(self, works: Sequence[Work]) -> None:
        known = {work.detection_key: self._detected.get(work.detection_key) for work in works}
        if self._cache is not None:
            arrays = self._cache.get(key for key, detected in known.items() if detected is None)
            kept = {key: Detected.of_arrays(each) for key, each in arrays.items()}
            self._detected.update(kept.items())
            known |= kept
        for work in works:
            work.detected = known[work.detection_key]

    def _compute(self, asked: _Asked, missing: Rows, collecting: Collecting) -> None:
        recognizer, corruption = asked.recognizer, asked.corruption
        loaded, compute = (
            functools.partial(load, corruption=corruption),
            functools.partial(embed_batch, recognizer=recognizer),
        )
        rows = map(asked.images.rows_of, missing.tolist())
        with self._progress(f"{recognizer.name}, {corruption.identity}", len(missing)) as progress:
            for done, results in self._executor.run(
                self._works(asked, missing),
                loaded,
                compute,
                device=recognizer.device,
                weigh=pixels_of,
                count=len(missing),
            ):
                self._keep_results(done, results)
                for result in results:
                    collecting.put(next(rows), result)
                progress.update(len(done))

    def _works(self, asked: _Asked, missing: Rows) -> Iterator[Work]:
        """Yield the images that have no result yet, with what is known of them; only a portion of them exists."""
        for portion in np.array_split(missing, max(1, -(-len(missing) // _AT_ONCE))):
            works = [asked.work(image) for image in portion.tolist()]
            self._recall_detected(works)
            if asked.corruption.needs_landmarks:
                self._find_references(works)
            yield from works

    def _find_references(self, works: Sequence[Work]) -> None:
        """Give each image the faces that the reference detector finds in it clean, to place corruptions by."""
        detector, clean = reference_detector(), condition(CLEAN)
        references = [
            Work(w.source, w.digest, detection_key=detection_key(detector, REFERENCE_DEVICE.type, clean, w.digest))
            for w in works
        ]
        self._find(references, reference_batch, device=REFERENCE_DEVICE, title="landmarks")
        for work, reference in zip(works, references, strict=True):
            work.reference = None if reference.detected is None else reference.detected.detections

    def _find(
        self,
        works: Sequence[Work],
        compute: Callable[[list[Work]], list[Work]],
        *,
        device: torch.device,
        title: str = "faces",
    ) -> None:
        """Give each image the faces that a detector finds in it clean, found before or now."""
        self._recall_detected(works)
        wanted = [work for work in works if work.detected is None]
        waiting = iter(wanted)
        loaded = functools.partial(load, corruption=CLEAN)
        with self._progress(title, len(wanted)) as progress:
            for done in self._executor.run(wanted, loaded, compute, device=device, weigh=pixels_of):
                self._keep_detected(done)
                for each in done:
                    next(waiting).detected = each.detected
                progress.update(len(done))

    def _keep_results(self, works: Sequence[Work], results: Sequence[Result]) -> None:
        """Remember finished work, and put it where an interruption cannot lose it."""
        found = {work.key: result for work, result in zip(works, results, strict=True)}
        self._results.update(found.items())
        # An image that could not be read may be readable in the next run.
        self._keep({key: result.arrays() for key, result in found.items() if result.outcome != Outcome.UNREADABLE})
        self._keep_detected(works)

    def _keep_detected(self, works: Sequence[Work]) -> None:
        found = {w.detection_key: w.detected for w in works if w.newly_detected and w.detected is not None}
        self._detected.update(found.items())
        self._keep({key: detected.arrays() for key, detected in found.items()})

    def _keep(self, entries: dict[bytes, Arrays]) -> None:
        if self._cache is not None:
            self._cache.put(entries)

    def _progress(self, title: str, count: int) -> tqdm[NoReturn]:
        quiet = self._terminal is None or count < _LONG_RUN
        return tqdm(desc=title, total=count, unit="image", disable=quiet, file=self._terminal, leave=False)
