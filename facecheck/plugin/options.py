"""What a run is asked for: command line first, then environment, then ini file, then the default."""

from __future__ import annotations

import os
from typing import cast

import pytest

from facecheck.plugin.markers import MARKERS

__all__ = ["LISTS", "asked_outright", "switch", "text"]

_MODELS_HELP = (
    "model specifications, comma-separated or repeated: dlib, facenet-casia-webface, facenet-vggface2, "
    "edgeface-xs, edgeface-xxs, face-transformer-p8s8, onnx:FILE, torchscript:FILE, export:FILE, package.module:factory"
)
_DATASETS_HELP = (
    "data set specifications, likewise: faces (bundled, the default), lfw:DIR?pairs=FILE, pairs:FILE?root=DIR, "
    "folders:DIR, strips:DIR?tiles=5&start=-0.8&step=0.4"
)
_NAMES = {
    "models": _MODELS_HELP,
    "datasets": _DATASETS_HELP,
    "device": "auto, cpu, cuda or cuda:N",
    "precision": "fp32, bf16 or fp16",
    "evals": "run these evals only, by their names: verification, blur, ...; comma-separated or repeated",
    "sample": "make at most this many comparisons of each data set: a quick look",
    "limits": "the file of promises, evals/limits.toml by default",
    "corruptions": "judge these as well, comma-separated: name:level, or several of those joined by +",
    "cache": "folder of the cache, or 'none'",
    "cache_size": "GiB that the cache may take before what was not used for longest is removed, 8 by default",
    "executor": "what computes: threads of this process (the default), or actors of Ray: ray for a cluster on this "
    "machine, ray:ADDRESS for another; ?workers=N",
    "shard": "fill the cache with this part of the images, such as 3/16, and judge nothing; a last run without it does",
    "approve": "make this run the baseline of its models' lines, for this reason; such a run is red",
    "baseline": "folder of a run or baseline to compare with instead of the lines' own, or 'none'",
    "baselines": "folder of all baselines, reports/baselines in the root folder by default",
    "scores_at": "folder or URL (s3://...) for the scores of an approved run, of which hashes are committed",
    "red": "what makes a comparison red: of worse, flips, incomparable, undecided, slower; "
    "worse,flips,incomparable by default, 'none' for nothing",
    "false_alarms": "chance of calling any sound case of a model worse, 0.01 by default",
    "against": "the old model, a specification: judge whether each model may replace it (evals/test_update.py)",
    "twin": "the models are the old one exported or quantised: fp32, bf16, fp16 or int8 says how much may differ",
    "quality": "a quality of images to be judged beside the detector's score, package.module:function of an image",
    "history": "database of runs, a file or a URL (postgresql://...), or 'none'; history.sqlite among the reports",
    "mlflow": "tracking URI of an MLflow that gets the run as well",
    "thumbnails": "pictures of the faces that models get wrong: yes, no, or auto (the default), which is yes, in CI "
    "of the bundled faces only",
    "reports": "folder that reports are written to, reports/ by default",
}
LISTS = ("models", "datasets", "corruptions", "evals")
_SWITCHES = {
    "strict": "a case that is skipped or unjudged is a failure",
    "full": "run the sweeps on all pairs of the bundled faces at every level, not on a sample of both",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare every option thrice: ``--facecheck-x``, environment ``FACECHECK_X``, ini ``facecheck_x``."""
    group = parser.getgroup("facecheck", "facecheck: the models, the data and the machine")
    for name, about in _NAMES.items():
        flag = f"--facecheck-{name.replace('_', '-')}"
        group.addoption(flag, action="append", dest=f"facecheck_{name}", metavar=name.upper(), help=about)
        parser.addini(f"facecheck_{name}", about, default="")
    for name, about in _SWITCHES.items():
        group.addoption(f"--facecheck-{name}", action="store_true", dest=f"facecheck_{name}", help=about)
        parser.addini(f"facecheck_{name}", about, type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


def text(config: pytest.Config, name: str, default: str) -> str:
    """Return what an option was given, wherever it was given first."""
    return asked_outright(config, name) or str(config.getini(f"facecheck_{name}")) or default


def asked_outright(config: pytest.Config, name: str) -> str:
    """Return what the command line or the environment gives, empty if neither does."""
    on_command_line = cast("list[str] | None", config.getoption(f"facecheck_{name}"))
    if on_command_line:
        return ",".join(on_command_line) if name in LISTS else on_command_line[-1]
    return os.environ.get(f"FACECHECK_{name.upper()}", "")


def switch(config: pytest.Config, name: str) -> bool:
    """Return whether a switch is on."""
    in_environment = os.environ.get(f"FACECHECK_{name.upper()}", "").lower() not in ("", "0", "false", "no")
    return bool(config.getoption(f"facecheck_{name}") or in_environment or config.getini(f"facecheck_{name}"))
