"""The markers that make a case an eval, and what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

__all__ = ["MARKERS", "Asked", "SweepAsked", "eval_asked", "is_eval", "sweeps_asked"]

MARKERS = (
    "eval(name, question=''): an eval, what it asks in one sentence; limits and results call it by its name",
    "sweep(name, *families, question=''): an eval over the levels of these families of corruptions; may be repeated",
    "accuracy: judges how well people are distinguished",
    "robustness: judges how accuracy holds with turned heads and degraded images",
    "timing: measures speed and memory; needs a run without xdist",
    "gpu: needs a CUDA device",
    "slow: takes minutes",
    "studies: a corruption of the two studies that facecheck grew from",
    "data(kind): the data sets that a case runs on: 'pairs', 'people', 'groups', 'yaw' or 'any'",
)


class Asked(NamedTuple):
    """An eval and its question."""

    name: str
    question: str


class SweepAsked(NamedTuple):
    """An eval over families of corruptions, and its question."""

    name: str
    families: tuple[str, ...]
    question: str


def is_eval(item: pytest.Item) -> bool:
    """Whether a case is an eval."""
    return item.get_closest_marker("eval") is not None or item.get_closest_marker("sweep") is not None


def eval_asked(item: pytest.Item) -> Asked:
    """Return the eval that a case belongs to.

    Raises:
        pytest.UsageError: the marker names none.
    """
    marker = item.get_closest_marker("eval")
    if marker is None or not marker.args or not isinstance(marker.args[0], str):
        raise pytest.UsageError(f"{item.nodeid}: expected pytest.mark.eval('name', question='...')")
    return Asked(marker.args[0], str(marker.kwargs.get("question", "")))


def sweeps_asked(item: pytest.Item) -> Iterator[SweepAsked]:
    """Yield what the sweep markers of a case ask, those that stand first, first.

    Raises:
        pytest.UsageError: a marker names no eval or no family.
    """
    own = list(item.iter_markers_with_node("sweep"))
    nearest = [marker for node, marker in own if node is own[0][0]]  # a case's own markers replace its module's
    for marker in nearest:
        if len(marker.args) < 2 or not all(isinstance(word, str) for word in marker.args):  # noqa: PLR2004 - name, family
            raise pytest.UsageError(f"{item.nodeid}: expected pytest.mark.sweep('name', 'family', ..., question='...')")
        yield SweepAsked(marker.args[0], tuple(marker.args[1:]), str(marker.kwargs.get("question", "")))
