"""``split_lfw``: two folders from an LFW folder, without losing an image."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import PIL.Image
import pytest

from facecheck.datasets import open_dataset
from facecheck.datasets.split import WAYS, Split, split_lfw
from facecheck.errors import DatasetError

PEOPLE = {"Ann": 3, "Bob": 1, "Cyd": 2, "Dan": 1}
MATCHED, MISMATCHED = ("Ann", "Cyd"), ("Bob", "Dan")

Contents = dict[str, bytes]


def make_tree(root: Path) -> Path:
    """Write a small LFW; every image has bytes of its own."""
    for shade, (person, count) in enumerate(PEOPLE.items()):
        (root / person).mkdir(parents=True)
        for number in range(1, count + 1):
            picture = PIL.Image.new("RGB", (4, 4), (shade * 50, number * 50, 0))
            picture.save(root / person / f"{person}_{number:04d}.jpg")
    return root


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small LFW."""
    return make_tree(tmp_path / "lfw")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """The target of the two folders."""
    return tmp_path / "split"


@pytest.fixture
def other_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make renaming from one folder to another fail, as it does between two disks."""
    rename = Path.rename

    def within_a_folder_only(self: Path, new: Path) -> Path:
        if self.parent != Path(new).parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(self))
        return rename(self, new)

    monkeypatch.setattr(Path, "rename", within_a_folder_only)


def contents(folder: Path) -> Contents:
    """Return what can be read below a folder, by relative path; links are followed."""
    return {
        str((Path(where) / name).relative_to(folder)): (Path(where) / name).read_bytes()
        for where, _, names in os.walk(folder, followlinks=True)
        for name in names
        if (Path(where) / name).exists()
    }


def photographs(*folders: Path) -> set[bytes]:
    """Return the different images that can still be read in any of these folders."""
    return {content for folder in folders for content in contents(folder).values()}


def whole(target: Path) -> bool:
    """Return whether both folders hold exactly the expected people and images."""
    wanted = {
        f"{folder}/{person}/{person}_{number:04d}.jpg"
        for folder, people in (("matched_faces", MATCHED), ("mismatched_faces", MISMATCHED))
        for person in people
        for number in range(1, PEOPLE[person] + 1)
    }
    return set(contents(target)) == wanted


@pytest.mark.parametrize("how", WAYS)
def test_people_with_several_images_are_matched_and_with_one_mismatched(how: str, source: Path, target: Path) -> None:
    """The two folders hold all people and images, and open as a data set."""
    before = photographs(source)

    made = split_lfw(source, target, how=how)

    assert made == Split(matched=2, mismatched=2, new=4)
    assert whole(target)
    assert photographs(target) == before
    assert len(open_dataset(f"folders:{target}").pairs) == 3


@pytest.mark.parametrize("how", ["link", "copy"])
def test_link_and_copy_leave_the_source_as_it_was(how: str, source: Path, target: Path) -> None:
    """Only ``move`` removes files."""
    before = contents(source)

    split_lfw(source, target, how=how)

    assert contents(source) == before


def test_links_point_to_whole_paths(
    source: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative source works from any working folder afterwards."""
    monkeypatch.chdir(tmp_path)
    split_lfw(Path(source.name), Path(target.name), how="link")
    monkeypatch.chdir("/")

    link = target / "matched_faces" / "Ann" / "Ann_0001.jpg"
    assert link.is_symlink()
    assert link.resolve() == source / "Ann" / "Ann_0001.jpg"


def test_copies_are_files_of_their_own(source: Path, target: Path) -> None:
    """They survive the source."""
    before = photographs(source)
    split_lfw(source, target, how="copy")
    shutil.rmtree(source)

    assert photographs(target) == before


def test_link_is_the_default(source: Path, target: Path) -> None:
    """Links are the default: they use no space and remove nothing."""
    split_lfw(source, target)

    assert (target / "mismatched_faces" / "Bob" / "Bob_0001.jpg").is_symlink()


@pytest.mark.parametrize("device", ["same", "other"])
def test_move_empties_the_source(device: str, source: Path, target: Path, request: pytest.FixtureRequest) -> None:
    """Between two disks as on one."""
    if device == "other":
        request.getfixturevalue("other_device")

    split_lfw(source, target, how="move")

    assert whole(target)
    assert list(source.iterdir()) == []


