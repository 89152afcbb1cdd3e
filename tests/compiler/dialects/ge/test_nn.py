"""Convolutions against loops over every number, and what inference knows and refuses."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from modelc.ir.types import BF16, F16, F32, I8, I32, TensorType, tensor

Array = NDArray[Any]
Apply = Callable[..., list[Array]]
SLOW = settings(deadline=None, max_examples=25)


class Geometry:
    """A convolution drawn at random, in one, two or three spatial dimensions."""

    def __init__(self, draw: Any, rank: int) -> None:
        def some(low: int, high: int) -> tuple[int, ...]:
            return tuple(draw(st.integers(low, high)) for _ in range(rank))

        self.layout = draw(st.sampled_from(("NHWC", "NCHW") if rank == 2 else ("NDHWC", "NCDHW")))
        self.kernel, self.strides, self.dilations = some(1, 3), some(1, 3), some(1, 2)
        self.pads = tuple(zip(some(0, 2), some(0, 2), strict=True))
        least = [
            max(1, (k - 1) * d + 1 - sum(p)) for k, d, p in zip(self.kernel, self.dilations, self.pads, strict=True)
        ]
        self.sizes = tuple(low + extra for low, extra in zip(least, some(0, 4), strict=True))
        self.groups = draw(st.integers(1, 2))
        self.channels, self.results = self.groups * draw(st.integers(1, 2)), self.groups * draw(st.integers(1, 2))
        self.batch = draw(st.integers(0, 2))
        self.random = np.random.default_rng(draw(st.integers(0, 99)))

    @property
    def counts(self) -> tuple[int, ...]:
        return tuple(
            (n + sum(p) - (k - 1) * d - 1) // s + 1
            for n, p, k, d, s in zip(self.sizes, self.pads, self.kernel, self.dilations, self.strides, strict=True)
        )

    @property
    def attributes(self) -> dict[str, Any]:
        def all_axes(numbers: tuple[int, ...]) -> tuple[int, ...]:
            return (1, *numbers, 1) if self.layout.endswith("C") else (1, 1, *numbers)

        return {
            "strides": all_axes(self.strides),
            "dilations": all_axes(self.dilations),
            "pads": tuple(number for pair in self.pads for number in pair),
            "data_format": self.layout,
        }

    def numbers(self, *shape: int) -> Array:
        return self.random.integers(-4, 5, shape).astype(np.float64)

    def laid_out(self, x: Array) -> Array:
        return x if self.layout.endswith("C") else np.ascontiguousarray(np.moveaxis(x, -1, 1))

    def convolved(self, x: Array, weights: Array) -> Array:
        """Return the convolution, number by number; channels last."""
        result = np.zeros((x.shape[0], *self.counts, weights.shape[-1]))
        share = weights.shape[-1] // self.groups
        for place in np.ndindex(*result.shape):
            first = place[-1] // share * weights.shape[-2]
            for cell in np.ndindex(*self.kernel):
                at = [
                    o * s + c * d - p[0]
                    for o, s, c, d, p in zip(place[1:-1], self.strides, cell, self.dilations, self.pads, strict=True)
                ]
                if all(0 <= i < n for i, n in zip(at, self.sizes, strict=True)):
                    taken = x[(place[0], *at)][first : first + weights.shape[-2]]
                    result[place] += float(np.dot(taken, weights[cell][:, place[-1]]))
        return result


@pytest.mark.parametrize("rank", [2, 3])
@given(data=st.data())
@SLOW
def test_convolution(apply: Apply, rank: int, data: st.DataObject) -> None:
    case = Geometry(data.draw, rank)
    x = case.numbers(case.batch, *case.sizes, case.channels)
    weights = case.numbers(*case.kernel, case.channels // case.groups, case.results)
    attributes = case.attributes | {"groups": case.groups}
    (actual,) = apply(f"Conv{rank}D", case.laid_out(x), weights, **attributes)
    np.testing.assert_array_equal(actual, case.laid_out(case.convolved(x, weights)))


@given(data=st.data())
@SLOW
def test_depthwise_convolution_is_one_of_many_groups(apply: Apply, data: st.DataObject) -> None:
    case = Geometry(data.draw, 2)
    multiplier, case.groups = case.results, case.channels
    x = case.numbers(case.batch, *case.sizes, case.channels)
    weights = case.numbers(*case.kernel, 1, case.channels * multiplier)
    (actual,) = apply("DepthwiseConv2D", case.laid_out(x), weights, **case.attributes)
    np.testing.assert_array_equal(actual, case.laid_out(case.convolved(x, weights)))


@pytest.mark.parametrize("rank", [2, 3])
@given(data=st.data())
@SLOW
def test_transposed_convolution_is_the_adjoint(apply: Apply, rank: int, data: st.DataObject) -> None:
    case = Geometry(data.draw, rank)
    x = case.numbers(case.batch, *case.sizes, case.channels)
    weights = case.numbers(*case.kernel, case.channels // case.groups, case.results)
    y = case.numbers(case.batch, *case.counts, case.results)
    sizes = np.array(case.laid_out(x).shape, np.int32)
    attributes = case.attributes | {"groups": case.groups}
    (back,) = apply(f"Conv{rank}DBackpropInput", sizes, weights, case.laid_out(y), **attributes)
    assert np.vdot(case.convolved(x, weights), y) == np.vdot(case.laid_out(x), back)
    (again,) = apply(f"Conv{rank}DTranspose", sizes, case.laid_out(y), weights, **attributes)
    np.testing.assert_array_equal(again, back)


def test_transposed_convolution_finds_its_size(apply: Apply) -> None:
    y, weights = np.ones((1, 3, 3, 2)), np.ones((3, 3, 4, 2))
    zeros = np.zeros(4, np.int32)
    attributes: dict[str, Any] = {"strides": (1, 2, 2, 1), "pads": (1, 0, 1, 1), "output_padding": (0, 1, 0, 0)}
    (actual,) = apply("Conv2DTranspose", zeros, y, weights, **attributes)
    assert actual.shape == (1, (3 - 1) * 2 + 3 - 1 + 1, (3 - 1) * 2 + 3 - 2, 4)


def test_deconvolution_of_caffe(apply: Apply) -> None:
    x = np.arange(4.0).reshape(1, 1, 2, 2)
    weights = np.ones((1, 2, 2, 2))  # channels in, channels out, height, width
    (actual,) = apply("Deconvolution", x, weights, np.array([0.0, 1.0]), strides=(2, 2))
    assert actual.shape == (1, 2, 4, 4)
    assert actual[0, 0].tolist() == np.kron(x[0, 0], np.ones((2, 2))).tolist()
    assert actual[0, 1].tolist() == (np.kron(x[0, 0], np.ones((2, 2))) + 1).tolist()


def test_eight_bits_are_summed_in_thirty_two(apply: Apply) -> None:
    x, weights = np.full((1, 3, 3, 64), 127, np.int8), np.full((3, 3, 64, 2), -128, np.int8)
    (actual,) = apply("Conv2D", x, weights, np.array([5, 0], np.int32), strides=(1, 1, 1, 1), pads=(0, 0, 0, 0))
    assert actual.dtype == np.int32
    assert actual.reshape(-1).tolist() == [-127 * 128 * 9 * 64 + 5, -127 * 128 * 9 * 64]


def test_sixteen_bits_are_summed_in_float32(apply: Apply) -> None:
    x, weights = np.full((1, 1, 1, 4096), 1, np.float16), np.full((1, 1, 4096, 1), 1, np.float16)
    (actual,) = apply("Conv2D", x, weights, strides=(1, 1, 1, 1), pads=(0, 0, 0, 0))
    assert actual.dtype == np.float16
    assert actual.item() == 4096


def test_memory_does_not_grow_with_the_kernel(apply: Apply, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    matmul = np.matmul

    def watched(a: Array, b: Array, **options: Any) -> Array:
        sizes.append(a.size)
        result: Array = matmul(a, b, **options)
        return result

    monkeypatch.setattr("modelc.dialects.ge.windows.PIECE", 4096)
    monkeypatch.setattr(np, "matmul", watched)
    x, weights = np.ones((1, 40, 40, 8), np.float32), np.ones((7, 7, 8, 4), np.float32)
    apply("Conv2D", x, weights, strides=(1, 1, 1, 1), pads=(3, 3, 3, 3))
    assert sum(sizes) == 40 * 40 * 49 * 8
    assert max(sizes) <= max(4096, 40 * 49 * 8)


@given(data=st.data())
@SLOW
def test_dilation_of_images(apply: Apply, data: st.DataObject) -> None:
    case = Geometry(data.draw, 2)
    x = case.numbers(case.batch, *case.sizes, case.channels)
    weights = case.numbers(*case.kernel, case.channels)
    expected = np.full((case.batch, *case.counts, case.channels), -np.inf)
    for place, cell in product(np.ndindex(*expected.shape), np.ndindex(*case.kernel)):
        at = [
            o * s + c * d - p[0]
            for o, s, c, d, p in zip(place[1:-1], case.strides, cell, case.dilations, case.pads, strict=True)
        ]
        if all(0 <= i < n for i, n in zip(at, case.sizes, strict=True)):
            number = x[(place[0], *at, place[-1])] + weights[(*cell, place[-1])]
            expected[place] = max(expected[place], number)
    attributes = case.attributes
    attributes["rates"] = attributes.pop("dilations")
    (actual,) = apply("Dilation2D", case.laid_out(x), weights, padding_mode="CALCULATED", **attributes)
    np.testing.assert_array_equal(actual, case.laid_out(expected))


# -- types

PLAIN: dict[str, Any] = {"strides": (1, 1, 1, 1), "pads": (0, 0, 0, 0)}


def test_inference_of_convolutions(infer: Any) -> None:
    weights = tensor(F32, 3, 3, 4, 8)
    assert infer("Conv2D", tensor(F32, "n", 9, None, 4), weights, **PLAIN) == ["f32[n, 7, ?, 8]"]
    assert infer("Conv2D", tensor(F32, "n", "h", "h", 4), tensor(F32, 1, 1, 4, 8), **PLAIN) == ["f32[n, h, h, 8]"]
    assert infer("Conv2D", TensorType(F32, None), weights, **PLAIN) == ["f32[?, ?, ?, 8]"]
    assert infer("Conv2D", tensor(F32, 1, 9, 9, 4), TensorType(F32, None), **PLAIN) == ["f32[1, ?, ?, ?]"]
    assert infer("Conv2D", tensor(I8, 1, 9, 9, 4), tensor(I8, 3, 3, 4, 8), **PLAIN) == ["i32[1, 7, 7, 8]"]
    assert infer("Conv2D", tensor(F32, 1, 2, 2, 4), weights, **PLAIN) == ["f32[1, 0, 0, 8]"]
    size = np.array([1, 9, 9, 4], np.int32)
    assert infer("Conv2DBackpropInput", size, weights, tensor(F32, None, 7, 7, 8), **PLAIN) == ["f32[1, 9, 9, 4]"]
    assert infer("Conv2DBackpropInput", tensor(I32, 4), weights, tensor(F32, 2, 7, 7, 8), **PLAIN) == [
        "f32[2, ?, ?, 4]"
    ]


@pytest.mark.parametrize(
    ("kind", "operands", "attributes", "reason"),
    [
        (
            "Conv2D",
            (tensor(F32, 1, 9, 9, 4), tensor(F32, 3, 3, 5, 8)),
            PLAIN,
            "Conv2D needs equal channels of operand and filter (1 groups), not 4 and 5",
        ),
        (
            "Conv2D",
            (tensor(F32, 9, 9, 4), tensor(F32, 3, 3, 4, 8)),
            PLAIN,
            "Conv2D needs an operand with 4 dimensions, not f32[9, 9, 4]",
        ),
        (
            "Conv2D",
            (tensor(F32, 1, 9, 9, 4), tensor(F32, 3, 3, 4, 8)),
            PLAIN | {"strides": (1, 0, 1, 1)},
            "Conv2D needs `strides` with a positive number for each of NHWC, not [1, 0, 1, 1]",
        ),
        (
            "Conv2D",
            (tensor(F32, 1, 9, 9, 4), tensor(F32, 3, 3, 4, 8)),
            PLAIN | {"strides": (2, 1, 1, 1)},
            "Conv2D needs `strides` with 1 for batch and channels of NHWC, not [2, 1, 1, 1]",
        ),
        (
            "Conv2D",
            (tensor(F32, 1, 9, 9, 4), tensor(F32, 3, 3, 4, 8)),
            PLAIN | {"pads": (1, 1)},
            "Conv2D needs `pads` with 4 numbers, none negative, not [1, 1]",
        ),
        (
            "Conv2D",
            (tensor(F32, 1, 9, 9, 4), tensor(F32, 3, 3, 4, 8)),
            PLAIN | {"data_format": "NDHWC"},
            "Conv2D is laid out as NHWC or NCHW, not NDHWC",
        ),
        (
            "Conv2D",
            (tensor(F32, 1, 9, 9, 4), tensor(F32, 3, 3, 4, 8), tensor(F32, 7)),
            PLAIN,
            "Conv2D needs equal channels of result and bias, not 8 and 7",
        ),
        (
            "DepthwiseConv2D",
            (tensor(F32, 1, 9, 9, 4), tensor(F32, 3, 3, 1, 6)),
            PLAIN,
            "DepthwiseConv2D cannot make 6 channels from 4",
        ),
        (
            "Conv2DBackpropInput",
            (np.array([1, 9, 9, 4], np.int32), tensor(F32, 3, 3, 4, 8), tensor(F32, 1, 5, 7, 8)),
            PLAIN,
            "Conv2DBackpropInput needs equal extents in NHWC of operand and size asked for, not 7 and 5",
        ),
        (
            "Conv2D",
            (tensor(F16, 1, 9, 9, 4), tensor(BF16, 3, 3, 4, 8)),
            PLAIN,
            "Conv2D needs operands of one element type, not f16 and bf16",
        ),
    ],
)
def test_inference_says_what_does_not_fit(refuse: Any, kind: str, operands: Any, attributes: Any, reason: str) -> None:
    assert refuse(kind, *operands, **attributes) == reason


def test_a_shift_of_quantized_numbers_is_refused(apply: Apply) -> None:
    x, weights = np.ones((1, 1, 1, 1), np.int8), np.ones((1, 1, 1, 1), np.int8)
    with pytest.raises(Exception, match="shifts quantized numbers by `offset_x`"):
        apply("Conv2D", x, weights, offset_x=3, **PLAIN)


def test_a_large_filter_takes_no_time_to_speak_of(apply: Apply) -> None:
    x, weights = np.ones((1, 56, 56, 64), np.float32), np.ones((3, 3, 64, 64), np.float32)
    (y,) = apply("Conv2D", x, weights, strides=(1, 1, 1, 1), pads=(1, 1, 1, 1))
    assert y[0, 5, 5, 0] == prod((3, 3, 64))
