"""JUnit XML of a run of the evals, read back."""

import xml.etree.ElementTree as ET
from pathlib import Path

from facecheck.results.run import Run

__all__ = ["assert_holds_every_number", "properties_of_cases"]


def properties_of_cases(file: Path) -> dict[str, dict[str, str]]:
    """Return the properties of each case by its name."""
    cases = ET.parse(file).getroot().iter("testcase")  # noqa: S314 - written by a test
    found = {case.get("name", "").partition("@")[0]: case.iter("property") for case in cases}
    return {name: {each.get("name", ""): each.get("value", "") for each in given} for name, given in found.items()}


def assert_holds_every_number(file: Path, run: Run) -> None:
    """Assert that each judgement stands there to the last digit, each measurement somewhere, and no JSON."""
    cases = properties_of_cases(file)
    assert len(cases) == len(run.verdicts)
    for verdict in run.verdicts:
        found = cases[verdict.case.rpartition("::")[2]]
        assert found["facecheck.verdict"] == verdict.outcome
        assert found["facecheck-eval"] == verdict.eval
        for judgement in verdict.judgements:
            m, limit = judgement.measurement, judgement.limit
            told = ";".join(f"{key}={value}" for key, value in m.conditions.as_json().items())
            stem = f"facecheck.{m.name}[{told}]" if told else f"facecheck.{m.name}"
            assert (float(found[f"{stem}.value"]), float(found[f"{stem}.low"])) == (m.value, m.low)
            assert (int(found[f"{stem}.n"]), found[f"{stem}.outcome"]) == (m.n, judgement.outcome)
            assert (found["facecheck.model"], found["facecheck.dataset"]) == (m.model, m.dataset)
            if limit is not None:
                assert found[f"{stem}.limit"] == f"{'<=' if limit.upper else '>='} {limit.bound}"
                assert float(found[f"{stem}.margin"]) == judgement.margin
    values = {(f["facecheck.model"], float(v)) for f in cases.values() for n, v in f.items() if n.endswith(".value")}
    assert {(m.model, m.value) for m in run.measurements} <= values
    assert not [name for found in cases.values() for name in found if name == "facecheck"]