@pytest.mark.parametrize("how", WAYS)
def test_a_second_run_finds_everything_done(how: str, source: Path, target: Path) -> None:
    """Safe to run twice: nothing new, nothing changed, and no error."""
    split_lfw(source, target, how=how)
    before = contents(target)

    assert split_lfw(source, target, how=how) == Split(matched=2, mismatched=2, new=0)
    assert contents(target) == before


def test_people_who_come_later_are_added(source: Path, target: Path) -> None:
    """What is there already stays."""
    split_lfw(source, target, how="copy")
    shutil.copytree(source / "Bob", source / "Eve")

    assert split_lfw(source, target, how="copy") == Split(matched=2, mismatched=3, new=1)


def test_a_person_who_gets_a_second_image_later_is_not_in_both_folders(source: Path, target: Path) -> None:
    """Matched now, mismatched before: refused by name, or taken out of the one."""
    split_lfw(source, target, how="copy")
    shutil.copy(source / "Ann" / "Ann_0001.jpg", source / "Bob" / "Bob_0002.jpg")

    try:
        split_lfw(source, target, how="copy")
    except DatasetError as error:
        assert "Bob" in str(error)  # noqa: PT017 - either answer is right

    folders = ("matched_faces", "mismatched_faces")
    assert sum((target / folder / "Bob").exists() for folder in folders) == 1


@pytest.mark.parametrize("device", ["same", "other"])
@pytest.mark.parametrize(("first", "second"), [(a, b) for a in WAYS for b in WAYS if a != b])
def test_nothing_is_lost_when_the_way_changes_between_runs(
    first: str, second: str, device: str, source: Path, target: Path, request: pytest.FixtureRequest
) -> None:
    """Moving after linking must not remove the images that the links point to."""
    before = photographs(source)
    split_lfw(source, target, how=first)
    if device == "other":
        request.getfixturevalue("other_device")

    try:
        split_lfw(source, target, how=second)
    except DatasetError as error:
        assert str(source) in str(error) or str(target) in str(error)  # noqa: PT017 - refusing loses nothing either

    assert photographs(source, target) == before


@pytest.mark.parametrize("linked", ["matched_faces", "matched_faces/Ann"])
def test_a_target_that_leads_back_into_the_source_loses_nothing(linked: str, source: Path, target: Path) -> None:
    """Folders linked by hand: the image there is the image here, not a second one."""
    before = photographs(source)
    (target / linked).parent.mkdir(parents=True)
    (target / linked).symlink_to(source if linked == "matched_faces" else source / "Ann")

    try:
        split_lfw(source, target, how="move")
    except DatasetError as error:
        assert "Ann" in str(error) or str(source) in str(error)  # noqa: PT017 - refusing loses nothing either

    assert photographs(source, target) == before


@pytest.mark.parametrize("kind", ["person", "image"])
@pytest.mark.parametrize("device", ["same", "other"])
def test_a_source_made_of_relative_links_can_be_read_after_a_move(
    kind: str, device: str, source: Path, target: Path, request: pytest.FixtureRequest
) -> None:
    """A moved relative link would be broken."""
    before = photographs(source)
    store = source.parent / "deep" / "store"
    store.parent.mkdir()
    shutil.move(source / "Ann", store)
    if kind == "person":
        (source / "Ann").symlink_to("../deep/store")
    else:
        (source / "Ann").mkdir()
        for path in store.iterdir():
            (source / "Ann" / path.name).symlink_to(f"../../deep/store/{path.name}")
    if device == "other":
        request.getfixturevalue("other_device")
    target = target / "deeper"

    try:
        split_lfw(source, target, how="move")
    except DatasetError as error:
        assert "Ann" in str(error)  # noqa: PT017 - refusing loses nothing either
        assert photographs(source) == before
    else:
        assert photographs(target) == before


