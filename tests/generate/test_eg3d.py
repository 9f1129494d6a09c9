"""Strips from EG3D: cameras against the published formula and by pixels, files, resuming, and what is refused.

The checkout and the checkpoint are stand-ins (`support.eg3d_standin`), opened and run by the code that opens the real
ones. Pixels say where the nose is.
"""

from __future__ import annotations

import hashlib
import json
import math
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from facecheck.cli import main
from facecheck.datasets.open import open_dataset
from facecheck.detection.mtcnn import Mtcnn
from facecheck.errors import DatasetError, ModelError
from facecheck.faces import Image
from facecheck.faces.decoding import cut_tile, decode
from facecheck.generate.eg3d import checkpoint as checkpoint_module
from facecheck.generate.eg3d import generate
from facecheck.generate.eg3d.camera import FOCAL, camera_label, published_angles, viewed_from
from facecheck.generate.eg3d.checkpoint import Checkpoint, loaded, vouched_checkpoint
from facecheck.generate.eg3d.generate import Series, generate_strips
from facecheck.generate.eg3d.render import latent, place_cameras, render_strip
from facecheck.generate.eg3d.yaws import Turn, parse_yaws
from facecheck.generate.synthesis.arrays import Floats
from facecheck.generate.synthesis.camera import DISTANCE_DM, FIELD_DM, place_camera
from tests.support.eg3d_standin import (
    NOSE,
    PIVOT,
    RADIUS,
    HeadGenerator,
    PlainGenerator,
    published_label,
    write_checkout,
    write_network,
)

SIZE = 64
CPU = torch.device("cpu")
ANGLES = st.floats(-1.4, 1.4)
POINTS = st.tuples(*[st.floats(-0.3, 0.3)] * 3)


class Eg3d:
    """A stand-in checkout and checkpoint, and the command that runs them."""

    def __init__(self, folder: Path) -> None:
        self.checkout = write_checkout(folder / "eg3d")
        self.network = write_network(folder / "heads.pkl", self.checkout, HeadGenerator(resolution=SIZE))

    def arguments(self, out: Path, *further: str, network: Path | None = None) -> list[str]:
        """Return the command line."""
        return [
            *("generate", "eg3d", str(out), "--repo", str(self.checkout), "--network", str(network or self.network)),
            *("--no-progress", "--device", "cpu", *further),
        ]

    def make(self, out: Path, *further: str, network: Path | None = None) -> int:
        """Run the command with the user's trust."""
        return main([*self.arguments(out, *further, network=network), "--trust-pickle"])

    def checkpoint(self) -> Checkpoint:
        """Return the checkpoint, with the user's consent."""
        return vouched_checkpoint(self.checkout, self.network, trust=True, device="cpu")


@pytest.fixture(scope="module")
def eg3d(tmp_path_factory: pytest.TempPathFactory) -> Eg3d:
    return Eg3d(tmp_path_factory.mktemp("eg3d"))


