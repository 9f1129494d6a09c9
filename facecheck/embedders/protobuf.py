"""Protocol buffers, read from bytes: fields by number, without a schema and without a copy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Field", "fields", "messages", "numbers"]

_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5
_MAX_SHIFT = 63


class Field(NamedTuple):
    """A field's number and its value: an integer, or bytes that may be a message, a text or numbers."""

    number: int
    value: int | memoryview


def fields(message: memoryview) -> Iterator[Field]:
    """Yield the fields of a message in their order.

    Raises:
        ValueError: the bytes are damaged or cut short.
    """
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, position = _varint(message, position)
            yield Field(number, value)
            continue
        length = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}.get(kind)
        if kind == _LENGTH:
            length, position = _varint(message, position)
        if length is None or position + length > len(message):
            raise ValueError(f"field {number} is damaged or cut short")
        yield Field(number, message[position : position + length])
        position += length


def messages(message: memoryview, number: int) -> Iterator[memoryview]:
    """Yield the fields of this number that hold bytes.

    Raises:
        ValueError: as for :func:`fields`.
    """
    return (field.value for field in fields(message) if field.number == number and isinstance(field.value, memoryview))


def numbers(message: memoryview, number: int) -> Iterator[int]:
    """Yield the fields of this number that hold an integer.

    Raises:
        ValueError: as for :func:`fields`.
    """
    return (field.value for field in fields(message) if field.number == number and isinstance(field.value, int))


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(message) and shift <= _MAX_SHIFT:
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004 - the last byte has no continuation bit
            return value, position
    raise ValueError(f"no integer ends at byte {position}: damaged or cut short")
