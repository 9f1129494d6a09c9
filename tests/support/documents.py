"""The README and the pages of ``docs/``: their code blocks, commands, links and headings."""

from __future__ import annotations

import functools
import itertools
import operator
import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^(?: {4}.*)?\n)*^ {4}.*\n", re.MULTILINE)
_RUN = "<!-- run -->\n"
_SHELLS = ("console", "sh", "bash")
_HERE_DOCUMENT = re.compile(r"<<'?(\w+)'?.*?\n\1\n?", re.DOTALL)
_HERE = re.compile(r"<<'?(\w+)'?")
_COMMENT = re.compile(r"""^((?:[^"'#]|"[^"]*"|'[^']*')*?)(?:^|\s)#.*$""")
_SETTING = re.compile(r"[A-Z_]+=.*")
_REDIRECTED = re.compile(r"\d?>{1,2}|<|2>&1")
_LINK = re.compile(r"(?<!`)\[[^\]]*\]\(<?([^)>\s]+)>?\)")
_HEADING = re.compile(r"^#{1,4} +(.*)$", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block.

    Args:
        language: empty if none is named.
        text: between the fences.
        runs: whether the page asks for it to be run.
    """

    language: str
    text: str
    runs: bool


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        yield Block(found[2], found[3], text[: found.start()].endswith(_RUN))


def _plain(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def commands(page: Path) -> list[list[str]]:
    """Return the words of every command in the blocks of a page, without what the shell takes.

    A line that ends with a backslash goes on, ``&&`` separates, variables and ``uv run`` before a command are left out.
    """
    texts = [_HERE_DOCUMENT.sub("\n", text).replace("\\\n", " ") for text in _shell_texts(page)]
    return [words for text in texts for line in text.splitlines() for words in _separated(line)]


def lines(page: Path) -> list[str]:
    """Return every command in the blocks of a page as a shell takes it.

    Continued lines are joined, comments left out; a here document belongs to its command, and a block that begins with
    ``#!`` is one script.
    """
    found: list[str] = []
    for text in _shell_texts(page):
        if text.startswith("#!"):
            found.append(text)
            continue
        rows = iter(text.replace("\\\n", " ").splitlines())
        for row in rows:
            line = re.sub(r" {2,}", " ", _COMMENT.sub(r"\1", row)).strip()  # those of continued lines
            if started := _HERE.search(row):
                body = itertools.takewhile(functools.partial(operator.ne, started[1]), rows)
                line = "\n".join([line, *body, started[1]])
            if line:
                found.append(line)
    return found


def _shell_texts(page: Path) -> list[str]:
    """Return the blocks of commands, fenced or indented."""
    texts = [block.text for block in blocks(page) if block.language in _SHELLS]
    return texts + [
        textwrap.dedent(found.strip("\n"))
        for found in _INDENTED.findall(_plain(page))
        if re.search(r"^ {4}(facecheck|pytest|uv|FACE)", found, re.MULTILINE)
    ]


def mentioned(page: Path) -> list[list[str]]:
    """Return the words of every command of facecheck that stands between backticks in a page's prose."""
    spans = re.findall(r"`((?:facecheck|pytest) [^`]+)`", _plain(page).replace("\n", " "))
    return [words for span in spans for words in _separated(span)]


def _separated(line: str) -> Iterator[list[str]]:
    words: list[str] = []
    for word in [*shlex.split(line, comments=True), "&&"]:
        if word in ("&&", "|", ";"):
            if found := _called(words):
                yield found
            words = []
        else:
            words.append(word)


def _called(words: list[str]) -> list[str]:
    while words and _SETTING.fullmatch(words[0]):
        words = words[1:]
    if words[:2] == ["uv", "run"]:
        words = words[2:]
    redirected = next((number for number, word in enumerate(words) if _REDIRECTED.fullmatch(word)), len(words))
    return words[:redirected]


def links(page: Path) -> list[str]:
    """Return where a page's links and pictures lead, but for other sites."""
    targets = _LINK.findall(_plain(page))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and MyST make them."""
    found: set[str] = set()
    for heading in _HEADING.findall(_plain(page)):
        words = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found.add(next(name for name in (words, *(f"{words}-{n}" for n in range(1, 99))) if name not in found))
    return found
