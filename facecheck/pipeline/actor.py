"""What computes batches in another process, perhaps on another machine: it is told what to do, and with what model.

A network is never sent. An actor builds the recogniser from its specification, and says all that results depend on,
so that the process that asks can refuse one that differs: the identity with its fingerprint and its weights, the
versions of the libraries, and the code of facecheck. It reads the images itself, at the paths that it is given.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from facecheck.corruptions import Applied
from facecheck.embedders.network import Precision
from facecheck.errors import DatasetError, FacecheckError, ModelError, UnreadableImageError
from facecheck.faces.decoding import digest, read
from facecheck.models.build import build
from facecheck.models.recognizer import Recognizer
from facecheck.models.settings import Settings
from facecheck.pipeline.keys import LIBRARY, deciding
from facecheck.pipeline.work import Work
from facecheck.storage.versions import library_versions, sources_sha256

__all__ = ["Actor", "Model", "Place", "Step", "differences", "standing", "step_of"]

_PLAIN = (Applied, str, bytes, int, float, Path, type(None))
_SHOWN = 60  # letters of a value that differs


@dataclass(frozen=True, slots=True)
class Model:
    """What a recogniser is made of.

    Args:
        spec: its specification.
        name: by which messages call it.
        on_gpu: whether it runs on the actor's GPU, else on its CPU.
        precision: that it computes in.
    """

    spec: str
    name: str
    on_gpu: bool
    precision: Precision

    @classmethod
    def of(cls, recognizer: Recognizer) -> Model:
        """Return what a recogniser was made of.

        Raises:
            ModelError: it has no specification.
        """
        if not recognizer.spec:
            raise ModelError(
                f"{recognizer.name}: was made in memory, and workers build a model from its specification: name it, "
                "package.module:factory, or let threads of this process run it"
            )
        return cls(recognizer.spec, recognizer.name, recognizer.device.type == "cuda", recognizer.precision)

    def build(self) -> Recognizer:
        """Return the recogniser.

        Raises:
            ModelError: it cannot be built here.
        """
        device = torch.device("cuda", 0) if self.on_gpu else torch.device("cpu")  # an actor sees its own GPU only
        try:
            made = build(self.spec, Settings(device=device, precision=self.precision))
        except FacecheckError as error:
            raise ModelError(
                f"{error} (on {socket.gethostname()}: a worker builds the model from its specification, so that its "
                "files and modules have to be there at the same paths)"
            ) from error
        return dataclasses.replace(made, name=self.name)


@dataclass(frozen=True, slots=True)
class Step:
    """What is done with each batch.

    Args:
        load: brings it into memory.
        compute: what is done with a loaded batch.
        model: of the recogniser that ``compute`` takes, None for one that takes none.
        on_gpu: whether networks run on the actor's GPU.
    """

    load: Callable[[Any], Any]
    compute: Callable[..., Any]
    model: Model | None
    on_gpu: bool


def step_of(
    load: Callable[..., Any], compute: Callable[..., Any], device: torch.device
) -> tuple[Step, Recognizer | None]:
    """Return what is done with each batch, and the recogniser that is only named in it.

    Args:
        load: a function, or a partial one.
        compute: likewise; its recogniser is bound as ``recognizer``.
        device: where networks run.

    Raises:
        ModelError: a recogniser without a specification.
        TypeError: they hold what is not sent: neither plain nor a recogniser.
    """
    loading, _ = _without_recognizer(load)
    computing, recognizer = _without_recognizer(compute)
    model = None if recognizer is None else Model.of(recognizer)
    return Step(loading, computing, model, device.type == "cuda"), recognizer


def _without_recognizer(function: Callable[..., Any]) -> tuple[Callable[..., Any], Recognizer | None]:
    if not isinstance(function, functools.partial):
        return function, None
    given = dict(function.keywords)
    recognizer = given.pop("recognizer", None)
    for each in (*function.args, *given.values()):
        if not isinstance(each, _PLAIN):
            raise TypeError(f"{function.func.__name__}: a {type(each).__name__} is not sent to workers")
    return functools.partial(function.func, *function.args, **given), recognizer


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process works, so that specifications and paths mean the same in another one.

    Args:
        folder: its working directory.
        path: where it imports from.
        tf32: whether products of matrices and convolutions may be computed in TF32.
        threads: that torch uses by itself, by which a fingerprint is made.
    """

    folder: str
    path: tuple[str, ...]
    tf32: tuple[bool, bool]
    threads: int

    @classmethod
    def here(cls) -> Place:
        """Return that of this process."""
        tf32 = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
        return cls(str(Path.cwd()), tuple(sys.path), tf32, torch.get_num_threads())

    def enter(self) -> None:
        """Work there.

        Raises:
            FacecheckError: this machine has no such folder.
        """
        try:
            os.chdir(self.folder)
        except OSError as error:
            raise FacecheckError(
                f"{socket.gethostname()} has no folder {self.folder}, in which this run works: {error.strerror}"
            ) from error
        sys.path += [each for each in self.path if each not in sys.path]
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = self.tf32


