"""Lowering of ops on the diagonals of matrices, and of those that keep a triangle or a band of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelc.dialects.ge.diagonals import Band, band_of, stored_band
from modelc.dialects.ge.helpers import integer
from modelc.ir.op import Value
from modelc.ir.types import BOOL, I64
from modelc_backends.onnx.lower.site import NoFormError, Site
from modelc_backends.onnx.lower.table import Lowered, lowers

ALL = 1 << 31  # more diagonals than any matrix has

# -- the main diagonal


def _steps(site: Site, value: Value, axis: int) -> Value:
    """Return the positions along an axis, which counts from the end."""
    return site.counted(site.squeeze(site.extents(value, site.rank(value) + axis), (0,)))


def _on_diagonal(site: Site, rows: Value, columns: Value) -> Value:
    return site.onnx("Equal", site.unsqueeze(rows, (1,)), site.unsqueeze(columns, (0,)))


def _diagonal_matrix(site: Site, x: Value) -> Value:
    """Return matrices with the last dimension of `x` as their diagonals."""
    steps = _steps(site, x, -1)
    rows = site.unsqueeze(x, (site.rank(x),))
    return site.onnx("Where", _on_diagonal(site, steps, steps), rows, site.scalar(0, x))


def _diagonal(site: Site, x: Value) -> Value:
    """Return the diagonals of matrices as the last dimension."""
    rank = site.rank(x)
    rows, columns = site.shape(x)[-2:]
    steps = _steps(site, x, -2 if rows == columns or _is_smaller(site, x) else -1)
    places = site.unsqueeze(steps, (1,))
    first = site.transpose(x, (rank - 2, rank - 1, *range(rank - 2)))
    taken = site.onnx("GatherND", first, site.onnx("Concat", places, places, axis=1))
    return site.transpose(taken, (*range(1, rank - 1), 0))


def _is_smaller(site: Site, x: Value) -> bool:
    """Whether matrices have no more rows than columns."""
    rows, columns = site.shape(x)[-2:]
    if not isinstance(rows, int) or not isinstance(columns, int):
        raise NoFormError(f"needs to know the last two extents of `{x.name}`, which is {x.type}")
    return rows <= columns


@lowers("Diag")
def _diag(site: Site) -> Lowered:
    x = site.inputs[0]
    return site.reshape(_diagonal_matrix(site, site.reshape(x, (-1,))), site.dims(x) * 2)


@lowers("DiagPart")
def _diag_part(site: Site) -> Lowered:
    dims = site.dims(site.inputs[0])
    half = dims[: len(dims) // 2]
    return site.reshape(_diagonal(site, site.reshape(site.inputs[0], (math.prod(half),) * 2)), half)


@lowers("DiagFlat")
def _diag_flat(site: Site) -> Lowered:
    matrix = _diagonal_matrix(site, site.reshape(site.inputs[0], (-1,)))
    offset = integer(site.op, "diagonal", 0)
    if offset == 0:
        return matrix
    below, right = max(-offset, 0), max(offset, 0)
    return site.onnx("Pad", matrix, site.constant((below, right, right, below)))


@lowers("MatrixDiag")
def _matrix_diag(site: Site) -> Lowered:
    return _diagonal_matrix(site, site.inputs[0])


@lowers("MatrixDiagPart")
def _matrix_diag_part(site: Site) -> Lowered:
    return _diagonal(site, site.inputs[0])


@lowers("MatrixSetDiag")
def _matrix_set_diag(site: Site) -> Lowered:
    x, diagonal = site.inputs
    rank = site.rank(diagonal)
    spread = site.unsqueeze(diagonal, (rank if _is_smaller(site, x) else rank - 1,))
    where = _on_diagonal(site, _steps(site, x, -2), _steps(site, x, -1))
    return site.onnx("Where", where, spread, x)


@lowers("Trace")
def _trace(site: Site) -> Lowered:
    diagonal = _diagonal(site, site.inputs[0])
    whole = site.element(diagonal).family in ("int", "uint")
    return site.onnx("ReduceSum", site.cast(diagonal, I64) if whole else diagonal, keepdims=0)


# -- triangles and bands


@lowers("Tril", "Triu")
def _triangle(site: Site) -> Lowered:
    diagonal = site.constant(integer(site.op, "diagonal", 0))
    return site.onnx("Trilu", site.inputs[0], diagonal, upper=int(site.op_type == "Triu"))


@lowers("MatrixBandPart")
def _matrix_band_part(site: Site) -> Lowered:
    lower, upper = _kept(site, site.inputs[1], -1), _kept(site, site.inputs[2], 1)
    return site.onnx("Trilu", site.onnx("Trilu", site.inputs[0], upper, upper=0), lower, upper=1)


def _kept(site: Site, count: Value, side: int) -> Value:
    """Return the number of the last diagonal that is kept on one side; a negative count stands for all."""
    known = site.array(count)
    if known is not None:
        return site.constant(side * (known.item() if known >= 0 else ALL))
    count = site.reshape(site.cast(count, I64), ())
    last = site.onnx("Where", site.onnx("Less", count, site.constant(0)), site.constant(ALL), count)
    return site.onnx("Mul", last, site.constant(side))


# -- bands of diagonals


def _band_of(site: Site, index: int, dims: Sequence[int]) -> Band:
    band = band_of(site.op, site.needed(index, "the numbers of diagonals"), tuple(dims))
    assert band is not None
    return band


def _flat(dims: tuple[int, ...], index: tuple[Any, ...]) -> NDArray[np.int64]:
    """Return the flat positions of `index`, which begins with an ellipsis, in an array of `dims`."""
    return np.asarray(np.ravel_multi_index(index[1:], dims), np.int64)


def moved_places(
    site: Site, source: Value, dims: tuple[int, ...], index: Any, target: tuple[int, ...], places: Any
) -> Value:
    """Return what lies at `index` of the last `dims` of `source` at `places` of `target`, and anything elsewhere."""
    batch = site.rank(source) - len(dims)
    sources = np.zeros(math.prod(target), np.int64)
    sources[_flat(target, places)] = _flat(dims, index)
    flat = site.reshape_behind(source, batch, (math.prod(dims),))
    taken = site.onnx("Gather", flat, site.constant(sources, part="places"), axis=-1)
    return site.reshape_behind(taken, batch, target)


def mask_of(site: Site, dims: tuple[int, ...], places: Any) -> Value:
    """Return a constant that is true at `places` of a tensor of `dims`."""
    mask = np.zeros(dims, bool)
    mask[places] = True
    return site.constant(mask, BOOL, "mask")


@lowers("MatrixDiagPartV2", "MatrixDiagPartV3")
def _matrix_diag_part_v3(site: Site) -> Lowered:
    x, padding = site.inputs[0], site.inputs[2]
    dims = site.dims(x, -2)
    band = _band_of(site, 1, dims)
    stored, places = band.indices()
    taken = moved_places(site, x, dims, places, band.shape, stored)
    return site.onnx("Where", mask_of(site, band.shape, stored), taken, padding)


@lowers("MatrixSetDiagV2", "MatrixSetDiagV3")
def _matrix_set_diag_v3(site: Site) -> Lowered:
    x, diagonal = site.inputs[:2]
    dims = site.dims(x, -2)
    band = _band_of(site, 2, dims)
    stored, places = band.indices()
    taken = moved_places(site, diagonal, band.shape, stored, dims, places)
    return site.onnx("Where", mask_of(site, dims, places), taken, x)


@lowers("MatrixDiagV2", "MatrixDiagV3")
def _matrix_diag_v3(site: Site) -> Lowered:
    x, padding = site.inputs[0], site.inputs[4]
    bounds = site.needed_ints(1, "the numbers of diagonals")
    (rows,), (columns,) = site.needed_ints(2, "the number of rows"), site.needed_ints(3, "the number of columns")
    stored_dims = site.dims(x, -1 if bounds[0] == bounds[-1] else -2)
    band = stored_band(site.op, stored_dims, list(bounds), rows, columns)
    dims = band.rows, band.columns
    stored, places = band.indices()
    taken = moved_places(site, x, band.shape, stored, dims, places)
    return site.onnx("Where", mask_of(site, dims, places), taken, padding)
