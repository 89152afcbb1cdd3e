"""Inputs made up for a graph: from a seed, by element type and shape, and by what the graph does with them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import Diagnostic, ModelcError, finding
from modelc.ir.attributes import get
from modelc.ir.constants import constant, numpy_dtype
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.types import F32, Dim, Element, TensorType

Array: TypeAlias = NDArray[Any]
Ranges: TypeAlias = Mapping[str, tuple[float, float]]  # least and greatest number by public name

LOOKED_AT = 256  # ops followed on behalf of one input
DIGITS = 10  # integers whose meaning is not known stay below
BYTES = 256

# Ops that hand on the numbers of their first operand (of any operand where listed as `joins`)
_HANDS_ON = frozenset(
    f"ge.{name}"
    for name in (
        *("BroadcastTo", "Cast", "DepthToSpace", "ExpandDims", "Flatten", "FlattenV2", "Identity", "IdentityN"),
        *("MirrorPad", "Pad", "PadV2", "Reshape", "ReverseV2", "Slice", "SpaceToDepth", "SplitV", "Squeeze"),
        *("SqueezeV2", "SqueezeV3", "StopGradient", "StridedSlice", "Tile", "Transpose", "Unpack", "Unsqueeze"),
        *("UnsqueezeV2", "UnsqueezeV3"),
    )
) | frozenset(
    f"onnx.{name}"
    for name in (
        "Cast",
        "Expand",
        "Identity",
        "Pad",
        "Reshape",
        "Slice",
        "Split",
        "Squeeze",
        "Tile",
        "Transpose",
        "Unsqueeze",
    )
)
_JOINS = frozenset({"ge.Concat", "ge.ConcatV2", "ge.Pack", "ge.Split", "onnx.Concat"})
_RESCALES = frozenset(
    f"{dialect}.{name}" for dialect in ("ge", "onnx") for name in ("Add", "BiasAdd", "Div", "Mul", "RealDiv", "Sub")
)

# Ops that look numbers up: where the table and the indices are, and where the axis is, None for the first one
_TABLES: dict[str, tuple[int, int, int | None]] = {
    "ge.Gather": (0, 1, None),
    "ge.GatherV2": (0, 1, 2),
    "ge.GatherNd": (0, 1, None),
    "onnx.Gather": (0, 1, None),
    "onnx.GatherND": (0, 1, None),
    "ge.CropAndResize": (0, 2, None),
    "ge.CropAndResizeV2": (0, 2, None),
}
# Ops that take integers below another of their operands: where these are, and where that is
_COUNTS: dict[str, tuple[int, int]] = {
    "ge.OneHot": (0, 1),
    "onnx.OneHot": (0, 1),
    **{f"ge.UnsortedSegment{name}": (1, 2) for name in ("Max", "Min", "Prod", "Sum")},
}
_CASES = frozenset({"ge.Case", "ge.StatelessCase"})  # choose one of their graphs by their first operand


@dataclass(frozen=True, slots=True)
class Hint:
    """What the graph shows about an input.

    Attributes:
        bound: Integers must stay below, None where nothing is looked up by them.
        is_weight: Whether integers are converted to floating point: a mask rather than an index.
        is_pixel: Whether numbers are brought from the range of bytes to another one.
    """

    bound: int | None = None
    is_weight: bool = False
    is_pixel: bool = False


def generate_inputs(graph: Graph, seed: int = 0, ranges: Ranges | None = None) -> dict[str, Array]:
    """Return one array per input of `graph`, by public name; equal seeds give equal arrays.

    A dimension that is not known becomes 1.

    Args:
        graph: The graph.
        seed: Which of all possible inputs to return.
        ranges: What the numbers of inputs lie between, both ends included; by default what the graph shows.

    Raises:
        ModelcError: A range is given for an input that does not exist, or that its element type cannot hold.
    """
    inputs = dict(zip(graph.input_names, graph.inputs, strict=True))
    ranges = ranges or {}
    problems = [problem for name in ranges if (problem := _misfit(name, ranges[name], inputs)) is not None]
    if problems:
        raise ModelcError(*problems)
    return {
        name: generate(
            value.tensor, hint_of(value), np.random.default_rng([seed, zlib.crc32(name.encode())]), ranges.get(name)
        )
        for name, value in inputs.items()
    }


def _misfit(name: str, range_: tuple[float, float], inputs: Mapping[str, Value]) -> Diagnostic | None:
    if name not in inputs:
        known = ", ".join(f"`{each}`" for each in inputs) or "none"
        return finding("MC601", f"a range is given for `{name}`, which is no input, the inputs are {known}")
    element = inputs[name].tensor.element or F32
    if element.family in ("float", "complex"):
        return None
    if element.family not in ("int", "uint"):
        return finding("MC601", f"a range is given for `{name}`, which holds no numbers but {element}")
    limits = np.iinfo(element.numpy)
    if limits.min <= range_[0] and range_[1] <= limits.max and all(each == int(each) for each in range_):
        return None
    return finding("MC601", f"a range of {range_[0]:g} to {range_[1]:g} is given for `{name}`, whose type is {element}")


def generate(
    type_: TensorType, hint: Hint, random: np.random.Generator, range_: tuple[float, float] | None = None
) -> Array:
    """Return random numbers of `type_` between both ends of `range_`, without one as `hint` asks for."""
    element = type_.element or F32
    shape = tuple(dim if isinstance(dim, int) else 1 for dim in type_.shape or ())
    if element.family == "string":
        words = np.array([b"a", b"few", b"words"], object)
        return np.array(words[random.integers(0, len(words), shape)], object).reshape(shape)
    dtype = numpy_dtype(element)
    if element.family == "bool":
        return random.integers(0, 2, shape).astype(dtype)
    if element.family == "complex":
        return (random.standard_normal(shape) + 1j * random.standard_normal(shape)).astype(dtype)
    if element.family == "float":
        if range_ is not None:
            return random.uniform(*range_, shape).astype(dtype)
        return _numbers(type_.shape or (), shape, hint, random).astype(dtype)
    low, high = (int(range_[0]), int(range_[1]) + 1) if range_ is not None else _range(element, hint)
    return random.integers(low, high, shape, np.uint64 if high > 1 << 63 else np.int64).astype(dtype)


def _numbers(dims: tuple[Dim, ...], shape: tuple[int, ...], hint: Hint, random: np.random.Generator) -> Array:
    if hint.is_pixel:
        return random.integers(0, BYTES, shape)
    if len(dims) == 4 and (dims[-1] in (1, 3, 4) or dims[1] in (1, 3, 4)):
        return random.random(shape)  # an image
    return random.standard_normal(shape)


def _range(element: Element, hint: Hint) -> tuple[int, int]:
    if hint.bound is not None:
        return 0, max(1, min(hint.bound, 1 << (element.bits - 1)))
    if element.bits == 8:
        return (0, BYTES) if element.numpy == "uint8" else (-BYTES // 2, BYTES // 2)
    return (0, 2) if hint.is_weight else (0, DIGITS)


# -- what the graph shows


def hint_of(value: Value) -> Hint:
    """Return what the readers of an input, and theirs, show about its numbers."""
    bounds: list[int] = []
    is_weight = is_pixel = False
    for reader, index, handed in _uses(value):
        bound = _bound(reader, index)
        if bound is not None:
            bounds.append(bound)
        is_weight = is_weight or _is_conversion(reader)
        is_pixel = is_pixel or _is_rescaling(reader, handed)
    return Hint(min(bounds, default=None), is_weight, is_pixel)


def _uses(value: Value) -> Iterator[tuple[Op, int, Value]]:
    """Yield who reads the numbers of `value`, as (op, operand index, operand), through ops that hand them on."""
    pending, seen = [value], {value}
    looked_at = 0
    while pending:
        current = pending.pop()
        for op, index in current.readers:
            looked_at += 1
            if looked_at > LOOKED_AT:
                return
            yield op, index, current
            new = [value for value in _handed_on(op, index) if value not in seen]
            seen.update(new)
            pending.extend(new)


def _handed_on(op: Op, index: int) -> Iterator[Value]:
    """Yield the values that have the numbers of operand `index` of `op`, those in its nested graphs included."""
    if (op.kind in _HANDS_ON and index == 0) or op.kind in _JOINS:
        yield from op.results
    for graph in op.graphs:
        place = index - len(op.inputs) + len(graph.inputs)  # what a graph takes comes last
        if 0 <= place < len(graph.inputs):
            yield graph.inputs[place]


def _bound(op: Op, index: int) -> int | None:
    """Return what integers must stay below that are operand `index` of `op`."""
    if op.kind in _COUNTS and index == _COUNTS[op.kind][0]:
        at = _COUNTS[op.kind][1]
        count = constant(op.inputs[at]) if at < len(op.inputs) else None
        return None if count is None or count.size != 1 else int(count.reshape(()))
    if op.kind in _CASES and index == 0:
        return len(op.graphs)
    if op.kind not in _TABLES or index != _TABLES[op.kind][1]:
        return None
    table_at, _, axis_at = _TABLES[op.kind]
    table = op.inputs[table_at].type
    if not isinstance(table, TensorType) or not table.shape:
        return None
    axis = constant(op.inputs[axis_at]) if axis_at is not None and len(op.inputs) > axis_at else None
    if op.kind in ("ge.GatherNd", "onnx.GatherND"):
        return min((dim for dim in table.shape if isinstance(dim, int)), default=None)
    at = get(op.attributes, "axis", int, 0) if axis is None else int(axis.reshape(-1)[0])
    dim = table.shape[at] if -len(table.shape) <= at < len(table.shape) else None
    return dim if isinstance(dim, int) else None


def _is_conversion(op: Op) -> bool:
    if op.kind not in ("ge.Cast", "onnx.Cast") or not isinstance(op.results[0].type, TensorType):
        return False
    element = op.results[0].type.element
    return element is not None and element.family in ("float", "bool")


def _is_rescaling(op: Op, operand: Value) -> bool:
    """Whether `op` brings bytes to another range: by a factor near 1/255 or a shift of tens."""
    if op.kind not in _RESCALES or len(op.inputs) != 2:
        return False
    other = op.inputs[1] if op.inputs[0] is operand else op.inputs[0]
    numbers = constant(other)
    if numbers is None or not numbers.size or numbers.dtype.kind != "f":
        return False
    size = float(np.abs(numbers).mean())
    if op.kind in ("ge.Mul", "onnx.Mul"):
        return 1e-3 < size < 2e-2
    return 2 * DIGITS < size <= 2 * BYTES
