"""Networks that were exported for a fixed number of pictures, run on any number."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["in_portions"]


def in_portions(run: Callable[[Tensor], Tensor], pixels: Tensor, at_once: int | None) -> Tensor:
    """Return a network's output for n pictures.

    Args:
        run: takes ``at_once`` pictures and gives a row for each.
        pixels: n pictures, perhaps none.
        at_once: how many it takes, None for any number but none. The last portion is filled up with black.

    >>> in_portions(lambda two: two.sum((1, 2, 3))[:, None], torch.ones(3, 3, 1, 1), 2).tolist()
    [[3.0], [3.0], [3.0]]
    """
    if at_once is None and len(pixels):
        return run(pixels)
    count = at_once or 1
    missing = -len(pixels) % count if len(pixels) else count
    filled = torch.cat((pixels, pixels.new_zeros((missing, *pixels.shape[1:])))) if missing else pixels
    return torch.cat([run(portion) for portion in torch.split(filled, count)])[: len(pixels)]
