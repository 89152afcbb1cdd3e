"""Inlining beyond what golden cases show: origins, depth, size."""

from __future__ import annotations

import time

from modelc.diagnostics.diagnostic import Sink
from modelc.ir.attributes import Symbol
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.ir.origin import Origin
from modelc.ir.types import F32, TensorType
from modelc.pipeline.passes import PassContext
from modelc.text.reader import read_model
from modelc_passes.inline_functions import InlineFunctions

UNKNOWN_FLOAT = TensorType(F32, None)


def inline(model: Model) -> Sink:
    sink = Sink()
    InlineFunctions().run(model, PassContext(sink))
    return sink


def calling(name: str, callees: list[str]) -> Graph:
    """Return a function that calls `callees` one after the other, with a Relu before each."""
    graph = Graph(name)
    value = graph.append(Op("input", (), {"names": ("x",)}, (UNKNOWN_FLOAT,), name="x")).results[0]
    for index, callee in enumerate(callees):
        relu = Op("tf.Relu", (value,), {"T": F32}, (UNKNOWN_FLOAT,), name=f"relu{index}")
        relu.origin = Origin.of("tensorflow", f"relu{index}", "Relu")
        call = Op("tf.PartitionedCall", (graph.append(relu).result,), {"f": Symbol(callee)}, (UNKNOWN_FLOAT,))
        call.origin = Origin.of("tensorflow", f"call{index}", "PartitionedCall")
        call.result.name = f"call{index}"
        value = graph.append(call).result
    graph.append(Op("return", (value,), {"names": ("y",)}))
    return graph


def chain_of_functions(depth: int, calls: int = 1) -> Model:
    functions = [calling(f"f{index}", [f"f{index + 1}"] * calls) for index in range(depth)]
    functions.append(calling(f"f{depth}", []))
    return Model(calling("main", ["f0"]), {graph.name: graph for graph in functions})


def test_origins_tell_the_node_and_the_calls_that_lead_to_it() -> None:
    model = chain_of_functions(2)
    assert not inline(model).errors
    last = [op for op in model.graph if op.kind == "tf.Relu"][-1]
    assert last.name == "call0/call0/relu0"
    assert [node.name for node in last.origin.nodes] == ["relu0", "call0"]
    assert not model.functions


def test_deep_chains_neither_recurse_nor_grow_long_names() -> None:
    model = chain_of_functions(3000)
    assert not inline(model).errors
    assert len(model.graph) == 3003
    assert max(len(op.name) for op in model.graph) < 500


def test_functions_that_would_explode_are_refused_at_once() -> None:
    model = chain_of_functions(2000, calls=2)
    started = time.perf_counter()
    sink = inline(model)
    assert [finding.code for finding in sink.errors] == ["MC118"]
    assert time.perf_counter() - started < 20
    assert len(model.graph) == 4


def test_a_call_that_is_all_a_graph_does_leaves_no_trace_in_names() -> None:
    model = read_model("""
        graph @main(%x: f32[2]) {
          %StatefulPartitionedCall = tf.StatefulPartitionedCall(%x) {f = @f} : f32[*] loc(tf "Call" X)
          return %StatefulPartitionedCall
        }
        graph @f(%a: f32[*]) {
          %dense/Relu = tf.Relu(%a) {T = f32} : f32[*] loc(tf "dense/Relu" Relu)
          return %dense/Relu
        }""")
    inline(model)
    (relu,) = [op for op in model.graph if op.kind == "tf.Relu"]
    assert relu.name == "dense/Relu"
    assert [node.name for node in relu.origin.nodes] == ["dense/Relu"]


def test_a_missing_function_is_left_alone() -> None:
    model = read_model("""
        graph @main(%x: f32[2]) {
          %call = tf.PartitionedCall(%x) {f = @nowhere} : f32[*]
          return %call
        }""")
    assert not inline(model).errors
    assert [op.kind for op in model.graph] == ["input", "tf.PartitionedCall", "return"]
