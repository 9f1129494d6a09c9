"""The house: one package a stage, each importing only packages nearer to the start of the pipeline."""

import ast
from pathlib import Path

import pytest

import facecheck

LIBRARY = Path(facecheck.__file__).parent
# Nearest to the start of the pipeline first, with what belongs there. A package imports only from earlier lines.
ROOMS = {
    "errors": "what every part raises",
    "specs": "the grammar of specifications",
    "storage": "what is kept on disk, and how files are opened",
    "faces": "images, faces, pairs, decoding",
    "datasets": "readers and protocols",
    "corruptions": "degradations",
    "detection": "boxes, landmarks, and which face",
    "alignment": "crops",
    "embedders": "networks, preprocessing and distances",
    "models": "a recogniser from a specification",
    "pipeline": "detect, align, embed",
    "metrics": "scores to values, intervals and tests",
    "results": "conditions, measurements, runs",
    "evaluation": "what an eval measures",
    "gate": "limits and verdicts",
    "comparison": "models or runs against each other",
    "history": "runs over time",
    "plots": "figures",
    "report": "what a finished run shows",
    "plugin": "the pytest plugin",
    "init": "what a team's repository gets",
    "generate": "made faces",
    "commands": "what the command line does with finished runs",
    "cli": "the command line",
    "__main__": "the command line",
    "__init__": "what users import from facecheck itself",
}
ORDER = {name: number for number, name in enumerate(ROOMS)}
FILES = sorted(LIBRARY.rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Return the names of the modules that a file imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
            assert not node.level, f"{path}: relative import; write facecheck.… in full"
    return found


def room(path: Path) -> str:
    """Return the package, or the single module, that a file of the library belongs to."""
    return path.relative_to(LIBRARY).parts[0].removesuffix(".py")


def misplaced(own: str, imported: set[str]) -> list[str]:
    """Say of each import against the direction which room it points to, and where the code might belong."""
    ours = {name.split(".")[1] for name in imported if name.startswith("facecheck.")} & ORDER.keys()
    return [
        f"{own} ({ROOMS[own]}) imports {other} ({ROOMS[other]}), which comes later in the pipeline: move what is "
        f"needed to {own} or nearer to the start, or this code to {other} or later"
        for other in sorted(ours)
        if ORDER[other] > ORDER[own]
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_a_package_imports_only_what_lies_nearer_to_the_start(path: Path) -> None:
    """Every file of the library has a room, and imports nothing from a later one."""
    own = room(path)

    assert own in ORDER, f"{path}: {own} has no place in the pipeline: give it one in ROOMS"
    assert misplaced(own, imports(path)) == []


def test_the_message_names_both_rooms() -> None:
    """Whoever moves code reads where it belongs."""
    (message,) = misplaced("metrics", {"facecheck.gate.limits"})

    assert message.startswith("metrics (scores to values, intervals and tests) imports gate (limits and verdicts)")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_only_the_plugin_imports_pytest_and_nothing_imports_evals(path: Path) -> None:
    """The wheel carries the library alone, and a library that is not tested needs no pytest."""
    roots = {name.partition(".")[0] for name in imports(path)}
    refused = {"fixtures", "evals", "tests", "face_recognition"} | (set() if room(path) == "plugin" else {"pytest"})

    assert roots & refused == set()


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    """Within a package, too, imports go one way."""
    names = {module(path): path for path in FILES}
    found = {name: imports(path) for name, path in names.items()}
    graph = {
        name: {other for other in names if other != name and _imported(other, imported)}
        for name, imported in found.items()
    }
    while free := {name for name, needs in graph.items() if not needs & graph.keys()}:
        graph = {name: needs for name, needs in graph.items() if name not in free}

    assert sorted(graph) == []


def module(path: Path) -> str:
    """Return the name under which a file is imported; a package's file has the package's."""
    parts = ("facecheck", *path.relative_to(LIBRARY).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(module: str, found: set[str]) -> bool:
    return module in found or any(name.rpartition(".")[0] == module for name in found)
