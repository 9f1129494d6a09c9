"""Cache keys: which change of the code makes which result again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from facecheck.corruptions import CLEAN, Applied
from facecheck.models import Settings, torch_recognizer
from facecheck.models.recognizer import Recognizer
from facecheck.pipeline import keys
from facecheck.pipeline.keys import condition, deciding, detection_key, embedding_key
from tests.test_architecture import FILES, ROOMS, imports, room

CONTENT = b"an image's digest"


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return torch_recognizer("mean", torch.nn.Flatten(), Settings(device=torch.device("cpu")))


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package's sources, which the keys are made of."""
    copy = tmp_path / "facecheck"
    shutil.copytree(keys.LIBRARY, copy, ignore=lambda _, names: [n for n in names if Path(n).suffix not in ("", ".py")])
    monkeypatch.setattr(keys, "LIBRARY", copy)
    keys._sources.cache_clear()
    return copy


def keys_of(recognizer: Recognizer) -> dict[str, bytes]:
    """Return the key of each kind of result."""
    keys._sources.cache_clear()
    blurred, clean = condition(Applied("blur", 2.0)), condition(CLEAN)
    return {
        "detection": detection_key(recognizer.detector, "cpu", clean, CONTENT),
        "embedding": embedding_key(recognizer, clean, CONTENT),
        "degraded detection": detection_key(recognizer.detector, "cpu", blurred, CONTENT),
        "degraded embedding": embedding_key(recognizer, blurred, CONTENT),
    }


def add_module(folder: Path) -> None:
    (folder / "another.py").write_text('"""New."""\n', encoding="utf-8")


def change_module(folder: Path) -> None:
    with (folder / "__init__.py").open("a", encoding="utf-8") as file:
        file.write("# changed\n")


EVERYTHING = {"detection", "embedding", "degraded detection", "degraded embedding"}


@pytest.mark.parametrize("edit", [add_module, change_module])
@pytest.mark.parametrize(
    ("package", "expected"),
    [
        pytest.param("detection", EVERYTHING, id="detection"),
        pytest.param("faces", EVERYTHING, id="faces"),
        pytest.param("pipeline", EVERYTHING, id="pipeline"),
        pytest.param("storage", EVERYTHING, id="storage"),
        pytest.param("alignment", {"embedding", "degraded embedding"}, id="alignment"),
        pytest.param("corruptions", {"degraded detection", "degraded embedding"}, id="corruptions"),
        pytest.param("embedders", set(), id="embedders"),
        pytest.param("models", set(), id="models"),
        pytest.param("metrics", set(), id="metrics"),
        pytest.param("report", set(), id="report"),
    ],
)
def test_a_change_of_a_package_makes_again_what_it_decides(
    library: Path, recognizer: Recognizer, package: str, expected: set[str], edit: Callable[[Path], None]
) -> None:
    """A new module, as a changed one, changes the keys of the stages that its package decides, and no others."""
    before = keys_of(recognizer)

    edit(library / package)

    after = keys_of(recognizer)
    assert {name for name, key in after.items() if key != before[name]} == expected


def test_a_package_that_is_newly_imported_decides_too(library: Path) -> None:
    """Nobody has to add it to a list."""
    assert "specs" not in deciding("detection", library=library)

    (library / "detection" / "another.py").write_text("from facecheck.specs import Spec\n", encoding="utf-8")

    assert "specs" in deciding("detection", library=library)


@pytest.mark.parametrize("package", ROOMS)
def test_imports_are_read_as_python_reads_them(package: str) -> None:
    """What the keys follow is what the files import."""
    expected = {
        name.split(".")[1]
        for path in FILES
        if room(path) == package
        for name in imports(path)
        if name.startswith("facecheck.")
    }

    assert keys._imported(keys.LIBRARY, package) == expected & ROOMS.keys()


def test_the_key_depends_on_the_network_by_its_answers(recognizer: Recognizer) -> None:
    """The embedders' code is not part of the key; what a network answers is."""
    settings = Settings(device=torch.device("cpu"))
    same = torch_recognizer("mean", torch.nn.Flatten(), settings)
    other = torch_recognizer("mean", torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Softmax(dim=1)), settings)

    assert embedding_key(same, "", CONTENT) == embedding_key(recognizer, "", CONTENT)
    assert embedding_key(other, "", CONTENT) != embedding_key(recognizer, "", CONTENT)
