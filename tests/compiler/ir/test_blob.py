"""Blobs: bytes held as ranges of files, and constants as numbers."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from modelc.ir.blob import (
    CHUNK,
    Blob,
    BlobError,
    BytesBlob,
    FileBlob,
    LazyBlob,
    MissingBlob,
    SplatBlob,
    confined,
    pack_strings,
    unpack_strings,
)
from modelc.ir.constants import constant, element_of, numpy_dtype, to_array, to_blob, type_of
from modelc.ir.op import Op
from modelc.ir.types import ELEMENTS, F32, I32, STRING, TensorType, tensor


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "weights.bin"
    path.write_bytes(bytes(range(200)))
    return path


def test_all_kinds_give_their_bytes_whole_and_in_pieces(file: Path) -> None:
    expected = bytes(range(10, 14)) * 3
    blobs: list[Blob] = [
        BytesBlob(expected),
        SplatBlob(expected[:4], 3),
        LazyBlob(12, lambda: expected),
        FileBlob(file, 10, 4),
    ]
    for blob in blobs:
        data = expected[: blob.nbytes]
        assert blob.read() == data
        assert b"".join(blob.chunks()) == data
        assert blob.digest() == hashlib.sha256(data).hexdigest()


def test_large_blobs_come_in_pieces_of_bounded_size(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(bytes(3 * CHUNK + 5))
    for blob in (FileBlob(path, 2, 3 * CHUNK + 3), SplatBlob(b"abc", CHUNK + 1)):
        sizes = [len(chunk) for chunk in blob.chunks()]
        assert sum(sizes) == blob.nbytes
        assert max(sizes) <= CHUNK


def test_equal_keys_mean_equal_bytes(file: Path) -> None:
    lazy = LazyBlob(1, lambda: b"a")
    blobs: list[Blob] = [
        *(BytesBlob(b"a"), BytesBlob(b"b"), SplatBlob(b"a", 1), SplatBlob(b"a", 2), lazy, LazyBlob(1, lambda: b"a")),
        *(FileBlob(file, 0, 1), FileBlob(file, 1, 1), MissingBlob(1, "gone"), MissingBlob(2, "gone")),
    ]
    assert len({blob.key for blob in blobs}) == len(blobs)
    assert FileBlob(file, 0, 1).key == FileBlob(file, 0, 1).key
    assert lazy.key == lazy.key


def test_bytes_that_cannot_be_had_are_blob_errors(file: Path) -> None:
    with pytest.raises(BlobError, match="ends at byte 200"):
        FileBlob(file, 190, 20).read()
    with pytest.raises(BlobError, match="cannot read"):
        FileBlob(file.with_name("absent"), 0, 1).read()
    with pytest.raises(BlobError, match="shard 2"):
        MissingBlob(4, "shard 2 of 3 is missing").read()
    with pytest.raises(BlobError, match="promised"):
        LazyBlob(4, lambda: b"abc").read()


def test_a_lazy_blob_computes_each_time_anew() -> None:
    calls = []
    blob = LazyBlob(1, lambda: calls.append(1) or b"x")  # type: ignore[func-returns-value]  # counts calls
    assert (blob.read(), blob.read()) == (b"x", b"x")
    assert len(calls) == 2


def test_names_that_leave_the_folder_are_refused(tmp_path: Path) -> None:
    root = tmp_path / "model"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    (root / "loop").symlink_to("loop")
    assert confined(root, "a/../b") == root / "b"
    for name in ("../x", "/etc/passwd", "link/x", "a\0b", "loop/x", "../model2/x"):
        with pytest.raises(BlobError):
            confined(root, name)


@given(st.lists(st.binary(max_size=5), max_size=5))
def test_strings_unpack_to_what_was_packed(strings: list[bytes]) -> None:
    assert unpack_strings(pack_strings(strings), len(strings)) == strings


@pytest.mark.parametrize(("data", "count"), [(b"", 1), (b"\1\0\0\0", 1), (b"\0\0\0\0x", 1), (b"", -1), (b"\0" * 8, 3)])
def test_damaged_strings_are_blob_errors(data: bytes, count: int) -> None:
    with pytest.raises(BlobError):
        unpack_strings(data, count)


# -- numbers


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.arange(6, dtype=np.int64)[::2],
        np.arange(6, dtype=">i4").reshape(3, 2).T,
        np.array([True, False]),
        np.array(1 + 2j, np.complex64),
        np.array([], np.float16),
        np.array([1, 2.5], ml_dtypes.bfloat16),
        np.array([[b"a", b"bcd"]], object),
        np.broadcast_to(np.float32(3), (4, 5)),
    ],
    ids=lambda array: f"{array.dtype.name}-{'x'.join(map(str, array.shape))}",
)
def test_arrays_survive_as_blobs(array: NDArray[Any]) -> None:
    blob, type_ = to_blob(array), type_of(array)
    again = to_array(blob, type_)
    assert again.shape == array.shape
    assert again.dtype == array.dtype.newbyteorder("=")
    assert again.tolist() == array.tolist()
    if type_.element is not STRING:
        assert blob.nbytes == type_.nbytes


def test_a_broadcast_array_costs_one_element() -> None:
    blob = to_blob(np.broadcast_to(np.int32(7), (1000, 1000)))
    assert blob == SplatBlob(b"\7\0\0\0", 10**6)
    assert not to_array(blob, tensor(I32, 1000, 1000)).any(where=False)
    assert isinstance(to_blob(np.broadcast_to(np.arange(3), (2, 3))), BytesBlob)


def test_every_element_with_a_size_has_that_size_in_numpy() -> None:
    for element in ELEMENTS.values():
        if element.nbytes:
            assert numpy_dtype(element).itemsize == element.nbytes
    assert element_of(np.dtype("float32")) is F32
    assert element_of(np.dtype("S3")) is STRING


def constant_op(blob: Blob, type_: TensorType) -> Op:
    return Op("const", (), {"value": blob}, (type_,))


def test_only_known_and_small_numbers_are_looked_at() -> None:
    small = constant_op(BytesBlob(b"\1\0\0\0"), tensor(I32))
    large = constant_op(SplatBlob(b"\0\0\0\0", 1 << 15), tensor(I32, 1 << 15))
    found = constant(small.result)
    assert found is not None
    assert found.tolist() == 1
    assert constant(large.result) is None
    assert constant(large.result, None) is not None
    assert constant(constant_op(MissingBlob(4, "gone"), tensor(I32)).result) is None
    assert constant(Op("ge.Relu", (), {}, (tensor(I32),)).result) is None


def test_numbers_that_do_not_fit_their_type_are_refused() -> None:
    for type_ in (tensor(I32, 3), TensorType(None, (1,)), tensor(I32, None)):
        with pytest.raises(ValueError, match=r"."):
            to_array(BytesBlob(b"\1\0\0\0"), type_)
