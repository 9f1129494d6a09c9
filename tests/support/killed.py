"""A process that is killed at the n-th call of a function: ``KILLED_AT=module:name:n``.

It is imported before anything else, as a plugin of pytest (``-p``) or by ``python -c``.
"""

import functools
import importlib
import os
import signal
from typing import Any

_WHERE = os.environ.get("KILLED_AT", "")


def kill_at(module: str, name: str, call: int) -> None:
    """Send SIGKILL to this process when a function, or a method of a class, is called for the n-th time."""
    owner: Any = importlib.import_module(module)
    *path, last = name.split(".")
    for each in path:
        owner = getattr(owner, each)
    original, calls = getattr(owner, last), 0

    @functools.wraps(original)
    def counted(*arguments: object, **named: object) -> object:
        nonlocal calls
        calls += 1
        if calls == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **named)

    setattr(owner, last, counted)


if _WHERE:
    _MODULE, _NAME, _CALL = _WHERE.split(":")
    kill_at(_MODULE, _NAME, int(_CALL))
