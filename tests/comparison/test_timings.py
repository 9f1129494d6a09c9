"""Slower than the baseline? Ratios to a reference kernel, by ranks, on the same machine only."""

import dataclasses

import numpy as np

from facecheck.comparison.timings import compare_timings
from facecheck.gate.margins import Margins
from facecheck.results.change import Slower
from facecheck.results.conditions import Conditions
from facecheck.results.signature import Machine, Signature
from facecheck.results.timed import Timed

HERE = Signature(machine=Machine(processor="EPYC", cores=2, device="cpu"))
STAGES = ("detect", "align", "embed", "all")


def timed(factor: float = 1.0, *, seed: int = 0, machine: float = 1.0) -> list[Timed]:
    """Return sixteen noisy rounds a stage on a machine of some speed, the network ``factor`` times as slow."""
    generator = np.random.default_rng(seed)
    return [
        Timed(
            model="m",
            dataset="faces",
            conditions=Conditions(stage=stage, batch=1),
            seconds=tuple((machine * factor * generator.gamma(100, 1e-4, 16)).tolist()),
            reference=tuple((machine * generator.gamma(100, 1e-5, 24)).tolist()),
        )
        for stage in STAGES
    ]


def outcomes(after: list[Timed], signed: Signature = HERE) -> list[Slower]:
    return list(compare_timings(timed(), after, (HERE, signed), margins=Margins()))


def test_half_as_fast_is_slower_on_a_machine_of_any_speed() -> None:
    """The kernel's time carries the machine's; the ratio is the network's."""
    found = outcomes(timed(2.0, seed=1, machine=0.6))

    assert {each.outcome for each in found} == {"worse"}
    assert all(1.7 < (each.ratio or 0) < 2.3 for each in found)
    assert {each.outcome for each in outcomes(timed(0.5, seed=1))} == {"better"}


def test_within_the_margin_nothing_is_said() -> None:
    """Two hundred re-runs of the same speed, and of 5 % less with 10 % tolerated: none is called slower."""
    for seed in range(1, 101):
        assert "worse" not in {each.outcome for each in outcomes(timed(seed=seed))}
        assert "worse" not in {each.outcome for each in outcomes(timed(1.05, seed=seed))}


def test_another_machine_is_incomparable() -> None:
    """With the key and both values."""
    other = dataclasses.replace(HERE, machine=dataclasses.replace(HERE.machine, processor="Xeon"))
    found = outcomes(timed(), other)

    assert {each.outcome for each in found} == {"incomparable"}
    assert found[0].reason == "machine, processor: baseline EPYC, run Xeon"


def test_a_timing_without_rounds_is_incomparable() -> None:
    """Such as one of a baseline that was edited by hand: no ratio comes of nothing."""
    hollow = [dataclasses.replace(each, reference=()) for each in timed()]

    assert {each.outcome for each in outcomes(hollow)} == {"incomparable"}
    assert outcomes(hollow)[0].reason == "a timing without rounds"


def test_what_the_baseline_did_not_time_is_left_out() -> None:
    """There is nothing to compare it with."""
    assert compare_timings(timed()[:1], timed()[1:], (HERE, HERE), margins=Margins()) == ()