@pytest.fixture(scope="module")
def strips(eg3d: Eg3d, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three people, from left to right."""
    out = tmp_path_factory.mktemp("strips")
    assert eg3d.make(out, "--seeds", "0,7-8", "--yaws", "-0.8:0.8:0.4") == 0
    return out


def refusal(capsys: pytest.CaptureFixture[str], status: int) -> str:
    """Return the reason for which the command failed, in one line."""
    err = capsys.readouterr().err
    assert status == 2
    assert err.startswith("facecheck: ")
    assert err.count("\n") == 1
    return err


def usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2
    return capsys.readouterr().err


def sidecar(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return content


def tiles(path: Path, count: int = 5) -> list[Image]:
    strip = decode(path.read_bytes(), path.name)
    assert strip.shape == (SIZE, count * SIZE, 3)
    return [cut_tile(strip, tile) for tile in range(count)]


def middle_of(tile: Image, channel: int) -> tuple[float, float]:
    """Return x and y, in pixels, of the centre of the region with one pure colour."""
    others = [c for c in range(3) if c != channel]
    y, x = np.nonzero((tile[:, :, channel] > 200) & (tile[:, :, others].max(axis=2) < 50))
    assert len(x) > 0
    return float(x.mean()) + 0.5, float(y.mean()) + 0.5


def turned(point: Sequence[float], yaw: float, pitch: float, distance: float) -> tuple[float, float]:
    """Return where a point of the head is seen, in widths of the picture, by a camera that stays in front.

    The head turns about the pivot instead: about the vertical by the yaw, nose to the right edge, then forwards by the
    pitch.
    """
    x, y, z = point
    x, z = x * math.cos(yaw) + z * math.sin(yaw), z * math.cos(yaw) - x * math.sin(yaw)
    y, z = y * math.cos(pitch) - z * math.sin(pitch), z * math.cos(pitch) + y * math.sin(pitch)
    return 0.5 + FOCAL * x / (distance - z), 0.5 - FOCAL * y / (distance - z)


def gaze(label: Floats) -> tuple[float, float, float]:
    """Return yaw, pitch and distance from which a label's camera sees the pivot."""
    return *viewed_from(label), float(np.linalg.norm(label[[3, 7, 11]] - PIVOT))


def nose(yaw: float, pitch: float = 0.0) -> Floats:
    """Return where EG3D's own camera sees the nose, in pixels."""
    angle_y, angle_p = published_angles(yaw_rad=yaw, pitch_rad=pitch)
    return projected(published_label(angle_y, angle_p).numpy(), NOSE) * SIZE


def projected(label: Floats, point: Sequence[float]) -> Floats:
    """Return where the label's camera sees a point of the head, in widths of the picture."""
    seen = np.linalg.inv(label[:16].reshape(4, 4)) @ [*(np.asarray(point) + PIVOT), 1.0]
    pixel = label[16:].reshape(3, 3) @ seen[:3]
    return np.asarray(pixel[:2] / pixel[2])


# Cameras


def test_a_label_worked_by_hand() -> None:
    """At a quarter turn the camera is at the person's right, at -x; it looks 36.9 degrees past the origin."""
    label = camera_label(yaw_rad=math.pi / 2, pitch_rad=0.0, pivot=(0.0, 0.0, 2.025), radius=2.7)

    to_world = [*(-0.6, 0, 0.8, -2.7), *(0, -1, 0, 0), *(0.8, 0, 0.6, 0), *(0, 0, 0, 1)]
    intrinsics = [*(4.2647, 0, 0.5), *(0, 4.2647, 0.5), *(0, 0, 1)]
    assert label.shape == (25,)
    assert label == pytest.approx([*to_world, *intrinsics], abs=1e-12)


@pytest.mark.parametrize("pivot", [(0.0, 0.0, 0.2), (0.0, 0.0, 0.0)], ids=["ffhq", "origin"])
@pytest.mark.parametrize("yaw", [-0.8, -0.4, 0.0, 0.4, 0.8])
@pytest.mark.parametrize("pitch", [0.0, 0.3])
def test_labels_are_those_of_eg3ds_sampler(yaw: float, pitch: float, pivot: tuple[float, ...]) -> None:
    """For the study's five angles and the pivots of the published checkpoints, all 25 numbers."""
    angle_y, angle_p = published_angles(yaw_rad=yaw, pitch_rad=pitch)

    label = camera_label(yaw_rad=yaw, pitch_rad=pitch, pivot=pivot, radius=RADIUS)

    np.testing.assert_allclose(label, published_label(angle_y, angle_p, pivot=pivot).numpy(), rtol=0, atol=1e-12)


@given(ANGLES, ANGLES)
def test_the_camera_stands_where_eg3ds_scripts_place_it(yaw: float, pitch: float) -> None:
    """At every angle, with a pivot off every axis: on the sphere around the origin, level, looking at the pivot."""
    angle_y, angle_p = published_angles(yaw_rad=yaw, pitch_rad=pitch)

    label = camera_label(yaw_rad=yaw, pitch_rad=pitch, pivot=PIVOT, radius=RADIUS)

    assert label == pytest.approx(published_label(angle_y, angle_p).numpy(), abs=1e-7)
    to_world = label[:16].reshape(4, 4)
    assert np.linalg.norm(to_world[:3, 3]) == pytest.approx(RADIUS)
    assert to_world[:3, :3] @ to_world[:3, :3].T == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.det(to_world[:3, :3]) == pytest.approx(1)
    assert to_world[1, 0] == pytest.approx(0, abs=1e-9)  # no roll: x is level
    assert to_world[1, 1] < 0  # y points down
    assert projected(label, (0.0, 0.0, 0.0)) == pytest.approx([0.5, 0.5], abs=1e-9)  # the pivot is in the middle


@pytest.mark.parametrize(("yaw", "seen"), [(0.0, 0.0), (0.4, 0.431), (-0.4, -0.431), (0.8, 0.856), (-0.8, -0.856)])
def test_a_head_is_seen_from_farther_round_than_the_sampler_says(yaw: float, seen: float) -> None:
    """About the FFHQ pivot, which is nearer to the camera than the origin; about the origin both are equal."""
    ffhq, origin = (
        camera_label(yaw_rad=yaw, pitch_rad=0.0, pivot=pivot, radius=2.7) for pivot in ((0, 0, 0.2), (0, 0, 0))
    )

    assert viewed_from(ffhq) == pytest.approx((seen, 0.0), abs=5e-4)
    assert viewed_from(origin) == pytest.approx((yaw, 0.0), abs=1e-12)


@pytest.mark.parametrize(
    ("pitch", "pivot", "radius"),
    [(math.pi / 2, (0.0, 0.0, 0.0), 2.7), (0.0, (0.0, 0.0, 2.7), 2.7), (0.0, (0.0, 0.0, 0.0), 0.0)],
    ids=["from-above", "in-the-pivot", "no-radius"],
)
def test_a_camera_without_an_upright_is_refused(pitch: float, pivot: tuple[float, ...], radius: float) -> None:
    """The message says where it would stand."""
    with pytest.raises(ModelError, match="its roll is undefined; use a smaller --pitch"):
        camera_label(yaw_rad=0.0, pitch_rad=pitch, pivot=pivot, radius=radius)


@given(ANGLES, ANGLES, POINTS)
def test_turning_the_camera_is_turning_the_head(yaw: float, pitch: float, point: tuple[float, ...]) -> None:
    """A camera that stays in front sees the same, if the head turns to the right edge and bows."""
    label = camera_label(yaw_rad=yaw, pitch_rad=pitch, pivot=PIVOT, radius=RADIUS)

    assert projected(label, point) == pytest.approx(turned(point, *gaze(label)), abs=1e-9)


@given(ANGLES, ANGLES, POINTS)
def test_the_synthetic_faces_cameras_see_the_same(yaw: float, pitch: float, point: tuple[float, ...]) -> None:
    """Scaled to their distance and lens: a yaw about the head means one thing in all of facecheck's strips."""
    label = camera_label(yaw_rad=yaw, pitch_rad=pitch, pivot=PIVOT, radius=RADIUS)
    seen_yaw, seen_pitch, distance = gaze(label)
    camera = place_camera(np.zeros(3), yaw_rad=seen_yaw, pitch_rad=seen_pitch, roll_rad=0.0)

    scaled = np.array([point]) * (DISTANCE_DM / distance)
    expected = (camera.project(scaled, 1)[0, :2] - 0.5) * (FOCAL * FIELD_DM / DISTANCE_DM) + 0.5
    assert projected(label, point) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("radius", [RADIUS, 3.1, None])
def test_cameras_keep_the_checkpoints_own_pivot_and_radius(radius: float | None) -> None:
    """Or 2.7 where it names none."""
    cameras = place_cameras(HeadGenerator(radius=radius), (-0.8, 0.0, 0.8), pitch_rad=0.3)

    positions = cameras.views[:, [3, 7, 11]]
    assert np.linalg.norm(positions, axis=1) == pytest.approx([radius or 2.7] * 3)
    assert cameras.conditioning[[3, 7, 11]] == pytest.approx([0, 0, radius or 2.7])
    assert [projected(view, (0.0, 0.0, 0.0)) for view in cameras.views] == [pytest.approx([0.5, 0.5])] * 3


def test_a_checkpoint_without_a_pivot_is_looked_at_in_the_origin() -> None:
    """As EG3D's scripts do."""
    generator = HeadGenerator()
    generator.rendering_kwargs = {}

    cameras = place_cameras(generator, (0.0, 0.4), pitch_rad=0.0)

    assert cameras.views[0, [3, 7, 11]] == pytest.approx([0, 0, 2.7])


# Yaws


@pytest.mark.parametrize(
    ("text", "yaws"),
    [
        pytest.param("-0.8:0.8:0.4", (-0.8, -0.4, 0.0, 0.4, 0.8), id="first-study"),
        pytest.param("-0.8:0.8:0.2", (-0.8, -0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6, 0.8), id="embedded"),
        pytest.param("0:0.7:0.1", (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7), id="float-quotient-of-6.9999"),
        pytest.param("0.4:-0.4:-0.4", (0.4, 0.0, -0.4), id="backwards"),
        pytest.param("-1:0:1", (-1.0, 0.0), id="two"),
        pytest.param("-0.8:0.8:0.2666667", (-0.8, -0.533333, -0.266667, 0.0, 0.266667, 0.533333, 0.8), id="sixths"),
    ],
)
def test_yaws_include_both_ends(text: str, yaws: tuple[float, ...]) -> None:
    """From left to right."""
    assert parse_yaws(text).yaws_rad == yaws


@given(st.integers(-300, 0), st.integers(1, 100), st.integers(1, 60))
def test_every_decimal_grid_divides(start: int, step: int, steps: int) -> None:
    """Steps in hundredths of a radian are exact despite binary rounding."""
    last = start + step * steps
    if last > 314:
        return

    turn = parse_yaws(f"{start / 100}:{last / 100}:{step / 100}")

    assert turn.tiles == steps + 1
    assert turn.yaws_rad[-1] == last / 100


@given(st.integers(2, 40), st.integers(1, 9))
def test_a_step_that_misses_the_last_yaw_is_refused(steps: int, tenths: int) -> None:
    """The error suggests a step that fits."""
    step = 1.6 / (steps + tenths / 10)

    with pytest.raises(ValueError, match=r"misses 0\.8; strips need equal steps, for example -0\.8:0\.8:0\.\d+$") as no:
        parse_yaws(f"-0.8:0.8:{step!r}")

    proposal = float(str(no.value).rpartition(":")[2])
    assert 1.6 / proposal == pytest.approx(round(1.6 / step), rel=1e-4)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "expected first:last:step in radians"),
        ("0.8", "expected first:last:step in radians"),
        ("-0.8:0.8", "expected first:last:step in radians"),
        ("-0.8:0.8:0.4:1", "expected first:last:step in radians"),
        ("a:b:c", "expected first:last:step in radians"),
        ("nan:0.8:0.4", "expected first:last:step in radians"),
        ("-0.8:inf:0.4", "expected first:last:step in radians"),
        ("-0.8:0.8:0.3", "a step of 0.3 misses 0.8"),
        ("-0.8:0.8:9", "a step of 9 misses 0.8; strips need equal steps, for example -0.8:0.8:1.6"),
        ("-0.8:0.8:0", "a step of 0 never leads from -0.8 to 0.8"),
        ("0.8:-0.8:0.4", "a step of 0.4 never leads from 0.8 to -0.8"),
        ("0.4:0.4:0.1", "2 to 1000 tiles, got 1"),
        ("-1:1:0.001", "2 to 1000 tiles, got 2001"),
        ("-40:40:20", "did you give degrees"),
    ],
)
def test_yaws_that_no_strip_can_hold_are_refused(text: str, reason: str) -> None:
    """With what was expected."""
    with pytest.raises(ValueError, match=reason.replace(".", r"\.")):
        parse_yaws(text)


