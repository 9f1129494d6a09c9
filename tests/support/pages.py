"""A run whose names are markup, quotes and formulas, with everything that a page shows."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from PIL import Image

from facecheck.report.graph import Drawn
from facecheck.report.html import Extras
from facecheck.results.change import Against, Change, Difference, Flips, SameFunction
from facecheck.results.conditions import DEPLOYED
from facecheck.results.run import Run
from facecheck.results.scored_pairs import hashes_of_scores
from facecheck.results.shown import FACES, ShownFace, ShownFaces, ShownPair, StruckPerson
from facecheck.results.signature import DatasetSignature, ModelSignature, Signature
from facecheck.results.verdict import Judgement, Limit, Outcome, Verdict
from tests.support.runs import DLIB, FACENET, Made, made_run, people

__all__ = ["DATASET", "HOSTILE", "PERSON", "page_of", "run_with_faces"]

HOSTILE = "<script>window.injected = 1</script>"
DATASET = "=cmd|' /C calc'!A0\"><b>"
PERSON = "<img src=x onerror=window.injected=1>&amp;"
_PICTURE = "0123456789abcdef01234567.webp"


def run_with_faces(folder: Path) -> Made:
    """Leave a run of three models in a folder: one fails, one became worse, one passes and has a hostile name."""
    models = [dataclasses.replace(DLIB, apart=0.2), FACENET, dataclasses.replace(DLIB, name=HOSTILE, apart=0.7)]
    made = made_run(models, {"blur": {"blur": (0, 1, 2)}}, dataset=DATASET, pairs=people(24))
    made.write(folder)
    signature = Signature(
        models=tuple(ModelSignature(name=model.name, spec=model.name.partition("<")[0] or "mine") for model in models),
        datasets=(DatasetSignature(name=DATASET, spec="folders:people", comparisons=144, images=96, people=24),),
        machine=made.run.signature.machine,
    )
    run = dataclasses.replace(
        made.run,
        id="20261127T000000Z-0",
        started="2026-11-27T00:00:00+00:00",
        signature=signature,
        verdicts=tuple(_verdicts(made.run)),
        scores=hashes_of_scores(folder),
        notes=(f"{HOSTILE}: its channels look swapped", f"{PERSON} is everybody"),
        questions={"verification": "Are they distinguished? <i>", "blur": "How much blur does it bear?"},
        against=(_against(),),
    )
    run.write(folder)
    _faces(folder)
    return Made(run, made.scored, made.pairs)


def _verdicts(run: Run) -> list[Verdict]:
    verdicts = []
    for m in run.measurements:
        if (m.eval, m.name) == ("verification", "accuracy") and m.conditions.threshold == "clean":
            bound = m.value + 0.05 if m.model == DLIB.name else m.value - 0.05
            why = f"a promise of {PERSON}"
            limit = Limit(eval=m.eval, name=m.name, bound=bound, upper=False, why=why)
            outcome: Outcome = "passed" if limit.kept_by(m.value) else "failed"
            judged = Judgement(measurement=m, outcome=outcome, reason="told", limit=limit, margin=limit.margin(m.value))
            case = f"evals/test_verification.py::test_pairs_are_judged_rightly[{m.model}]"
            verdicts.append(dataclasses.replace(Verdict.of([judged]), eval=m.eval, case=case))
    return verdicts


def _against() -> Against:
    worst = ((f"{PERSON}/a.jpg", "b.jpg", -0.4, -0.9),)
    flips = Flips(negative=9, positive=1, pairs=144, worst=worst)
    change = Change(
        dataset=DATASET, name="accuracy", conditions=DEPLOYED, outcome="worse", before=0.95, after=0.9, gain=-0.05,
        low=-0.08, high=-0.02, margin=0.005, p=0.0004, p_holm=0.002, people=24, flips=flips,
    )  # fmt: skip
    return Against(
        model=FACENET.name,
        line="door",
        baseline="run 1, approved by <b>me</b>",
        red=("worse",),
        changes=(change,),
        differences=(Difference(key="weights", before="aaaa", after="bbbb"),),
        function=SameFunction(verdict="another", apart=0.2, noises=1e5, cosine=0.9),
    )


def _faces(folder: Path) -> None:
    (folder / FACES).mkdir(exist_ok=True)
    Image.fromarray(np.full((112, 228, 3), 90, dtype=np.uint8)).save(folder / FACES / _PICTURE)
    first, second = (
        ShownFace(name=f"{PERSON}/{name}.jpg", subject=PERSON, picture=_PICTURE, yaw_rad=0.4) for name in "ab"
    )
    lost = ShownFace(name="lost.jpg", subject="c", found="unreadable")
    for model in (DLIB.name, FACENET.name):
        ShownFaces(
            model=model,
            dataset=DATASET,
            condition="clean",
            threshold="clean",
            false_matches=4,
            false_non_matches=3,
            pairs=(ShownPair(mistake="false match", first=first, second=second, similarity=-0.5, threshold=-0.6),),
            failed=(lost,),
            failures=1,
            people=(StruckPerson(subject=PERSON, rejected=2, genuine=3, confused=1, impostor=6),),
        ).write(folder)


def page_of(folder: Path) -> Extras:
    """Return what the page shows beside the run: one graph, and a trend."""
    (folder / "graphs").mkdir(exist_ok=True)
    picture = folder / "graphs" / "blur-accuracy.png"
    Image.fromarray(np.full((60, 90, 3), 200, dtype=np.uint8)).save(picture)
    return Extras(
        graphs=(Drawn("blur x accuracy", "Accuracy under blur", picture), Drawn("trend door", "Accuracy", picture)),
        trend=("door: a step of -0.02 <b> at run 7",),
    )
