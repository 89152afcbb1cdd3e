"""Lowering of matrix products, Einstein sums and linear algebra."""

from __future__ import annotations

from modelc.dialects.ge.helpers import flag, integer, text
from modelc.dialects.ge.linear import BATCHED, PLAIN
from modelc.ir.op import Value
from modelc.ir.types import I32
from modelc_backends.onnx.lower.site import NoFormError, Site
from modelc_backends.onnx.lower.table import Lowered, lowers


def _need_no_offset(site: Site) -> None:
    if integer(site.op, "offset_x", 0):
        raise NoFormError("shifts quantized numbers by `offset_x`, which ONNX does not")


def _summed(site: Site, value: Value) -> Value:
    """Return an operand in the type in which products are summed: 8 bits in 32."""
    return site.cast(value, I32) if site.element(value).name == "i8" else value


def _adjoint(site: Site, value: Value, flip: bool) -> Value:
    """Return matrices with rows and columns exchanged where `flip`."""
    if not flip:
        return value
    *batch, rows, columns = range(site.rank(value))
    return site.transpose(value, (*batch, columns, rows))


@lowers(*PLAIN)
def _matmul(site: Site) -> Lowered:
    _need_no_offset(site)
    flips = flag(site.op, "transpose_x1", False), flag(site.op, "transpose_x2", False)
    return _product(site, site.inputs[0], site.inputs[1], site.given(2), flips)


def _product(site: Site, a: Value, b: Value, bias: Value | None, flips: tuple[bool, bool]) -> Value:
    """Return a product of two matrices."""
    is_plain = bias is None and not any(flips)
    if site.element(a).family == "float" and not is_plain and (bias is None or site.rank(bias) <= 1):
        flags = {name: int(flip) for name, flip in zip(("transA", "transB"), flips, strict=True) if flip}
        return site.onnx("Gemm", a, b, *(() if bias is None else (bias,)), **flags)
    return _stacked(site, a, b, bias, flips)


def _stacked(site: Site, a: Value, b: Value, bias: Value | None, flips: tuple[bool, bool]) -> Value:
    """Return products of stacks of matrices."""
    a, b = (_adjoint(site, _summed(site, value), flip) for value, flip in zip((a, b), flips, strict=True))
    product = site.onnx("MatMul", a, b)
    return product if bias is None else site.onnx("Add", product, site.cast(bias, site.element(product)))


@lowers(*BATCHED)
def _batch_matmul(site: Site) -> Lowered:
    _need_no_offset(site)
    flips = flag(site.op, "adj_x1", False), flag(site.op, "adj_x2", False)
    return _stacked(site, site.inputs[0], site.inputs[1], site.given(2), flips)


@lowers("GEMM")
def _gemm(site: Site) -> Lowered:
    a, b, c, alpha, beta = site.inputs
    flips = flag(site.op, "transpose_a", False), flag(site.op, "transpose_b", False)
    element = site.element(c)
    product = site.cast(_product(site, a, b, None, flips), element)
    terms = [
        site.onnx("Mul", value, site.cast(site.reshape(factor, ()), element))
        for value, factor in ((product, alpha), (c, beta))
    ]
    return site.onnx("Add", *terms)


@lowers("FullyConnection")
def _fully_connection(site: Site) -> Lowered:
    _need_no_offset(site)
    x, w = site.inputs[:2]
    inner = site.dims(w)[0 if flag(site.op, "transpose", False) else 1]
    bias = site.given(2)
    flips = False, not flag(site.op, "transpose", False)
    y = _product(site, site.reshape(x, (-1, inner)), w, None if bias is None else site.reshape(bias, (-1,)), flips)
    return site.reshape(y, [dim if isinstance(dim, int) else -1 for dim in site.shape(site.op.results[0])])


@lowers("Einsum")
def _einsum(site: Site) -> Lowered:
    return site.onnx("Einsum", *site.inputs, equation=text(site.op, "equation"))


@lowers("MatrixDeterminant")
def _determinant(site: Site) -> Lowered:
    return site.onnx("Det", site.inputs[0])
