"""The suite as its users run it: options, cases, files, exit codes, in a process of its own."""

import contextlib
import io
import json
import os
import re
import resource
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from facecheck.models import Settings, torch_recognizer
from facecheck.models.recognizer import Recognizer
from facecheck.plugin.device import resolve_device
from facecheck.results.run import Run
from tests.pipeline.test_pipeline import BrightDetector
from tests.support.junit import assert_holds_every_number

ROOT = Path(__file__).parents[2]
LONG = pytest.mark.skipif(
    not os.environ.get("FACECHECK_LONG_TESTS"), reason="takes a minute or more: FACECHECK_LONG_TESTS=1 pytest"
)
LIMITS = """
[[limit]]
eval = "verification"
name = "{name}"
{bound}
why = "a promise of the tests"
"""
EASY = "".join(
    LIMITS.format(name=name, bound=bound)
    for name, bound in (
        ("accuracy", "at_least = 0.9"),
        ("auc", "at_least = 0.9"),
        ("eer", "at_most = 0.1"),
        ("fmr", "at_most = 0.1"),
        ("fnmr", "at_most = 0.1"),
        ("fta", "at_most = 0.1"),
        ("tar_at_far", "at_least = 0.5"),
    )
)
SLOW = LIMITS.replace("verification", "timing")
EASY += SLOW.format(name="latency_ms", bound="at_most = 60000") + SLOW.format(
    name="throughput_per_s", bound="at_least = 0.001"
)


class MeanColour(torch.nn.Module):
    """People of the tests are colours: a model that tells them apart at once."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.mean((2, 3))


def colours(settings: Settings) -> Recognizer:
    """Return a model for people who are colours."""
    return torch_recognizer("colours", MeanColour(), settings, l2=False, threshold=0.05, detector=BrightDetector())


def blind(settings: Settings) -> Recognizer:
    """Return a model that answers the same to everybody."""

    class Constant(torch.nn.Module):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return torch.ones(len(pixels), 3) + pixels.mean() * 0

    return torch_recognizer("blind", Constant(), settings, l2=False, threshold=0.05, detector=BrightDetector())


def failing(settings: Settings) -> Recognizer:
    """Return nothing: what it needs is not there."""
    raise OSError(f"no weights today on {settings.device}")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty people as matched/mismatched folders: a colour each, two shades of it where two images are needed."""
    folder = tmp_path_factory.mktemp("people")
    generator = np.random.default_rng(0)
    for number in range(40):
        colour = generator.integers(60, 240, 3)
        kind, count = ("matched_faces", 2) if number < 20 else ("mismatched_faces", 1)
        person = folder / kind / f"person_{number:02d}"
        person.mkdir(parents=True)
        for shade in range(count):
            PIL.Image.fromarray(np.full((64, 64, 3), colour + shade, dtype=np.uint8)).save(person / f"{shade}.png")
    return folder


