"""What is not the same in two runs: what is being judged, and what makes a comparison meaningless.

Weights, contract, detector, libraries and device are meant to change: they are listed. Pairs, images, protocol and the
code of the corruptions are the yardstick: where they change, nothing can be compared. The policy that chooses a face is
part of the model if it is all that changed, and of the yardstick otherwise: two changes at once cannot be told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from facecheck.results.change import Difference
from facecheck.results.scored_pairs import ScoredPairs
from facecheck.results.signature import Machine, ModelSignature, Signature

__all__ = ["Refuse", "differences", "other_pairs", "refusal"]

Refuse = Callable[[ScoredPairs, ScoredPairs], str]
_HASH = 12  # digits of one that are shown
_MODEL = ("detector", "aligner", "precision")
_MACHINE = ("device", "processor", "cores", "python", "cuda", "cudnn", "driver")


def other_pairs(old: ScoredPairs, new: ScoredPairs) -> str:
    """Say why two files of scores are not of the same pairs, empty if they are."""
    if old.digest != new.digest:
        return f"pairs or images: baseline {old.digest[:_HASH]}, run {new.digest[:_HASH]}"
    if not (np.array_equal(old.names, new.names) and np.array_equal(old.scores.who, new.scores.who)):
        return "the pairs changed although the data set's digest did not"
    return ""


def refusal(before: Mapping[str, Signature], after: Signature, models: tuple[str, str]) -> Refuse:
    """Return what says why the scores of two runs cannot be compared, with the key and both values.

    Args:
        before: signature by data set.
        after: of the run.
        models: name in the baseline and in the run.
    """

    def refuse(old: ScoredPairs, new: ScoredPairs) -> str:
        earlier = before.get(old.dataset)
        if earlier is None:
            return other_pairs(old, new)
        return (
            _other_data(earlier, after, old.dataset)
            or other_pairs(old, new)
            or _other_corruptions(earlier, after, new.condition)
            or _other_policy(earlier.model(models[0]), after.model(models[1]))
        )

    return refuse


def _other_data(earlier: Signature, after: Signature, name: str) -> str:
    old, new = earlier.dataset(name), after.dataset(name)
    if old is None or new is None:
        return ""
    pairs = (
        ("images", old.content[:_HASH], new.content[:_HASH]),
        ("protocol", old.protocol, new.protocol),
        ("pairs", f"{old.comparisons}, {old.digest[:_HASH]}", f"{new.comparisons}, {new.digest[:_HASH]}"),
    )
    return next((f"{key}: baseline {was}, run {now}" for key, was, now in pairs if was != now and was and now), "")


def _other_corruptions(earlier: Signature, after: Signature, condition: str) -> str:
    was, now = earlier.code.of_corruptions, after.code.of_corruptions
    if condition == "clean" or was == now:
        return ""
    return f"code of the corruptions: baseline {was[:_HASH] or 'unknown'}, run {now[:_HASH] or 'unknown'}"


def _other_policy(old: ModelSignature | None, new: ModelSignature | None) -> str:
    if old is None or new is None or old.policy == new.policy:
        return ""
    others = [each.key for each in _of_model(old, new) if each.key not in ("policy", "specification")]
    if not others:
        return ""
    return (
        f"policy: baseline {old.policy}, run {new.policy}; {', '.join(others[:3])} changed as well, and two changes "
        f"cannot be told apart: run once more with ?policy={old.policy}"
    )


# What is judged.


def differences(
    old: Signature, new: Signature, models: tuple[ModelSignature | None, ModelSignature | None]
) -> tuple[Difference, ...]:
    """Return what differs, the model first, then code, libraries and machine.

    Args:
        old: of the baseline.
        new: of the run.
        models: the one that was approved and the one that is judged.
    """
    theirs, ours = models
    of_model = _of_model(theirs, ours) if theirs is not None and ours is not None else ()
    return (*of_model, *_of_code(old, new), *_of_libraries(old, new), *_of_machine(old.machine, new.machine))


def _of_model(old: ModelSignature, new: ModelSignature) -> Iterator[Difference]:
    if old.name != new.name:
        yield Difference(key="model", before=old.name, after=new.name)
    if old.spec != new.spec:
        yield Difference(key="specification", before=old.spec, after=new.spec)
    for key in dict.fromkeys((*old.contract, *new.contract)):
        was, now = (_shown(contract.get(key)) for contract in (old.contract, new.contract))
        if was != now:
            yield Difference(key="weights" if key == "weights_sha256" else f"contract {key}", before=was, after=now)
    for key in (*_MODEL, "policy"):
        was, now = getattr(old, key), getattr(new, key)
        if was != now:
            yield Difference(key=key, before=was, after=now)
    weights = [model.contract.get("weights_sha256") for model in (old, new)]
    if weights[0] == weights[1] and old.fingerprint != new.fingerprint:
        yield Difference(key="answers to fixed crops", before=old.fingerprint[:_HASH], after=new.fingerprint[:_HASH])


def _of_code(old: Signature, new: Signature) -> Iterator[Difference]:
    was, now = old.code, new.code
    if was.sources != now.sources:
        yield Difference(
            key="facecheck",
            before=f"{was.facecheck} {was.sources[:_HASH]}",
            after=f"{now.facecheck} {now.sources[:_HASH]}",
        )
    commits = [code.repository.commit[:_HASH] if code.repository else "" for code in (was, now)]
    if commits[0] != commits[1]:
        yield Difference(key="commit", before=commits[0], after=commits[1])


def _of_libraries(old: Signature, new: Signature) -> Iterator[Difference]:
    for name in sorted({*old.libraries, *new.libraries}):
        was, now = (signature.libraries.get(name, "absent") for signature in (old, new))
        if was != now:
            yield Difference(key=name, before=was, after=now)


def _of_machine(old: Machine, new: Machine) -> Iterator[Difference]:
    for key in _MACHINE:
        was, now = getattr(old, key), getattr(new, key)
        if was != now:
            yield Difference(key=key, before=_shown(was), after=_shown(now))


def _shown(value: Any) -> str:  # noqa: ANN401 - a contract's values are plain
    text = "none" if value is None or value == "" else str(value)
    return text[:_HASH] if len(text) == 64 and set(text) <= set("0123456789abcdef") else text  # noqa: PLR2004 - SHA-256
