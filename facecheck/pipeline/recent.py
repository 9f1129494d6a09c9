"""What is remembered during a run, up to a bound: the least recently used is forgotten first."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

__all__ = ["Recent"]

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """Values by key, at most so much of them. What is forgotten is read from the cache on disk, or made again.

    Args:
        most: of all sizes together.
        size: of a value, 1 by default.

    >>> recent = Recent[str, int](2)
    >>> recent.update([("a", 1), ("b", 2)])
    >>> recent.get("a"), recent.update([("c", 3)]), recent.get("b"), recent.get("a")
    (1, None, None, 1)
    """

    def __init__(self, most: int, *, size: Callable[[Value], int] | None = None) -> None:
        self._most = most
        self._size = size
        self._total = 0
        self._values: dict[Key, Value] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Key) -> Value | None:
        """Return what is remembered, None if nothing is, and note that it was used."""
        value = self._values.pop(key, None)
        if value is not None:
            self._values[key] = value
        return value

    def update(self, entries: Iterable[tuple[Key, Value]]) -> None:
        """Remember these, and forget what exceeds the bound; the last one always stays."""
        for key, value in entries:
            self._forget(key)
            self._values[key] = value
            self._total += self._sized(value)
            while self._total > self._most and len(self._values) > 1:
                self._forget(next(iter(self._values)))

    def _forget(self, key: Key) -> None:
        before = self._values.pop(key, None)
        if before is not None:
            self._total -= self._sized(before)

    def _sized(self, value: Value) -> int:
        return 1 if self._size is None else self._size(value)
