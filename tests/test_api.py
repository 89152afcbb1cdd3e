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


def test_lower_precision_is_emulated(source: Path, tmp_path: Path) -> None:
    x = np.array([[0.1, 1e6]], np.float32)
    (result,) = modelc.run(source, {"x": x}, precision="force_fp16").values()
    assert result.tolist() == [[0.0999755859375, np.inf]]
    keep = tmp_path / "keep.txt"
    keep.write_text("OpType::Relu\n", "utf-8")
    (result,) = modelc.run(source, {"x": x}, precision="force_fp16", keep_dtype=keep).values()
    np.testing.assert_array_equal(result, x)
    artifact = modelc.compile(source, tmp_path / "relu.om", batch_size=1).artifact
    assert artifact is not None
    verification = modelc.verify(source, artifact.path, {"x": x}, precision="force_fp16")
    assert not verification.equal
    assert verification.precision is not None
    assert [op.kind for op in verification.precision.kept] == ["ge.Relu"]


def test_costs_are_counted(source: Path) -> None:
    analysis = modelc.analyze(source, batch_size=3)
    assert (analysis.total.other, analysis.total.read, analysis.total.written) == (6, 24, 24)


def test_everything_public_is_there() -> None:
    assert all(getattr(modelc, name) for name in modelc.__all__)
    with pytest.raises(AttributeError, match="nonesuch"):
        modelc.nonesuch  # noqa: B018
