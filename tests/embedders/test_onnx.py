"""Networks in ONNX files: what they answer, how they are fed, and what is refused."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import ExternalDataInfo, set_external_data

from facecheck.alignment import WholeImage
from facecheck.detection.selection import ChosenFace
from facecheck.embedders.onnx_network import OnnxNetwork, external_files, external_locations
from facecheck.embedders.preprocessing import IMAGENET, Preprocessing
from facecheck.embedders.protobuf import fields
from facecheck.errors import ModelError
from facecheck.evaluation.timing import ModelSize, model_size
from facecheck.faces import Image
from facecheck.models import Settings, build, check, split_models
from facecheck.models.recognizer import Recognizer
from facecheck.storage.weights import file_sha256
from tests.support.photographs import crowd
from tests.support.weights_at_hand import at_hand

CPU = Settings(device=torch.device("cpu"))
SIDE, DIMENSIONS = 4, 5
MATRIX = np.random.default_rng(0).normal(size=(3 * SIDE * SIDE, DIMENSIONS)).astype(np.float32)
HOW = f"size={SIDE}&mean=10/20/30&std=2/4/8"


def linear(path: Path, *, batch: int | str = "n", nhwc: bool = False, kind: int = TensorProto.FLOAT) -> Path:
    """Write a model that flattens its picture and multiplies it by MATRIX."""
    shape = [batch, SIDE, SIDE, 3] if nhwc else [batch, 3, SIDE, SIDE]
    matrix = MATRIX.reshape(3, SIDE, SIDE, DIMENSIONS).transpose(1, 2, 0, 3).reshape(-1, DIMENSIONS) if nhwc else MATRIX
    weights = numpy_helper.from_array(np.ascontiguousarray(matrix).astype(helper.tensor_dtype_to_np_dtype(kind)), "w")
    nodes = [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["y"])]
    return written(path, nodes, [weights], shape, kind)


def written(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    weights: Sequence[TensorProto],
    shape: Sequence[int | str],
    kind: int = TensorProto.FLOAT,
) -> Path:
    """Write a model of one input x and one output y."""
    taken, given_back = helper.make_tensor_value_info("x", kind, shape), helper.make_tensor_value_info("y", kind, None)
    graph = helper.make_graph(nodes, "g", [taken], [given_back], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path


def crops(count: int) -> Image:
    return np.random.default_rng(1).integers(0, 256, (count, SIDE, SIDE, 3)).astype(np.uint8)


def by_hand(pictures: Image) -> npt.NDArray[np.float32]:
    """Feed and multiply in numpy: mean 10/20/30, std 2/4/8, channels first."""
    fed = (pictures.astype(np.float32) - np.array([10, 20, 30])) / np.array([2, 4, 8])
    return np.asarray(fed.transpose(0, 3, 1, 2).reshape(len(pictures), -1) @ MATRIX, dtype=np.float32)


@pytest.mark.parametrize("batch", ["n", 1, 2, 7])
@pytest.mark.parametrize("nhwc", [False, True], ids=["nchw", "nhwc"])
def test_any_layout_and_number_of_pictures_gives_the_same(batch: int | str, nhwc: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter
    """A model for one, two or seven pictures at once is run as often as needed."""
    recognizer = build(f"onnx:{linear(tmp_path / 'm.onnx', batch=batch, nhwc=nhwc)}?{HOW}&l2=no", CPU)

    for count in (1, 2, 5):
        np.testing.assert_allclose(recognizer.embed(crops(count)), by_hand(crops(count)), rtol=1e-4, atol=1e-3)
    assert recognizer.embed(crops(0)).shape == (0, DIMENSIONS)


def test_its_size_is_that_of_its_files(tmp_path: Path) -> None:
    """Another runtime holds its tensors; accuracy is compared with the size of its files."""
    path = linear(tmp_path / "m.onnx")

    size = model_size(build(f"onnx:{path}?{HOW}", CPU))

    assert size == ModelSize(None, path.stat().st_size / 1e6)


def test_half_precision_models_get_float16(tmp_path: Path) -> None:
    """And answer in float32, within their own precision."""
    recognizer = build(f"onnx:{linear(tmp_path / 'm.onnx', kind=TensorProto.FLOAT16)}?{HOW}&l2=no", CPU)

    vectors = recognizer.embed(crops(3))

    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, by_hand(crops(3)), atol=1)


def test_colour_length_and_flip_are_the_contracts(tmp_path: Path) -> None:
    """BGR reverses the channels before mean and std are applied; length one; the mirrored crop's vector is appended."""
    path = linear(tmp_path / "m.onnx")
    recognizer = build(f"onnx:{path}?{HOW}&colour=bgr&flip=concat", CPU)

    turned = crops(2)[..., ::-1]
    expected = np.hstack((by_hand(turned), by_hand(turned[:, :, ::-1])))
    np.testing.assert_allclose(
        recognizer.embed(crops(2)), expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-5
    )
    assert recognizer.name == "m?colour=bgr&flip=concat"
    assert recognizer.contract.preprocessing == Preprocessing(mean=(10, 20, 30), std=(2, 4, 8), colour="bgr")


