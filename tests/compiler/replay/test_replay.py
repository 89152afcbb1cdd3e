"""`--verify-passes`: the first pass that changes numbers is named, with the rewrite that did it."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import faulty_passes
import numpy as np
import pytest
from canonical_nets import NetBuilder, residual_net
from golden_case import GoldenCase

from modelc.backend import BACKENDS
from modelc.cli.main import main
from modelc.diagnostics.diagnostic import ModelcError, Sink
from modelc.dialects.ge.dtypes import cpp_number
from modelc.driver import Settings
from modelc.ir.constants import to_blob
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.ir.types import F32, U8, tensor
from modelc.pipeline import manager
from modelc.pipeline.passes import GraphPass, Pass, PassContext
from modelc.profiles import DEFAULT, profile
from modelc.replay.replay import Replay, Verdict

PLUGIN = str(Path(faulty_passes.__file__))
SOURCE = """
graph @main(%x: f32[4]) {
  %half = const dense<[0.5, 0.5, 0.5, 0.5]> : f32[4]
  %a = tf.Relu(%x) {T = f32} : f32[4]
  %b = tf.Mul(%a, %half) {T = f32} : f32[4]
  %y = tf.Tanh(%b) {T = f32} : f32[4]
  return %y
}
"""


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file with a network of hundreds of ops; reproducers go beside it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = tmp_path / "net.mir"
    BACKENDS.get("mir").write(residual_net(30), path)
    return path


def opt(path: Path, passes: str, *options: str) -> int:
    output = str(path.with_name("out.mir"))
    return main(["opt", str(path), "--plugin", PLUGIN, "--passes", passes, "--verify-passes", "-o", output, *options])


def replayed(model: Model, *passes: Pass) -> Replay:
    replay = Replay(Settings(target="", passes=""), reproducer=False)
    manager.run(model, passes, PassContext(instruments=(replay,)))
    return replay


def verdicts(replay: Replay) -> list[tuple[str, Verdict]]:
    return [(each.spec, each.verdict) for each in replay.passes]


# -- what is found


def test_a_wrong_rule_is_named_with_its_op(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert opt(net, "simplify,drop-bias,keep-mul") == 1
    said = capsys.readouterr().err
    assert "[MC607]: pass `drop-bias` changed the numbers" in said
    assert "rule `drop-bias-before-relu6` at `block0/relu` (ge.Relu6)" in said
    assert "1 of 30" in said
    assert "keep-mul" not in said


def test_a_wrong_pass_among_others_that_a_pass_runs_is_named(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert opt(net, "faulty-group") == 1
    said = capsys.readouterr().err
    assert re.search(r"pass: +`swap-sub`, run by `faulty-group`", said)
    assert "rule `swap-sub` at `block0/sub` (ge.Sub)" in said


def test_the_reproducer_shows_it_again(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    opt(net, "faulty-group")
    (again,) = re.findall(r"see it again with `modelc (.*)`", capsys.readouterr().err)
    assert main([*shlex.split(again), "-o", str(net.with_name("again.mir"))]) == 1
    assert "pass `swap-sub` changed the numbers" in capsys.readouterr().err


def test_the_command_of_the_finding_reduces_it(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    opt(net, "drop-bias")
    (shrink,) = re.findall(r"shrink it with `modelc (.*)`", capsys.readouterr().err)
    words = shlex.split(shrink)
    words[words.index("-o") + 1] = str(net.with_name("reduced.mir"))
    assert main(words) == 0
    assert re.search(r"ops +[1-5] from \d+", capsys.readouterr().out)


def test_compile_writes_nothing_that_a_pass_made_wrong(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = net.with_name("out.om")
    options = ["--plugin", PLUGIN, "--passes", "drop-bias", "--verify-passes", "--format", "json"]
    assert main(["compile", str(net), *options, "-o", str(output)]) == 1
    document = json.loads(capsys.readouterr().out)
    (replay,) = document["replay"]
    assert (replay["pass"], replay["verdict"]) == ("drop-bias", "different")
    assert [each["code"] for each in document["findings"]] == ["MC607"]
    assert not output.exists()


def test_a_wrong_pass_on_the_source_is_found_by_lowering_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = tmp_path / "source.mir"
    path.write_text(SOURCE)
    assert opt(path, "inline-functions,drop-scale,resolve-control-flow") == 1
    said = capsys.readouterr().err
    assert "inline-functions  not judged: part of lowering" in said
    assert "a rewrite at `b` (tf.Mul)" in said


def test_what_a_backend_lowers_to_is_judged_by_another_engine(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxruntime")
    output = net.with_name("out.onnx")
    assert main(["compile", str(net), "--target", "onnx", "--verify-passes", "-o", str(output)]) == 0
    assert re.search(r"^lower-to-onnx +equal", capsys.readouterr().err, re.MULTILINE)


RELU6 = "graph @main(%x: f32[3]) {\n  %n = ge.Abs(%x) : f32[3]\n  %y = ge.Relu6(%n) : f32[3]\n  return %y\n}\n"


def test_a_fault_that_only_some_inputs_show_is_found_with_these(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path, inputs = tmp_path / "relu.mir", tmp_path / "in.npz"
    path.write_text(RELU6)
    np.savez(inputs, x=np.array([1, -20, 3], np.float32))
    assert opt(path, "plain-relu") == 0
    assert opt(path, "plain-relu", "--inputs", str(inputs)) == 1
    (again, shrink) = re.findall(r"with `modelc (.*)`", capsys.readouterr().err)
    assert main([*shlex.split(again), "-o", str(tmp_path / "again.mir")]) == 1
    reduced = tmp_path / "reduced.mir"
    assert main([*shlex.split(shrink), "-o", str(reduced)]) == 0
    shown = re.search(r"again +modelc (.*)", capsys.readouterr().out)
    assert shown is not None
    assert main([*shlex.split(shown[1]), "-o", str(tmp_path / "again.mir")]) == 1


def test_arrays_for_inputs_that_are_not_there_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, inputs = tmp_path / "relu.mir", tmp_path / "in.npz"
    path.write_text(RELU6)
    np.savez(inputs, z=np.zeros(3, np.float32))
    assert opt(path, "plain-relu", "--inputs", str(inputs)) == 1
    assert "there is no input `z`, the inputs are `x`" in capsys.readouterr().err


# -- what is right, or cannot be told


def test_right_passes_are_told_apart_from_those_that_did_nothing() -> None:
    model = residual_net(3)
    replay = replayed(model, faulty_passes.KeepMul(), faulty_passes.NoTanh(), faulty_passes.KeepMul())
    assert verdicts(replay) == [
        ("keep-mul", Verdict.EQUAL),
        ("no-tanh", Verdict.UNTOUCHED),
        ("keep-mul", Verdict.UNTOUCHED),
    ]
    assert replay.passes[0].comparison is not None


def test_a_pass_may_declare_that_it_alters_numbers() -> None:
    replay = replayed(residual_net(3), faulty_passes.Quantize(), faulty_passes.KeepMul())
    assert verdicts(replay) == [("quantize", Verdict.NOT_COMPARABLE), ("keep-mul", Verdict.EQUAL)]
    assert replay.passes[0].reason == faulty_passes.Quantize.alters


def test_a_model_that_cannot_be_executed_is_said_to_be_so() -> None:
    build = NetBuilder()
    model = build.finish(build.op("Mul", [build.image, build.image], "product"))
    odd = model.graph.insert_before(
        model.graph.return_op, Op("ge.NoSuchOp", model.graph.inputs, {}, (tensor(F32, 1),), name="odd")
    )
    model.graph.set_operands(model.graph.return_op, odd.results)
    replay = replayed(model, faulty_passes.KeepMul())
    assert verdicts(replay) == [("keep-mul", Verdict.NOT_COMPARABLE)]
    assert "`odd` (ge.NoSuchOp) cannot be executed here" in replay.passes[0].reason


@dataclass(frozen=True)
class TakeBytes(GraphPass):
    """Take images as bytes."""

    name: ClassVar[str] = "take-bytes"

    def run_on(self, graph: Graph, context: PassContext) -> None:
        (image,) = graph.inputs
        cast = Op("ge.Cast", (image,), {"dst_type": cpp_number(F32)}, (image.type,), name="cast")
        graph.insert_after(graph.input_op, cast)
        graph.replace_uses(image, cast.result)
        graph.set_operand(cast, 0, image)
        graph.set_type(image, image.tensor.with_element(U8))


def test_after_other_inputs_numbers_are_compared_anew() -> None:
    replay = replayed(residual_net(3), TakeBytes(), faulty_passes.KeepMul())
    assert verdicts(replay) == [("take-bytes", Verdict.NOT_COMPARABLE), ("keep-mul", Verdict.EQUAL)], replay.text()
    assert "input `image` is f32" in replay.passes[0].reason


@dataclass(frozen=True)
class WrongAxis(GraphPass):
    """Reduce along an axis that is not there."""

    name: ClassVar[str] = "wrong-axis"

    def run_on(self, graph: Graph, context: PassContext) -> None:
        for op in graph:
            if op.kind == "const" and op.name == "axes":
                graph.set_attribute(op, "value", to_blob(np.array([1, 7], np.int32)))


def test_a_model_that_fails_where_it_did_not_has_changed() -> None:
    with pytest.raises(ModelcError) as caught:
        replayed(residual_net(1), WrongAxis())
    (finding,) = caught.value.diagnostics
    assert finding.code == "MC607"
    assert "cannot be computed any more" in finding.message
    assert "at `axes` (const)" in finding.message


@dataclass(frozen=True)
class Fickle(GraphPass):
    """Change a number, but only once."""

    name: ClassVar[str] = "fickle"
    runs: ClassVar[list[int]] = []

    def run_on(self, graph: Graph, context: PassContext) -> None:
        self.runs.append(1)
        for op in graph:
            if op.kind == "ge.Sub" and len(self.runs) == 1:
                graph.set_operands(op, op.operands[::-1])


def test_a_difference_that_does_not_come_again_is_still_reported() -> None:
    Fickle.runs.clear()
    with pytest.raises(ModelcError) as caught:
        replayed(residual_net(2), Fickle())
    (finding,) = caught.value.diagnostics
    assert finding.message.startswith("pass `fickle` changed the numbers")
    assert "run again" in finding.notes[0]


@pytest.mark.law("verification")
def test_no_pass_changes_the_numbers_of_a_golden_case(golden_case: GoldenCase) -> None:
    passes = golden_case.passes()
    replay = Replay(Settings(target="", passes=manager.format_pipeline(passes)), reproducer=False)
    context = PassContext(Sink(), profile(DEFAULT), instruments=(replay,))
    manager.run(golden_case.model(), passes, context)
    assert len(replay.passes) == len(passes)
