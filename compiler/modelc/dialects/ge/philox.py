"""The counter-based generator Philox 4x32 with 10 rounds, and the distributions TensorFlow draws from it.

The same seeds give the same numbers as in TensorFlow on a CPU. Words are 32 bits; a block is four of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Words: TypeAlias = NDArray[np.uint32]
Array: TypeAlias = NDArray[Any]

ROUNDS = 10
LOW = np.uint64(0xFFFFFFFF)
MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
WEYL = 0x9E3779B9, 0xBB67AE85
SCRAMBLER = 0x02461E293EC8F720  # the key that turns a seed into a key and a counter
SMALLEST_UNIFORM = 1e-7  # below it, a uniform number has no logarithm worth taking
TRUNCATED_AT = 2.0  # standard deviations
RESERVED = 64  # blocks of the stream that stand ready for each number that may be drawn again


@dataclass(frozen=True, slots=True)
class Philox:
    """A stream of random words.

    Attributes:
        key: 64 bits.
        counter: 128 bits, where the stream begins.
    """

    key: int
    counter: int

    @staticmethod
    def of_seeds(seed: int, seed2: int) -> Philox:
        """Return the stream of an op that has two seeds as attributes."""
        return Philox(seed & (1 << 64) - 1, (seed2 & (1 << 64) - 1) << 64)

    @staticmethod
    def of_seed(seed: Array) -> Philox:
        """Return the stream of an op that takes a seed, two integers, as an operand."""
        low, high = (int(number) & (1 << 64) - 1 for number in seed.reshape(-1))
        mixed = Philox(SCRAMBLER, low | high << 64).words(4).astype(object)
        return Philox(int(mixed[0] | mixed[1] << 32), int(mixed[2] | mixed[3] << 32) << 64)

    @staticmethod
    def of_key(key: Array, counter: Array) -> Philox:
        """Return the stream of an op that takes a key and a counter, uint64, as operands."""
        low, high = (int(number) for number in counter.reshape(-1)[:2])
        return Philox(int(key.reshape(-1)[0]), low | high << 64)

    def blocks(self, indices: Array) -> Words:
        """Return the blocks at `indices` of the stream, [..., 4]."""
        low, high = self.counter & (1 << 64) - 1, self.counter >> 64
        places = np.uint64(low) + indices.astype(np.uint64)
        carried = (places < np.uint64(low)).astype(np.uint64)
        upper = np.uint64(high) + carried
        shift = np.uint64(32)
        words = [places & LOW, places >> shift, upper & LOW, upper >> shift]
        keys = [self.key & 0xFFFFFFFF, self.key >> 32]
        for _ in range(ROUNDS):
            a, b = words[0] * MULTIPLIERS[0], words[2] * MULTIPLIERS[1]
            words = [
                (b >> shift) ^ words[1] ^ np.uint64(keys[0]),
                b & LOW,
                (a >> shift) ^ words[3] ^ np.uint64(keys[1]),
                a & LOW,
            ]
            keys = [(key + step) & 0xFFFFFFFF for key, step in zip(keys, WEYL, strict=True)]
        return np.stack(words, -1).astype(np.uint32)

    def words(self, count: int) -> Words:
        """Return the first `count` words."""
        return self.blocks(np.arange(-(-count // 4))).reshape(-1)[:count]

    def integers(self, count: int, dtype: np.dtype[Any]) -> Array:
        """Return integers of 32 or 64 bits, all alike likely."""
        if dtype.itemsize == 4:
            return self.words(count).view(dtype)
        words = self.words(2 * count).astype(np.uint64)
        return (words[::2] | words[1::2] << np.uint64(32)).view(dtype)

    def between(self, count: int, low: Array, high: Array) -> Array:
        """Return integers from `low` up to but without `high`, of their type."""
        unsigned = np.dtype(f"u{low.dtype.itemsize}")
        first = low.reshape(()).astype(unsigned)
        span = high.reshape(()).astype(unsigned) - first
        return np.asarray(self.integers(count, unsigned) % span + first).view(low.dtype)

    def uniform(self, count: int, dtype: np.dtype[Any]) -> Array:
        """Return numbers from 0 up to but without 1."""
        if dtype == np.float64:
            return _doubles(self.words(2 * count).reshape(-1, 2))
        words = self.words(count)
        bits = {"float32": 23, "float16": 10, "bfloat16": 7}[dtype.name]
        # The bits are a mantissa; in single precision all of these are exact.
        return ((words & np.uint32((1 << bits) - 1)).astype(np.float32) * np.float32(2.0**-bits)).astype(dtype)

    def normal(self, count: int, dtype: np.dtype[Any]) -> Array:
        """Return numbers of the standard normal distribution."""
        width = 4 if dtype == np.float64 else 2
        words = self.words(width * -(-count // 2)).reshape(-1, width)
        return _pairs(words).reshape(-1)[:count].astype(dtype)

    def truncated_normal(self, count: int, dtype: np.dtype[Any]) -> Array:
        """Return numbers of the standard normal distribution within two standard deviations."""
        width, at_once = (4, 2) if dtype == np.float64 else (2, 4)
        groups = np.arange(-(-count // at_once))[:, None] * (at_once * RESERVED)
        candidates = np.empty((len(groups), 0))
        taken = 0
        while len(groups) and ((np.abs(candidates) < TRUNCATED_AT).sum(1) < at_once).any():
            words = self.blocks(groups + np.arange(taken, taken + 2 * width)).reshape(-1, width)
            candidates = np.concatenate([candidates, _pairs(words).reshape(len(groups), -1)], 1)
            taken += 2 * width
        fits = np.abs(candidates) < TRUNCATED_AT
        chosen = fits & (np.cumsum(fits, 1) <= at_once)
        return np.asarray(candidates[chosen][:count], dtype)


def _doubles(words: Words) -> NDArray[np.float64]:
    """Return numbers below 1 of 52 bits, from pairs of words."""
    pairs = words.astype(np.uint64)
    mantissa = (pairs[..., 0] & np.uint64(0xFFFFF)) << np.uint64(32) | pairs[..., 1]
    return mantissa.astype(np.float64) * 2.0**-52


def _pairs(words: Words) -> NDArray[np.float64]:
    """Return two normal numbers of each row of words: two in single precision, four in double."""
    if words.shape[1] == 4:
        first, second = _doubles(words[:, :2]), _doubles(words[:, 2:])
    else:
        first, second = ((words & np.uint32(0x7FFFFF)).astype(np.float64) * 2.0**-23).T
    radius = np.sqrt(-2.0 * np.log(np.maximum(first, SMALLEST_UNIFORM)))
    return np.stack([np.sin(2 * math.pi * second) * radius, np.cos(2 * math.pi * second) * radius], 1)
