"""Lowering of ops that read and write by index, and of sorting."""

from __future__ import annotations

from modelc.ir.attributes import Attribute
from modelc.ir.types import I32
from modelc_passes.lower_tf.site import Site
from modelc_passes.lower_tf.table import Lowered, lowers


@lowers("GatherV2")
def _gather_v2(site: Site) -> Lowered:
    x, indices, axis = site.inputs
    batch = site.integer("batch_dims", 0)
    if batch < 0:
        batch += len(site.shape(indices))
    return site.ge("GatherV2", x, indices, site.as_int32(axis, "axis"), batch_dims=batch)


@lowers("Gather")
def _gather(site: Site) -> Lowered:
    x, indices = site.inputs
    return site.ge("GatherV2", x, indices, site.constant(0, part="axis"), batch_dims=0)


@lowers("OneHot")
def _one_hot(site: Site) -> Lowered:
    x, depth, on, off = site.inputs
    return site.ge("OneHot", x, site.as_int32(depth, "depth"), on, off, axis=site.integer("axis", -1))


@lowers("ScatterNd")
def _scatter(site: Site) -> Lowered:
    indices, x, shape = site.inputs
    return site.ge("ScatterNd", indices, x, site.narrow(shape))


@lowers("TopKV2", "TopK")
def _top_k(site: Site) -> Lowered:
    x = site.inputs[0]
    k = site.as_int32(site.inputs[1], "k") if len(site.inputs) > 1 else site.constant(site.integer("k"), part="k")
    attributes: dict[str, Attribute] = {"sorted": site.flag("sorted", True), "largest": True, "dim": -1}
    values, indices = site.many("TopK", x, k, **attributes)
    return [values, site.cast(indices, site.element("index_type", I32)) if site.is_read(1) else None]


@lowers("MatrixBandPart")
def _band(site: Site) -> Lowered:
    x, lower, upper = site.inputs
    return site.ge("MatrixBandPart", x, site.narrow(lower, "lower"), site.narrow(upper, "upper"))
