"""The table of corruptions and its specifications: reproducible, without effect on the input, refused if unknown."""

from __future__ import annotations

import concurrent.futures
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facecheck.corruptions import CLEAN, CORRUPTIONS, Applied, Corruption, Domain, families, of_family
from facecheck.errors import FacecheckError
from facecheck.faces import Image

PHOTOGRAPH: Image = np.random.default_rng(3).integers(0, 256, (48, 36, 3), dtype=np.uint8)
LANDMARKS = np.array([[11, 18], [24, 18], [18, 25], [13, 33], [23, 33]], dtype=np.float32)
DIGEST = bytes(32)
EVERY = [
    pytest.param(name, level, id=f"{name}-{level:g}") for name, entry in CORRUPTIONS.items() for level in entry.levels
]
WORST = [pytest.param(Applied(name, entry.levels[-1]), id=name) for name, entry in CORRUPTIONS.items()]
FAR = 1e30
SHAPES = {"one-pixel": (1, 1, 3), "one-row": (1, 9, 3), "flat": (8, 300, 3), "tall": (61, 3, 3), "odd": (33, 47, 3)}
PLACES = {
    "unknown": None,
    "nan": np.full((5, 2), np.nan, dtype=np.float32),
    "huge": LANDMARKS * np.float32(FAR),
    "outside": LANDMARKS - np.float32(5000),
    "one-point": np.zeros((5, 2), dtype=np.float32),
    "upside-down": -LANDMARKS,
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_level_0_is_the_clean_image(name: str) -> None:
    """Not a copy that went through the function."""
    assert Applied(name, 0.0).apply(PHOTOGRAPH, DIGEST) is PHOTOGRAPH
    assert CORRUPTIONS[name].levels[0] == 0


@pytest.mark.parametrize(("name", "level"), EVERY)
def test_the_input_is_not_changed(name: str, level: float) -> None:
    """The same pixels are degraded at every level in turn."""
    image, landmarks = PHOTOGRAPH.copy(), LANDMARKS.copy()
    image.setflags(write=False)
    landmarks.setflags(write=False)

    degraded = Applied(name, level).apply(image, DIGEST, landmarks)

    np.testing.assert_array_equal(image, PHOTOGRAPH)
    np.testing.assert_array_equal(landmarks, LANDMARKS)
    assert degraded.dtype == np.uint8
    assert degraded.ndim == 3
    assert level == 0 or not np.shares_memory(degraded, image)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("applied", WORST)
def test_any_shape_is_degraded(applied: Applied, shape: tuple[int, int, int]) -> None:
    """Down to a single pixel; only the resolutions change the size."""
    image = np.resize(PHOTOGRAPH, shape)

    degraded = applied.apply(image, DIGEST)

    assert degraded.dtype == np.uint8
    assert degraded.flags.c_contiguous
    if applied.name == "resolution":
        assert min(degraded.shape[:2]) == min(applied.level, *shape[:2])
    elif applied.name == "study_resolution":
        assert degraded.shape == (applied.level, applied.level, 3)
    else:
        assert degraded.shape == shape


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("applied", WORST)
def test_any_landmarks_are_borne(applied: Applied, place: np.ndarray | None) -> None:
    """A wrong detection causes neither an error nor a huge kernel."""
    assert applied.apply(PHOTOGRAPH, DIGEST, place).dtype == np.uint8


@pytest.mark.parametrize("applied", WORST)
def test_landmarks_that_are_not_finite_are_unknown(applied: Applied) -> None:
    """A detector without landmarks returns NaN."""
    np.testing.assert_array_equal(
        applied.apply(PHOTOGRAPH, DIGEST, PLACES["nan"]), applied.apply(PHOTOGRAPH, DIGEST, None)
    )


@pytest.mark.parametrize("cut", [np.s_[::2, ::2], np.s_[:, ::-1], np.s_[5:20, 3:17]], ids=["steps", "mirror", "window"])
@pytest.mark.parametrize("applied", WORST)
def test_a_view_is_degraded_like_its_copy(applied: Applied, cut: tuple[slice, slice]) -> None:
    """The memory layout of the pixels has no effect."""
    view = PHOTOGRAPH[cut]

    np.testing.assert_array_equal(applied.apply(view, DIGEST), applied.apply(np.ascontiguousarray(view), DIGEST))


@pytest.mark.parametrize(
    ("image", "landmarks", "message"),
    [
        pytest.param(PHOTOGRAPH[..., 0], None, r"expected an image \(h, w, 3\) of uint8", id="grey"),
        pytest.param(PHOTOGRAPH / 255, None, "not .* of float64", id="float"),
        pytest.param(PHOTOGRAPH[:0], None, r"not \(0, 36, 3\)", id="empty"),
        pytest.param(PHOTOGRAPH, LANDMARKS[:4], r"expected landmarks \(5, 2\), not \(4, 2\)", id="four-landmarks"),
    ],
)
def test_arrays_of_another_form_are_refused(image: Image, landmarks: np.ndarray | None, message: str) -> None:
    """The message names shape and type, before anything is computed."""
    with pytest.raises(ValueError, match=message):
        Applied("blur", 1.0).apply(image, DIGEST, landmarks)


def fingerprint() -> str:
    """Return a hash of the pixels that every corruption makes at every level."""
    total = hashlib.sha256()
    for name, entry in CORRUPTIONS.items():
        for level in entry.levels:
            total.update(Applied(name, level).apply(PHOTOGRAPH, DIGEST, LANDMARKS).tobytes())
    return total.hexdigest()


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_another_process_makes_the_same_pixels(hash_seed: str) -> None:
    """The generator is seeded by name, level and image only, not by Python's hash seed."""
    command = "from tests.corruptions.test_corruptions import fingerprint; print(fingerprint())"

    said = subprocess.run(
        [sys.executable, "-c", command],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        cwd=Path(__file__).parents[2],
        check=True,
        capture_output=True,
        text=True,
    )

    assert said.stdout.strip() == fingerprint()


def test_threads_make_the_same_pixels() -> None:
    """No state is shared, least of all a global generator."""
    alone = fingerprint()
    np.random.seed(7)  # noqa: NPY002 - that it does not matter is what is tested

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda _: fingerprint(), range(4)))

    assert together == [alone] * 4


