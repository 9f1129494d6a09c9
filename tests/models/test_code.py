"""The code behind a model as a hash: what changes it, and what does not."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from facecheck.models.code import class_sha256, module_sha256, network_sha256

FILES = {
    "mine/__init__.py": "",
    "mine/models.py": "import json\nfrom mine import layers\nfrom . import blocks\nfrom other_code import top\n",
    "mine/layers.py": "from .deep.inner import x\n",
    "mine/blocks.py": "b = 1\n",
    "mine/deep/__init__.py": "",
    "mine/deep/inner.py": "x = 1\n",
    "mine/unused.py": "u = 1\n",
    "other_code.py": "top = 1\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's own package, importable."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    return tmp_path


@pytest.mark.parametrize(
    ("file", "changes"),
    [(name, name != "mine/unused.py") for name in FILES],
)
def test_a_change_of_an_imported_file_of_ones_own_changes_the_hash(
    package: Path,
    file: str,
    changes: bool,  # noqa: FBT001 - a table's column
) -> None:
    """The module's own file and all that it imports from its own folder; not what is not imported."""
    module = importlib.import_module("mine.models")
    before = module_sha256(module)
    with (package / file).open("a", encoding="utf-8") as stream:
        stream.write("# changed\n")

    assert (module_sha256(module) != before) == changes


def test_of_an_installed_package_only_its_own_files_count(package: Path, tmp_path: Path) -> None:
    """Its neighbours are known by other means, and are many."""
    installed = tmp_path / "lib" / "site-packages"
    installed.mkdir(parents=True)
    (package / "mine").rename(installed / "mine")
    (package / "other_code.py").rename(installed / "other_code.py")
    sys.path.insert(0, str(installed))
    importlib.invalidate_caches()
    module = importlib.import_module("mine.models")
    before = module_sha256(module)
    (installed / "other_code.py").write_text("top = 2\n", encoding="utf-8")
    after_the_neighbours = module_sha256(module)
    (installed / "mine" / "deep" / "inner.py").write_text("x = 2\n", encoding="utf-8")

    assert after_the_neighbours == before
    assert module_sha256(module) != before


def test_a_module_that_is_no_python_is_hashed_as_it_is(package: Path) -> None:
    """Damaged source, and files that are gone."""
    module = importlib.import_module("mine.models")
    (package / "mine" / "layers.py").write_bytes(b"\0 no python (((")
    damaged = module_sha256(module)
    (package / "mine" / "layers.py").unlink()

    assert damaged != module_sha256(module)


class Net(nn.Module):
    """A network with everything that decides its answer."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))
        self.seen: Tensor
        self.kept: Tensor
        self.register_buffer("seen", torch.ones(2), persistent=False)
        self.register_buffer("kept", torch.ones(2))
        self.limit = 2
        self.table = {"a": [1, 2.5, (torch.zeros(1), None)]}
        self.plain = torch.ones(3)

    def forward(self, pixels: Tensor) -> Tensor:
        return pixels


def buffer(network: Net) -> None:
    network.seen.add_(1)


def kept(network: Net) -> None:
    network.kept.add_(1)


def limit(network: Net) -> None:
    network.limit = 3


def nested(network: Net) -> None:
    network.table["a"][2] = (torch.ones(1), None)


def plain(network: Net) -> None:
    network.plain[0] = 5


def part(network: Net) -> None:
    network.add_module("more", nn.ReLU())


@pytest.mark.parametrize("change", [buffer, kept, limit, nested, plain, part], ids=lambda each: each.__name__)
def test_everything_besides_the_parameters_is_in_the_hash(change: Callable[[Net], None]) -> None:
    """Buffers that a state dict leaves out, settings that are plain attributes, and parts."""
    network = Net()
    change(network)

    assert network_sha256(network) != network_sha256(Net())


def test_equal_networks_have_equal_hashes() -> None:
    """In evaluation or in training; the parameters are hashed elsewhere."""
    other = Net().eval()
    other.weight.data += 1

    assert network_sha256(Net()) == network_sha256(other)


def test_classes_of_one_name_differ_by_their_source() -> None:
    """Two functions each make a class called Local."""

    def first() -> type:
        class Local:
            value = 1

        return Local

    def second() -> type:
        class Local:
            value = 2

        return Local

    assert class_sha256(first()) != class_sha256(second())
    assert class_sha256(first()) == class_sha256(first())
