"""Simplification of random graphs: the same numbers, nothing read that need not be, time that grows with the ops."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelc.dialects.ge.run import run_graph
from modelc.dialects.lookup import infer_types, op_def
from modelc.ir.attributes import Attribute
from modelc.ir.blob import Blob
from modelc.ir.constants import to_blob, type_of
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.origin import Origin
from modelc.ir.types import F32, TensorType, tensor
from modelc.ir.verify import Level, verify
from modelc.pipeline.passes import Pass, PassContext
from modelc_passes.fold_batch_norm import FoldBatchNorm
from modelc_passes.fold_bias import FoldBias
from modelc_passes.fold_constants import FoldConstants
from modelc_passes.fold_pads import FoldPads
from modelc_passes.infer_types import InferTypes
from modelc_passes.merge_common_subexpressions import MergeCommonSubexpressions
from modelc_passes.remove_dead_ops import RemoveDeadOps
from modelc_passes.remove_identities import RemoveIdentities
from modelc_passes.shared.common import copy_graph
from modelc_passes.simplify import Simplify


class Builder:
    """Builds a graph of canonical ops on one image."""

    def __init__(self, *shape: int) -> None:
        self.graph = Graph()
        self.x = self.graph.append(Op("input", (), {"names": ("x",)}, (tensor(F32, *shape),), name="x")).result
        self.rng = np.random.default_rng(len(shape))
        self.count = 0

    def op(self, kind: str, *operands: Value, **attributes: Attribute) -> Value:
        self.count += 1
        probe = Op(f"ge.{kind}", operands, attributes)
        types = tuple(infer_types(probe))
        name = f"{kind}{self.count}"
        op = Op(probe.kind, operands, attributes, types, name=name, origin=Origin.of("test", name, kind))
        return self.graph.append(op).results[0]

    def const(self, array: object, dtype: str = "f4") -> Value:
        numbers = np.asarray(array, dtype)
        return self.blob(to_blob(numbers), type_of(numbers))

    def blob(self, blob: Blob, type_: TensorType) -> Value:
        self.count += 1
        name = f"const{self.count}"
        origin = Origin.of("test", name, "Const")
        return self.graph.append(Op("const", (), {"value": blob}, (type_,), name=name, origin=origin)).result

    def normal(self, *shape: int) -> Value:
        return self.const(self.rng.normal(size=shape))

    def model(self, *outputs: Value) -> Model:
        self.graph.append(Op("return", outputs, {"names": tuple(f"y{i}" for i in range(len(outputs)))}))
        return Model(self.graph)


def conv(b: Builder, x: Value) -> Value:
    channels = x.tensor.dims[3]
    attributes: dict[str, Attribute] = {
        "strides": (1, 1, 1, 1),
        "pads": (0, 1, 1, 0),
        "dilations": (1, 1, 1, 1),
        "data_format": "NHWC",
    }
    return b.op("Conv2D", x, b.normal(2, 2, channels, 3), groups=1, **attributes)


def depthwise(b: Builder, x: Value) -> Value:
    attributes: dict[str, Attribute] = {
        "strides": (1, 1, 1, 1),
        "pads": (0, 1, 1, 0),
        "dilations": (1, 1, 1, 1),
        "data_format": "NHWC",
    }
    return b.op("DepthwiseConv2D", x, b.normal(2, 2, 1, x.tensor.dims[3]), **attributes)


def batch_norm(b: Builder, x: Value) -> Value:
    channels = x.tensor.dims[3]
    parameters = [b.normal(channels) for _ in range(3)] + [b.const(b.rng.uniform(0.5, 2.0, channels))]
    return b.op("BatchNorm", x, *parameters, epsilon=0.01, data_format="NHWC", is_training=False)


def pad(b: Builder, x: Value) -> Value:
    return b.op("Pad", x, b.const([[0, 0], [1, 0], [0, 1], [0, 0]], "i4"))


def reshape_there_and_back(b: Builder, x: Value) -> Value:
    there = b.op("Reshape", x, b.const([x.tensor.dims[0], -1], "i4"))
    return b.op("Reshape", there, b.const(x.tensor.dims, "i4"))


def transpose_there_and_back(b: Builder, x: Value) -> Value:
    there = b.op(
        "Transpose", b.op("Relu", b.op("Transpose", x, b.const([0, 3, 1, 2], "i4"))), b.const([0, 2, 3, 1], "i4")
    )
    return b.op("Transpose", b.op("Transpose", there, b.const([0, 2, 1, 3], "i4")), b.const([0, 2, 1, 3], "i4"))


STEPS: dict[str, Callable[[Builder, Value], Value]] = {
    "conv": conv,
    "depthwise": depthwise,
    "batch norm": batch_norm,
    "pad": pad,
    "reshape": reshape_there_and_back,
    "transpose": transpose_there_and_back,
    "bias": lambda b, x: b.op("BiasAdd", x, b.normal(x.tensor.dims[3]), data_format="NHWC"),
    "add": lambda b, x: b.op("Add", b.normal(1, 1, 1, x.tensor.dims[3]), x),
    "add number": lambda b, x: b.op("Add", x, b.const(0.5)),
    "add nothing": lambda b, x: b.op("Add", x, b.const(0.0)),
    "sub": lambda b, x: b.op("Sub", x, b.normal(x.tensor.dims[3])),
    "sub from": lambda b, x: b.op("Sub", b.normal(x.tensor.dims[3]), x),
    "mul": lambda b, x: b.op("Mul", x, b.normal(x.tensor.dims[3])),
    "mul columns": lambda b, x: b.op("Mul", x, b.normal(x.tensor.dims[2], 1)),
    "mul nothing": lambda b, x: b.op("Mul", b.const(np.ones(x.tensor.dims[3])), x),
    "div": lambda b, x: b.op("RealDiv", x, b.const(b.rng.uniform(1.0, 2.0, x.tensor.dims[3]))),
    "twice": lambda b, x: b.op("Add", b.op("Sigmoid", x), b.op("Sigmoid", x)),
    "itself": lambda b, x: b.op("Mul", x, x),
    "relu": lambda b, x: b.op("Relu", b.op("Relu", x)),
    "sum of constants": lambda b, x: b.op("Mul", x, b.op("Exp", b.op("Neg", b.normal(x.tensor.dims[3])))),
}


@given(st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=7))
@settings(max_examples=120, deadline=None)
def test_the_same_numbers_come_out(steps: list[str]) -> None:
    builder = Builder(2, 4, 5, 3)
    x, outputs = builder.x, list[Value]()
    for index, step in enumerate(steps):
        x = STEPS[step](builder, x)
        if index == len(steps) // 2:
            outputs.append(x)
    model = builder.model(*outputs, x)
    image = np.random.default_rng(1).normal(size=(2, 4, 5, 3)).astype("f4")
    expected = run_graph(model.graph, [image])
    Simplify().run(model, PassContext(depth=1))
    assert verify(model.graph, Level.TYPES, op_def) == []
    for found, wanted in zip(run_graph(model.graph, [image]), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=2e-3, atol=2e-4)


def test_a_whole_block_becomes_one_op() -> None:
    builder = Builder(1, 6, 6, 3)
    x = builder.x
    for step in ("pad", "conv", "bias", "add nothing", "batch norm", "mul", "sum of constants", "sub", "div", "relu"):
        x = STEPS[step](builder, x)
    model = builder.model(x)
    Simplify().run(model, PassContext(depth=1))
    assert Counter(op.kind for op in model.graph) == {"input": 1, "const": 2, "ge.Conv2D": 1, "ge.Relu": 1, "return": 1}
    (fused,) = [op for op in model.graph if op.kind == "ge.Conv2D"]
    assert [node.op_type for node in fused.origin.nodes][:4] == ["Conv2D", "Pad", "BiasAdd", "BatchNorm"]


class Watched(Blob):
    """Weights that must not be looked at."""

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes
        self.reads = 0

    @property
    def key(self) -> int:
        return id(self)

    def read(self) -> bytes:
        self.reads += 1
        return bytes(self.nbytes)


def test_large_weights_are_not_read() -> None:
    builder, blob = Builder(1, 4, 4, 256), Watched(3 * 3 * 256 * 64 * 4)
    filters = builder.blob(blob, tensor(F32, 3, 3, 256, 64))
    attributes: dict[str, Attribute] = {
        "strides": (1, 1, 1, 1),
        "pads": (1, 1, 1, 1),
        "dilations": (1, 1, 1, 1),
        "data_format": "NHWC",
    }
    x = builder.op("Conv2D", builder.x, filters, groups=1, **attributes)
    x = STEPS["batch norm"](builder, STEPS["bias"](builder, x))
    kernel = builder.op("Transpose", builder.blob(blob, tensor(F32, 64, 9 * 256)), builder.const([1, 0], "i4"))
    flat = builder.op("Reshape", x, builder.const([16, 64], "i4"))
    y = builder.op("MatMulV2", flat, kernel, transpose_x1=False, transpose_x2=True)
    model = builder.model(y)
    Simplify().run(model, PassContext(depth=1))
    kinds = Counter(op.kind for op in model.graph)
    assert (kinds["ge.BatchNorm"], kinds["ge.BiasAdd"], kinds["ge.Transpose"]) == (0, 0, 0)
    assert blob.reads == 0


def test_a_long_row_of_computed_weights_can_be_read() -> None:
    builder = Builder(200, 200)
    weight = builder.normal(200, 200)
    for _ in range(100):
        weight = builder.op("Transpose", weight, builder.const([1, 0], "i4"))
        weight = builder.op("Tanh", weight)
    model = builder.model(builder.op("Add", builder.x, weight))
    arrays = [np.zeros((200, 200), "f4")]
    (expected,) = run_graph(model.graph, arrays)
    FoldConstants().run(model, PassContext(depth=1))
    (found,) = run_graph(model.graph, arrays)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_tree_of_computed_weights_is_not_computed_over_and_over() -> None:
    builder = Builder(200, 200)
    weight = builder.normal(200, 200)
    for _ in range(30):
        weight = builder.op("Sub", weight, builder.op("Mul", weight, weight))
    model = builder.model(builder.op("Add", builder.x, weight))
    FoldConstants().run(model, PassContext(depth=1))
    (found,) = run_graph(model.graph, [np.zeros((200, 200), "f4")])
    assert found.shape == (200, 200)


# -- many ops


def blocks(count: int) -> Model:
    builder = Builder(1, 4, 4, 3)
    hub, x = builder.normal(3), builder.x
    for _ in range(count):
        for step in ("conv", "bias", "mul", "relu", "add nothing", "reshape"):
            x = STEPS[step](builder, x)
        x = builder.op("Add", builder.op("Relu", builder.op("Add", x, hub)), builder.op("Mul", x, hub))
    return builder.model(x)


def fan(count: int) -> Model:
    """Return a graph in which everything reads the same two values and does the same with them."""
    builder = Builder(2, 3)
    table = builder.normal(2, 3)
    parts = [builder.op("Identity", builder.op("Add", builder.x, table)) for _ in range(count)]
    return builder.model(builder.op("AddN", *parts, N=count))


PASSES: list[Pass] = [
    *(InferTypes(), RemoveDeadOps(), FoldConstants(), RemoveIdentities(), MergeCommonSubexpressions()),
    *(FoldPads(), FoldBias(), FoldBatchNorm(), Simplify()),
]


def seconds(work: Pass, build: Callable[[int], Model], count: int) -> float:
    """Return the least processor time of three runs, without what the garbage collector takes."""
    times, original = [], build(count).graph
    for _ in range(3):
        model = Model(copy_graph(original))
        gc.collect()
        gc.disable()
        started = process_time()
        work.run(model, PassContext(depth=1))
        times.append(process_time() - started)
        gc.enable()
    return min(times)


@pytest.mark.parametrize("build", [blocks, fan])
@pytest.mark.parametrize("work", PASSES, ids=lambda work: work.name)
def test_time_grows_with_the_number_of_ops(work: Pass, build: Callable[[int], Model]) -> None:
    size = 30 if build is blocks else 300
    assert seconds(work, build, 2 * size) < 3.3 * seconds(work, build, size) + 0.002
