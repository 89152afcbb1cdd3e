"""Ops that draw random numbers.

Uniform and normal ones are those that TensorFlow draws from the same seeds in the first run. For all others the
distribution is the same and the numbers are not; so it is where the seeds are 0, which to TensorFlow means a new seed
for every run. Here everything is repeatable.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from modelc.dialects.ge import special
from modelc.dialects.ge.helpers import element, integer, mismatch, need_rank, number, operand
from modelc.dialects.ge.known import known_int, known_ints
from modelc.dialects.ge.philox import Philox
from modelc.dialects.ge.semantics import TRAITS, Array, Arrays, evaluates, infers
from modelc.ir.constants import numpy_dtype
from modelc.ir.op import Op
from modelc.ir.opdef import PURE, RANDOM, STATEFUL
from modelc.ir.types import F32, I32, I64, U64, Element, Shape, TensorType, Type, format_shape

Draw: TypeAlias = Callable[[Op, Philox, Arrays, int, np.dtype[Any]], Array]

PHILOX = 1  # the number of this algorithm; 3 leaves the choice to the program
ALGORITHMS = (PHILOX, 3)


def _name(op: Op) -> str:
    return op.kind.removeprefix("ge.")


def stream_of(op: Op, arrays: Arrays) -> Philox:
    """Return the stream that an op draws from."""
    name = _name(op)
    if name in _KEYED:
        if int(arrays[3].reshape(())) not in ALGORITHMS:
            raise mismatch(op, f"draws by algorithm {int(arrays[3])}, which cannot be executed here")
        return Philox.of_key(arrays[1], arrays[2])
    if name in _SEEDED:
        return Philox.of_seed(arrays[_SEEDED[name]])
    return Philox.of_seeds(integer(op, "seed", 0), integer(op, "seed2", 0))


def generator_of(stream: Philox) -> np.random.Generator:
    """Return numpy's generator for distributions whose numbers are not TensorFlow's."""
    return np.random.default_rng([stream.key, stream.counter & (1 << 64) - 1, stream.counter >> 64])


# -- numbers of a shape that operand 0 states


def _uniform(_: Op, stream: Philox, __: Arrays, count: int, dtype: np.dtype[Any]) -> Array:
    return stream.uniform(count, dtype)


def _normal(_: Op, stream: Philox, __: Arrays, count: int, dtype: np.dtype[Any]) -> Array:
    return stream.normal(count, dtype)


def _truncated(_: Op, stream: Philox, __: Arrays, count: int, dtype: np.dtype[Any]) -> Array:
    return stream.truncated_normal(count, dtype)


def _integers(_: Op, stream: Philox, __: Arrays, count: int, dtype: np.dtype[Any]) -> Array:
    return stream.integers(count, dtype)


def _between(op: Op, stream: Philox, arrays: Arrays, count: int, _: np.dtype[Any]) -> Array:
    low, high = arrays[-2:]
    if count and not low.reshape(()) < high.reshape(()):
        raise mismatch(op, f"draws integers from {low} up to {high}, which are none")
    return stream.between(count, low, high) if count else np.empty(0, low.dtype)


# Which operand, or default of the attribute `dtype`, gives the element type, and how the numbers are drawn.
_FILLED: dict[str, tuple[int | Element, Draw]] = {
    "NonDeterministicInts": (I64, _integers),
    "RandomStandardNormal": (F32, _normal),
    "RandomUniform": (F32, _uniform),
    "RandomUniformInt": (1, _between),
    "StatelessRandomNormalV2": (F32, _normal),
    "StatelessRandomUniformFullInt": (I32, _integers),
    "StatelessRandomUniformFullIntV2": (I32, _integers),
    "StatelessRandomUniformInt": (2, _between),
    "StatelessRandomUniformIntV2": (4, _between),
    "StatelessRandomUniformV2": (F32, _uniform),
    "StatelessTruncatedNormalV2": (F32, _truncated),
    "TruncatedNormal": (F32, _truncated),
}
_KEYED = frozenset(name for name in _FILLED if name.startswith("Stateless") and name.endswith("V2"))


def _stated(op: Op) -> Shape:
    dims = known_ints(op, 0)
    if dims is not None and any(isinstance(dim, int) and dim < 0 for dim in dims):
        raise mismatch(op, f"cannot have the shape {format_shape(dims)}")
    return dims


def _shape_of(op: Op, array: Array) -> tuple[int, ...]:
    shape = tuple(int(dim) for dim in array.reshape(-1))
    if any(dim < 0 for dim in shape):
        raise mismatch(op, f"cannot have the shape {list(shape)}")
    return shape


@infers(*_FILLED)
def _infer_filled(op: Op) -> list[Type]:
    source, _ = _FILLED[_name(op)]
    found = operand(op, source).element if isinstance(source, int) else element(op, "dtype", source)
    return [TensorType(found, _stated(op))]


@evaluates(*_FILLED)
def _filled(op: Op, arrays: Arrays) -> list[Array]:
    source, draw = _FILLED[_name(op)]
    dtype = arrays[source].dtype if isinstance(source, int) else numpy_dtype(element(op, "dtype", source))
    shape = _shape_of(op, arrays[0])
    return [draw(op, stream_of(op, arrays), arrays, math.prod(shape), dtype).reshape(shape)]


# -- numbers of distributions that operands describe


def _gamma(rng: np.random.Generator, parameters: Arrays, shape: tuple[int, ...]) -> Array:
    return np.asarray(rng.standard_gamma(parameters[0].astype(np.float64), shape))


def _poisson(rng: np.random.Generator, parameters: Arrays, shape: tuple[int, ...]) -> Array:
    return np.asarray(rng.poisson(parameters[0].astype(np.float64), shape))


def _binomial(rng: np.random.Generator, parameters: Arrays, shape: tuple[int, ...]) -> Array:
    counts, chances = parameters
    return np.asarray(rng.binomial(counts.astype(np.int64), chances.astype(np.float64), shape))


Sample: TypeAlias = Callable[[np.random.Generator, Arrays, tuple[int, ...]], Array]
# The first parameter, the element type (an operand or a default), whether the shape is to be put before theirs.
_DESCRIBED: dict[str, tuple[int, int | Element, bool, Sample]] = {
    "RandomGamma": (1, 1, True, _gamma),
    "RandomPoisson": (1, I64, True, _poisson),
    "StatelessRandomBinomial": (2, I32, False, _binomial),
    "StatelessRandomGammaV2": (2, 2, False, _gamma),
    "StatelessRandomPoisson": (2, F32, False, _poisson),
}


@infers(*_DESCRIBED)
def _infer_described(op: Op) -> list[Type]:
    first, source, is_outer, _ = _DESCRIBED[_name(op)]
    found = operand(op, source).element if isinstance(source, int) else element(op, "dtype", source)
    dims, parameter = _stated(op), operand(op, first).shape
    if is_outer:
        dims = None if dims is None or parameter is None else (*dims, *parameter)
    return [TensorType(found, dims)]


@evaluates(*_DESCRIBED)
def _described(op: Op, arrays: Arrays) -> list[Array]:
    first, source, is_outer, sample = _DESCRIBED[_name(op)]
    dtype = arrays[source].dtype if isinstance(source, int) else numpy_dtype(element(op, "dtype", source))
    shape, parameters = _shape_of(op, arrays[0]), arrays[first:]
    if is_outer:
        shape = (*shape, *parameters[0].shape)
    return [sample(generator_of(stream_of(op, arrays)), parameters, shape).astype(dtype)]


# -- normal numbers between bounds


@infers("ParameterizedTruncatedNormal", "StatelessParameterizedTruncatedNormal")
def _infer_bounded(op: Op) -> list[Type]:
    return [TensorType(operand(op, 1 if op.kind == "ge.ParameterizedTruncatedNormal" else 2).element, _stated(op))]


def _between_bounds(low: Array, high: Array, share: Array) -> Array:
    """Return standard normal numbers between bounds: those that leave `share` of the probability between below.

    Numbers are taken from the lower tail, where probabilities keep their digits.
    """
    mirrored = low > 0
    low, high = np.where(mirrored, -high, low), np.where(mirrored, -low, high)
    below, upto = (0.5 * special.erfc(bound * -math.sqrt(0.5)) for bound in (low, high))
    found = np.clip(special.ndtri(below + (upto - below) * share), low, high)
    return np.where(mirrored, -found, found)


@evaluates("ParameterizedTruncatedNormal", "StatelessParameterizedTruncatedNormal")
def _bounded(op: Op, arrays: Arrays) -> list[Array]:
    shape, parameters = _shape_of(op, arrays[0]), [array.astype(np.float64) for array in arrays[-4:]]
    if op.kind == "ge.ParameterizedTruncatedNormal":  # one set per entry of the first axis
        parameters = [each.reshape(each.shape + (1,) * (len(shape) - each.ndim)) for each in parameters]
    mean, deviation, low, high = (np.broadcast_to(each, shape) for each in parameters)
    if not (low < high).all() or not (deviation > 0).all():
        raise mismatch(op, "draws numbers between bounds that leave none")
    share = generator_of(stream_of(op, arrays)).random(shape) + 2.0**-54  # never 0, which lies infinitely far
    found = mean + deviation * _between_bounds((low - mean) / deviation, (high - mean) / deviation, share)
    return [np.clip(found, low, high).astype(arrays[-1].dtype)]


# -- categories


@infers("Multinomial", "StatelessMultinomial")
def _infer_multinomial(op: Op) -> list[Type]:
    rows, _ = need_rank(op, operand(op, 0), 2, "logits")
    name = "dtype" if op.kind == "ge.Multinomial" else "output_dtype"
    return [TensorType(element(op, name, I64), (rows, known_int(op, 1)))]


@evaluates("Multinomial", "StatelessMultinomial")
def _multinomial(op: Op, arrays: Arrays) -> list[Array]:
    logits, count = arrays[0].astype(np.float64), int(arrays[1].reshape(()))
    name = "dtype" if op.kind == "ge.Multinomial" else "output_dtype"
    if count < 0 or not logits.shape[1]:
        raise mismatch(op, f"draws {count} of {logits.shape[1]} categories")
    chances = np.exp(logits - logits.max(1, keepdims=True))
    ends = np.cumsum(np.where(np.isfinite(chances), chances, 0.0), 1)
    draws = stream_of(op, arrays).uniform(len(logits) * count, np.dtype(np.float64)).reshape(len(logits), count)
    chosen = [np.searchsorted(row, part * row[-1], "right") for row, part in zip(ends, draws, strict=True)]
    return [np.array(chosen, numpy_dtype(element(op, name, I64))).reshape(len(logits), count)]


# -- numbers of the shape of an operand, and its order


@infers("Bernoulli", "RandomShuffle", "Uniform")
def _infer_same(op: Op) -> list[Type]:
    return [operand(op, 0)]


@evaluates("Bernoulli")
def _bernoulli(op: Op, arrays: Arrays) -> list[Array]:
    x, chance = arrays
    return [(generator_of(stream_of(op, arrays)).random(x.shape) < chance).astype(x.dtype)]


@evaluates("Uniform")
def _uniform_between(op: Op, arrays: Arrays) -> list[Array]:
    x, low, high = arrays[0], number(op, "from", 0.0), number(op, "to", 1.0)
    return [(low + (high - low) * generator_of(stream_of(op, arrays)).random(x.shape)).astype(x.dtype)]


@evaluates("RandomShuffle")
def _shuffle(op: Op, arrays: Arrays) -> list[Array]:
    x = arrays[0]
    return [x[generator_of(stream_of(op, arrays)).permutation(len(x))] if x.ndim else x.copy()]


# -- keys and counters


@infers("StatelessRandomGetAlg")
def _infer_algorithm(_: Op) -> list[Type]:
    return [TensorType(I32, ())]


@evaluates("StatelessRandomGetAlg")
def _algorithm(_: Op, __: Arrays) -> list[Array]:
    return [np.array(PHILOX, np.int32)]


_KEYS: list[Type] = [TensorType(U64, (1,)), TensorType(U64, (2,)), TensorType(I32, ())]


@infers("StatelessRandomGetKeyCounter", "StatelessRandomGetKeyCounterAlg")
def _infer_key(op: Op) -> list[Type]:
    (count,) = need_rank(op, operand(op, 0), 1, "a seed")
    if isinstance(count, int) and count != 2:
        raise mismatch(op, f"needs a seed of 2 integers, not {count}")
    return _KEYS if op.kind.endswith("Alg") else _KEYS[:2]


@evaluates("StatelessRandomGetKeyCounter", "StatelessRandomGetKeyCounterAlg")
def _key(op: Op, arrays: Arrays) -> list[Array]:
    stream = Philox.of_seed(arrays[0])
    counter = np.array([stream.counter & (1 << 64) - 1, stream.counter >> 64], np.uint64)
    found: list[Array] = [np.array([stream.key], np.uint64), counter, np.array(PHILOX, np.int32)]
    return found if op.kind.endswith("Alg") else found[:2]


# -- traits

_SEEDED = {
    "StatelessMultinomial": 2,
    "StatelessParameterizedTruncatedNormal": 1,
    "StatelessRandomBinomial": 1,
    "StatelessRandomGammaV2": 1,
    "StatelessRandomPoisson": 1,
    "StatelessRandomUniformFullInt": 1,
    "StatelessRandomUniformInt": 1,
    "StatelessSampleDistortedBoundingBox": 3,
}
_OTHERS = ("Bernoulli", "Multinomial", "ParameterizedTruncatedNormal", "RandomShuffle", "Uniform")
_DRAWN = (*_FILLED, *_DESCRIBED, *_OTHERS)
TRAITS.update(dict.fromkeys(_DRAWN, frozenset({RANDOM, STATEFUL})))
TRAITS.update(dict.fromkeys((*_SEEDED, *_KEYED), frozenset({PURE, RANDOM})))