def interrupt_before(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop everything before the given change to the disk, as Ctrl-C does."""
    left = step

    def counted(operation: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                raise KeyboardInterrupt
            return operation(*arguments, **options)

        return call

    for owner, name in (
        (Path, "rename"),
        (Path, "replace"),
        (Path, "unlink"),
        (Path, "rmdir"),
        (Path, "symlink_to"),
        (shutil, "copy2"),
    ):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))


@pytest.mark.parametrize("device", ["same", "other"])
@pytest.mark.parametrize("how", WAYS)
def test_a_run_interrupted_anywhere_loses_nothing_and_a_second_one_finishes_it(
    how: str, device: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before every single change to the disk in turn."""
    if device == "other":
        request.getfixturevalue("other_device")
    for step in range(100):
        source, target = make_tree(tmp_path / f"lfw{step}"), tmp_path / f"split{step}"
        before = photographs(source)
        with monkeypatch.context() as patch:
            interrupt_before(step, patch)
            try:
                split_lfw(source, target, how=how)
            except KeyboardInterrupt:
                interrupted = True
            else:
                interrupted = False

        assert photographs(source, target) == before, f"lost before change {step}"
        if not interrupted:
            break
        made = split_lfw(source, target, how=how)

        assert (made.matched, made.mismatched) == (2, 2), f"unfinished after change {step}"
        assert whole(target), f"not whole after change {step}"
        assert photographs(target) == before, f"lost after change {step}"
    assert 4 <= step < 99


@pytest.mark.usefixtures("other_device")
@pytest.mark.parametrize("step", range(7))
def test_a_full_disk_leaves_everything(step: int, source: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No image leaves the source before all of its person's are in place."""
    before = photographs(source)
    copy, copied = shutil.copy2, 0

    def until_full(path: Path, place: Path) -> object:
        nonlocal copied
        copied += 1
        if copied > step:
            Path(place).write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(place))
        return copy(path, place)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copy2", until_full)
        with pytest.raises(OSError, match="No space left"):
            split_lfw(source, target, how="move")
    assert before <= photographs(source, target)

    split_lfw(source, target, how="move")

    assert whole(target)
    assert photographs(target) == before


@pytest.mark.usefixtures("other_device")
def test_two_moves_at_once_lose_nothing(source: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second process that starts on the same person while the first one copies."""
    before = photographs(source)
    copy, started = shutil.copy2, False

    def with_a_rival(path: Path, place: Path) -> object:
        nonlocal started
        done = copy(path, place)
        if not started:
            started = True
            rival_that_has_just_begun()
        return done

    def rival_that_has_just_begun() -> None:
        def stopped(*_: Path) -> object:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(shutil, "copy2", stopped)
            with pytest.raises(KeyboardInterrupt):
                split_lfw(source, target, how="move")

    monkeypatch.setattr(shutil, "copy2", with_a_rival)
    with contextlib.suppress(DatasetError, OSError):
        split_lfw(source, target, how="move")

    assert before <= photographs(source, target)


@pytest.mark.usefixtures("other_device")
def test_an_image_that_appears_during_the_move_stays(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what has been copied is taken out of the source."""
    copy = shutil.copy2

    def with_a_newcomer(path: Path, place: Path) -> object:
        (source / "Ann" / "Ann_0009.jpg").write_bytes(b"new")
        return copy(path, place)

    monkeypatch.setattr(shutil, "copy2", with_a_newcomer)
    with contextlib.suppress(DatasetError, OSError):
        split_lfw(source, target, how="move")

    assert b"new" in photographs(source, target)


@pytest.mark.usefixtures("other_device")
def test_what_is_no_image_stays_in_the_source(source: Path, target: Path) -> None:
    """Notes, hidden files and folders inside a person's folder are not deleted."""
    (source / "Ann" / "notes.txt").write_text("hers", encoding="utf-8")
    (source / "Bob" / ".hidden.jpg").write_bytes(b"his")

    split_lfw(source, target, how="move")

    assert {b"hers", b"his"} <= photographs(source, target)


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize(
    "changed",
    [
        pytest.param("matched_faces/Ann/Ann_0001.jpg", id="first-person"),
        pytest.param("mismatched_faces/Dan/Dan_0001.jpg", id="last-person"),
    ],
)
def test_differing_content_is_refused_and_nothing_is_changed(
    how: str, changed: str, source: Path, target: Path
) -> None:
    """Refused before the first change, with both files and both ways out."""
    (target / changed).parent.mkdir(parents=True)
    (target / changed).write_bytes(b"other")
    before = contents(source), contents(target)

    with pytest.raises(DatasetError) as raised:
        split_lfw(source, target, how=how)

    message = str(raised.value)
    person, image = changed.split("/")[1:]
    assert str(target / changed) in message
    assert str(source / person / image) in message
    assert f"Remove {(target / changed).parent}, or choose another folder" in message
    assert (contents(source), contents(target)) == before


@pytest.mark.parametrize("how", WAYS)
def test_a_missing_image_in_the_target_is_refused(how: str, source: Path, target: Path) -> None:
    """An incomplete person would make a wrong pair."""
    (target / "matched_faces" / "Ann").mkdir(parents=True)
    before = contents(source)

    with pytest.raises(
        DatasetError, match=r"Ann_0001\.jpg: missing or different from .*Remove .*Ann, or choose another"
    ):
        split_lfw(source, target, how=how)

    assert contents(source) == before


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize(
    ("of_source", "of_target"),
    [
        pytest.param("lfw", "lfw", id="the-same"),
        pytest.param("lfw", "lfw/split", id="target-within"),
        pytest.param("lfw", "lfw/Ann", id="target-is-a-person"),
        pytest.param("lfw", ".", id="source-within"),
        pytest.param("lfw", "lfw/../lfw/x", id="by-dots"),
        pytest.param("alias", "lfw", id="the-same-by-a-link"),
        pytest.param("lfw", "alias/split", id="within-by-a-link"),
    ],
)
def test_folders_within_each_other_are_refused(
    how: str, of_source: str, of_target: str, source: Path, tmp_path: Path
) -> None:
    """In every notation of the paths; no file is made."""
    (tmp_path / "alias").symlink_to(source)
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(DatasetError, match="is inside the other: choose a target outside of the source"):
        split_lfw(tmp_path / of_source, tmp_path / of_target, how=how)

    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("place", "message"),
    [
        pytest.param("gone", "gone: no such folder", id="missing"),
        pytest.param("a-file", "a-file: no such folder", id="a-file"),
        pytest.param("empty", "empty: no folders with images; expected one folder per person", id="empty"),
        pytest.param(
            "flat", "flat: no folders with images; expected one folder per person", id="images-not-in-folders"
        ),
    ],
)
def test_a_source_without_people_is_refused(place: str, message: str, tmp_path: Path, target: Path) -> None:
    """The target is not created."""
    (tmp_path / "a-file").write_bytes(b"")
    (tmp_path / "empty" / "Ann").mkdir(parents=True)
    (tmp_path / "flat").mkdir()
    PIL.Image.new("RGB", (4, 4)).save(tmp_path / "flat" / "Ann.jpg")

    with pytest.raises(DatasetError, match=message):
        split_lfw(tmp_path / place, target)

    assert not target.exists()


def test_an_unknown_way_is_refused_before_anything_is_made(source: Path, target: Path) -> None:
    """With the known ones."""
    with pytest.raises(DatasetError, match="'hardlink': expected one of link, copy, move"):
        split_lfw(source, target, how="hardlink")

    assert not target.exists()


def test_a_target_that_is_a_file_is_left_alone(source: Path, target: Path) -> None:
    """The system's own error names it."""
    target.write_bytes(b"mine")

    with pytest.raises((DatasetError, OSError), match=str(target)):
        split_lfw(source, target, how="move")

    assert target.read_bytes() == b"mine"
    assert len(contents(source)) == 7


@pytest.mark.parametrize("how", WAYS)
def test_hidden_folders_are_nobody(how: str, source: Path, target: Path) -> None:
    """File browsers and notebooks leave thumbnails and checkpoints in folders."""
    (source / ".thumbnails").mkdir()
    shutil.copy(source / "Ann" / "Ann_0001.jpg", source / ".thumbnails" / "a.jpg")

    assert split_lfw(source, target, how=how) == Split(matched=2, mismatched=2, new=4)
    assert whole(target)
