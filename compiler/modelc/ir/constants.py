"""Constants as numpy arrays: the one place where the bytes of a blob become numbers, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelc.ir.blob import Blob, BlobError, BytesBlob, SplatBlob, pack_strings, unpack_strings
from modelc.ir.op import Value
from modelc.ir.types import Element, TensorType, element_of_numpy

SMALL = 1 << 16  # bytes a constant may have for inference to look at its numbers


def numpy_dtype(element: Element) -> np.dtype[Any]:
    """Return the little-endian numpy dtype that stores `element`."""
    if element.name == "bf16":
        import ml_dtypes

        bfloat16: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
        return bfloat16
    return np.dtype(element.numpy)


def element_of(dtype: np.dtype[Any]) -> Element:
    """Return the element type that stores `dtype`; raises KeyError for one the IR lacks."""
    return element_of_numpy("object" if dtype.kind in "SUO" else dtype.name)


def to_array(blob: Blob, type_: TensorType) -> NDArray[Any]:
    """Return the numbers of a constant, read-only where they need no copy.

    Raises:
        BlobError: The bytes cannot be had.
        ValueError: Type and bytes do not fit.
    """
    if type_.element is None:
        raise ValueError(f"a constant cannot have type {type_}")
    if type_.element.family == "string":
        array = np.array(unpack_strings(blob.read(), type_.size), dtype=object)
        return array.reshape(type_.dims)
    dtype = numpy_dtype(type_.element)
    if isinstance(blob, SplatBlob) and blob.nbytes == type_.nbytes and blob.count:
        return np.broadcast_to(np.frombuffer(blob.element, dtype)[0], type_.dims)
    return np.frombuffer(blob.read(), dtype).reshape(type_.dims)


def to_blob(array: NDArray[Any]) -> Blob:
    """Return the bytes of `array`, row-major and little-endian."""
    if array.dtype.kind in "SUO":
        return BytesBlob(pack_strings([_as_bytes(item) for item in array.reshape(-1).tolist()]))
    if array.dtype.byteorder == ">":
        array = array.astype(array.dtype.newbyteorder("<"))
    if array.size > 1 and all(stride == 0 for stride, dim in zip(array.strides, array.shape, strict=True) if dim > 1):
        return SplatBlob(np.ascontiguousarray(array.reshape(-1)[:1]).tobytes(), array.size)
    return BytesBlob(np.ascontiguousarray(array).tobytes())


def type_of(array: NDArray[Any]) -> TensorType:
    """Return the tensor type of `array`."""
    return TensorType(element_of(array.dtype), tuple(array.shape))


def constant(value: Value, limit: int | None = SMALL) -> NDArray[Any] | None:
    """Return the numbers of `value` if a `const` op defines it and it has at most `limit` bytes, else None.

    Numbers that cannot be had, because a file is missing or a dimension unknown, are not known either.
    """
    op = value.producer
    if op.kind != "const" or not value.tensor.is_static:
        return None
    blob = op.attributes["value"]
    if not isinstance(blob, Blob) or (limit is not None and blob.nbytes > limit):
        return None
    try:
        return to_array(blob, value.tensor)
    except BlobError:
        return None


def _as_bytes(item: object) -> bytes:
    return item if isinstance(item, bytes) else str(item).encode()
