"""The command `inspect`: what it shows of files, and what it says of their soundness."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelc.cli.main import main

MODEL = """graph @main(%x: f32[1, 2]) {
  %one = const dense<1.0> : f32[]
  %sum = ge.Add(%x, %one) : f32[1, 2]
  return %sum
}
"""


@pytest.fixture
def artifact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.mir").write_text(MODEL, "utf-8")
    assert main(["compile", "model.mir", "-o", "model.om"]) == 0
    assert main(["compile", "model.mir", "-o", "model.air", "--target", "air"]) == 0
    capsys.readouterr()
    return tmp_path / "model.om"


@pytest.mark.parametrize("name", ["model.om", "model.air"])
def test_a_sound_file_passes_its_checks(name: str, artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "--check", name]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert "passed   loader  edges " in output.out
    assert "skipped: holds of files for a device, which refuses this one: it is a graph without kernels" in output.out
    assert "failed" not in output.out


def test_a_damaged_file_fails_them(artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    artifact.write_bytes(artifact.read_bytes()[:-1])
    assert main(["inspect", "--check", "model.om"]) == 1
    output = capsys.readouterr()
    assert "failed   loader  payload " in output.out
    assert "error[MC501]: `model.om` has " in output.err
    assert "(payload, loader)" in output.err


def test_checks_are_a_document(artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["inspect", "--check", "model.om", "--format", "json"]
    assert main(words) == 0
    sound = json.loads(capsys.readouterr().out)
    assert (sound["verdict"], sound["findings"]) == ("ok", [])
    artifact.write_bytes(artifact.read_bytes().replace(b"sum", b"som", 1))
    assert main(words) == 1
    document = json.loads(capsys.readouterr().out)
    failed = {each["name"]: each for each in document["checks"] if each["outcome"] == "failed"}
    assert document["verdict"] == "rejected"
    assert len(document["findings"]) == sum(len(each["problems"]) for each in failed.values())
    assert all(each["title"] and each["by"] in ("loader", "viewer", "modelc") for each in failed.values())
    assert {each["outcome"] for each in document["checks"]} == {"passed", "failed", "skipped"}
    assert all(bool(each["reason"]) == (each["outcome"] == "skipped") for each in document["checks"])


def test_files_of_other_kinds_have_no_checks(artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "--check", "model.mir"]) == 1
    error = capsys.readouterr().err
    assert "error[MC507]: `model.mir` is a " in error
    assert "`modelc check` reports" in error


def test_checks_are_no_ir(artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "--check", "model.om", "--format", "mir"]) == 2
    assert "error[MC414]" in capsys.readouterr().err


def test_an_artifact_prints_as_ir(artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "model.om", "--format", "mir"]) == 0
    assert "%sum = ge.Add(%x, %one) : f32[1, 2]" in capsys.readouterr().out
