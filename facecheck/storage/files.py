"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["write_text", "writing"]


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


def write_text(path: Path, text: str) -> Path:
    """Write a text in UTF-8, whole or not at all, and return the path."""
    with writing(path) as stream:
        stream.write(text.encode())
    return path
