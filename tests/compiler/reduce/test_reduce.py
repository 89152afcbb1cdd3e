"""`modelc reduce`: from a network of hundreds of ops to the few that fail."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

import faulty_passes
import pytest
from canonical_nets import residual_net

from modelc.backend import BACKENDS
from modelc.cli.main import main
from modelc.diagnostics.diagnostic import Sink
from modelc.frontends.frontend import LoadOptions
from modelc.frontends.load import load
from modelc.ir.model import Model
from modelc.reduce.cutting import units

PLUGIN = str(Path(faulty_passes.__file__))
BLOCKS = 30


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a network of hundreds of ops."""
    path = tmp_path_factory.mktemp("net") / "net.mir"
    model = residual_net(BLOCKS)
    assert len(units(model.graph)) > 300
    BACKENDS.get("mir").write(model, path)
    return path


def reduced(source: Path, output: Path, *options: str) -> Model:
    """Reduce, and return the model in the file; the report is printed."""
    code = main(["reduce", str(source), "--plugin", PLUGIN, "-o", str(output), "--format", "json", *options])
    assert code == 0
    return load(output, LoadOptions(), Sink())


def kinds(model: Model) -> list[str]:
    return [op.kind for op in units(model.graph)]


@pytest.mark.parametrize(
    ("passes", "needed", "left"),
    [
        ("drop-bias", "drop-bias", ["ge.Conv2D", "ge.Relu6"]),
        ("simplify,faulty-group,keep-mul", "swap-sub", ["ge.Sub"]),
        ("keep-mul,crash-on-maximum", "crash-on-maximum", ["ge.Mul", "ge.Maximum"]),
        ("break-links", "break-links", ["ge.Sigmoid"]),
    ],
)
def test_a_fault_is_reduced_to_the_ops_it_takes(
    net: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], passes: str, needed: str, left: list[str]
) -> None:
    model = reduced(net, tmp_path / "out.mir", "--passes", passes)
    report = json.loads(capsys.readouterr().out)
    assert kinds(model) == left
    assert report["passes"] == needed
    assert report["ops"] == {"before": len(units(residual_net(BLOCKS).graph)), "after": len(left)}
    assert report["is_complete"]
    assert all(dim == 1 for value in model.graph.inputs for dim in value.tensor.dims)