class Actor:
    """Recognisers that are built once, and one batch that is computed at a time; another one is loaded meanwhile.

    Args:
        place: where it works.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._entered = False
        self._built: dict[Model, Recognizer] = {}
        self._computing = threading.Lock()

    def process(self) -> int:
        """Return the number of its process."""
        return os.getpid()

    def prepare(self, model: Model | None) -> dict[str, str]:
        """Build a recogniser, or none, and return its :func:`standing` here.

        Raises:
            FacecheckError: this machine lacks what is needed for it.
        """
        with self._computing:
            if not self._entered:
                self._place.enter()
                self._entered = True
            torch.set_num_threads(self._place.threads)
            if model is not None and model not in self._built:
                self._built[model] = model.build()
            return standing(None if model is None else self._built[model])

    def work(self, items: list[Any], step: Step) -> object:
        """Return what a batch gives.

        Raises:
            DatasetError: an image that the driver has read is another one here, or is not there.
        """
        if not step.on_gpu:
            torch.set_num_threads(1)  # as each thread of a local run
        loaded = step.load(items)
        _refuse_unreachable(items)
        compute = step.compute
        if step.model is not None:
            compute = functools.partial(compute, recognizer=self._built[step.model])
        with self._computing:
            return compute(loaded)


def _refuse_unreachable(items: list[Any]) -> None:
    """Refuse an image that this machine lacks: counted as unreadable it would change the results."""
    for item in items:
        if isinstance(item, Work) and item.unreadable and item.digest and not _is_there(item):
            raise DatasetError(
                f"{item.source.path}: {socket.gethostname()} has no such image, or another one: workers read images "
                "themselves, so that these have to be at the same path on every machine"
            )


def _is_there(work: Work) -> bool:
    try:
        return digest(read(work.source), work.source.tile) == work.digest
    except UnreadableImageError:
        return False


def standing(recognizer: Recognizer | None) -> dict[str, str]:
    """Return all that results depend on besides images and corruptions, as texts by name.

    Args:
        recognizer: the model, None where none takes part.
    """
    found = {f"version of {name}": version for name, version in library_versions().items()}
    found["code of facecheck"] = _code()
    if recognizer is not None:
        parts = json.loads(recognizer.identity)
        found |= {f"model's {name}": json.dumps(part, sort_keys=True) for name, part in parts.items()}
    return found


@functools.cache
def _code() -> str:
    """Return a hash of the packages that results come from; an edit of the others does not end a run."""
    deciders = deciding("embedding") | deciding("corruption") | {"models", "embedders"}
    return sources_sha256(LIBRARY, deciders)


def differences(here: dict[str, str], there: dict[str, str]) -> str:
    """Say what differs, both values of each; empty if nothing does.

    >>> differences({"a": "1", "b": "2"}, {"a": "1", "b": "3"})
    'b is 2 here and 3 there'
    """
    names = [name for name in {**here, **there} if here.get(name) != there.get(name)]
    return "; ".join(
        f"{name} is {here.get(name, 'absent')[:_SHOWN]} here and {there.get(name, 'absent')[:_SHOWN]} there"
        for name in names
    )
