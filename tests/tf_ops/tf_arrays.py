"""Strategies that the tables of ops share: shapes, and arrays of every type with edge values among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, mutually_broadcastable_shapes
from numpy.typing import NDArray
from tf_harness import Call, Known

Array: TypeAlias = NDArray[Any]
Shape: TypeAlias = tuple[int, ...]
Draw: TypeAlias = Any  # what `st.composite` hands over

HALVES = ("float16", "bfloat16")
FLOATS = ("float32", "float64", *HALVES)
SINGLES = ("float32", "float64")
INTEGERS = ("int32", "int64", "int8", "uint8", "int16")
COMPLEX = ("complex64", "complex128")
NUMBERS = (*FLOATS, *INTEGERS)

EDGES = (0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan)


def dtype_of(name: str) -> np.dtype[Any]:
    """Return numpy's type of this name."""
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


def numbers(rng: np.random.Generator, shape: Shape, name: str, low: float = -5, high: float = 5) -> Array:
    """Return random numbers of any type between bounds; complex ones have both parts between them."""
    dtype = dtype_of(name)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        least = max(low, np.iinfo(dtype).min) if dtype.kind == "i" else max(low, 0)
        return rng.integers(int(least), int(min(high, np.iinfo(dtype).max)), shape, endpoint=True).astype(dtype)
    if dtype.kind == "c":
        return (rng.uniform(low, high, shape) + 1j * rng.uniform(low, high, shape)).astype(dtype)
    return np.asarray(rng.uniform(low, high, shape)).astype(dtype)


def generators() -> st.SearchStrategy[np.random.Generator]:
    """Return seeded generators."""
    return st.builds(np.random.default_rng, st.integers(0, 2**16))


def with_edges(rng: np.random.Generator, array: Array, edges: Sequence[float] = EDGES) -> Array:
    """Return floating-point numbers with some replaced by edge values."""
    if array.dtype.kind in "biuc" or not array.size:
        return array
    chosen = rng.random(array.shape) < 0.3
    return np.where(chosen, rng.choice(np.array(edges), array.shape).astype(array.dtype), array)


def shapes(least: int = 0, most: int = 4, side: int = 5, *, empty: bool = True) -> st.SearchStrategy[Shape]:
    """Return shapes with `least` to `most` dimensions, among them empty ones."""
    if most == 0:
        return st.just(())
    sides = array_shapes(min_dims=max(1, least), max_dims=most, min_side=0 if empty else 1, max_side=side)
    return sides if least else st.one_of(st.just(()), sides)


@st.composite
def fed(draw: Draw, shape: st.SearchStrategy[Shape], names: Sequence[str], low: float = -5, high: float = 5) -> Array:
    """Return arrays of one of some types."""
    return numbers(draw(generators()), draw(shape), draw(st.sampled_from(names)), low, high)


@st.composite
def unary(
    draw: Draw, operand: str, names: Sequence[str], low: float = -5, high: float = 5, edges: Sequence[float] = EDGES
) -> Call:
    """Return calls of an op with one operand, taken element by element."""
    rng = draw(generators())
    array = numbers(rng, draw(shapes()), draw(st.sampled_from(names)), low, high)
    return Call({operand: with_edges(rng, array, edges) if draw(st.booleans()) else array})


@st.composite
def broadcast(
    draw: Draw,
    operands: Sequence[str],
    names: Sequence[str],
    ranges: Sequence[tuple[float, float]] = (),
    edges: Sequence[float] = EDGES,
) -> Call:
    """Return calls of an op whose operands broadcast."""
    rng, name = draw(generators()), draw(st.sampled_from(names))
    found = draw(mutually_broadcastable_shapes(num_shapes=len(operands), max_dims=4, max_side=4, min_side=0))
    bounds = ranges or [(-5.0, 5.0)] * len(operands)
    arrays = [numbers(rng, shape, name, *each) for shape, each in zip(found.input_shapes, bounds, strict=True)]
    if draw(st.booleans()):
        arrays = [with_edges(rng, array, edges) for array in arrays]
    return Call(dict(zip(operands, arrays, strict=True)))


def ints(*items: int, dtype: str = "int32") -> Known:
    """Return a constant of integers."""
    return Known(np.array(items, dtype))


def scalar(item: float, dtype: str = "int32") -> Known:
    """Return a constant without dimensions."""
    return Known(np.array(item, dtype))


@st.composite
def axis_of(draw: Draw, rank: int) -> int:
    """Return an axis, counted from either end."""
    return int(draw(st.integers(-rank, rank - 1)))


def calls(build: Any) -> st.SearchStrategy[Call]:
    """Return the calls that a function of `draw` and a generator makes."""

    @st.composite
    def strategy(draw: Draw) -> Call:
        made: Call = build(draw, draw(generators()))
        return made

    return strategy()


def pick(draw: Draw, items: Sequence[Any]) -> Any:
    """Return one of some items."""
    return draw(st.sampled_from(items))


def flip(draw: Draw) -> bool:
    """Return either truth value."""
    return bool(draw(st.booleans()))


def whole(draw: Draw, low: int, high: int) -> int:
    """Return an integer between bounds, which it may reach."""
    return int(draw(st.integers(low, high)))
