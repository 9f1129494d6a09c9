"""The pipeline: every image once, every failure a result, nothing lost."""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from facecheck.alignment import BoxCrop
from facecheck.corruptions import Applied
from facecheck.detection.detector import Detections
from facecheck.detection.selection import FacePolicy
from facecheck.embedders import Crops, Embeddings
from facecheck.embedders.preprocessing import ZERO_TO_255, Postprocessing
from facecheck.evaluation.scoring import score
from facecheck.faces import Face, Image, ImageSource, Pairs
from facecheck.faces.decoding import file_digest
from facecheck.models import Settings, build
from facecheck.models.recognizer import Contract, Recognizer
from facecheck.pipeline import Pipeline
from facecheck.pipeline.contents import Contents
from facecheck.pipeline.outcomes import Outcome
from facecheck.pipeline.recent import Recent
from facecheck.storage.cache import Cache
from tests.support.photographs import ASTRONAUT, COFFEE, HOPPER, face

CPU = torch.device("cpu")


class BrightDetector:
    """Finds one face, the whole image, unless the image is dark; counts what it is given."""

    identity = "bright"

    def __init__(self) -> None:
        self.seen = 0

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        self.seen += len(images)
        whole = [[[0, 0, image.shape[1], image.shape[0]]] if image.mean() > 20 else [] for image in images]
        return [Detections.of_boxes(boxes, [1.0] * len(boxes)) for boxes in whole]


class MeanEmbedder:
    """The mean colour; counts what it is given."""

    def __init__(self) -> None:
        self.seen = 0

    def embed(self, crops: Crops) -> Embeddings:
        self.seen += len(crops)
        return np.asarray(crops.mean(axis=(1, 2)), dtype=np.float32)


def counting(policy: FacePolicy | None = None) -> tuple[Recognizer, BrightDetector, MeanEmbedder]:
    """Return a recogniser whose work can be counted."""
    detector, embedder = BrightDetector(), MeanEmbedder()
    contract = Contract(preprocessing=ZERO_TO_255, postprocessing=Postprocessing(l2=False))
    recognizer = Recognizer(
        name="counting",
        detector=detector,
        policy=policy or FacePolicy(),
        aligner=BoxCrop(16, margin=0),
        embedder=embedder,
        contract=contract,
        device=CPU,
    )
    _ = recognizer.identity  # the fingerprint's probe is not to be counted
    embedder.seen = 0
    return recognizer, detector, embedder


@pytest.fixture
def faces(tmp_path: Path) -> list[Face]:
    """Ten plain images, the fourth one dark, of sizes that do not batch together."""
    made = []
    for number in range(10):
        path = tmp_path / f"{number}.png"
        level = 0 if number == 3 else 100 + 10 * number
        PIL.Image.fromarray(np.full((40 + number % 3, 50, 3), level, dtype=np.uint8)).save(path)
        made.append(Face(source=ImageSource(path, path.name), subject=f"person {number}"))
    return made


def test_each_image_is_detected_and_embedded_once_a_run(faces: list[Face]) -> None:
    """However many evals run it, and however often a face is in the list."""
    recognizer, detector, embedder = counting()
    pipeline = Pipeline(batch=3)

    first = pipeline.run(recognizer, faces + faces)
    second = pipeline.run(recognizer, faces[::-1])

    assert (detector.seen, embedder.seen) == (10, 9)
    np.testing.assert_array_equal(first.vectors[:10], first.vectors[10:])
    np.testing.assert_array_equal(first.vectors[:10], second.vectors[::-1])


def test_equal_files_are_one_image(faces: list[Face], tmp_path: Path) -> None:
    """Images are identified by their content: a copy costs nothing."""
    copy = tmp_path / "copy.png"
    copy.write_bytes(faces[0].source.path.read_bytes())
    recognizer, detector, _ = counting()

    Pipeline().run(recognizer, [faces[0], Face(source=ImageSource(copy, "copy"), subject="x")])

    assert detector.seen == 1