@pytest.mark.parametrize(
    ("applied", "identity"),
    [
        pytest.param(CLEAN, "clean", id="clean"),
        pytest.param(Applied("blur", 0), "clean", id="level-0"),
        pytest.param(Applied("blur", 2.0), "blur:2", id="whole"),
        pytest.param(Applied("blur", 0.5), "blur:0.5", id="half"),
        pytest.param(Applied.parse("blur:2+resolution:32"), "blur:2+resolution:32", id="composition"),
        pytest.param(Applied.parse(" blur:2.0 + resolution:0 "), "blur:2", id="clean-part"),
        pytest.param(Applied.parse("invert:0+resolution:0"), "clean", id="clean-parts"),
        pytest.param(Applied.parse("clean"), "clean", id="parsed-clean"),
    ],
)
def test_identities_name_the_pixels(applied: Applied, identity: str) -> None:
    """Every clean image is the same; 2 and 2.0 are one level; and the identity can be read again."""
    assert applied.identity == identity
    assert Applied.parse(identity).identity == identity


@given(st.lists(st.tuples(st.sampled_from(list(CORRUPTIONS)), st.floats(0, 1)), max_size=4))
def test_any_identity_can_be_read_again(drawn: list[tuple[str, float]]) -> None:
    """Levels of any number of digits within the domains, in compositions of any length."""
    parts = []
    for name, share in drawn:
        domain = CORRUPTIONS[name].domain
        level = domain.low + share * (domain.high - domain.low)
        parts.append(Applied(name, round(level) if domain.whole else level))

    composed = Applied.composed(parts)

    assert Applied.parse(composed.identity).steps == composed.steps
    assert Applied.composed(parts) == Applied.composed([composed])


