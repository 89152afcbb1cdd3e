"""Weights: compared by identity, byte by byte, then as numbers, in pieces of bounded size."""

from __future__ import annotations

import math
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from modelc.difference.weights import PIECE, WeightComparison, compare_weights
from modelc.ir.blob import Blob, BytesBlob, FileBlob, LazyBlob, MissingBlob, SplatBlob
from modelc.ir.constants import to_blob, type_of
from modelc.ir.types import F32, STRING, TensorType, tensor


def compare(a: Any, b: Any) -> WeightComparison:
    x, y = np.asarray(a), np.asarray(b)
    return compare_weights(to_blob(x), type_of(x), to_blob(y), type_of(y))


def never() -> bytes:
    raise AssertionError("these bytes must not be read")


def test_equal_keys_are_equal_without_reading() -> None:
    blob = LazyBlob(8, never)
    assert compare_weights(blob, tensor(F32, 2), blob, tensor(F32, 2)).equal
    path = Path("/nowhere/weights")
    assert compare_weights(FileBlob(path, 4, 8), tensor(F32, 2), FileBlob(path, 4, 8), tensor(F32, 2)).equal


def test_shapes_that_differ_are_not_compared() -> None:
    found = compare_weights(LazyBlob(8, never), tensor(F32, 2), LazyBlob(12, never), tensor(F32, 3))
    assert not found.equal
    assert found.problem == "f32[2] and f32[3] cannot be compared"


def test_numbers_of_other_types_are_compared_all_the_same() -> None:
    found = compare(np.array([1.0, 1.1], np.float32), np.array([1.0, 1.1], np.float16))
    assert not found.equal
    assert (found.different, found.size) == (1, 2)
    assert found.max_rel < 1e-3


def test_zeros_of_both_signs_are_equal_numbers() -> None:
    found = compare(np.array([0.0], np.float32), np.array([-0.0], np.float32))
    assert not found.equal
    assert found.text() == "the numbers are equal, their bits are not"


@pytest.mark.parametrize(
    ("a", "b", "max_abs", "max_rel"),
    [
        ([1.0, np.nan], [1.0, np.nan], 0, 0),
        ([1.0, np.nan], [2.0, np.nan], 1, 0.5),
        ([np.nan], [1.0], math.inf, 1),
        ([np.inf], [-np.inf], math.inf, 1),
        ([np.inf], [np.inf], 0, 0),
        ([3 + 4j], [0j], 5, 1),
        ([True, False], [True, True], 1, 1),
    ],
)
def test_special_numbers(a: list[Any], b: list[Any], max_abs: float, max_rel: float) -> None:
    found = compare(np.array(a), np.array(b))
    assert (found.max_abs, found.max_rel) == (max_abs, max_rel)


def test_large_integers_differ_although_doubles_do_not() -> None:
    found = compare(np.array([1 << 62]), np.array([(1 << 62) + 1]))
    assert (found.different, found.max_abs) == (1, 1.0)


def test_texts_are_compared_by_their_bytes() -> None:
    type_ = TensorType(STRING, (1,))
    assert compare_weights(BytesBlob(b"\1\0\0\0a"), type_, BytesBlob(b"\1\0\0\0a"), type_).equal
    assert compare_weights(BytesBlob(b"\1\0\0\0a"), type_, BytesBlob(b"\1\0\0\0b"), type_).problem == "the bytes differ"
    assert compare_weights(BytesBlob(b"\1\0\0\0a"), type_, BytesBlob(b""), type_).problem == "5 and 0 bytes"


def test_what_cannot_be_read_is_said() -> None:
    found = compare_weights(MissingBlob(8, "shard 2 is gone"), tensor(F32, 2), BytesBlob(bytes(8)), tensor(F32, 2))
    assert not found.equal
    assert found.problem == "cannot be read: shard 2 is gone"
    missing = MissingBlob(8, "gone")
    assert compare_weights(missing, tensor(F32, 2), MissingBlob(8, "gone"), tensor(F32, 2)).equal


@settings(max_examples=50, deadline=None)
@given(
    data=st.data(),
    dtype=st.sampled_from(["f4", "f2", "i8", "u1", "?"]),
    shape=arrays.array_shapes(max_dims=2, max_side=6),
)
def test_as_numpy_would_compare_them(data: st.DataObject, dtype: str, shape: tuple[int, ...]) -> None:
    a = data.draw(arrays.arrays(dtype, shape))
    b = a.copy()
    places = data.draw(st.lists(st.integers(0, a.size - 1), max_size=4))
    b.reshape(-1)[places] = data.draw(arrays.arrays(dtype, len(places)))
    found = compare(a, b)
    alike = (a == b) | ((a != a) & (b != b))
    assert found.different == int((~alike).sum())
    assert found.equal == (a.tobytes() == b.tobytes())


class Odd(Blob):
    """Comes in pieces that fit nothing."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.nbytes = len(data)

    def read(self) -> bytes:
        return self.data

    @property
    def key(self) -> object:
        return id(self)

    def chunks(self) -> Any:
        step = 65_537
        return (self.data[start : start + step] for start in range(0, len(self.data), step))


def test_pieces_need_not_fit_each_other() -> None:
    numbers = np.arange(3 * PIECE + 17, dtype=np.float32)
    other = numbers.copy()
    other[[0, PIECE, 3 * PIECE + 16]] += 1.0
    type_ = type_of(numbers)
    assert compare_weights(Odd(numbers.tobytes()), type_, to_blob(numbers), type_).equal
    found = compare_weights(Odd(numbers.tobytes()), type_, to_blob(other), type_)
    assert (found.different, found.max_abs) == (3, 1.0)


def test_large_weights_are_never_held_as_a_whole(tmp_path: Path) -> None:
    path, nbytes = tmp_path / "weights", 64 << 20
    with path.open("wb") as file:
        file.truncate(2 * nbytes)
        file.seek(nbytes + 4000)
        file.write(np.float32(2).tobytes())
    type_ = tensor(F32, nbytes // 4)
    tracemalloc.start()
    found = compare_weights(FileBlob(path, 0, nbytes), type_, FileBlob(path, nbytes, nbytes), type_)
    equal = compare_weights(FileBlob(path, 0, nbytes), type_, SplatBlob(bytes(4), nbytes // 4), type_)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (found.different, found.max_abs) == (1, 2.0)
    assert equal.equal
    assert peak < 24 << 20
