"""Large galleries against a slow search of every pair: ties, failures, several templates, portions, interruptions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facecheck.embedders.distances import distances_between_all
from facecheck.metrics import gallery as module
from facecheck.metrics.gallery import Found, Progress, Templates, search_gallery
from facecheck.metrics.identification import Searches, fnir_at_fpir, search

DISTANCES = pytest.mark.parametrize("distance", ["cosine", "euclidean"])
PEOPLE = 200


class Memory:
    """Keeps progress in memory, and may interrupt.

    Args:
        portions: after which the search is interrupted, None for never.
    """

    def __init__(self, portions: int | None = None) -> None:
        self._portions = portions
        self.kept: list[Progress] = []

    def load(self) -> Progress | None:
        """Return the last that was kept."""
        return self.kept[-1] if self.kept else None

    def save(self, progress: Progress) -> None:
        """Keep it, and stop after so many."""
        self.kept.append(progress)
        if len(self.kept) == self._portions:
            raise KeyboardInterrupt


def made(seed: int, *, templates: int = 700, probes: int = 130) -> tuple[Templates, Templates]:
    """Return probes, half of them of people in the gallery, and a gallery with equal and missing templates."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(2 * PEOPLE, 8))
    enrolled, searched = generator.integers(0, PEOPLE, templates), generator.integers(0, 2 * PEOPLE, probes)
    gallery = (centres[enrolled] + 0.6 * generator.normal(size=(templates, 8))).astype(np.float32)
    vectors = (centres[searched] + 0.6 * generator.normal(size=(probes, 8))).astype(np.float32)
    gallery[11:60] = gallery[10]  # of many people, and nearly as many as are found
    gallery[77] = np.nan
    vectors[4] = np.inf
    vectors[5] = gallery[10]
    return Templates(vectors, searched), Templates(gallery, enrolled)


def one_by_one(probes: Templates, gallery: Templates, distance: str) -> np.ndarray:
    """Return the similarity of every probe to every template: the slow way."""
    with np.errstate(invalid="ignore"):
        ours, theirs = probes.vectors.astype(np.float32), gallery.vectors.astype(np.float32)
        similarity = -distances_between_all(ours, theirs, distance=distance)
    similarity[~np.isfinite(probes.vectors).all(axis=1)] = -np.inf
    similarity[:, ~np.isfinite(gallery.vectors).all(axis=1)] = -np.inf
    return similarity


