"""Time the evaluator on the ops that real networks spend their time in, or on whole models.

Usage: python benchmarks/bench_evaluator.py [MODEL...] [--ops Conv2D,SoftmaxV2] [--repeat 5]

Without models, prints per op of a table of typical shapes the best time in milliseconds, nanoseconds per element of
the largest tensor, and billions of multiplications and additions per second where it is made of them. With models
(any file or folder that `modelc run` takes in the canonical dialect, such as an `.om`), prints the time of one
execution on random inputs at batch 1 and the kinds of op it went into.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelc.api import load
from modelc.dialects.ge.run import run_graph
from modelc.dialects.lookup import op_def
from modelc.ir.attributes import Attribute
from modelc.ir.constants import numpy_dtype, to_blob, type_of
from modelc.ir.graph import Graph
from modelc.ir.op import Op
from modelc.ir.types import F32, TensorType, Type
from modelc.tables import table

Array = NDArray[Any]
RNG = np.random.default_rng(0)
NUMERIC = frozenset(range(2, 5))


def normal(*shape: int) -> Array:
    """Return random numbers in single precision."""
    return RNG.standard_normal(shape).astype(np.float32)


def indices(limit: int, *shape: int) -> Array:
    """Return random indices below `limit`."""
    return RNG.integers(0, limit, shape).astype(np.int32)


@dataclass(frozen=True)
class Case:
    """One op on typical operands.

    Attributes:
        kind: The op.
        operands: Arrays.
        attributes: Its attributes.
        products: Multiplications and additions it takes, 0 where that says nothing.
    """

    kind: str
    operands: tuple[Array, ...]
    attributes: dict[str, Attribute] = field(default_factory=dict[str, Attribute])
    products: int = 0


def convolution(size: int, taken: int, given: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> Case:
    """Return a convolution over a square image with padding that keeps its size."""
    operands = normal(1, size, size, taken), normal(kernel, kernel, taken // groups, given)
    pads = (kernel // 2,) * 4
    attributes: dict[str, Attribute] = {"strides": (1, stride, stride, 1), "pads": pads, "data_format": "NHWC"}
    products = 2 * (size // stride) ** 2 * given * operands[1][..., 0].size
    return Case("Conv2D", operands, {**attributes, "groups": groups}, products)


def depthwise(size: int, channels: int, kernel: int = 3) -> Case:
    """Return a depthwise convolution over a square image."""
    operands = normal(1, size, size, channels), normal(kernel, kernel, channels, 1)
    attributes: dict[str, Attribute] = {"strides": (1, 1, 1, 1), "pads": (kernel // 2,) * 4, "data_format": "NHWC"}
    return Case("DepthwiseConv2D", operands, attributes, 2 * operands[0].size * kernel**2)


def product(*shape: int) -> Case:
    """Return a product of stacks of matrices [..., rows, inner, columns]."""
    *batch, rows, inner, columns = shape
    operands = normal(*batch, rows, inner), normal(*batch, inner, columns)
    return Case("BatchMatMulV2" if batch else "MatMulV2", operands, {}, 2 * math.prod(shape))


def pooling(kind: str, size: int, channels: int) -> Case:
    """Return a pooling of 3 by 3 over a square image, with steps of 2."""
    sizes: dict[str, Attribute] = {"ksize": (1, 3, 3, 1), "strides": (1, 2, 2, 1)}
    return Case(kind, (normal(1, size, size, channels),), {**sizes, "padding": "SAME", "data_format": "NHWC"})


def cases() -> list[Case]:
    """Return the table."""
    ids, rows = indices(30522, 8, 128), normal(30522, 768)
    image, big = normal(1, 112, 112, 64), np.array((224, 224), np.int32)
    gamma, hidden = normal(768), normal(8, 128, 768)
    return [
        convolution(224, 3, 64, 7, 2),
        convolution(56, 64, 64),
        convolution(56, 64, 256, 1),
        convolution(14, 256, 256),
        convolution(14, 1024, 256, 1),
        convolution(7, 512, 512),
        convolution(56, 128, 128, 3, groups=32),
        depthwise(112, 32),
        depthwise(14, 576, 5),
        product(512, 2048, 1000),
        product(8, 12, 128, 64, 128),
        product(1, 2048, 1000),
        pooling("MaxPool", 112, 64),
        pooling("AvgPool", 112, 64),
        Case("SoftmaxV2", (normal(8, 12, 128, 128),), {"axes": (-1,)}),
        Case("LayerNorm", (hidden, gamma, gamma), {"begin_norm_axis": -1, "begin_params_axis": -1}),
        Case("Gelu", (hidden,)),
        Case("Erf", (hidden,)),
        Case("Sigmoid", (image,)),
        Case("Relu", (image,)),
        Case("Add", (image, normal(64))),
        Case("Transpose", (hidden, np.array((0, 2, 1), np.int32))),
        Case("ReduceMean", (image, np.array((1, 2), np.int32)), {"keep_dims": False}),
        Case("GatherV2", (rows, ids, np.array(0, np.int32))),
        Case("ResizeBilinearV2", (image, big), {"half_pixel_centers": True}),
        Case("ResizeNearestNeighborV2", (image, big), {"half_pixel_centers": True}),
        Case("ConcatV2", (image, image, np.array(3, np.int32)), {"N": 2}),
        Case("TopKV2", (normal(100, 1000), np.array(10, np.int32))),
    ]


def best(case: Case, repeat: int) -> float:
    """Return the least seconds that one evaluation took."""
    definition = op_def(f"ge.{case.kind}")
    assert definition is not None
    assert definition.evaluate is not None
    values = [Op("const", (), {"value": to_blob(x)}, (type_of(x),)).result for x in case.operands]
    op = Op(f"ge.{case.kind}", tuple(values), case.attributes)
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        definition.evaluate(op, case.operands)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def bench_ops(kinds: Sequence[str], repeat: int) -> str:
    """Return the table of all cases, or of those of some kinds."""
    rows = [("op", "operands", "ms", "ns per element", "G/s")]
    for case in cases():
        if kinds and case.kind not in kinds:
            continue
        seconds = best(case, repeat)
        shapes = " ".join(str(type_of(x)) for x in case.operands)
        largest = max(x.size for x in case.operands)
        rate = f"{case.products / seconds / 1e9:.1f}" if case.products else ""
        rows.append((case.kind, shapes, f"{seconds * 1e3:.2f}", f"{seconds / largest * 1e9:.2f}", rate))
    return table(rows, NUMERIC)


def _random_input(type_: Type) -> Array:
    assert isinstance(type_, TensorType)
    dtype = numpy_dtype(type_.element or F32)
    shape = tuple(dim if isinstance(dim, int) else 1 for dim in type_.shape or ())
    return (normal(*shape) if dtype.kind == "f" else indices(2, *shape)).astype(dtype)


def _seconds_by_kind(graph: Graph, inputs: Sequence[Array]) -> dict[str, float]:
    seconds: dict[str, float] = defaultdict(float)
    last = time.perf_counter()

    def observe(op: Op, _: Sequence[Array]) -> None:
        nonlocal last
        now = time.perf_counter()
        seconds[op.kind] += now - last
        last = now

    run_graph(graph, inputs, observe=observe)
    return seconds


def bench_model(path: Path, repeat: int) -> str:
    """Return the table of one model: the fastest of some executions."""
    graph = load(path).graph
    inputs = [_random_input(value.type) for value in graph.inputs]
    runs = [_seconds_by_kind(graph, inputs) for _ in range(repeat)]
    fastest = min(runs, key=lambda run: sum(run.values()))
    rows = [(path.name, "ms"), ("all", f"{sum(fastest.values()) * 1e3:.1f}")]
    rows += [(kind, f"{fastest[kind] * 1e3:.1f}") for kind in sorted(fastest, key=fastest.__getitem__, reverse=True)]
    return table(rows, frozenset({1}))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("models", nargs="*", type=Path, help="models in the canonical dialect")
    parser.add_argument("--ops", default="", help="which kinds of op, all by default")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each; the fastest counts")
    options = parser.parse_args()
    if not options.models:
        print(bench_ops([kind for kind in options.ops.split(",") if kind], options.repeat))
    for path in options.models:
        print(bench_model(path, options.repeat), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
