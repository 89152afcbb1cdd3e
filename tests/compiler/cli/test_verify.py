"""`modelc verify` and what else executes models: what is asked, what is said, and the exit codes."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelc.cli.main import main
from modelc.execute import oracle

MODEL = """graph @main(%x: f32[2, 4]) attributes {names = ["image"]} {
  %w = const dense<[1.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 2.0]> : f32[4, 2]
  %product = ge.MatMulV2(%x, %w) : f32[2, 2] loc(tensorflow "product" MatMul)
  %act = ge.Relu(%product) : f32[2, 2] loc(tensorflow "act" Relu)
  %twice = ge.Add(%act, %act) : f32[2, 2] loc(tensorflow "twice" AddV2)
  %y = ge.Sigmoid(%twice) : f32[2, 2] loc(tensorflow "y" Sigmoid)
  return %y {names = ["scores"]}
}
"""
NEGATIVE = ("--seed", "3")  # generates numbers for which the wrong op is wrong
WRONG = MODEL.replace("ge.Relu(", "ge.Abs(")
KEYS = {"source", "artifact", "equal", "oracle", "engine", "inputs", "outputs", "tolerances", "seconds"}
MEASURES = {"name", "max_abs", "max_rel", "cosine", "ulp", "first_difference", "tolerance", "equal", "seed"}


@pytest.fixture(name="files")
def _files(tmp_path: Path) -> tuple[str, str, str]:
    """Return a source, its artifact, and an artifact with one wrong op."""
    paths = [tmp_path / name for name in ("source.mir", "good.mir", "wrong.mir")]
    for path, text in zip(paths, (MODEL, MODEL, WRONG), strict=True):
        path.write_text(text)
    return str(paths[0]), str(paths[1]), str(paths[2])


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(capsys.readouterr().out)
    return loaded


def test_equal_outputs_end_with_zero_and_others_with_one(
    files: tuple[str, str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    source, good, wrong = files
    assert main(["verify", source, good]) == 0
    shown = capsys.readouterr().out
    assert shown.endswith("\nequal\n")
    assert "max_rel at most float32 0.0001" in shown
    assert main(["verify", source, wrong, *NEGATIVE]) == 1
    shown = capsys.readouterr().out
    assert "differs, first at [" in shown
    assert "NOT equal" in shown


@pytest.mark.parametrize("engine", ["numpy", ""])
def test_the_document_says_what_was_compared_and_who_executed_it(
    files: tuple[str, str, str], capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    words = ["--engine", engine] if engine else []
    assert main(["verify", files[0], files[1], "--format", "json", *words]) == 0
    found = document(capsys)
    assert set(found) >= KEYS
    assert "worst_op" not in found
    assert set(found["outputs"][0]) >= MEASURES
    assert found["outputs"][0]["name"] == "scores"
    assert found["equal"] is True
    assert re.match(r"(modelc \(numpy|onnxruntime) [0-9.]+", found["engine"])
    assert found["oracle"].startswith("modelc (numpy ")
    assert "in a dialect of modelc" in found["oracle_note"]
    assert found["tolerances"] == {"float32": 1e-4}


@pytest.mark.parametrize("order", ["divergence", "size"])
def test_per_op_names_the_op_that_is_wrong(
    files: tuple[str, str, str], capsys: pytest.CaptureFixture[str], order: str
) -> None:
    words = ["verify", files[0], files[2], "--per-op", "--sort", order, *NEGATIVE]
    assert main([*words, "--format", "json"]) == 1
    found = document(capsys)
    assert found["worst_op"]["source"] == "act"
    assert found["worst_op"]["artifact_op"] == "ge.Abs"
    assert found["worst_op"]["errs"] is True
    assert found["worst_op"]["isolated_max_rel"] > 1e-4
    assert found["first_divergence"]["source_op"] == "Relu"
    assert [each["source"] for each in found["per_op"]["tensors"]] == ["product", "act", "twice", "y"]
    assert found["per_op"]["beyond_tolerance"] == 3
    assert main(words) == 1
    shown = capsys.readouterr().out
    assert "per op: 4 tensors compared, 3 beyond their tolerance" in shown
    assert "wrong by itself: `act` (ge.Abs), source op Relu" in shown
    listed = re.findall(r"^ *(!?)(\d)  (\w+)", shown, re.MULTILINE)
    if order == "divergence":
        assert [name for _, _, name in listed] == ["act", "twice", "y", "product"]
    assert {(mark, name) for mark, _, name in listed} == {("!", "act"), ("!", "twice"), ("!", "y"), ("", "product")}


def test_per_op_of_equal_models_names_the_farthest(
    files: tuple[str, str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", files[0], files[1], "--per-op", "--engine", "numpy"]) == 0
    assert "farthest apart: `product`" in capsys.readouterr().out


def test_several_seeds_report_the_worst_of_them(
    files: tuple[str, str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """What differs only for negative numbers differs for some seeds more than for others."""
    words = ["verify", files[0], files[2], "--format", "json"]
    single: dict[int, float] = {}
    for seed in (3, 4, 5):
        assert main([*words, "--seed", str(seed)]) == 1
        single[seed] = document(capsys)["outputs"][0]["max_rel"]
    assert main([*words, "--seed", "3", "--seeds", "3"]) == 1
    found = document(capsys)
    assert found["inputs"] == "generated, seeds 3 to 5"
    assert found["outputs"][0]["seed"] == max(single, key=single.__getitem__)
    assert found["outputs"][0]["max_rel"] == max(single.values())


def test_ranges_of_inputs_and_given_inputs(
    files: tuple[str, str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Without negative numbers the wrong op is right."""
    words = ["verify", files[0], files[2]]
    assert main([*words, "--input-range", "image:0,1"]) == 0
    assert main([*words, "--input-range", "image:-1,-1"]) == 1
    path = tmp_path / "in.npz"
    np.savez(path, image=np.ones((2, 4), np.float32))
    capsys.readouterr()
    assert main([*words, "--inputs", str(path), "--format", "json", "--per-op"]) == 0
    found = document(capsys)
    assert (found["inputs"], found["outputs"][0]["seed"]) == (str(path), None)
    assert found["per_op"]["seed"] is None


