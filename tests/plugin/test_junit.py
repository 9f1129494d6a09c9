"""Numbers of a case as properties; ``test_suite`` reads the XML that two workers leave."""

from facecheck.plugin.properties import properties


def test_hostile_names_are_spelt_out() -> None:
    """A name that no XML can hold becomes text; infinity is a word."""
    measured = {
        "name": "threshold_distance",
        "value": float("inf"),
        "low": 0.1,
        "high": 1.0,
        "n": 3,
        "conditions": {"group": "a\x00\ud800b", "level": None},
    }

    assert properties([{"model": {"name": "m\x1b[31m"}}, {"measurement": measured}]) == [
        ("facecheck.model", "m\\x1b[31m"),
        ("facecheck.threshold_distance[group=a\\x00\\ud800b].value", "inf"),
    ]


def test_a_judged_number_has_its_limit_and_one_without_has_none() -> None:
    """The bound with its direction; every digit of a number."""
    measured = {"name": "fnmr", "value": 0.1 + 0.2, "low": 0.1, "high": 0.5, "n": 7, "conditions": {}}
    limit = {"bound": 0.05, "upper": True}
    judgements = [{"measurement": measured, "outcome": "failed", "limit": limit, "margin": -0.25}]
    numbers = {
        "facecheck.verdict": "failed",
        "facecheck.fnmr.value": "0.30000000000000004",
        "facecheck.fnmr.low": "0.1",
        "facecheck.fnmr.high": "0.5",
        "facecheck.fnmr.n": "7",
        "facecheck.fnmr.outcome": "failed",
    }

    found = dict(properties([{"verdict": {"outcome": "failed", "judgements": judgements}}]))
    assert found == numbers | {"facecheck.fnmr.limit": "<= 0.05", "facecheck.fnmr.margin": "-0.25"}

    del judgements[0]["limit"]
    assert dict(properties([{"verdict": {"outcome": "failed", "judgements": judgements}}])) == numbers
