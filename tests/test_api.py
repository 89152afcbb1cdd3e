"""The Python API."""

from pathlib import Path

import numpy as np
import pytest

import modelc
from modelc.diagnostics.diagnostic import ModelcError

TEXT = """graph @main(%x: f32[?, 2]) {
  %y = ge.Relu(%x) : f32[?, 2]
  return %y {names = ["positive"]}
}
"""


@pytest.fixture(name="source")
def _source(tmp_path: Path) -> Path:
    path = tmp_path / "relu.mir"
    path.write_text(TEXT)
    return path


def test_compile_run_and_load(source: Path) -> None:
    compilation = modelc.compile(source, source.with_suffix(".om"), batch_size=2)
    assert compilation.ok
    assert compilation.artifact is not None
    x = np.array([[1, -1], [-2, 3]], np.float32)
    (result,) = modelc.run(compilation.artifact.path, {"x": x}).values()
    np.testing.assert_array_equal(result, np.maximum(x, 0))
    assert modelc.load(compilation.artifact.path).graph.output_names == ("positive",)


def test_check_reports_and_never_raises(source: Path) -> None:
    compilation = modelc.check(source)
    assert not compilation.ok
    assert [diagnostic.code for diagnostic in compilation.errors] == ["MC202"]


def test_compile_raises_with_every_finding(source: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelcError, match=r"MC202.*unknown dimensions"):
        modelc.compile(source, tmp_path / "relu.om")
    assert not (tmp_path / "relu.om").exists()


def test_everything_public_is_there() -> None:
    assert all(getattr(modelc, name) for name in modelc.__all__)
    with pytest.raises(AttributeError, match="nonesuch"):
        modelc.nonesuch  # noqa: B018
