"""A run as it was asked for, checked: models, opened data sets, device, limits and folders.

It is made when the first eval is collected, so that a session without evals imports no torch and writes nothing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO, cast, get_args

import pytest
import torch

from facecheck.comparison.update import TWINS, TwinPrecision
from facecheck.corruptions import Applied
from facecheck.datasets import Dataset, open_dataset, split_datasets
from facecheck.embedders.network import Precision
from facecheck.errors import FacecheckError, ModelError, printable
from facecheck.evaluation.degradations import SAMPLE
from facecheck.evaluation.evaluator import Evaluator
from facecheck.evaluation.mistakes import keep_mistakes
from facecheck.evaluation.qualities import image_function
from facecheck.gate import Limit, read_limits, read_margins
from facecheck.gate.published import Published, read_published
from facecheck.models import Settings, build, check, split_models
from facecheck.models.recognizer import Recognizer
from facecheck.pipeline import Pipeline
from facecheck.pipeline.pipeline import Pass
from facecheck.plugin.device import full_fp32, resolve_device
from facecheck.plugin.executors import RayAsked, asked_executor
from facecheck.plugin.options import switch, text
from facecheck.plugin.yardstick import Yardstick
from facecheck.report.privacy import Thumbnails, withheld
from facecheck.storage.cache import USUAL_BYTES, Cache
from facecheck.storage.weights import cache_folder

__all__ = ["Plan", "on_terminal"]

_DEFAULT_MODELS = "dlib,facenet-casia-webface"
_DEFAULT_DATASETS = "faces"
_LIMITS = "evals/limits.toml"
_PUBLISHED = "evals/published.toml"
_MOST_DIGITS = 12


@dataclass(kw_only=True)
class Plan:
    """What the run is asked for, and what is built of it while it goes on.

    Args:
        models: specifications.
        datasets: opened, by specification.
        settings: device and precision.
        sample: most comparisons a data set, or None.
        limits: the promises.
        limits_file: where they are written.
        cache: folder, None for no cache; the empty path is the default place.
        cache_bytes: that the cache may take.
        executor: actors of Ray, None for threads of this process.
        full: whether sweeps run on all pairs of the bundled faces and at every level.
        yardstick: what the run is compared with.
        against: specification of the old model that the models are to replace, empty for none.
        twin: precision in which the models are the old one again, None if they are others.
        corruptions: judged beside those of the table, such as ``blur:2+jpeg:30``.
        published: figures to be shown beside the run's, None if there is no file of them.
        built: recognisers by specification, or why they could not be built.
        thumbnails: whether pictures of faces are kept.
        old: the old model, once it is built.
        told: is called after each pass of a model over images.
    """

    models: tuple[str, ...]
    datasets: dict[str, Dataset]
    settings: Settings
    sample: int | None
    limits: tuple[Limit, ...]
    limits_file: Path
    cache: Path | None
    full: bool
    corruptions: tuple[Applied, ...]
    yardstick: Yardstick
    against: str = ""
    twin: TwinPrecision | None = None
    cache_bytes: int = USUAL_BYTES
    executor: RayAsked | None = None
    published: Published | None = None
    thumbnails: Thumbnails = "auto"
    built: dict[str, Recognizer | FacecheckError] = field(default_factory=dict)
    old: Recognizer | None = None
    told: Callable[[Pass], None] | None = None

    @classmethod
    def of(cls, config: pytest.Config) -> Plan:
        """Read and check everything that is asked for.

        Raises:
            pytest.UsageError: something makes no sense, or is not there.
        """
        try:
            return cls._of(config)
        except FacecheckError as error:
            raise pytest.UsageError(str(error)) from error

    @classmethod
    def _of(cls, config: pytest.Config) -> Plan:
        cache, limits = text(config, "cache", ""), text(config, "limits", "")
        sample = _sample(text(config, "sample", ""))
        file = Path(limits).expanduser() if limits else config.rootpath / _LIMITS
        models = tuple(split_models(text(config, "models", _DEFAULT_MODELS)))
        against = text(config, "against", "")
        for model in filter(None, (*models, against)):
            check(model)
        quality = text(config, "quality", "")
        if quality:
            image_function(quality)
        return cls(
            models=models,
            datasets=_opened(split_datasets(text(config, "datasets", _DEFAULT_DATASETS)), sample),
            settings=_settings(config),
            sample=sample,
            limits=read_limits(file),
            limits_file=file,
            cache=None if cache == "none" else Path(cache).expanduser() if cache else Path(),
            cache_bytes=_cache_bytes(text(config, "cache_size", "")),
            executor=asked_executor(config),
            full=switch(config, "full"),
            yardstick=Yardstick.of(config, margins=read_margins(file), sampled=sample is not None),
            against=against,
            twin=_twin(text(config, "twin", ""), against),
            published=_published(config.rootpath / _PUBLISHED),
            thumbnails=_thumbnails(text(config, "thumbnails", "auto")),
            corruptions=tuple(Applied.parse(each) for each in text(config, "corruptions", "").split(",") if each),
        )

    def dataset(self, spec: str) -> Dataset:
        """Return an opened data set; the sample of the bundled faces is opened when it is first needed."""
        if spec not in self.datasets:
            opened = open_dataset(spec)
            self.datasets[spec] = opened if self.sample is None else opened.sample(self.sample)
        return self.datasets[spec]

    def recognizer(self, spec: str) -> Recognizer:
        """Return the model under test, built once a run; one that cannot be built fails its own cases only."""
        if spec not in self.built:
            self.built[spec] = _built(self, spec)
        found = self.built[spec]
        if isinstance(found, FacecheckError):
            pytest.fail(str(found), pytrace=False)
        return found

    def replaced(self) -> Recognizer:
        """Return the old model that the models under test are to replace."""
        if self.old is None:
            try:
                made = build(self.against, self.settings)
                self.old = dataclasses.replace(made, name=f"{made.name} (old)")
            except FacecheckError as error:
                pytest.fail(f"--facecheck-against {self.against}: {error}", pytrace=False)
        return self.old

    @contextlib.contextmanager
    def evaluating(self, folder: Path, *, watched: bool) -> Iterator[Evaluator]:
        """Give what runs models over data sets, with the run's cache, which is closed at the end.

        Args:
            folder: of the run.
            watched: whether progress is drawn on the terminal.
        """
        executing = contextlib.nullcontext() if self.executor is None else self.executor.started()
        with self.open_cache() as cache, executing as executor, on_terminal(watched=watched) as terminal:
            pipeline = Pipeline(cache=cache, executor=executor, terminal=terminal, told=self.told)
            made = Evaluator(pipeline, folder=folder, cache=cache)
            yield made
            keep_mistakes(made.done, made, folder, withheld=self._withheld())

    @contextlib.contextmanager
    def open_cache(self) -> Iterator[Cache | None]:
        """Give the run's cache, and close it."""
        place = cache_folder() if self.cache == Path() else self.cache
        cache = None if place is None else Cache(place, max_bytes=self.cache_bytes)
        try:
            yield cache
        finally:
            if cache is not None:
                cache.close()

    def _withheld(self) -> dict[str, str]:
        """Return why no pictures of a data set's images are kept, by its specification."""
        return {dataset.spec: withheld(spec, self.thumbnails) for spec, dataset in self.datasets.items()}

    @property
    def asked(self) -> dict[str, Dataset]:
        """The data sets that were asked for, without the sample that sweeps take."""
        return {spec: dataset for spec, dataset in self.datasets.items() if spec != SAMPLE or self._sample_asked}

    def __post_init__(self) -> None:
        """Remember whether the sample itself was asked for."""
        self._sample_asked = SAMPLE in self.datasets

    def header(self) -> str:
        """Return what runs on what, in a line."""
        data = ", ".join(self.asked) or "none"
        sample = "" if self.sample is None else f", a sample of at most {self.sample} comparisons"
        machine = f"{self.settings.device}, {self.settings.precision}"
        return printable(f"facecheck: {', '.join(self.models)} on {data}{sample}; {machine}")


