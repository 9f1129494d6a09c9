"""What is judged, and what makes a comparison meaningless: the key and both values."""

import dataclasses

import pytest

from facecheck.comparison.differences import differences, refusal
from facecheck.results.signature import Code, DatasetSignature, Machine, ModelSignature, Repository, Signature
from tests.comparison.test_between_runs import drawn, scored

DATA = DatasetSignature(name="drawn", digest="d" * 64, content="c" * 64, protocol="ten folds", comparisons=800)
MODEL = ModelSignature(
    name="m", spec="m:build", detector="mtcnn", policy="most_central", contract={"weights_sha256": "a" * 64, "l2": True}
)
SIGNED = Signature(
    models=(MODEL,),
    datasets=(DATA,),
    code=Code(
        facecheck="1.0", sources="s" * 64, corruptions="k" * 64, repository=Repository(commit="1" * 40, dirty=False)
    ),
    libraries={"torch": "2.15.0", "numpy": "2.4.6"},
    machine=Machine(device="cpu", cores=2),
)  # fmt: skip


def why(after: Signature, condition: str = "clean") -> str:
    """Return why scores under a signature cannot be compared with those under the usual one."""
    one = scored(drawn(), condition=condition)
    return refusal({"drawn": SIGNED}, after, ("m", "m"))(one, one)


def with_data(**changes: object) -> Signature:
    return dataclasses.replace(SIGNED, datasets=(dataclasses.replace(DATA, **changes),))  # type: ignore[arg-type]


def with_model(**changes: object) -> Signature:
    return dataclasses.replace(SIGNED, models=(dataclasses.replace(MODEL, **changes),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (with_data(content="e" * 64), f"images: baseline {'c' * 12}, run {'e' * 12}"),
        (with_data(protocol="view 1"), "protocol: baseline ten folds, run view 1"),
        (with_data(digest="e" * 64, comparisons=700), f"pairs: baseline 800, {'d' * 12}, run 700, {'e' * 12}"),
    ],
)
def test_other_data_is_named_with_both_values(after: Signature, reason: str) -> None:
    """Images, protocol, pairs: the yardstick itself."""
    assert why(SIGNED) == ""
    assert why(after) == reason


def test_other_code_of_corruptions_concerns_degraded_images_only() -> None:
    """A corruption that changed would look like a model that did."""
    after = dataclasses.replace(SIGNED, code=dataclasses.replace(SIGNED.code, corruptions="l" * 64))

    assert why(after) == ""
    assert why(after, "blur:1") == f"code of the corruptions: baseline {'k' * 12}, run {'l' * 12}"


def test_a_policy_is_judged_alone_and_refused_beside_other_changes() -> None:
    """Two changes at once cannot be told apart; the message says how to."""
    alone = with_model(policy="largest", spec="m:build?policy=largest")
    both = with_model(policy="largest", detector="hog")

    assert why(alone) == ""
    assert why(both).startswith("policy: baseline most_central, run largest; detector changed as well")
    assert why(both).endswith("run once more with ?policy=most_central")


def test_what_is_meant_to_change_is_listed() -> None:
    """Weights, contract, libraries, code and device, each with both values; hashes are cut."""
    model = dataclasses.replace(MODEL, contract={"weights_sha256": "b" * 64, "l2": False}, precision="fp16")
    after = dataclasses.replace(
        SIGNED,
        models=(model,),
        libraries={"torch": "2.16.0", "onnxruntime": "1.31"},
        machine=Machine(device="H100", cores=2),
        code=dataclasses.replace(SIGNED.code, repository=Repository(commit="2" * 40, dirty=False)),
    )
    found = {each.key: (each.before, each.after) for each in differences(SIGNED, after, (MODEL, model))}

    assert found == {
        "weights": ("a" * 12, "b" * 12),
        "contract l2": ("True", "False"),
        "precision": ("", "fp16"),
        "commit": ("1" * 12, "2" * 12),
        "numpy": ("2.4.6", "absent"),
        "onnxruntime": ("absent", "1.31"),
        "torch": ("2.15.0", "2.16.0"),
        "device": ("cpu", "H100"),
    }


def test_a_function_that_changed_under_the_same_weights_is_listed() -> None:
    """Swapped channels in the user's own code have no other trace."""
    model = dataclasses.replace(MODEL, fingerprint="f" * 64)
    (found,) = differences(SIGNED, SIGNED, (dataclasses.replace(MODEL, fingerprint="e" * 64), model))

    assert (found.key, found.before, found.after) == ("answers to fixed crops", "e" * 12, "f" * 12)
