"""The yardstick of a run: evals that have nothing to be compared with are named."""

import dataclasses
from pathlib import Path

import numpy as np

from facecheck.gate.margins import Margins
from facecheck.plugin.yardstick import Yardstick
from facecheck.results.change import Against
from facecheck.results.evidence import Evidence, hashes_of_evidence, save_evidence
from facecheck.results.run import Run
from facecheck.results.scored_pairs import load_scores
from facecheck.results.signature import ModelSignature
from tests.support.runs import DLIB, made_run


def test_evals_that_the_baseline_lacks_are_named_beside_the_comparison(tmp_path: Path) -> None:
    """Kept by the run and not by the other: judged by limits alone. What both have is compared."""
    folders = []
    for name in ("old", "new"):
        made = made_run([DLIB], {})
        signature = dataclasses.replace(made.run.signature, models=(ModelSignature(name="dlib"),))
        signed = made._replace(run=dataclasses.replace(made.run, signature=signature))
        folders.append(signed.write(tmp_path / name))
    theirs, ours = folders
    (scored,) = (each for each in load_scores(ours) if each.condition == "clean")
    folds = {"folds": np.arange(len(scored.scores)) % 2}
    kept = Evidence(eval="calibration", model="dlib", dataset=scored.dataset, arrays=folds)
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
    note = f"the baseline holds nothing of calibration on {scored.dataset}: judged by limits alone until a run with it"

    def compared(folder: Path) -> Against:
        save_evidence(folder, kept)
        run = dataclasses.replace(Run.read(folder), evidence=hashes_of_evidence(folder))
        run.write(folder)
        (found,) = asked.compare(Run.read(ours), ours).against
        return found

    lacking, whole = compared(ours), compared(theirs)
    assert [text.startswith(note) for text in lacking.notes] == [True]
    assert "cllr" not in {change.name for change in lacking.changes}
    assert whole.notes == ()
    assert {change.outcome for change in whole.changes if change.name == "cllr"} == {"identical"}