def test_the_command_of_the_report_shows_it_again(
    net: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    reduced(net, tmp_path / "out.mir", "--passes", "faulty-group")
    again = json.loads(capsys.readouterr().out)["again"]
    assert main([*shlex.split(again)[1:], "-o", str(tmp_path / "again.mir")]) == 1
    assert "[MC607]" in capsys.readouterr().err


def test_a_finding_is_reduced_for_by_its_code(net: Path, tmp_path: Path) -> None:
    model = reduced(net, tmp_path / "out.mir", "--passes", "keep-mul,no-tanh", "--code", "MC302")
    assert kinds(model) == ["ge.Maximum", "ge.Tanh"]


def test_a_command_says_what_to_reduce_for(net: Path, tmp_path: Path) -> None:
    judge = tmp_path / "judge.py"
    judge.write_text(
        "import sys\ntext = open(sys.argv[1]).read()\nsys.exit(not ('ge.SoftmaxV2' in text and 'ge.Add(' in text))\n"
    )
    command = shlex.join([sys.executable, "-S", str(judge)])
    model = reduced(net, tmp_path / "out.mir", "--test", command)
    assert sorted(kinds(model)) == ["ge.Add", "ge.SoftmaxV2"]


def test_a_fault_on_the_source_is_reduced_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "source.mir"
    source.write_text(
        "graph @main(%x: f32[4, 3]) {\n"
        "  %half = const dense<[0.5, 0.25, 2.0]> : f32[3]\n"
        "  %a = tf.Relu(%x) {T = f32} : f32[*]\n"
        "  %b = tf.Mul(%a, %half) {T = f32} : f32[*]\n"
        "  %c = tf.Tanh(%b) {T = f32} : f32[*]\n"
        "  %y = tf.Neg(%c) {T = f32} : f32[*]\n"
        "  return %y\n"
        "}\n"
    )
    model = reduced(source, tmp_path / "out.mir", "--passes", "inline-functions,drop-scale")
    assert "tf.Mul" in kinds(model)
    assert len(units(model.graph)) <= 2
    assert json.loads(capsys.readouterr().out)["passes"] == "drop-scale"


BRANCHES = """
graph @main(%c: bool[], %x: f32[2, 3], %z: f32[2, 3]) {
  %a = ge.Tanh(%x) : f32[2, 3]
  %y = ge.If(%c, %a, %z) graph @then(%p: f32[2, 3], %q: f32[2, 3]) {
    %n = ge.Neg(%p) : f32[2, 3]
    %s = ge.Sub(%n, %q) : f32[2, 3]
    return %s
  } graph @else(%p: f32[2, 3], %q: f32[2, 3]) {
    %u = ge.Sub(%q, %p) : f32[2, 3]
    return %u
  } : f32[2, 3]
  return %y
}
"""
LOOP = """
graph @main(%x: f32[2, 3]) {
  %zero = const dense<0> : i32[]
  %i, %y = ge.While(%zero, %x) graph @cond(%k: i32[], %p: f32[2, 3]) {
    %three = const dense<3> : i32[]
    %r = ge.Less(%k, %three) : bool[]
    return %r
  } graph @body(%k: i32[], %p: f32[2, 3]) {
    %one = const dense<1> : i32[]
    %next = ge.Add(%k, %one) : i32[]
    %g = ge.Sigmoid(%p) : f32[2, 3]
    %s = ge.Sub(%g, %p) : f32[2, 3]
    return %next, %s
  } : i32[], f32[2, 3]
  return %y
}
"""


@pytest.mark.parametrize("text", [BRANCHES, LOOP])
def test_a_fault_inside_of_control_flow_is_taken_out_of_it(tmp_path: Path, text: str) -> None:
    source = tmp_path / "source.mir"
    source.write_text(text)
    model = reduced(source, tmp_path / "out.mir", "--passes", "swap-sub")
    assert kinds(model) == ["ge.Sub"]
    assert all(value.readers for value in model.graph.inputs)


def test_two_runs_give_the_same_file(net: Path, tmp_path: Path) -> None:
    texts = []
    for name in ("a.mir", "b.mir"):
        reduced(net, tmp_path / name, "--passes", "drop-bias")
        texts.append((tmp_path / name).read_text())
    assert texts[0] == texts[1]


def test_the_result_does_not_need_the_files_of_the_source(net: Path, tmp_path: Path) -> None:
    options = ("--passes", "drop-bias", "--max-steps", "3")
    model = reduced(net, tmp_path / "out.mir", *options)
    assert len(units(model.graph)) > 5
    assert str(net.parent) not in (tmp_path / "out.mir").read_text().partition("graph @")[2]


# -- what cannot be reduced


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--passes", "keep-mul"), "MC608", "leave a sound graph and the same numbers"),
        (("--passes", "no-tanh"), "MC608", "--code MC302"),
        (("--passes", "quantize"), "MC608", "numbers are rounded to fewer bits"),
        (("--passes", "no-tanh", "--code", "MC208"), "MC608", "no finding MC208 is given"),
        (("--test", f"{sys.executable} -S -c raise"), "MC608", "does not end with 0"),
        (("--test", "/nonesuch/judge"), "MC414", "cannot be run"),
        (("--passes", "nonesuch"), "MC401", "nonesuch"),
        (("--passes", "drop-bias", "-o", "/nonesuch/out.mir"), "MC503", "does not exist"),
    ],
)
def test_a_model_that_does_not_fail_is_told(
    net: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], code: str, words: str
) -> None:
    output = tmp_path / "out.mir"
    assert main(["reduce", str(net), "--plugin", PLUGIN, "-o", str(output), *options]) in (1, 2)
    said = capsys.readouterr().err
    assert f"[{code}]" in said
    assert words in said
    assert not output.exists()


# -- what it may take


def test_candidates_are_counted(net: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reduced(net, tmp_path / "out.mir", "--passes", "drop-bias", "--max-steps", "2")
    report = json.loads(capsys.readouterr().out)
    assert report["candidates"] == 2
    assert not report["is_complete"]
    assert report["ops"]["after"] < report["ops"]["before"]


def test_a_candidate_that_hangs_does_not_hang_the_reduction(
    net: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = str(tmp_path / "out.mir")
    options = ["--passes", "hang-without-softmax", "--timeout", "2", "--log"]
    assert main(["reduce", str(net), "--plugin", PLUGIN, "-o", output, *options]) == 0
    said = capsys.readouterr()
    assert "it ran out of time or candidates" in said.out
    assert re.search(r"^outputs|^ops", said.err, re.MULTILINE)
    assert "ge.SoftmaxV2" in Path(output).read_text()


def test_a_model_on_which_passes_hang_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "x.mir"
    source.write_text("graph @main(%x: f32[2]) {\n  %y = ge.Relu(%x) : f32[2]\n  return %y\n}\n")
    options = ["--plugin", PLUGIN, "--passes", "hang-without-softmax", "--timeout", "1", "-o", str(tmp_path / "o.mir")]
    assert main(["reduce", str(source), *options]) == 1
    assert "was not found out within 1 seconds" in capsys.readouterr().err