def run_pytest(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run pytest as a user does, without what this process was asked for."""
    inherited = {name for name in os.environ if name.startswith(("FACECHECK", "PYTEST"))}
    clean = {name: value for name, value in environment.items() if name not in inherited}
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, timeout=900, check=False)


def suite(*arguments: str, reports: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the suite without a cache; ``environment`` is added to what it sees.

    In this process, which has imported torch already, but for runs with workers.
    """
    all_arguments = (*arguments, f"--facecheck-reports={reports}", "--facecheck-cache=none")
    if any(each.startswith("-n") for each in arguments):
        return run_pytest(*all_arguments, environment=dict(os.environ) | environment)
    return run_pytest_here(*all_arguments, environment=environment)


def run_pytest_here(*arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run pytest as a user does, without what this process was asked for, in this process."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("FACECHECK", "PYTEST")):
                patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.chdir(ROOT)
        patch.setattr(sys, "path", list(sys.path))
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            status = pytest.main(list(arguments))
    return subprocess.CompletedProcess(arguments, int(status), stdout.getvalue(), stderr.getvalue())


@pytest.fixture(scope="module")
def easy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Limits that the colours keep."""
    path = tmp_path_factory.mktemp("limits") / "easy.toml"
    path.write_text(EASY)
    return path


@pytest.fixture(scope="module")
def finished(people: Path, easy: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A whole run of two models, one of which fails, and where its files are."""
    reports = tmp_path_factory.mktemp("reports")
    done = suite(
        "evals/test_verification.py",
        "--facecheck-models=tests.plugin.test_suite:colours,tests.plugin.test_suite:blind",
        f"--facecheck-datasets=folders:{people}?name=people",
        f"--facecheck-limits={easy}",
        reports=reports,
    )
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    return done.stdout, reports / "latest"


def test_a_good_model_passes_and_a_blind_one_fails_with_the_promise(finished: tuple[str, Path]) -> None:
    """The failure names model, data, measurement, interval, promise and its reason."""
    output, folder = finished
    verdicts = json.loads((folder / "results.json").read_text())["verdicts"]
    outcomes = {(verdict["case"].partition("[")[2], verdict["outcome"]) for verdict in verdicts}

    assert not [case for case, outcome in outcomes if "colours" in case and outcome == "failed"]
    assert "blind on people: auc 0.5000 [" in output
    assert "promised at least 0.9, missed by 0.4000. The promise: a promise of the tests" in output


def test_results_hold_what_the_readers_were_told(finished: tuple[str, Path]) -> None:
    """results.json has the documented keys, every name is the reference page's, every number has its interval."""
    results = json.loads((finished[1] / "results.json").read_text())
    keys = {"eval", "name", "value", "low", "high", "n", "unit", "better", "model", "dataset", "conditions", "scores"}
    whole = {"schema", "id", "started", "duration_s", "signature", "measurements", "verdicts", "failures", "questions"}

    assert whole <= results.keys()
    assert results["schema"] == 2
    assert results["questions"] == {"verification": "Are images of one person distinguished from images of two?"}
    assert results["duration_s"] > 0
    assert all(measurement.keys() == keys for measurement in results["measurements"])
    assert all(m["low"] <= m["value"] <= m["high"] for m in results["measurements"])
    assert {verdict["outcome"] for verdict in results["verdicts"]} == {"passed", "failed", "skipped"}
    assert all(verdict["reason"] for verdict in results["verdicts"])
    assert {"accuracy", "auc", "eer", "tar_at_far", "fmr", "fnmr", "precision", "recall", "f1", "dprime", "fta"} <= {
        m["name"] for m in results["measurements"]
    }


def test_the_signature_names_models_data_libraries_and_machine(finished: tuple[str, Path]) -> None:
    """What must agree before runs are compared is in the results."""
    signature = json.loads((finished[1] / "results.json").read_text())["signature"]

    colours, _ = sorted(signature["models"], key=lambda model: str(model["name"]), reverse=True)
    (people,) = signature["datasets"]

    assert {model["name"] for model in signature["models"]} == {"colours", "blind"}
    assert colours["spec"] == "tests.plugin.test_suite:colours"
    assert all(colours[key] for key in ("contract", "policy", "detector", "fingerprint", "device"))
    assert (people["comparisons"], people["images"], people["people"]) == (30, 60, 40)
    assert signature["code"]["repository"]["commit"]
    assert signature["libraries"]["torch"] == torch.__version__.partition("+")[0]
    assert signature["machine"]["precision"] == "fp32"


def test_every_graph_is_there_as_png_and_svg(finished: tuple[str, Path]) -> None:
    """Decisions and histogram for each model, ROC and DET for the data set."""
    names = {path.name for path in (finished[1] / "graphs").iterdir()}

    for stem in (
        "verification-colours-on-people-decisions",
        "verification-blind-on-people-histogram",
        "verification-people-roc",
        "verification-people-det",
    ):
        assert {f"{stem}.png", f"{stem}.svg"} <= names


def test_the_scores_of_every_pair_are_kept(finished: tuple[str, Path]) -> None:
    """Two runs can be compared pair by pair later."""
    files = sorted((finished[1] / "scores").glob("*.npz"))

    assert len(files) == 2
    with np.load(files[0], allow_pickle=False) as arrays:
        assert arrays["similarity"].shape == (30,)
        assert arrays["indices"].shape == (30, 2)


def test_verdicts_carry_limit_measurement_and_margin(finished: tuple[str, Path]) -> None:
    """A failed verdict says which measurement missed which limit by how much; every measurement names its scores."""
    run = Run.read(finished[1])
    failed = [verdict for verdict in run.verdicts if verdict.outcome == "failed"]
    stems = {path.stem for path in (finished[1] / "scores").iterdir()}

    assert failed
    assert all(j.limit and j.measurement in run.measurements for v in failed for j in v.judgements)
    assert all(j.margin is not None and (j.margin < 0) == (j.outcome == "failed") for v in failed for j in v.judgements)
    assert all(set(m.scores) <= stems for m in run.measurements)
    assert {m.name for m in run.measurements if not m.scores} == {"fta", "detection_rate", "time_per_image_ms"}


def test_latest_points_to_the_dated_run(finished: tuple[str, Path]) -> None:
    """A run is found under its date and under latest."""
    dated = [path for path in finished[1].parent.iterdir() if path.name not in ("latest", "history.sqlite")]

    assert len(dated) == 1
    assert finished[1].resolve() == dated[0].resolve()


def test_the_terminal_shows_the_short_table(finished: tuple[str, Path]) -> None:
    """A row a model, and where everything is."""
    assert "model    data set  accuracy" in finished[0]
    assert "results.json in" in finished[0]


@pytest.fixture(scope="module")
def spread(people: Path, easy: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The same run by two workers, with timings, which cannot be made so."""
    reports = tmp_path_factory.mktemp("reports")
    done = suite(
        "evals/test_verification.py",
        "evals/test_timing.py",
        "-n2",
        f"--junitxml={reports / 'junit.xml'}",
        "--facecheck-models=tests.plugin.test_suite:colours,tests.plugin.test_suite:blind",
        f"--facecheck-datasets=folders:{people}?name=people",
        f"--facecheck-limits={easy}",
        reports=reports,
    )
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    return done.stdout, reports / "latest"


def test_xdist_leaves_the_same_results(finished: tuple[str, Path], spread: tuple[str, Path]) -> None:
    """Two workers write one record, equal to that of one process but for the measured times, and its JUnit XML."""
    assert comparable(spread[1]) == comparable(finished[1])
    assert_holds_every_number(spread[1].parent / "junit.xml", Run.read(spread[1]))


def test_timing_under_xdist_fails_and_says_what_to_do(spread: tuple[str, Path]) -> None:
    """pytest-benchmark would write nothing and exit 0."""
    verdicts = json.loads((spread[1] / "results.json").read_text())["verdicts"]

    assert "nothing can be timed under xdist: run 'pytest evals/test_timing.py' by itself" in spread[0]
    assert "passed" not in {verdict["outcome"] for verdict in verdicts if verdict["eval"] == "timing"}


def comparable(folder: Path) -> list[str]:
    """Return a run's measurements, without times, in an order of their own."""
    measurements = json.loads((folder / "results.json").read_text())["measurements"]
    verdicts = json.loads((folder / "results.json").read_text())["verdicts"]
    outcomes = [f"{each['case']} {each['outcome']}" for each in verdicts if each["eval"] == "verification"]
    return sorted(json.dumps(m, sort_keys=True) for m in measurements if m["unit"] != "ms") + sorted(outcomes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--facecheck-device=cuda"], "torch .* sees no CUDA device", id="absent GPU"),
        pytest.param(["--facecheck-device=tpu"], "expected auto, cpu, cuda or cuda:N", id="unknown device"),
        pytest.param(["--facecheck-precision=int8"], "expected one of fp32, bf16, fp16", id="unknown precision"),
        pytest.param(["--facecheck-models=dlip"], "Did you mean dlib", id="misspelt model"),
        pytest.param(["--facecheck-datasets=lwf:x"], "Did you mean lfw", id="misspelt data set"),
        pytest.param(["--facecheck-datasets=strips:/nowhere"], "no such folder: /nowhere", id="missing folder"),
        pytest.param(["--facecheck-sample=one"], "expected a number of comparisons", id="sample"),
        pytest.param(["--facecheck-sample=²"], "expected a number of comparisons", id="sample in other digits"),
        pytest.param(["--facecheck-sample=" + "9" * 5000], "expected a number", id="endless sample"),
        pytest.param(["--facecheck-evals=poze"], "Did you mean pose", id="misspelt eval"),
        pytest.param(["--facecheck-models=no_such_module:f"], "No module named 'no_such_module'", id="module"),
        pytest.param(
            ["--facecheck-models=tests.plugin.test_suite:colour"], "has no colour. Did you mean colours", id="factory"
        ),
        pytest.param(["--facecheck-models=dlib?policy=frist"], "policy 'frist' is unknown", id="value"),
        pytest.param(["--facecheck-limits=/nowhere.toml"], "cannot be read as TOML", id="limits"),
    ],
)
def test_what_was_asked_for_and_is_absent_stops_the_run(arguments: list[str], message: str, tmp_path: Path) -> None:
    """Before any test, with one clear line and the exit code of a wrong usage."""
    if "--facecheck-device=cuda" in arguments and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device; the message needs one without")

    done = suite("evals/test_pose.py", *arguments, reports=tmp_path)

    assert done.returncode == pytest.ExitCode.USAGE_ERROR, done.stdout + done.stderr
    assert re.search(message, done.stderr), done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_that_judged_nothing_is_not_green(people: Path, tmp_path: Path) -> None:
    """Pose on a data set without yaws: every case is skipped, says what is missing, and the run fails."""
    done = suite(
        "evals/test_pose.py",
        "--facecheck-models=tests.plugin.test_suite:colours",
        f"--facecheck-datasets=folders:{people}",
        "-rs",
        reports=tmp_path,
    )

    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "no data set with known yaws (strips:) was asked for" in done.stdout
    assert "Nothing was judged" in done.stdout
    assert not (tmp_path / "latest").exists(), "a run that measured nothing became the latest"


def test_strict_makes_a_skip_a_failure(people: Path, easy: Path, tmp_path: Path) -> None:
    """A limit that ten impostor pairs cannot show is skipped; under strict the run is not green."""
    common = (
        "evals/test_verification.py",
        "--facecheck-models=tests.plugin.test_suite:colours",
        f"--facecheck-datasets=folders:{people}",
        f"--facecheck-limits={easy}",
        "-kjudged or impostors",
    )

    assert suite(*common, reports=tmp_path).returncode == pytest.ExitCode.OK
    assert suite(*common, "--facecheck-strict", reports=tmp_path).returncode == pytest.ExitCode.NO_TESTS_COLLECTED


def test_what_nobody_has_promised_is_unjudged(people: Path, tmp_path: Path) -> None:
    """Without a limit a case is unjudged: recorded, listed, red only under strict, or where nothing was judged."""
    limits = tmp_path / "limits.toml"
    limits.write_text(LIMITS.format(name="accuracy", bound="at_least = 0.9"))
    done = suite(
        "evals/test_verification.py",
        "--facecheck-models=tests.plugin.test_suite:colours",
        f"--facecheck-datasets=folders:{people}",
        f"--facecheck-limits={limits}",
        reports=tmp_path,
    )
    run = Run.read(tmp_path / "latest")

    assert done.returncode == pytest.ExitCode.OK, done.stdout + done.stderr
    assert {verdict.outcome for verdict in run.verdicts} == {"passed", "unjudged", "skipped"}
    command = f"facecheck limits {shlex.quote(str((tmp_path / 'latest').resolve()))} --why REASON"
    assert f"no limit applies. To propose some from this run: {command}" in " ".join(done.stdout.split())
    assert f"\n  {command}\n" in done.stdout, "a command is never broken into lines"
    assert "auc" in {m.name for m in run.judged}, "an unjudged measurement is what limits are proposed from"


def test_default_limits_judge_no_other_data_and_no_other_model(people: Path, tmp_path: Path) -> None:
    """A list of pairs with labels only, and a model of one's own: nobody promised anything about them."""
    genuine = [f"matched_faces/{path.name}" for path in sorted((people / "matched_faces").iterdir())]
    impostors = [f"mismatched_faces/{path.name}/0.png" for path in sorted((people / "mismatched_faces").iterdir())]
    rows = [f"{person}/0.png,{person}/1.png,1" for person in genuine]
    rows += [f"{one},{other},0" for one, other in zip(impostors[::2], impostors[1::2], strict=True)]
    (tmp_path / "list.csv").write_text("\n".join(rows), encoding="utf-8-sig")
    done = suite(
        "evals/",
        "--facecheck-evals=verification,filters",
        "-kjudged or found or collapse",
        "--facecheck-models=tests.plugin.test_suite:colours",
        f"--facecheck-datasets=pairs:{tmp_path / 'list.csv'}?root={people}&name=mine",
        reports=tmp_path / "reports",
    )
    run = Run.read(tmp_path / "reports" / "latest")

    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED, done.stdout + done.stderr
    assert {verdict.outcome for verdict in run.verdicts} == {"unjudged"}
    assert {verdict.eval for verdict in run.verdicts} == {"verification", "filters"}
    told = " ".join(done.stdout.split())  # lines are wrapped at 80 letters
    assert ", colours on mine: no limit applies. To propose some from this run: facecheck limits " in told
    assert "Nothing was judged" in told
    assert "note: mine: labels only: 20 people are derived from the genuine pairs that connect 40 images" in told


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_a_session_without_evals_imports_nothing_heavy_and_writes_nothing(tmp_path: Path, workers: str) -> None:
    """A repository that uses facecheck pays for it in its evals only; there needs to be no file of limits."""
    (tmp_path / "conftest.py").write_text('pytest_plugins = ("facecheck.plugin", "fixtures.evaluation")\n')
    (tmp_path / "test_own.py").write_text(
        "import sys\n\ndef test_own():\n    assert not {'torch', 'numpy', 'cv2'} & sys.modules.keys()\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", workers, str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == pytest.ExitCode.OK, done.stdout + done.stderr
    assert not (tmp_path / "reports").exists()


def test_a_full_disk_keeps_the_results_and_is_red(people: Path, easy: Path, tmp_path: Path) -> None:
    """Files above 30 kB cannot be written: the results stay, the message names the folder and what to do."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30 * 1024, usual[1]))
    try:
        done = suite(
            "evals/test_verification.py",
            "--facecheck-models=tests.plugin.test_suite:colours",
            f"--facecheck-datasets=folders:{people}",
            f"--facecheck-limits={easy}",
            reports=tmp_path,
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    run = Run.read(tmp_path / "latest")

    assert done.returncode not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED), done.stdout
    assert run.measurements
    assert "comparison and graphs could not be written" in done.stdout
    assert f"facecheck report {tmp_path}" in done.stdout
    assert not [path for path in (tmp_path / "latest").rglob(".*") if path.is_file()], "a part of a file was left"


def test_a_model_that_cannot_be_built_fails_its_own_cases_only(people: Path, easy: Path, tmp_path: Path) -> None:
    """Finished work of other models is not lost."""
    done = suite(
        "evals/test_verification.py",
        "-kjudged",
        "--facecheck-models=tests.plugin.test_suite:colours,tests.plugin.test_suite:failing",
        f"--facecheck-datasets=folders:{people}",
        f"--facecheck-limits={easy}",
        reports=tmp_path,
    )

    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 passed" in done.stdout
    assert "tests.plugin.test_suite:failing: the factory failed: OSError: no weights today" in done.stdout


def test_timings_are_written_with_the_machine(people: Path, easy: Path, tmp_path: Path) -> None:
    """timing.json holds stages, batch, memory and the libraries, and the graph shows the stages."""
    done = suite(
        "evals/test_timing.py",
        "--facecheck-models=tests.plugin.test_suite:colours",
        f"--facecheck-datasets=folders:{people}",
        f"--facecheck-limits={easy}",
        reports=tmp_path,
    )

    assert done.returncode == pytest.ExitCode.OK, done.stdout + done.stderr
    timing = json.loads((tmp_path / "latest" / "timing.json").read_text())
    assert {benchmark["extra_info"]["stage"] for benchmark in timing["benchmarks"]} == {
        "detect",
        "align",
        "embed",
        "all",
    }
    assert all(benchmark["extra_info"]["process_peak_host_mib"] > 0 for benchmark in timing["benchmarks"])
    assert timing["machine_info"]["facecheck"]["machine"]["device"]
    assert (tmp_path / "latest" / "graphs" / "timing-stages.png").is_file()
    names = {m["name"] for m in json.loads((tmp_path / "latest" / "results.json").read_text())["measurements"]}
    assert names == {"latency_ms", "throughput_per_s"}


def test_timing_of_a_model_that_fails_ends_with_a_summary(people: Path, easy: Path, tmp_path: Path) -> None:
    """Not with pytest-benchmark's traceback about nothing to save."""
    done = suite(
        "evals/test_timing.py",
        "--facecheck-models=tests.plugin.test_suite:failing",
        f"--facecheck-datasets=folders:{people}",
        f"--facecheck-limits={easy}",
        reports=tmp_path,
    )

    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    assert "PytestBenchmarkWarning" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "no weights today on cpu" in done.stdout
    assert "5 errors" in done.stdout
    assert "nothing was timed, and " in done.stdout


def test_options_come_from_the_environment_too(people: Path, easy: Path, tmp_path: Path) -> None:
    """CI sets variables where a person gives options."""
    done = suite(
        "evals/test_verification.py",
        "-kjudged",
        reports=tmp_path,
        FACECHECK_MODELS="tests.plugin.test_suite:colours",
        FACECHECK_DATASETS=f"folders:{people}",
        FACECHECK_LIMITS=str(easy),
    )

    assert done.returncode == pytest.ExitCode.OK, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("asked", "available", "worker", "device"),
    [
        pytest.param("auto", 0, None, "cpu", id="no GPU"),
        pytest.param("cpu", 4, None, "cpu", id="not wanted"),
        pytest.param("auto", 2, None, "cuda:0", id="the first"),
        pytest.param("cuda", 2, "gw0", "cuda:0", id="one a worker"),
        pytest.param("cuda", 2, "gw1", "cuda:1", id="the other worker's"),
        pytest.param("cuda", 2, "gw2", "cuda:0", id="more workers than GPUs"),
        pytest.param("cuda:1", 2, "gw0", "cuda:1", id="named"),
    ],
)
def test_workers_share_the_gpus_out(asked: str, available: int, worker: str | None, device: str) -> None:
    """Each worker has a GPU of its own as far as they go."""
    assert resolve_device(asked, available=available, worker=worker) == torch.device(device)


@pytest.mark.parametrize(("asked", "available"), [("cuda", 0), ("cuda:0", 0), ("cuda:2", 2), ("gpu", 1), ("cuda:x", 1)])
def test_a_gpu_that_is_not_there_is_refused(asked: str, available: int) -> None:
    """Falling back to the CPU would report an empty GPU run as green."""
    with pytest.raises(pytest.UsageError):
        resolve_device(asked, available=available, worker=None)


def test_a_run_whose_case_ended_by_an_error_is_not_approved(people: Path, easy: Path, tmp_path: Path) -> None:
    """It says which; the results are kept, and there is no baseline."""
    done = suite(
        "evals/test_verification.py",
        "--facecheck-models=tests.plugin.test_suite:colours,tests.plugin.test_suite:failing",
        f"--facecheck-datasets=folders:{people}",
        f"--facecheck-limits={easy}",
        f"--facecheck-baselines={tmp_path / 'baselines'}",
        "--facecheck-approve=v1 ships",
        reports=tmp_path / "reports",
    )

    assert done.returncode not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED), done.stdout
    assert "nothing was approved: evals/test_verification.py::" in done.stdout
    assert "ended by an error" in done.stdout
    assert Run.read(tmp_path / "reports" / "latest").measurements
    assert not (tmp_path / "baselines").exists()