def test_outputs_with_axes_of_one_are_vectors(tmp_path: Path) -> None:
    """(n, 3, 1, 1), as a pooling layer leaves it."""
    nodes = [helper.make_node("GlobalAveragePool", ["x"], ["y"])]
    path = written(tmp_path / "m.onnx", nodes, [], ["n", 3, "h", "w"])

    vectors = build(f"onnx:{path}?size=8&mean=0&std=1&l2=no", CPU).embed(np.full((2, 8, 8, 3), 7, dtype=np.uint8))

    assert vectors.tolist() == [[7, 7, 7]] * 2


# Inputs and outputs as other people's exports have them.


def several(path: Path, *, constant: int = TensorProto.BOOL, shape: Sequence[int | str] = ()) -> Path:
    """Write a model as an old FaceNet export: pictures, a switch, a second output that is half of the first."""
    nodes = [
        helper.make_node("Flatten", ["pictures:0"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["product"]),
        helper.make_node("Cast", ["phase_train:0"], ["switch"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["product", "switch"], ["embeddings:0"]),
        helper.make_node("Mul", ["embeddings:0", "half"], ["halved"]),
    ]
    weights = [numpy_helper.from_array(MATRIX, "w"), numpy_helper.from_array(np.array(0.5, dtype=np.float32), "half")]
    inputs = [
        helper.make_tensor_value_info("phase_train:0", constant, shape),
        helper.make_tensor_value_info("pictures:0", TensorProto.FLOAT, ["n", 3, SIDE, SIDE]),
    ]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("embeddings:0", "halved")]
    graph = helper.make_graph(nodes, "g", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param("constants=phase_train:0:false", (1, 0), id="the first output"),
        pytest.param("constants=phase_train:0:true", (1, 1), id="true"),
        pytest.param("constants=phase_train:0:0&output=halved", (0.5, 0), id="by name"),
        pytest.param("constants=phase_train:0:False&input=pictures:0&output=embeddings:0", (1, 0), id="all named"),
    ],
)
def test_inputs_and_outputs_are_chosen_by_name(options: str, expected: tuple[float, float], tmp_path: Path) -> None:
    """The pictures go where four axes are; a switch gets the value that is stated."""
    recognizer = build(f"onnx:{several(tmp_path / 'm.onnx')}?{HOW}&l2=no&{options}", CPU)

    factor, added = expected
    np.testing.assert_allclose(recognizer.embed(crops(3)), factor * by_hand(crops(3)) + added, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("constant", "shape", "value"),
    [
        pytest.param(TensorProto.FLOAT, [], "0.25", id="float"),
        pytest.param(TensorProto.DOUBLE, [1], "-2", id="double in an axis"),
        pytest.param(TensorProto.INT64, [1, 1], "3", id="int64 in two axes"),
        pytest.param(TensorProto.INT32, ["k"], "3", id="int32, any number"),
        pytest.param(TensorProto.FLOAT16, [], "0.1", id="half precision"),
    ],
)
def test_a_constant_takes_the_type_and_shape_of_its_input(
    constant: int, shape: Sequence[int | str], value: str, tmp_path: Path
) -> None:
    """One number, as often as the input has places."""
    path = several(tmp_path / "m.onnx", constant=constant, shape=shape)

    vectors = build(f"onnx:{path}?{HOW}&l2=no&constants=phase_train:0:{value}", CPU).embed(crops(2))

    np.testing.assert_allclose(vectors, by_hand(crops(2)) + float(value), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param("l2=no", r"besides .* phase_train:0 tensor\(bool\) \[\]: give its value, const", id="none"),
        pytest.param("constants=phase_train:0:maybe", "0:maybe: expected a number, true or false", id="word"),
        pytest.param("constants=phase_train:0:2", r"0:2: .* that tensor\(bool\) holds", id="two for a bool"),
        pytest.param("constants=phase_train:0:nan", "0:nan: expected a number", id="nan"),
        pytest.param("constants=phase:1;phase_train:0:1", r"no other input .* Known: phase_train:0", id="name"),
        pytest.param("constants=phase_train", "expected the values of further inputs, NAME:VALUE", id="no value"),
        pytest.param("constants=a:1;a:2", "NAME:VALUE, each once", id="twice"),
        pytest.param("constants=phase_train:0:1&output=half", r"output=half: .* Did you mean halved", id="output"),
        pytest.param("constants=phase_train:0:1&input=phase_train:0", "called 'phase_train:0', got", id="input"),
    ],
)
def test_an_input_or_output_that_is_not_there_is_refused(options: str, message: str, tmp_path: Path) -> None:
    """With the names that are."""
    with pytest.raises(ModelError, match=message):
        build(f"onnx:{several(tmp_path / 'm.onnx')}?{HOW}&{options}", CPU)


