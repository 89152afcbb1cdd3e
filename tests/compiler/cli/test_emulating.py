"""Lower precision on the command line: what `run` and `verify` say and write, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelc.cli.main import main

MODEL = """graph @main(%x: f32[4]) attributes {names = ["image"]} {
  %square = ge.Square(%x) : f32[4] loc(tensorflow "block/square" Square)
  %y = ge.Sqrt(%square) : f32[4] loc(tensorflow "block/root" Sqrt)
  return %y {names = ["size"]}
}
"""


@pytest.fixture(name="model")
def _model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("model.mir").write_text(MODEL, "utf-8")
    np.savez("in.npz", image=np.array([300, 1, 2, 3], np.float32))
    return "model.mir"


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(capsys.readouterr().out)
    return loaded


def test_an_overflow_is_told_in_the_names_of_the_source(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", model, "--inputs", "in.npz", "--precision", "force_fp16", "-o", "out.npz"]) == 0
    output = capsys.readouterr()
    assert "`block/square` (ge.Square) overflows float16: 1 number is beyond 65504" in output.err
    assert "emulated on the CPU; no device took part" in output.out
    with np.load("out.npz") as arrays:
        assert arrays["size"].tolist() == [np.inf, 1, 2, 3]


def test_what_to_keep_is_written_and_read_again(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["run", model, "--inputs", "in.npz", "--precision", "fp16", "--format", "json"]
    assert main([*command, "--keep-dtype-list", "keep.txt"]) == 0
    found = document(capsys)["precision"]
    assert found["keep"]["ops"] == ["block/square", "block/root"]
    assert Path("keep.txt").read_text("utf-8") == "block/square\nblock/root\n"
    assert main([*command, "--keep-dtype", "keep.txt"]) == 0
    again = document(capsys)["precision"]
    assert again["equal"] is True
    assert again["losses"] == []


def test_a_written_list_holds_what_was_given(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("given.txt").write_text("OpType::Square\n", "utf-8")
    command = ["run", model, "--inputs", "in.npz", "--precision", "fp16", "--keep-dtype", "given.txt"]
    assert main([*command, "--keep-dtype-list", "keep.txt"]) == 0
    capsys.readouterr()
    assert Path("keep.txt").read_text("utf-8") == "block/square\nblock/root\n"


def test_no_list_is_written_where_nothing_helps(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(model).write_text(MODEL.replace("Square(%x)", "Exp(%x)"), "utf-8")  # the Ascend 310 has no other Exp
    np.savez("in.npz", image=np.array([20, 1, 2, 3], np.float32))
    command = ["run", model, "--inputs", "in.npz", "--precision", "fp16", "--soc", "ascend310"]
    assert main([*command, "--keep-dtype-list", "keep.txt"]) == 0
    assert "was not written" in capsys.readouterr().err
    assert not Path("keep.txt").exists()


def test_an_artifact_that_fails_in_lower_precision_is_not_equal(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", model, "-o", "model.om"]) == 0
    capsys.readouterr()
    verify = ["verify", model, "model.om", "--inputs", "in.npz", "--precision"]
    assert main([*verify, "force_fp16"]) == 1
    output = capsys.readouterr()
    assert "NOT equal: in lower precision the artifact computes something else" in output.out
    assert "keep in float32: 2 ops" in output.out
    assert "MC621" in output.err
    assert main([*verify, "must_keep_origin_dtype", "--format", "json"]) == 0
    assert document(capsys)["precision"]["narrowed"] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--keep-dtype", "keep.txt"], "`--keep-dtype` says nothing without a precision mode"),
        (["--soc", "ascend310p"], "`--soc` says nothing without a precision mode"),
        (["--precision", "fp16", "--engine", "onnxruntime"], "cannot emulate lower precision, only numpy can"),
        (["--precision", "half"], "there is no precision mode `half`"),
        (["--precision", "fp16", "--soc", "ascend999"], "there is no chip `ascend999`"),
    ],
)
def test_what_does_not_fit_is_refused(
    model: str, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(["run", model, *words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("words", [["run", "--precision", "fp16"], ["analyze"]])
def test_a_file_that_no_device_takes_is_refused(
    model: str, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main(["compile", model, "--target", "onnx", "-o", "model.onnx"]) == 0
    assert main([words[0], "model.onnx", *words[1:]]) == 1
    assert "MC713" in capsys.readouterr().err


def test_a_list_that_cannot_be_written_is_refused_before_anything_runs(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("nowhere/keep.txt", model):
        assert main(["run", model, "--precision", "fp16", "--keep-dtype-list", name]) == 1
        output = capsys.readouterr()
        assert "MC503" in output.err
        assert not output.out


def test_single_tensors_are_not_compared(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", model, model, "--precision", "fp16", "--per-op"]) == 2
    assert "leave out --per-op" in capsys.readouterr().err