@pytest.mark.parametrize(
    ("tiles", "start", "step"),
    [(1, 0.0, 0.1), (1001, 0.0, 0.001), (5, -80.0, 40.0), (5, 0.0, 0.0), (5, math.nan, 0.1), (5, 0.0, math.inf)],
)
def test_a_turn_is_one_that_strips_can_be_read_with(tiles: int, start: float, step: float) -> None:
    """The check does not depend on the way the object is made."""
    with pytest.raises(ValueError, match=r"tiles|degrees|too small"):
        Turn(tiles=tiles, start_rad=start, step_rad=step)


# What comes out


def test_strips_are_read_without_options(strips: Path) -> None:
    """Subjects, yaws and pairs."""
    dataset = open_dataset(f"strips:{strips}")

    assert dataset.notes == ()
    assert {face.subject for face in dataset.faces} == {"seed0000", "seed0007", "seed0008"}
    assert [face.yaw_rad for face in dataset.faces[:5]] == [-0.8, -0.4, 0.0, 0.4, 0.8]
    assert int(dataset.pairs.genuine.sum()) == 3 * 10


@pytest.mark.parametrize("pitch", [-0.3, 0.0, 0.3])
def test_the_nose_is_where_its_yaw_puts_it(pitch: float, eg3d: Eg3d, tmp_path: Path) -> None:
    """The nose is within a pixel of its position in every tile, from above and from below."""
    assert eg3d.make(tmp_path, "--seeds", "0", "--pitch", str(pitch)) == 0

    for tile, yaw in zip(tiles(tmp_path / "seed0000.png"), (-0.8, -0.4, 0.0, 0.4, 0.8), strict=True):
        assert middle_of(tile, channel=0) == pytest.approx(nose(yaw, pitch), abs=1)


def test_the_head_looks_from_left_to_right(strips: Path) -> None:
    """As in the first study's strips: the nose is left of the middle in the first tile and right in the last."""
    across = [middle_of(tile, channel=0)[0] - SIZE / 2 for tile in tiles(strips / "seed0000.png")]

    assert across[0] < -SIZE / 10
    assert across[4] > SIZE / 10
    assert np.all(np.diff(across) > SIZE / 20)


