"""Pooling: the maximum or the mean of each window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelc.dialects.ge.arrays import Array, channels_last, from_channels_last, lowest, wide, widened
from modelc.dialects.ge.dtypes import element_of_cpp
from modelc.dialects.ge.helpers import (
    Pair,
    constant_ints,
    data_format,
    flag,
    integer,
    integers,
    mismatch,
    need_rank,
    operand,
    pad_pairs,
    same_pads,
    spatial_axes,
    spatial_numbers,
    text,
)
from modelc.dialects.ge.semantics import Arrays, evaluates, infers
from modelc.dialects.ge.windows import Window, count_cells, reduce_windows
from modelc.ir.op import Op
from modelc.ir.types import I32, I64, Dim, TensorType, Type

MAXIMA = ("MaxPool", "MaxPoolV2", "MaxPoolV3", "MaxPool3D")
MEANS = ("AvgPool", "AvgPoolV2", "AvgPool3D")


@dataclass(frozen=True, slots=True)
class Pooling:
    """What a pooling op does, whichever way its attributes say it.

    Attributes:
        layout: `NHWC`, `NCHW`, `NDHWC` or `NCDHW`.
        kernel: Extents of the window; empty for one that covers everything.
        strides: Its steps.
        dilations: Distances of its cells.
        mode: `SAME`, `VALID` or `CALCULATED`.
        pads: What is added where the mode is `CALCULATED`.
        ceil: Whether a last window may hang over the end.
        divisor: What a sum is divided by, 0 for the number of cells.
        counts_padding: Whether padding counts as cells of a mean.
    """

    layout: str
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    mode: str
    pads: tuple[Pair, ...]
    ceil: bool = False
    divisor: int = 0
    counts_padding: bool = False

    def window(self, sizes: tuple[int, ...]) -> Window:
        """Return the window as it slides over spatial dimensions of these extents."""
        if not self.kernel:
            return Window(sizes, sizes, (1,) * len(sizes), ((0, 0),) * len(sizes))
        pads = tuple(self._pads_of(index, size) for index, size in enumerate(sizes))
        return Window(self.kernel, self.strides, self.dilations, pads)

    def _pads_of(self, index: int, size: int) -> Pair:
        kernel, stride, dilation = self.kernel[index], self.strides[index], self.dilations[index]
        if self.mode == "SAME":
            return same_pads(size, kernel, stride, dilation)
        before, after = self.pads[index] if self.mode == "CALCULATED" else (0, 0)
        if self.ceil:
            left = (size + before + after - (kernel - 1) * dilation - 1) % stride
            after += stride - left if left else 0
        return before, after


# -- attributes


def pooling_of(op: Op, arrays: Arrays = ()) -> Pooling:
    """Return what a pooling op does; `arrays` are its operands where they are known."""
    volume = "3D" in op.kind
    if op.kind in ("ge.MaxPoolV3", "ge.AvgPoolV2"):
        layout = data_format(op, "NCHW", "NHWC")
    elif op.kind == "ge.MaxPoolWithArgmax":
        layout = "NHWC"
    else:
        layout = data_format(op, *(("NDHWC", "NCDHW") if volume else ("NHWC", "NCHW")))
    whole = flag(op, "global_pooling", False)
    return Pooling(
        layout,
        () if whole else _sizes(op, "ksize", layout, 1, arrays),
        _sizes(op, "strides", layout, 2, arrays),
        _sizes(op, "dilation", layout, None),
        _mode(op),
        pad_pairs(op, layout),
        ceil=op.attributes.get("ceil_mode") in (True, 1),
        divisor=integer(op, "divisor_override", 0),
        counts_padding=_counts_padding(op),
    )


def _counts_padding(op: Op) -> bool:
    if op.kind == "ge.AvgPool3D":
        return flag(op, "count_include_pad", True)
    return op.kind == "ge.AvgPoolV2" and not flag(op, "exclusive", True)


def _mode(op: Op) -> str:
    if op.kind == "ge.AvgPool3D":
        mode = text(op, "padding", "CALCULATED")
    else:
        v2 = op.kind in ("ge.MaxPoolV3", "ge.AvgPoolV2")
        mode = text(op, "padding_mode", "CALCULATED") if v2 else text(op, "padding")
    if mode not in ("SAME", "VALID", "CALCULATED"):
        raise mismatch(op, f"pads by SAME, VALID or CALCULATED, not {mode}")
    return mode


def _sizes(op: Op, name: str, layout: str, index: int | None, arrays: Arrays = ()) -> tuple[int, ...]:
    """Return the entries of a list of positive numbers, an attribute or operand, that belong to the spatial axes."""
    if op.kind == "ge.MaxPoolV2" and index is not None:
        found = tuple(int(size) for size in arrays[index]) if arrays else constant_ints(op, index)
        if found is None:
            raise mismatch(op, f"needs a constant `{name}`")
    else:
        found = integers(op, name, (1,) * len(layout) if index is None else None)
    if len(found) == 1:
        found = found * (len(layout) - 2)
    return spatial_numbers(op, name, layout, found)


# -- inference


@infers(*MAXIMA, *MEANS)
def _infer_pool(op: Op) -> list[Type]:
    x = operand(op, 0)
    if op.kind == "ge.MaxPoolV2" and (constant_ints(op, 1) is None or constant_ints(op, 2) is None):
        return [x.with_shape((None,) * 4)]
    pooling = pooling_of(op)
    dims = list(need_rank(op, x, len(pooling.layout)))
    for index, axis in enumerate(spatial_axes(pooling.layout)):
        dims[axis] = _positions(pooling, index, dims[axis])
    return [x.with_shape(dims)]


def _positions(pooling: Pooling, index: int, dim: Dim) -> Dim:
    if not pooling.kernel:
        return 1
    if not isinstance(dim, int):
        kernel, stride = pooling.kernel[index], pooling.strides[index]
        unpadded = pooling.mode != "CALCULATED" or pooling.pads[index] == (0, 0)
        return dim if stride == 1 and unpadded and (kernel == 1 or pooling.mode == "SAME") else None
    sizes = tuple(dim if other == index else 1 for other in range(len(pooling.kernel)))
    return pooling.window(sizes).count(sizes)[index]


@infers("MaxPoolWithArgmax")
def _infer_argmax_pool(op: Op) -> list[Type]:
    (y,) = _infer_pool(op)
    if not isinstance(y, TensorType):
        raise mismatch(op, "needs a tensor")
    return [y, y.with_element(I32 if element_of_cpp(integer(op, "Targmax", 7)) == I32 else I64)]


@infers("GlobalAveragePool")
def _infer_global_pool(op: Op) -> list[Type]:
    x = operand(op, 0)
    return [x if x.shape is None else x.with_shape((*x.shape[:2], *(1,) * len(x.shape[2:])))]


@infers("AdaptiveAvgPool2d")
def _infer_adaptive_pool(op: Op) -> list[Type]:
    x = operand(op, 0)
    if x.shape is None:
        return [x]
    if len(x.shape) not in (3, 4):
        raise mismatch(op, f"needs an operand with 3 or 4 dimensions, not {x}")
    return [x.with_shape((*x.shape[:-2], *_adaptive_sizes(op, x.shape)))]


def _adaptive_sizes(op: Op, shape: tuple[Dim, ...]) -> tuple[Dim, ...]:
    sizes = integers(op, "output_size")
    if len(sizes) not in (1, 2):
        raise mismatch(op, f"needs `output_size` with 1 or 2 numbers, not {list(sizes)}")
    return tuple(dim if size < 0 else size for size, dim in zip((sizes * 2)[:2], shape[-2:], strict=True))


# -- evaluation


@evaluates(*MAXIMA)
def _max_pool(op: Op, arrays: Arrays) -> list[Array]:
    pooling, dtype = pooling_of(op, arrays), arrays[0].dtype
    x = channels_last(arrays[0], pooling.layout)
    y = reduce_windows(wide(x), pooling.window(x.shape[1:-1]), np.fmax, lowest(wide(x).dtype))
    return [from_channels_last(y, pooling.layout).astype(dtype, copy=False)]


@evaluates(*MEANS)
def _average_pool(op: Op, arrays: Arrays) -> list[Array]:
    pooling = pooling_of(op)

    def average(x: Array) -> Array:
        last = channels_last(x, pooling.layout)
        window = pooling.window(last.shape[1:-1])
        sums = reduce_windows(last, window, np.add, 0)
        sums /= cells_of(pooling, window, last.shape[1:-1])
        return from_channels_last(sums, pooling.layout)

    return [widened(average)(arrays[0])]


def cells_of(pooling: Pooling, window: Window, sizes: tuple[int, ...]) -> Array:
    """Return what the sum of each window is divided by."""
    if pooling.divisor:
        return np.full((), pooling.divisor, np.float32)
    if not pooling.counts_padding:
        return np.maximum(count_cells(sizes, window), 1)[..., None].astype(np.float32)
    # What hangs over the declared padding never counts.
    declared = window.pads if pooling.mode == "SAME" else pooling.pads
    if pooling.mode == "VALID" or not pooling.kernel:
        declared = ((0, 0),) * len(sizes)
    padded = tuple(size + sum(pair) for size, pair in zip(sizes, declared, strict=True))
    beyond = tuple((0, after - pair[1]) for (_, after), pair in zip(window.pads, declared, strict=True))
    counted = count_cells(padded, Window(window.kernel, window.strides, window.dilations, beyond))
    return np.maximum(counted, 1)[..., None].astype(np.float32)


@evaluates("MaxPoolWithArgmax")
def _argmax_pool(op: Op, arrays: Arrays) -> list[Array]:
    pooling, x = pooling_of(op), arrays[0]
    window = pooling.window(x.shape[1:-1])
    counts = window.count(x.shape[1:-1])
    least = lowest(x.dtype)
    best = np.full((x.shape[0], *counts, x.shape[-1]), least, x.dtype)
    where = np.full(best.shape, -1, np.int64)
    rows, columns = (
        np.arange(count)[:, None] * stride - before + np.arange(0, kernel * dilation, dilation)
        for count, stride, (before, _), kernel, dilation in zip(
            counts, window.strides, window.pads, window.kernel, window.dilations, strict=True
        )
    )
    channels = np.arange(x.shape[-1])
    for row in rows.T:
        for column in columns.T:
            inside = ((row >= 0) & (row < x.shape[1]))[:, None] & ((column >= 0) & (column < x.shape[2]))
            cells = x[:, np.clip(row, 0, x.shape[1] - 1)][:, :, np.clip(column, 0, x.shape[2] - 1)]
            better = inside[..., None] & ((cells > best) | (where < 0))
            at = (row[:, None] * x.shape[2] + column)[..., None] * x.shape[-1] + channels
            np.copyto(best, cells, where=better)
            np.copyto(where, at, where=better)
    index_type = np.int32 if element_of_cpp(integer(op, "Targmax", 7)) == I32 else np.int64
    return [best, where.astype(index_type)]


@evaluates("GlobalAveragePool")
def _global_pool(op: Op, arrays: Arrays) -> list[Array]:
    axes = tuple(range(2, arrays[0].ndim))
    return [widened(lambda x: x.mean(axes, keepdims=True) if axes else x)(arrays[0])]


@evaluates("AdaptiveAvgPool2d")
def _adaptive_pool(op: Op, arrays: Arrays) -> list[Array]:
    sizes = tuple(int(size) for size in _adaptive_sizes(op, arrays[0].shape) if isinstance(size, int))

    def average(x: Array) -> Array:
        for axis, size in zip((-2, -1), sizes, strict=True):
            x = _averaged(x, axis, size)
        return x

    return [widened(average)(arrays[0])]


def _averaged(x: Array, axis: int, size: int) -> Array:
    """Return the means of `size` pieces of an axis, as even as they can be; neighbours may share a cell."""
    extent = x.shape[axis]
    starts = np.arange(size) * extent // max(1, size)
    ends = -(-(np.arange(size) + 1) * extent // max(1, size))
    sums = np.concatenate([np.zeros_like(np.take(x, [0], axis), np.float64), np.cumsum(x, axis, np.float64)], axis)
    shape = [1] * x.ndim
    shape[axis] = size
    means = (np.take(sums, ends, axis) - np.take(sums, starts, axis)) / (ends - starts).reshape(shape)
    return np.asarray(means).astype(x.dtype)