def test_of_two_inputs_that_could_take_pictures_one_is_named(tmp_path: Path) -> None:
    """Which of them is not guessed."""
    shape: list[int | str] = ["n", 3, SIDE, SIDE]
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("a", "b")]
    graph = helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["y"])], "g", inputs, [helper.make_tensor_value_info("y", 1, None)]
    )
    path = tmp_path / "m.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())

    with pytest.raises(ModelError, match="which input takes the pictures"):
        build(f"onnx:{path}?{HOW}", CPU)


def test_a_network_that_takes_bytes_gets_the_pixels_as_they_are(tmp_path: Path) -> None:
    """Its preprocessing is a part of it: mean and std need not be stated, and others are refused."""
    nodes = [
        helper.make_node("Cast", ["x"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["floats"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["y"]),
    ]
    path = tmp_path / "m.onnx"
    taken = helper.make_tensor_value_info("x", TensorProto.UINT8, ["n", SIDE, SIDE, 3])
    matrix = numpy_helper.from_array(np.ascontiguousarray(MATRIX), "w")
    graph = helper.make_graph(nodes, "g", [taken], [helper.make_tensor_value_info("y", 1, None)], [matrix])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())

    recognizer = build(f"onnx:{path}?l2=no", CPU)

    expected = crops(3).reshape(3, -1).astype(np.float32) @ MATRIX
    np.testing.assert_allclose(recognizer.embed(crops(3)), expected, rtol=1e-4, atol=1e-2)
    assert recognizer.contract.preprocessing == Preprocessing(mean=(0, 0, 0), std=(1, 1, 1))
    assert build(f"onnx:{path}?mean=0&std=1", CPU).fingerprint == build(f"onnx:{path}", CPU).fingerprint
    with pytest.raises(ModelError, match="takes bytes, so that its preprocessing is a part of it: leave mean and std"):
        build(f"onnx:{path}?mean=127.5&std=127.5", CPU)


def test_of_two_outputs_the_first_is_taken(tmp_path: Path) -> None:
    """Where none is named; vectors and, say, norms."""
    weights = numpy_helper.from_array(np.ascontiguousarray(MATRIX), "w")
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["y"]),
        helper.make_node("ReduceL2", ["y"], ["norms"], keepdims=1, noop_with_empty_axes=1),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("y", "norms")]
    path = tmp_path / "m.onnx"
    graph = helper.make_graph(nodes, "g", inputs, outputs, [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())

    recognizer = build(f"onnx:{path}?{HOW}&l2=no", CPU)
    np.testing.assert_allclose(recognizer.embed(crops(3)), by_hand(crops(3)), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("target", [[1, -1], [1, 3 * SIDE * SIDE]], ids=["joined", "refused"])
def test_a_batch_that_is_declared_and_cannot_be_done_is_run_one_at_a_time(target: list[int], tmp_path: Path) -> None:
    """An export with its example's batch of one written into a reshape, declaring any number."""
    weights = [numpy_helper.from_array(MATRIX, "w"), numpy_helper.from_array(np.array(target), "target")]
    nodes = [helper.make_node("Reshape", ["x", "target"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["y"])]
    recognizer = build(f"onnx:{written(tmp_path / 'm.onnx', nodes, weights, ['n', 3, SIDE, SIDE])}?{HOW}&l2=no", CPU)

    for count in (5, 1, 2):
        np.testing.assert_allclose(recognizer.embed(crops(count)), by_hand(crops(count)), rtol=1e-4, atol=1e-3)


def test_a_network_that_can_do_no_batch_says_why(tmp_path: Path) -> None:
    """With the reason for the batch."""
    weights = [numpy_helper.from_array(MATRIX[:5], "w")]
    nodes = [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["y"])]
    path = written(tmp_path / "m.onnx", nodes, weights, ["n", "c", SIDE, SIDE])

    with pytest.raises(ModelError, match=r"cannot run \(3, 3, 4, 4\) pictures"):
        build(f"onnx:{path}?{HOW}&l2=no&layout=nchw", CPU).embed(crops(3))


def test_in_a_worker_onnxruntime_uses_one_thread(tmp_path: Path) -> None:
    """The pipeline gives each worker one thread of torch's: the session follows it, and another serves the rest."""
    network = OnnxNetwork(linear(tmp_path / "m.onnx"), device=CPU.device)
    outside = torch.get_num_threads()
    with ThreadPoolExecutor(1, initializer=lambda: torch.set_num_threads(1)) as worker:
        answered = worker.submit(network, torch.zeros(1, 3, SIDE, SIDE)).result()

    assert torch.equal(answered, network(torch.zeros(1, 3, SIDE, SIDE)))
    assert set(network._sessions) == {1, outside}
    assert network._sessions[1].get_session_options().intra_op_num_threads == 1


def test_the_hash_is_that_of_the_file(tmp_path: Path) -> None:
    """Another byte, another model in the reports."""
    path = linear(tmp_path / "m.onnx")

    assert build(f"onnx:{path}?{HOW}", CPU).contract.weights_sha256 == file_sha256(path)


# Contracts: stated, known, or contradicted.


@pytest.mark.parametrize(
    ("options", "missing"),
    [
        pytest.param("", "State mean, std:", id="nothing"),
        pytest.param("?mean=127.5", "State std:", id="no std"),
        pytest.param("?size=4&std=1", "State mean:", id="no mean"),
    ],
)
def test_an_unknown_file_without_a_contract_is_refused(options: str, missing: str, tmp_path: Path) -> None:
    """With what to state, in words that can be copied."""
    path = linear(tmp_path / "m.onnx")

    with pytest.raises(ModelError) as raised:
        build(f"onnx:{path}{options}", CPU)

    assert missing in str(raised.value)
    assert f"onnx:{path}?size=112&mean=127.5&std=127.5" in str(raised.value)


@pytest.mark.parametrize(
    "options",
    ["mean=1,2", "std=x", "size=0", "colour=BRG", "align=5p", "l2=maybe", "distance=far", "flip=up", "layout=chw",
     "contract=yours", "policy=first!", "fallback=x", "threshold=-1", "threshold=nan", "margin=1.5", "margin=4&size=4"],
)  # fmt: skip
def test_a_wrong_value_is_refused_before_anything_is_built(options: str, tmp_path: Path) -> None:
    """By the check that every run makes before its first case."""
    (tmp_path / "m.onnx").touch()

    with pytest.raises(ModelError, match=options.split("=", maxsplit=1)[0]):
        check(f"onnx:{tmp_path / 'm.onnx'}?{options}")


def test_a_size_that_the_file_does_not_declare_must_be_stated(tmp_path: Path) -> None:
    """Where the file does, it need not."""
    any_size = written(
        tmp_path / "a.onnx", [helper.make_node("GlobalAveragePool", ["x"], ["y"])], [], ["n", 3, "h", "w"]
    )

    with pytest.raises(ModelError, match="State size:"):
        build(f"onnx:{any_size}?mean=0&std=1", CPU)
    assert build(f"onnx:{linear(tmp_path / 'b.onnx')}?mean=0&std=1", CPU).aligner.shape == (SIDE, SIDE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param("size=5&mean=0&std=1", "takes crops of 4 px, size=5 was asked for", id="size of another"),
        pytest.param("size=0&mean=0&std=1", "size=0: expected the crop's side", id="size zero"),
        pytest.param("size=4.5&mean=0&std=1", "size=4.5: expected the crop's side", id="half a pixel"),
        pytest.param("mean=0/0&std=1", "mean=0/0: expected one number .* joined by / or commas", id="two numbers"),
        pytest.param("mean=1,2&std=1", "mean=1,2: expected one number .* joined by / or commas", id="two, comma"),
        pytest.param("mean=imagnet&std=1", "mean=imagnet: expected one number .* or imagenet", id="imagenet misspelt"),
        pytest.param("mean=x&std=1", "mean=x: expected one number", id="word"),
        pytest.param("mean=nan&std=1", "mean=nan: expected one number .* three finite numbers", id="nan"),
        pytest.param("mean=0&std=0", "std=0: the pixels are divided by it", id="std zero"),
        pytest.param("mean=0&std=1&colour=grb", r"colour=grb: unknown\. Did you mean", id="colour"),
        pytest.param("mean=0&std=1&align=5p", r"align=5p: unknown\. Did you mean 5pt", id="align"),
        pytest.param("mean=0&std=1&align=box", "align=box: state the margin", id="box without margin"),
        pytest.param("mean=0&std=1&margin=1", "only a box has a margin", id="margin without box"),
        pytest.param("mean=0&std=1&align=box&margin=4", "margin=4: expected whole pixels of the 4 px", id="margin"),
        pytest.param("mean=0&std=1&l2=maybe", "l2=maybe: unknown", id="l2"),
        pytest.param("mean=0&std=1&distance=manhattan", "distance=manhattan: unknown", id="distance"),
        pytest.param("mean=0&std=1&flip=up", "flip=up: unknown", id="flip"),
        pytest.param("mean=0&std=1&layout=chw", r"layout=chw: unknown\. Did you mean nchw", id="layout"),
        pytest.param("mean=0&std=1&contract=known", "contract=known, but this file is not known", id="known"),
        pytest.param("mean=0&std=1&contract=yours", "contract=yours: unknown", id="whose"),
        pytest.param("mean=0&std=1&policy=first!", "policy 'first!' is unknown", id="policy"),
    ],
)
def test_a_wrong_option_is_refused_by_name(options: str, message: str, tmp_path: Path) -> None:
    """Option, value, what was expected."""
    with pytest.raises(ModelError, match=message):
        build(f"onnx:{linear(tmp_path / 'm.onnx')}?{options}", CPU)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param("onnx:", r"expected a file, onnx:/path/to/file", id="no path"),
        pytest.param("onnx:/no/such/file.onnx", "no such file: /no/such/file.onnx", id="no file"),
        pytest.param("onnx:/", "no such file: /", id="folder"),
        pytest.param("onnx:m.onnx?syze=4", r"onnx has no option 'syze'\. Did you mean size\?", id="option"),
        pytest.param("onxn:m.onnx", "expected package.module:factory", id="kind"),
        pytest.param("onnx", "A network in a file is onnx:FILE", id="kind alone"),
    ],
)
def test_mistakes_are_reported_before_anything_is_built(spec: str, message: str) -> None:
    """By the check that every run makes first."""
    with pytest.raises(ModelError, match=message):
        check(spec)


