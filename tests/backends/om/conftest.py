"""Graphs of the canonical dialect made by hand, and a comparison of graphs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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
from modelc.ir.types import F32, I32, NONE, TensorType, Type, tensor


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
        **attributes: Attribute,
    ) -> Op:
        origin = Origin.of("tensorflow", f"model/{name}", kind.removeprefix("ge."))
        return self.graph.append(
            Op(kind, tuple(operands), attributes, types, name=name, graphs=graphs, origin=origin)
        )

    def returns(self, **outputs: Value) -> Graph:
        self.graph.append(Op("return", tuple(outputs.values()), {"names": tuple(outputs)}))
        return self.graph


def classifier(weights: Blob | None = None) -> Model:
    """A convolution with bias, a branch, a pooling, a concatenation and a matrix product; every slot mode is in it."""
    b = Builder()
    (x,) = b.inputs(image=tensor(F32, 1, 8, 8, 3))
    w = b.const(np.arange(3 * 3 * 3 * 4, dtype=np.float32).reshape(3, 3, 3, 4) / 50, "conv/kernel", weights)
    bias = b.const(np.array([0.5, -1, 2, 0], np.float32), "conv/bias")
    same = {"strides": (1, 1, 1, 1), "pads": (1, 1, 1, 1), "dilations": (1, 1, 1, 1), "groups": 1, "offset_x": 0}
    image = tensor(F32, 1, 8, 8, 4)
    conv = b.op("ge.Conv2D", [x, w, bias], image, name="conv", data_format="NHWC", **same)
    relu = b.op("ge.Relu", [conv.result], image, name="conv/relu")
    pool = b.op(
        "ge.MaxPool", [relu.result], tensor(F32, 1, 4, 4, 4), name="pool", ksize=(1, 2, 2, 1), strides=(1, 2, 2, 1),
        padding="VALID", data_format="NHWC",
    )  # fmt: skip
    axis = b.const(np.array(3, np.int32), "concat/axis")
    joined = b.op(
        "ge.ConcatV2", [pool.result, pool.result, axis], tensor(F32, 1, 4, 4, 8), name="concat", N=2
    )
    shape = b.const(np.array([1, -1], np.int32), "flatten/shape")
    flat = b.op("ge.Reshape", [joined.result, shape], tensor(F32, 1, 128), name="flatten", axis=0, num_axes=-1)
    kernel = b.const(np.linspace(-1, 1, 128 * 5, dtype=np.float32).reshape(128, 5), "dense/kernel")
    dense = b.op(
        "ge.MatMulV2", [flat.result, kernel], tensor(F32, 1, 5), name="dense", transpose_x1=False, transpose_x2=False,
        offset_x=0,
    )  # fmt: skip
    split = b.op(
        "ge.Split", [b.const(np.array(1, np.int32), "split/axis"), flat.result], tensor(F32, 1, 64),
        tensor(F32, 1, 64), name="halves", num_split=2,
    )  # fmt: skip
    half = b.op("ge.Cast", [split.results[1]], tensor(I32, 1, 64), name="as_int", dst_type=3)
    graph = b.returns(logits=dense.result, half=half.result)
    return Model(graph, source=Source("tensorflow", Path("classifier.pb"), "made by hand"))


def branches() -> Model:
    """An If whose branches read different inputs, and a While."""
    number = tensor(F32)

    def branch(name: str, kind: str) -> Graph:
        b = Builder(name)
        x, y = b.inputs(**{f"{name}_x": number, f"{name}_y": number})
        return b.returns(**{f"{name}_out": b.op(kind, [x, y], number, name=f"{name}_op").result})

    def condition() -> Graph:
        b = Builder("loop_cond")
        (x,) = b.inputs(cond_x=number)
        limit = b.const(np.array(100, np.float32), "limit")
        return b.returns(go=b.op("ge.Less", [x, limit], TensorType(op_element("bool"), ()), name="less").result)

    def body() -> Graph:
        b = Builder("loop_body")
        (x,) = b.inputs(body_x=number)
        return b.returns(next=b.op("ge.Add", [x, x], number, name="double").result)

    b = Builder()
    c, x, y = b.inputs(c=TensorType(op_element("bool"), ()), x=number, y=number)
    chosen = b.op("ge.If", [c, x, y], number, name="choose", graphs=(branch("then", "ge.Add"), branch("else", "ge.Sub")))
    loop = b.op(
        "ge.While", [chosen.result], number, name="loop", graphs=(condition(), body()), parallel_iterations=10
    )
    return Model(b.returns(result=loop.result))


def op_element(name: str):  # noqa: ANN201
    from modelc.ir.types import ELEMENTS

    return ELEMENTS[name]


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
