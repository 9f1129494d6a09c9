"""What a pickle of byte strings holds, read without unpickling: no object is made, no function is called.

Unpickling runs whatever the file asks for. Here the opcodes of protocols 0 to 5, as Python 2 and 3 write them, are
followed one by one. They can make lists, tuples, numbers, truth values, and references to bytes in the file; of the
functions that a pickle may name, those by which numpy's arrays of bytes and Python's byte arrays are written are
understood, and none of them is called. Any other opcode, function or class is refused by its name. Byte strings stay in
the file: what is kept of them is where they lie.

Source: CPython, Lib/pickletools.py, for the opcodes; NEP 52 for the names of numpy's modules.
"""

from __future__ import annotations

import dataclasses
import math
import os
import pickletools
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Final, Literal

from facecheck.errors import DatasetError
from facecheck.faces import ImageSource, Portion
from facecheck.faces.decoding import read
from facecheck.faces.values import Coding
from facecheck.storage.files import opened_regular

__all__ = ["Array", "Stored", "content", "read_pickle"]

_MOST_OPCODES = 2**21  # LFW's has some 30 thousand; each leaves 250 bytes at most
_MOST_LINE = 2**26  # bytes of a line of protocol 0: an image, escaped
_SHORT = 64  # bytes of a name
_MOST_SIDES = 8  # of an array: more are multiplied up to numbers that take hours
_PROTOCOLS = 5
_NUMBER = re.compile(rb"-?[0-9]{1,18}L?")
_NAME = re.compile(rb"[A-Za-z_][\w.]{0,63}")


@dataclass(frozen=True, slots=True)  # no tuple, which would be one of the pickle's
class Stored:
    """A byte string or a text that lies in the file.

    Args:
        portion: where.
        kind: ``bytes``, ``text``, or ``str`` for Python 2's, which is either.
        name: its bytes if it is short, else empty.
    """

    portion: Portion
    kind: Literal["bytes", "text", "str"]
    name: bytes = b""


class Array:
    """An array of numpy's; it is complete once its state was read.

    Args:
        dtype: ``u1`` for bytes or ``b1`` for truth values.
        shape: empty for a single number.
        stored: its bytes, None before they are known.
    """

    __slots__ = ("dtype", "shape", "stored")

    def __init__(self, dtype: str = "", shape: tuple[int, ...] = (), stored: Stored | None = None) -> None:
        self.dtype, self.shape, self.stored = dtype, shape, stored


@dataclass(frozen=True, slots=True)
class _Dtype:
    code: str


@dataclass(frozen=True, slots=True)
class _Global:
    module: str
    name: str


def content(path: Path, stored: Stored) -> bytes:
    """Return the bytes of a byte string in the file.

    Raises:
        UnreadableImageError: it is not in the file, or not written as it says.
    """
    return read(ImageSource(path, path.name, portion=stored.portion))


def read_pickle(path: Path) -> object:
    """Return what a pickle holds: lists, tuples, numbers, truth values, None, :class:`Stored` and :class:`Array`.

    Raises:
        DatasetError: no pickle, one that holds anything else, damaged, or longer than any list of pairs.
    """
    try:
        with opened_regular(path) as stream:
            return _Reader(path, stream).run()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error