def test_specifications_of_files_are_split_at_their_commas() -> None:
    """A comma before a number separates channels, before a name it separates models."""
    text = "onnx:a b.onnx?mean=1/2/3&std=4,dlib, onnx:c.onnx?mean=123.7,116.3, 103.5&std=imagenet,edgeface-xs"

    assert split_models(text) == [
        "onnx:a b.onnx?mean=1/2/3&std=4",
        "dlib",
        "onnx:c.onnx?mean=123.7,116.3, 103.5&std=imagenet",
        "edgeface-xs",
    ]


@pytest.mark.parametrize(
    ("spelt", "mean", "std"),
    [
        pytest.param("mean=123.7,116.3,103.5&std=58/57/56", (123.7, 116.3, 103.5), (58, 57, 56), id="commas"),
        pytest.param("mean=1, 2, 3&std=4", (1, 2, 3), (4, 4, 4), id="commas and spaces"),
        pytest.param("mean=imagenet&std=ImageNet", IMAGENET.mean, IMAGENET.std, id="imagenet"),
    ],
)
def test_three_channels_as_people_write_them(
    spelt: str, mean: tuple[float, ...], std: tuple[float, ...], tmp_path: Path
) -> None:
    """Slashes, commas, or the name of what everybody copies."""
    contract = build(f"onnx:{linear(tmp_path / 'm.onnx')}?{spelt}", CPU).contract

    assert (contract.preprocessing.mean, contract.preprocessing.std) == (mean, std)


