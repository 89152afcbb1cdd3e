"""The commands about artifacts and chips: diff, socs, and the options of compile and check that go with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelc.cli.main import main

MODEL = """graph @main(%x: f32[1, 9], %n: i32[1, 9]) {
  %one = const dense<1> : i32[]
  %top = ge.ArgMaxV2(%x, %one) {dtype = i64} : i64[1]
  %rest = ge.FloorMod(%n, %n) : i32[1, 9]
  return %top, %rest
}
"""


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.mir"
    path.write_text(MODEL, "utf-8")
    return path


@pytest.fixture
def other(tmp_path: Path) -> Path:
    path = tmp_path / "other.mir"
    path.write_text(MODEL.replace("FloorMod", "Maximum").replace("dense<1>", "dense<0>"), "utf-8")
    return path


def test_equal_models_end_with_zero(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", str(model), "-o", "model.om", "--profile", "cann-8"]) == 0
    assert main(["compile", str(model), "-o", "model.air", "--target", "air", "--profile", "cann-8"]) == 0
    capsys.readouterr()
    assert main(["diff", "model.om", "model.air"]) == 0
    assert capsys.readouterr().out == "equal: 2 ops and 1 weights are the same\n"


def test_different_models_end_with_one(model: Path, other: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", str(model), str(other)]) == 1
    output = capsys.readouterr()
    assert output.err == ""
    assert output.out.splitlines() == [
        "changed ops (1): 1 kind",
        "  ge.FloorMod `rest`",
        "    kind: ge.FloorMod -> ge.Maximum",
        "weights (1)",
        "  `one` i32[]: 1 of 1 numbers differ, max_abs 1, max_rel 1",
        "different: 1 ops and 0 weights are the same",
    ]


def test_differences_are_one_document(model: Path, other: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", str(model), str(other), "--format", "json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["equal"], document["a"], document["b"]) == (False, str(model), str(other))
    assert [change["now"] for change in document["changed"]] == ["rest"]


def test_a_source_and_its_artifact_are_told_to_be_unlike(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "source.mir"
    text = "// facts: lifted\n\ngraph @main(%x: f32[1, 9]) {\n  %y = tf.Relu(%x) {T = f32} : f32[*]\n  return %y\n}\n"
    source.write_text(text, "utf-8")
    assert main(["diff", str(source), str(model)]) == 1
    assert "`modelc verify` compares what they compute" in capsys.readouterr().err


def test_what_cannot_be_read_is_a_finding(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", str(model), "absent"]) == 1
    assert "error[MC101]" in capsys.readouterr().err


def test_chips_are_listed_and_one_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["socs"]) == 0
    listed = capsys.readouterr().out
    assert [line.split()[0] for line in listed.splitlines()[1:6]] == [
        *("ascend310", "ascend310p", "ascend310b", "ascend910", "ascend910b"),
    ]
    assert main(["socs", "Ascend310P3"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("ascend310p: ")
    assert "TopK " in shown
    assert main(["socs", "ascend999"]) == 2
    assert "error[MC410]" in capsys.readouterr().err


def test_chips_of_ones_own_are_listed_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.json"
    path.write_text('{"chips": {"mychip": {}}, "kernels": {"Abs": [{"chips": ["mychip"]}]}}', "utf-8")
    assert main(["socs", "mychip", "--kernels", str(path)]) == 0
    assert "Abs  cores" in capsys.readouterr().out


def test_chips_are_documents(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["socs", "--format", "json"]) == 0
    chips = json.loads(capsys.readouterr().out)["chips"]
    assert len(chips) == 5
    assert main(["socs", "910b", "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["name"] == "ascend910b"
    assert len(shown["kernels"]) == sum(chips[-1][where] for where in ("on_cores", "on_cpu"))
    assert shown["kernels"]["Erf"] == [{"engine": "core", "types": {key: ["float16", "float32"] for key in "xy"}}]


def test_a_chip_is_checked_and_repaired_for(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["check", str(model), "--profile", "cann-8", "--format", "json", "--soc"]
    assert main([*words, "Ascend910B4"]) == 0
    assert [item["code"] for item in json.loads(capsys.readouterr().out)["findings"]] == ["MC224", "MC225"]
    assert main([*words, "ascend310"]) == 1
    assert {item["code"] for item in json.loads(capsys.readouterr().out)["findings"]} == {"MC220", "MC224"}
    assert main([*words, "ascend999"]) == 2


def test_kernels_of_ones_own_decide(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.json"
    path.write_text('{"kernels": {"FloorMod": [{}]}}', "utf-8")
    words = ["check", str(model), "--profile", "cann-8", "--soc", "ascend310", "--kernels"]
    assert main([*words, str(path)]) == 0
    path.write_text("{", "utf-8")
    assert main([*words, str(path)]) == 2
    assert "error[MC406]" in capsys.readouterr().out


def test_a_contract_goes_beside_the_artifact(model: Path, tmp_path: Path) -> None:
    words = ["compile", str(model), "-o", "model.om", "--profile", "cann-8", "--io-contract"]
    assert main([*words, "contract.json"]) == 0
    contract = json.loads((tmp_path / "contract.json").read_text("utf-8"))
    assert [row["name"] for row in contract["outputs"]] == ["top", "rest"]
    assert contract["artifact"]["file"] == "model.om"


def test_a_refused_model_has_no_contract(model: Path, tmp_path: Path) -> None:
    words = ["compile", str(model), "-o", "model.om", "--soc", "ascend310", "--io-contract", "contract.json"]
    assert main(words) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"model.mir"}