class _Reader:
    """Follows the opcodes of one file.

    Args:
        path: of the file, for messages.
        stream: of the file, at its beginning.
    """

    def __init__(self, path: Path, stream: BufferedReader) -> None:
        self.path = path
        self.stream = stream
        self.size = os.fstat(stream.fileno()).st_size
        self.at = 0  # where the opcode lies
        self.stack: list[object] = []
        self.below: list[list[object]] = []  # stacks below the marks
        self.memo: dict[int, object] = {}

    def run(self) -> object:
        for _ in range(_MOST_OPCODES):
            self.at = self.stream.tell()
            code = self.stream.read(1)
            if code == b".":
                return self._result()
            follow = _OPCODES.get(code)
            if follow is None:
                raise self.refused(_told(code))
            follow(self)
        raise self.refused(f"more than {_MOST_OPCODES} opcodes")

    def _result(self) -> object:
        rest = self.size - self.stream.tell()
        if len(self.stack) != 1 or self.below or rest:
            raise self.damaged(f"it ends with {len(self.stack)} values, and {rest} bytes follow")
        return self.stack[0]

    # What is wrong.

    def refused(self, what: str) -> DatasetError:
        return DatasetError(
            f"{self.path}, byte {self.at}: {what}: not followed. Expected a pickle of byte strings and truth values "
            "only, as insightface's .bin files are; nothing was run"
        )

    def damaged(self, what: str) -> DatasetError:
        return DatasetError(f"{self.path}, byte {self.at}: {what}: the file is damaged or truncated")

    # The stack.

    def push(self, value: object) -> None:
        self.stack.append(value)

    def pop(self) -> object:
        if not self.stack:
            raise self.damaged("a value is missing")
        return self.stack.pop()

    def to_mark(self) -> list[object]:
        """Take everything above the last mark."""
        if not self.below:
            raise self.damaged("a mark is missing")
        above, self.stack = self.stack, self.below.pop()
        return above

    def top_list(self) -> list[object]:
        if not self.stack or not isinstance(self.stack[-1], list):
            raise self.damaged("a list is missing")
        return self.stack[-1]

    # The file.

    def take(self, count: int) -> bytes:
        found = self.stream.read(count)
        if len(found) < count:
            raise self.damaged("the file ends here")
        return found

    def line(self) -> bytes:
        found = self.stream.readline(_MOST_LINE)
        if not found.endswith(b"\n"):
            raise self.damaged("a line that does not end")
        return found[:-1]

    def stored(self, length: int, kind: Literal["bytes", "text", "str"], coding: Coding = "raw") -> None:
        """Put a reference to the next bytes on the stack, and pass them by."""
        start = self.stream.tell()
        if length > self.size - start:
            raise self.damaged(f"{length} bytes are claimed, and {self.size - start} are left")
        name = self.take(length) if length <= _SHORT else b""
        self.stream.seek(start + length)
        self.push(Stored(Portion(start, length, coding), kind, name))


def _told(code: bytes) -> str:
    known = next((each.name for each in pickletools.opcodes if each.code.encode("latin-1") == code), None)
    return f"opcode {known}" if known else f"byte {code.hex() or 'missing'}, which is no opcode"


_Follow = Callable[[_Reader], None]


# Numbers.


def _pushing(value: object) -> _Follow:
    return lambda reader: reader.push(value)


def _packed(form: str) -> _Follow:
    return lambda reader: reader.push(struct.unpack(form, reader.take(struct.calcsize(form)))[0])


def _int(reader: _Reader) -> None:
    written = reader.line()
    if written in (b"00", b"01"):
        reader.push(written == b"01")
        return
    if not _NUMBER.fullmatch(written):
        raise reader.damaged("a number that is none")
    reader.push(int(written.rstrip(b"L")))


def _long1(reader: _Reader) -> None:
    length = reader.take(1)[0]
    if length > 8:  # noqa: PLR2004 - bytes of the largest number that anything here needs
        raise reader.refused(f"a number of {length} bytes")
    reader.push(int.from_bytes(reader.take(length), "little", signed=True))


# Bytes and texts.


def _sized(form: str, kind: Literal["bytes", "text", "str"], coding: Coding = "raw") -> _Follow:
    def follow(reader: _Reader) -> None:
        (length,) = struct.unpack(form, reader.take(struct.calcsize(form)))
        if length < 0:
            raise reader.damaged(f"{length} bytes are claimed")
        reader.stored(length, kind, coding)

    return follow


def _string(reader: _Reader) -> None:
    """Follow Python 2's str: a literal in quotes on a line."""
    start = reader.stream.tell()
    written = reader.line()
    if len(written) < 2 or written[:1] not in (b"'", b'"') or written[-1:] != written[:1]:  # noqa: PLR2004 - quotes
        raise reader.damaged("a text without its quotes")
    inner = written[1:-1]
    name = inner if len(inner) <= _SHORT else b""
    reader.push(Stored(Portion(start + 1, len(inner), "escaped"), "str", name))


def _unicode(reader: _Reader) -> None:
    start = reader.stream.tell()
    written = reader.line()
    name = written if len(written) <= _SHORT else b""
    reader.push(Stored(Portion(start, len(written), "latin-1-escaped"), "text", name))


# Lists, tuples, memo.


def _mark(reader: _Reader) -> None:
    reader.below.append(reader.stack)
    reader.stack = []


def _append(reader: _Reader) -> None:
    value = reader.pop()
    reader.top_list().append(value)