def test_a_tolerance_decides(files: tuple[str, str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", files[0], files[2], "--tolerance", "float32=1e3"]) == 0
    assert "at most float32 1000" in capsys.readouterr().out
    assert main(["verify", files[0], files[2], "--tolerance", "f32=1e3,float16=1"]) == 0


@pytest.mark.parametrize(
    ("words", "code", "status"),
    [
        (["--tolerance", "float33=1"], "MC406", 2),
        (["--tolerance", "float32=-1"], "MC406", 2),
        (["--tolerance", "float32"], "MC406", 2),
        (["--input-range", "image:1,0"], "MC406", 2),
        (["--input-range", "image"], "MC406", 2),
        (["--input-range", "picture:0,1"], "MC601", 1),
        (["--oracle", "delphi"], "MC416", 2),
        (["--oracle", "tensorflow"], "MC416", 2),
        (["--engine", "abacus"], "MC415", 2),
        (["--report", "report.txt"], "MC406", 2),
        (["--seeds", "0"], "MC414", 2),
        (["--sort", "name"], "MC414", 2),
    ],
)
def test_mistakes_are_findings(
    files: tuple[str, str, str], capsys: pytest.CaptureFixture[str], words: list[str], code: str, status: int
) -> None:
    assert main(["verify", files[0], files[1], "--format", "json", *words]) == status
    assert [each["code"] for each in document(capsys)["findings"]] == [code]


class Page(HTMLParser):
    """Sees that every element of a page is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.dots: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "circle":
            self.dots.append(dict(attrs).get("class") or "")
        if tag not in ("meta", "br", "line"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "line":
            assert self.open.pop() == tag


@pytest.mark.parametrize("is_file", [True, False])
def test_the_page_shows_it_all(
    files: tuple[str, str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path, is_file: bool
) -> None:
    report = tmp_path / "report.html"
    words = ["--report", str(report)] if is_file else ["--format", "html"]
    assert main(["verify", files[0], files[2], "--per-op", "--seeds", "2", *words]) == 1
    text = report.read_text("utf-8") if is_file else capsys.readouterr().out
    page = Page()
    page.feed(text)
    assert page.open == []
    assert page.dots == ["", "culprit", "differs", "differs"]
    for shown in ("NOT equal", "generated, seeds 0 to 1", "<code>act</code>", "wrong by itself", "float32 0.0001"):
        assert shown in text
    assert "<script" not in text
    assert "http" not in text.replace("http-equiv", "")


@pytest.mark.parametrize("suffix", [".json", ".sarif"])
def test_a_report_for_programs(
    files: tuple[str, str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path, suffix: str
) -> None:
    report = tmp_path / f"report{suffix}"
    assert main(["verify", files[0], files[2], "--per-op", "--report", str(report), *NEGATIVE]) == 1
    text = report.read_text("utf-8")
    assert json.loads(text)
    assert ("MC603" in text) == (suffix == ".sarif")


def test_names_from_files_cannot_harm_a_page_or_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "odd.mir"
    path.write_text(MODEL.replace('"scores"', '"<b>\\u001b[31m"').replace('"act"', '"<i>"'))
    assert main(["verify", str(path), str(path), "--per-op", "--format", "html"]) == 0
    assert not re.search("<b>|<i>|\x1b", capsys.readouterr().out)
    assert main(["verify", str(path), str(path), "--per-op"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_compile_verifies_with_the_engine_that_is_asked_for(
    files: tuple[str, str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["compile", files[0], "-o", str(tmp_path / "m.om"), "--verify", "--engine", "numpy", "--format", "json"]
    assert main(words) == 0
    verification = document(capsys)["verification"]
    assert verification["equal"] is True
    assert verification["engine"].startswith("modelc (numpy ")
    assert main([*words[:-3], "abacus", "--format", "json"]) != 0
    assert [each["code"] for each in document(capsys)["findings"]] == ["MC415"]


def test_without_the_framework_the_source_is_executed_as_it_is_lowered(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oracle, "find_spec", lambda name: None)
    source = Path(oracle.__file__).parents[1] / "data" / "digits"
    target = tmp_path / "digits.om"
    assert main(["compile", str(source), "--batch-size", "2", "-o", str(target)]) == 0
    capsys.readouterr()
    assert main(["verify", str(source), str(target), "--format", "json", "--per-op"]) == 0
    found = document(capsys)
    assert found["oracle"].startswith("modelc (numpy ")
    assert "TensorFlow is not installed" in found["oracle_note"]
    assert "nothing of what came before" in found["oracle_note"]
    assert found["per_op"]["compared"] > 5
    assert main(["verify", str(source), str(target), "--format", "json", "--oracle", "tensorflow"]) == 1
    found = document(capsys)["findings"]
    assert [each["code"] for each in found] == ["MC604"]
    assert found[0]["fixes"][-1]["flag"] == "--oracle modelc"
    assert main(["verify", str(source), str(target), "--format", "json", "--oracle", "modelc"]) == 0
    assert "as it is lowered" in document(capsys)["oracle_note"]


def test_run_says_what_executed_the_model(files: tuple[str, str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", files[0], "--engine", "numpy"]) == 0
    assert re.search(r"executed by modelc \(numpy [0-9.]+\) in ", capsys.readouterr().out)
    assert main(["run", files[0], "--engine", "numpy", "--format", "json"]) == 0
    found = document(capsys)
    assert (found["engine"], found["engine_notes"]) == ("numpy", [])
    assert found["engine_title"].startswith("modelc (numpy ")
