"""The code behind a model, as a hash: two models that answer alike on a probe are one only if this is equal too.

Everything is read from files, and nothing is imported for it, so that every process finds the same.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from facecheck.storage.weights import state_sha256

__all__ = ["class_sha256", "module_sha256", "network_sha256"]

_OURS = frozenset({"facecheck", "torch"})  # known by their versions
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_MOST_FILES = 1000
_DEEPEST = 8  # of lists in lists
_OF_TORCH = frozenset(vars(nn.Module())) | {"training"}


def module_sha256(module: ModuleType) -> str:
    """Return one hash over a module's file and the files of its own folder that it imports, directly or through others.

    The folder is the one that the module's first name lies in; of installed packages it is the package alone. Only
    what import statements name is followed.

    Args:
        module: that holds a factory.
    """
    file = getattr(module, "__file__", None)
    if not file:
        return ""
    top = module.__name__.partition(".")[0]
    root = Path(file).resolve()
    for _ in range(module.__name__.count(".") + (2 if root.name == "__init__.py" else 1)):
        root = root.parent
    alone = top if _INSTALLED & set(root.parts) else ""
    total = hashlib.sha256()
    for name, path in sorted(_followed(root, module.__name__, Path(file).resolve(), alone=alone).items()):
        total.update(f"{name}\0".encode("utf-8", "backslashreplace") + _sha256(_content(path)))
    return total.hexdigest()


def _followed(root: Path, name: str, path: Path, *, alone: str) -> dict[str, Path]:
    pending, found = [(name, path)], dict[str, Path]()
    while pending and len(found) < _MOST_FILES:
        name, path = pending.pop()
        if name not in found:
            found[name] = path
            wanted = {part for other in _imports(name, path) for part in _with_parents(other)}
            mine = {each for each in wanted if (each.partition(".")[0] == alone if alone else True)} - _OURS
            pending += [(each, file) for each in mine for file in [_file(root, each)] if file is not None]
    return found


def _imports(name: str, path: Path) -> Iterator[str]:
    """Yield the absolute names that a file imports; of ``from a import b`` both a and a.b, which may be a module."""
    try:
        tree = ast.parse(_content(path))
    except (SyntaxError, ValueError, RecursionError):  # a compiled module, or none of Python's
        return
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            whole = ".".join([*base, *([node.module] if node.module else [])])
            yield from filter(None, [whole, *(f"{whole}.{alias.name}".lstrip(".") for alias in node.names)])


def _with_parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    if parts[0] not in _OURS:
        yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))


def _file(root: Path, name: str) -> Path | None:
    place = root.joinpath(*name.split("."))
    candidates = (place.with_name(f"{place.name}.py"), place / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def class_sha256(kind: type) -> str:
    """Return a hash of a class's name and source, and of its parents' that are not torch's."""
    total = hashlib.sha256()
    for each in kind.__mro__:
        if each.__module__.partition(".")[0] in {*_OURS, "builtins", "typing"} and each is not kind:
            continue
        total.update(f"{each.__module__}.{each.__qualname__}\0".encode("utf-8", "backslashreplace"))
        if each.__module__.partition(".")[0] not in _OURS:
            total.update(_source(each).encode("utf-8", "backslashreplace"))
    return total.hexdigest()


def _source(kind: type) -> str:
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError, SyntaxError):  # made in a console, or by a program
        return ""


def network_sha256(network: nn.Module) -> str:
    """Return a hash of what makes a network besides its parameters: classes, settings, and all buffers.

    Buffers that a state dict leaves out count, and so do numbers, words and tensors that are plain attributes, such
    as a scale or a limit; of other attributes their type alone.

    Args:
        network: before it has run: counters that change while it runs are no settings.
    """
    total, known = hashlib.sha256(), dict[type, str]()
    for name, part in network.named_modules():
        kind = type(part)
        known.setdefault(kind, class_sha256(kind))
        settings = {key: _spelt(value) for key, value in sorted(vars(part).items()) if key not in _OF_TORCH}
        total.update(f"{name}:{known[kind]}:{settings};".encode("utf-8", "backslashreplace"))
    total.update(state_sha256(dict(network.named_buffers(remove_duplicate=False))).encode())
    return total.hexdigest()


def _spelt(value: object, depth: int = 0) -> str:
    if isinstance(value, bool | int | float | str | bytes | None | torch.dtype):
        return repr(value)
    if isinstance(value, Tensor | np.ndarray | np.generic):
        return _numbers(value)
    if depth < _DEEPEST and isinstance(value, list | tuple):
        return f"[{','.join(_spelt(each, depth + 1) for each in value)}]"
    if depth < _DEEPEST and isinstance(value, Mapping):
        return f"[{','.join(f'{_spelt(key, depth + 1)}:{_spelt(each, depth + 1)}' for key, each in value.items())}]"
    named = value if inspect.isroutine(value) or inspect.isclass(value) else type(value)
    return f"{getattr(named, '__module__', '')}.{getattr(named, '__qualname__', '')}"


def _numbers(value: Tensor | npt.NDArray[Any] | np.generic) -> str:
    if isinstance(value, Tensor):
        dense = value.layout is torch.strided and value.device.type != "meta"
        return state_sha256({"": value}) if dense else "a tensor"
    array = np.ascontiguousarray(value)
    return f"{array.dtype}{array.shape}" + ("" if array.dtype.hasobject else _sha256(array.tobytes()).hex())


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
