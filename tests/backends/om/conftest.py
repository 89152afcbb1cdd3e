"""Graphs of the canonical dialect made by hand, and a comparison of graphs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from modelc.dialects.lookup import op_def
from modelc.ir.attributes import Attribute
from modelc.ir.blob import Blob
from modelc.ir.constants import to_blob, type_of
from modelc.ir.graph import Graph
from modelc.ir.model import Model, Source
from modelc.ir.op import Op, Value
from modelc.ir.origin import Origin
from modelc.ir.types import BOOL, F32, I32, NONE, Type, tensor


class Builder:
    """Appends ops to a graph, with the types given."""

    def __init__(self, name: str = "main") -> None:
        self.graph = Graph(name)

    def inputs(self, **types: Type) -> tuple[Value, ...]:
        op = self.graph.append(Op("input", (), {"names": tuple(types)}, tuple(types.values())))
        for value, name in zip(op.results, types, strict=True):
            self.graph.set_name(value, name)
        return op.results

    def const(self, array: object, name: str, blob: Blob | None = None) -> Value:
        numbers = np.asarray(array)
        attributes: dict[str, Attribute] = {"value": blob or to_blob(numbers)}
        origin = Origin.of("tensorflow", name, "Const")
        return self.graph.append(Op("const", (), attributes, (type_of(numbers),), name=name, origin=origin)).result

    def absent(self) -> Value:
        return self.graph.append(Op("absent", (), {}, (NONE,))).result

    def op(
        self,
        kind: str,
        operands: Iterable[Value],
        *types: Type,
        name: str,
        graphs: tuple[Graph, ...] = (),
        attributes: Mapping[str, Attribute] | None = None,
    ) -> Op:
        origin = Origin.of("tensorflow", f"model/{name}", kind.removeprefix("ge."))
        values = dict(attributes or {})
        return self.graph.append(Op(kind, tuple(operands), values, types, name=name, graphs=graphs, origin=origin))

    def returns(self, **outputs: Value) -> Graph:
        self.graph.append(Op("return", tuple(outputs.values()), {"names": tuple(outputs)}))
        return self.graph


CONVOLUTION: dict[str, Attribute] = {
    "strides": (1, 1, 1, 1),
    "pads": (1, 1, 1, 1),
    "dilations": (1, 1, 1, 1),
    "groups": 1,
    "offset_x": 0,
    "data_format": "NHWC",
}
POOLING: dict[str, Attribute] = {
    "ksize": (1, 2, 2, 1),
    "strides": (1, 2, 2, 1),
    "padding": "VALID",
    "data_format": "NHWC",
}


def classifier(weights: Blob | None = None) -> Model:
    """A convolution with bias, a pooling, a concatenation, a matrix product and a split: every mode of slot."""
    b = Builder()
    (x,) = b.inputs(image=tensor(F32, 1, 8, 8, 3))
    w = b.const(np.arange(3 * 3 * 3 * 4, dtype=np.float32).reshape(3, 3, 3, 4) / 50, "conv/kernel", weights)
    bias = b.const(np.array([0.5, -1, 2, 0], np.float32), "conv/bias")
    image = tensor(F32, 1, 8, 8, 4)
    conv = b.op("ge.Conv2D", [x, w, bias], image, name="conv", attributes=CONVOLUTION).result
    relu = b.op("ge.Relu", [conv], image, name="conv/relu").result
    pool = b.op("ge.MaxPool", [relu], tensor(F32, 1, 4, 4, 4), name="pool", attributes=POOLING).result
    axis = b.const(np.array(3, np.int32), "concat/axis")
    joined = b.op("ge.ConcatV2", [pool, pool, axis], tensor(F32, 1, 4, 4, 8), name="concat", attributes={"N": 2}).result
    shape = b.const(np.array([1, -1], np.int32), "flatten/shape")
    flat = b.op("ge.Reshape", [joined, shape], tensor(F32, 1, 128), name="flatten").result
    kernel = b.const(np.linspace(-1, 1, 128 * 5, dtype=np.float32).reshape(128, 5), "dense/kernel")
    dense = b.op("ge.MatMulV2", [flat, kernel], tensor(F32, 1, 5), name="dense", attributes={"offset_x": 0}).result
    one = b.const(np.array(1, np.int32), "split/axis")
    halves = [tensor(F32, 1, 64)] * 2
    split = b.op("ge.Split", [one, flat], *halves, name="halves", attributes={"num_split": 2})
    half = b.op("ge.Cast", [split.results[1]], tensor(I32, 1, 64), name="as_int", attributes={"dst_type": 3}).result
    graph = b.returns(logits=dense, half=half)
    return Model(graph, source=Source("tensorflow", Path("classifier.pb"), "made by hand"))


def _branch(name: str, kind: str) -> Graph:
    b = Builder(name)
    x, y = b.inputs(**{f"{name}_x": tensor(F32), f"{name}_y": tensor(F32)})
    return b.returns(**{f"{name}_out": b.op(kind, [x, y], tensor(F32), name=f"{name}_op").result})


def _condition() -> Graph:
    b = Builder("loop_cond")
    (x,) = b.inputs(cond_x=tensor(F32))
    limit = b.const(np.array(100, np.float32), "limit")
    return b.returns(go=b.op("ge.Less", [x, limit], tensor(BOOL), name="less").result)


def _body() -> Graph:
    b = Builder("loop_body")
    (x,) = b.inputs(body_x=tensor(F32))
    return b.returns(next=b.op("ge.Add", [x, x], tensor(F32), name="double").result)


def branches() -> Model:
    """An If over two inputs, then a While."""
    b = Builder()
    c, x, y = b.inputs(c=tensor(BOOL), x=tensor(F32), y=tensor(F32))
    choice = (_branch("then", "ge.Add"), _branch("else", "ge.Sub"))
    chosen = b.op("ge.If", [c, x, y], tensor(F32), name="choose", graphs=choice).result
    loop = b.op("ge.While", [chosen], tensor(F32), name="loop", graphs=(_condition(), _body())).result
    return Model(b.returns(result=loop), source=Source("tensorflow", Path("branches.pb"), "made by hand"))


def describe(graph: Graph, *, names: bool = True) -> list[object]:
    """Everything a graph says, as plain data: two graphs are equal when their descriptions are."""
    numbers: dict[Value, tuple[int, int]] = {}
    described: list[object] = []
    ops = [op for op in graph if op.kind != "absent"]
    for position, op in enumerate(ops):
        numbers.update({value: (position, value.index) for value in op.results})
        definition = op_def(op.kind)
        attributes = {
            name: declared.default
            for name, declared in (definition.attributes if definition else {}).items()
            if declared.default is not None
        }
        attributes |= op.attributes
        operands = [numbers.get(value) for value in op.operands]
        while operands and operands[-1] is None:
            del operands[-1]
        described.append(
            (
                op.kind,
                operands,
                [str(value.type) for value in op.results],
                [value.name for value in op.results] if names else None,
                sorted((name, _plain(value)) for name, value in attributes.items()),
                [describe(nested, names=names) for nested in op.graphs],
            )
        )
    return described


def _plain(value: Attribute) -> str:
    return value.digest() if isinstance(value, Blob) else repr(value)


@pytest.fixture
def make_classifier() -> Callable[..., Model]:
    return classifier


@pytest.fixture
def make_branches() -> Callable[[], Model]:
    return branches


@pytest.fixture
def builder() -> type[Builder]:
    return Builder


@pytest.fixture
def description() -> Callable[..., Sequence[object]]:
    return describe
