"""Runs in MLflow: metrics, parameters, tags and figures where its users look; written once."""

import dataclasses
import importlib
import sys
from pathlib import Path

import pytest

from facecheck.errors import FacecheckError
from facecheck.history.mlflow import export_run
from tests.support.histories import recorded, written


@pytest.mark.filterwarnings("ignore")  # MLflow's own: of its stores, of pydantic
def test_a_run_is_found_with_its_metrics_and_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a store of files; a second export adds nothing."""
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)  # MLflow puts artefacts into the working directory
    folder = written(dataclasses.replace(recorded(0), notes=("look here",)), tmp_path / "reports")
    (folder / "graphs").mkdir()
    (folder / "graphs" / "blur.png").write_bytes(b"png")
    uri = f"sqlite:///{tmp_path / 'mlflow.sqlite'}"
    (key,) = export_run(folder, uri)
    (again,) = export_run(folder, uri)

    client = mlflow.MlflowClient(tracking_uri=uri)
    found = client.get_run(key)
    assert again == key
    assert found.info.status == "FINISHED"
    assert found.data.tags["mlflow.source.git.commit"] == "1" * 40
    assert found.data.tags["facecheck.line"] == "door"
    assert found.data.tags["mlflow.note.content"] == "look here"
    assert found.data.params["contract.weights_sha256"] == f"{0:0<64}"
    assert found.data.metrics["verification/lfw-pairs/accuracy clean threshold"] == 0.985
    assert found.data.metrics["verification/lfw-pairs/accuracy blur 3 clean threshold"] == pytest.approx(0.885)
    names = {each.path for each in client.list_artifacts(key)} | {e.path for e in client.list_artifacts(key, "graphs")}
    assert {"results.json", "graphs/blur.png"} <= names


def test_without_mlflow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not installed with facecheck."""
    monkeypatch.setitem(sys.modules, "mlflow", None)
    importlib.invalidate_caches()

    with pytest.raises(FacecheckError, match=r"pip install 'facecheck\[mlflow\]'"):
        export_run(written(recorded(0), tmp_path), "file:///nowhere")
