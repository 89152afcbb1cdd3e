"""Lowering of matrix products."""

from __future__ import annotations

from modelc.ir.op import Value
from modelc_passes.lower_tf.site import Site, UnsupportedFormError
from modelc_passes.lower_tf.table import Lowered, lowers


@lowers("MatMul", "SparseMatMul")
def _matmul(site: Site) -> Lowered:
    if site.flag("a_is_sparse", False) and site.flag("b_is_sparse", False):
        raise UnsupportedFormError("multiplies two sparse matrices")
    return site.ge(
        "MatMulV2",
        *site.inputs,
        transpose_x1=site.flag("transpose_a", False),
        transpose_x2=site.flag("transpose_b", False),
    )


def product(site: Site, x1: Value, x2: Value, adj_x1: bool = False, adj_x2: bool = False) -> Value:
    """Return the product of two stacks of matrices, the plain one for two plain matrices."""
    if x1.tensor.rank == 2 and x2.tensor.rank == 2:
        return site.ge("MatMulV2", x1, x2, transpose_x1=adj_x1, transpose_x2=adj_x2)
    return site.ge("BatchMatMulV2", x1, x2, adj_x1=adj_x1, adj_x2=adj_x2)


@lowers("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3")
def _batch_matmul(site: Site) -> Lowered:
    x1, x2 = site.inputs
    element = x1.tensor.element
    if element is not None and element.family == "complex" and (site.flag("adj_x", False) or site.flag("adj_y", False)):
        raise UnsupportedFormError("conjugates complex matrices")
    result = product(site, x1, x2, site.flag("adj_x", False), site.flag("adj_y", False))
    target = site.op.results[0].tensor.element
    return result if target is None else site.cast(result, target)
