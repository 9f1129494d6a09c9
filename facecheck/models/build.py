"""Model specifications: their grammar, and what builds each kind."""

from __future__ import annotations

import dataclasses
import importlib
import re
import sys
from collections.abc import Callable
from pathlib import Path

from facecheck.alignment.aligners import FACENET_SIZE
from facecheck.errors import FacecheckError, ModelError, nearest
from facecheck.models.code import module_sha256
from facecheck.models.detectors import with_detector
from facecheck.models.files import FILE_KINDS, build_file, check_file
from facecheck.models.options import centre, check_values, chosen_detector, margin
from facecheck.models.published import BUILT_IN
from facecheck.models.recognizer import Recognizer
from facecheck.models.settings import Settings
from facecheck.specs import Spec, split_specs

__all__ = ["BUILT_IN", "build", "check", "split_models"]

_LINE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=+-]{0,99}")
_OF_NO_VECTOR = frozenset({"threshold", "name", "centre"})


def split_models(text: str) -> list[str]:
    """Split a list of model specifications at its commas.

    >>> split_models("dlib?policy=largest,mine.models:build")
    ['dlib?policy=largest', 'mine.models:build']
    """
    return split_specs(text, starts=r"[A-Za-z_]")


def build(text: str, settings: Settings) -> Recognizer:
    """Return the recogniser that a specification names; it keeps the specification.

    Args:
        text: such as ``dlib?policy=largest``; paths and modules are found from the working directory.
        settings: of the run.

    Raises:
        ModelError: an unknown name or option, missing or wrong weights, a factory that fails.
    """
    unnamed, line = _line_of(text)
    made, origin = _made(unnamed, settings)
    return dataclasses.replace(made, spec=text, origin=f"{origin} {made.origin}", line=line or made.line)


def _line_of(text: str) -> tuple[str, str]:
    """Return a specification without its line, and the line: it says nothing about the model itself.

    Raises:
        ModelError: a name that cannot be a folder's everywhere, or two of them.

    >>> _line_of("mine:build?line=door&flip=mean")
    ('mine:build?flip=mean', 'door')
    """
    head, _, tail = text.partition("?")
    options = tail.split("&") if tail else []
    lines = [option.removeprefix("line=") for option in options if option.startswith("line=")]
    if len(lines) > 1 or not all(map(_LINE.fullmatch, lines)):
        raise ModelError(f"{text!r}: expected one line=NAME, a name of letters, digits and . _ = + -")
    rest = "&".join(option for option in options if not option.startswith("line="))
    return "?".join(filter(None, (head, rest))), "".join(lines)


def _made(text: str, settings: Settings) -> tuple[Recognizer, str]:
    """Return the recogniser, and what it was made from."""
    if _is_file(text):
        spec = Spec.parse(text, error=ModelError)
        return _completed(build_file(spec, settings), spec), _origin(spec)
    if ":" in text.partition("?")[0]:
        return _from_factory(text, settings)
    spec = _built_in(text)
    return _completed(BUILT_IN[spec.kind][0](_short(spec), settings, spec.options), spec), _origin(spec)


def _origin(spec: Spec) -> str:
    """Return a specification without what changes no vector.

    >>> _origin(Spec.parse("dlib?threshold=0.5&policy=largest", error=ModelError))
    'dlib:?policy=largest'
    """
    options = "&".join(f"{name}={value}" for name, value in sorted(spec.options.items()) if name not in _OF_NO_VECTOR)
    return f"{spec.kind}:{spec.path}?{options}"


def _completed(made: Recognizer, spec: Spec) -> Recognizer:
    """Return the recogniser with the detector, and the way of comparing its vectors, that the specification names."""
    compared = dataclasses.replace(made, contract=dataclasses.replace(made.contract, centre=centre(spec.options)))
    return with_detector(compared, chosen_detector(spec.options))


def _is_file(text: str) -> bool:
    kind, colon, _ = text.partition("?")[0].partition(":")
    return bool(colon) and kind.strip() in FILE_KINDS


def _built_in(text: str) -> Spec:
    spec = Spec.parse(text, error=ModelError)
    if spec.kind not in BUILT_IN:
        raise ModelError(
            f"model {spec.kind!r} is unknown. {nearest(spec.kind, BUILT_IN)} A network in a file is "
            f"{', '.join(f'{kind}:FILE' for kind in FILE_KINDS)}; your own model is package.module:factory"
        )
    spec.refuse_unknown(sorted(BUILT_IN[spec.kind][1]))
    return spec


def _short(spec: Spec) -> str:
    """Name a variant by its options, of a path its stem alone: whole paths do not fit into a graph."""
    shown = [f"{key}={Path(value).stem if key == 'weights' else value}" for key, value in spec.options.items()]
    return "?".join((spec.kind, "&".join(shown))) if shown else spec.kind


def _factory_parts(text: str) -> tuple[str, str]:
    module_name, _, factory_name = text.partition(":")
    if not re.fullmatch(r"[A-Za-z_][\w.]*", module_name) or not factory_name.isidentifier():
        raise ModelError(f"{text!r}: expected package.module:factory")
    return module_name, factory_name


def _factory(text: str) -> Callable[[Settings], object]:
    """Import the factory that a specification names."""
    module_name, factory_name = _factory_parts(text)
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # a user's module may do anything while it is imported
        raise ModelError(f"{text}: cannot be imported from {Path.cwd()}: {type(error).__name__}: {error}") from error
    factory = getattr(module, factory_name, None)
    if factory is None:
        known = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise ModelError(
            f"{text}: cannot be imported: {module_name} has no {factory_name}. {nearest(factory_name, known)}"
        )
    if not callable(factory):
        raise ModelError(f"{text}: {factory_name} is not callable; expected a function of facecheck.models.Settings")
    found: Callable[[Settings], object] = factory
    return found


def _from_factory(text: str, settings: Settings) -> tuple[Recognizer, str]:
    factory = _factory(text)
    try:
        made = factory(settings)
    except FacecheckError:
        raise
    except Exception as error:
        raise ModelError(f"{text}: the factory failed: {type(error).__name__}: {error}") from error
    if not isinstance(made, Recognizer):
        raise ModelError(f"{text}: expected a facecheck Recognizer, got {type(made).__name__}; see torch_recognizer")
    return made, f"{text} {module_sha256(sys.modules[_factory_parts(text)[0]])}"


def check(text: str) -> None:
    """Refuse a specification that cannot name a model, without building it; the module of a factory is imported.

    Raises:
        ModelError: an unknown name or option, a value that no model could take, a missing file, module or factory.
    """
    text, _ = _line_of(text)
    if _is_file(text):
        check_file(Spec.parse(text, error=ModelError))
        return
    if ":" in text.partition("?")[0]:
        _factory(text)
        return
    options = _built_in(text).options
    check_values(options)
    margin(options, size=FACENET_SIZE, default=0)  # no other takes one
