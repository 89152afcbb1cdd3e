"""Lowering of ops that pad tensors, and of those that move blocks between space, depth and batch."""

from __future__ import annotations

import math
from collections.abc import Sequence

from modelc.dialects.ge.helpers import channel_axis, data_format, flag, integer, text
from modelc.dialects.ge.padding import MODES, pad_mode, paddings
from modelc.ir.op import Value
from modelc.ir.types import Dim
from modelc_backends.onnx.lower.shape import extent, integers_of
from modelc_backends.onnx.lower.site import SHAPE_FIX, NoFormError, Site
from modelc_backends.onnx.lower.slicing import BEGINNING, END, Cut, cut
from modelc_backends.onnx.lower.table import Lowered, lowers

Numbers = list[tuple[int, int]]  # what is added before and after each axis

# -- padding


@lowers("Pad", "PadV2", "PadV3", "MirrorPad")
def _pad(site: Site) -> Lowered:
    x, given = site.inputs[0], site.given(2)
    mode, value = MODES[pad_mode(site.op)][0], None if given is None else site.reshape(given, ())
    if site.array(site.inputs[1]) is None and mode != "symmetric":
        return site.onnx("Pad", x, _computed_pads(site), value, mode=mode)
    numbers = _numbers(site, site.needed_ints(1, "its paddings"), site.rank(x))
    x = cut(site, x, _crops(numbers))
    added = [(max(before, 0), max(after, 0)) for before, after in numbers]
    return _mirrored(site, x, added) if mode == "symmetric" else padded(site, x, added, value, mode)


def _numbers(site: Site, numbers: Sequence[int], rank: int) -> Numbers:
    return [(int(before or 0), int(after or 0)) for before, after in paddings(site.op, numbers, rank)]


def padded(site: Site, x: Value, added: Numbers, value: Value | None = None, mode: str = "constant") -> Value:
    """Return `x` with `added` before and after each axis, 0 where no `value` is given."""
    if not any(map(any, added)):
        return x
    pads = site.constant([each for side in zip(*added, strict=True) for each in side], part="pads")
    return site.onnx("Pad", x, pads, value, mode=mode)


def _computed_pads(site: Site) -> Value:
    """Return paddings that are computed in the order of ONNX: first all that come before."""
    pads, rank = integers_of(site, site.inputs[1]), site.rank(site.inputs[0])
    if site.op_type == "PadV3" and not flag(site.op, "paddings_contiguous", True):
        return pads
    pairs = site.reshape(pads, (rank, 2))
    return site.reshape(site.transpose(pairs, (1, 0)), (2 * rank,))


def _crops(numbers: Numbers) -> list[Cut]:
    """Return what negative paddings cut off."""
    return [
        (axis, max(-before, 0), min(after, 0) or END, 1)
        for axis, (before, after) in enumerate(numbers)
        if min(before, after) < 0
    ]


def _mirrored(site: Site, x: Value, added: Numbers) -> Value:
    """Return `x` with its own elements before and after each axis, in reverse order."""
    for axis, (before, after) in enumerate(added):
        first = [cut(site, x, [(axis, before - 1, BEGINNING, -1)])] if before else []
        last = [cut(site, x, [(axis, END, -after - 1, -1)])] if after else []
        x = site.onnx("Concat", *first, x, *last, axis=axis) if first or last else x
    return x


# -- between space and batch


def _reshape(site: Site, x: Value, dims: Sequence[Dim]) -> Value:
    """Return `x` in another shape, of which one dimension may be unknown."""
    known = [dim if isinstance(dim, int) else -1 for dim in dims]
    if known.count(-1) > 1:
        raise NoFormError(f"needs to know the shape of `{x.name}`, which is {x.type}", SHAPE_FIX)
    return site.reshape(x, known)


def _space(site: Site, x: Value, count: int) -> tuple[int, ...]:
    """Return the extents of the first `count` dimensions behind the batch, which must be known."""
    return tuple(extent(site, x, axis) for axis in range(1, count + 1))


def _to_batch(site: Site, blocks: Sequence[int], pads: Sequence[int]) -> Value:
    count, rank = len(blocks), site.rank(site.inputs[0])
    x = padded(site, site.inputs[0], [(0, 0), *_numbers(site, pads, count), *[(0, 0)] * (rank - 1 - count)])
    batch, rest = site.shape(x)[0], site.shape(x)[count + 1 :]
    space = [dim // block for dim, block in zip(_space(site, x, count), blocks, strict=True)]
    split = [part for pair in zip(space, blocks, strict=True) for part in pair]
    order = [*range(2, 2 * count + 1, 2), 0, *range(1, 2 * count, 2), *range(2 * count + 1, count + rank)]
    x = site.transpose(_reshape(site, x, (batch, *split, *rest)), order)
    batch = batch * math.prod(blocks) if isinstance(batch, int) else None
    return _reshape(site, x, (batch, *space, *rest))


def _from_batch(site: Site, blocks: Sequence[int], numbers: Sequence[int]) -> Value:
    x, count = site.inputs[0], len(blocks)
    batch, space, rest = site.shape(x)[0], _space(site, x, count), site.shape(x)[count + 1 :]
    batch = batch // math.prod(blocks) if isinstance(batch, int) else None
    pairs = [axis for index in range(count) for axis in (count + 1 + index, index)]
    order = [count, *pairs, *range(2 * count + 1, count + site.rank(x))]
    x = site.transpose(_reshape(site, x, (*blocks, batch, *space, *rest)), order)
    x = _reshape(site, x, (batch, *(dim * block for dim, block in zip(space, blocks, strict=True)), *rest))
    crops = _numbers(site, numbers, count)
    return cut(site, x, _crops([(0, 0), *((-before, -after) for before, after in crops)]))


@lowers("SpaceToBatchND", "BatchToSpaceND")
def _blocks_nd(site: Site) -> Lowered:
    change = _to_batch if site.op_type.startswith("Space") else _from_batch
    return change(site, site.needed_ints(1, "the extents of its blocks"), site.needed_ints(2, "its paddings"))


@lowers("SpaceToBatch", "BatchToSpace")
def _blocks_2d(site: Site) -> Lowered:
    change = _to_batch if site.op_type.startswith("Space") else _from_batch
    return change(site, (integer(site.op, "block_size"),) * 2, site.needed_ints(1, "its paddings"))


# -- between space and depth


@lowers("SpaceToDepth", "DepthToSpace")
def _depth(site: Site) -> Lowered:
    axis, block = channel_axis(data_format(site.op, "NHWC", "NCHW")), integer(site.op, "block_size")
    x = site.channels_first(site.inputs[0], axis)
    mode = {"mode": text(site.op, "mode", "DCR")} if site.op_type == "DepthToSpace" else {}
    return site.as_laid_out(site.onnx(site.op_type, x, blocksize=block, **mode), axis)
