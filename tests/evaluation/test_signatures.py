"""Signatures: a run names the model, the data, the code and the machine that its numbers depend on."""

import platform
import subprocess
from pathlib import Path

import torch

import facecheck
from facecheck.evaluation.signatures import sign_code, sign_dataset, sign_machine, sign_model
from facecheck.models import Settings
from tests.support.drawn import drawn_dataset, drawn_recognizer


def git(root: Path, *arguments: str) -> str:
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", str(root), *author, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def repository(root: Path) -> str:
    """Make a repository with one commit, and return its hash."""
    git(root, "init", "-q")
    (root / "file.txt").write_text("one", encoding="utf-8")
    git(root, "add", "file.txt")
    git(root, "commit", "-q", "-m", "one")
    return git(root, "rev-parse", "HEAD")


def test_a_model_is_signed_by_its_parts() -> None:
    """Name, stages, contract and device."""
    signed = sign_model(drawn_recognizer("mine", threshold=1.5))

    assert (signed.name, signed.detector, signed.device) == ("mine", "none", "cpu")
    assert signed.contract["threshold"] == 1.5
    assert signed.contract["l2"] is False
    assert signed.fingerprint == sign_model(drawn_recognizer("other")).fingerprint


def test_a_dataset_is_signed_by_its_counts() -> None:
    """Two comparisons of four images of two people, under the hash of their content."""
    dataset = drawn_dataset("aabb", [(0, 1), (1, 2)])
    signed = sign_dataset(dataset, content="abc")

    assert (signed.comparisons, signed.images, signed.people) == (2, 4, 2)
    assert (signed.content, signed.digest, signed.spec) == ("abc", dataset.digest, "pairs:drawn")
    assert signed.digest != sign_dataset(drawn_dataset("aabb", [(0, 1), (1, 3)]), content="abc").digest


def test_a_clean_repository_is_signed_by_its_commit(tmp_path: Path) -> None:
    """A file that is not committed makes it dirty, one among the reports does not."""
    commit, reports = repository(tmp_path), tmp_path / "reports"
    reports.mkdir()
    (reports / "results.json").write_text("{}", encoding="utf-8")

    clean, dirty = sign_code(tmp_path, reports=reports), sign_code(tmp_path)

    assert clean.repository is not None
    assert dirty.repository is not None
    assert (clean.repository.commit, clean.repository.dirty) == (commit, False)
    assert (dirty.repository.commit, dirty.repository.dirty) == (commit, True)
    assert clean.sources == dirty.sources
    assert len(clean.sources) == 64


def test_a_folder_without_git_has_no_commit(tmp_path: Path) -> None:
    """Neither has a repository before its first commit; the library's version is known all the same."""
    assert sign_code(tmp_path).repository is None
    git(tmp_path, "init", "-q")
    code = sign_code(tmp_path)
    assert code.repository is None
    assert code.facecheck == facecheck.__version__


def test_a_machine_without_a_gpu_names_no_driver() -> None:
    """Python and the device as torch names it."""
    signed = sign_machine(Settings(device=torch.device("cpu")))

    assert (signed.python, signed.device, signed.cuda, signed.driver) == (platform.python_version(), "cpu", None, None)
    assert signed.processor