def face_sized(path: Path) -> Path:
    """Write a model of any size, under a name of the test's choosing."""
    return written(path, [helper.make_node("GlobalAveragePool", ["x"], ["y"])], [], ["n", 3, 112, 112])


@pytest.mark.parametrize(
    ("name", "colour", "mean", "std", "distance", "threshold"),
    [
        pytest.param("w600k_r50.onnx", "rgb", 127.5, 127.5, "euclidean", None, id="buffalo_l"),
        pytest.param("w600k_mbf.onnx", "rgb", 127.5, 127.5, "euclidean", None, id="buffalo_s"),
        pytest.param("W600K_R50.onnx", "rgb", 127.5, 127.5, "euclidean", None, id="capitals"),
        pytest.param("arcface_w600k_r50.onnx", "rgb", 127.5, 127.5, "euclidean", None, id="facefusion's"),
        pytest.param("glint360k_r100.onnx", "rgb", 127.5, 127.5, "euclidean", None, id="glint360k"),
        pytest.param("glintr100.onnx", "rgb", 127.5, 127.5, "euclidean", None, id="antelopev2"),
        pytest.param("face_recognition_sface_2021dec.onnx", "rgb", 0, 1, "cosine", 0.637, id="sface"),
        pytest.param("face_recognition_sface_2021dec_int8.onnx", "rgb", 0, 1, "cosine", 0.637, id="sface int8"),
        pytest.param("adaface_ir50_ms1mv2.onnx", "bgr", 127.5, 127.5, "euclidean", None, id="adaface"),
    ],
)
def test_known_names_bring_their_contract(  # noqa: PLR0913, PLR0917 - a contract has this many parts
    name: str, colour: str, mean: float, std: float, distance: str, threshold: float | None, tmp_path: Path
) -> None:
    """Nothing need be stated, and saying the same again does no harm."""
    path = face_sized(tmp_path / name)

    for spec in (f"onnx:{path}", f"onnx:{path}?size=112&mean={mean}&std={std}&colour={colour}&l2=yes&align=5pt"):
        contract = build(spec, CPU).contract
        found = contract.as_dict()
        del found["weights_sha256"], found["flip"]
        assert tuple(found.values()) == ((mean,) * 3, (std,) * 3, colour, True, distance, "none", threshold)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        pytest.param("w600k_r50.onnx", "colour=bgr", "ArcFace, which takes colour=rgb, not colour=bgr", id="colour"),
        pytest.param("w600k_r50.onnx", "std=128", "takes std=127.5, not std=128", id="std"),
        pytest.param("w600k_r50.onnx", "mean=123.7/116.3/103.5", "takes mean=127.5, not mean=123.7/116.3", id="mean"),
        pytest.param("w600k_r50.onnx", "size=160", "takes size=112, not size=160", id="size"),
        pytest.param("w600k_r50.onnx", "align=box&margin=0", "takes align=5pt, not align=box", id="align"),
        pytest.param("w600k_r50.onnx", "l2=no", "takes l2=yes, not l2=no", id="l2"),
        pytest.param(
            "adaface_ir18.onnx", "colour=rgb", "AdaFace, which takes colour=bgr, not colour=rgb", id="adaface"
        ),
        pytest.param("face_recognition_sface_2021dec.onnx", "mean=127.5", "SFace, which takes mean=0", id="sface"),
        pytest.param("w600k_r50.onnx", "contract=mine", "State mean, std:", id="mine, unstated"),
    ],
)
def test_a_known_file_refuses_another_contract(name: str, options: str, message: str, tmp_path: Path) -> None:
    """The error names the family, the source and the way out."""
    with pytest.raises(ModelError, match=message):
        build(f"onnx:{face_sized(tmp_path / name)}?{options}", CPU)


