"""Tensors of ONNX files as types and blobs; their bytes stay where they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from modelc.dialects.onnx.dtypes import element_of_onnx
from modelc.frontends.onnx.protos import RAW_DATA
from modelc.ir.blob import Blob, BlobError, BytesBlob, FileBlob, MissingBlob, confined, pack_strings
from modelc.ir.constants import numpy_dtype
from modelc.ir.types import TensorType

_EXTERNAL: Final = 1
# Where numbers are that are not raw, by the letter of numpy's kind and the size of an element; all others are in
# `int32_data`, those of 16 bits of floating point as their bits.
_FIELDS: Final = {
    "f4": "float_data",
    "c8": "float_data",
    "f8": "double_data",
    "c16": "double_data",
    "i8": "int64_data",
    "u4": "uint64_data",
    "u8": "uint64_data",
}


class BadTensorError(Exception):
    """A tensor is not sound; the text is a clause."""


def tensor_type(tensor: Any) -> TensorType:
    """Return the type of a tensor; raises BadTensorError where there is none."""
    element = element_of_onnx(tensor.data_type)
    if element is None:
        raise BadTensorError(f"has elements of type {tensor.data_type}, which is not known")
    if any(extent < 0 for extent in tensor.dims):
        raise BadTensorError("has a dimension below zero")
    return TensorType(element, tuple(tensor.dims))


def tensor_blob(tensor: Any, type_: TensorType, path: Path) -> Blob:
    """Return the bytes of a tensor of `type_`.

    Args:
        tensor: The `TensorProto`.
        type_: Its type.
        path: The model's file, which raw bytes are in, and beside which external ones are.

    Raises:
        BadTensorError: There are more or fewer bytes than the type has.
    """
    blob = _blob(tensor, type_, path)
    is_text = type_.element is not None and type_.element.family == "string"
    if not is_text and blob.nbytes != type_.nbytes:
        raise BadTensorError(f"has {blob.nbytes} bytes where {type_} has {type_.nbytes}")
    return blob


def _blob(tensor: Any, type_: TensorType, path: Path) -> Blob:
    if tensor.data_location == _EXTERNAL:
        return _external(tensor, type_, path)
    ranges = [each for each in tensor.file_range if each.field == RAW_DATA]
    if ranges:
        return FileBlob(path, ranges[-1].offset, ranges[-1].length)
    if tensor.raw_data:
        return BytesBlob(tensor.raw_data)
    return BytesBlob(_typed(tensor, type_))


def _external(tensor: Any, type_: TensorType, path: Path) -> Blob:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    try:
        offset, length = (int(entries.get(key, default)) for key, default in (("offset", 0), ("length", type_.nbytes)))
        file = confined(path.parent, entries.get("location", ""))
        size = file.stat().st_size
    except (ValueError, BlobError) as error:
        return MissingBlob(type_.nbytes, f"where it is stored is not sound: {error}")
    except OSError as error:
        return MissingBlob(type_.nbytes, f"`{entries.get('location', '')}` cannot be read: {error.strerror}")
    if offset < 0 or length < 0 or offset + length > size:
        return MissingBlob(type_.nbytes, f"`{file.name}` ends at byte {size}, {offset + length} were expected")
    return FileBlob(file, offset, length)


def _typed(tensor: Any, type_: TensorType) -> bytes:
    assert type_.element is not None
    if type_.element.family == "string":
        if len(tensor.string_data) != type_.size:
            raise BadTensorError(f"has {len(tensor.string_data)} texts where {type_} has {type_.size}")
        return pack_strings(list(tensor.string_data))
    dtype = numpy_dtype(type_.element)
    field = _FIELDS.get(f"{dtype.kind}{dtype.itemsize}", "int32_data")
    numbers = getattr(tensor, field)
    if field == "int32_data":
        is_bits = dtype.kind not in "iub"
        whole = np.array(numbers, np.int32)
        return whole.astype(np.uint16 if is_bits else dtype).tobytes()
    part = dtype.type(0).real.dtype if dtype.kind == "c" else dtype
    return np.array(numbers, part).tobytes()
