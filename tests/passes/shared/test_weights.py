"""Weights that are computed while they are written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from modelc.ir.blob import Blob, BytesBlob, SplatBlob
from modelc.ir.constants import numpy_dtype, to_blob
from modelc.ir.types import BF16, F16, F32, F64, Element, TensorType
from modelc_passes.shared.weights import ComputedBlob, ScaledBlob, scaled, work


class Pieces(BytesBlob):
    """Bytes that arrive in pieces of an odd size."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        object.__setattr__(self, "size", size)

    def chunks(self) -> Iterator[bytes]:
        size: int = object.__getattribute__(self, "size")
        return (self.data[start : start + size] for start in range(0, len(self.data), size))


class Unreadable(Blob):
    """Weights that count how often somebody looks at them."""

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes
        self.reads = 0

    @property
    def key(self) -> int:
        return id(self)

    def read(self) -> bytes:
        self.reads += 1
        return bytes(self.nbytes)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("element", [F32, F16, F64, BF16])
@pytest.mark.parametrize("size", [1, 3, 7, 13, 64, 1000])
def test_pieces_of_any_size_are_scaled(axis: int, element: Element, size: int) -> None:
    rng, dtype = np.random.default_rng(size), numpy_dtype(element)
    array = rng.normal(size=(3, 5, 7)).astype(dtype)
    factors = rng.normal(size=(array.shape[axis],))
    wide = np.dtype("f8" if element is F64 else "f4")
    along: NDArray[Any] = factors.astype(wide).reshape([-1 if index == axis else 1 for index in range(3)])
    blob = ScaledBlob(Pieces(array.tobytes(), size), TensorType(element, array.shape), axis, factors)
    assert blob.read() == np.multiply(array.astype(wide), along).astype(dtype).tobytes()
    assert blob.nbytes == array.nbytes


def test_large_weights_are_not_read_when_they_are_scaled() -> None:
    source, type_ = Unreadable(1 << 20), TensorType(F32, (1 << 10, 1 << 8))
    once = scaled(source, type_, 1, np.full(1 << 8, 2.0))
    twice = scaled(once, type_, 1, np.full(1 << 8, 3.0))
    assert source.reads == 0
    assert isinstance(twice, ScaledBlob)
    assert twice.source is source
    assert (twice.factors == 6.0).all()
    assert work(twice) == 1


def test_small_weights_are_scaled_at_once() -> None:
    blob = scaled(SplatBlob(np.float32(1.5).tobytes(), 4), TensorType(F32, (2, 2)), 1, np.asarray([2.0, 4.0]))
    assert isinstance(blob, BytesBlob)
    assert np.frombuffer(blob.read(), "f4").tolist() == [3.0, 6.0, 3.0, 6.0]


def test_equal_weights_scaled_alike_have_equal_keys() -> None:
    source, type_ = Unreadable(1 << 20), TensorType(F32, (1 << 10, 1 << 8))
    a, b = (scaled(source, type_, 1, np.full(1 << 8, 2.0)) for _ in range(2))
    assert a.key == b.key
    assert a.key != scaled(source, type_, 1, np.full(1 << 8, 2.5)).key
    assert a.key != scaled(source, type_, 0, np.full(1 << 10, 2.0)).key


def test_computed_weights_compute_when_they_are_read() -> None:
    array, type_ = np.arange(6, dtype="f4").reshape(2, 3), TensorType(F32, (2, 3))
    blob = ComputedBlob(lambda arrays: arrays[0].T, ((to_blob(array), type_),), "transpose", 24)
    again = ComputedBlob(lambda arrays: arrays[0].T, ((blob, TensorType(F32, (3, 2))),), "transpose", 24)
    assert np.frombuffer(blob.read(), "f4").tolist() == [0, 3, 1, 4, 2, 5]
    assert again.read() == array.tobytes()
    assert work(again) == 2
