"""Random numbers: the generator by its published test vectors, and the distributions of what is drawn from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

from modelc.dialects.ge.philox import Philox
from modelc.ir.opdef import InferenceError
from modelc.ir.types import F32, F64, I32, I64

Array = NDArray[Any]
Apply = Callable[..., list[Array]]
ALL = (1 << 128) - 1
SHAPE = np.array([40, 50], np.int32)


@pytest.mark.parametrize(
    ("key", "counter", "words"),
    [
        (0, 0, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ((1 << 64) - 1, ALL, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            0x299F31D0A4093822,
            0x0370734413198A2E85A308D3243F6A88,
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_the_generator_gives_its_published_words(key: int, counter: int, words: list[int]) -> None:
    assert Philox(key, counter).words(4).tolist() == words


def test_the_counter_carries_over() -> None:
    ahead = Philox(7, (1 << 64) - 1)
    assert ahead.blocks(np.array([1])).tolist() == Philox(7, 1 << 64).blocks(np.array([0])).tolist()


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64])
def test_uniform_and_normal_numbers(dtype: Any) -> None:
    stream = Philox.of_seeds(3, 4)
    uniform = stream.uniform(4000, np.dtype(dtype)).astype(np.float64)
    assert 0 <= uniform.min() < 0.05 < 0.95 < uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.03
    normal = stream.normal(4001, np.dtype(dtype)).astype(np.float64)
    assert len(normal) == 4001
    assert abs(normal.mean()) < 0.08
    assert abs(normal.std() - 1) < 0.05
    truncated = stream.truncated_normal(4001, np.dtype(dtype)).astype(np.float64)
    assert len(truncated) == 4001
    assert np.abs(truncated).max() <= 2
    assert abs(truncated.std() - 0.88) < 0.05


def test_equal_seeds_give_equal_numbers(apply: Apply) -> None:
    first, again = (apply("RandomUniform", SHAPE, dtype=F32, seed=1, seed2=2)[0] for _ in "ab")
    other = apply("RandomUniform", SHAPE, dtype=F32, seed=1, seed2=3)[0]
    assert (first == again).all()
    assert (first != other).any()


def test_integers_between_bounds(apply: Apply) -> None:
    low, high = np.array(-3, np.int64), np.array(4, np.int64)
    (found,) = apply("RandomUniformInt", SHAPE, low, high, seed=5)
    assert set(found.reshape(-1).tolist()) == set(range(-3, 4))
    with pytest.raises(InferenceError, match="which are none"):
        apply("RandomUniformInt", SHAPE, high, low)


def test_numbers_of_distributions(apply: Apply) -> None:
    (gamma,) = apply("RandomGamma", SHAPE, np.array([2.0, 9.0], np.float32), seed=1)
    assert gamma.shape == (40, 50, 2)
    np.testing.assert_allclose(gamma.mean((0, 1)), [2, 9], rtol=0.1)
    (poisson,) = apply("RandomPoisson", SHAPE, np.array(4.0, np.float32), dtype=I64)
    assert poisson.dtype == np.int64
    assert abs(poisson.mean() - 4) < 0.3
    seed = np.array([1, 2], np.int32)
    counts, chances = np.array(10, np.int32), np.array(0.25, np.float64)
    (binomial,) = apply("StatelessRandomBinomial", SHAPE, seed, counts, chances, dtype=I32)
    assert abs(binomial.mean() - 2.5) < 0.2


def test_normal_numbers_between_bounds(apply: Apply) -> None:
    mean, deviation, low, high = (np.array(number) for number in (1.0, 2.0, 0.5, 1.5))
    (found,) = apply("ParameterizedTruncatedNormal", SHAPE, mean, deviation, low, high)
    assert found.dtype == np.float64
    assert low <= found.min()
    assert found.max() <= high
    with pytest.raises(InferenceError, match="leave none"):
        apply("ParameterizedTruncatedNormal", SHAPE, mean, deviation, high, low)


def test_categories(apply: Apply) -> None:
    logits = np.log(np.array([[0.1, 0.2, 0.7], [1.0, 1e-9, 1e-9]], np.float32))
    (found,) = apply("Multinomial", logits, np.array(2000, np.int32), dtype=I32, seed=3)
    shares = np.bincount(found[0], minlength=3) / 2000
    np.testing.assert_allclose(shares, [0.1, 0.2, 0.7], atol=0.05)
    assert not found[1].any()


def test_numbers_of_the_shape_of_an_operand(apply: Apply) -> None:
    x = np.zeros((50, 60), np.float32)
    (uniform,) = apply("Uniform", x, **{"from": 2.0, "to": 3.0})
    assert uniform.shape == x.shape
    assert 2 <= uniform.min() < 2.1 < 2.9 < uniform.max() <= 3
    (bernoulli,) = apply("Bernoulli", x, np.array(0.25, np.float32))
    assert set(bernoulli.reshape(-1).tolist()) == {0.0, 1.0}
    assert abs(bernoulli.mean() - 0.25) < 0.05
    (shuffled,) = apply("RandomShuffle", np.arange(50))
    assert sorted(shuffled.tolist()) == list(range(50))
    assert shuffled.tolist() != list(range(50))


def test_another_algorithm_is_refused(apply: Apply) -> None:
    key, counter = np.zeros(1, np.uint64), np.zeros(2, np.uint64)
    with pytest.raises(InferenceError, match="algorithm 2"):
        apply("StatelessRandomUniformV2", SHAPE, key, counter, np.array(2, np.int32), dtype=F64)


@pytest.mark.parametrize("pseudo_random", [False, True])
@pytest.mark.parametrize("overlapping", [False, True])
def test_pooling_over_windows_of_random_extents(pseudo_random: bool, overlapping: bool, apply: Apply) -> None:
    x = np.random.default_rng(0).normal(size=(1, 11, 13, 2)).astype(np.float32)
    ways: dict[str, Any] = {"pseudo_random": pseudo_random, "overlapping": overlapping, "seed": 1}
    y, rows, columns = apply("FractionalMaxPool", x, pooling_ratio=(1.0, 1.5, 1.7, 1.0), **ways)
    assert (len(rows), len(columns)) == (8, 8)
    assert (rows[0], rows[-1], columns[-1]) == (0, 11, 13)
    assert set(np.diff(rows).tolist()) == {1, 2}
    window = x[0, rows[2] : rows[3] + overlapping, columns[4] : columns[5] + overlapping]
    assert (y[0, 2, 4] == window.max((0, 1))).all()


def test_candidates_differ_where_they_have_to(apply: Apply) -> None:
    classes = np.array([[1], [9]])
    sizes: dict[str, Any] = {"num_true": 1, "num_sampled": 10, "unique": True, "range_max": 10}
    drawn, wanted, counts = apply("UniformCandidateSampler", classes, **sizes)
    assert sorted(drawn.tolist()) == list(range(10))
    assert ((wanted > 0.8) & (wanted <= 1)).all()
    assert len(counts) == 10
    with pytest.raises(InferenceError, match="different ones"):
        apply("UniformCandidateSampler", classes, **{**sizes, "range_max": 5})
    with pytest.raises(InferenceError, match="from a file"):
        apply("FixedUnigramCandidateSampler", classes, **sizes)
