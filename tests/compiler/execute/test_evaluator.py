"""The evaluator: what it computes, what it keeps, what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import ModelcError
from modelc.execute.evaluator import evaluate
from modelc.ir.attributes import Attribute
from modelc.ir.blob import Blob, BytesBlob, FileBlob, LazyBlob, MissingBlob
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.origin import Origin
from modelc.ir.types import BF16, BOOL, F32, STRING, TensorType, Type, tensor

Array = NDArray[Any]


class Building:
    """A graph that grows op by op."""

    def __init__(self, **inputs: Type) -> None:
        self.graph = Graph()
        op = Op("input", (), {"names": tuple(inputs)}, tuple(inputs.values()))
        self.inputs = self.graph.append(op).results

    def op(self, kind: str, *operands: Value, type_: Type, name: str = "", **attributes: Attribute) -> Value:
        origin = Origin.of("tensorflow", name, kind)
        return self.graph.append(Op(kind, operands, attributes, (type_,), name=name, origin=origin)).result

    def const(self, blob: Blob, type_: TensorType) -> Value:
        return self.graph.append(Op("const", (), {"value": blob}, (type_,), name="weights")).result

    def returns(self, **outputs: Value) -> Graph:
        self.graph.append(Op("return", tuple(outputs.values()), {"names": tuple(outputs)}))
        return self.graph


def messages(graph: Graph, inputs: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(ModelcError) as error:
        evaluate(graph, inputs)
    return [(finding.code, finding.message) for finding in error.value.diagnostics]


def doubled() -> Graph:
    building = Building(x=tensor(F32, "n", 2), y=tensor(F32, "n"))
    (x, y) = building.inputs
    total = building.op("ge.Add", x, x, type_=tensor(F32, "n", 2))
    return building.returns(total=total, same=y)


def test_outputs_have_their_public_names() -> None:
    outputs = evaluate(doubled(), {"x": np.ones((3, 2), np.float32), "y": np.zeros(3, np.float32)})
    assert list(outputs) == ["total", "same"]
    assert outputs["total"].tolist() == [[2, 2]] * 3


def test_all_that_is_wrong_with_the_inputs_is_said_at_once() -> None:
    found = messages(doubled(), {"x": np.ones((3, 4), np.float64), "z": np.ones(1)})
    assert found == [
        ("MC601", "there is no input `z`, the inputs are `x`, `y`"),
        ("MC601", "input `x` is f64[3, 4], expected is f32[n, 2]"),
        ("MC601", "input `y` is not given, expected is f32[n]"),
    ]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (np.ones((3, 4), np.float32), "is f32[3, 4]"),
        (np.ones(3, np.float32), "is f32[3]"),
        (np.ones((3, 2), np.int32), "is i32[3, 2]"),
        (np.ones((3, 2), np.dtype("M8[s]")), "has elements of datetime64[s]"),
    ],
)
def test_an_input_that_does_not_fit(given: Array, problem: str) -> None:
    found = messages(doubled(), {"x": given, "y": np.ones(3, np.float32)})
    assert found == [("MC601", f"input `x` {problem}, expected is f32[n, 2]")]


def test_one_symbol_is_one_number() -> None:
    found = messages(doubled(), {"x": np.ones((3, 2), np.float32), "y": np.ones(4, np.float32)})
    assert found == [("MC601", "input `y` is f32[4] and `n` then 4, which is 3 in input `x`, expected is f32[n]")]


def test_inputs_in_other_clothes() -> None:
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    building = Building(a=tensor(F32, 2), b=tensor(BF16, 2), c=tensor(STRING, 2))
    (a, b, c) = building.inputs
    graph = building.returns(a=a, b=b, c=c)
    raw = np.array([1.5, 2], bfloat16).view("V2")
    outputs = evaluate(graph, {"a": np.array([1, 2], ">f4"), "b": raw, "c": np.array(["x", "é"])})
    assert outputs["a"].dtype == np.dtype("<f4")
    assert outputs["a"].tolist() == [1, 2]
    assert outputs["b"].dtype == bfloat16
    assert outputs["b"].tolist() == [1.5, 2]
    assert outputs["c"].tolist() == [b"x", "é".encode()]


def test_every_kind_that_cannot_be_executed_is_said_before_anything_runs() -> None:
    building = Building(x=tensor(F32, 2))
    value = building.inputs[0]
    for index in range(12):
        value = building.op("tf.Mystery", value, type_=tensor(F32, 2), name=f"m{index}")
    value = building.op("ge.LSTM", value, type_=tensor(F32, 2), name="cell")
    building.op("tf.Unread", value, type_=tensor(F32, 2))
    graph = building.returns(y=value)
    found = messages(graph, {"x": np.ones(2, np.float32)})
    assert found == [
        ("MC602", "`m0` (tf.Mystery) and 11 more of its kind cannot be executed here"),
        ("MC602", "`cell` (ge.LSTM) cannot be executed here"),
    ]


def test_an_op_that_fails_is_named() -> None:
    building = Building(x=tensor(F32, None), y=tensor(F32, None))
    total = building.op("ge.Add", *building.inputs, type_=tensor(F32, None), name="block/add")
    graph = building.returns(y=total)
    ((code, message),) = messages(graph, {"x": np.ones(2, np.float32), "y": np.ones(3, np.float32)})
    assert code == "MC605"
    assert message.startswith("`block/add` (ge.Add) failed: ")


def test_weights_that_cannot_be_read_are_a_finding() -> None:
    building = Building(x=tensor(F32, 1))
    weights = building.const(MissingBlob(4, "shard 2 of 3 is missing"), tensor(F32, 1))
    graph = building.returns(y=building.op("ge.Add", building.inputs[0], weights, type_=tensor(F32, 1)))
    assert messages(graph, {"x": np.ones(1, np.float32)}) == [
        ("MC605", "`weights` (const) failed: shard 2 of 3 is missing")
    ]


def test_weights_are_read_when_they_are_needed_and_then_dropped(tmp_path: Path) -> None:
    alive: list[int] = []
    peak: list[int] = []

    def weights(index: int) -> bytes:
        alive.append(index)
        return np.full(4, index, np.float32).tobytes()

    building = Building(x=tensor(F32, 4))
    constants = [building.const(LazyBlob(16, lambda i=i: weights(i)), tensor(F32, 4)) for i in range(5)]  # type: ignore[misc]
    value = building.inputs[0]
    for constant in constants:
        value = building.op("ge.Add", value, constant, type_=tensor(F32, 4))
    graph = building.returns(y=value)
    seen: list[str] = []

    def observe(op: Op, results: Any) -> None:
        seen.append(op.kind)
        peak.append(len(alive))

    outputs = evaluate(graph, {"x": np.zeros(4, np.float32)}, observe=observe)
    assert outputs["y"].tolist() == [10.0] * 4
    assert seen == ["input", *["const", "ge.Add"] * 5]
    assert peak[-1] == len(alive) == 5


def test_a_constant_with_many_readers_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(np.ones(4, np.float32).tobytes())
    reads: list[int] = []

    class Counted(FileBlob):
        def read(self) -> bytes:
            reads.append(1)
            return FileBlob.read(self)

    building = Building(x=tensor(F32, 4))
    constant = building.const(Counted(path, 0, 16), tensor(F32, 4))
    value = building.op("ge.Add", building.inputs[0], constant, type_=tensor(F32, 4))
    value = building.op("ge.Mul", value, constant, type_=tensor(F32, 4))
    evaluate(building.returns(y=value), {"x": np.ones(4, np.float32)})
    assert len(reads) == 1


def test_values_are_dropped_after_their_last_reader() -> None:
    building = Building(x=tensor(F32, 1 << 20))
    value = building.inputs[0]
    for _ in range(40):
        value = building.op("ge.Neg", value, type_=tensor(F32, 1 << 20))
    graph = building.returns(y=value)
    import tracemalloc

    x = np.ones(1 << 20, np.float32)
    tracemalloc.start()
    evaluate(graph, {"x": x})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * x.nbytes


def test_a_deep_graph_needs_no_deep_stack() -> None:
    building = Building(x=tensor(F32))
    value = building.inputs[0]
    for _ in range(5000):
        value = building.op("ge.Neg", value, type_=tensor(F32))
    assert evaluate(building.returns(y=value), {"x": np.array(3, np.float32)})["y"] == 3


def test_nested_graphs_are_executed_and_checked() -> None:
    def branch(kind: str) -> Graph:
        inner = Building(v=tensor(F32, 2))
        return inner.returns(out=inner.op(kind, inner.inputs[0], type_=tensor(F32, 2), name=f"inner/{kind}"))

    def outer(kind: str) -> Graph:
        building = Building(c=tensor(BOOL), x=tensor(F32, 2))
        graphs = (branch("ge.Neg"), branch(kind))
        op = Op("ge.If", building.inputs, {}, (tensor(F32, 2),), graphs=graphs)
        return building.returns(y=building.graph.append(op).result)

    x = np.array([1, 2], np.float32)
    assert evaluate(outer("ge.Square"), {"c": np.array(True), "x": x})["y"].tolist() == [-1, -2]
    assert evaluate(outer("ge.Square"), {"c": np.array(False), "x": x})["y"].tolist() == [1, 4]
    found = messages(outer("tf.Mystery"), {"c": np.array(True), "x": x})
    assert found == [("MC602", "`inner/tf.Mystery` (tf.Mystery) cannot be executed here")]


def test_a_constant_whose_bytes_do_not_fit_is_a_finding() -> None:
    building = Building(x=tensor(F32, 1))
    weights = building.const(BytesBlob(b"abc"), tensor(F32, 1))
    graph = building.returns(y=building.op("ge.Add", building.inputs[0], weights, type_=tensor(F32, 1)))
    ((code, _),) = messages(graph, {"x": np.ones(1, np.float32)})
    assert code == "MC605"
