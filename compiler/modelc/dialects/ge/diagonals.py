"""Ops on the diagonals of matrices, and those that keep a triangle or a band of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelc.dialects.ge.helpers import (
    common_element,
    constant_int,
    equal_shapes,
    integer,
    mismatch,
    operand,
    product,
    text,
)
from modelc.dialects.ge.semantics import Array, Arrays, evaluates, infers
from modelc.ir.constants import constant
from modelc.ir.op import Op
from modelc.ir.types import Dim, TensorType, Type


def _matrix_dims(op: Op, type_: TensorType) -> tuple[Dim, ...] | None:
    if type_.shape is not None and len(type_.shape) < 2:
        raise mismatch(op, f"needs a matrix, not {type_}")
    return type_.shape


def _smaller(a: Dim, b: Dim) -> Dim:
    if isinstance(a, int) and isinstance(b, int):
        return min(a, b)
    return a if a == b else None


# -- a tensor of twice the rank


@infers("Diag")
def _infer_diag(op: Op) -> list[Type]:
    x = operand(op, 0)
    return [x if x.shape is None else x.with_shape(x.shape + x.shape)]


@evaluates("Diag")
def _diag(op: Op, arrays: Arrays) -> list[Array]:
    return [np.diag(arrays[0].reshape(-1)).reshape(arrays[0].shape * 2)]


@infers("DiagPart")
def _infer_diag_part(op: Op) -> list[Type]:
    x = operand(op, 0)
    if x.shape is None:
        return [x]
    half = len(x.shape) // 2
    if len(x.shape) % 2 or not half:
        raise mismatch(op, f"needs twice the same dimensions, not {x}")
    return [x.with_shape(equal_shapes(op, x.shape[:half], x.shape[half:], what="halves of a shape"))]


@evaluates("DiagPart")
def _diag_part(op: Op, arrays: Arrays) -> list[Array]:
    half = arrays[0].shape[: arrays[0].ndim // 2]
    equal_shapes(op, half, arrays[0].shape[len(half) :], what="halves of a shape")
    side = int(np.prod(half))
    return [np.diagonal(arrays[0].reshape(side, side)).reshape(half)]


def _flat_side(op: Op, size: Dim) -> Dim:
    offset = abs(integer(op, "diagonal", 0))
    return size + offset if isinstance(size, int) else size if offset == 0 else None


@infers("DiagFlat")
def _infer_diag_flat(op: Op) -> list[Type]:
    x = operand(op, 0)
    side = _flat_side(op, None if x.shape is None else product(x.shape))
    return [x.with_shape((side, side))]


@evaluates("DiagFlat")
def _diag_flat(op: Op, arrays: Arrays) -> list[Array]:
    return [np.diagflat(arrays[0], integer(op, "diagonal", 0))]


# -- the last two dimensions


@infers("MatrixDiag")
def _infer_matrix_diag(op: Op) -> list[Type]:
    x = operand(op, 0)
    if x.shape is None:
        return [x]
    if not x.shape:
        raise mismatch(op, f"needs a vector, not {x}")
    return [x.with_shape((*x.shape, x.shape[-1]))]


@evaluates("MatrixDiag")
def _matrix_diag(op: Op, arrays: Arrays) -> list[Array]:
    x = arrays[0]
    result = np.zeros((*x.shape, x.shape[-1]), x.dtype)
    steps = np.arange(x.shape[-1])
    result[..., steps, steps] = x
    return [result]


@infers("MatrixDiagPart")
def _infer_matrix_diag_part(op: Op) -> list[Type]:
    x = operand(op, 0)
    dims = _matrix_dims(op, x)
    return [x if dims is None else x.with_shape((*dims[:-2], _smaller(*dims[-2:])))]


@evaluates("MatrixDiagPart")
def _matrix_diag_part(op: Op, arrays: Arrays) -> list[Array]:
    return [np.diagonal(arrays[0], axis1=-2, axis2=-1)]


@infers("MatrixSetDiag")
def _infer_matrix_set_diag(op: Op) -> list[Type]:
    x, diagonal = operand(op, 0), operand(op, 1)
    found = common_element(op, (x, diagonal))
    dims = _matrix_dims(op, x)
    if dims is None or diagonal.shape is None:
        return [x.with_element(found)]
    equal_shapes(op, (*dims[:-2], _smaller(*dims[-2:])), diagonal.shape, what="diagonals")
    return [x.with_element(found)]


@evaluates("MatrixSetDiag")
def _matrix_set_diag(op: Op, arrays: Arrays) -> list[Array]:
    result = arrays[0].copy()
    steps = np.arange(min(result.shape[-2:]))
    result[..., steps, steps] = arrays[1]
    return [result]


@infers("Trace")
def _infer_trace(op: Op) -> list[Type]:
    x = operand(op, 0)
    if _matrix_dims(op, x) is not None and x.rank != 2:
        raise mismatch(op, f"needs a matrix, not {x}")
    return [x.with_shape(())]


@evaluates("Trace")
def _trace(op: Op, arrays: Arrays) -> list[Array]:
    return [np.asarray(np.trace(arrays[0], dtype=arrays[0].dtype))]


# -- triangles and bands


@infers("MatrixBandPart", "Tril", "Triu")
def _infer_band(op: Op) -> list[Type]:
    x = operand(op, 0)
    dims = _matrix_dims(op, x)
    if dims is not None and op.kind == "ge.MatrixBandPart":
        for index, dim in ((1, dims[-2]), (2, dims[-1])):
            _need_bound(op, constant_int(op, index), dim)
    return [x]


def _need_bound(op: Op, bound: int | None, dim: Dim) -> None:
    if bound is not None and isinstance(dim, int) and bound > dim:
        raise mismatch(op, f"cannot keep {bound} diagonals of {dim}")


@evaluates("MatrixBandPart")
def _matrix_band_part(op: Op, arrays: Arrays) -> list[Array]:
    x = arrays[0]
    lower, upper = int(arrays[1].item()), int(arrays[2].item())
    for bound, dim in zip((lower, upper), x.shape[-2:], strict=True):
        _need_bound(op, bound, dim)
    distance = np.arange(x.shape[-2])[:, None] - np.arange(x.shape[-1])
    kept = ((lower < 0) | (distance <= lower)) & ((upper < 0) | (-distance <= upper))
    return [np.where(kept, x, np.zeros((), x.dtype))]


@evaluates("Tril")
def _tril(op: Op, arrays: Arrays) -> list[Array]:
    return [np.tril(arrays[0], integer(op, "diagonal", 0))]


@evaluates("Triu")
def _triu(op: Op, arrays: Arrays) -> list[Array]:
    return [np.triu(arrays[0], integer(op, "diagonal", 0))]


# -- bands of diagonals


@dataclass(frozen=True)
class Band:
    """The diagonals `low` to `high` of matrices, stored as rows of one length, the uppermost diagonal first.

    A diagonal shorter than the longest is put at the left or the right end of its row, as `align` says for those
    above and those below the main diagonal. A band of a single diagonal is stored without a dimension of rows.
    """

    low: int
    high: int
    rows: int
    columns: int
    align: str

    @property
    def longest(self) -> int:
        """The length of the longest diagonal, to which the others are padded."""
        return min(self.rows + min(self.high, 0), self.columns - max(self.low, 0))

    @property
    def shape(self) -> tuple[int, ...]:
        """The dimensions in which the diagonals of one matrix are stored."""
        return (self.longest,) if self.low == self.high else (self.high - self.low + 1, self.longest)

    def indices(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Return the index of all numbers in stored diagonals, and that of their places in matrices."""
        parts: list[tuple[Array, Array, Array, Array]] = []
        for place, k in enumerate(range(self.high, self.low - 1, -1)):
            steps = np.arange(max(0, min(self.rows + min(k, 0), self.columns - max(k, 0))))
            side = self.align.split("_")[0 if k >= 0 else 1]
            start = self.longest - steps.size if side == "RIGHT" else 0
            parts.append((np.full(steps.size, place), start + steps, steps - min(k, 0), steps + max(k, 0)))
        places, along, row, column = (np.concatenate(part) for part in zip(*parts, strict=True))
        stored = (..., along) if self.low == self.high else (..., places, along)
        return stored, (..., row, column)


