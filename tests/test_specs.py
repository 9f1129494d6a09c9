"""The grammar of specifications, and what it says to who breaks it."""

import pytest

from facecheck.errors import DatasetError, FacecheckError, ModelError
from facecheck.specs import Spec, split_specs


@pytest.mark.parametrize(
    ("text", "kind", "path", "options"),
    [
        pytest.param("dlib", "dlib", "", {}, id="kind-only"),
        pytest.param("lfw:/faces", "lfw", "/faces", {}, id="path"),
        pytest.param("lfw:/faces?", "lfw", "/faces", {}, id="empty-tail"),
        pytest.param("dlib?jitter=3", "dlib", "", {"jitter": "3"}, id="option-without-path"),
        pytest.param("strips:a?tiles=5&start=-0.8", "strips", "a", {"tiles": "5", "start": "-0.8"}, id="two-options"),
        pytest.param("strips:my faces+50%/x:y", "strips", "my faces+50%/x:y", {}, id="nothing-is-decoded"),
        pytest.param("lfw:C:/faces", "lfw", "C:/faces", {}, id="colon-in-path"),
        pytest.param("a:b?c=d=e", "a", "b", {"c": "d=e"}, id="equals-in-value"),
        pytest.param("a:b?c=d?e", "a", "b", {"c": "d?e"}, id="question-mark-in-value"),
        pytest.param(" lfw :/faces", "lfw", "/faces", {}, id="space-around-kind"),
        pytest.param("", "", "", {}, id="nothing"),
    ],
)
def test_a_specification_is_taken_apart(text: str, kind: str, path: str, options: dict[str, str]) -> None:
    """Kind before the colon, path before the question mark, options after it."""
    spec = Spec.parse(text, error=FacecheckError)
    assert (spec.text, spec.kind, spec.path, spec.options) == (text, kind, path, options)


@pytest.mark.parametrize(
    ("tail", "part"),
    [
        pytest.param("tiles", "tiles", id="no-value"),
        pytest.param("tiles=", "tiles=", id="empty-value"),
        pytest.param("=5", "=5", id="no-name"),
        pytest.param("tiles=5&", "", id="trailing-and"),
        pytest.param("tiles=5&tiles=6", "tiles=6", id="twice"),
    ],
)
@pytest.mark.parametrize("error", [DatasetError, ModelError])
def test_a_malformed_option_is_refused(tail: str, part: str, error: type[FacecheckError]) -> None:
    """The message quotes the specification and the part, and the error is the caller's."""
    with pytest.raises(error) as caught:
        Spec.parse(f"strips:a?{tail}", error=error)
    assert str(caught.value) == (
        f"'strips:a?{tail}': expected options like name=value joined by &, each once, not {part!r}"
    )


def test_an_unknown_option_is_refused_with_a_guess() -> None:
    """The message names the option, the nearest known one and all that are known."""
    spec = Spec.parse("strips:a?tile=5", error=DatasetError)
    with pytest.raises(DatasetError) as caught:
        spec.refuse_unknown(("tiles", "start"))
    assert str(caught.value) == (
        "'strips:a?tile=5': strips has no option 'tile'. Did you mean tiles? Known: tiles, start."
    )


def test_known_options_are_let_through() -> None:
    """Not all that are known need be given."""
    Spec.parse("strips:a?tiles=5", error=DatasetError).refuse_unknown(("tiles", "start"))


@pytest.mark.parametrize(
    ("text", "specs"),
    [
        pytest.param("lfw:a", ["lfw:a"], id="one"),
        pytest.param("lfw:a,strips:b", ["lfw:a", "strips:b"], id="two"),
        pytest.param("lfw:a,b/c,strips:d,e", ["lfw:a,b/c", "strips:d,e"], id="commas-in-paths"),
        pytest.param(" lfw:a , strips:b ", ["lfw:a", "strips:b"], id="spaces-around"),
        pytest.param("lfw:a,", ["lfw:a,"], id="a-path-may-end-in-a-comma"),
        pytest.param("lfw:a,lfw:a", ["lfw:a", "lfw:a"], id="the-same-twice"),
        pytest.param("  ", [], id="nothing"),
    ],
)
def test_specifications_are_split_where_one_starts(text: str, specs: list[str]) -> None:
    """A comma that no known kind follows belongs to the path."""
    assert split_specs(text, starts="lfw:|strips:") == specs
