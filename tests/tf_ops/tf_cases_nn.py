"""Convolutions, pooling, normalization, products of matrices, and linear algebra."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from tf_arrays import SINGLES, Array, Draw, calls, flip, ints, numbers, pick, scalar, shapes, whole
from tf_harness import Call, Known, Operand, add, same

Rng = np.random.Generator
FILTERED = ("float32", "float64")
PADDINGS = ("SAME", "VALID")

# -- windows


def _plane(draw: Draw, rng: Rng, depth: int, name: str, rank: int = 2) -> Array:
    sides = [whole(draw, 3, 7) for _ in range(rank)]
    return numbers(rng, (whole(draw, 1, 2), *sides, depth), name)


def _steps(draw: Draw, rank: int, most: int = 3) -> list[int]:
    return [1, *(whole(draw, 1, most) for _ in range(rank)), 1]


def _convolution(draw: Draw, rng: Rng, rank: int = 2) -> Call:
    name, groups = pick(draw, FILTERED), pick(draw, [1, 1, 2]) if rank == 2 else 1
    depth, kernel = 2 * groups, [whole(draw, 1, 3) for _ in range(rank)]
    x = _plane(draw, rng, depth, name, rank)
    filter_ = numbers(rng, (*kernel, 2, 2 * groups), name)
    strides = _steps(draw, rank)
    if rank == 3:  # on a CPU, TensorFlow starts inside where a step is longer than the kernel
        strides = [1, *map(min, strides[1:-1], kernel), 1]
    attributes: dict[str, Any] = {"strides": strides, "padding": pick(draw, PADDINGS)}
    if rank == 2 and max(strides) == 1 and groups == 1:
        attributes["dilations"] = [1, whole(draw, 1, 2), whole(draw, 1, 2), 1]
    elif rank == 2 and flip(draw):
        attributes |= {"padding": "EXPLICIT", "explicit_paddings": [0, 0, 1, 2, 0, 1, 0, 0]}
    return Call({"input": x, "filter": Known(filter_)}, attributes)


add("Conv2D", calls(_convolution), rounding=64)
add("Conv3D", calls(lambda draw, rng: _convolution(draw, rng, 3)), rounding=64)


def _depthwise(draw: Draw, rng: Rng) -> Call:
    name, stride = pick(draw, FILTERED), whole(draw, 1, 3)
    kernel = [whole(draw, 1, 3) for _ in "hw"]
    filter_ = Known(numbers(rng, (*kernel, 2, whole(draw, 1, 2)), name))
    padding = pick(draw, PADDINGS)
    return Call(
        {"input": _plane(draw, rng, 2, name), "filter": filter_},
        {"strides": [1, stride, stride, 1], "padding": padding},
    )


add("DepthwiseConv2dNative", calls(_depthwise), rounding=64)


def _transposed(draw: Draw, rng: Rng, rank: int = 2, *, depthwise: bool = False) -> Call:
    name, padding = pick(draw, FILTERED), pick(draw, PADDINGS)
    kernel, strides = [whole(draw, 1, 3) for _ in range(rank)], _steps(draw, rank, 2)
    if depthwise:
        strides = [1, strides[1], strides[1], 1]
    sizes = [whole(draw, 3, 6) for _ in range(rank)]
    counts = [
        -(-size // stride) if padding == "SAME" else -(-(size - extent + 1) // stride)
        for size, extent, stride in zip(sizes, kernel, strides[1:-1], strict=True)
    ]
    depth, results = 2, 2 if depthwise else 3
    filter_ = numbers(rng, (*kernel, depth, 1 if depthwise else results), name)
    operands: dict[str, Operand] = {"input_sizes": ints(1, *sizes, depth), "filter": Known(filter_)}
    operands["out_backprop"] = numbers(rng, (1, *counts, results), name)
    return Call(operands, {"strides": strides, "padding": padding})


add("Conv2DBackpropInput", calls(_transposed), rounding=64)
add("Conv3DBackpropInputV2", calls(lambda draw, rng: _transposed(draw, rng, 3)), rounding=64)
add(
    "DepthwiseConv2dNativeBackpropInput",
    calls(lambda draw, rng: _transposed(draw, rng, depthwise=True)),
    rounding=64,
)


def _dilation(draw: Draw, rng: Rng) -> Call:
    name = pick(draw, FILTERED)
    kernel = [whole(draw, 1, 3) for _ in "hw"]
    attributes = {"strides": _steps(draw, 2), "rates": _steps(draw, 2, 2), "padding": pick(draw, PADDINGS)}
    return Call({"input": _plane(draw, rng, 2, name), "filter": Known(numbers(rng, (*kernel, 2), name))}, attributes)


add("Dilation2D", calls(_dilation), rounding=8)


def _pool(operand: str, rank: int = 2, names: Sequence[str] = ("float32",)) -> st.SearchStrategy[Call]:
    def build(draw: Draw, rng: Rng) -> Call:
        array = _plane(draw, rng, 2, pick(draw, names), rank)
        sizes = {"ksize": _steps(draw, rank), "strides": _steps(draw, rank)}
        if rank == 3:  # as with Conv3D
            sizes["strides"] = list(map(min, sizes["strides"], sizes["ksize"]))
        return Call({operand: array}, {**sizes, "padding": pick(draw, PADDINGS)})

    return calls(build)


def _pool_by_operands(draw: Draw, rng: Rng) -> Call:
    sizes: dict[str, Operand] = {"ksize": ints(*_steps(draw, 2)), "strides": ints(*_steps(draw, 2))}
    return Call({"input": _plane(draw, rng, 2, "float32"), **sizes}, {"padding": pick(draw, PADDINGS)})


add("MaxPool", _pool("input", names=("float32", "float16")))
add("AvgPool", _pool("value", names=("float32", "float64")), rounding=16)
add("MaxPool3D", _pool("input", 3))
add("AvgPool3D", _pool("input", 3), rounding=16)
add("MaxPoolV2", calls(_pool_by_operands))
add("MaxPoolWithArgmax", _pool("input"))


def _fractional(draw: Draw, rng: Rng) -> Call:
    array = numbers(rng, (2, 6, 8, 3), pick(draw, ("float32", "int32")))
    ratios = [1.0, pick(draw, [1.0, 2.0, 3.0]), pick(draw, [1.0, 2.0, 4.0]), 1.0]
    flags = {name: flip(draw) for name in ("pseudo_random", "overlapping")}
    return Call({"value": array}, {"pooling_ratio": ratios, **flags})


add("FractionalAvgPool", calls(_fractional), rounding=16)  # by whole numbers, which leave nothing to chance
add("FractionalMaxPool", calls(_fractional))

# -- biases and normalization


def _bias(draw: Draw, rng: Rng) -> Call:
    name, depth = pick(draw, ("float32", "float64", "int32")), whole(draw, 1, 4)
    return Call({"value": numbers(rng, (*draw(shapes(1, 3)), depth), name), "bias": numbers(rng, (depth,), name)})


def _bias_first(draw: Draw, rng: Rng) -> Call:
    made = _bias(draw, rng)
    layouts = ["NHWC"] if not isinstance(made.operands["value"], np.ndarray) else ["NHWC", "NCHW"]
    if pick(draw, layouts) == "NHWC":
        return made
    value, bias = numbers(rng, (2, 3, 4, 5), "float32"), numbers(rng, (3,), "float32")
    return Call({"value": value, "bias": bias}, {"data_format": "NCHW"})


add("BiasAddV1", calls(_bias))
add("BiasAdd", calls(_bias_first))


def _batch_norm(draw: Draw, rng: Rng) -> Call:
    depth = whole(draw, 1, 4)
    operands: dict[str, Operand] = {"x": _plane(draw, rng, depth, "float32")}
    operands |= {name: Known(numbers(rng, (depth,), "float32")) for name in ("scale", "offset", "mean")}
    operands["variance"] = Known(numbers(rng, (depth,), "float32", 0.1, 3))
    return Call(operands, {"epsilon": 0.001, "is_training": False})


for op_type in ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"):
    add(op_type, calls(_batch_norm), rounding=64, results=1)


def _lrn(draw: Draw, rng: Rng) -> Call:
    attributes = {
        "depth_radius": whole(draw, 0, 3),
        "bias": 1.0,
        "alpha": 0.5,
        "beta": pick(draw, [0.5, 0.75]),
    }
    return Call({"input": _plane(draw, rng, whole(draw, 1, 6), "float32")}, attributes)


add("LRN", calls(_lrn), rounding=128)

# -- products


def _matmul(draw: Draw, rng: Rng, names: Sequence[str]) -> Call:
    rows, inner, columns = (whole(draw, 0, 5) for _ in "mkn")
    name, flips = pick(draw, names), {key: flip(draw) for key in ("transpose_a", "transpose_b")}
    a = numbers(rng, (inner, rows) if flips["transpose_a"] else (rows, inner), name)
    b = numbers(rng, (columns, inner) if flips["transpose_b"] else (inner, columns), name)
    return Call({"a": a, "b": b}, flips)


add("MatMul", calls(lambda d, rng: _matmul(d, rng, (*SINGLES, "int32", "complex64", "float16"))), rounding=64)
add("SparseMatMul", calls(lambda draw, rng: _matmul(draw, rng, ("float32",))), rounding=64)


def _batched(draw: Draw, rng: Rng, spread: bool, names: Sequence[str]) -> Call:
    rows, inner, columns = (whole(draw, 1, 4) for _ in "mkn")
    name, flips = pick(draw, names), {key: flip(draw) for key in ("adj_x", "adj_y")}
    batch = draw(shapes(1, 2, empty=False))
    other = tuple(1 if spread and flip(draw) else dim for dim in batch)
    x = numbers(rng, (*batch, *((inner, rows) if flips["adj_x"] else (rows, inner))), name)
    y = numbers(rng, (*other, *((columns, inner) if flips["adj_y"] else (inner, columns))), name)
    return Call({"x": x, "y": y}, flips)


MULTIPLIED = (*SINGLES, "int32", "complex64")
ADJOINT = {"rounding": 64, "may_refuse": "products of conjugated complex matrices"}
add("BatchMatMul", calls(lambda draw, rng: _batched(draw, rng, False, MULTIPLIED)), **ADJOINT)
add("BatchMatMulV2", calls(lambda draw, rng: _batched(draw, rng, True, MULTIPLIED)), **ADJOINT)


def _batched_to(draw: Draw, rng: Rng) -> Call:
    made = _batched(draw, rng, True, SINGLES)
    x = made.operands["x"]
    assert isinstance(x, np.ndarray)
    return Call(made.operands, {**made.attributes, "Tout": x.dtype.name})


add("BatchMatMulV3", calls(_batched_to), rounding=64)
EQUATIONS = (
    *("ij,jk->ik", "bij,bjk->bik", "bhqd,bkhd->bhqk", "ij->ji", "ij,ij->", "i,j->ij", "...ij,jk->...ik"),
    *("abc->b", "ii->i", "ij,kj->ik", "abc,cd->abd", "ij,jk,kl->il"),
)


def _einsum(draw: Draw, rng: Rng) -> Call:
    equation = pick(draw, EQUATIONS)
    terms = equation.partition("->")[0].replace("...", "xy").split(",")
    sizes = {letter: whole(draw, 1, 4) for letter in sorted(set("".join(terms)))}
    name = pick(draw, SINGLES)
    inputs = [numbers(rng, tuple(sizes[letter] for letter in term), name) for term in terms]
    return Call({"inputs": inputs}, {"equation": equation})


add("Einsum", calls(_einsum), rounding=64, may_refuse="sums of more than two operands")

# -- linear algebra


def _regular(draw: Draw, rng: Rng, names: Sequence[str] = SINGLES) -> Array:
    """Return (stacks of) square matrices that are far from singular."""
    extent, batch = whole(draw, 1, 4), draw(shapes(0, 2, 3, empty=False))
    name = pick(draw, names)
    return np.asarray(numbers(rng, (*batch, extent, extent), name, -1, 1) + 4 * np.eye(extent, dtype=name))


def _right(draw: Draw, rng: Rng, matrix: Array) -> Array:
    return numbers(rng, (*matrix.shape[:-1], whole(draw, 1, 3)), matrix.dtype.name)


WIDE = (*SINGLES, "complex64")
add(
    "MatrixInverse",
    calls(lambda d, rng: Call({"input": _regular(d, rng, WIDE)}, {"adjoint": flip(d)})),
    rounding=64,
)
add("MatrixDeterminant", calls(lambda draw, rng: Call({"input": _regular(draw, rng, WIDE)})), rounding=64)
add("LogMatrixDeterminant", calls(lambda draw, rng: Call({"input": _regular(draw, rng)})), rounding=64)


def _definite(draw: Draw, rng: Rng) -> Call:
    matrix = _regular(draw, rng)
    return Call({"input": matrix @ np.swapaxes(matrix, -1, -2)})


def _solve(draw: Draw, rng: Rng) -> Call:
    matrix = _regular(draw, rng, WIDE)
    return Call({"matrix": matrix, "rhs": _right(draw, rng, matrix)}, {"adjoint": flip(draw)})


def _triangular(draw: Draw, rng: Rng) -> Call:
    made = _solve(draw, rng)
    return Call(made.operands, {**made.attributes, "lower": flip(draw)})


add("Cholesky", calls(_definite), rounding=256)
add("MatrixSolve", calls(_solve), rounding=128)
add("MatrixTriangularSolve", calls(_triangular), rounding=128)
add(
    "MatrixSquareRoot",
    calls(lambda draw, rng: Call({"input": _regular(draw, rng, ("float64", "complex64"))})),
    rounding=512,
)


def _least_squares(draw: Draw, rng: Rng) -> Call:
    rows, columns = whole(draw, 2, 5), whole(draw, 1, 4)
    name = pick(draw, ("float64",))
    operands: dict[str, Operand] = {"matrix": numbers(rng, (rows, columns), name), "rhs": numbers(rng, (rows, 2), name)}
    return Call({**operands, "l2_regularizer": scalar(0.5, "float64")}, {"fast": True})


add("MatrixSolveLs", calls(_least_squares), rounding=1e4)


def _tridiagonal(draw: Draw, rng: Rng) -> Call:
    batch, extent = draw(shapes(0, 1, 3, empty=False)), whole(draw, 3, 5)
    name = pick(draw, WIDE)
    diagonals = numbers(rng, (*batch, 3, extent), name, -1, 1)
    diagonals[..., 1, :] += 4
    return Call(
        {"diagonals": diagonals, "rhs": numbers(rng, (*batch, extent, 2), name)},
        {"partial_pivoting": flip(draw)},
    )


def _banded(draw: Draw, rng: Rng) -> Call:
    extent, lower = whole(draw, 2, 5), flip(draw)
    count, name = whole(draw, 1, extent), pick(draw, SINGLES)
    bands = numbers(rng, (count, extent), name, -1, 1)
    bands[0 if lower else -1] += 4
    attributes = {"lower": lower, "adjoint": flip(draw)}
    return Call({"matrix": bands, "rhs": numbers(rng, (extent, 2), name)}, attributes)


add("TridiagonalSolve", calls(_tridiagonal), rounding=128)
add("BandedTriangularSolve", calls(_banded), rounding=256)


def _check_orthogonal(q: Array) -> None:
    product = np.swapaxes(q, -1, -2).conj() @ q
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(q.shape[-1]), product.shape), atol=2e-5)


def _operand(call: Call, name: str) -> Array:
    array = call.operands[name]
    assert isinstance(array, np.ndarray)
    return array


def _like(found: Sequence[Array], expected: Sequence[Array], count: int | None = None) -> None:
    found, expected = found[:count], expected[:count]
    assert [(part.dtype, part.shape) for part in found] == [(part.dtype, part.shape) for part in expected]


def _check_qr(call: Call, found: Sequence[Array], expected: Sequence[Array]) -> None:
    _like(found, expected)
    q, r = found
    _check_orthogonal(q)
    np.testing.assert_allclose(q @ r, _operand(call, "input"), atol=2e-5)
    np.testing.assert_allclose(np.abs(r), np.abs(expected[1]), atol=2e-4)


def _check_svd(call: Call, found: Sequence[Array], expected: Sequence[Array]) -> None:
    sigma, u, v = found
    computed = call.attributes["compute_uv"]
    _like(found, expected, None if computed else 1)  # TensorFlow leaves undefined what is not asked for
    np.testing.assert_allclose(sigma, expected[0], atol=2e-5)
    if computed:
        _check_orthogonal(u)
        _check_orthogonal(v)
        rank = sigma.shape[-1]
        product = (u[..., :rank] * sigma[..., None, :]) @ np.swapaxes(v[..., :rank], -1, -2).conj()
        np.testing.assert_allclose(product, _operand(call, "input"), atol=2e-5)


def _check_eigen(call: Call, found: Sequence[Array], expected: Sequence[Array]) -> None:
    values, vectors = found
    computed = call.attributes["compute_v"]
    _like(found, expected, None if computed else 1)
    np.testing.assert_allclose(values, expected[0], atol=1e-4)
    if computed:
        _check_orthogonal(vectors)
        lower = np.tril(_operand(call, "input"))
        whole = lower + np.swapaxes(np.tril(lower, -1), -1, -2)
        np.testing.assert_allclose(whole @ vectors, vectors * values[..., None, :], atol=1e-4)


def _any_matrix(draw: Draw, rng: Rng, names: Sequence[str] = WIDE) -> Array:
    shape = (*draw(shapes(0, 1, 3, empty=False)), whole(draw, 1, 5), whole(draw, 1, 5))
    return numbers(rng, shape, pick(draw, names))


def _svd(draw: Draw, rng: Rng) -> Call:
    return Call(
        {"input": _any_matrix(draw, rng, SINGLES)},
        {key: flip(draw) for key in ("compute_uv", "full_matrices")},
    )


add(
    "Qr",
    calls(lambda d, rng: Call({"input": _any_matrix(d, rng)}, {"full_matrices": flip(d)})),
    check=_check_qr,
)
add("Svd", calls(_svd), check=_check_svd)
add(
    "SelfAdjointEigV2",
    calls(lambda d, rng: Call({"input": _regular(d, rng)}, {"compute_v": flip(d)})),
    check=_check_eigen,
)


def _check_lu(call: Call, found: Sequence[Array], expected: Sequence[Array]) -> None:
    same(found[0], expected[0], 256)
    same(found[1], expected[1], 0)


add(
    "Lu",
    calls(lambda d, rng: Call({"input": _regular(d, rng, WIDE)}, {"output_idx_type": pick(d, ["int32", "int64"])})),
    check=_check_lu,
)

# -- Fourier transforms and sound


def _complex_signal(rank: int) -> st.SearchStrategy[Call]:
    return calls(
        lambda d, rng: Call(
            {"input": numbers(rng, d(shapes(rank, 3, 9, empty=False)), pick(d, ("complex64", "complex128")))}
        )
    )


for op_type, rank in {"FFT": 1, "IFFT": 1, "FFT2D": 2, "IFFT2D": 2}.items():
    add(op_type, _complex_signal(rank), rounding=64)


def _real_signal(draw: Draw, rng: Rng) -> Call:
    x = numbers(rng, draw(shapes(1, 2, 9, empty=False)), "float32")
    return Call({"input": x, "fft_length": ints(whole(draw, 1, 12))})


def _half_signal(draw: Draw, rng: Rng) -> Call:
    x = numbers(rng, draw(shapes(1, 2, 9, empty=False)), "complex64")
    return Call({"input": x, "fft_length": ints(whole(draw, 1, 2 * x.shape[-1] - 1))})


add("RFFT", calls(_real_signal), rounding=64)
add("IRFFT", calls(_half_signal), rounding=64)


def _spectrogram(draw: Draw, rng: Rng) -> Call:
    x = numbers(rng, (whole(draw, 10, 60), whole(draw, 1, 2)), "float32", -1, 1)
    sizes = {"window_size": whole(draw, 2, 12), "stride": whole(draw, 1, 9)}
    return Call({"input": x}, {**sizes, "magnitude_squared": flip(draw)})


def _cepstra(draw: Draw, rng: Rng) -> Call:
    spectra = numbers(rng, (whole(draw, 1, 2), 3, pick(draw, [129, 257])), "float32", 0, 9)
    attributes = {
        "filterbank_channel_count": whole(draw, 8, 20),
        "dct_coefficient_count": whole(draw, 1, 8),
    }
    return Call({"spectrogram": spectra, "sample_rate": scalar(16000)}, attributes)


add("AudioSpectrogram", calls(_spectrogram), rounding=128)
add("Mfcc", calls(_cepstra), rounding=256)