def _band(op: Op, bounds: Sequence[int], rows: int, columns: int) -> Band:
    align = text(op, "align", "RIGHT_LEFT") if op.kind.endswith("V3") else "LEFT_LEFT"
    low, high = bounds[0], bounds[-1]
    # Making a matrix takes diagonals that lie outside of it, and leaves them out.
    makes = op.kind.startswith("ge.MatrixDiagV")
    inside = makes or all(-rows < k < columns or k == 0 for k in (low, high))
    if len(bounds) > 2 or low > high or not inside or set(align.split("_")) - {"LEFT", "RIGHT"}:
        raise mismatch(op, f"has no diagonals {list(bounds)} ({align}) in matrices of {rows} by {columns}")
    return Band(low, high, rows, columns, align)


def _bounds(op: Op, array: Array) -> list[int]:
    bounds = [int(k) for k in array.reshape(-1)]
    if not bounds:
        raise mismatch(op, "needs the number of a diagonal")
    return bounds


def band_of(op: Op, k: Array | None, dims: tuple[Dim, ...] | None) -> Band | None:
    """Return the band with the diagonals `k` of matrices of `dims`, None where that is not known."""
    if k is None or dims is None:
        return None
    rows, columns = dims[-2:]
    return _band(op, _bounds(op, k), rows, columns) if isinstance(rows, int) and isinstance(columns, int) else None


