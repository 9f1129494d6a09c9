"""The reference pages, from the code: ``uv run python docs/generate.py`` writes them, ``--check`` compares them.

Only what the code declares stands there: options, commands, specifications, metrics, limits, corruptions. A test
compares the committed pages with it.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import pkgutil
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from facecheck import cli, metrics
from facecheck.corruptions import families, of_family
from facecheck.datasets.open import DATASET_KINDS
from facecheck.gate.margins import MARGINS
from facecheck.models.files import _WORDS, FILE_KINDS
from facecheck.models.published import BUILT_IN
from facecheck.plugin import markers, options
from facecheck.results.catalogue import METRICS
from facecheck.results.conditions import Conditions

__all__ = ["PAGES", "commands", "main", "page"]

HERE = Path(__file__).parent
EVALS = HERE.parent / "evals"
_BOUNDS = {"at_least": "≥", "at_most": "≤"}
_MADE = "<!-- Made by docs/generate.py from the code: edit that, then run it again. -->\n"

_OPTIONS = """
# Options of pytest

Each stands on the command line (`--facecheck-scores-at DIR`), in the environment (`FACECHECK_SCORES_AT`) or in pytest's
ini file (`facecheck_scores_at`): the command line is asked first, the ini file last. LISTS are joined by commas or
repeated. How they are used: [Running it](../running.md).

"""
_COMMANDS = """
# Commands

`facecheck COMMAND --help` says the same. A command ends with 0, with 2 and the reason if it cannot do what was asked;
`compare` and `migrate` end with 1 if they find harm, `history import` if it left out a run, `generate faces --check` if
a picture differs.
"""
_MODELS = """
# Specifications

A model or a data set is named by `kind:PATH?option=value&option=value`. Nothing in it is decoded: a path may contain
spaces, `+` and `%`. What the options mean: [your own model](../your-model.md), [your own data](../your-data.md).

## Models

"""
_FILES = """
`package.module:factory` names a function of yours. Every model takes `?line=NAME`, under which
[baselines](../gate.md) follow it.

### Files

"""
_METRICS = """
# Metrics

Every name that stands in `results.json`, in limits and in graphs. What they say in plain words:
[the statistics in plain words](../statistics-in-words.md).

"""
_CONDITIONS = """
## Conditions

Each measurement says what it was made under; `where` of a limit takes the same keys, and `model` and `dataset`.

"""
_MARGINS = """
## Margins

Losses against the [baseline](../gate.md) that are tolerated unless `evals/limits.toml` has others; of a time, a share.

"""
_LIMITS = """
# Evals and limits

What each eval asks, what its cases promise, and the limits of [`evals/limits.toml`](../../evals/limits.toml).
"""
_BOUNDED = """
## Limits

The most specific limit that applies to a measurement decides. A row of a sweep holds a bound for each level.
"""
_CORRUPTIONS = """
# Corruptions

Levels run from clean to worst as listed; level 0 is the clean image. Other levels that are allowed can be asked for,
also several corruptions one after another: `--facecheck-corruptions "blur:2+jpeg:30,fog:4"`. `facecheck sheet OUT.png`
draws them all: [one bundled face under every one](../images/corruptions.jpg). Those by landmarks are placed or scaled
by the five points of the face.
"""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""Return a Markdown table.

    >>> print(table(["a", "b"], [["x|y", "z"]]), end="")
    | a | b |
    |---|---|
    | x\|y | z |
    """
    lines = [head, ["---"] * len(head), *rows]
    written = [[cell.replace("\n", " ").replace("|", "\\|") for cell in line] for line in lines]
    return "".join(
        f"|{'|'.join(line)}|\n" if number == 1 else f"| {' | '.join(line)} |\n" for number, line in enumerate(written)
    )


def prose(text: str) -> str:
    """Return reStructuredText of a docstring as Markdown, on one line.

    >>> prose("A ``rate`` of :func:`eer`, at <b>.")
    'A `rate` of `eer`, at &lt;b>.'
    """
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", " ".join(text.split()))
    return re.sub(r"``([^`]+)``", r"`\1`", text).replace("<", "&lt;")


def first_paragraph(documented: object) -> str:
    """Return what a docstring says first."""
    return prose((inspect.getdoc(documented) or "").partition("\n\n")[0])


def _source(documented: object) -> str:
    found = re.search(r"^Source: (.*?)(?:\n\n|\Z)", inspect.getdoc(documented) or "", re.MULTILINE | re.DOTALL)
    return prose(found[1]) if found else ""


