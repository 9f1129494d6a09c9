"""Published figures beside measured ones: which model and set they belong to, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from facecheck.gate.published import PublishedError, beside, read_published
from facecheck.results.conditions import DEPLOYED, NON_MATCH, Conditions
from facecheck.results.measurement import Measurement
from facecheck.results.signature import DatasetSignature, ModelSignature, Signature

SHIPPED = Path(__file__).parents[2] / "evals" / "published.toml"
OURS = """
[sets.ours]
title = "our set"
called = ["ours"]
pairs = 100

[models.mine]
files = 'mine_v[0-9]\\.onnx'

[[published]]
model = "mine"
source = "our wiki"
tar_at_far = {{ "0.001" = {{ ours = 0.9 }} }}
accuracy = {{ {accuracy} }}
"""


def signed(
    *, spec: str = "edgeface-xs?flip=mean", name: str = "cfp_fp", pairs: int = 7000, sha256: str = ""
) -> Signature:
    """Return what a run of one model on one set signs."""
    return Signature(
        models=(ModelSignature(name="m", spec=spec, contract={"weights_sha256": sha256}),),
        datasets=(DatasetSignature(name=name, comparisons=pairs),),
    )


def measured(value: float, low: float, high: float, *, dataset: str = "cfp_fp", **more: str) -> Measurement:
    """Return an accuracy of the run."""
    return Measurement(
        eval=more.get("eval", "verification"),
        name="accuracy",
        value=value,
        low=low,
        high=high,
        n=100,
        model="m",
        dataset=dataset,
        conditions=DEPLOYED,
    )


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (0.93, 0.96, "the published figure lies within the interval"),
        (0.95, 0.97, "the published figure lies below the interval"),
        (0.93, 0.94706, "the published figure lies within the interval"),
        (0.90, 0.94, "the published figure lies above the interval"),
    ],
)
def test_a_known_model_on_a_known_set_says_both(low: float, high: float, says: str) -> None:
    """Value, spread as printed, our interval, the verdict in words, and the source."""
    (sentence,) = beside(read_published(SHIPPED), signed(), [measured((low + high) / 2, low, high)])

    assert sentence == (
        f"m on cfp_fp: accuracy published 0.9471 +- 0.0107, here {(low + high) / 2:.4f} [{low:.4f}, {high:.4f}]: "
        f"{says} (otroshi/edgeface, README, benchmarks of variants)"
    )


def test_another_number_of_pairs_is_another_set() -> None:
    """The sample of ten people is called like the whole; no verdict is given."""
    (sentence,) = beside(read_published(SHIPPED), signed(pairs=140), [measured(0.95, 0.9, 0.99)])

    assert "not of the published set: 140 pairs here, 7000 in CFP frontal-profile (" in sentence


def test_models_are_known_by_weights_name_or_file() -> None:
    """A hash wherever the file lies, a file's name, a built-in name; a path is no built-in name."""
    published = read_published(SHIPPED)
    r50 = "4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43"
    found = {
        spec: beside(published, signed(spec=spec, sha256=sha256), [measured(0.95, 0.9, 0.99)])
        for spec, sha256 in (
            ("onnx:/x/renamed.onnx", r50),
            ("onnx:/x/AdaFace_ir101_WebFace12M.onnx", ""),
            ("edgeface-xs?detector=none", ""),
            ("onnx:edgeface-xs", ""),
            ("mine.models:build", ""),
            ("", ""),
        )
    }

    assert "published 0.9933, here" in found["onnx:/x/renamed.onnx"][0]
    assert "published 0.9926, here" in found["onnx:/x/AdaFace_ir101_WebFace12M.onnx"][0]
    assert "published 0.9471 +-" in found["edgeface-xs?detector=none"][0]
    assert [found[spec] for spec in ("onnx:edgeface-xs", "mine.models:build", "")] == [[], [], []]


