"""The yardstick of a run: evals that no paired test compares are named."""

import dataclasses
from pathlib import Path

from facecheck.gate.margins import Margins
from facecheck.plugin.yardstick import Yardstick
from facecheck.results.measurement import Measurement
from facecheck.results.run import Run
from facecheck.results.signature import ModelSignature
from tests.support.runs import DLIB, made_run


def test_evals_without_a_paired_test_are_named_beside_the_comparison(tmp_path: Path) -> None:
    """Against another run; without one of these evals, or without a comparison, nothing is said."""
    folders = []
    for name in ("old", "new"):
        made = made_run([DLIB], {})
        signature = dataclasses.replace(made.run.signature, models=(ModelSignature(name="dlib"),))
        signed = made._replace(run=dataclasses.replace(made.run, signature=signature))
        folders.append(signed.write(tmp_path / name))
    theirs, ours = folders
    run = Run.read(ours)
    of_groups = Measurement(
        eval="groups", name="group_fmr", value=0.1, low=0.0, high=0.2, n=9, model="dlib", dataset="faces"
    )
    more = dataclasses.replace(run, measurements=(*run.measurements, of_groups))
    asked = Yardstick(
        folder=tmp_path / "baselines",
        reports=tmp_path,
        other=theirs,
        off=False,
        reason="",
        scores_at="",
        red=("worse",),
        false_alarms=0.01,
        margins=Margins(),
    )
    note = "groups: judged by limits, and not compared with a baseline"

    assert note in asked.compare(more, ours).notes
    assert asked.compare(more, ours).against
    assert note not in asked.compare(run, ours).notes
    assert note not in dataclasses.replace(asked, other=None).compare(more, ours).notes
