"""Published networks, built layer by layer, with weights that hold no memory."""

from __future__ import annotations

from math import ceil, prod

from modelc.ir.attributes import Attribute
from modelc.ir.blob import SplatBlob
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.types import F32, TensorType, tensor
from modelc.rewrite.rewriter import Rewriter


class Network:
    """A network of convolutions that grows layer by layer; `macs` is counted beside, from sizes alone.

    Attributes:
        graph: What was built.
        x: The last value.
        macs: What its layers multiply.
    """

    def __init__(self, size: int, batch: int = 1) -> None:
        self.graph = Graph()
        self.x: Value = self.graph.append(Op("input", types=(tensor(F32, batch, size, size, 3),))).result
        self.macs = 0
        self._rewriter = Rewriter(self.graph)

    def conv(self, channels: int, kernel: int = 1, stride: int = 1, relu: bool = True) -> Network:
        """Convolve, with as much padding as keeps the size over the stride."""
        batch, size, _, taken = self.x.tensor.dims
        self._window("Conv2D", kernel, stride, taken, channels)
        self.macs += batch * ceil(size / stride) ** 2 * channels * kernel**2 * taken
        return self.relu() if relu else self

    def depthwise(self, stride: int = 1) -> Network:
        """Convolve each channel by itself, 3 by 3."""
        batch, size, _, channels = self.x.tensor.dims
        self._window("DepthwiseConv2D", 3, stride, channels, 1)
        self.macs += batch * ceil(size / stride) ** 2 * channels * 9
        return self.relu()

    def relu(self) -> Network:
        """Cut off below zero."""
        self.x = self._rewriter.value("ge.Relu", [self.x])
        return self

    def add(self, other: Value) -> Network:
        """Add an earlier value."""
        self.x = self._rewriter.value("ge.Add", [self.x, other])
        return self

    def pool(self) -> Network:
        """Take the greatest of 3 by 3, at every second place."""
        window: dict[str, Attribute] = {
            "ksize": (1, 3, 3, 1),
            "strides": (1, 2, 2, 1),
            "padding": "SAME",
            "data_format": "NHWC",
        }
        self.x = self._rewriter.value("ge.MaxPool", [self.x], window)
        return self

    def classify(self, classes: int) -> Graph:
        """Average over all places, connect fully, and return the graph."""
        rewriter, (batch, _, _, channels) = self._rewriter, self.x.tensor.dims
        mean = rewriter.value("ge.GlobalAveragePool", [rewriter.value("ge.Transpose", [self.x, self._order()])])
        flat = rewriter.value("ge.FlattenV2", [mean])
        weights, bias = self._weight(channels, classes), self._weight(classes)
        self.graph.append(Op("return", (rewriter.value("ge.MatMulV2", [flat, weights, bias]),)))
        self.macs += batch * channels * classes
        return self.graph

    def _window(self, kind: str, kernel: int, stride: int, taken: int, channels: int) -> None:
        size = self.x.tensor.dims[1]
        needed = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        pads = (needed // 2, needed - needed // 2) * 2
        operands = [self.x, self._weight(kernel, kernel, taken, channels)]
        results = taken * channels if kind == "DepthwiseConv2D" else channels
        operands.append(self._weight(results))
        window: dict[str, Attribute] = {"strides": (1, stride, stride, 1), "pads": pads, "data_format": "NHWC"}
        self.x = self._rewriter.value(f"ge.{kind}", operands, window)

    def _weight(self, *dims: int) -> Value:
        return self._rewriter.constant_of(SplatBlob(b"\0\0\0\0", prod(dims)), TensorType(F32, dims))

    def _order(self) -> Value:
        import numpy as np

        return self._rewriter.constant(np.array([0, 3, 1, 2], np.int32))


def resnet50(batch: int = 1) -> tuple[Graph, int]:
    """Return the network of 50 layers as first published: blocks stride at their first convolution."""
    net = Network(224, batch).conv(64, 7, 2).pool()
    for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for index in range(count):
            step, entry = stride if index == 0 else 1, net.x
            shortcut = net.conv(4 * width, 1, step, relu=False).x if index == 0 else entry
            net.x = entry
            net.conv(width, 1, step).conv(width, 3).conv(4 * width, relu=False).add(shortcut).relu()
    return net.classify(1000), net.macs


# expansion, channels, blocks, stride
_RESIDUALS = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)
)  # fmt: skip


def mobilenet_v2() -> tuple[Graph, int]:
    """Return the network of inverted residuals at full width."""
    net = Network(224).conv(32, 3, 2)
    settings = (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    )
    for factor, channels, count, stride in settings:
        for index in range(count):
            step, entry = stride if index == 0 else 1, net.x
            if factor > 1:
                net.conv(factor * entry.tensor.dims[-1])
            net.depthwise(step).conv(channels, relu=False)
            if index:
                net.add(entry)
    return net.conv(1280).classify(1000), net.macs
