"""The house: a face travels one way, and the library knows nothing of its plugins."""

import ast
from pathlib import Path

import pytest

import facecheck

LIBRARY = Path(facecheck.__file__).parent
# Nearer to the start of the road first; a module imports only from earlier lines, or from its own.
ROAD = (
    {"__init__", "errors"},
    {"faces", "specs", "versions"},
    {"images", "scores", "cache", "weights"},
    {"corruptions", "datasets", "detectors"},
    {"policy", "mtcnn_networks"},
    {"mtcnn"},
    {"align", "embedders"},
    {"recognizer"},
    {"models", "embedded"},
    {"pipeline", "metrics", "intervals", "timing"},
    {"measure", "robustness", "signature", "paired", "preflight"},
    {"record"},
    {"wording", "sweeps"},
    {"gate", "propose", "plots", "summary", "comparison"},
    {"report", "sheets"},
    {"synthesis"},
    {"eg3d"},
    {"cli"},
)
POSITION = {name: number for number, names in enumerate(ROAD) for name in names}


def imports(path: Path) -> set[str]:
    """Return the names of the modules that a file imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return found | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}


def part(path: Path) -> str:
    """Return the module or subpackage that a file of the library belongs to."""
    return path.relative_to(LIBRARY).parts[0].removesuffix(".py")


FILES = sorted(path for path in LIBRARY.rglob("*.py") if part(path) != "synthesis")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_modules_import_only_what_lies_before_them_on_the_road(path: Path) -> None:
    """A module's imports lie nearer to the start of the road, or in its own subpackage."""
    own = part(path)
    ours = {name.split(".")[1] for name in imports(path) if name.startswith("facecheck.")} - {own}

    assert own in POSITION, f"{own} has no place on the road: give it one in ROAD"
    assert {name for name in ours if POSITION[name] > POSITION[own]} == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_the_library_never_imports_pytest_fixtures_or_evals(path: Path) -> None:
    """The wheel carries the library alone."""
    roots = {name.partition(".")[0] for name in imports(path)}

    assert roots & {"pytest", "fixtures", "evals", "tests", "face_recognition"} == set()
