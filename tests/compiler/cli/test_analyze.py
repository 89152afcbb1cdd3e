"""`modelc analyze`: what it prints, for one shape and for several."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelc.cli.main import main

MODEL = """graph @main(%x: f32[?, 4]) attributes {names = ["image"]} {
  %w = const splat<1.0> : f32[4, 8]
  %product = ge.MatMulV2(%x, %w) : f32[?, 8] loc(tensorflow "dense/MatMul" MatMul)
  %y = ge.Relu(%product) : f32[?, 8]
  return %y {names = ["scores"]}
}
"""


@pytest.fixture(name="model")
def _model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("model.mir").write_text(MODEL, "utf-8")
    return "model.mir"


def test_sums_and_kinds(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", model, "--batch-size", "2"]) == 0
    out = capsys.readouterr().out
    assert "parameters   32 (128 bytes with all constants)" in out
    assert "arithmetic   64 MACs, 16 other operations" in out
    assert "ge.MatMulV2    1" in out
    assert " f32[2, 8] " not in out


def test_ops_are_listed_and_sorted_where_asked_for(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", model, "--batch-size", "2", "--per-op", "--sort", "other"]) == 0
    lines = [line.split()[0] for line in capsys.readouterr().out.splitlines() if " f32[2, 8] " in line]
    assert lines == ["y", "dense/MatMul"]


def test_several_batch_sizes_are_compared(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", model, "--batch-size", "1, 8"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[:4] for line in out.splitlines() if line.startswith("batch")] == [
        ["batch", "1", "32", "32"],
        ["batch", "8", "32", "256"],
    ]


def test_ops_are_listed_for_each_batch_size(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", model, "--batch-size", "1,8", "--per-op"]) == 0
    out = capsys.readouterr().out
    assert [f" f32[{batch}, 8] " in out for batch in (1, 2, 8)] == [True, False, True]


def test_several_shapes_are_compared(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["analyze", model, "--input-shape", "image:3,4", "--input-shape", "image:5,4", "--format", "json"]
    assert main(command) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(each["shapes"], each["macs"]) for each in document["variants"]] == [("image:3,4", 96), ("image:5,4", 160)]


def test_a_document_has_ops_and_the_plan_where_asked_for(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["analyze", model, "--batch-size", "1", "--format", "json"]
    assert main(command) == 0
    (plain,) = json.loads(capsys.readouterr().out)["variants"]
    assert "ops" not in plain
    assert main([*command, "--per-op"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["variants"]
    assert [each["kind"] for each in found["ops"]] == ["ge.MatMulV2", "ge.Relu"]
    assert [each["size"] for each in found["buffers"]] == [512, 512, 512]
    assert found["memory"] == {"peak": 1024, "least": 1024, "least_at": "dense/MatMul", "without_reuse": 1536}


def test_an_artifact_has_its_own_shapes(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", model, "-o", "model.om", "--batch-size", "2"]) == 0
    capsys.readouterr()
    assert main(["analyze", "model.om"]) == 0
    assert "64 MACs" in capsys.readouterr().out
    assert main(["analyze", "model.om", "--batch-size", "4"]) == 1
    assert "MC408" in capsys.readouterr().err


def test_a_shape_that_is_missing_is_asked_for(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", model]) == 1
    assert "--batch-size 1" in capsys.readouterr().err


def test_a_bad_number_is_refused(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", model, "--batch-size", "1,0"]) == 2
    assert "`0` is not a whole number above zero" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["check", "compile"])
def test_what_a_model_costs_is_part_of_other_documents(
    command: str, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, model, "--batch-size", "2", "--format", "json"]) == 0
    analysis = json.loads(capsys.readouterr().out)["analysis"]
    assert (analysis["parameters"], analysis["macs"], analysis["memory"]["peak"]) == (32, 64, 1024)


def test_a_model_that_is_rejected_has_no_costs(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", model, "--format", "json"]) == 1
    assert "analysis" not in json.loads(capsys.readouterr().out)
