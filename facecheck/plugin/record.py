"""What one case measured and how it was judged; it travels in the case's report, also from xdist workers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import pytest

from facecheck.datasets import Dataset
from facecheck.errors import printable
from facecheck.evaluation.evaluator import Evaluator
from facecheck.evaluation.signatures import sign_dataset, sign_model
from facecheck.evaluation.timing import Seconds
from facecheck.gate import Judgement, Limit, Verdict, judge_all
from facecheck.models.recognizer import Recognizer
from facecheck.plugin.markers import eval_asked
from facecheck.plugin.planning import planned
from facecheck.report.against import against_lines
from facecheck.results.change import Against
from facecheck.results.measurement import Findings, Measurement, Measurements
from facecheck.results.timed import Timed
from facecheck.results.verdict import Outcome

__all__ = ["PROPERTY", "Record"]

PROPERTY = "facecheck"


class Record:
    """Keeps what a case measures, and judges it.

    Args:
        item: the case.
        recognizer: that is judged.
        dataset: that it is judged on.
    """

    def __init__(self, item: pytest.Item, recognizer: Recognizer, dataset: Dataset) -> None:
        self._item = item
        self.eval, question = eval_asked(item)
        self._recognizer = recognizer
        self._dataset = dataset
        self._evaluator: Evaluator | None = None
        self._keep("question", {self.eval: question})

    def sign(self, evaluator: Evaluator) -> None:
        """Keep what identifies the model and the data, what is known of the data, and what the preflight reports."""
        self._evaluator = evaluator
        self._keep("model", sign_model(self._recognizer))
        self._keep("dataset", sign_dataset(self._dataset, content=evaluator.content(self._dataset)))
        for known in self._dataset.notes:
            self.note(f"{self._dataset.name}: {known}")
        for finding in evaluator.findings(self._recognizer, self._dataset):
            self.note(finding)

    def add(self, findings: Findings) -> Measurements:
        """Keep what was measured, with its notes and failures, and return it as measurements of this case."""
        made = Measurements(
            tuple(
                Measurement.of(measured, eval_name=self.eval, model=self._recognizer.name, dataset=self._dataset.name)
                for measured in findings.measured
            )
        )
        for measurement in made:
            self._keep("measurement", measurement)
        for note in findings.notes:
            self.note(note)
        for corrupted, images in _by_corruption(findings.failures).items():
            failed = {"model": self._recognizer.name, "dataset": self._dataset.name, "corrupted": corrupted}
            self._keep("failures", {**failed, "images": images})
        for evidence in findings.evidence:
            assert self._evaluator is not None, "signed before anything is added"
            self._evaluator.keep(evidence)
        return made

    def add_rounds(self, measured: Measurements, seconds: Seconds, *, reference: Seconds) -> None:
        """Keep the rounds behind a timing, for the comparison with later runs.

        Args:
            measured: that was made of them.
            seconds: of each round, in any unit of work.
            reference: of each round of the reference kernel.
        """
        for measurement in measured:
            self._keep(
                "timed",
                Timed(
                    model=measurement.model,
                    dataset=measurement.dataset,
                    conditions=measurement.conditions,
                    seconds=tuple(seconds.tolist()),
                    reference=tuple(reference.tolist()),
                ),
            )

    def judge(
        self, measurements: Iterable[Measurement], *, promise: Limit | None = None, promises: tuple[Limit, ...] = ()
    ) -> Verdict:
        """Judge measurements by the limits; the case asserts the verdict.

        A case for whose measurements nobody has promised anything is unjudged: pytest skips it, and the run's record
        lists it.

        Args:
            measurements: of this case.
            promise: needs no number of anybody's; it applies where the file has no such limit, but promises something
                else about this eval, model and data set.
            promises: apply where the file says nothing else.
        """
        limits = (*promises, *planned(self._item.config).limits)
        if promise and any(self._concerns(limit) for limit in limits):
            limits = (promise, *limits)
        verdict = judge_all(tuple(measurements), limits, sampled=self._dataset.sampled)
        self._keep("verdict", verdict)
        if verdict.outcome == "unjudged":
            pytest.skip(f"unjudged: {verdict.reason}")
        return verdict

    def judge_update(self, measured: Measurement, against: Against) -> Verdict:
        """Judge by a paired comparison: failed where it is red.

        Args:
            measured: that stands for it in the results.
            against: what was compared, with its evidence.
        """
        reason = "\n".join(("", *against_lines(against)))
        outcome: Outcome = "failed" if against.is_red else "passed"
        verdict = Verdict.of([Judgement(measurement=measured, outcome=outcome, reason=reason)])
        self._keep("verdict", verdict)
        return verdict

    def _concerns(self, limit: Limit) -> bool:
        """Whether somebody promised something about this eval, model and data set."""
        model, dataset = self._recognizer.name, self._dataset.name
        return limit.eval == self.eval and limit.model in (None, model) and limit.dataset in (None, dataset)

    def note(self, text: str) -> None:
        """Keep a finding that is no verdict; it stands under the run's table."""
        self._keep("note", printable(text, lines=True))

    def _keep(self, kind: str, content: object) -> None:
        self._item.user_properties.append((PROPERTY, msgspec.json.encode({kind: content}).decode()))


def _by_corruption(failures: Iterable[tuple[str, str, str]]) -> Mapping[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for corrupted, name, reason in failures:
        found.setdefault(corrupted, []).append({"name": name, "reason": reason})
    return found
