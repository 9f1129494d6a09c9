"""Weights: nothing unhashed, converted once, repaired when damaged."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.torch import save_file

from facecheck.errors import ModelError
from facecheck.storage.weights import cache_folder, converted, file_sha256, package_file, state_sha256, verified

STATE = {"a": torch.arange(6, dtype=torch.float32).reshape(2, 3), "b": torch.ones(4)}
ARRAYS: dict[str, npt.NDArray[np.float32]] = {name: tensor.numpy() for name, tensor in STATE.items()}
EXPECTED = state_sha256(STATE)


class Conversion:
    """Counts how often it was asked."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> dict[str, npt.NDArray[np.float32]]:
        self.times += 1
        return ARRAYS


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own."""
    monkeypatch.setenv("FACECHECK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_right_file_is_returned(tmp_path: Path) -> None:
    """Its path, to be opened."""
    (tmp_path / "w").write_bytes(b"weights")

    assert verified(tmp_path / "w", hashlib.sha256(b"weights").hexdigest()) == tmp_path / "w"


def test_a_wrong_hash_is_refused_with_both_and_the_likely_cause(tmp_path: Path) -> None:
    """What was found, what was expected, and to download it again."""
    (tmp_path / "w").write_bytes(b"weigh")
    found, expected = (hashlib.sha256(content).hexdigest() for content in (b"weigh", b"weights"))

    with pytest.raises(ModelError) as raised:
        verified(tmp_path / "w", expected)

    assert str(raised.value) == (
        f"{tmp_path / 'w'}: not the expected weights: sha256 is {found}, expected {expected}. "
        "The file is damaged, truncated or another release: download it again"
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [pytest.param("gone", "No such file or directory", id="missing"), pytest.param("", "Is a directory", id="folder")],
)
def test_a_file_that_cannot_be_read_is_refused_by_name(name: str, reason: str, tmp_path: Path) -> None:
    """With the system's reason."""
    with pytest.raises(ModelError) as raised:
        verified(tmp_path / name, "0" * 64)

    assert str(raised.value) == f"{tmp_path / name}: cannot be read: {reason}"


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    """All of them, also beyond one buffer."""
    content = bytes(range(256)) * 5000
    (tmp_path / "w").write_bytes(content)

    assert file_sha256(tmp_path / "w") == hashlib.sha256(content).hexdigest()


def test_the_hash_of_a_state_does_not_depend_on_its_order() -> None:
    """Nor on the order of its values in memory."""
    backwards = dict(reversed(list(STATE.items())))
    transposed = {**STATE, "a": STATE["a"].T.contiguous().T}

    assert state_sha256(backwards) == EXPECTED
    assert not transposed["a"].is_contiguous()
    assert state_sha256(transposed) == EXPECTED
    assert state_sha256({name: tensor.requires_grad_() for name, tensor in STATE.items()}) == EXPECTED


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"a": STATE["a"], "c": STATE["b"]}, id="name"),
        pytest.param({"a": STATE["a"].detach().reshape(3, 2), "b": STATE["b"]}, id="shape"),
        pytest.param({"a": STATE["a"], "b": STATE["b"].detach().view(torch.int32)}, id="type-of-the-same-bytes"),
        pytest.param({"a": STATE["a"], "b": STATE["b"].detach().double()}, id="type"),
        pytest.param({"a": STATE["a"], "b": torch.tensor([1.0, 1.0, 1.0, 1.0000001])}, id="value"),
        pytest.param({"a": STATE["b"], "b": STATE["a"]}, id="exchanged"),
        pytest.param({"a": STATE["a"]}, id="one-left-out"),
        pytest.param({**STATE, "c": torch.zeros(0)}, id="an-empty-one-more"),
        pytest.param({}, id="nothing"),
    ],
)
def test_the_hash_of_a_state_sees_every_change(other: dict[str, torch.Tensor]) -> None:
    """Of names, shapes, types and values."""
    assert state_sha256(other) != EXPECTED


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64, torch.bool, torch.uint8], ids=str)
def test_every_type_of_tensor_has_a_hash(dtype: torch.dtype) -> None:
    """Scalars as well: batch norms count their batches in one."""
    assert len(state_sha256({"a": torch.ones(3).to(dtype), "b": torch.ones(()).to(dtype)})) == 64


