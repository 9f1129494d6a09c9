"""What a file declares of itself is bounded before any memory is taken for it."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch
from onnx import TensorProto, helper

from facecheck.embedders.portions import in_portions
from facecheck.errors import ModelError
from facecheck.models import Settings, build

CPU = Settings(device=torch.device("cpu"))
HOW = "mean=127.5&std=127.5"


def pooled(path: Path, *, batch: int | str, side: int | str) -> Path:
    """Write a model that gives each picture's mean colour."""
    taken = helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3, side, side])
    given = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([helper.make_node("GlobalAveragePool", ["x"], ["y"])], "g", [taken], [given])
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()
    )
    return path


def test_absurd_crops_are_refused(tmp_path: Path) -> None:
    """Twenty thousand pixels a side would be 4.8 GB a crop."""
    with pytest.raises(ModelError, match=r"declares crops of 20000 px: expected at most 1024 px"):
        build(f"onnx:{pooled(tmp_path / 'm.onnx', batch='n', side=20_000)}?{HOW}", CPU)


def test_an_absurd_batch_is_refused(tmp_path: Path) -> None:
    """A million pictures at once: each batch would be filled up to that."""
    model = build(f"onnx:{pooled(tmp_path / 'm.onnx', batch=1_000_000, side=112)}?{HOW}", CPU)

    with pytest.raises(ModelError, match=r"^m: the network declares a batch of 1000000 pictures of \(3, 112, 112\)"):
        _ = model.identity


def test_a_large_batch_runs() -> None:
    """A thousand crops are not absurd."""
    given = in_portions(lambda portion: portion.mean((2, 3)), torch.ones(3, 3, 8, 8), 1000)

    assert given.shape == (3, 3)


@pytest.mark.parametrize("location", ["a\0b", "x" * 5000, "loop"])
def test_a_location_that_no_file_can_have_is_refused(location: str, tmp_path: Path) -> None:
    """A NUL in it, a name too long, a link to itself."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    model = onnx.load(pooled(tmp_path / "m.onnx", batch="n", side=8))
    tensor = model.graph.initializer.add(name="w", data_type=TensorProto.FLOAT, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())

    with pytest.raises(ModelError, match=r"m\.onnx: keeps tensors in "):
        build(f"onnx:{tmp_path / 'm.onnx'}?{HOW}&size=8", CPU)
