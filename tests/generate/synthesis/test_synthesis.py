"""Synthetic people: one seed is one person, independent of other draws and renderings."""

import argparse
import hashlib
import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facecheck.datasets.bundled import bundled_folder
from facecheck.generate.synthesis import check
from facecheck.generate.synthesis.bundled_set import BUNDLED_KEYS, bundled_jobs, bundled_people
from facecheck.generate.synthesis.camera import place_camera
from facecheck.generate.synthesis.check import TOLERANCE_LEVELS, Comparison, compare_person
from facecheck.generate.synthesis.command import add_arguments, parse_seeds, run
from facecheck.generate.synthesis.conditions import KINDS, Conditions, Kind, draw_conditions
from facecheck.generate.synthesis.generate import GENERATOR_VERSION, strip_yaws
from facecheck.generate.synthesis.model import Pose, sculpt
from facecheck.generate.synthesis.person import draw_person, draw_sibling
from facecheck.generate.synthesis.protocol import draw_protocol
from facecheck.generate.synthesis.raster import depth_map, nearest_fragments
from facecheck.generate.synthesis.selection import appearance
from facecheck.generate.synthesis.studio import Studio
from facecheck.generate.synthesis.style import draw_style
from facecheck.generate.synthesis.template import load_template

FOLDER = bundled_folder()
SIZE = 48
LOOKS = (Conditions(), Conditions(yaw_rad=0.4, lighting="sun", light_seed=3))


def digest(seed: int, looks: tuple[Conditions, ...]) -> str:
    """Return a hash of a person's pictures."""
    studio = Studio(draw_person(seed))
    return hashlib.sha256(b"".join(studio.take(look, size=SIZE).tobytes() for look in looks)).hexdigest()


@pytest.mark.parametrize("seed", [0, 1, 2**31])
def test_a_seed_is_a_person(seed: int) -> None:
    """Drawn twice, everything is equal; the next seed and a sibling are other people."""
    assert draw_person(seed) == draw_person(seed)
    assert draw_sibling(seed, 1) == draw_sibling(seed, 1)
    assert len({draw_person(seed), draw_person(seed + 1), draw_sibling(seed, 1), draw_sibling(seed, 2)}) == 4


