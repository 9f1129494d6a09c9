"""A small set in the layout of IJB-C: people are colours, each template has photographs and a video."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image

from facecheck.faces.five_points import FIVE_POINTS_112

__all__ = ["PEOPLE", "written_ijb"]

PEOPLE = 12


def written_ijb(folder: Path, *, name: str = "ijbc") -> Path:
    """Write twelve people with three templates each: one in a gallery, two that are compared and searched.

    The first eight people are in the first gallery, the last eight in the second.
    """
    meta, images = folder / "meta", folder / "loose_crop"
    meta.mkdir(parents=True)
    images.mkdir()
    generator = np.random.default_rng(0)
    colours = generator.integers(20, 235, (PEOPLE, 3))
    media, points = [], []
    five = " ".join(f"{number:.3f}" for number in FIVE_POINTS_112.ravel())
    number = 0
    for person in range(PEOPLE):
        for template in range(3 * person + 1, 3 * person + 4):
            # Two photographs, and a video of three pictures.
            for medium in (1, 2, 3, 3, 3):
                number += 1
                noise = generator.integers(-12, 13, 3)
                pixels = np.clip(np.full((112, 112, 3), colours[person] + noise), 0, 255).astype(np.uint8)
                PIL.Image.fromarray(pixels).save(images / f"{number}.jpg", quality=95)
                media.append(f"{number}.jpg {template} {100 * template + medium}")
                points.append(f"{number}.jpg {five} {0.5 + number % 50 / 100:.3f}")
    (meta / f"{name}_face_tid_mid.txt").write_text("\n".join(media) + "\n")
    (meta / f"{name}_name_5pts_score.txt").write_text("\n".join(points) + "\n")
    probes = [(3 * person + k, person) for person in range(PEOPLE) for k in (2, 3)]
    pairs = [f"{3 * a + 1} {template} {int(a == b)}" for a in range(PEOPLE) for template, b in probes]
    (meta / f"{name}_template_pair_label.txt").write_text("\n".join(pairs) + "\n")
    head = "TEMPLATE_ID,SUBJECT_ID,FILENAME"
    letter = "G" if name == "ijbc" else "S"
    for gallery, people in ((1, range(8)), (2, range(4, PEOPLE))):
        rows = [f"{3 * person + 1},{person},img/{person}.jpg" for person in people for _ in (0, 1)]
        (meta / f"{name}_1N_gallery_{letter}{gallery}.csv").write_text("\n".join([head, *rows]) + "\n")
    rows = [f"{template},{person},frames/x.png" for template, person in probes]
    (meta / f"{name}_1N_probe_mixed.csv").write_text("\n".join([head, *rows]) + "\n")
    return folder