def test_another_file_of_a_known_name_takes_the_stated_contract(tmp_path: Path) -> None:
    """With contract=mine nothing of the known one is used."""
    path = face_sized(tmp_path / "face_recognition_sface_2021dec.onnx")

    contract = build(f"onnx:{path}?contract=mine&mean=127.5&std=128&colour=bgr", CPU).contract

    assert contract.preprocessing == Preprocessing(std=(128,) * 3, colour="bgr")
    assert (contract.distance, contract.threshold) == ("euclidean", None)


def test_a_name_that_many_networks_have_is_not_known(tmp_path: Path) -> None:
    """MobileFaceNet.onnx is known by its hash alone."""
    with pytest.raises(ModelError, match="State mean, std"):
        build(f"onnx:{face_sized(tmp_path / 'MobileFaceNet.onnx')}", CPU)


@pytest.mark.parametrize(
    ("options", "aligner", "detector"),
    [
        pytest.param("", "five-point(4)", "mtcnn", id="default"),
        pytest.param("&align=5pt", "five-point(4)", "mtcnn", id="five points"),
        pytest.param("&align=box&margin=1", "box(4,margin=1)", "mtcnn", id="box"),
        pytest.param("&align=none", "whole-image(4)", "mtcnn", id="none"),
        pytest.param("&align=dlib", "dlib-chip(4,", "dlib-hog", id="dlib"),
    ],
)
def test_each_alignment_has_its_aligner_and_detector(options: str, aligner: str, detector: str, tmp_path: Path) -> None:
    """Five points need a detector with landmarks; dlib finds its own."""
    recognizer = build(f"onnx:{linear(tmp_path / 'm.onnx')}?{HOW}{options}", CPU)

    assert recognizer.aligner.identity.startswith(aligner)
    assert recognizer.detector.identity.startswith(detector)


def test_the_whole_picture_is_stretched_wherever_the_face_lies() -> None:
    """Four plain quarters of any shape become four quarters of a square."""
    picture = np.zeros((8, 16, 3), dtype=np.uint8)
    picture[:4, 8:], picture[4:, :8], picture[4:, 8:] = 50, 100, 150
    anywhere = ChosenFace(np.array([9, 9, 10, 10], dtype=np.float32), np.full((5, 2), np.nan, dtype=np.float32))

    crop = WholeImage(4).align(picture, anywhere)

    assert crop.shape == (4, 4, 3)
    assert crop[[0, 0, 3, 3], [0, 3, 0, 3], 0].tolist() == [0, 50, 100, 150]


# Files that are not what they should be.


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"not a model", id="text"),
        pytest.param(b"\xff" * 100, id="noise"),
        pytest.param(b"\x0a\xff\xff\xff\xff\x0f", id="claims four gigabytes"),
        pytest.param(b"\x08\x09", id="nothing but a version"),
        pytest.param(b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", id="endless integer"),
    ],
)
def test_what_is_no_model_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    """Whichever of the reader and onnxruntime fails on it."""
    (tmp_path / "m.onnx").write_bytes(content)

    with pytest.raises(ModelError, match=r"m\.onnx: not (an ONNX|a) model"):
        build(f"onnx:{tmp_path}/m.onnx?{HOW}", CPU)


@given(content=st.binary(max_size=200))
def test_noise_raises_nothing_but_value_errors(content: bytes) -> None:
    """The reader of fields and the search for tensors end on any bytes."""
    for read in (lambda: list(fields(memoryview(content))), lambda: external_locations(memoryview(content))):
        with contextlib.suppress(ValueError):
            read()


@given(cut=st.integers(0, 400), flipped=st.integers(0, 400), mask=st.integers(1, 255))
def test_a_damaged_model_is_refused_or_answers(cut: int, flipped: int, mask: int) -> None:
    """One byte changed and the end cut off: the search for tensors raises its own error or none."""
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [8], bytes(32), raw=True)
    set_external_data(tensor, location="w.bin")
    tensor.ClearField("raw_data")
    graph = helper.make_graph([helper.make_node("Identity", ["w"], ["y"])], "g", [], [], [tensor])
    content = bytearray(helper.make_model(graph).SerializeToString())
    content[flipped % len(content)] ^= mask

    with contextlib.suppress(ValueError):
        external_locations(memoryview(bytes(content[: len(content) - cut % len(content)])))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        pytest.param(
            ["n", 48], r"expected one input of floats or bytes \(n, 3, s, s\) or \(n, s, s, 3\), got x", id="flat"
        ),
        pytest.param(["n", "c", "h", "w"], "which axis of .* holds the channels.* layout=nchw", id="no channels"),
    ],
)
def test_other_inputs_are_described(shape: list[int | str], message: str, tmp_path: Path) -> None:
    """With their names, types and shapes, or the option that is missing."""
    path = written(tmp_path / "m.onnx", [helper.make_node("Identity", ["x"], ["y"])], [], shape)

    with pytest.raises(ModelError, match=message):
        build(f"onnx:{path}?{HOW}", CPU)