def test_the_frontal_tile_is_upright_and_no_mirror_image(strips: Path) -> None:
    """The left eye is at the right, both above the nose."""
    front = tiles(strips / "seed0000.png")[2]
    nose, left, right = (middle_of(front, channel) for channel in (0, 1, 2))

    assert right[0] < nose[0] < left[0]
    assert max(left[1], right[1]) < nose[1]


def test_a_strip_may_run_backwards(eg3d: Eg3d, tmp_path: Path) -> None:
    """The first yaw is the first tile's, at the left."""
    assert eg3d.make(tmp_path, "--seeds", "0", "--yaws", "0.5:-0.5:-0.5") == 0

    for tile, yaw in zip(tiles(tmp_path / "seed0000.png", 3), (0.5, 0.0, -0.5), strict=True):
        assert middle_of(tile, channel=0)[0] == pytest.approx(nose(yaw)[0], abs=1)


def test_a_detectors_landmarks_agree_with_the_yaws(eg3d: Eg3d, tmp_path: Path) -> None:
    """MTCNN detects landmarks on the stand-in's heads: the whole way from the command to a landmark."""
    network = write_network(tmp_path / "n.pkl", eg3d.checkout, HeadGenerator(resolution=128, marked=False))
    assert eg3d.make(tmp_path / "out", "--seeds", "0-1", "--yaws", "-0.6:0.6:0.3", network=network) == 0
    faces = open_dataset(f"strips:{tmp_path / 'out'}").faces
    strips = {face.subject: decode(face.source.path.read_bytes(), face.source.name) for face in faces}

    found = Mtcnn(device=CPU).detect([cut_tile(strips[face.subject], face.source.tile or 0) for face in faces])

    assert [len(detections) for detections in found] == [1] * 10
    for face, detections in zip(faces, found, strict=True):
        left, right, nose = detections.landmarks[0, :3, 0]
        offset = (nose - (left + right) / 2) / (right - left)
        assert face.yaw_rad is not None
        assert abs(offset) < 0.14 if face.yaw_rad == 0 else offset * np.sign(face.yaw_rad) > 0.14


def test_everybody_is_conditioned_on_the_frontal_camera(strips: Path) -> None:
    """Otherwise a turned tile would show another person; the stand-in's background shows the conditioning."""
    corners = [tile[0, 0].tolist() for tile in tiles(strips / "seed0000.png")]

    assert corners == [[int((0.9 * 2 - 1) * 127.5 + 128)] * 3] * 5


