"""Who ran what on which machine: what must agree, or is reported to differ, when two runs are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Code", "DatasetSignature", "Machine", "ModelSignature", "Repository", "Signature"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSignature:
    """A recogniser.

    Args:
        name: short, for reports.
        spec: the specification that built it, empty if none did.
        detector: with its settings.
        policy: which face is taken.
        aligner: with its settings.
        contract: preprocessing, distance, threshold and hash of the weights, as plain values.
        fingerprint: hash of what it answers to fixed crops.
        device: where it ran.
        precision: what it computed in.
        line: name that survives the model's versions, empty for the model's own.
    """

    name: str
    spec: str = ""
    detector: str = ""
    policy: str = ""
    aligner: str = ""
    contract: Mapping[str, object] = field(default_factory=dict)
    fingerprint: str = ""
    device: str = ""
    precision: str = ""
    line: str = ""

    @property
    def in_line(self) -> str:
        """The name of the line that it belongs to."""
        return self.line or self.name

    @property
    def threshold(self) -> float | None:
        """The largest distance that its users take for one person, None if it declares none."""
        declared = self.contract.get("threshold")
        return float(declared) if isinstance(declared, int | float) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSignature:
    """The comparisons that were made.

    Args:
        name: short, for reports.
        spec: the specification that opened it.
        kind: of the reader.
        digest: of names, pairs and folds.
        content: hash of the images' bytes.
        protocol: in words.
        sampled: whether only a part of the comparisons was made.
        comparisons: pairs.
        images: different images.
        people: different subjects.
        notes: what the reader noticed.
    """

    name: str
    spec: str = ""
    kind: str = ""
    digest: str = ""
    content: str = ""
    protocol: str = ""
    sampled: bool = False
    comparisons: int = 0
    images: int = 0
    people: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """The git repository that the run was started in.

    Args:
        commit: that was checked out.
        dirty: whether files differed from it.
    """

    commit: str
    dirty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What code ran.

    Args:
        facecheck: version.
        sources: hash of the library's sources: a version says little between two releases.
        corruptions: hash of what decides how a picture is corrupted; empty in runs of older versions.
        repository: that the run was started in, None outside git.
    """

    facecheck: str = ""
    sources: str = ""
    corruptions: str = ""
    repository: Repository | None = None

    @property
    def of_corruptions(self) -> str:
        """What identifies the code of the corruptions: of an older run the whole library."""
        return self.corruptions or self.sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where it ran.

    Args:
        python: version.
        system: operating system.
        processor: model name.
        cores: of the machine.
        device: name of the GPU, or ``cpu``.
        precision: that the networks computed in.
        cuda: version, None without a GPU.
        cudnn: version, None without a GPU.
        driver: version, None without a GPU.
    """

    python: str = ""
    system: str = ""
    processor: str = ""
    cores: int | None = None
    device: str = ""
    precision: str = ""
    cuda: str | None = None
    cudnn: int | None = None
    driver: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Everything that a run's numbers depend on.

    Args:
        models: that were judged.
        datasets: that they were judged on.
        code: that judged them.
        libraries: versions by name.
        machine: that it ran on.
    """

    models: tuple[ModelSignature, ...] = ()
    datasets: tuple[DatasetSignature, ...] = ()
    code: Code = field(default_factory=Code)
    libraries: Mapping[str, str] = field(default_factory=dict)
    machine: Machine = field(default_factory=Machine)

    def model(self, name: str) -> ModelSignature | None:
        """Return a model by its name, None if it is not there."""
        return next((model for model in self.models if model.name == name), None)

    def dataset(self, name: str) -> DatasetSignature | None:
        """Return a data set by its name, None if it is not there."""
        return next((dataset for dataset in self.datasets if dataset.name == name), None)
