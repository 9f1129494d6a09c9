"""Networks that were exported for a fixed number of pictures, run on any number."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from facecheck.errors import ModelError

__all__ = ["in_portions"]

_MOST = 2**27  # numbers at once: 536 MB of fp32, or 3566 crops of 112 px


def in_portions(run: Callable[[Tensor], Tensor], pixels: Tensor, at_once: int | None) -> Tensor:
    """Return a network's output for n pictures.

    Args:
        run: takes ``at_once`` pictures and gives a row for each.
        pixels: n pictures, perhaps none.
        at_once: how many it takes, None for any number but none. The last portion is filled up with black.

    >>> in_portions(lambda two: two.sum((1, 2, 3))[:, None], torch.ones(3, 3, 1, 1), 2).tolist()
    [[3.0], [3.0], [3.0]]

    Raises:
        ModelError: so many at once that the memory would not hold them.
    """
    if at_once is None and len(pixels):
        return run(pixels)
    count = at_once or 1
    if count * math.prod(pixels.shape[1:]) > _MOST:
        raise ModelError(
            f"the network declares a batch of {count} pictures of {tuple(pixels.shape[1:])}: expected at most "
            f"{_MOST // 2**20} million numbers at once. Export it with a free or a smaller batch"
        )
    missing = -len(pixels) % count if len(pixels) else count
    filled = torch.cat((pixels, pixels.new_zeros((missing, *pixels.shape[1:])))) if missing else pixels
    return torch.cat([run(portion) for portion in torch.split(filled, count)])[: len(pixels)]
