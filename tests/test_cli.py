"""The command line: what each command prints, and how it says no."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from facecheck import __version__
from facecheck.cli import main
from facecheck.datasets import open_dataset
from facecheck.gate import read_limits
from facecheck.results.conditions import NON_MATCH
from facecheck.results.measurement import Measurement
from facecheck.results.run import Run
from facecheck.results.verdict import Judgement, Verdict
from facecheck.storage.cache import Cache, CacheWarning, key


@pytest.fixture
def lfw(tmp_path: Path) -> Path:
    """One person with two images, one with one."""
    for name in ("Ann/Ann_0001.jpg", "Ann/Ann_0002.jpg", "Bob/Bob_0001.jpg"):
        (tmp_path / "lfw" / name).parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.new("RGB", (4, 4)).save(tmp_path / "lfw" / name)
    return tmp_path / "lfw"


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """A cache with something in it."""
    cache = Cache(tmp_path / "cache")
    cache.put({key("a"): {"a": np.zeros(1_000_000, dtype=np.uint8)}})
    cache.close()
    return tmp_path / "cache"


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return the reason, after checking that the command failed as it should."""
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("facecheck: ")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize("how", [[], ["--how", "link"], ["--how", "copy"], ["--how", "move"]], ids=" ".join)
def test_split_lfw_says_what_it_made(
    how: list[str], lfw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """How many people are in each folder, and how many are new."""
    target = tmp_path / "split"

    assert main(["split-lfw", str(lfw), str(target), *how]) == 0
    assert capsys.readouterr() == (f"1 people matched, 1 mismatched in {target}; 2 new\n", "")


@pytest.mark.parametrize("how", ["link", "copy", "move"])
def test_split_lfw_can_be_run_twice(how: str, lfw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second time nothing is new, and nothing is wrong."""
    command = ["split-lfw", str(lfw), str(tmp_path / "split"), "--how", how]
    main(command)
    capsys.readouterr()

    assert main(command) == 0
    assert capsys.readouterr().out.endswith("; 0 new\n")


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Four people with three images each."""
    for person in ("Ann", "Bob", "Cyd", "Dan"):
        for image in ("1.png", "2.png", "3.png"):
            (tmp_path / "album" / person).mkdir(parents=True, exist_ok=True)
            PIL.Image.new("RGB", (4, 4)).save(tmp_path / "album" / person / image)
    return tmp_path / "album"


def test_pairs_says_what_it_wrote_and_how_to_use_it(
    album: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The specification that it prints opens."""
    out = tmp_path / "list.csv"

    assert main(["pairs", str(album), "--out", str(out), "--genuine", "6", "--folds", "2", "--seed", "5"]) == 0

    said = capsys.readouterr().out.splitlines()
    assert said == [
        f"{out}: 6 genuine and 6 impostor pairs of 4 people in 2 folds that share nobody, seed 5",
        f'next: pytest evals/ --facecheck-datasets "pairs:{out}?root={album}"',
    ]
    assert len(open_dataset(said[-1].split('"')[1]).pairs) == 12
    assert out.read_text(encoding="utf-8").startswith("image1,image2,subject1,subject2,fold\n")


def test_pairs_says_what_it_could_not_do(album: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Fewer folds than by default."""
    assert main(["pairs", str(album), "--out", str(tmp_path / "list.csv"), "--genuine", "all"]) == 0

    assert "note: 2 folds, not 10: each needs two people" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--genuine", "0"], "--genuine 0: expected a number of pairs, or all", id="none"),
        pytest.param(["--genuine", "\u00b2"], "--genuine \u00b2: expected a number", id="superscript"),
        pytest.param(["--genuine", "9" * 5000], "--genuine 99999999999999999999: expected", id="5000 digits"),
        pytest.param(["--folds", "1"], "1 folds: expected 2 to 9999", id="one fold"),
        pytest.param(["--seed", "-1"], "--seed -1: expected 0 or more", id="seed"),
    ],
)
def test_pairs_refuses_numbers_by_name(
    arguments: list[str], message: str, album: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And writes nothing."""
    assert message in refused(["pairs", str(album), "--out", str(tmp_path / "list.csv"), *arguments], capsys)
    assert not (tmp_path / "list.csv").exists()


def test_split_lfw_refuses_a_missing_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By its path."""
    reason = refused(["split-lfw", str(tmp_path / "gone"), str(tmp_path / "split")], capsys)

    assert f"{tmp_path / 'gone'}: no such folder" in reason


def test_split_lfw_refuses_a_target_within_its_source(lfw: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what to choose instead."""
    reason = refused(["split-lfw", str(lfw), str(lfw / "split")], capsys)

    assert "choose a target outside of the source" in reason


def test_split_lfw_refuses_differing_images(lfw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With both files."""
    there = tmp_path / "split" / "mismatched_faces" / "Bob" / "Bob_0001.jpg"
    there.parent.mkdir(parents=True)
    there.write_bytes(b"other")

    reason = refused(["split-lfw", str(lfw), str(tmp_path / "split"), "--how", "move"], capsys)

    assert f"{there}: missing or different from {lfw / 'Bob' / 'Bob_0001.jpg'}" in reason


def test_an_error_of_the_system_is_a_reason_too(lfw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file stands where the target should be."""
    (tmp_path / "split").write_bytes(b"mine")

    assert str(tmp_path / "split") in refused(["split-lfw", str(lfw), str(tmp_path / "split")], capsys)


def test_cache_info_says_where_and_how_large(full: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In MiB."""
    assert main(["cache", "info", "--folder", str(full)]) == 0
    assert capsys.readouterr() == (f"{full / 'results.sqlite'}: 1.0 MiB\n", "")


def test_cache_clear_removes_the_file(full: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And says how much room that made."""
    assert main(["cache", "clear", "--folder", str(full)]) == 0
    assert capsys.readouterr() == (f"{full / 'results.sqlite'}: cleared, 1.0 MiB\n", "")
    assert list(full.iterdir()) == []


@pytest.mark.parametrize("what", ["info", "clear"])
def test_no_cache_is_no_error(what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nor is one made by looking."""
    assert main(["cache", what, "--folder", str(tmp_path / "gone")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'gone' / 'results.sqlite'}: no cache yet\n"
    assert not (tmp_path / "gone").exists()


def test_the_cache_is_the_one_that_runs_use(
    full: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """FACECHECK_CACHE names it."""
    monkeypatch.setenv("FACECHECK_CACHE", str(full))

    assert main(["cache", "info"]) == 0
    assert str(full) in capsys.readouterr().out


def test_a_damaged_cache_can_be_cleared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is what the warning tells people to do."""
    (tmp_path / "results.sqlite").write_bytes(b"no database" * 100)

    with pytest.warns(CacheWarning, match="facecheck cache clear"):
        assert main(["cache", "clear", "--folder", str(tmp_path)]) == 0

    assert "cleared" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_report_refuses_a_folder_without_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the file that it looked for."""
    reason = refused(["report", str(tmp_path)], capsys)

    assert f"{tmp_path}: no run of facecheck: expected a folder with results.json" in reason


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("{", id="cut-short"),
        pytest.param("[]", id="a-list"),
        pytest.param("{}", id="empty"),
        pytest.param('{"signature": {}, "measurements": [1], "verdicts": []}', id="measurements-of-another-kind"),
    ],
)
def test_report_refuses_results_that_are_none(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of another program, or cut short."""
    (tmp_path / "results.json").write_text(content, encoding="utf-8")

    assert "not the results of a facecheck run" in refused(["report", str(tmp_path)], capsys)


def test_report_of_a_run_without_measurements_draws_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """That is no error."""
    (tmp_path / "results.json").write_text(
        json.dumps({"signature": {}, "measurements": [], "verdicts": []}), encoding="utf-8"
    )

    assert main(["report", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("0 graphs and results.json in")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        pytest.param([], "COMMAND", id="no-command"),
        pytest.param(["split"], "invalid choice: 'split'", id="unknown-command"),
        pytest.param(["split-lfw", "a"], "target", id="no-target"),
        pytest.param(["split-lfw", "a", "b", "--how", "steal"], "invalid choice: 'steal'", id="unknown-way"),
        pytest.param(["cache"], "what", id="cache-what"),
        pytest.param(["cache", "burn"], "invalid choice: 'burn'", id="unknown-cache-command"),
        pytest.param(["report"], "RUN", id="report-of-nothing"),
        pytest.param(["generate"], "WHAT", id="generate-nothing"),
        pytest.param(["generate", "people"], "invalid choice: 'people'", id="generate-something-else"),
        pytest.param(["generate", "faces"], "out", id="faces-to-nowhere"),
        pytest.param(["generate", "faces", "a", "--layout", "heap"], "invalid choice: 'heap'", id="unknown-layout"),
        pytest.param(["generate", "eg3d", "a"], "--repo, --network", id="eg3d-of-nothing"),
        pytest.param(["generate", "eg3d", "a", "--yaws"], "--yaws: expected one argument", id="no-yaws"),
    ],
)
def test_a_wrong_command_line_is_refused(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2, with the usage on stderr."""
    with pytest.raises(SystemExit) as raised:
        main(arguments)

    assert raised.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "usage: facecheck" in err
    assert reason in err


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_are_on_stdout(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 0."""
    with pytest.raises(SystemExit) as raised:
        main([option])

    assert raised.value.code == 0
    out = capsys.readouterr().out
    assert (__version__ if option == "--version" else "split-lfw") in out


@pytest.mark.parametrize("command", ["split-lfw", "cache", "report", "generate", "generate faces", "generate eg3d"])
def test_every_command_has_help_of_its_own(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With its arguments, though they are added only when it is asked for."""
    with pytest.raises(SystemExit) as raised:
        main([*command.split(), "--help"])

    assert raised.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: facecheck {command} [-h]")
    assert "positional arguments:" in out


def test_help_imports_nothing_that_takes_long() -> None:
    """Not even numpy: who mistypes a command should not wait a second for the answer."""
    script = (
        "import contextlib, sys; from facecheck.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        "print(sorted({'torch', 'numpy', 'scipy', 'PIL', 'matplotlib', 'tqdm', 'cv2', 'dlib'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


def test_negative_yaws_are_no_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Argparse would take ``-0.8:0.8:0.4`` for one; with or without an equals sign it is a value."""
    command = ["generate", "eg3d", str(tmp_path), "--repo", str(tmp_path / "gone"), "--network", "n.pkl"]

    for yaws in (["--yaws", "-0.8:0.8:0.4"], ["--yaws=-0.8:0.8:0.4"], ["--yaws", "-.8:.8:.4"]):
        assert f"{tmp_path / 'gone'}: no such folder" in refused([*command, *yaws], capsys)


def test_the_installed_command_ends_with_the_status_and_no_traceback(tmp_path: Path) -> None:
    """As a shell sees it."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from facecheck.cli import main; sys.exit(main())",
            "split-lfw",
            str(tmp_path / "gone"),
            "x",
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("facecheck: ")
    assert "Traceback" not in done.stderr


def test_limits_are_proposed_from_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed is a limits' file that the run's own measurement keeps."""
    measured = Measurement(
        eval="verification", name="auc", value=0.99, low=0.98, high=0.995, n=600, model="mine", dataset="lfw",
        conditions=NON_MATCH,
    )  # fmt: skip
    judgement = Judgement(measurement=measured, outcome="unjudged", reason="no limit applies")
    Run(measurements=(measured,), verdicts=(Verdict.of([judgement]),)).write(tmp_path)

    assert main(["limits", str(tmp_path), "--why", "measured on v1.3"]) == 0

    (tmp_path / "limits.toml").write_text(capsys.readouterr().out, encoding="utf-8")
    (limit,) = read_limits(tmp_path / "limits.toml")
    assert (limit.bound, limit.why, limit.dataset, limit.model) == (0.985, "measured on v1.3", "lfw", "mine")


def test_no_limits_are_proposed_from_a_run_that_judged_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty file of promises would be kept by anything."""
    Run().write(tmp_path)

    assert "judged nothing" in refused(["limits", str(tmp_path), "--why", "x"], capsys)


def test_a_reader_that_has_enough_is_no_error() -> None:
    """``facecheck ... | head`` closes the pipe: the command ends quietly, with the status that a shell expects."""
    script = "import sys, time; from facecheck.cli import main; time.sleep(1); sys.exit(main(['cache', 'info']))"
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()

    told = process.stderr.read()

    assert (process.wait(), told) == (141, b"")
    process.stderr.close()
