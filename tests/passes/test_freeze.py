"""Freezing beyond what golden cases show: bytes stay where they are, causes are grouped, reports help."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelc.diagnostics.diagnostic import Severity, Sink
from modelc.ir.attributes import Attribute, ShapeAttribute
from modelc.ir.blob import Blob, FileBlob, MissingBlob
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.ir.origin import Origin
from modelc.ir.types import CONTROL, F32, RESOURCE, TensorType
from modelc.pipeline.passes import PassContext
from modelc.text.reader import read_model
from modelc_passes.freeze import Freeze

UNKNOWN_FLOAT = TensorType(F32, None)


def freeze(model: Model) -> Sink:
    sink = Sink()
    Freeze().run(model, PassContext(sink))
    return sink


def variables(blobs: list[Blob]) -> Model:
    """Return a model that adds up variables with these values, and waits for all reads at the end, as Keras does."""
    graph = Graph("main")
    total = graph.append(Op("input", (), {"names": ("x",)}, (UNKNOWN_FLOAT,), name="x")).results[0]
    reads = []
    for index, blob in enumerate(blobs):
        attributes: dict[str, Attribute] = {
            "dtype": F32,
            "shape": ShapeAttribute((2,)),
            "shared_name": f"v{index}",
            "value": blob,
        }
        handle = graph.append(named(Op("tf.VarHandleOp", (), attributes, (RESOURCE,), name=f"v{index}")))
        read = Op("tf.ReadVariableOp", handle.results, {"dtype": F32}, (UNKNOWN_FLOAT, CONTROL), name=f"read{index}")
        reads.append(graph.append(named(read)).results[1])
        total = graph.append(Op("tf.AddV2", (total, read.results[0]), {"T": F32}, (UNKNOWN_FLOAT,))).result
    gate = graph.append(Op("tf.NoOp", tuple(reads), {}, (CONTROL,), name="gate"))
    total = graph.append(Op("tf.Identity", (total, gate.result), {"T": F32}, (UNKNOWN_FLOAT,))).result
    graph.append(Op("return", (total,), {"names": ("y",)}))
    return Model(graph)


def named(op: Op) -> Op:
    op.origin = Origin.of("tensorflow", op.name, op.kind[3:])
    return op


def test_a_constant_is_the_range_of_the_checkpoint() -> None:
    blobs: list[Blob] = [FileBlob(Path("/nowhere/variables.data"), 64 * index, 8) for index in range(3)]
    model = variables(blobs)
    assert not freeze(model).errors
    constants = [op for op in model.graph if op.kind == "const"]
    assert [op.attributes["value"] for op in constants] == blobs
    assert [op.origin.name for op in constants] == ["v0", "v1", "v2"]
    assert all(op.origin.rules == ("freeze",) for op in constants)
    assert not any(op.kind in ("tf.VarHandleOp", "tf.ReadVariableOp") for op in model.graph)


def test_edits_grow_no_faster_than_variables() -> None:
    def edits(count: int) -> int:
        model = variables([FileBlob(Path("/nowhere"), 0, 8)] * count)
        before = model.edits
        freeze(model)
        return model.edits - before

    assert edits(400) <= 2.1 * edits(200)


def test_variables_of_one_lost_shard_are_one_finding() -> None:
    problem = "shard `variables.data-00000-of-00002` ends at byte {}, more are needed"
    sink = freeze(variables([MissingBlob(8, problem.format(index)) for index in range(30)]))
    (error,) = sink.errors
    assert error.code == "MC112"
    names = dict(error.evidence)["variables"]
    assert names.startswith("v0, v1, ")
    assert names.endswith(" and 10 more")
    assert error.fixes


def test_a_written_variable_names_who_writes_and_who_reads() -> None:
    model = read_model("""
        graph @main(%x: f32[]) {
          %count = tf.VarHandleOp() {dtype = f32, shape = shape[], shared_name = "count", value = dense<0.0>} : resource
          %other = tf.VarHandleOp() {dtype = f32, shape = shape[], shared_name = "count", value = dense<0.0>} : resource
          %^advance = tf.AssignAddVariableOp(%count, %x) {dtype = f32} : control
          %read = tf.ReadVariableOp(%other, %^advance) {dtype = f32} : f32[*]
          return %read
        }""")
    (error,) = freeze(model).errors
    assert error.code == "MC306"
    assert "`count`" in error.message
    assert dict(error.evidence) == {"variable": "count", "written by": "advance", "read by": "read"}
    assert all(op.kind != "tf.AssignAddVariableOp" for op in model.graph), "what was reported is out of the way"


def test_the_result_of_an_assignment_is_a_read() -> None:
    model = read_model("""
        graph @main(%x: f32[]) {
          %v = tf.VariableV2() {dtype = f32, shape = shape[], value = dense<0.0>} : f32[]
          %assigned = tf.AssignAdd(%v, %x) {T = f32, use_locking = false} : f32[*]
          return %assigned
        }""")
    (error,) = freeze(model).errors
    assert (error.code, error.severity) == ("MC306", Severity.ERROR)


def test_optimizers_are_left_to_who_reports_them() -> None:
    model = read_model("""
        graph @main(%x: f32[2]) {
          %v = tf.VarHandleOp() {dtype = f32, shape = shape[2], shared_name = "v", value = dense<[1.0, 2.0]>} : resource
          %rate = const dense<0.1> : f32[]
          %^step = tf.ResourceApplyGradientDescent(%v, %rate, %x) {T = f32, use_locking = false} : control
          %read = tf.ReadVariableOp(%v, %^step) {dtype = f32} : f32[*]
          return %read
        }""")
    assert not freeze(model).errors
    assert [op.kind for op in model.graph].count("tf.ResourceApplyGradientDescent") == 1


@pytest.mark.parametrize("text", ["tf.VarHandleOp() {dtype = f32} : resource", "tf.VarHandleOp() {} : resource"])
def test_incomplete_variables_are_findings(text: str) -> None:
    model = read_model(f"""
        graph @main() {{
          %v = {text}
          %read = tf.ReadVariableOp(%v) {{dtype = f32}} : f32[*]
          return %read
        }}""")
    assert [error.code for error in freeze(model).errors] == ["MC307"]