def test_a_known_pair_without_a_figure_says_so_and_others_say_nothing() -> None:
    """EdgeFace publishes no frontal-frontal figure; of sets and evals that are not known there is nothing to say."""
    published = read_published(SHIPPED)

    (none,) = beside(published, signed(name="cfp-ff"), [measured(0.95, 0.9, 0.99, dataset="cfp-ff")])
    assert none == "m on cfp-ff: no published figure of edgeface-xs on CFP frontal-frontal is known to this run"
    assert beside(published, signed(name="faces"), [measured(0.95, 0.9, 0.99, dataset="faces")]) == []
    assert beside(published, signed(), [measured(0.95, 0.9, 0.99, eval="blur")]) == []
    assert beside(published, signed(), []) == []


def test_rates_at_a_far_are_put_beside_those_of_that_far(tmp_path: Path) -> None:
    """Not beside those of another."""
    (tmp_path / "p.toml").write_text(OURS.format(accuracy=""))
    rates = [
        Measurement(
            eval="verification",
            name="tar_at_far",
            value=value,
            low=value,
            high=value,
            n=9,
            model="m",
            dataset="ours",
            conditions=NON_MATCH | Conditions(far=far),
        )
        for value, far in ((0.8, 0.001), (0.95, 0.01))
    ]

    (sentence,) = beside(
        read_published(tmp_path / "p.toml"), signed(spec="onnx:x/mine_v2.onnx", name="ours", pairs=100), rates
    )

    assert "TAR at FAR 0.001 published 0.9000, here 0.8000 [0.8000, 0.8000]: the published figure" in sentence


def test_templates_are_put_beside_with_their_recipe() -> None:
    """Whatever the recipe: tables seldom say theirs; a gallery or another FAR is another number."""
    r50 = "4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43"
    at = NON_MATCH | Conditions(recipe="flip+kept+score")
    rates = [
        Measurement(
            eval="templates",
            name="tar_at_far",
            value=0.97,
            low=0.96,
            high=0.98,
            n=9,
            model="m",
            dataset="ijbc",
            conditions=at | more,
        )
        for more in (Conditions(far=1e-4), Conditions(far=1e-3), Conditions(far=1e-4, gallery="G1"))
    ]

    (sentence,) = beside(read_published(SHIPPED), signed(name="ijbc", pairs=15658489, sha256=r50), rates)

    assert "TAR at FAR 0.0001, templates flip+kept+score, published 0.9725, here 0.9700 [0.9600, 0.9800]" in sentence


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (OURS.format(accuracy="ours = 97.5"), r"published 1: ours = 97\.5: expected a fraction"),
        (OURS.format(accuracy="hers = 0.9"), r"set 'hers' is not declared\. Did you mean ours"),
        (OURS.replace('model = "mine"', 'model = "nine"').format(accuracy=""), "model 'nine' is not declared"),
        (OURS.replace('"0.001"', '"much"').format(accuracy=""), "far = 'much': expected a fraction"),
        (OURS.replace("mine_v[0-9]", "mine_v[0-9").format(accuracy=""), "not a file of published figures"),
        (OURS.replace("source", "sauce").format(accuracy=""), "not a file of published figures: .*sauce"),
        ("[[published]]", "not a file of published figures"),
        ("\x00", "not a file of published figures"),
    ],
)
def test_a_file_that_is_wrong_is_refused(tmp_path: Path, content: str, expected: str) -> None:
    """Percent for a fraction, names that are not declared, keys that are not known."""
    (tmp_path / "p.toml").write_text(content)

    with pytest.raises(PublishedError, match=expected):
        read_published(tmp_path / "p.toml")


def test_the_shipped_figures_have_sources_and_declared_names() -> None:
    """Each is a fraction, and each entry says where it stands."""
    published = read_published(SHIPPED)

    assert len(published.figures) > 90
    assert all(0.8 < figure.value < 1 and figure.source for figure in published.figures)
    assert {figure.model for figure in published.figures} == set(published.models)
