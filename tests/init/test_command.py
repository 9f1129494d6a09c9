"""``facecheck init``: one source of each eval, nothing overwritten, differences shown."""

import tomllib
from pathlib import Path

import pytest

from facecheck.cli import main
from facecheck.errors import FacecheckError
from facecheck.init.command import initialise
from facecheck.init.sources import CONFIGURATION, repository_files

ROOT = Path(__file__).parents[2]


def states(repository: Path, *, update: bool = False) -> dict[str, str]:
    """Return what became of each file."""
    return {written.path: written.state for written in initialise(repository, update=update)}


def test_this_repository_runs_the_files_that_it_gives_away() -> None:
    """There is no second copy of an eval: all are the same here, and the configuration is this repository's own."""
    given = {str(path): content for path, content in repository_files().items()}
    own = {str(path) for path in CONFIGURATION}

    assert own == {"pyproject.toml", "tox.ini", ".gitlab-ci.yml"}
    assert not [path for path, content in given.items() if path not in own and (ROOT / path).read_bytes() != content]
    expected = {
        "conftest.py",
        "fixtures/evaluation.py",
        "evals/limits.toml",
        "evals/reference.json",
        "reports/.gitignore",
    }
    assert expected <= given.keys()
    assert {path.relative_to(ROOT).as_posix() for path in (ROOT / "evals").glob("*.py")} <= given.keys()


def test_an_empty_repository_gets_everything_and_a_second_time_nothing(tmp_path: Path) -> None:
    """What was written is what is compared the next time."""
    assert set(states(tmp_path).values()) == {"written"}
    assert set(states(tmp_path).values()) == {"same", "yours"}


def test_an_edited_eval_is_shown_and_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The difference is printed; the file stays theirs, also with --update, which puts the new one beside it."""
    states(tmp_path)
    edited = tmp_path / "evals" / "test_pose.py"
    original = edited.read_text()
    edited.write_text(original + "# mine\n")

    assert main(["init", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "differs  evals/test_pose.py" in printed
    assert "    -# mine" in printed
    assert "1 files differ and were left alone" in printed
    assert main(["init", str(tmp_path), "--update"]) == 0
    assert "offered  evals/test_pose.py, facecheck's is evals/test_pose.py.new" in capsys.readouterr().out
    assert edited.read_text() == original + "# mine\n"
    assert (tmp_path / "evals" / "test_pose.py.new").read_text() == original


def test_a_configuration_of_their_own_is_told_what_may_be_added(tmp_path: Path) -> None:
    """A pyproject.toml is never compared line by line, and never written to."""
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'theirs'\n")
    found = {written.path: written for written in initialise(tmp_path)}

    assert found["pyproject.toml"].state == "yours"
    assert 'facecheck_models = "dlib,facenet-casia-webface"' in found["pyproject.toml"].difference
    assert (tmp_path / "pyproject.toml").read_text() == "[project]\nname = 'theirs'\n"


def test_what_stands_in_the_way_is_refused_by_name(tmp_path: Path) -> None:
    """A folder where a file should be, and a repository that is not there."""
    (tmp_path / "conftest.py").mkdir()

    with pytest.raises(FacecheckError, match=r"conftest\.py: is there, and is no file"):
        states(tmp_path)
    with pytest.raises(FacecheckError, match="no such folder"):
        states(tmp_path / "absent")


def test_links_and_versions_that_were_put_aside_are_left_alone(tmp_path: Path) -> None:
    """A link to nothing is somebody's, and so is a file that already has the name of the new version."""
    states(tmp_path)
    conftest, pose = tmp_path / "conftest.py", tmp_path / "evals" / "test_pose.py"
    pose.write_text("mine")
    aside = pose.with_name("test_pose.py.new")
    aside.write_text("mine too")
    with pytest.raises(FacecheckError, match=r"test_pose\.py\.new: is there already"):
        states(tmp_path, update=True)
    assert aside.read_text() == "mine too"

    conftest.unlink()
    conftest.symlink_to(tmp_path / "nowhere.py")
    with pytest.raises(FacecheckError, match=r"conftest\.py: is there, and is no file"):
        states(tmp_path)
    assert conftest.is_symlink()


def test_a_conftest_of_theirs_gets_the_line_to_add(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without it 'pytest evals/' could not work."""
    (tmp_path / "conftest.py").write_text("import os\n")

    assert main(["init", str(tmp_path)]) == 0
    assert 'add to conftest.py: pytest_plugins = ("facecheck.plugin", "fixtures.evaluation")' in capsys.readouterr().out


def test_the_wheel_carries_every_fixture_file() -> None:
    """What an installed package gives away is listed by hand; a clone finds it by pattern."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        carried = tomllib.load(file)["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]

    missing = [
        path
        for path in map(str, repository_files())
        if path not in {"pyproject.toml", "tox.ini"}
        and not any(path == own or path.startswith(f"{own}/") for own in carried)
    ]
    assert missing == []
