"""Synthetic graphs in TensorFlow's dialect, of any size, for benchmarks and scaling tests.

Every workload is a function of the number of ops wanted; it returns a model as the reader would lift it: frozen, with
an input of unknown batch.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelc.ir.attributes import Attribute
from modelc.ir.constants import to_blob, type_of
from modelc.ir.graph import Graph
from modelc.ir.model import Model, Source
from modelc.ir.op import Op, Value
from modelc.ir.origin import Origin
from modelc.ir.types import F32, TensorType, tensor
from modelc.pipeline.facts import LIFTED

CHANNELS = 8
SIDE = 8


class Builder:
    """Appends tf ops to a graph that takes one image batch."""

    def __init__(self, *shape: int | None) -> None:
        self.graph = Graph()
        first = Op("input", (), {"names": ("x",)}, (tensor(F32, *shape),), name="x", origin=self._origin("x", "input"))
        self.x: Value = self.graph.append(first).result
        self.count = 1

    def op(self, kind: str, *operands: Value, results: int = 1, **attributes: Attribute) -> Value:
        """Append an op with float results and return the first."""
        self.count += 1
        name = f"{kind.lower()}_{self.count}"
        types = (TensorType(F32, None),) * results
        op = Op(f"tf.{kind}", operands, {"T": F32, **attributes}, types, name=name, origin=self._origin(name, kind))
        return self.graph.append(op).results[0]

    def const(self, array: NDArray[Any]) -> Value:
        """Append a constant."""
        self.count += 1
        name = f"const_{self.count}"
        types = (type_of(array),)
        op = Op("const", (), {"value": to_blob(array)}, types, name=name, origin=self._origin(name, "Const"))
        return self.graph.append(op).result

    def finish(self, *outputs: Value) -> Model:
        """Return the model with these outputs."""
        names = tuple(f"y{index}" for index in range(len(outputs)))
        self.graph.append(Op("return", outputs, {"names": names}, origin=self._origin("return", "return")))
        return Model(self.graph, source=Source("tensorflow", Path("workload"), "synthetic"), facts={LIFTED})

    @staticmethod
    def _origin(name: str, kind: str) -> Origin:
        return Origin.of("tensorflow", name, kind)


def resnet(size: int) -> Model:
    """Convolution, batch norm, relu and residual additions."""
    b = Builder(None, SIDE, SIDE, CHANNELS)
    rng = np.random.default_rng(0)
    kernel = rng.standard_normal((3, 3, CHANNELS, CHANNELS)).astype(np.float32)
    statistics = [rng.random(CHANNELS).astype(np.float32) + 0.5 for _ in range(4)]
    x = b.x
    window: dict[str, Any] = {"strides": (1, 1, 1, 1), "padding": "SAME", "data_format": "NHWC"}
    while b.count < size:
        y = b.op("Conv2D", x, b.const(kernel), dilations=(1, 1, 1, 1), explicit_paddings=(), **window)
        y = b.op(
            "FusedBatchNormV3",
            y,
            *map(b.const, statistics),
            results=6,
            is_training=False,
            epsilon=1e-3,
            data_format="NHWC",
            U=F32,
        )
        x = b.op("AddV2", b.op("Relu", y), x)
    return b.finish(x)


def transformer(size: int) -> Model:
    """Matrix products, layer norms written out, softmax, reshapes and transposes."""
    b = Builder(None, 16, 32)
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((32, 32)).astype(np.float32)
    last = b.const(np.array([-1], np.int32))
    epsilon = b.const(np.full((), 1e-6, np.float32))
    x = b.x
    while b.count < size:
        mean = b.op("Mean", x, last, keep_dims=True)
        centred = b.op("Sub", x, mean)
        variance = b.op("Mean", b.op("Square", centred), last, keep_dims=True)
        normal = b.op("Mul", centred, b.op("Rsqrt", b.op("AddV2", variance, epsilon)))
        product = b.op("BatchMatMulV2", normal, b.const(weight), adj_x=False, adj_y=False)
        x = b.op("AddV2", x, b.op("Softmax", product))
    return b.finish(x)


def chain(size: int) -> Model:
    """One long chain of cheap ops with identities in between."""
    b = Builder(None, 4)
    one = b.const(np.ones(4, np.float32))
    x = b.x
    while b.count < size:
        x = b.op("Identity", b.op("AddV2", b.op("Relu", x), one))
    return b.finish(x)


def hub(size: int) -> Model:
    """One value with very many readers."""
    b = Builder(None, 4)
    centre = b.op("Relu", b.x)
    x = centre
    while b.count < size:
        x = b.op("AddV2", x, centre)
    return b.finish(x)


def wide(size: int) -> Model:
    """Very many equal branches that one concatenation joins."""
    b = Builder(None, 4)
    branches = []
    while b.count < size:
        branches.append(b.op("Relu", b.op("Neg", b.x)))
    axis = b.const(np.array(1, np.int32))
    return b.finish(b.op("ConcatV2", *branches, axis, N=len(branches)))


WORKLOADS: dict[str, Callable[[int], Model]] = {
    "resnet": resnet,
    "transformer": transformer,
    "chain": chain,
    "hub": hub,
    "wide": wide,
}
