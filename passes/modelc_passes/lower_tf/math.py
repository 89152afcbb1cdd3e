"""Lowering of element-wise arithmetic that needs more than its attributes copied."""

from __future__ import annotations

from modelc.dialects.ge.dtypes import cpp_number
from modelc.ir.attributes import Attribute
from modelc.ir.types import I64
from modelc_passes.lower_tf.site import Site
from modelc_passes.lower_tf.table import Lowered, lowers


@lowers("Cast")
def _cast(site: Site) -> Lowered:
    target = site.element("DstT")
    if site.inputs[0].tensor.element == target:
        return site.inputs[0]
    return site.ge("Cast", site.inputs[0], dst_type=cpp_number(target))


@lowers("Exp", "Log")
def _exponential(site: Site) -> Lowered:
    return site.ge(site.op_type, site.inputs[0], base=-1.0, scale=1.0, shift=0.0)


@lowers("Cross")
def _cross(site: Site) -> Lowered:
    return site.ge("Cross", *site.inputs, dim=-1)  # left out, it would be the first dimension of 3


@lowers("Inv")
def _inverse(site: Site) -> Lowered:
    return site.ge("Reciprocal", site.inputs[0])


@lowers("AddN", "AccumulateNV2")
def _add_many(site: Site) -> Lowered:
    if len(site.inputs) == 1:
        return site.inputs[0]
    return site.ge("AddN", *site.inputs, N=len(site.inputs))


@lowers("SelectV2")
def _select(site: Site) -> Lowered:
    return site.ge("SelectV2", *site.inputs)


@lowers("Select")
def _select_rows(site: Site) -> Lowered:
    condition, then, otherwise = site.inputs
    rank, rows = then.tensor.rank, condition.tensor.rank
    if rank is None or rows is None:
        return site.ge("Select", condition, then, otherwise)
    if rows == 1 and rank > 1:  # a vector chooses whole rows
        length = site.shape(condition)[0]
        condition = site.reshape(condition, (length if isinstance(length, int) else -1, *[1] * (rank - 1)))
    return site.ge("SelectV2", condition, then, otherwise)


@lowers("Cumsum", "Cumprod", "CumulativeLogsumexp")
def _cumulative(site: Site) -> Lowered:
    x, axis = site.inputs
    return site.ge(
        site.op_type,
        x,
        site.narrow(axis, "axis"),
        exclusive=site.flag("exclusive", False),
        reverse=site.flag("reverse", False),
    )


@lowers("Multinomial")
def _multinomial(site: Site) -> Lowered:
    attributes: dict[str, Attribute] = {"seed": site.integer("seed", 0), "seed2": site.integer("seed2", 0)}
    return site.ge("Multinomial", *site.inputs, dtype=site.element("output_dtype", I64), **attributes)
