"""Lowering of ops that cut out parts of tensors, and of those that reverse or rotate along axes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from modelc.dialects.ge.helpers import integer, integers, positive_axis
from modelc.dialects.ge.slicing import Masks, Part, clamped, strided_parts
from modelc.ir.op import Value
from modelc.ir.types import Dim
from modelc_backends.onnx.lower.shape import extent, integers_of
from modelc_backends.onnx.lower.site import SHAPE_FIX, NoFormError, Site
from modelc_backends.onnx.lower.table import Lowered, lowers

# How ONNX says that a slice goes on to the end, or to the beginning.
END = (1 << 63) - 1
BEGINNING = -(1 << 63)

Cut = tuple[int, int, int, int]  # an axis, where to start, where to stop, and the step


def cut(site: Site, x: Value, cuts: Iterable[Cut]) -> Value:
    """Return the part of `x` that is left by some cuts."""
    rows = list(cuts)
    if not rows:
        return x
    axes, starts, stops, steps = (site.constant(column) for column in zip(*rows, strict=True))
    return site.onnx("Slice", x, starts, stops, axes, steps)


# -- a start and an extent per axis


@lowers("Slice")
def _slice(site: Site) -> Lowered:
    x, result = site.inputs[0], site.op.result.tensor
    starts = site.array(site.inputs[1])
    if starts is not None and result.is_static:
        rows = zip(starts.reshape(-1).tolist(), result.dims, x.tensor.shape or result.dims, strict=True)
        ranges = [(start, start + size, 1, dim) for start, size, dim in rows]
        return cut(site, x, [(n, *row) for n, (*row, dim) in enumerate(ranges) if row != [0, dim, 1]])
    first = integers_of(site, site.inputs[1])
    size = site.constant(result.dims) if result.is_static else integers_of(site, site.inputs[2])
    last = site.onnx("Add", first, size)
    if not result.is_static:
        last = site.onnx("Where", site.onnx("Less", size, site.constant(0)), site.constant(END), last)
    return site.onnx("Slice", x, first, last)


@lowers("SliceLastDim")
def _slice_last_dim(site: Site) -> Lowered:
    numbers = integer(site.op, "start"), integer(site.op, "end"), integer(site.op, "stride", 1)
    return cut(site, site.inputs[0], [(-1, *numbers)])


# -- begin, end and stride per axis


@lowers("StridedSlice", "StridedSliceV2", "StridedSliceV3")
def _strided_slice(site: Site) -> Lowered:
    x = site.inputs[0]
    shape, parts = site.shape(x), strided_parts(site.op)
    if parts is None:
        raise NoFormError("needs to know how many axes it cuts, which is computed", SHAPE_FIX)
    for part in parts:
        if part.unknown:
            x = _cut_somewhere(site, x, part)
    known = [part for part in parts if not part.unknown and part.axis is not None]
    x = cut(site, x, [each for part in known for each in _cuts(part, shape)])
    gone = [part.axis for part in parts if isinstance(part.bounds, int) and part.axis is not None]
    x = site.squeeze(x, gone) if gone else x
    left = [part.axis for part in parts if not isinstance(part.bounds, int)]
    added = [place for place, axis in enumerate(left) if axis is None]
    return site.unsqueeze(x, added) if added else x


def _cuts(part: Part, shape: Sequence[Dim]) -> list[Cut]:
    """Return what a part cuts off, where that is known and not nothing."""
    assert part.axis is not None
    if isinstance(part.bounds, int):
        return [(part.axis, part.bounds, part.bounds + 1 or END, 1)]
    dim, (begin, end, stride) = shape[part.axis], part.bounds
    if isinstance(dim, int):
        # The operand's own bounds may lie outside of it, where ONNX counts differently.
        found = clamped(dim, begin, end, stride)
        begin, end = found.start, found.stop
    whole = stride == 1 and begin in (None, 0) and end in (None, dim)
    ahead = stride > 0
    open_begin, open_end = (0, END) if ahead else (END, BEGINNING)
    row = (part.axis, open_begin if begin is None else begin, open_end if end is None else end, stride)
    return [] if whole else [row]


def _cut_somewhere(site: Site, x: Value, part: Part) -> Value:
    """Return what is left of `x` by a cut whose place is computed."""
    entry, axis = part.entry, part.axis
    assert entry is not None
    assert axis is not None
    if isinstance(part.bounds, int):
        return site.onnx("Gather", x, _entry(site, 1, entry), axis=axis)
    masks, (first, last, stride) = Masks.of(site.op), part.bounds
    steps = site.given(3 if site.op_type == "StridedSlice" else 4)
    if steps is not None and site.array(steps) is None:
        raise NoFormError(f"needs to know its strides, which are computed by `{steps.name}`", SHAPE_FIX)
    begin_is_open, end_is_open = masks.begin >> entry & 1, masks.end >> entry & 1
    open_begin, open_end = (0, END) if stride > 0 else (END, BEGINNING)
    first, last = open_begin if begin_is_open else first, open_end if end_is_open else last
    start = _entry(site, 1, entry) if first is None else site.constant([first])
    stop = _entry(site, 2, entry) if last is None else site.constant([last])
    return site.onnx("Slice", x, start, stop, site.constant([axis]), site.constant([stride]))


def _entry(site: Site, index: int, entry: int) -> Value:
    """Return entry `entry` of operand `index`, as a list of one number."""
    return cut(site, integers_of(site, site.inputs[index]), [(0, entry, entry + 1, 1)])


# -- turning around


def flipped(site: Site, x: Value, axes: Iterable[int]) -> Value:
    """Return `x` with its elements along `axes` in reverse order."""
    return cut(site, x, [(axis, END, BEGINNING, -1) for axis in axes])


@lowers("ReverseV2")
def _reverse_v2(site: Site) -> Lowered:
    return flipped(site, site.inputs[0], site.needed_ints(1, "the axes"))


@lowers("ReverseSequence")
def _reverse_sequence(site: Site) -> Lowered:
    x, lengths = site.inputs
    rank = site.rank(x)
    axes = [positive_axis(site.op, integer(site.op, name, 0), rank) for name in ("seq_dim", "batch_dim")]
    # ONNX wants the two in front.
    front = [*axes, *(axis for axis in range(rank) if axis not in axes)] if max(axes) > 1 else list(range(rank))
    time, batch = (front.index(axis) for axis in axes)
    lengths = integers_of(site, lengths)
    turned = site.onnx("ReverseSequence", site.transpose(x, front), lengths, time_axis=time, batch_axis=batch)
    return site.transpose(turned, [front.index(axis) for axis in range(rank)])


def _rolled(site: Site, x: Value, shifts: Iterable[int], axes: Iterable[int]) -> Value:
    for shift, axis in zip(shifts, axes, strict=True):
        dim = extent(site, x, axis)
        start = -shift % dim if dim else 0
        if start:
            parts = cut(site, x, [(axis, start, END, 1)]), cut(site, x, [(axis, 0, start, 1)])
            x = site.onnx("Concat", *parts, axis=axis)
    return x


@lowers("RollV2")
def _roll_v2(site: Site) -> Lowered:
    return _rolled(site, site.inputs[0], site.needed_ints(1, "how far to roll"), site.needed_ints(2, "the axes"))


@lowers("Roll")
def _roll(site: Site) -> Lowered:
    x, shifts, axes = site.inputs[0], integers(site.op, "shifts"), integers(site.op, "dims", ())
    if axes:
        return _rolled(site, x, shifts, axes)
    flat = _rolled(site, site.reshape(x, (-1,)), [sum(shifts)], [0])
    return site.reshape(flat, site.dims(x))
