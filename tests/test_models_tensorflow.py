"""Real models, end to end: saved by TensorFlow, compiled without it, read back from bytes, numbers compared."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tf_models import MODELS

from modelc.diagnostics.diagnostic import Sink
from modelc.driver import Settings, compile_model
from modelc.execute.compare import compare
from modelc.execute.execution import start
from modelc.frontends.frontend import LoadOptions
from modelc.frontends.load import load

pytest.importorskip("tensorflow")
SCRIPT = Path(__file__).parent / "models" / "references.py"
LARGEST_ERROR = 1e-4


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([sys.executable, str(SCRIPT), str(folder)], check=True, capture_output=True)
    return folder


@pytest.mark.parametrize(
    ("target", "engine"), [("om", "numpy"), ("air", "onnxruntime"), ("onnx", "onnxruntime")], ids=("om", "air", "onnx")
)
@pytest.mark.parametrize("name", MODELS)
def test_the_artifact_computes_what_tensorflow_computes(
    models: Path, tmp_path: Path, name: str, target: str, engine: str
) -> None:
    case = MODELS[name]
    output = tmp_path / f"model.{target}"
    settings = Settings(
        target=target, input_shape=case.input_shape, batch_size=case.batch_size, signature=case.signature
    )
    compilation = compile_model(case.path(models, name), output, settings)
    assert not compilation.errors, [d.message for d in compilation.errors]
    model = load(output, LoadOptions(), Sink())
    with np.load(models / f"{name}.npz") as archive:
        arrays = {key.replace("____", "/"): archive[key] for key in archive.files}
    feeds = {key.removeprefix("in:"): array for key, array in arrays.items() if key.startswith("in:")}
    actual = start(engine, model).run(feeds)
    assert sorted(actual) == sorted(key.removeprefix("out:") for key in arrays if key.startswith("out:"))
    for key, array in actual.items():
        result = compare(key, arrays[f"out:{key}"], array)
        assert result.equal, result.text()
        assert array.dtype.kind != "f" or result.max_rel < LARGEST_ERROR, result.text()


def test_compiling_imports_no_tensorflow(models: Path, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "for name in ('tensorflow', 'keras', 'onnx'):\n    sys.modules[name] = None\n"
        "from modelc.cli.main import main\n"
        f"sys.exit(main(['compile', {str(models / 'keras_export')!r}, '--batch-size', '1', "
        f"'-o', {str(tmp_path / 'm.om')!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "m.om").stat().st_size > 1000