def _appends(reader: _Reader) -> None:
    values = reader.to_mark()
    reader.top_list().extend(values)


def _tuple_of(count: int) -> _Follow:
    def follow(reader: _Reader) -> None:
        values = [reader.pop() for _ in range(count)]
        reader.push(tuple(reversed(values)))

    return follow


def _put(reader: _Reader, number: int) -> None:
    if not reader.stack:
        raise reader.damaged("a value is missing")
    reader.memo[number] = reader.stack[-1]


def _get(reader: _Reader, number: int) -> None:
    if number not in reader.memo:
        raise reader.damaged(f"value {number} is asked for, which was not kept")
    reader.push(reader.memo[number])


def _numbered(act: Callable[[_Reader, int], None], form: str) -> _Follow:
    return lambda reader: act(reader, struct.unpack(form, reader.take(struct.calcsize(form)))[0])


def _numbered_line(act: Callable[[_Reader, int], None]) -> _Follow:
    def follow(reader: _Reader) -> None:
        written = reader.line()
        if not _NUMBER.fullmatch(written):
            raise reader.damaged("a number that is none")
        act(reader, int(written.rstrip(b"L")))

    return follow


# Functions and classes: known by name, never looked up.


def _global(reader: _Reader) -> None:
    _named(reader, reader.line(), reader.line())


def _stack_global(reader: _Reader) -> None:
    name, module = reader.pop(), reader.pop()
    if not (isinstance(module, Stored) and isinstance(name, Stored)):
        raise reader.damaged("a function whose name is no text")
    _named(reader, module.name, name.name)


def _named(reader: _Reader, module: bytes, name: bytes) -> None:
    if not (_NAME.fullmatch(module) and _NAME.fullmatch(name)):
        raise reader.refused("a function or class whose name is none")
    found = _Global(module.decode(), name.decode())
    if found not in _UNDERSTOOD and found != _NDARRAY:
        raise reader.refused(f"{found.module}.{found.name}")
    reader.push(found)


def _reduce(reader: _Reader) -> None:
    given, called = reader.pop(), reader.pop()
    understood = _UNDERSTOOD.get(called) if isinstance(called, _Global) else None
    result = understood(given) if understood is not None and isinstance(given, tuple) else None
    if result is None:
        named = f"{called.module}.{called.name}" if isinstance(called, _Global) else type(called).__name__
        raise reader.refused(f"{named} with other arguments than a byte array's")
    reader.push(result)


def _build(reader: _Reader) -> None:
    state = reader.pop()
    built = reader.stack[-1] if reader.stack else None
    if isinstance(built, _Dtype) and isinstance(state, tuple):
        return  # byte order and fields: a byte has none
    if not (isinstance(built, Array) and built.stored is None and isinstance(state, tuple) and _filled(built, state)):
        raise reader.refused(f"the state of a {type(built).__name__.strip('_')}")


def _filled(array: Array, state: tuple[object, ...]) -> bool:
    """Put an array's state into it; False if it is none that is understood."""
    if len(state) != 5:  # noqa: PLR2004 - version, shape, dtype, order, bytes
        return False
    made = _array(state[4], state[2], state[1])
    if made is None:
        return False
    array.dtype, array.shape, array.stored = made.dtype, made.shape, made.stored
    return True


def _array(stored: object, dtype: object, shape: object) -> Array | None:
    if not (isinstance(stored, Stored) and stored.kind != "text" and isinstance(dtype, _Dtype)):
        return None
    if not isinstance(shape, tuple) or len(shape) > _MOST_SIDES:
        return None
    if not all(isinstance(side, int) and 0 <= side < 2**40 for side in shape):
        return None
    if stored.portion.coding == "raw" and math.prod(shape) != stored.portion.length:
        return None
    return Array(dtype.code, tuple(side for side in shape if isinstance(side, int)), stored)


def _is_text(value: object, *texts: bytes) -> bool:
    return isinstance(value, Stored) and value.name in texts


def _encoded(given: tuple[object, ...]) -> object:
    """Return Python 3's bytes as protocols 0 to 2 write them: a text of one letter a byte."""
    if len(given) == 2 and isinstance(given[0], Stored) and given[0].kind == "text":  # noqa: PLR2004
        return dataclasses.replace(given[0], kind="bytes") if _is_text(given[1], b"latin1", b"latin-1") else None
    return None


