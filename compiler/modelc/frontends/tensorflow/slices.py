"""Slices of partitioned variables: their notation in graphs, and the keys under which checkpoints keep them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from modelc.frontends.tensorflow.tensor import TensorError

Slice: TypeAlias = tuple[tuple[int, int], ...]  # (start, length) by dimension, length -1 for all of it

ALL = -1


def extents(proto: Any) -> Slice:
    """Return what a TensorSliceProto says."""
    return tuple(
        (extent.start, ALL if extent.WhichOneof("has_length") is None else extent.length) for extent in proto.extent
    )


def parse_slice(text: str) -> Slice | None:
    """Return the slice in a RestoreV2's `10 4 0,5:-`, which begins with the shape; None for the whole tensor.

    Raises:
        TensorError: The text is malformed.
    """
    if not text:
        return None
    try:
        pairs = [(0, ALL) if each == "-" else tuple(map(int, each.split(","))) for each in text.split()[-1].split(":")]
    except (ValueError, IndexError):
        raise TensorError(f"`{text}` is not a slice") from None
    if any(len(pair) != 2 for pair in pairs):
        raise TensorError(f"`{text}` is not a slice")
    return tuple((pair[0], pair[1]) for pair in pairs)


def covers(part: Slice, dims: Sequence[int]) -> bool:
    """Whether `part` is all of a tensor with these dimensions."""
    return len(part) == len(dims) and all(
        start == 0 and length in (ALL, dim) for (start, length), dim in zip(part, dims, strict=True)
    )


def slice_key(name: str, part: Slice) -> bytes:
    """Return the key of one slice of the tensor `name`: numbers and text so encoded that bytes sort as they do."""
    escaped = name.encode().replace(b"\x00", b"\x00\xff")
    numbers = b"".join(_signed(number) for pair in part for number in pair)
    return _unsigned(0) + escaped + b"\x00\x01" + _unsigned(len(part)) + numbers


def _unsigned(value: int) -> bytes:
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes([len(data)]) + data


def _signed(value: int) -> bytes:
    """Encode a number in as few bytes as hold it, their count in the leading bits."""
    magnitude = ~value if value < 0 else value
    length = magnitude.bit_length() // 7 + 1
    header = ((1 << length) - 1) << (8 * length - length)
    bits = value & ((1 << 8 * length) - 1)
    return (bits ^ header).to_bytes(length, "big")