def _opened(specs: list[str], sample: int | None) -> dict[str, Dataset]:
    opened = {spec: open_dataset(spec) for spec in specs}
    if sample is not None:
        opened = {spec: dataset.sample(sample) for spec, dataset in opened.items()}
    names = [dataset.name for dataset in opened.values()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise pytest.UsageError(f"two data sets are called {twice[0]!r}: give one another name, ?name=...")
    return opened


def _published(file: Path) -> Published | None:
    return read_published(file) if file.is_file() else None


def _settings(config: pytest.Config) -> Settings:
    device = resolve_device(
        text(config, "device", "auto"),
        available=torch.cuda.device_count(),
        worker=os.environ.get("PYTEST_XDIST_WORKER"),
    )
    full_fp32()
    return Settings(device=device, precision=_precision(text(config, "precision", "fp32")))


def _twin(given: str, against: str) -> TwinPrecision | None:
    if not given:
        return None
    if given not in TWINS:
        raise pytest.UsageError(f"--facecheck-twin {given}: expected one of {', '.join(TWINS)}")
    if not against:
        raise pytest.UsageError("--facecheck-twin needs the old model: --facecheck-against SPEC")
    return cast("TwinPrecision", given)


def _precision(given: str) -> Precision:
    if given not in get_args(Precision):
        raise pytest.UsageError(f"--facecheck-precision {given}: expected one of {', '.join(get_args(Precision))}")
    return cast("Precision", given)


def _thumbnails(given: str) -> Thumbnails:
    if given not in get_args(Thumbnails):
        raise pytest.UsageError(f"--facecheck-thumbnails {given}: expected one of {', '.join(get_args(Thumbnails))}")
    return cast("Thumbnails", given)


def _cache_bytes(given: str) -> int:
    if not given:
        return USUAL_BYTES
    if not (given.isascii() and given.isdigit() and len(given) <= _MOST_DIGITS and int(given)):
        raise pytest.UsageError(f"--facecheck-cache-size {given[:_MOST_DIGITS]}: expected a number of GiB, at least 1")
    return int(given) * 2**30


def _sample(given: str) -> int | None:
    if not given:
        return None
    usable = given.isascii() and given.isdigit() and len(given) <= _MOST_DIGITS
    if not usable or int(given) < 2:  # noqa: PLR2004 - one genuine and one impostor pair
        shown = given if len(given) <= _MOST_DIGITS else f"{given[:_MOST_DIGITS]}..."
        raise pytest.UsageError(f"--facecheck-sample {shown}: expected a number of comparisons, at least 2")
    return int(given)


def _built(plan: Plan, spec: str) -> Recognizer | FacecheckError:
    others = {made.name: other for other, made in plan.built.items() if isinstance(made, Recognizer)}
    try:
        made = build(spec, plan.settings)
        _ = made.identity  # a model that answers nonsense is reported before its cases begin
    except FacecheckError as error:
        return error
    if made.name in others:
        return ModelError(f"{spec} and {others[made.name]} are both called {made.name!r}: their results would mix")
    return made


@contextlib.contextmanager
def on_terminal(*, watched: bool) -> Iterator[TextIO | None]:
    """Give the terminal itself, past pytest's capture, if the run has one."""
    if not watched:
        yield None
        return
    try:
        with Path("/dev/tty").open("w", encoding="utf-8") as terminal:
            yield terminal
    except OSError:
        yield None
