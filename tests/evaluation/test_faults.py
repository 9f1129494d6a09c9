"""The gate's power: a sound model passes on the bundled faces, the same model with a fault does not.

Each takes a network over all bundled pictures: a minute of a core. The fault that costs least is in the gate, where the
sound model is judged by the evals themselves (``.ci/run``: the same limits, the same data); the others are for
``FACECHECK_LONG_TESTS=1``.
"""

import os
from pathlib import Path

import pytest

from tests.plugin.test_suite import LONG, run_pytest


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared by all, so that faces are detected once."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        pytest.param("sound", pytest.ExitCode.OK, id="sound", marks=LONG),
        pytest.param("bgr", pytest.ExitCode.TESTS_FAILED, id="channels swapped"),
        pytest.param("unit", pytest.ExitCode.TESTS_FAILED, id="0..1 instead of standardised", marks=LONG),
        pytest.param("raw", pytest.ExitCode.TESTS_FAILED, id="0..255 instead of standardised", marks=LONG),
        pytest.param("no_l2", pytest.ExitCode.TESTS_FAILED, id="embeddings left at their own length", marks=LONG),
    ],
)
def test_a_wrong_contract_fails_the_limits_of_the_model(
    fault: str, status: pytest.ExitCode, cache: Path, tmp_path: Path
) -> None:
    """The limits of evals/limits.toml as they are committed, on the data that everybody has."""
    done = run_pytest(
        "evals/test_verification.py",
        f"--facecheck-models=tests.support.faults:{fault}",
        "--facecheck-datasets=faces?part=pairs",
        f"--facecheck-cache={cache}",
        f"--facecheck-reports={tmp_path}",
        environment=dict(os.environ),
    )

    assert done.returncode == status, done.stdout[-3000:] + done.stderr
    assert ("promised at" in done.stdout) == (status == pytest.ExitCode.TESTS_FAILED)