def test_the_layout_can_be_stated(tmp_path: Path) -> None:
    """A model of any shape gets the layout that the option states."""
    nodes = [helper.make_node("ReduceMean", ["x"], ["y"], axes=[1, 2], keepdims=0)]
    taken = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", "h", "w", "c"])
    back = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    model = helper.make_model(
        helper.make_graph(nodes, "g", [taken], [back]), opset_imports=[helper.make_opsetid("", 13)], ir_version=9
    )
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    picture = np.zeros((1, 6, 6, 3), dtype=np.uint8)
    picture[..., 1] = 9

    vectors = build(f"onnx:{tmp_path}/m.onnx?size=6&mean=0&std=1&l2=no&layout=nhwc", CPU).embed(picture)

    assert vectors.tolist() == [[0, 9, 0]]


def test_a_model_that_mixes_its_pictures_up_is_refused(tmp_path: Path) -> None:
    """One vector for all pictures is no embedding."""
    nodes = [helper.make_node("ReduceMean", ["x"], ["y"], keepdims=0)]
    path = written(tmp_path / "m.onnx", nodes, [], ["n", 3, SIDE, SIDE])

    with pytest.raises(ModelError, match=r"m\.onnx: expected \(n, d\) for \(2, 3, 4, 4\) pictures, got \(\)"):
        build(f"onnx:{path}?{HOW}", CPU).embed(crops(2))


def test_crops_of_another_size_are_reported_with_the_file(tmp_path: Path) -> None:
    """The message of onnxruntime, and the file."""
    recognizer = build(f"onnx:{linear(tmp_path / 'm.onnx')}?{HOW}", CPU)

    with pytest.raises(ModelError, match=r"m\.onnx: cannot run \(1, 3, 8, 8\) pictures: "):
        recognizer.embed(np.zeros((1, 8, 8, 3), dtype=np.uint8))


def test_another_precision_than_the_files_is_refused(tmp_path: Path) -> None:
    """It would change nothing, and the report would say otherwise."""
    with pytest.raises(ModelError, match="computes in the numbers that it was exported in: --facecheck-precision bf16"):
        build(f"onnx:{linear(tmp_path / 'm.onnx')}?{HOW}", Settings(device=CPU.device, precision="bf16"))


def test_a_device_without_its_provider_is_refused(tmp_path: Path) -> None:
    """A run on the CPU that is reported as one on the GPU would be worse."""
    path = linear(tmp_path / "m.onnx")

    with pytest.raises(ModelError, match=r"cannot run on meta here: install onnxruntime-gpu"):
        OnnxNetwork(path, device=torch.device("meta"))


# Tensors in other files.


def outside(path: Path, location: str, *, content: bytes | None = None) -> Path:
    """Write the linear model with its matrix in another file."""
    model = onnx.load(linear(path))
    tensor = model.graph.initializer[0]
    raw = tensor.raw_data
    set_external_data(tensor, location=location)
    tensor.ClearField("raw_data")
    path.write_bytes(model.SerializeToString())
    if content is None and not Path(location).is_absolute():
        (path.parent / location).parent.mkdir(parents=True, exist_ok=True)
        (path.parent / location).write_bytes(raw)
    return path


@pytest.mark.parametrize("location", ["m.onnx.data", "parts/w.bin", "./w.bin"])
def test_tensors_beside_the_model_are_read_and_hashed(location: str, tmp_path: Path) -> None:
    """The same answers; another matrix is another model."""
    path = outside(tmp_path / "m.onnx", location)
    first = build(f"onnx:{path}?{HOW}&l2=no", CPU)
    np.testing.assert_allclose(first.embed(crops(2)), by_hand(crops(2)), rtol=1e-4, atol=1e-3)

    (tmp_path / location).write_bytes((2 * MATRIX).tobytes())
    second = build(f"onnx:{path}?{HOW}&l2=no", CPU)

    assert external_files(path) == (tmp_path / location,)
    assert first.contract.weights_sha256 != second.contract.weights_sha256
    np.testing.assert_allclose(second.embed(crops(2)), 2 * by_hand(crops(2)), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("location", ["../secret", "parts/../../secret", "/etc/passwd", "a/../w.bin"])
def test_a_model_that_names_files_outside_its_folder_is_refused(location: str, tmp_path: Path) -> None:
    """Before onnxruntime sees it."""
    (tmp_path / "secret").write_bytes(MATRIX.tobytes())
    (tmp_path / "inner" / "a").mkdir(parents=True)
    path = outside(tmp_path / "inner" / "m.onnx", location, content=b"")

    with pytest.raises(ModelError, match=r"m\.onnx: keeps tensors in '.*', outside its folder"):
        build(f"onnx:{path}?{HOW}", CPU)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    """An unpacked archive may hold links."""
    (tmp_path / "secret").write_bytes(MATRIX.tobytes())
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "w.bin").symlink_to(tmp_path / "secret")
    path = outside(tmp_path / "inner" / "m.onnx", "w.bin", content=b"")

    with pytest.raises(ModelError, match="outside its folder"):
        external_files(path)


