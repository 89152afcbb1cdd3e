"""TensorProto to numbers: every way in which TensorFlow writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from modelc.frontends.tensorflow.protos import message
from modelc.frontends.tensorflow.tensor import TensorError, TooLargeError, decode_varints, read_tensor, shape_of
from modelc.frontends.wire import write_varint
from modelc.ir.blob import FileBlob, SplatBlob, unpack_strings
from modelc.ir.constants import to_array

HERE = Path("model.pb")


def tensor(text: str, *dims: int) -> Any:
    proto = text_format.Parse(text, message("TensorProto")())
    for dim in dims:
        proto.tensor_shape.dim.add(size=dim)
    return proto


@pytest.mark.parametrize(
    ("text", "dims", "expected"),
    [
        ("dtype: DT_FLOAT float_val: 1.5", (), np.float32(1.5)),
        ("dtype: DT_FLOAT float_val: [1, 2]", (4,), np.array([1, 2, 2, 2], np.float32)),
        ("dtype: DT_FLOAT float_val: 3", (2, 2), np.full((2, 2), 3, np.float32)),
        ("dtype: DT_FLOAT", (3,), np.zeros(3, np.float32)),
        ("dtype: DT_FLOAT", (2, 0), np.zeros((2, 0), np.float32)),
        ("dtype: DT_DOUBLE double_val: [1, 2]", (2,), np.array([1, 2], np.float64)),
        ("dtype: DT_INT32 int_val: [-1, 2]", (2,), np.array([-1, 2], np.int32)),
        ("dtype: DT_UINT8 int_val: [255, 1]", (2,), np.array([255, 1], np.uint8)),
        ("dtype: DT_INT8 int_val: [-128]", (1,), np.array([-128], np.int8)),
        ("dtype: DT_QINT8 int_val: [-3]", (1,), np.array([-3], np.int8)),
        ("dtype: DT_INT64 int64_val: [-5, 1]", (2,), np.array([-5, 1], np.int64)),
        ("dtype: DT_UINT32 uint32_val: [4294967295]", (1,), np.array([4294967295], np.uint32)),
        ("dtype: DT_UINT64 uint64_val: [18446744073709551615]", (1,), np.array([2**64 - 1], np.uint64)),
        ("dtype: DT_BOOL bool_val: [true, false]", (3,), np.array([True, False, False])),
        ("dtype: DT_HALF half_val: [15360, 49152]", (2,), np.array([1, -2], np.float16)),
        ("dtype: DT_COMPLEX64 scomplex_val: [1, 2]", (2,), np.array([1 + 2j, 1 + 2j], np.complex64)),
        ("dtype: DT_COMPLEX128 dcomplex_val: [1, 2, 3, 4]", (2,), np.array([1 + 2j, 3 + 4j], np.complex128)),
        (r'dtype: DT_FLOAT tensor_content: "\000\000\200?"', (1,), np.array([1], np.float32)),
        (r'dtype: DT_INT16 tensor_content: "\001\000\377\377"', (2,), np.array([1, -1], np.int16)),
    ],
)
def test_numbers(text: str, dims: tuple[int, ...], expected: Any) -> None:
    type_, blob = read_tensor(tensor(text, *dims), HERE)
    array = to_array(blob, type_)
    assert array.dtype == expected.dtype
    np.testing.assert_array_equal(array, expected)


def test_bfloat16_values_are_bits() -> None:
    type_, blob = read_tensor(tensor("dtype: DT_BFLOAT16 half_val: [16256]", 2), HERE)
    assert str(type_) == "bf16[2]"
    assert to_array(blob, type_).astype(np.float32).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('dtype: DT_STRING string_val: ["a", "bc"]', [b"a", b"bc", b"bc"]),
        (r'dtype: DT_STRING tensor_content: "\001\002\000abc"', [b"a", b"bc", b""]),
        ("dtype: DT_STRING", [b"", b"", b""]),
    ],
)
def test_strings(text: str, expected: list[bytes]) -> None:
    type_, blob = read_tensor(tensor(text, 3), HERE)
    assert unpack_strings(blob.read(), type_.size) == expected


@pytest.mark.parametrize(
    ("text", "dims"),
    [
        ("dtype: DT_FLOAT float_val: [1, 2, 3]", (2,)),
        (r'dtype: DT_FLOAT tensor_content: "\000\000\200"', (1,)),
        ("dtype: DT_COMPLEX64 scomplex_val: [1, 2, 3]", (2,)),
        ("dtype: DT_FLOAT float_val: 1", (-1,)),
        ("dtype: DT_FLOAT float_val: 1", (-7,)),
        ("dtype: DT_RESOURCE", ()),
        ("dtype: DT_FLOAT8_E5M2 int_val: 1", ()),
        ("float_val: 1", ()),
        ('dtype: DT_STRING string_val: ["a", "b"]', ()),
        (r'dtype: DT_STRING tensor_content: "\001\377"', (2,)),
        (r'dtype: DT_STRING tensor_content: "\005a"', (1,)),
        (r'dtype: DT_FLOAT tensor_content: "\000\000\200?" file_range { field: 4 offset: 0 length: 4 }', (1,)),
    ],
)
def test_parts_that_do_not_fit_are_refused(text: str, dims: tuple[int, ...]) -> None:
    with pytest.raises(TensorError):
        read_tensor(tensor(text, *dims), HERE)


@pytest.mark.parametrize("text", ["dtype: DT_FLOAT float_val: 1", "dtype: DT_STRING", "dtype: DT_BOOL"])
def test_absurd_sizes_are_refused_without_memory(text: str) -> None:
    with pytest.raises(TooLargeError):
        read_tensor(tensor(text, 1 << 30, 1 << 30), HERE)


def test_equal_numbers_are_kept_as_one() -> None:
    _, blob = read_tensor(tensor("dtype: DT_FLOAT float_val: 2", 1 << 20), HERE)
    assert isinstance(blob, SplatBlob)


def test_content_that_was_cut_stays_in_its_file() -> None:
    proto = tensor("dtype: DT_FLOAT file_range { field: 4 offset: 100 length: 4096 }", 1024)
    assert read_tensor(proto, HERE)[1] == FileBlob(HERE, 100, 4096)


def test_packed_floats_that_were_cut_are_content() -> None:
    proto = tensor("dtype: DT_FLOAT file_range { field: 5 offset: 8 length: 40 }", 10)
    assert read_tensor(proto, HERE)[1] == FileBlob(HERE, 8, 40)


def test_packed_floats_that_were_cut_can_be_short(tmp_path: Path) -> None:
    values = np.arange(4, dtype=np.float32)
    (tmp_path / "f").write_bytes(values.tobytes())
    proto = tensor("dtype: DT_FLOAT file_range { field: 5 length: 16 }", 6)
    type_, blob = read_tensor(proto, tmp_path / "f")
    assert to_array(blob, type_).tolist() == [0, 1, 2, 3, 3, 3]


@pytest.mark.parametrize("count", [5, 40_000])
def test_varints_that_were_cut_are_decoded(tmp_path: Path, count: int) -> None:
    values = np.arange(count) - 3
    data = b"".join(write_varint(int(value) % (1 << 64)) for value in values)
    (tmp_path / "f").write_bytes(data)
    proto = tensor(f"dtype: DT_INT32 file_range {{ field: 7 length: {len(data)} }}", count)
    type_, blob = read_tensor(proto, tmp_path / "f")
    np.testing.assert_array_equal(to_array(blob, type_), values)


@given(st.lists(st.integers(0, 2**64 - 1)))
def test_varints_are_decoded_as_they_were_written(numbers: list[int]) -> None:
    assert decode_varints(b"".join(map(write_varint, numbers))).tolist() == numbers


@pytest.mark.parametrize("data", [b"\x80", b"\x01\xff", b"\xff" * 11 + b"\x01"])
def test_varints_that_do_not_end_are_refused(data: bytes) -> None:
    with pytest.raises(TensorError):
        decode_varints(data)


def test_shapes() -> None:
    shape = text_format.Parse("dim { size: -1 } dim { size: 3 }", message("TensorShapeProto")())
    assert shape_of(shape) == (None, 3)
    shape.unknown_rank = True
    assert shape_of(shape) is None