@infers("MatrixDiagPartV2", "MatrixDiagPartV3")
def _infer_matrix_diag_part_v3(op: Op) -> list[Type]:
    x, k = operand(op, 0), constant(op.inputs[1])
    common_element(op, (x, operand(op, 2)))
    dims = _matrix_dims(op, x)
    band = band_of(op, k, dims)
    if dims is None or k is None:
        return [x.with_shape(None)]
    bounds = _bounds(op, k)
    unknown: tuple[Dim, ...] = (None,) if bounds[0] == bounds[-1] else (bounds[-1] - bounds[0] + 1, None)
    return [x.with_shape((*dims[:-2], *(unknown if band is None else band.shape)))]


@evaluates("MatrixDiagPartV2", "MatrixDiagPartV3")
def _matrix_diag_part_v3(op: Op, arrays: Arrays) -> list[Array]:
    x, k, padding = arrays
    band = _band(op, _bounds(op, k), x.shape[-2], x.shape[-1])
    stored, places = band.indices()
    result = np.full((*x.shape[:-2], *band.shape), padding.item(), x.dtype)
    result[stored] = x[places]
    return [result]


@infers("MatrixSetDiagV2", "MatrixSetDiagV3")
def _infer_matrix_set_diag_v3(op: Op) -> list[Type]:
    x, diagonal, k = operand(op, 0), operand(op, 1), constant(op.inputs[2])
    found = common_element(op, (x, diagonal))
    dims = _matrix_dims(op, x)
    band = band_of(op, k, dims)
    if band is not None and dims is not None:
        equal_shapes(op, (*dims[:-2], *band.shape), diagonal.shape, what="diagonals")
    return [x.with_element(found)]


@evaluates("MatrixSetDiagV2", "MatrixSetDiagV3")
def _matrix_set_diag_v3(op: Op, arrays: Arrays) -> list[Array]:
    x, diagonal, k = arrays
    band = _band(op, _bounds(op, k), x.shape[-2], x.shape[-1])
    equal_shapes(op, (*x.shape[:-2], *band.shape), diagonal.shape, what="diagonals")
    stored, places = band.indices()
    result = x.copy()
    result[places] = diagonal[stored]
    return [result]


def stored_band(op: Op, shape: tuple[int, ...], bounds: list[int], rows: int, columns: int) -> Band:
    """Return the band that the stored diagonals of `shape` are; -1 for the smallest number that fits."""
    longest = shape[-1]
    least_rows, least_columns = longest - min(bounds[-1], 0), longest + max(bounds[0], 0)
    if rows == -1 and columns == -1:
        rows = columns = max(least_rows, least_columns)
    band = _band(op, bounds, least_rows if rows == -1 else rows, least_columns if columns == -1 else columns)
    if shape[-len(band.shape) :] != band.shape:
        raise mismatch(op, f"cannot place diagonals {bounds} of {list(shape)} in {band.rows} by {band.columns}")
    return band


@infers("MatrixDiagV2", "MatrixDiagV3")
def _infer_matrix_diag_v3(op: Op) -> list[Type]:
    x, k = operand(op, 0), constant(op.inputs[1])
    if x.shape is None or k is None:
        return [x.with_shape(None)]
    bounds = _bounds(op, k)
    batch = x.shape[: -1 if bounds[0] == bounds[-1] else -2]
    rows, columns = constant_int(op, 2), constant_int(op, 3)
    if rows is None or columns is None or not x.is_static:
        return [x.with_shape((*batch, None, None))]
    band = stored_band(op, x.dims, bounds, rows, columns)
    return [x.with_shape((*batch, band.rows, band.columns))]


@evaluates("MatrixDiagV2", "MatrixDiagV3")
def _matrix_diag_v3(op: Op, arrays: Arrays) -> list[Array]:
    x, k, rows, columns, padding = arrays
    band = stored_band(op, x.shape, _bounds(op, k), int(rows.item()), int(columns.item()))
    stored, places = band.indices()
    batch = x.shape[: x.ndim - len(band.shape)]
    result = np.full((*batch, band.rows, band.columns), padding.item(), x.dtype)
    result[places] = x[stored]
    return [result]
