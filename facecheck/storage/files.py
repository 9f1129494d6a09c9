"""Files that are written whole or not at all, and files that are read although anybody may have made them."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

__all__ = ["file_stem", "opened_regular", "write_text", "writing"]

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.=-]+")


@contextlib.contextmanager
def opened_regular(path: Path, *, most: int | None = None) -> Iterator[BufferedReader]:
    """Give the stream of a regular file; a device never ends, and a named pipe may never begin.

    Args:
        path: of the file, or of a link to it.
        most: bytes that it may hold, None for any number.

    Raises:
        OSError: it is not there, no regular file, or larger.
    """
    # A pipe without a writer would not even open; for regular files the flag changes nothing.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as stream:  # noqa: PTH123 - a descriptor has no path
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "no regular file, but a device, a pipe or a socket", str(path))
        if most is not None and found.st_size > most:
            told = f"{found.st_size / 2**20:.0f} MiB are more than {most / 2**20:.0f} MiB"
            raise OSError(errno.EFBIG, f"the file is too large: {told}", str(path))
        yield stream


@contextlib.contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Give a stream whose content becomes the file at the end, and leaves nothing behind if writing fails.

    It is written under a temporary name in the same folder and renamed, so that the old file or the new one is
    there, never a part, whoever reads it and even after an interruption or on a full disk.

    Args:
        path: of the file; its folder exists.
    """
    temporary = path.with_name(f".{path.name[:100]}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def file_stem(text: str, *, most: int | None = None) -> str:
    """Return a name for a file of this title, in letters that every file system takes.

    Args:
        text: such as names of a model and a data set, whatever they hold.
        most: letters, None for all of them.

    >>> file_stem("blur-my/../faces", most=12)
    'blur-my-..-f'
    """
    return _NOT_IN_NAMES.sub("-", text)[:most]


def write_text(path: Path, text: str) -> Path:
    """Write a text in UTF-8, whole or not at all, and return the path."""
    with writing(path) as stream:
        stream.write(text.encode())
    return path