@pytest.mark.parametrize(
    ("draw", "text"),
    [
        pytest.param(lambda: draw_person(-1), "a person's seed must be 0 or more, got -1", id="negative seed"),
        pytest.param(lambda: draw_sibling(3, 0), "siblings count from 1, got 0", id="sibling 0"),
        pytest.param(lambda: draw_style(draw_person(0), -1), "index must be 0 or more, got -1", id="negative style"),
        pytest.param(lambda: Conditions(yaw_rad=45), "did you supply degrees", id="degrees"),
        pytest.param(lambda: Conditions(yaw_rad=float("nan")), "yaw_rad must be within", id="NaN"),
        pytest.param(lambda: Conditions(style=-1), "style must be 0 or more", id="negative day"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw: Callable[[], object], text: str) -> None:
    """The message says what was expected and what came."""
    with pytest.raises(ValueError, match=text):
        draw()


def test_a_picture_must_be_large_enough() -> None:
    """Below 32 px there is no face."""
    with pytest.raises(ValueError, match="at least 32 px wide, got 31"):
        Studio(draw_person(0)).take(Conditions(), size=31)


def test_siblings_are_nearer_than_unrelated() -> None:
    """In several families, each sibling is more similar to their person than to all others."""
    seeds = range(5)
    people = [appearance(draw_person(seed)) for seed in seeds]
    for seed in seeds:
        sibling = appearance(draw_sibling(seed, 1))
        distances = [float(np.linalg.norm(sibling - person)) for person in people]
        assert int(np.argmin(distances)) == seed
        assert distances[seed] > 0


@given(seed=st.integers(0, 2**32), kind=st.sampled_from(KINDS))
def test_conditions_are_the_same_for_the_same_seeds_and_never_turn_the_head_away(seed: int, kind: Kind) -> None:
    """Further pictures stay where every detector should find the face."""
    drawn = draw_conditions(kind, seed)
    assert drawn == draw_conditions(kind, seed)
    assert abs(drawn.yaw_rad) <= 0.35
    assert (drawn.style == 1) == (kind == "restyle")


@given(tiles=st.integers(2, 30), first=st.integers(-13, 13), step=st.integers(-5, 5))
def test_yaws_of_a_strip_lie_on_its_grid(tiles: int, first: int, step: int) -> None:
    """Yaws in tenths are exact despite floating-point sums."""
    yaws = strip_yaws(tiles, first / 10, step / 10)
    assert yaws == tuple((first + tile * step) / 10 for tile in range(tiles))


def test_pixels_depend_on_nothing_but_person_and_conditions() -> None:
    """In another process, after other pictures and in another order, a picture has the same bytes."""
    module = "tests.generate.synthesis.test_synthesis"
    script = f"from {module} import digest, LOOKS; print(digest(5, LOOKS[1:]), digest(5, LOOKS[:1]))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]
    )
    studio = Studio(draw_person(5))
    here = [hashlib.sha256(studio.take(look, size=SIZE).tobytes()).hexdigest() for look in LOOKS]

    assert done.stdout.split() == here[::-1]
    assert here[0] != here[1]


def test_at_positive_yaw_the_nose_points_to_the_right_of_the_picture() -> None:
    """The nose's tip moves right of the eyes' middle as the yaw grows, and left as it falls."""
    person = draw_person(1)
    model = sculpt(load_template(), person, draw_style(person, 0), Pose("neutral", 1.0, (0.0, 0.0)))
    rest = load_template().rest_fine
    body = model.vertices[: model.body_count]
    tip = body[int(np.argmax(np.where((np.abs(rest[:, 0]) < 0.05) & (rest[:, 1] > 6.6), rest[:, 2], -9)))]
    eyes = model.vertices[model.kind == 1].mean(axis=0)
    offsets = []
    for yaw in (-0.8, -0.4, 0.0, 0.4, 0.8):
        nose, middle = place_camera(model.centre, yaw_rad=yaw, pitch_rad=0.0, roll_rad=0.0).project(
            np.stack([tip, eyes]), 100
        )
        offsets.append(float(nose[0] - middle[0]))

    assert offsets == sorted(offsets)
    assert offsets[0] < -3 < 3 < offsets[-1]
    assert abs(offsets[2]) < 3


def test_temples_of_glasses_lie_on_the_head() -> None:
    """From the front, temples are neither wider than the head nor inside of it at its widest point."""
    for seed in (2, 10, 22):
        person = draw_person(seed)
        style = draw_style(person, 0).with_glasses(wears=True)
        model = sculpt(load_template(), person, style, Pose("neutral", 1.0, (0.0, 0.0)))
        frame = model.vertices[model.kind == 3]
        rest = load_template().rest_fine
        beside = (np.abs(rest[:, 1] - 7.284) < 0.1) & (load_template().regions.ears == 0) & (rest[:, 2] > 0.2)
        half_width = np.abs(model.vertices[: model.body_count][beside, 0]).max()
        widest = np.abs(frame[:, 0]).max()
        assert half_width <= widest <= half_width + 0.12


def test_the_nearest_triangle_wins_in_every_sample() -> None:
    """Depths of random triangles equal those found by testing every sample against every triangle."""
    rng = np.random.default_rng(0)
    size = 24
    points = np.concatenate([rng.uniform(-4, 28, (45, 2)), rng.uniform(1, 9, (45, 1))], axis=1)
    triangles = np.arange(45).reshape(15, 3)
    expected = np.full((size, size), np.inf)
    for corners in points[triangles]:
        matrix = np.stack([corners[:, 0], corners[:, 1], np.ones(3)])
        for row, column in itertools.product(range(size), repeat=2):
            weights = np.linalg.solve(matrix, [column + 0.5, row + 0.5, 1.0])
            if weights.min() >= 0:
                expected[row, column] = min(expected[row, column], float(weights @ corners[:, 2]))

    np.testing.assert_allclose(depth_map(points, triangles, size).reshape(size, size), expected, atol=1e-9)
    assert np.isinf(expected).any()
    assert np.isfinite(expected).any()


def test_equal_depths_go_to_the_first_fragment() -> None:
    """At equal depths the lower index wins, independent of the order of evaluation."""
    pixel, depth = np.array([2, 0, 2, 0]), np.array([5.0, 3.0, 5.0, 2.0])

    assert nearest_fragments(pixel, depth, 3, (0.0, 10.0)).tolist() == [3, -1, 0]


def toy_manifest(families: int) -> dict[str, Any]:
    """Return people with a strip and three pictures each, in eight kinds of cell; every third has a sibling."""
    people: dict[str, Any] = {}
    images = []
    for number in range(families):
        labels = {"sex": "mf"[number % 2], "age_group": "18-34", "skin_tone": ("light", "tan")[number // 2 % 2]}
        for name in [f"p{number:05d}"] + [f"p{number:05d}s1"] * (number % 3 == 0):
            people[name] = {"labels": labels}
            yaws = {"strip": strip_yaws(9, -0.8, 0.2), "light": (0.1,), "smile": (-0.2,), "restyle": (0.3,)}
            images += [
                {
                    "file": f"{name}/{kind}.webp",
                    "kind": kind,
                    "subject": name,
                    "tiles": [{"yaw_rad": y} for y in turned],
                }
                for kind, turned in yaws.items()
            ]
    return {"people": people, "images": images}


def test_a_protocol_is_drawn_alike_and_shares_nobody() -> None:
    """The same manifest gives the same pairs; genuine are of one subject, impostors of two of the same fold."""
    manifest = toy_manifest(54)
    protocol = draw_protocol(manifest)

    assert json.dumps(protocol) == json.dumps(draw_protocol(manifest))
    subjects = [subject for fold in protocol["folds"] for subject in fold["subjects"]]
    assert sorted(subjects) == sorted(manifest["people"])
    for fold in protocol["folds"]:
        for kind, same in (("genuine", True), ("impostor", False)):
            assert 0 < fold["sample"][kind] < len(fold[kind])
            for pair in fold[kind]:
                names = [face["file"].partition("/")[0] for face in pair]
                assert (names[0] == names[1]) == same
                assert set(names) <= set(fold["subjects"])
                assert pair[0] != pair[1]
                assert all(face.get("tile", 4) in range(1, 8) for face in pair)  # within 0.6 rad


@pytest.mark.parametrize("number", [0, 40, 64])
def test_the_committed_pictures_are_those_of_their_seeds(number: int) -> None:
    """Rendered again, a picture equals the committed one within the error of the compression."""
    person = bundled_people()[number]
    file = f"{person.name}/light.webp"

    (compared,) = compare_person(FOLDER, number, files=[file])

    assert compared.file == file
    assert compared.passed, f"{file} differs by {compared.difference_levels:.2f} levels"


def test_another_picture_in_the_place_of_the_committed_one_is_found_out(tmp_path: Path) -> None:
    """A picture of the same person in another light does not pass, nor does a missing file."""
    names = [job.path.name for job in bundled_jobs(FOLDER, bundled_people()[0], 0)]
    manifest = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    person = bundled_people()[0].name
    (tmp_path / person).mkdir()
    (tmp_path / person / "light.webp").write_bytes((FOLDER / person / "pitch.webp").read_bytes())
    assert {"light.webp", "pitch.webp"} <= set(names)

    swapped, missing = compare_person(tmp_path, 0, files=[f"{person}/light.webp", f"{person}/pitch.webp"])[::-1]

    assert swapped.difference_levels > TOLERANCE_LEVELS
    assert missing.difference_levels == float("inf")
    assert (swapped.passed, missing.passed) == (False, False)


def test_a_set_of_another_version_is_not_compared(tmp_path: Path) -> None:
    """Pixels of another version may differ: the message says how to make the set again."""
    manifest = {"generator_version": GENERATOR_VERSION + 1, "command": "facecheck generate faces", "images": []}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")

    with pytest.raises(ValueError, match="make the set again with facecheck generate faces"):
        compare_person(tmp_path, 0)


def test_the_manifest_is_of_the_set_in_the_code() -> None:
    """The people, the version and the protocol of the files are those that the code makes."""
    manifest = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))

    assert manifest["generator_version"] == GENERATOR_VERSION
    assert list(manifest["people"]) == sorted(person.name for person in bundled_people())
    assert len(BUNDLED_KEYS) == len(set(BUNDLED_KEYS)) == 72
    assert json.loads((FOLDER / "protocol.json").read_text(encoding="utf-8")) == draw_protocol(manifest)


def arguments(*words: str) -> argparse.Namespace:
    """Return what the command line would pass on."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(words)


def test_a_check_needs_the_bundled_set(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Without --bundled the command refuses --check."""
    assert run(arguments(str(tmp_path), "--check")) == 2
    assert "expected --bundled" in capsys.readouterr().err


@pytest.mark.parametrize(("difference", "status"), [(TOLERANCE_LEVELS, 0), (np.nextafter(TOLERANCE_LEVELS, 9), 1)])
def test_a_check_says_what_differs(
    difference: float, status: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Up to the tolerance the check passes, above it the file is named."""
    found = [
        Comparison(file="a/light.webp", same_pixels=True, difference_levels=1.0),
        Comparison(file="b/pitch.webp", same_pixels=False, difference_levels=difference),
    ]
    monkeypatch.setattr(check, "check_bundled_set", lambda *_, **__: found)

    assert run(arguments(str(tmp_path), "--bundled", "--check", "--workers", "1")) == status
    printed = capsys.readouterr().out
    assert "1 of 2 files have the manifest's pixels to the bit" in printed
    assert ("b/pitch.webp: differs by 4.00 levels" in printed) == (status == 1)


@pytest.mark.parametrize("text", ["", "3-1", "1-", "-4", "1.5", "a", "0-2,,5"])
def test_seeds_that_are_no_seeds_are_refused(text: str) -> None:
    """Only whole numbers and rising ranges are seeds."""
    with pytest.raises(ValueError, match="expected"):
        parse_seeds(text)


@given(st.lists(st.integers(0, 99), min_size=1, max_size=6))
def test_seeds_are_read_as_they_are_written(seeds: list[int]) -> None:
    """A list of single seeds and a list of one-seed ranges are equal."""
    assert parse_seeds(",".join(map(str, seeds))) == tuple(seeds)
    assert parse_seeds(",".join(f"{seed}-{seed}" for seed in seeds)) == tuple(seeds)