def test_the_sidecar_says_all_that_a_strip_was_made_with(eg3d: Eg3d, strips: Path) -> None:
    """The sidecar contains the hashes of the strip and the checkpoint."""
    path = strips / "seed0007.png"
    record = sidecar(path)

    assert record["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert record["network_sha256"] == hashlib.sha256(eg3d.network.read_bytes()).hexdigest()
    assert {key: record[key] for key in ("tiles", "start", "step", "pitch_rad", "seed", "size_px")} == {
        "tiles": 5,
        "start": -0.8,
        "step": 0.4,
        "pitch_rad": 0.0,
        "seed": 7,
        "size_px": SIZE,
    }
    assert (record["generator"], record["generator_version"]) == ("eg3d", generate.GENERATOR_VERSION)
    assert (record["truncation_psi"], record["truncation_cutoff"]) == (0.7, 14)
    assert record["yaws_rad"] == [-0.8, -0.4, 0.0, 0.4, 0.8]
    assert record["angle_y"] == [0.8, 0.4, 0.0, -0.4, -0.8]
    published = [published_label(angle, record["angle_p"]).tolist() for angle in record["angle_y"]]
    assert np.array(record["cameras"]) == pytest.approx(np.array(published), abs=1e-12)
    assert record["conditioning_camera"] == pytest.approx(published[2], abs=1e-12)
    assert [seen[0] for seen in record["viewed_from_rad"]] == pytest.approx(
        [viewed_from(label)[0] for label in np.array(record["cameras"])], abs=1e-6
    )
    assert (record["network"], record["synthesis_options"]) == ("heads.pkl", {"noise_mode": "const"})


def test_the_sidecars_cameras_are_those_that_were_rendered(strips: Path) -> None:
    """The nose is where they see it."""
    record = sidecar(strips / "seed0000.png")

    assert [len(camera) for camera in record["cameras"]] == [25] * 5
    assert record["conditioning_camera"] == record["cameras"][2]
    for tile, camera in zip(tiles(strips / "seed0000.png"), record["cameras"], strict=True):
        assert middle_of(tile, channel=0) == pytest.approx(projected(np.array(camera), NOSE) * SIZE, abs=1)


def test_the_checkpoints_hash_is_printed_before_it_runs(
    eg3d: Eg3d, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command ends with how to evaluate on the strips."""
    eg3d.make(tmp_path / "out", "--seeds", "3")

    sha256 = hashlib.sha256(eg3d.network.read_bytes()).hexdigest()
    assert capsys.readouterr().out.splitlines() == [
        f"{eg3d.network}: sha256 {sha256}",
        f"1 strips made, 0 kept; --facecheck-datasets strips:{tmp_path / 'out'} reads them",
    ]


# Rendering


class Recorder(HeadGenerator):
    """Remembers what it was given."""

    def __init__(self) -> None:
        super().__init__(resolution=24)
        self.batches: list[int] = []
        self.latents: list[Tensor] = []

    def mapping(self, z: Tensor, c: Tensor, truncation_psi: float = 1, truncation_cutoff: int | None = None) -> Tensor:
        self.latents.append(z)
        return super().mapping(z, c, truncation_psi, truncation_cutoff)

    def synthesis(self, ws: Tensor, c: Tensor, noise_mode: str = "random", **_: object) -> dict[str, Tensor]:
        self.batches.append(len(c))
        return super().synthesis(ws, c, noise_mode)


def rendered(generator: HeadGenerator, seed: int = 0, *, psi: float = 1.0, batch: int = 8) -> Image:
    cameras = place_cameras(generator, (-0.8, -0.4, 0.0, 0.4, 0.8), pitch_rad=0.0)
    return render_strip(generator, seed, cameras, truncation_psi=psi, batch=batch, device=CPU)


@pytest.mark.parametrize(("batch", "batches"), [(1, [1, 1, 1, 1, 1]), (2, [2, 2, 1]), (4, [4, 1]), (5, [5]), (64, [5])])
def test_a_seed_is_the_same_person_in_any_batch(batch: int, batches: list[int]) -> None:
    """The latent is numpy's, as in EG3D's own scripts, and pictures differ by no more than EG3D's own jitter."""
    recorder = Recorder()

    strip = rendered(recorder, 41, batch=batch)

    assert recorder.batches == batches
    (z,) = recorder.latents
    assert z.numpy().tolist() == np.random.RandomState(41).randn(1, 32).astype(np.float32).tolist()
    one_by_one = rendered(Recorder(), 41, batch=1)
    assert np.mean(strip != one_by_one) < 0.01


@pytest.mark.parametrize(
    ("seed", "first"), [(0, 1.764052345967664), (42, 0.4967141530112327), (2**32 - 1, 0.6484086742306527)]
)
def test_a_latent_is_numpys_first_stream(seed: int, first: float) -> None:
    """Its well-known first numbers, which no release of numpy changes; the last seed is numpy's last, too."""
    z = latent(seed, 512)

    assert z.shape == (1, 512)
    assert z[0, 0] == pytest.approx(first, abs=1e-15)


def test_strips_do_not_depend_on_the_state_that_torch_is_in() -> None:
    """Nor do they change it."""
    torch.manual_seed(1)
    first = rendered(PlainGenerator(resolution=24))
    torch.manual_seed(2)
    before = torch.get_rng_state()

    second = rendered(PlainGenerator(resolution=24))

    assert np.array_equal(first, second)
    assert torch.equal(torch.get_rng_state(), before)


def test_noise_is_fixed_where_the_generator_knows_how() -> None:
    """Only the camera moves: the stand-in's noise would speckle the background, and a plain one is left alone."""
    for generator in (HeadGenerator(resolution=24), PlainGenerator(resolution=24)):
        assert len(np.unique(rendered(generator)[:1].reshape(-1, 3), axis=0)) == 1


def test_truncation_draws_people_to_the_average() -> None:
    """Two people become more similar with truncation; 1 is no truncation."""
    natural = HeadGenerator(resolution=24, marked=False)

    def apart(psi: float) -> float:
        a, b = (rendered(natural, seed, psi=psi).astype(float) for seed in (1, 2))
        return float(np.abs(a - b).mean())

    assert apart(0.2) < 0.6 * apart(0.6) < 0.9 * apart(1.0)


class Painter(HeadGenerator):
    """Generator that returns given pictures."""

    def __init__(self, picture: Tensor) -> None:
        super().__init__()
        self.picture = picture

    def synthesis(self, ws: Tensor, c: Tensor, **_: object) -> dict[str, Tensor]:  # type: ignore[override]  # noqa: ARG002
        return {"image": self.picture[None].repeat(len(c), *[1] * self.picture.ndim)}


@pytest.mark.parametrize(
    ("value", "level"), [(-2.0, 0), (-1.0, 0), (0.0, 128), (0.5, 191), (0.999, 255), (1.0, 255), (3.0, 255)]
)
def test_pixels_are_rounded_as_eg3ds_scripts_round_them(value: float, level: int) -> None:
    """127.5 x + 128, cut to 0 and 255, rounded down."""
    strip = rendered(Painter(torch.full((3, 4, 4), value)))

    assert strip.shape == (4, 20, 3)
    assert np.unique(strip).tolist() == [level]


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        pytest.param(torch.zeros(1, 8, 8), r"shape \(5, 1, 8, 8\); expected \(n, 3, h, h\)", id="grey"),
        pytest.param(torch.zeros(3, 8, 9), r"shape \(5, 3, 8, 9\)", id="not-square"),
        pytest.param(torch.zeros(8, 8), r"shape \(5, 8, 8\)", id="no-channels"),
        pytest.param(torch.full((3, 8, 8), torch.nan), "NaN or infinite", id="nan"),
        pytest.param(torch.full((3, 8, 8), torch.inf), "NaN or infinite", id="infinite"),
    ],
)
def test_pictures_that_are_none_are_refused(picture: Tensor, reason: str) -> None:
    """The error comes before any file is written."""
    with pytest.raises(ModelError, match=reason):
        rendered(Painter(picture))


def test_memory_that_does_not_suffice_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do."""

    def full(*_: object, **__: object) -> Tensor:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(HeadGenerator, "_picture", full)

    with pytest.raises(ModelError, match="cpu: not enough memory for 3 tiles at once: use a smaller --batch"):
        rendered(HeadGenerator(), batch=3)


# Going on


def test_a_finished_folder_is_left_alone_and_the_checkpoint_does_not_run(
    eg3d: Eg3d,
    strips: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A second run of the same command."""
    before = {path: path.stat().st_mtime_ns for path in strips.iterdir()}
    monkeypatch.setattr(generate, "loaded", lambda _: pytest.fail("the checkpoint was opened"))
    capsys.readouterr()

    assert eg3d.make(strips, "--seeds", "0,7-8") == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("0 strips made, 3 kept")
    assert {path: path.stat().st_mtime_ns for path in strips.iterdir()} == before


