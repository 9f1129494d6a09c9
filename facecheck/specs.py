"""The grammar of specifications: ``kind:PATH?option=value&option=value``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from facecheck.errors import FacecheckError, nearest

__all__ = ["Spec", "spelt_number", "split_specs"]


@dataclass(frozen=True, slots=True)
class Spec:
    """A parsed specification.

    Args:
        text: the specification as given.
        kind: the word before the colon.
        path: the text between colon and question mark, empty if there is none.
        options: the options after the question mark.
        error: type of the exception for a specification that cannot be used.
    """

    text: str
    kind: str
    path: str
    options: Mapping[str, str]
    error: type[FacecheckError]

    @classmethod
    def parse(cls, text: str, *, error: type[FacecheckError]) -> Spec:
        """Parse a specification. Nothing is decoded: a path may contain spaces, ``+`` and ``%``.

        Raises:
            FacecheckError: of the given type, if an option is not ``name=value``.

        >>> Spec.parse("strips:faces/a b?tiles=5&start=-0.8", error=FacecheckError).options
        {'tiles': '5', 'start': '-0.8'}
        """
        head, _, tail = text.partition("?")
        kind, _, path = head.partition(":")
        options: dict[str, str] = {}
        for part in tail.split("&") if tail else ():
            name, equals, value = part.partition("=")
            if not (name and equals and value) or name in options:
                raise error(f"{text!r}: expected options like name=value joined by &, each once, not {part!r}")
            options[name] = value
        return cls(text, kind.strip(), path, options, error)

    def refuse_unknown(self, known: Iterable[str]) -> None:
        """Raise an error if an option is not one of these."""
        for name in self.options:
            if name not in known:
                raise self.error(f"{self.text!r}: {self.kind} has no option {name!r}. {nearest(name, known)}")


def split_specs(text: str, *, starts: str) -> list[str]:
    """Split at commas that are followed by the start of a specification, so that a path may contain commas.

    Args:
        text: specifications joined by commas.
        starts: regular expression that the beginning of a specification matches.
    """
    parts = re.split(rf",(?=\s*(?:{starts}))", text)
    return [part.strip() for part in parts if part.strip()]


def spelt_number(number: float) -> str:
    """Write a number exactly, so that different numbers give different texts, and without an exponent.

    >>> spelt_number(2.0), spelt_number(0.1 + 0.2)
    ('2', '0.30000000000000004')
    """
    return np.format_float_positional(number, trim="-")
