"""Is it the same function? Vectors on fixed crops: numeric noise, another network, other crops, damaged files."""

from pathlib import Path

import numpy as np
import pytest

from facecheck.errors import FacecheckError
from facecheck.results.probe_vectors import (
    NOISES,
    ProbeVectors,
    hashes_of_probes,
    load_probes,
    same_function,
    save_probe,
)


def answers(vectors: np.ndarray, *, crops: str = "c", noise: float = 1e-6) -> ProbeVectors:
    return ProbeVectors(model="m/../x", crops=crops, vectors=vectors.astype(np.float32), noise=noise)


DRAWN = np.random.default_rng(0).standard_normal((8, 128))


@pytest.mark.parametrize(
    ("moved", "verdict"),
    [
        pytest.param(0.0, "identical", id="to-the-bit"),
        pytest.param(0.5 * NOISES, "same", id="numeric-noise"),
        pytest.param(2.0 * NOISES, "another", id="more-than-noise"),
        pytest.param(1e5, "another", id="another-network"),
    ],
)
def test_differences_are_told_in_units_of_noise(moved: float, verdict: str) -> None:
    """A hundred times what other batch sizes do is still the machine."""
    largest = np.abs(DRAWN).max()
    after = DRAWN.copy()
    after[3, 5] += moved * 1e-6 * largest
    found = same_function(answers(DRAWN), answers(after))

    assert found.verdict == verdict
    assert found.noises == pytest.approx(moved, rel=0.1)
    assert found.cosine is not None
    assert 0.9 < found.cosine <= 1


def test_the_noise_of_an_exact_network_is_not_zero() -> None:
    """Some runtimes give the same numbers in every batch; another machine does not."""
    after = answers(DRAWN * (1 + 1e-6), noise=0.0)
    assert same_function(answers(DRAWN, noise=0.0), after).verdict == "same"


def test_a_larger_batch_is_compared_in_its_common_part() -> None:
    """A GPU asks more crops at once."""
    assert same_function(answers(DRAWN), answers(np.concatenate((DRAWN, DRAWN + 1)))).verdict == "identical"


def test_what_cannot_be_compared_is_said() -> None:
    """Other crops, other lengths, nothing recorded."""
    other = same_function(answers(DRAWN), answers(DRAWN, crops="d"))
    longer = same_function(answers(DRAWN), answers(np.ones((8, 512))))

    assert (other.verdict, "other crops were asked" in other.reason) == ("unknown", True)
    assert (longer.verdict, longer.reason) == ("another", "vectors of 512 numbers, before 128")
    assert same_function(None, answers(DRAWN)).reason == "the baseline holds no vectors of fixed crops"
    assert same_function(answers(DRAWN), None).reason == "the run holds no vectors of fixed crops"


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """In the folder of the run, whatever the model is called."""
    path = save_probe(tmp_path, answers(DRAWN))
    (found,) = load_probes(tmp_path, hashes_of_probes(tmp_path))

    assert path.parent == tmp_path / "probe"
    assert np.array_equal(found.vectors, DRAWN.astype(np.float32))
    assert (found.model, found.crops, found.noise) == ("m/../x", "c", 1e-6)


@pytest.mark.parametrize("damage", ["missing", "altered", "of numbers that are none"])
def test_a_damaged_file_is_named(tmp_path: Path, damage: str) -> None:
    """Never taken for the model's answers."""
    path = save_probe(tmp_path, answers(DRAWN if damage != "of numbers that are none" else DRAWN * np.nan))
    hashes = hashes_of_probes(tmp_path)
    if damage == "missing":
        path.unlink()
    if damage == "altered":
        path.write_bytes(path.read_bytes()[:-1] + b"x")

    with pytest.raises(FacecheckError, match=path.name):
        list(load_probes(tmp_path, hashes))