def _bytearray(given: tuple[object, ...]) -> object:
    if len(given) == 1:
        return given[0] if isinstance(given[0], Stored) and given[0].kind != "text" else None
    return _encoded(given)


def _reconstructed(given: tuple[object, ...]) -> object:
    sound = len(given) == 3 and isinstance(given[0], _Global) and given[0] == _NDARRAY and _is_text(given[2], b"b")  # noqa: PLR2004
    return Array() if sound else None


def _dtype(given: tuple[object, ...]) -> object:
    code = given[0] if given else None
    return _Dtype(_DTYPES[code.name]) if isinstance(code, Stored) and code.name in _DTYPES else None


def _scalar(given: tuple[object, ...]) -> object:
    return _array(given[1], given[0], ()) if len(given) == 2 else None  # noqa: PLR2004


def _frombuffer(given: tuple[object, ...]) -> object:
    sound = len(given) == 4 and _is_text(given[3], b"C", b"F")  # noqa: PLR2004
    return _array(given[0], given[1], given[2]) if sound else None


_DTYPES: Final = {b"u1": "u1", b"|u1": "u1", b"b1": "b1", b"|b1": "b1"}
_NDARRAY: Final = _Global("numpy", "ndarray")
_UNDERSTOOD: Final[Mapping[_Global, Callable[[tuple[object, ...]], object]]] = {
    _Global("_codecs", "encode"): _encoded,
    _Global("__builtin__", "bytearray"): _bytearray,
    _Global("builtins", "bytearray"): _bytearray,
    _Global("numpy", "dtype"): _dtype,
    **{_Global(f"numpy.{core}.multiarray", "_reconstruct"): _reconstructed for core in ("core", "_core")},
    **{_Global(f"numpy.{core}.multiarray", "scalar"): _scalar for core in ("core", "_core")},
    **{_Global(f"numpy.{core}.numeric", "_frombuffer"): _frombuffer for core in ("core", "_core")},
}


# Protocols.


def _proto(reader: _Reader) -> None:
    version = reader.take(1)[0]
    if version > _PROTOCOLS:
        raise reader.refused(f"protocol {version}")


def _frame(reader: _Reader) -> None:
    (length,) = struct.unpack("<Q", reader.take(8))
    left = reader.size - reader.stream.tell()
    if length > left:
        raise reader.damaged(f"{length} bytes are claimed, and {left} are left")


_OPCODES: Final[Mapping[bytes, _Follow]] = {
    b"\x80": _proto,
    b"\x95": _frame,
    b"(": _mark,
    b"N": _pushing(None),
    b"\x88": _pushing(True),  # noqa: FBT003 - the value itself
    b"\x89": _pushing(False),  # noqa: FBT003
    b"I": _int,
    b"L": _int,
    b"J": _packed("<i"),
    b"K": _packed("<B"),
    b"M": _packed("<H"),
    b"\x8a": _long1,
    b"S": _string,
    b"T": _sized("<i", "str"),
    b"U": _sized("<B", "str"),
    b"B": _sized("<I", "bytes"),
    b"C": _sized("<B", "bytes"),
    b"\x8e": _sized("<Q", "bytes"),
    b"\x96": _sized("<Q", "bytes"),
    b"V": _unicode,
    b"X": _sized("<I", "text", "latin-1"),
    b"\x8c": _sized("<B", "text", "latin-1"),
    b"\x8d": _sized("<Q", "text", "latin-1"),
    b"]": lambda reader: reader.push([]),
    b"l": lambda reader: reader.push(reader.to_mark()),
    b"a": _append,
    b"e": _appends,
    b")": _pushing(()),
    b"t": lambda reader: reader.push(tuple(reader.to_mark())),
    b"\x85": _tuple_of(1),
    b"\x86": _tuple_of(2),
    b"\x87": _tuple_of(3),
    b"p": _numbered_line(_put),
    b"q": _numbered(_put, "<B"),
    b"r": _numbered(_put, "<I"),
    b"\x94": lambda reader: _put(reader, len(reader.memo)),
    b"g": _numbered_line(_get),
    b"h": _numbered(_get, "<B"),
    b"j": _numbered(_get, "<I"),
    b"c": _global,
    b"\x93": _stack_global,
    b"R": _reduce,
    b"b": _build,
}