@pytest.fixture(params=[(2**16, 1024), (100, 32), (64, 50)], ids=["one portion", "eight", "eleven"])
def portions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Search in portions and tiles of another size, and return how many portions the made gallery has."""
    portion, tile = request.param
    monkeypatch.setattr(module, "PORTION", portion)
    monkeypatch.setattr(module, "_TILE", tile)
    return -(-700 // int(portion))


@DISTANCES
@pytest.mark.parametrize("top", [5, 50, 1000])
@pytest.mark.usefixtures("portions")
def test_the_best_of_each_probe_are_those_of_every_pair(distance: str, top: int) -> None:
    """The same templates in the same order, of equal ones the lower row; and the same mates, strangers and ranks."""
    probes, gallery = made(top)
    found = search_gallery(probes, gallery, distance=distance, top=top, workers=2)
    similarity = one_by_one(probes, gallery, distance)
    slow = search(similarity.copy(), probes.people, gallery.people)
    # The slow arithmetic differs in the last bit, between equal vectors as well.
    order = np.argsort(-similarity.round(10), axis=1, kind="stable")[:, :top]
    best = np.take_along_axis(similarity, order, axis=1)

    there = best > -np.inf
    np.testing.assert_array_equal(found.rows, np.where(there, order, -1))
    np.testing.assert_allclose(found.similarity[there], best[there], atol=1e-12)
    assert (found.similarity[~there] == -np.inf).all()
    np.testing.assert_allclose(found.searches.mate, slow.mate, atol=1e-12)
    np.testing.assert_allclose(found.searches.best_other, slow.best_other, atol=1e-12)
    np.testing.assert_array_equal(found.searches.mated, slow.mated)
    assert found.searches.enrolled == slow.enrolled
    _same_ranks(found.searches, slow, top)
    for fpir in (0.0, 0.05, 0.5):
        assert fnir_at_fpir(found.searches, fpir) == pytest.approx(fnir_at_fpir(slow, fpir), abs=1e-12)


def _same_ranks(found: Searches, slow: Searches, top: int) -> None:
    """A mate among the best has its rank; what has none is behind as many templates, if not people, as are found."""
    ranked = found.ahead < found.enrolled
    np.testing.assert_array_equal(found.ahead[ranked], slow.ahead[ranked])
    assert ranked.sum() > 20
    if top >= 700:
        np.testing.assert_array_equal(found.ahead, np.where(slow.mate > -np.inf, slow.ahead, slow.enrolled))


def test_people_ahead_are_counted_once() -> None:
    """Two templates of one person ahead of the mate make rank 2; a mate behind more than are found has no rank."""
    gallery = Templates(np.array([[1, 0], [0.99, 0.01], [0.9, 0.3]], np.float32), np.array([7, 7, 8]))
    probes = Templates(np.array([[1, 0]], np.float32), np.array([8]))

    assert search_gallery(probes, gallery, distance="cosine", top=3).searches.ahead.tolist() == [1]
    assert search_gallery(probes, gallery, distance="cosine", top=2).searches.ahead.tolist() == [2]  # everybody


@DISTANCES
def test_an_interrupted_search_goes_on_to_the_same_answers(distance: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the bit, whatever the number of threads; what was searched is not multiplied again."""
    monkeypatch.setattr(module, "PORTION", 100)
    probes, gallery = made(3)
    whole, store = Memory(), Memory(portions=3)
    expected = search_gallery(probes, gallery, distance=distance, top=9, workers=1, store=whole)
    with pytest.raises(KeyboardInterrupt):
        search_gallery(probes, gallery, distance=distance, top=9, workers=2, store=store)
    read: list[int] = []
    monkeypatch.setattr(module._Search, "read", _noting(read, module._Search.read))
    found = search_gallery(probes, gallery, distance=distance, top=9, workers=3, store=store)

    assert [kept.done for kept in whole.kept] == [100, 200, 300, 400, 500, 600]
    assert read == [300, 400, 500, 600]
    assert _bytes(found) == _bytes(expected)


def _noting(into: list[int], read: object) -> object:
    def noting(self: object, start: int) -> object:
        into.append(start)
        return read(self, start)  # type: ignore[operator]

    return noting


def _bytes(found: Found) -> list[bytes]:
    searches = found.searches
    arrays = (found.similarity, found.rows, searches.mate, searches.best_other, searches.rival, searches.ahead)
    return [array.tobytes() for array in arrays]