def pytest_options() -> str:
    """Every option of ``pytest evals/``."""
    named = [
        (f"`--facecheck-{name.replace('_', '-')} {name.upper()}`", prose(about))
        for name, about in options._NAMES.items()
    ]
    switches = [(f"`--facecheck-{name}`", prose(about)) for name, about in options._SWITCHES.items()]
    marked = [(f"`{name}`", prose(about)) for name, _, about in (line.partition(": ") for line in markers.MARKERS)]
    lists = ", ".join(f"`{name}`" for name in options.LISTS)
    return (
        _OPTIONS.replace("LISTS", f"Lists ({lists})")
        + table(["option", "meaning"], named)
        + "\n## Switches\n\n"
        + table(["option", "meaning"], switches)
        + '\n## Markers\n\n`pytest evals/ -m studies` or `-m "not timing"` chooses cases by them.\n\n'
        + table(["marker", "meaning"], marked)
    )


def commands() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of every command of ``facecheck``, by the words that call it."""
    found: dict[str, argparse.ArgumentParser] = {}
    for name in _choices(cli._parser([])):
        parser = _choices(cli._parser([name]))[name]
        inner = _choices(parser)
        if not inner:
            found[name] = parser
        for word in inner:
            found[f"{name} {word}"] = _choices(_choices(cli._parser([name, word]))[name])[word]
    return found


def _choices(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return action.choices
    return {}


def _abouts(parser: argparse.ArgumentParser, before: str = "") -> Iterator[tuple[str, str]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action._choices_actions:
                yield f"{before}{choice.dest}", choice.help or ""
                yield from _abouts(action.choices[choice.dest], f"{before}{choice.dest} ")


def command_line() -> str:
    """Every command of ``facecheck``, with its arguments."""
    abouts = dict(_abouts(cli._parser([])))
    parts = [_COMMANDS]
    for name, parser in commands().items():
        parts.append(f"\n## facecheck {name}\n\n{_sentence(prose(abouts[name]))}\n\n")
        rows = [_argument(parser, action) for action in parser._actions if not isinstance(action, argparse._HelpAction)]
        parts.append(table(["argument", "meaning"], rows))
    return "".join(parts)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?")) else ".")


def _argument(parser: argparse.ArgumentParser, action: argparse.Action) -> tuple[str, str]:
    about = prose(parser._get_formatter()._expand_help(action)) if action.help else ""
    if action.choices:
        about += f"{': ' if about else ''}{', '.join(f'`{word}`' for word in action.choices)}"
    if not action.option_strings:
        name = action.metavar or action.dest.upper()
        return f"`{name}`" + (" (may be left out)" if action.nargs in ("?", "*") else ""), about
    takes = "" if action.nargs == 0 else f" {action.metavar or action.dest.upper()}"
    return f"`{action.option_strings[0]}{takes}`" + (" (required)" if action.required else ""), about


def specifications() -> str:
    """Models and data sets that a specification can name, with their options."""
    built_in = [(f"`{name}`", _code(sorted(known))) for name, (_, known) in BUILT_IN.items()]
    files = [(f"`{name}:FILE`", _code(sorted(known))) for name, (_, known) in FILE_KINDS.items()]
    words = [(f"`{name}`", _code(known)) for name, known in sorted(_WORDS.items())]
    datasets = [(f"`{name}:`", first_paragraph(read)) for name, read in DATASET_KINDS.items()]
    return (
        _MODELS
        + table(["model", "options"], built_in)
        + _FILES
        + table(["file", "options"], files)
        + "\n### Words that options of files take\n\n"
        + table(["option", "words"], words)
        + "\n## Data sets\n\n"
        + table(["kind", "how it is named"], datasets)
    )


def _code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def measurements() -> str:
    """Every name that results hold, its conditions and margins, and the functions that compute them."""
    rows = [(f"`{name}`", metric.title, metric.unit, metric.better) for name, metric in METRICS.items()]
    margins = [(f"`{name}`", f"{margin:g}", METRICS[name].unit) for name, margin in MARGINS.items()]
    conditions = [(f"`{name}`", about) for name, about in _arguments(Conditions)]
    parts = [
        _METRICS,
        table(["name", "title", "unit", "better"], rows),
        _CONDITIONS,
        table(["condition", "meaning"], conditions),
        _MARGINS,
        table(["name", "margin", "unit"], margins),
        f"\n## How they are computed\n\n{prose(_after_title(metrics))}\n",
    ]
    names = [found.name for found in pkgutil.iter_modules(metrics.__path__, "facecheck.metrics.")]
    return "".join([*parts, *map(_functions, names)])


def _after_title(documented: object) -> str:
    return (inspect.getdoc(documented) or "").partition("\n\n")[2]


def _arguments(documented: type) -> Iterator[tuple[str, str]]:
    """Yield the names and the meanings of the ``Args`` of a docstring."""
    section = re.search(r"^Args:\n(.*?)(?:\n\n|\Z)", inspect.getdoc(documented) or "", re.MULTILINE | re.DOTALL)
    for name, about in re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", section[1] if section else "", re.MULTILINE):
        yield name, prose(about)


def _functions(module_name: str) -> str:
    module = importlib.import_module(module_name)
    named = [(name, getattr(module, name)) for name in module.__all__]
    rows = [(f"`{name}`", first_paragraph(each), _source(each)) for name, each in named if inspect.isfunction(each)]
    title = f"\n### {module_name.rpartition('.')[2]}\n\n{first_paragraph(module)}\n"
    return title + (f"\n{table(['function', 'value', 'source'], rows)}" if rows else "")


def promises() -> str:
    """Every eval with the promise of each case, and every limit."""
    content = tomllib.loads((EVALS / "limits.toml").read_text(encoding="utf-8"))
    parts = [_LIMITS]
    asked: list[str] = []
    for path in sorted(EVALS.glob("test_*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"))
        questions = list(_questions(module))
        asked += [name for name, _ in questions]
        parts.append(f"\n## {path.name}\n\n{prose(ast.get_docstring(module) or '')}\n\n")
        parts.append(table(["eval", "question"], [(f"`{name}`", prose(text)) for name, text in questions]))
        cases = [(f"`{each.name}`", prose(ast.get_docstring(each) or "")) for each in _cases(module)]
        parts.append(f"\n{table(['case', 'promise'], cases)}")
    parts.append(_BOUNDED)
    for name in asked:
        rows = [_limit_row(each) for each in _tables(content) if each["eval"] == name]
        if rows:
            parts.append(f"\n### {name}\n\n{table(['metric', 'limit', 'where', 'why'], rows)}")
    return "".join(parts)


def _cases(module: ast.Module) -> Iterator[ast.FunctionDef]:
    return (node for node in module.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))


def _questions(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the names and the questions of the evals that a file's markers name."""
    constants = {
        node.targets[0].id: node.value.value
        for node in module.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("eval", "sweep"):
            name = node.args[0]
            question = next(each.value for each in node.keywords if each.arg == "question")
            spelt = constants[question.id] if isinstance(question, ast.Name) else ast.literal_eval(question)
            yield str(ast.literal_eval(name)), str(spelt)


def _tables(content: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield each limit, and each corruption of each sweep as a table of its own."""
    yield from content.get("limit", ())
    for sweep in content.get("sweep", ()):
        for kind in _BOUNDS:
            for corruption, bounds in sweep.get(kind, {}).items():
                where = {**sweep.get("where", {}), "corruption": corruption}
                yield {"eval": sweep["eval"], "name": sweep["name"], "why": sweep["why"], "where": where, kind: bounds}


def _limit_row(limit: Mapping[str, Any]) -> tuple[str, str, str, str]:
    kind = next(key for key in _BOUNDS if key in limit)
    bound = limit[kind]
    if isinstance(bound, dict):
        at = ", ".join(
            f"{level}: {number:g}" for level, number in sorted(bound.items(), key=lambda each: float(each[0]))
        )
        bounds = f"{_BOUNDS[kind]} {at}"
    else:
        bounds = f"{_BOUNDS[kind]} {bound:g}"
    where = ", ".join(f"{key} {value}" for key, value in limit.get("where", {}).items())
    return f"`{limit['name']}`", bounds, prose(where), prose(limit["why"])


def degradations() -> str:
    """Every corruption with its levels."""
    parts = [_CORRUPTIONS]
    for family in families():
        rows = [
            (
                f"`{each.name}`",
                first_paragraph(each.function) or f"{each.title}.",
                each.unit,
                ", ".join(f"{level:g}" for level in each.levels),
                str(each.domain),
                "yes" if each.needs_landmarks else "",
            )
            for each in of_family(family)
        ]
        head = ["name", "what it does", "unit of the level", "levels", "allowed", "by landmarks"]
        parts.append(f"\n## {family}\n\n{table(head, rows)}")
    return "".join(parts)


PAGES: Mapping[str, Callable[[], str]] = {
    "options": pytest_options,
    "commands": command_line,
    "models": specifications,
    "metrics": measurements,
    "limits": promises,
    "corruptions": degradations,
}


def page(name: str) -> str:
    """Return the text of a page, by its name."""
    return _MADE + PAGES[name]()


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages; with ``--check`` compare them, and return 1 if one differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if a page differs from the code")
    given = parser.parse_args(arguments)
    differing = []
    for name in PAGES:
        path = HERE / "reference" / f"{name}.md"
        text = page(name)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            differing.append(path)
            if not given.check:
                path.write_text(text, encoding="utf-8")
                print(f"written {path.relative_to(HERE.parent)}")
    if given.check and differing:
        print(
            f"differ from the code: {', '.join(path.name for path in differing)}; run docs/generate.py", file=sys.stderr
        )
    return int(given.check and bool(differing))


if __name__ == "__main__":
    sys.exit(main())