def test_a_download_cache_that_links_both_into_one_folder_is_read(tmp_path: Path) -> None:
    """Hugging Face's keeps files by hash, and links from a folder a release."""
    (tmp_path / "blobs").mkdir()
    (tmp_path / "release").mkdir()
    real = outside(tmp_path / "blobs" / "m.onnx", "w.bin")
    for name in ("m.onnx", "w.bin"):
        (tmp_path / "release" / name).symlink_to(real.parent / name)

    assert external_files(tmp_path / "release" / "m.onnx") == (tmp_path / "release" / "w.bin",)


def test_a_file_that_does_not_lie_beside_the_model_is_named(tmp_path: Path) -> None:
    """An incomplete download."""
    path = outside(tmp_path / "m.onnx", "m.onnx.data", content=b"")

    with pytest.raises(ModelError, match=r"keeps tensors in 'm\.onnx\.data', which does not lie beside it: fetch both"):
        build(f"onnx:{path}?{HOW}", CPU)


def tensor_at(location: str) -> TensorProto:
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [1], bytes(4), raw=True)
    set_external_data(tensor, location=location)
    tensor.ClearField("raw_data")
    return tensor


@given(locations=st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=6, unique=True))
def test_tensors_are_found_wherever_the_format_may_hold_them(locations: list[str]) -> None:
    """Initialisers, constants, branches within branches, lists of tensors, functions."""
    tensors = [tensor_at(location) for location in locations]
    one, rest = tensors[0], tensors[1:]
    constant = helper.make_node("Constant", [], ["c"], value=one)
    branch = helper.make_graph([constant], "b", [], [], rest[:1])
    deeper = helper.make_graph([helper.make_node("If", ["q"], ["y"], then_branch=branch)], "d", [], [])
    many = helper.make_node("Many", [], ["z"], tensors=rest[1:2] or [one])
    node = helper.make_node("If", ["q"], ["y"], then_branch=deeper)
    function = helper.make_function(
        "f", "F", [], ["c"], [helper.make_node("Constant", [], ["c"], value=t) for t in rest[2:3]], []
    )
    graph = helper.make_graph([node, many], "g", [], [], rest[3:])
    model = helper.make_model(graph, functions=[function])

    assert external_locations(memoryview(model.SerializeToString())) == set(locations)
    assert ExternalDataInfo(one).location == locations[0]


def test_a_file_beyond_the_formats_bound_is_not_read(tmp_path: Path) -> None:
    """A sparse file of two gigabytes costs no memory."""
    path = tmp_path / "m.onnx"
    with path.open("wb") as stream:
        stream.truncate(2**31)

    with pytest.raises(ModelError, match="two GiB or more"):
        build(f"onnx:{path}?{HOW}", CPU)


# The real one.


def test_mobilefacenet_answers_as_opencv_runs_it() -> None:
    """Another engine, another implementation of the contract: ImageNet's mean and std."""
    path = at_hand("MobileFaceNet.onnx")
    picture = np.random.default_rng(3).integers(0, 256, (1, 112, 112, 3)).astype(np.uint8)
    fed = (picture[0] / 255 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    network = cv2.dnn.readNetFromONNX(str(path))
    network.setInput(fed.transpose(2, 0, 1)[None].astype(np.float32))
    theirs = network.forward().ravel()

    ours = build(f"onnx:{path}", CPU).embed(picture)[0]

    np.testing.assert_allclose(ours, theirs / np.linalg.norm(theirs), atol=1e-5)


def test_mobilefacenet_distinguishes_two_people() -> None:
    """The declared threshold accepts the genuine and rejects the impostor pair, one picture at a time."""
    recognizer = build(f"onnx:{at_hand('MobileFaceNet.onnx')}", CPU)
    hopper, collins, mirrored, also = (embed_one(recognizer, image) for image in crowd()[:4])
    threshold = recognizer.contract.threshold

    assert recognizer.name == "MobileFaceNet"
    assert threshold is not None
    assert np.linalg.norm(hopper - collins) > threshold
    assert np.linalg.norm(hopper - mirrored) <= threshold
    assert np.linalg.norm(collins - also) <= threshold


def embed_one(recognizer: Recognizer, image: Image) -> npt.NDArray[np.float32]:
    chosen = recognizer.policy.choose(recognizer.detector.detect([image])[0], image.shape)
    assert chosen is not None
    return np.asarray(recognizer.embed(recognizer.aligner.align(image, chosen)[None])[0])
