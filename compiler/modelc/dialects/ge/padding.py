"""Ops that pad tensors, and those that move blocks between space, depth and batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from modelc.dialects.ge.arrays import present
from modelc.dialects.ge.helpers import (
    constant_ints,
    data_format,
    flag,
    integer,
    mismatch,
    need_rank,
    operand,
    optional,
    text,
)
from modelc.dialects.ge.known import known_ints
from modelc.dialects.ge.semantics import Array, Arrays, evaluates, infers
from modelc.ir.op import Op
from modelc.ir.types import Dim, Shape, TensorType, Type

Pads = tuple[tuple[Dim, Dim], ...]

# What numpy calls a mode, and by how much less than an axis' extent its padding may be.
MODES: dict[str, tuple[str, int]] = {
    "REFLECT": ("reflect", 1),
    "SYMMETRIC": ("symmetric", 0),
    "reflect": ("reflect", 1),
    "symmetric": ("symmetric", 0),
    "edge": ("edge", 0),
    "constant": ("constant", 0),
}

# -- padding


def paddings(op: Op, numbers: Sequence[Dim], rank: int | None) -> Pads:
    """Return what is added before and after each axis."""
    rank = len(numbers) // 2 if rank is None else rank
    if len(numbers) != 2 * rank:
        raise mismatch(op, f"needs 2 paddings for each of {rank} dimensions, not {len(numbers)}")
    if op.kind in ("ge.PadV3", "ge.PadV3D") and not flag(op, "paddings_contiguous", True):
        return tuple(zip(numbers[:rank], numbers[rank:], strict=True))
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _padded(op: Op, shape: tuple[Dim, ...], pads: Pads, mode: str) -> tuple[Dim, ...]:
    return tuple(_padded_extent(op, dim, pair, mode) for dim, pair in zip(shape, pads, strict=True))


def _padded_extent(op: Op, dim: Dim, pair: tuple[Dim, Dim], mode: str) -> Dim:
    before, after = pair
    if op.kind != "ge.PadV3" and any(isinstance(pad, int) and pad < 0 for pad in pair):
        raise mismatch(op, f"cannot pad an axis by {before} and {after}")
    if not isinstance(before, int) or not isinstance(after, int):
        return None
    if not isinstance(dim, int):
        return dim if before == after == 0 else None
    less = MODES[mode][1]
    limited = mode not in ("constant", "edge") and max(before, after) > max(dim - less, 0)
    if limited or (mode == "edge" and dim == 0 and before + after > 0) or dim + before + after < 0:
        raise mismatch(op, f"cannot pad an axis of extent {dim} by {before} and {after} ({mode})")
    return dim + before + after


def pad_mode(op: Op) -> str:
    """Return how to pad, one of `MODES`."""
    mode = text(op, "mode", "constant")
    if mode not in MODES:
        raise mismatch(op, f"has no mode `{mode}`")
    return mode


@infers("Pad", "PadV2", "PadV3", "MirrorPad")
def _infer_pad(op: Op) -> list[Type]:
    x, numbers = operand(op, 0), known_ints(op, 1)
    value = optional(op, 2)
    if value is not None and value.is_static and value.size != 1:
        raise mismatch(op, f"needs one number to pad with, not {value}")
    mode = pad_mode(op)
    if numbers is None:
        return [x.with_shape(None if x.shape is None else (None,) * len(x.shape))]
    pads = paddings(op, numbers, x.rank)
    return [x.with_shape(_padded(op, (None,) * len(pads) if x.shape is None else x.shape, pads, mode))]


@evaluates("Pad", "PadV2", "PadV3", "MirrorPad")
def _pad(op: Op, arrays: Arrays) -> list[Array]:
    x, value, mode = arrays[0], present(arrays, 2), pad_mode(op)
    pads = paddings(op, arrays[1].reshape(-1).tolist(), x.ndim)
    _padded(op, x.shape, pads, mode)
    numbers = [(int(before or 0), int(after or 0)) for before, after in pads]
    inner = x[tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(x.shape, numbers, strict=True))]
    added = [(max(before, 0), max(after, 0)) for before, after in numbers]
    if mode != "constant":
        options: dict[str, Any] = {"mode": MODES[mode][0]}
        return [np.pad(inner, added, **options)]
    fill = np.zeros((), x.dtype) if value is None else value.reshape(())
    result = np.full([n + a + b for n, (a, b) in zip(inner.shape, added, strict=True)], fill, x.dtype)
    result[tuple(slice(a, a + n) for n, (a, _) in zip(inner.shape, added, strict=True))] = inner
    return [result]


# -- between space and batch


def _block_dims(op: Op, dim: Dim, factors: Sequence[int], divide: bool) -> Dim:
    factor = math.prod(factors)
    if factor == 1:
        return dim
    if not isinstance(dim, int):
        return None
    if divide and dim % factor:
        raise mismatch(op, f"cannot divide an extent of {dim} into blocks of {factor}")
    return dim // factor if divide else dim * factor


def _need_blocks(op: Op, blocks: Sequence[int], rank: int | None) -> None:
    if any(block < 1 for block in blocks) or (rank is not None and rank < len(blocks) + 1):
        raise mismatch(op, f"cannot make blocks of {list(blocks)} of {'any' if rank is None else rank} dimensions")


def _to_batch(op: Op, shape: tuple[Dim, ...], blocks: Sequence[int], pads: Pads) -> tuple[Dim, ...]:
    """Return the shape after blocks of space became batch."""
    _need_blocks(op, blocks, len(shape))
    space = _padded(op, shape[1 : len(blocks) + 1], pads, "constant")
    moved = (_block_dims(op, dim, (block,), True) for dim, block in zip(space, blocks, strict=True))
    return (_block_dims(op, shape[0], blocks, False), *moved, *shape[len(blocks) + 1 :])


def _from_batch(op: Op, shape: tuple[Dim, ...], blocks: Sequence[int], crops: Pads) -> tuple[Dim, ...]:
    """Return the shape after batch became blocks of space again."""
    _need_blocks(op, blocks, len(shape))
    moved: list[Dim] = []
    for dim, block, (before, after) in zip(shape[1:], blocks, crops, strict=False):
        if not isinstance(dim, int) or not isinstance(before, int) or not isinstance(after, int):
            moved.append(dim if block == 1 and before == after == 0 else None)
            continue
        if min(before, after) < 0 or dim * block < before + after:
            raise mismatch(op, f"cannot crop {before} and {after} from an extent of {dim * block}")
        moved.append(dim * block - before - after)
    return (_block_dims(op, shape[0], blocks, True), *moved, *shape[len(blocks) + 1 :])


def _blocks(op: Op, index: int) -> tuple[int, ...] | None:
    """Return the extents of a block: operand 1, or for the forms with one extent that of both axes."""
    return constant_ints(op, 1) if index == 2 else (integer(op, "block_size"),) * 2


def _infer_blocks(op: Op, index: int) -> list[Type]:
    x, blocks, numbers = operand(op, 0), _blocks(op, index), known_ints(op, index)
    if x.shape is None or blocks is None:
        return [x.with_shape(None if x.shape is None else (None,) * len(x.shape))]
    pads = paddings(op, (None,) * 2 * len(blocks) if numbers is None else numbers, len(blocks))
    change = _to_batch if "ToBatch" in op.kind else _from_batch
    return [x.with_shape(change(op, x.shape, blocks, pads))]


@infers("SpaceToBatchND", "BatchToSpaceND")
def _infer_blocks_nd(op: Op) -> list[Type]:
    return _infer_blocks(op, 2)


@infers("SpaceToBatch", "BatchToSpace")
def _infer_blocks_2d(op: Op) -> list[Type]:
    return _infer_blocks(op, 1)


def _space_to_batch(op: Op, x: Array, blocks: Sequence[int], numbers: Sequence[int]) -> Array:
    count = len(blocks)
    pads = paddings(op, numbers, count)
    shape = _to_batch(op, x.shape, blocks, pads)
    x = np.pad(x, [(0, 0), *((int(a or 0), int(b or 0)) for a, b in pads), *[(0, 0)] * (x.ndim - 1 - count)])
    split = [part for dim, block in zip(x.shape[1:], blocks, strict=False) for part in (dim // block, block)]
    x = x.reshape(x.shape[0], *split, *x.shape[count + 1 :])
    order = [*range(2, 2 * count + 1, 2), 0, *range(1, 2 * count, 2), *range(2 * count + 1, x.ndim)]
    return x.transpose(order).reshape([int(dim or 0) for dim in shape])


def _batch_to_space(op: Op, x: Array, blocks: Sequence[int], numbers: Sequence[int]) -> Array:
    count = len(blocks)
    crops = paddings(op, numbers, count)
    shape = _from_batch(op, x.shape, blocks, crops)
    rest = x.shape[count + 1 :]
    whole = [dim * block for dim, block in zip(x.shape[1:], blocks, strict=False)]
    x = x.reshape(*blocks, int(shape[0] or 0), *x.shape[1 : count + 1], *rest)
    pairs = [axis for index in range(count) for axis in (count + 1 + index, index)]
    x = x.transpose([count, *pairs, *range(2 * count + 1, x.ndim)]).reshape(int(shape[0] or 0), *whole, *rest)
    kept = (slice(int(a or 0), dim - int(b or 0)) for dim, (a, b) in zip(whole, crops, strict=True))
    return x[(slice(None), *kept)]


@evaluates("SpaceToBatchND", "BatchToSpaceND")
def _blocks_nd(op: Op, arrays: Arrays) -> list[Array]:
    change = _space_to_batch if "ToBatch" in op.kind else _batch_to_space
    return [change(op, arrays[0], arrays[1].reshape(-1).tolist(), arrays[2].reshape(-1).tolist())]


@evaluates("SpaceToBatch", "BatchToSpace")
def _blocks_2d(op: Op, arrays: Arrays) -> list[Array]:
    change = _space_to_batch if "ToBatch" in op.kind else _batch_to_space
    return [change(op, arrays[0], (integer(op, "block_size"),) * 2, arrays[1].reshape(-1).tolist())]


# -- between space and depth


def _image(op: Op, type_: TensorType) -> tuple[tuple[Dim, ...], int]:
    """Return batch, height, width and depth, and the extent of a block."""
    block = integer(op, "block_size")
    if block < 1:
        raise mismatch(op, f"cannot make blocks of {block}")
    n, a, b, c = need_rank(op, type_, 4, "images")
    return ((n, a, b, c) if data_format(op, "NHWC", "NCHW") == "NHWC" else (n, b, c, a)), block


def _laid_out(op: Op, n: Dim, h: Dim, w: Dim, c: Dim) -> Shape:
    return (n, h, w, c) if data_format(op, "NHWC", "NCHW") == "NHWC" else (n, c, h, w)


def _depth_shape(op: Op, x: TensorType) -> Shape:
    """Return the shape of what SpaceToDepth or DepthToSpace makes of `x`."""
    (n, h, w, c), block = _image(op, x)
    deeper = op.kind == "ge.SpaceToDepth"
    h, w = (_block_dims(op, dim, (block,), deeper) for dim in (h, w))
    return _laid_out(op, n, h, w, _block_dims(op, c, (block, block), not deeper))


@infers("SpaceToDepth", "DepthToSpace")
def _infer_depth(op: Op) -> list[Type]:
    x = operand(op, 0)
    _depth_first(op)
    return [x.with_shape(_depth_shape(op, x))]


def _depth_first(op: Op) -> bool:
    """Whether the position within a block is the slower part of the depth, the channel the faster."""
    mode = text(op, "mode", "DCR")
    if mode not in ("DCR", "CRD"):
        raise mismatch(op, f"has no mode `{mode}`")
    return mode == "DCR"


def _channels_last(op: Op, x: Array) -> Array:
    return x if data_format(op, "NHWC", "NCHW") == "NHWC" else x.transpose(0, 2, 3, 1)


def _channels_back(op: Op, x: Array) -> Array:
    return x if data_format(op, "NHWC", "NCHW") == "NHWC" else x.transpose(0, 3, 1, 2)


@evaluates("SpaceToDepth")
def _space_to_depth(op: Op, arrays: Arrays) -> list[Array]:
    _depth_shape(op, TensorType(None, arrays[0].shape))
    x = _channels_last(op, arrays[0])
    n, h, w, c = x.shape
    block = integer(op, "block_size")
    x = x.reshape(n, h // block, block, w // block, block, c).transpose(0, 1, 3, 2, 4, 5)
    return [_channels_back(op, x.reshape(n, h // block, w // block, block * block * c))]


@evaluates("DepthToSpace")
def _depth_to_space(op: Op, arrays: Arrays) -> list[Array]:
    _depth_shape(op, TensorType(None, arrays[0].shape))
    x = _channels_last(op, arrays[0])
    n, h, w, c = x.shape
    block = integer(op, "block_size")
    depth = c // (block * block)
    if _depth_first(op):
        x = x.reshape(n, h, w, block, block, depth).transpose(0, 1, 3, 2, 4, 5)
    else:
        x = x.reshape(n, h, w, depth, block, block).transpose(0, 1, 4, 2, 5, 3)
    return [_channels_back(op, x.reshape(n, h * block, w * block, depth))]