@pytest.mark.parametrize("kept", [False, True], ids=["no-cache", "cache"])
def test_what_is_remembered_has_a_bound_and_changes_no_answer(
    faces: list[Face],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kept: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Beyond it results come from the cache or are computed again; portions of three images hold as well."""
    whole = Pipeline().run(counting()[0], faces)
    for name, most in (("_MOST_DIGESTS", 1), ("_MOST_CONTENTS", 1), ("_MOST_RESULTS", 1), ("_MOST_DETECTED", 1)):
        monkeypatch.setattr(f"facecheck.pipeline.pipeline.{name}", most)
    monkeypatch.setattr("facecheck.pipeline.pipeline._AT_ONCE", 3)
    cache = Cache(tmp_path / "cache") if kept else None
    recognizer, detector, embedder = counting()
    pipeline = Pipeline(cache=cache, batch=2)

    first = pipeline.run(recognizer, tuple(faces + faces))
    second = pipeline.run(recognizer, faces)
    masked = pipeline.run(recognizer, faces, corruption=Applied("mask", 50))
    scores = pipeline.detection_scores(recognizer, faces)
    crops = list(pipeline.crops(recognizer, faces + faces))

    if cache is not None:
        cache.close()
    np.testing.assert_array_equal(first.vectors, np.concatenate((whole.vectors, whole.vectors)))
    np.testing.assert_array_equal(second.vectors, whole.vectors)
    assert (
        masked.outcomes.tolist() == Pipeline().run(recognizer, faces, corruption=Applied("mask", 50)).outcomes.tolist()
    )
    assert scores.tolist() == [-np.inf if number == 3 else 1.0 for number in range(10)]
    assert [crop.source for crop in crops] == [each.source for each in faces]
    assert [crop.pixels is None for crop in crops] == [number == 3 for number in range(10)]
    assert embedder.seen >= 9
    assert detector.seen >= 10


def test_many_vectors_lie_in_a_temporary_file(faces: list[Face], monkeypatch: pytest.MonkeyPatch) -> None:
    """They are equal to those in memory, NaN where there is none, and the file is gone with the array."""
    expected = Pipeline().run(counting()[0], faces)
    monkeypatch.setattr("facecheck.pipeline.outcomes.IN_MEMORY", 0)
    monkeypatch.setattr("facecheck.pipeline.outcomes._AT_ONCE", 40)

    found = Pipeline().run(counting()[0], faces)

    assert isinstance(found.vectors.base, np.memmap)
    np.testing.assert_array_equal(found.vectors, expected.vectors)
    assert np.isnan(found.vectors[3]).all()
    pairs = Pairs(tuple(faces), np.array([[0, 1], [3, 4], [2, 3]]))
    assert (
        score(found, pairs, distance="cosine").similarity.tolist()
        == score(expected, pairs, distance="cosine").similarity.tolist()
    )


def test_a_list_that_changes_is_read_again(faces: list[Face]) -> None:
    """What is behind faces is remembered by the tuple of them, never by a list."""
    pipeline = Pipeline()
    some = faces[:2]
    first = pipeline.content_digest(some)

    some[1] = faces[2]

    assert pipeline.content_digest(some) != first
    assert pipeline.content_digest(some) == pipeline.content_digest((faces[0], faces[2]))


def test_an_image_that_comes_later_is_read_then(faces: list[Face], tmp_path: Path) -> None:
    """What could not be read is tried again at the next run; the hash of all contents says that it was not there."""
    late = tmp_path / "late.png"
    asked = (faces[0], face(late, "x"), faces[1])
    pipeline, recognizer = Pipeline(), counting()[0]
    digests = [file_digest(each.source) for each in (faces[0], faces[1])]
    assert pipeline.run(recognizer, asked).outcomes.tolist() == [0, Outcome.UNREADABLE, 0]
    without = hashlib.sha256(digests[0] + b"unreadable" + digests[1]).hexdigest()
    assert pipeline.content_digest(asked) == without

    late.write_bytes(faces[2].source.path.read_bytes())

    assert pipeline.run(recognizer, asked).outcomes.tolist() == [0, 0, 0]
    middle = file_digest(faces[2].source)
    assert pipeline.content_digest(asked) == hashlib.sha256(digests[0] + middle + digests[1]).hexdigest()


@given(contents=st.lists(st.integers(0, 4), max_size=20))
def test_different_images_are_found_as_by_a_loop(contents: list[int]) -> None:
    """In the order in which faces have them first, each with its rows; 4 stands for what cannot be read."""
    digests = np.zeros((len(contents), 32), dtype=np.uint8)
    digests[:, [7, 31]] = np.array(contents, dtype=np.uint8)[:, None]
    unreadable = {row: "gone" for row, content in enumerate(contents) if content == 4}
    found = Contents((), digests, unreadable).images()

    rows: dict[int, list[int]] = {}
    for row, content in enumerate(contents):
        if content != 4:
            rows.setdefault(content, []).append(row)

    assert [found.rows_of(image).tolist() for image in range(len(found))] == list(rows.values())
    assert [found.first(image) for image in range(len(found))] == [each[0] for each in rows.values()]
    assert [image for portion in found.portions(3) for image in portion] == list(range(len(rows)))


@given(keys=st.lists(st.integers(0, 9), max_size=60), most=st.integers(1, 30))
def test_recent_keeps_within_its_bound(keys: list[int], most: int) -> None:
    """What is kept is what was given; the last one is always kept."""
    recent = Recent[int, int](most, size=lambda value: value + 1)
    for key in keys:
        recent.update([(key, key)])

        kept = [each for each in range(10) if each in recent]
        assert recent.get(key) == key
        assert len(kept) == len(recent)
        assert sum(each + 1 for each in kept) <= most or kept == [key]


@pytest.mark.parametrize(("workers", "batch"), [(1, 1), (1, 16), (2, 3), (4, 2)])
def test_workers_and_batches_do_not_change_the_answer(faces: list[Face], workers: int, batch: int) -> None:
    """Neither order nor grouping changes a vector."""
    found = Pipeline(workers=workers, batch=batch).run(counting()[0], faces)

    expected = [[100.0 + 10 * n] * 3 for n in range(10)]
    expected[3] = [np.nan] * 3
    np.testing.assert_allclose(found.vectors, expected, atol=0.5)


def test_the_cache_makes_the_second_run_free_and_equal(faces: list[Face], tmp_path: Path) -> None:
    """A new process finds everything, failures to find a face and measured times included."""
    first_model, second_model = counting(), counting()
    cache = Cache(tmp_path / "cache")
    first = Pipeline(cache=cache).run(first_model[0], faces)
    cache.close()
    again = Cache(tmp_path / "cache")

    second = Pipeline(cache=again).run(second_model[0], faces)

    again.close()
    assert (second_model[1].seen, second_model[2].seen) == (0, 0)
    np.testing.assert_array_equal(first.vectors, second.vectors)
    np.testing.assert_array_equal(first.outcomes, second.outcomes)
    np.testing.assert_allclose(first.total_ms, second.total_ms, rtol=1e-5)


def test_another_policy_only_embeds_again(faces: list[Face], tmp_path: Path) -> None:
    """Detections are shared by all recognisers with the same detector."""
    cache = Cache(tmp_path / "cache")
    Pipeline(cache=cache).run(counting()[0], faces)
    recognizer, detector, embedder = counting(FacePolicy(fallback="centre_box"))

    found = Pipeline(cache=cache).run(recognizer, faces)

    cache.close()
    assert (detector.seen, embedder.seen) == (0, 10)
    assert found.fallback.tolist() == [number == 3 for number in range(10)]
    assert found.found.sum() == 9, "a centre box is not a find"


def test_a_corruption_is_another_image(faces: list[Face]) -> None:
    """Clean results are not used for blurred images; level 0 is the clean image."""
    recognizer, detector, _ = counting()
    pipeline = Pipeline()

    pipeline.run(recognizer, faces)
    pipeline.run(recognizer, faces, corruption=Applied("blur", 2.0))
    pipeline.run(recognizer, faces, corruption=Applied("blur", 0.0))

    assert detector.seen == 20


class ReferenceDetector:
    """Finds one face with landmarks that are not whole numbers, in bright images; counts what it is given."""

    identity = "reference"

    def __init__(self) -> None:
        self.seen = 0

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        self.seen += len(images)
        points = np.array([[10.4, 12.6], [30, 12], [20, 20], [12, 30], [28, 30]], dtype=np.float32)
        found = Detections(np.array([[5, 5, 35, 38]], dtype=np.float32), np.ones(1, dtype=np.float32), points[None])
        return [found if image.mean() > 20 else Detections.of_boxes([], []) for image in images]


def test_corruptions_are_placed_by_the_reference_detector(
    faces: list[Face], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the model, landmarks are those of one detector on the clean image, to the pixel, found once."""
    reference, given = ReferenceDetector(), []
    for module in ("pipeline", "work"):
        monkeypatch.setattr(f"facecheck.pipeline.{module}.reference_detector", lambda: reference)
    apply = Applied.apply

    def spied(self: Applied, image: Image, digest: bytes, landmarks: npt.NDArray[np.float32] | None = None) -> Image:
        if self.needs_landmarks:
            given.append(None if landmarks is None else landmarks.tolist())
        return apply(self, image, digest, landmarks)

    monkeypatch.setattr(Applied, "apply", spied)
    cache = Cache(tmp_path / "cache")
    pipeline = Pipeline(cache=cache)

    pipeline.run(counting()[0], faces, corruption=Applied("sunglasses", 100))
    pipeline.run(counting()[0], faces, corruption=Applied("sunglasses", 80))
    Pipeline(cache=cache).run(counting()[0], faces, corruption=Applied("mask", 50))
    cache.close()

    assert reference.seen == len(faces)
    assert len(given) == 3 * len(faces)
    assert given.count(None) == 3, "the dark image has no face to place anything on"
    assert next(points for points in given if points) == [[10, 13], [30, 12], [20, 20], [12, 30], [28, 30]]


def test_corruptions_that_need_no_landmarks_detect_none(faces: list[Face], monkeypatch: pytest.MonkeyPatch) -> None:
    """Blur does not depend on where the face is."""
    reference = ReferenceDetector()
    for module in ("pipeline", "work"):
        monkeypatch.setattr(f"facecheck.pipeline.{module}.reference_detector", lambda: reference)

    Pipeline().run(counting()[0], faces, corruption=Applied("blur", 2))

    assert reference.seen == 0


def test_a_corruption_that_an_image_cannot_take_is_a_result(faces: list[Face], tmp_path: Path) -> None:
    """WebP allows sides of up to 16383 px: one image fails, by name, and the run continues."""
    PIL.Image.new("RGB", (16_400, 4)).save(tmp_path / "wide.png")

    found = Pipeline(batch=2).run(
        counting()[0], [face(tmp_path / "wide.png", "w"), *faces], corruption=Applied("webp", 50)
    )

    assert found.outcomes.tolist()[0] == Outcome.UNREADABLE
    assert "wide.png: webp:50 cannot be applied: WebP allows sides of up to 16383 px" in found.unreadable["wide.png"]
    assert (found.outcomes[1:] != Outcome.UNREADABLE).all()


def test_bad_images_are_results_and_the_run_goes_on(faces: list[Face], tmp_path: Path) -> None:
    """A missing, an empty and a truncated image, and a text, are unreadable, each with its reason."""
    whole = HOPPER.read_bytes()
    contents = {"empty.jpg": b"", "cut.jpg": whole[: len(whole) // 2], "text.jpg": b"hello"}
    bad = [face(tmp_path / "missing.jpg", "m")]
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        bad.append(face(tmp_path / name, name))

    found = Pipeline(batch=2).run(counting()[0], [*bad, *faces])

    assert found.outcomes.tolist() == [Outcome.UNREADABLE] * 4 + [Outcome.NO_FACE if n == 3 else 0 for n in range(10)]
    assert set(found.unreadable) == {"missing.jpg", *contents}
    assert "0 bytes" in found.unreadable["empty.jpg"]
    assert "truncated" in found.unreadable["cut.jpg"]
    assert "not an image" in found.unreadable["text.jpg"]
    assert np.isnan(found.total_ms[:4]).all()


def test_failures_become_non_matches_in_the_scores(faces: list[Face]) -> None:
    """No pair is left out: one that cannot be compared has the score minus infinity."""
    found = Pipeline().run(counting()[0], faces)
    pairs = Pairs(tuple(faces), np.array([[0, 1], [3, 4], [2, 3]]))

    scores = score(found, pairs, distance="euclidean")

    assert scores.similarity[0] == pytest.approx(-np.sqrt(3) * 10, abs=0.5)
    assert scores.similarity[1:].tolist() == [-np.inf, -np.inf]


def test_a_run_without_any_face_has_scores_too(faces: list[Face]) -> None:
    """No face in any image is a result too."""
    found = Pipeline().run(counting()[0], [faces[3], faces[3]])

    assert found.vectors.shape == (2, 0)
    assert found.failures == ["3.png", "3.png"]


def test_an_interruption_keeps_what_was_finished(faces: list[Face], tmp_path: Path) -> None:
    """Ctrl-C in the middle loses only the batches under way."""
    whole, detector, _ = counting()

    class Interruptible(MeanEmbedder):
        stop_after: float = np.inf

        def embed(self, crops: Crops) -> Embeddings:
            if self.seen >= self.stop_after:
                raise KeyboardInterrupt
            return super().embed(crops)

    embedder = Interruptible()
    recognizer = dataclasses.replace(whole, embedder=embedder)
    _ = recognizer.identity
    cache = Cache(tmp_path / "cache")
    embedder.seen, embedder.stop_after = 0, 4
    with pytest.raises(KeyboardInterrupt):
        Pipeline(cache=cache, workers=1, batch=1).run(recognizer, faces)
    detector.seen = embedder.seen = 0
    embedder.stop_after = np.inf

    Pipeline(cache=cache).run(recognizer, faces)

    cache.close()
    assert 0 < detector.seen < 10
    assert 0 < embedder.seen < 9


def test_tiles_of_a_strip_are_images_of_their_own(tmp_path: Path) -> None:
    """One file, decoded once, gives a vector a tile; a tile that is not there is unreadable."""
    strip = np.concatenate([np.full((30, 30, 3), level, dtype=np.uint8) for level in (50, 100, 150)], axis=1)
    PIL.Image.fromarray(strip).save(tmp_path / "strip.png")
    tiles = [
        Face(source=ImageSource(tmp_path / "strip.png", f"strip.png#{tile}", tile), subject="s") for tile in range(4)
    ]

    found = Pipeline().run(counting()[0], tiles)

    np.testing.assert_allclose(found.vectors[:3, 0], [50, 100, 150], atol=0.5)
    assert found.outcomes[3] == Outcome.UNREADABLE


@pytest.mark.parametrize("model", ["dlib", "facenet-casia-webface"])
def test_the_pipeline_gives_what_its_steps_give_by_hand(model: str) -> None:
    """Threads and batches give the vector that detector, policy, aligner and embedder give one after the other."""
    recognizer = build(model, Settings(device=CPU))
    people = [face(HOPPER, "hopper"), face(ASTRONAUT, "collins"), face(COFFEE, "nobody")]

    found = Pipeline(workers=2, batch=2).run(recognizer, people)

    assert found.outcomes.tolist() == [Outcome.EMBEDDED, Outcome.EMBEDDED, Outcome.NO_FACE]
    image = np.asarray(PIL.Image.open(HOPPER).convert("RGB"))
    chosen = recognizer.policy.choose(recognizer.detector.detect([image])[0], image.shape)
    assert chosen is not None
    by_hand = recognizer.embed(recognizer.aligner.align(image, chosen)[None])[0]
    np.testing.assert_allclose(found.vectors[0], by_hand, atol=1e-5)
    assert (found.total_ms > 0).all()
