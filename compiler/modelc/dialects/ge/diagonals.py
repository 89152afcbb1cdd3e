"""Ops on the diagonals of matrices, and those that keep a triangle or a band of them."""

from __future__ import annotations

import numpy as np

from modelc.dialects.ge.helpers import (
    common_element,
    constant_int,
    equal_dims,
    equal_shapes,
    integer,
    mismatch,
    operand,
    product,
)
from modelc.dialects.ge.semantics import Array, Arrays, evaluates, infers
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


# -- bands as matrices


class _Band:
    """The diagonals `low` to `high` of matrices, stored as rows of one length.

    Row 0 holds the uppermost diagonal. A diagonal shorter than the longest one is put at the left or the right end of
    its row, as `align` says for those above and those below the main diagonal.
    """

    def __init__(self, op: Op, low: int, high: int, rows: int, columns: int, align: str) -> None:
        if low > high or not (-rows < low < columns or low == 0) or not (-rows < high < columns or high == 0):
            raise mismatch(op, f"has no diagonals {low} to {high} in {rows} by {columns} matrices")
        above, _, below = align.partition("_")
        self.lengths = [min(rows + min(k, 0), columns - max(k, 0)) for k in range(high, low - 1, -1)]
        self.longest = max(self.lengths)
        indices = []
        for row, k in enumerate(range(high, low - 1, -1)):
            length = self.lengths[row]
            side = above if k >= 0 else below
            start = self.longest - length if side == "RIGHT" else 0
            steps = np.arange(length)
            indices.append((np.full(length, row), start + steps, steps - min(k, 0), steps + max(k, 0)))
        self.band_row, self.band_column, self.row, self.column = (np.concatenate(part) for part in zip(*indices, strict=True))


def _align(op: Op) -> str:
    align = op.attributes.get("align", "RIGHT_LEFT" if op.kind.endswith("V3") else "LEFT_LEFT")
    return str(align)


def _bounds(k: Array) -> tuple[int, int]:
    return int(k.reshape(-1)[0]), int(k.reshape(-1)[-1])