def test_levels_that_differ_little_have_identities_of_their_own() -> None:
    """The cache uses identities as keys, and six digits would not distinguish these levels."""
    assert Applied("blur", 1.00000001).identity != Applied("blur", 1.0).identity


def test_a_composition_is_named_by_its_parts() -> None:
    """Reports show a composition as one condition, at level 1."""
    composition = Applied.parse("invert:1+blur:2")

    assert (composition.name, composition.level) == ("invert+blur", 1)
    assert composition.steps == (Applied("invert", 1), Applied("blur", 2))
    assert composition == Applied.composed([Applied("invert", 1), Applied("blur", 2)])
    assert Applied("blur", 2) == Applied.parse("blur:2")


def test_parts_are_applied_in_their_order() -> None:
    """The smaller image is blurred, or the blurred image made smaller."""
    large, blur, small = np.tile(PHOTOGRAPH, (2, 2, 1)), Applied("blur", 2), Applied("resolution", 32)

    first_blurred = Applied.parse("blur:2+resolution:32").apply(large, DIGEST)

    np.testing.assert_array_equal(first_blurred, small.apply(blur.apply(large, DIGEST), DIGEST))
    assert (first_blurred != Applied.parse("resolution:32+blur:2").apply(large, DIGEST)).any()


def test_what_comes_first_is_degraded_as_if_alone() -> None:
    """The first part uses the same random numbers as alone, and a second noise uses others."""
    noise = Applied("gaussian_noise", 1)
    alone = noise.apply(PHOTOGRAPH, DIGEST)
    second = Applied("gaussian_noise", 1).apply(alone, DIGEST)

    composed = Applied.parse("gaussian_noise:1+invert:1").apply(PHOTOGRAPH, DIGEST)

    np.testing.assert_array_equal(composed, 255 - alone)
    assert (Applied.composed([noise, noise]).apply(PHOTOGRAPH, DIGEST) != second).mean() > 0.5


def test_landmarks_follow_a_change_of_size() -> None:
    """Landmarks are scaled with the image: objects lie where they would lie on an image of that size."""
    large, landmarks = np.full((96, 72, 3), 200, dtype=np.uint8), 2 * LANDMARKS
    small = Applied("resolution", 36).apply(large, DIGEST, landmarks)

    composed = Applied.parse("resolution:36+mask:75").apply(large, DIGEST, landmarks)

    np.testing.assert_array_equal(composed, Applied("mask", 75).apply(small, DIGEST, LANDMARKS))
    assert (composed != Applied("mask", 75).apply(small, DIGEST, landmarks)).any()


def test_landmarks_are_needed_if_any_part_needs_them() -> None:
    """So that the pipeline knows when to look for them."""
    assert Applied.parse("blur:1+sunglasses:100").needs_landmarks
    assert not Applied.parse("blur:1+jpeg:30").needs_landmarks
    assert not Applied.parse("sunglasses:0").needs_landmarks
    assert not CLEAN.needs_landmarks


@pytest.mark.parametrize("name", [name for name, entry in CORRUPTIONS.items() if not entry.needs_landmarks])
def test_landmarks_change_nothing_that_does_not_ask_for_them(name: str) -> None:
    """Otherwise the cache key would have to include the landmarks."""
    applied = Applied(name, CORRUPTIONS[name].levels[-1])

    np.testing.assert_array_equal(applied.apply(PHOTOGRAPH, DIGEST, LANDMARKS), applied.apply(PHOTOGRAPH, DIGEST))


@pytest.mark.parametrize("name", [name for name, entry in CORRUPTIONS.items() if entry.needs_landmarks])
def test_landmarks_change_what_asks_for_them(name: str) -> None:
    """A face elsewhere, of another size, is degraded elsewhere, or by another size."""
    applied = Applied(name, CORRUPTIONS[name].levels[-1])

    image = np.tile(PHOTOGRAPH, (4, 5, 1))

    here, there = (applied.apply(image, DIGEST, LANDMARKS * np.float32(factor)) for factor in (4, 2))

    assert (here != there).any()