def test_progress_of_another_search_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other probes, people, distance, number of templates found, or a template that was searched and is another."""
    monkeypatch.setattr(module, "PORTION", 100)
    probes, gallery = made(4)
    store = Memory(portions=2)
    with pytest.raises(KeyboardInterrupt):
        search_gallery(probes, gallery, distance="cosine", top=9, store=store)
    changed, later = gallery.vectors.copy(), gallery.vectors.copy()
    changed[150], later[450] = 1, 1

    others = [
        (Templates(probes.vectors + 1, probes.people), gallery, "cosine", 9),
        (Templates(probes.vectors, probes.people + 1), gallery, "cosine", 9),
        (probes, Templates(gallery.vectors, gallery.people + 1), "cosine", 9),
        (probes, Templates(changed, gallery.people), "cosine", 9),
        (probes, gallery, "euclidean", 9),
        (probes, gallery, "cosine", 8),
    ]
    for ours, theirs, distance, top in others:
        with pytest.raises(ValueError, match="belongs to other probes, another gallery or other settings"):
            search_gallery(ours, theirs, distance=distance, top=top, store=store)
    good = store.kept[-1]
    for row in (-2, 200):
        store.kept = [replace(good, rows=np.full_like(good.rows, row))]
        with pytest.raises(ValueError, match="names templates that were not searched"):
            search_gallery(probes, gallery, distance="cosine", top=9, store=store)
    store.kept = [replace(good, done=0)]
    with pytest.raises(ValueError, match="belongs to other probes"):
        search_gallery(probes, gallery, distance="cosine", top=9, store=store)


def test_half_precision_is_searched_as_it_is() -> None:
    """float16 templates give what their values give in float32."""
    probes, gallery = made(5)
    half = Templates(gallery.vectors.astype(np.float16), gallery.people)
    full = Templates(half.vectors.astype(np.float32), gallery.people)

    found = search_gallery(probes, half, distance="cosine", top=9)

    assert _bytes(found) == _bytes(search_gallery(probes, full, distance="cosine", top=9))


def test_vectors_of_extreme_lengths_keep_their_order() -> None:
    """The bound on rounding grows with the vectors: near ties among long templates are told apart in float64."""
    generator = np.random.default_rng(6)
    near = 1e4 + generator.normal(size=(300, 64)) * 1e-3
    gallery = Templates(near.astype(np.float32), np.arange(300))
    probes = Templates((1e4 + generator.normal(size=(20, 64)) * 1e-3).astype(np.float32), 1000 + np.arange(20))

    found = search_gallery(probes, gallery, distance="euclidean", top=3)

    similarity = one_by_one(probes, gallery, "euclidean")
    best = np.sort(similarity, axis=1)[:, ::-1][:, :3]
    np.testing.assert_allclose(found.similarity, best, rtol=1e-12)


def test_what_cannot_be_searched_is_refused() -> None:
    """Shapes, types, an empty gallery, a vector without a direction."""
    one = Templates(np.ones((1, 3), np.float32), np.zeros(1, np.int64))
    nothing = Templates(np.zeros((0, 3), np.float32), np.zeros(0, np.int64))
    with pytest.raises(ValueError, match="the gallery is empty"):
        search_gallery(one, nothing, distance="cosine")
    with pytest.raises(ValueError, match="expected one of euclidean, cosine"):
        search_gallery(one, one, distance="dot")
    with pytest.raises(ValueError, match="top is 1 or more, not 0"):
        search_gallery(one, one, distance="cosine", top=0)
    with pytest.raises(ValueError, match="probes have 2 numbers each, templates of the gallery 3"):
        search_gallery(Templates(np.ones((1, 2), np.float32), np.zeros(1, np.int64)), one, distance="cosine")
    zero = Templates(np.array([[1, 1, 1], [0, 0, 0]], np.float32), np.arange(2))
    with pytest.raises(ValueError, match="template 1 is a vector of length 0"):
        search_gallery(one, zero, distance="cosine")
    with pytest.raises(ValueError, match="probe 1 is a vector of length 0"):
        search_gallery(zero, one, distance="cosine")
    huge = Templates(np.full((1, 3), 1e20, np.float32), np.zeros(1, np.int64))
    with pytest.raises(ValueError, match=r"template 0 is a vector of length 1\.73e\+20; float32 products need"):
        search_gallery(one, huge, distance="euclidean")
    assert search_gallery(nothing, one, distance="cosine").rows.shape == (0, 1)
    with pytest.raises(ValueError, match="must be float32 or float16, not float64"):
        Templates(np.ones((1, 3)), np.zeros(1, np.int64))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"not \(1, 3\) and \(2,\)"):
        Templates(np.ones((1, 3), np.float32), np.zeros(2, np.int64))
    with pytest.raises(ValueError, match="must be int64, not int32"):
        Templates(np.ones((1, 3), np.float32), np.zeros(1, np.int32))
