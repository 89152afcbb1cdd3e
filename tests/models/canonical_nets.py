"""Networks in the canonical dialect, with weights, of any depth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelc.ir.attributes import Attribute
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.origin import Origin
from modelc.ir.types import F32, tensor
from modelc.pipeline.facts import implied
from modelc.rewrite.rewriter import Rewriter

CHANNELS, SIDE, CLASSES = 4, 6, 5
_CONVOLUTION: dict[str, Attribute] = {"strides": (1, 1, 1, 1), "pads": (0, 0, 0, 0), "data_format": "NHWC"}


class NetBuilder:
    """Appends ops to a graph that takes an image; every op has an origin of its own."""

    def __init__(self, seed: int = 0) -> None:
        graph = Graph()
        types = (tensor(F32, 1, SIDE, SIDE, CHANNELS),)
        self.image: Value = graph.append(Op("input", (), {"names": ("image",)}, types, name="image")).result
        self._random = np.random.default_rng(seed)
        self._rewriter = Rewriter(graph)

    def weight(self, name: str, *shape: int) -> Value:
        """Append a constant of random numbers."""
        return self._rewriter.constant(self._random.standard_normal(shape).astype(np.float32), name=name)

    def op(self, kind: str, operands: Sequence[Value], name: str, **attributes: Attribute) -> Value:
        """Append an op and return its result."""
        self._rewriter.origin = Origin.of("tensorflow", name, kind)
        return self._rewriter.build(f"ge.{kind}", operands, dict(attributes), name=name).results[0]

    def finish(self, *outputs: Value) -> Model:
        """Return the model with these outputs."""
        names = tuple(value.name for value in outputs)
        graph = self._rewriter.graph
        graph.append(Op("return", outputs, {"names": names}))
        model = Model(graph)
        model.facts = implied(model)
        return model


def residual_net(blocks: int) -> Model:
    """Return a network of `blocks` blocks of eleven ops each, constants included, and a classifier."""
    build = NetBuilder()
    value = build.image
    for index in range(blocks):
        value = _block(build, value, f"block{index}")
    axes = build._rewriter.constant(np.array([1, 2], np.int32), name="axes")
    pooled = build.op("ReduceMean", [value, axes], "pool", keep_dims=False)
    logits = build.op("MatMulV2", [pooled, build.weight("head/weights", CHANNELS, CLASSES)], "head")
    return build.finish(build.op("SoftmaxV2", [logits], "probabilities", axes=(-1,)))


def _block(build: NetBuilder, value: Value, name: str) -> Value:
    filters = build.weight(f"{name}/weights", 1, 1, CHANNELS, CHANNELS)
    bias, scale = build.weight(f"{name}/bias", CHANNELS), build.weight(f"{name}/scale", CHANNELS)
    convolved = build.op("Conv2D", [value, filters, bias], f"{name}/conv", **_CONVOLUTION)
    clipped = build.op("Relu6", [convolved], f"{name}/relu")
    scaled = build.op("Mul", [clipped, scale], f"{name}/mul")
    gate = build.op("Sigmoid", [convolved], f"{name}/gate")
    changed = build.op("Sub", [scaled, gate], f"{name}/sub")
    largest = build.op("Maximum", [changed, scaled], f"{name}/max")
    curved = build.op("Tanh", [largest], f"{name}/tanh")
    return build.op("Add", [curved, value], f"{name}/add")