def test_an_interrupted_run_goes_on_where_it_stopped(
    eg3d: Eg3d, strips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The final bytes equal those of an uninterrupted run, and strips are readable in between."""
    write = generate._write_strip

    def stop_at_the_last(out: Path, strip: Image, record: dict[str, Any]) -> None:
        if record["seed"] == 8:
            raise KeyboardInterrupt
        write(out, strip, record)

    monkeypatch.setattr(generate, "_write_strip", stop_at_the_last)
    with pytest.raises(KeyboardInterrupt):
        eg3d.make(tmp_path, "--seeds", "0,7-8")
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["seed0000.png", "seed0007.png"]
    assert len(open_dataset(f"strips:{tmp_path}").faces) == 10
    finished = {path: path.stat().st_mtime_ns for path in tmp_path.glob("seed*")}
    monkeypatch.undo()

    assert eg3d.make(tmp_path, "--seeds", "0,7-8") == 0
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    for path in sorted(strips.iterdir()):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_a_sidecar_whose_strip_was_never_written_is_made_good(eg3d: Eg3d, strips: Path, tmp_path: Path) -> None:
    """A sidecar without a strip is the only state that an interruption can leave."""
    eg3d.make(tmp_path, "--seeds", "0,7-8")
    (tmp_path / "seed0007.png").unlink()

    assert eg3d.make(tmp_path, "--seeds", "0,7-8") == 0
    assert (tmp_path / "seed0007.png").read_bytes() == (strips / "seed0007.png").read_bytes()


def test_more_people_may_join(eg3d: Eg3d, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The seeds are no setting of a folder, nor are the batch and the device."""
    eg3d.make(tmp_path, "--seeds", "1")
    capsys.readouterr()

    assert eg3d.make(tmp_path, "--seeds", "1-2", "--batch", "2") == 0
    assert "1 strips made, 1 kept" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("further", "reason"),
    [
        (("--pitch", "-0.2"), "made with pitch_rad=0.0, not -0.2"),
        (("--truncation", "1"), "made with truncation_psi=0.7, not 1.0"),
        (("--yaws", "-0.8:0.8:0.2"), "made with tiles=5, not 9"),
        (("--yaws", "-0.6:1:0.4"), "made with start=-0.8, not -0.6"),
        (("--yaws", "0.8:-0.8:-0.4"), "made with start=-0.8, not 0.8"),
    ],
)
def test_other_settings_are_not_mixed_in(
    further: tuple[str, ...], reason: str, eg3d: Eg3d, strips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other settings are refused also for new people; nothing is written."""
    before = sorted(strips.iterdir())

    err = refusal(capsys, eg3d.make(strips, "--seeds", "99", *further))

    assert f"{strips / 'generation.json'}: {reason}: choose another folder" in err
    assert sorted(strips.iterdir()) == before


def test_another_checkpoint_is_not_mixed_in(
    eg3d: Eg3d, strips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The checkpoint is identified by its hash, not by its name."""
    network = write_network(tmp_path / "heads.pkl", eg3d.checkout, HeadGenerator(resolution=24))

    err = refusal(capsys, eg3d.make(strips, "--seeds", "99", network=network))

    assert f"made with network_sha256='{hashlib.sha256(eg3d.network.read_bytes()).hexdigest()}'" in err


def test_a_folder_of_synthetic_faces_is_refused(eg3d: Eg3d, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Folders of the two generators are not mixed in either direction."""
    (tmp_path / "generation.json").write_text('{"generator_version": 1, "layout": "strips", "tiles": 5}')
    assert "made with generator=None, not 'eg3d'" in refusal(capsys, eg3d.make(tmp_path, "--seeds", "1"))

    eg3d.make(tmp_path / "new", "--seeds", "1")
    capsys.readouterr()
    assert main(["generate", "faces", str(tmp_path / "new"), "--seeds", "1", "--no-progress"]) == 2
    assert f"{tmp_path / 'new'} was made with" in capsys.readouterr().err


def test_a_strip_of_the_users_own_is_not_written_over(
    eg3d: Eg3d, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """EG3D's own scripts give their files the same names."""
    (tmp_path / "seed0001.png").write_bytes(b"mine")

    err = refusal(capsys, eg3d.make(tmp_path, "--seeds", "0-1"))

    assert f"{tmp_path / 'seed0001.png'}: has no sidecar, so facecheck did not make it" in err
    assert [path.name for path in tmp_path.iterdir()] == ["seed0001.png"]


def test_a_changed_strip_is_noticed(eg3d: Eg3d, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A changed strip is neither kept nor overwritten; deleted, it is made again."""
    eg3d.make(tmp_path, "--seeds", "1")
    strip = tmp_path / "seed0001.png"
    whole = strip.read_bytes()
    strip.write_bytes(whole[:-20])
    capsys.readouterr()

    err = refusal(capsys, eg3d.make(tmp_path, "--seeds", "1"))
    assert f"{strip}: not the strip that seed0001.json describes: delete it" in err

    strip.unlink()
    assert eg3d.make(tmp_path, "--seeds", "1") == 0
    assert strip.read_bytes() == whole


def test_a_renamed_strip_is_noticed(eg3d: Eg3d, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Otherwise one person would count as two, and their pairs as impostor pairs."""
    eg3d.make(tmp_path, "--seeds", "1")
    for suffix in (".png", ".json"):
        (tmp_path / f"seed0002{suffix}").write_bytes((tmp_path / f"seed0001{suffix}").read_bytes())
    capsys.readouterr()

    err = refusal(capsys, eg3d.make(tmp_path, "--seeds", "1-2"))

    assert f"{tmp_path / 'seed0002.json'}: made with seed=1, not 2" in err


@pytest.mark.parametrize("name", ["generation.json", "seed0001.json"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"{", "cannot be read as JSON", id="cut-short"),
        pytest.param(b"\xff\xfe", "cannot be read as JSON", id="no-text"),
        pytest.param(b"[" * 100_000, "cannot be read as JSON", id="hostile"),
        pytest.param(b"[1]", "expected a JSON object", id="a-list"),
        pytest.param(b"{}", "made with generator=None", id="of-others"),
    ],
)
def test_records_that_are_none_are_refused_and_kept(
    name: str, content: bytes, reason: str, eg3d: Eg3d, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By name."""
    (tmp_path / name).write_bytes(content)

    err = refusal(capsys, eg3d.make(tmp_path, "--seeds", "1"))

    assert f"{tmp_path / name}: " in err
    assert reason in err
    assert (tmp_path / name).read_bytes() == content


def test_a_run_that_fails_claims_no_folder(eg3d: Eg3d, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After a run with a wrong network the folder is still usable."""
    (tmp_path / "wrong.pkl").write_bytes(b"no pickle")
    out = tmp_path / "out"

    refusal(capsys, eg3d.make(out, "--seeds", "1", network=tmp_path / "wrong.pkl"))

    assert not out.exists()
    assert eg3d.make(out, "--seeds", "1") == 0


# What is refused


class Trap:
    """A pickle that leaves a trace when it is opened."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


def test_nothing_of_a_pickle_or_checkout_runs_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The refusal says why, and prints the hash to compare; with the user's trust both run."""
    checkout, network = write_checkout(tmp_path / "eg3d"), tmp_path / "n.pkl"
    imported, opened = tmp_path / "imported", tmp_path / "opened"
    with (checkout / "legacy.py").open("a", encoding="utf-8") as stream:
        stream.write(f"open({str(imported)!r}, 'w').close()\n")
    network.write_bytes(pickle.dumps(Trap(opened)))
    arguments = ["generate", "eg3d", str(tmp_path / "out"), "--repo", str(checkout), "--network", str(network)]

    err = refusal(capsys, main(arguments))
    assert "a pickle can run any code with your permissions" in err
    assert hashlib.sha256(network.read_bytes()).hexdigest() in err
    assert "--trust-pickle" in err
    assert not imported.exists()
    assert not opened.exists()
    assert not (tmp_path / "out").exists()

    refusal(capsys, main([*arguments, "--trust-pickle"]))
    assert imported.exists()
    assert opened.exists()


def test_a_network_that_changes_after_the_user_vouched_for_it_is_not_opened(eg3d: Eg3d, tmp_path: Path) -> None:
    """The file that runs is the file that was hashed."""
    network = tmp_path / "n.pkl"
    network.write_bytes(eg3d.network.read_bytes())
    vouched = vouched_checkpoint(eg3d.checkout, network, trust=True, device="cpu")
    network.write_bytes(pickle.dumps(Trap(tmp_path / "opened")))

    with pytest.raises(ModelError, match="the file has changed since its sha256 was computed"), loaded(vouched):
        pass

    assert not (tmp_path / "opened").exists()


def test_a_clone_of_the_repository_is_a_checkout_too(eg3d: Eg3d, strips: Path, tmp_path: Path) -> None:
    """The modules are in a folder eg3d of the checkout."""
    write_checkout(tmp_path / "clone" / "eg3d")
    arguments = ["--repo", str(tmp_path / "clone"), "--network", str(eg3d.network), "--trust-pickle", "--no-progress"]

    assert main(["generate", "eg3d", str(tmp_path / "out"), "--seeds", "7", *arguments]) == 0
    assert (tmp_path / "out" / "seed0007.png").read_bytes() == (strips / "seed0007.png").read_bytes()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(lambda _: None, "no such folder; expected a checkout of", id="missing"),
        pytest.param(
            lambda repo: repo.mkdir(), "contains no legacy.py; expected a checkout of", id="another-repository"
        ),
        pytest.param(lambda repo: repo.write_text("x"), "no such folder; expected a checkout of", id="a-file"),
    ],
)
def test_a_folder_that_is_no_checkout_is_refused(
    make: Any,  # noqa: ANN401 - a lambda of the table
    reason: str,
    eg3d: Eg3d,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By its name."""
    make(tmp_path / "repo")
    arguments = ["--repo", str(tmp_path / "repo"), "--network", str(eg3d.network), "--trust-pickle"]

    err = refusal(capsys, main(["generate", "eg3d", str(tmp_path / "out"), *arguments]))

    assert f"{tmp_path / 'repo'}: {reason}" in err


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "EOFError", id="empty"),
        pytest.param(b"PK\x03\x04 no pickle", "UnpicklingError", id="no-pickle"),
        pytest.param(pickle.dumps({"G_ema": 1}), "KeyError: 'G'", id="other-keys"),
        pytest.param(pickle.dumps([1, 2]), "not a checkpoint that", id="a-list"),
        pytest.param(pickle.dumps({"G_ema": {"weight": 1}}), "not a checkpoint that", id="a-state-dict"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_refused(
    content: bytes, reason: str, eg3d: Eg3d, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what the checkout said, and what was expected."""
    network = tmp_path / "n.pkl"
    network.write_bytes(content)

    err = refusal(capsys, eg3d.make(tmp_path / "out", network=network))

    assert str(network) in err
    assert reason in err
    assert "expected one of EG3D's" in err


def test_a_missing_network_is_refused(eg3d: Eg3d, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By its name."""
    err = refusal(capsys, eg3d.make(tmp_path / "out", network=tmp_path / "gone.pkl"))

    assert f"{tmp_path / 'gone.pkl'}: no such file; expected a checkpoint" in err


def test_a_network_of_another_kind_is_refused(eg3d: Eg3d, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A StyleGAN, for example, has no cameras."""
    network = write_network(tmp_path / "n.pkl", eg3d.checkout, torch.nn.Linear(2, 2))

    err = refusal(capsys, eg3d.make(tmp_path / "out", network=network))

    assert "G_ema is not an EG3D generator: missing z_dim, rendering_kwargs, mapping, synthesis" in err


def test_a_module_that_the_checkout_wants_and_nobody_has_is_named(
    eg3d: Eg3d, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """EG3D's code has dependencies of its own."""
    checkout = write_checkout(tmp_path / "eg3d")
    (checkout / "dnnlib" / "__init__.py").write_text("import surely_not_installed\n")
    arguments = ["--repo", str(checkout), "--network", str(eg3d.network), "--trust-pickle"]

    err = refusal(capsys, main(["generate", "eg3d", str(tmp_path / "out"), *arguments]))

    assert "needs the module surely_not_installed, which is not installed" in err


@pytest.mark.parametrize("broken", [False, True], ids=["whole", "broken"])
def test_the_checkout_is_importable_only_meanwhile(broken: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a case
    """Whether or not the checkpoint could be opened: the next checkout is not mistaken for this one."""
    checkout = write_checkout(tmp_path / "eg3d")
    network = write_network(tmp_path / "n.pkl", checkout)
    if broken:
        network.write_bytes(b"")
    path = list(sys.path)
    vouched = vouched_checkpoint(checkout, network, trust=True, device="cpu")

    try:
        with loaded(vouched):
            assert sys.path[0] == str(checkout)
            assert sys.modules["dnnlib"].__file__ == str(checkout / "dnnlib" / "__init__.py")
    except ModelError:
        assert broken

    assert sys.path == path
    assert not {"legacy", "dnnlib", "torch_utils", "torch_utils.persistence"} & set(sys.modules)


def test_a_module_of_the_same_name_is_not_taken_for_the_checkouts(eg3d: Eg3d, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loaded module of the same name, such as the registry's package dnnlib, is an error."""
    monkeypatch.setitem(sys.modules, "dnnlib", sys.modules["json"])

    with (
        pytest.raises(ModelError, match=r"another module dnnlib is already loaded, from .*json"),
        loaded(eg3d.checkpoint()),
    ):
        pass


@pytest.mark.parametrize(
    ("asked", "available", "device"),
    [
        ("auto", 0, "cpu"),
        ("auto", 2, "cuda:0"),
        ("cpu", 2, "cpu"),
        ("cuda", 1, "cuda:0"),
        ("cuda:1", 2, "cuda:1"),
    ],
)
def test_a_device_that_is_there_is_taken(
    asked: str, available: int, device: str, eg3d: Eg3d, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first GPU unless another is named."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: available)

    found = vouched_checkpoint(eg3d.checkout, eg3d.network, trust=True, device=asked).device

    assert found == torch.device(device)


@pytest.mark.parametrize(
    ("asked", "available", "reason"),
    [
        ("cuda", 0, r"--device cuda: torch \S+ sees 0 CUDA devices\. Check nvidia-smi"),
        ("cuda:2", 2, r"--device cuda:2: torch \S+ sees 2 CUDA devices"),
        ("gpu", 1, "--device gpu: expected auto, cpu, cuda or cuda:N"),
        ("cuda:-1", 1, "expected auto, cpu, cuda or cuda:N"),
        ("cuda:\N{ARABIC-INDIC DIGIT ONE}", 2, "expected auto, cpu, cuda or cuda:N"),
    ],
)
def test_a_device_that_is_not_there_is_refused(
    asked: str, available: int, reason: str, eg3d: Eg3d, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CPU is never used instead, which would take days."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: available)
    monkeypatch.setattr(checkpoint_module, "loaded", lambda _: pytest.fail("the checkpoint was opened"))

    with pytest.raises(ModelError, match=reason):
        vouched_checkpoint(eg3d.checkout, eg3d.network, trust=True, device=asked)


@pytest.mark.parametrize("seeds", ["", "a", "3-", "-3", "5-3", "1,,2", "1.5", "0x3"])
def test_malformed_seeds_are_refused(
    seeds: str, eg3d: Eg3d, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what they look like."""
    err = usage_error(eg3d.arguments(tmp_path, f"--seeds={seeds}"), capsys)

    assert "argument --seeds: expected" in err


def test_yaws_that_do_not_divide_are_refused_on_the_command_line(
    eg3d: Eg3d, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a step that would."""
    err = usage_error(eg3d.arguments(tmp_path, "--yaws", "-0.8:0.8:0.3"), capsys)

    assert "a step of 0.3 misses 0.8; strips need equal steps, for example -0.8:0.8:0.32" in err


@pytest.mark.parametrize("batch", ["0", "-1", "two", "1.5"])
def test_a_batch_holds_at_least_one_tile(
    batch: str, eg3d: Eg3d, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the command line and in Python."""
    assert "--batch" in usage_error(eg3d.arguments(tmp_path, "--batch", batch), capsys)

    with pytest.raises(ValueError, match="at least 1 tile, got 0"):
        generate_strips(
            tmp_path, checkpoint=eg3d.checkpoint(), series=Series(seeds=(1,), turn=parse_yaws("0:1:1")), batch=0
        )


@pytest.mark.parametrize(
    ("further", "reason"),
    [
        (("--seeds", "1,2,1"), "a seed is given twice"),
        (("--seeds", "4294967296"), "seeds must be in [0, 2**32), got 4294967296 to 4294967296"),
        (("--pitch", "30"), "pitch must be within ±1.4 rad, got 30; did you give degrees?"),
        (("--pitch", "nan"), "pitch must be within ±1.4 rad"),
        (("--truncation", "0"), "at 0 all people are the average person"),
        (("--truncation", "1.5"), "truncation must be in (0, 1], got 1.5"),
        (("--truncation", "nan"), "truncation must be in (0, 1]"),
    ],
)
def test_what_cannot_be_made_is_refused(
    further: tuple[str, ...], reason: str, eg3d: Eg3d, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the checkpoint is looked at."""
    err = refusal(capsys, eg3d.make(tmp_path / "out", *further, network=tmp_path / "gone.pkl"))

    assert reason in err


def test_a_series_without_people_is_refused() -> None:
    """In Python; the command line has a default."""
    with pytest.raises(ValueError, match="no seeds: give at least one, such as 0-149"):
        Series(seeds=(), turn=parse_yaws("0:1:1"))


def test_records_are_data_set_errors(eg3d: Eg3d, tmp_path: Path) -> None:
    """Errors of data and of models have different types."""
    (tmp_path / "generation.json").write_text("{}")

    with pytest.raises(DatasetError, match="made with generator=None"):
        generate_strips(
            tmp_path,
            checkpoint=eg3d.checkpoint(),
            series=Series(seeds=(1,), turn=parse_yaws("0:1:1")),
            progress=False,
        )
