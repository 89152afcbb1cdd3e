"""Every subcommand on a small model: what is printed, what is written, and the exit codes."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelc.cli.main import main

MODEL = """graph @main(%x: f32[2, 4]) attributes {names = ["image"]} {
  %w = const dense<[1.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 2.0]> : f32[4, 2]
  %product = ge.MatMulV2(%x, %w) {transpose_x1 = false, transpose_x2 = false} : f32[2, 2]
  %y = ge.Relu(%product) : f32[2, 2]
  return %y {names = ["scores"]}
}
"""
DYNAMIC = MODEL.replace("f32[2, 4]", "f32[?, 4]").replace("f32[2, 2]", "f32[?, 2]")


@pytest.fixture(name="model")
def _model(tmp_path: Path) -> Path:
    path = tmp_path / "small.mir"
    path.write_text(MODEL)
    return path


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return what is on standard output, which must be one JSON document and nothing else."""
    loaded: dict[str, Any] = json.loads(capsys.readouterr().out)
    return loaded


def test_compile_writes_an_artifact_and_says_what_it_is(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = model.with_name("out.om")
    assert main(["compile", str(model), "-o", str(target)]) == 0
    out = capsys.readouterr().out
    assert target.read_bytes()[:4] == b"IMOD"
    assert "no device kernels" in out
    assert "image: float32[2, 4]" in out
    assert "scores: float32[2, 2]" in out


def test_compile_names_the_artifact_after_the_source(
    model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["compile", str(model), "--target", "air"]) == 0
    assert (tmp_path / "small.air").stat().st_size > 100


def test_compile_prints_one_json_document(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = model.with_name("out.om")
    assert main(["compile", str(model), "-o", str(target), "--format", "json"]) == 0
    found = document(capsys)
    assert found["artifact"] == str(target)
    assert found["target"] == "om"
    assert found["inputs"] == [{"name": "image", "dtype": "float32", "shape": [2, 4]}]
    assert found["outputs"] == [{"name": "scores", "dtype": "float32", "shape": [2, 2]}]
    assert found["op_counts"]["ge.Relu"] == 1
    assert found["findings"] == []
    assert len(found["sha256"]) == 64
    assert {"name", "seconds", "edits"} <= set(found["passes"][0])


def test_a_rejected_model_leaves_no_file_and_exits_with_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "dynamic.mir", tmp_path / "out.om"
    source.write_text(DYNAMIC)
    target.write_bytes(b"from before")
    assert main(["compile", str(source), "-o", str(target), "--format", "json"]) == 1
    found = document(capsys)
    assert found["artifact"] is None
    assert found["verdict"] == "rejected"
    assert [finding["code"] for finding in found["findings"]] == ["MC202"]
    assert any("--batch-size" in fix["flag"] for fix in found["findings"][0]["fixes"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["dynamic.mir", "out.om"]
    assert target.read_bytes() == b"from before"


def test_the_proposed_flag_is_the_way_out(tmp_path: Path) -> None:
    source = tmp_path / "dynamic.mir"
    source.write_text(DYNAMIC)
    assert main(["compile", str(source), "--batch-size", "3", "-o", str(tmp_path / "out.om")]) == 0
    assert main(["compile", str(source), "--input-shape", "image:3,4", "-o", str(tmp_path / "out.om")]) == 0


@pytest.mark.parametrize("style", ["text", "concise", "json", "sarif", "github", "html"])
def test_check_prints_findings_in_every_style(tmp_path: Path, capsys: pytest.CaptureFixture[str], style: str) -> None:
    source = tmp_path / "dynamic.mir"
    source.write_text(DYNAMIC)
    assert main(["check", str(source), "--format", style]) == 1
    assert "MC202" in capsys.readouterr().out


def test_check_of_a_sound_model_says_so(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(model)]) == 0
    assert capsys.readouterr().out.startswith("ok: ")


def test_a_page_says_what_was_made_and_what_it_costs(model: Path) -> None:
    page = model.with_name("report.html")
    assert main(["compile", str(model), "-o", str(model.with_name("m.om")), "--report", str(page)]) == 0
    assert re.search(r"<th>wrote</th><td><code>.*m\.om \(", page.read_text("utf-8"))
    assert re.search(r"<th>arithmetic</th><td><code>\d+ MACs, ", page.read_text("utf-8"))


@pytest.mark.parametrize("suffix", [".json", ".sarif", ".html"])
def test_compile_writes_a_report(model: Path, suffix: str) -> None:
    report = model.with_name(f"report{suffix}")
    assert main(["compile", str(model), "-o", str(model.with_name("m.om")), "--report", str(report)]) == 0
    assert report.stat().st_size > 50


def test_run_executes_a_source_and_its_artifact_alike(model: Path) -> None:
    inputs, artifact = model.with_name("in.npz"), model.with_name("m.om")
    image = np.array([[1, -2, 3, 4], [0, 1, 0, -1]], np.float32)
    np.savez(inputs, image=image)
    assert main(["compile", str(model), "-o", str(artifact)]) == 0
    expected = np.maximum(image @ np.array([[1, 0], [0, 1], [2, 0], [0, 2]], np.float32), 0)
    for source in (model, artifact):
        out = model.with_name("out.npz")
        assert main(["run", str(source), "--inputs", str(inputs), "-o", str(out)]) == 0
        with np.load(out) as archive:
            np.testing.assert_array_equal(archive["scores"], expected)


@pytest.mark.parametrize("arrays", [{}, {"picture": np.zeros((2, 4), np.float32)}, {"image": np.zeros((2, 5))}])
def test_run_refuses_inputs_that_do_not_fit(
    model: Path, arrays: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = model.with_name("in.npz")
    np.savez(inputs, **arrays)
    assert main(["run", str(model), "--inputs", str(inputs), "--format", "json"]) == 1
    assert {finding["code"] for finding in document(capsys)["findings"]} == {"MC601"}


def test_inspect_shows_a_model_in_every_form(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    artifact = model.with_name("m.om")
    assert main(["compile", str(model), "-o", str(artifact)]) == 0
    capsys.readouterr()
    assert main(["inspect", str(artifact)]) == 0
    assert "ge.MatMulV2" in capsys.readouterr().out
    assert main(["inspect", str(artifact), "--format", "json"]) == 0
    assert document(capsys)["inputs"][0]["name"] == "image"
    assert main(["inspect", str(artifact), "--format", "mir"]) == 0
    assert "= ge.Relu(" in capsys.readouterr().out


def test_opt_prints_the_ir_and_writes_it(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["opt", str(model), "--passes", "remove-dead-ops", "--verify-each"]) == 0
    text = capsys.readouterr().out
    assert "%y = ge.Relu(%product)" in text
    out = model.with_name("again.mir")
    assert main(["opt", str(model), "--passes", "simplify", "-o", str(out), "--print-after-all"]) == 0
    assert "after simplify" in capsys.readouterr().out
    assert "ge.Relu" in out.read_text()


def test_dump_and_timing(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = model.with_name("dump")
    words = ["compile", str(model), "-o", str(model.with_name("m.om")), "--dump-ir", str(folder), "--timing"]
    assert main(words) == 0
    assert "simplify" in capsys.readouterr().err
    assert any(path.name.endswith("-simplify.mir") for path in folder.iterdir())


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["passes"], "freeze"),
        (["passes", "fix-shapes"], "batch-size"),
        (["ops", "Conv2D"], "filter"),
        (["ops"], "ge.Conv2D("),
        (["profiles"], "modelarts-c32"),
        (["profiles", "cann-8"], "input-rank"),
        (["explain"], "MC203"),
        (["explain", "MC203"], "dimensions"),
        (["explain", "input-rank"], "MC203"),
    ],
)
def test_the_catalogues(words: list[str], shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    assert shown in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["passes", "frieze"],
        ["ops", "Conv2"],
        ["profiles", "cann-7"],
        ["explain", "MC999"],
        ["compile", "MODEL", "--passes", "frieze"],
        ["compile", "MODEL", "--passes", "fix-shapes{batch-size=many}"],
        ["compile", "MODEL", "--target", "exe"],
        ["compile", "MODEL", "--profile", "nonesuch"],
        ["compile", "MODEL", "--plugin", "nonesuch.py"],
        ["compile", "MODEL", "--input-shape", "image=2"],
        ["compile", "MODEL", "--report", "report.txt"],
        ["check", "nonesuch.pb"],
        ["run", "nonesuch.pb"],
        ["verify", "nonesuch.pb", "MODEL"],
        ["inspect", "nonesuch.om"],
        ["opt", "MODEL", "--passes", "freeze{"],
    ],
)
def test_mistakes_are_findings_and_leave_nothing(
    words: list[str], model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([str(model) if word == "MODEL" else word for word in words]) in (1, 2)
    captured = capsys.readouterr()
    assert "error[MC" in captured.err + captured.out
    assert "Traceback" not in captured.err + captured.out
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".om"] == ["small.mir"]


def test_bench_times_the_passes(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", str(model), "--repeat", "2", "--format", "json"]) == 0
    passes = document(capsys)["passes"]
    assert passes[0]["min"] <= passes[0]["median"] <= passes[0]["max"]


def test_demo_ends_with_an_artifact_and_equal_accuracy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "digits.om"
    assert main(["demo", "-o", str(target)]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if "accuracy" in line)
    assert line.count("99.44%") == 2
    assert target.stat().st_size > 10_000


@pytest.mark.parametrize(
    "words",
    [
        ["compile", "{m}", "--engine", "numpy"],
        ["verify", "{m}", "{m}", "--all"],
        ["verify", "{m}", "{m}", "--sort", "size"],
    ],
)
def test_an_option_that_would_say_nothing_is_refused(
    model: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main([word.format(m=model) for word in words]) == 2
    assert "says nothing without" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [["--batch-size", "7"], ["--input-shape", "image:7,4"]])
def test_run_refuses_a_shape_that_an_artifact_does_not_take(
    model: Path, capsys: pytest.CaptureFixture[str], flags: list[str]
) -> None:
    artifact = model.with_name("m.om")
    assert main(["compile", str(model), "-o", str(artifact)]) == 0
    assert main(["run", str(artifact), *flags]) == 1
    assert "MC408" in capsys.readouterr().err