@pytest.mark.usefixtures("home")
def test_weights_are_converted_once() -> None:
    """The second time the same weights come out of the cache."""
    convert = Conversion()

    first, second = (converted("net", EXPECTED, convert) for _ in range(2))

    assert convert.times == 1
    assert state_sha256(first) == state_sha256(second) == EXPECTED


def test_the_cache_holds_one_whole_file(home: Path) -> None:
    """Nothing temporary is left over."""
    converted("net", EXPECTED, Conversion())

    assert [path.name for path in (home / "weights").iterdir()] == ["net.safetensors"]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"rubbish", id="rubbish"),
        pytest.param(b"\xff" * 1000, id="a-head-beyond-all-measure"),
        pytest.param(None, id="cut-short"),
        pytest.param({"a": STATE["a"]}, id="one-tensor-left-out"),
        pytest.param({**STATE, "b": torch.zeros(4)}, id="other-values"),
    ],
)
def test_a_damaged_file_is_made_again(home: Path, damage: bytes | dict[str, torch.Tensor] | None) -> None:
    """Found by the hash, replaced, and whole the next time."""
    convert = Conversion()
    converted("net", EXPECTED, convert)
    path = home / "weights" / "net.safetensors"
    if isinstance(damage, dict):
        save_file({name: tensor.detach().clone() for name, tensor in damage.items()}, path)
    else:
        path.write_bytes(path.read_bytes()[:-3] if damage is None else damage)

    assert state_sha256(converted("net", EXPECTED, convert)) == EXPECTED
    assert state_sha256(converted("net", EXPECTED, convert)) == EXPECTED
    assert convert.times == 2


@pytest.mark.parametrize("blocked", ["cache", "cache/weights", "cache/weights/net.safetensors"])
def test_a_cache_that_cannot_be_written_costs_time_only(blocked: str, home: Path) -> None:
    """There is something else where the cache, its folder or its file should be."""
    place = home.parent / blocked
    place.parent.mkdir(parents=True, exist_ok=True)
    if blocked.endswith("safetensors"):
        place.mkdir()
    else:
        place.write_bytes(b"mine")
    convert = Conversion()

    states = [converted("net", EXPECTED, convert) for _ in range(2)]

    assert [state_sha256(state) for state in states] == [EXPECTED, EXPECTED]
    assert convert.times == 2
    assert not [path for path in home.parent.rglob("*") if path.is_file() and path != place], "a part was left behind"


def test_a_conversion_that_gives_other_weights_is_refused(home: Path) -> None:
    """With both hashes; and it is not kept."""
    with pytest.raises(ModelError, match=f"net: the conversion gave {EXPECTED}, expected {'0' * 64}"):
        converted("net", "0" * 64, Conversion())

    assert not (home / "weights" / "net.safetensors").exists()


def test_a_failing_conversion_leaves_nothing_behind(home: Path) -> None:
    """Its error is the one that is seen."""

    def fail() -> dict[str, npt.NDArray[np.float32]]:
        raise ModelError("no source")

    with pytest.raises(ModelError, match="no source"):
        converted("net", EXPECTED, fail)

    assert not home.exists() or not list(home.rglob("*.*"))


def test_facecheck_cache_names_the_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset or empty, it is the user's own."""
    assert cache_folder() == home
    monkeypatch.setenv("FACECHECK_CACHE", "")
    assert cache_folder().name == "facecheck"


def test_a_packages_file_is_found_without_importing_it() -> None:
    """Some packages take seconds to import, or cannot be."""
    assert package_file("facecheck", "py.typed").is_file()


@pytest.mark.parametrize(
    ("package", "parts", "message"),
    [
        pytest.param(
            "no_such_package",
            ("w.pb",),
            r"no_such_package/w\.pb is not installed: .*no-such-package alone",
            id="package",
        ),
        pytest.param("facecheck", ("gone.pb",), r"facecheck/gone\.pb is not installed: install facecheck", id="file"),
        pytest.param("facecheck.errors", ("w.pb",), r"facecheck\.errors/w\.pb is not installed", id="no-folder"),
        pytest.param("no_such.package", ("w.pb",), r"no_such\.package/w\.pb is not installed", id="part-of-no-package"),
    ],
)
def test_a_missing_packages_file_says_what_to_install(package: str, parts: tuple[str, ...], message: str) -> None:
    """Either facecheck with its dependencies, or the package alone."""
    with pytest.raises(ModelError, match=message):
        package_file(package, *parts)