@pytest.mark.parametrize("parts", [(), (CLEAN,), (Applied("blur", 1), CLEAN)], ids=["none", "one", "clean"])
def test_a_composition_cannot_be_misnamed(parts: tuple[Applied, ...]) -> None:
    """Its name follows from its parts."""
    with pytest.raises((ValueError, FacecheckError), match=r"expected two or more|unknown"):
        Applied("blur+invert", 1, parts)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "blurr:1", r"corruption 'blurr' is unknown\. Did you mean blur or zoom_blur\? Known: blur", id="misspelt"
        ),
        pytest.param("xyz:1", r"corruption 'xyz' is unknown\. Known: blur", id="nothing-near"),
        pytest.param("blur:1+sepai:1", r"'sepai' is unknown\. Did you mean sepia or", id="second"),
        pytest.param("blur", r"'blur': expected name:level such as blur:2", id="no-level"),
        pytest.param("blur:", "not 'blur:'", id="empty-level"),
        pytest.param("blur:two", "not 'blur:two'", id="word"),
        pytest.param("blur:nan", "not 'blur:nan'", id="nan"),
        pytest.param("blur:1e3", "not 'blur:1e3'", id="exponent"),
        pytest.param("blur:٢", "expected name:level", id="other-digits"),
        pytest.param("", "expected name:level .* not ''", id="empty"),
        pytest.param("blur:2+", "'blur:2\\+': expected .* not ''", id="nothing-joined"),
        pytest.param("clean+blur:2", "not 'clean'", id="clean-joined"),
        pytest.param(
            "blur:200", r"a number from 0.1 to 100, or 0 for clean, not 200 \(Gaussian radius, px", id="above"
        ),
        pytest.param("blur:-1", "from 0.1 to 100, .* not -1", id="below"),
        pytest.param("resolution:32.5", "a whole number from 1 to 10000, .* 128, 96, 64, 48, 32", id="broken"),
        pytest.param("invert:2", "expected a level that is 1 only, or 0 for clean, not 2", id="one-level"),
    ],
)
def test_what_cannot_be_applied_is_refused(text: str, message: str) -> None:
    """The error comes at once, not in the middle of the run, and suggests a name."""
    with pytest.raises(FacecheckError, match=message):
        Applied.parse(text)


@pytest.mark.parametrize("level", [float("nan"), float("inf"), -1.0])
def test_a_level_outside_the_domain_is_refused(level: float) -> None:
    """However it was made."""
    with pytest.raises(FacecheckError, match="expected a level"):
        Applied("blur", level)


def test_families_hold_the_whole_table() -> None:
    """Each corruption once, in the table's order."""
    assert [entry for family in families() for entry in of_family(family)] == list(CORRUPTIONS.values())


def test_an_unknown_family_is_refused_with_the_nearest() -> None:
    """The message lists the known names."""
    with pytest.raises(FacecheckError, match=r"family 'blurs' is unknown\. Did you mean blur"):
        of_family("blurs")


@pytest.mark.parametrize(
    ("name", "levels", "message"),
    [
        pytest.param("Blur", (0, 1), "a-z and _, not 'Blur'", id="name"),
        pytest.param("x", (1, 2), "start at 0", id="no-clean-level"),
        pytest.param("x", (0, 2, 1, 3), "then rise or fall", id="disorder"),
        pytest.param("x", (0, 2, 2), "then rise or fall", id="twice"),
        pytest.param("x", (0, 5), "within a number from 1 to 4", id="outside"),
    ],
)
def test_an_entry_that_could_not_be_shown_is_refused(name: str, levels: tuple[float, ...], message: str) -> None:
    """The table refuses such an entry."""
    with pytest.raises(ValueError, match=message):
        Corruption(
            name=name,
            family="x",
            title="X",
            unit="px",
            levels=levels,
            domain=Domain(1, 4),
            function=lambda image, level, given: image,  # noqa: ARG005 - the table's form
        )
