"""Lowering of ops that read and write tensors by index."""

from __future__ import annotations

from modelc.dialects.ge.helpers import integer, positive_axis, text
from modelc.ir.op import Value
from modelc.ir.types import BF16, F16, F32, I32, I64
from modelc_backends.onnx.lower.site import NoFormError, Site
from modelc_backends.onnx.lower.table import Lowered, lowers


def places(site: Site, indices: Value) -> Value:
    """Return `indices` as integers that ONNX reads as such."""
    return indices if site.element(indices) in (I32, I64) else site.cast(indices, I64)


# -- gathering along an axis


@lowers("GatherV2")
def _gather_v2(site: Site) -> Lowered:
    (axis,) = site.needed_ints(2, "the axis")
    return _gathered(site, positive_axis(site.op, axis, site.rank(site.inputs[0])))


@lowers("Gather")
def _gather(site: Site) -> Lowered:
    return _gathered(site, max(integer(site.op, "batch_dims", 0), 0))


def _gathered(site: Site, axis: int) -> Value:
    x, indices = site.inputs[0], site.inputs[1]
    batch = integer(site.op, "batch_dims", 0)
    if batch == 0:
        return site.onnx("Gather", x, places(site, indices), axis=axis)
    count, rank = site.rank(indices), site.rank(x)
    batch = batch + count if batch < 0 else batch
    # The axis comes directly behind the batch, what stood between them comes behind the indices.
    front = [*range(batch), axis, *range(batch, axis), *range(axis + 1, rank)]
    rows = site.unsqueeze(site.cast(indices, I64), (count,))
    taken = site.onnx("GatherND", site.transpose(x, front), rows, batch_dims=batch)
    back = [*range(batch), *range(count, count + axis - batch), *range(batch, count)]
    return site.transpose(taken, [*back, *range(len(back), count + rank - 1 - batch)])


# -- gathering single elements


@lowers("GatherElements")
def _gather_elements(site: Site) -> Lowered:
    x, indices = site.inputs
    return site.onnx("GatherElements", x, places(site, indices), axis=integer(site.op, "dim", 0))


@lowers("GatherD")
def _gather_d(site: Site) -> Lowered:
    (axis,) = site.needed_ints(1, "the axis")
    return site.onnx("GatherElements", site.inputs[0], places(site, site.inputs[2]), axis=axis)


_REDUCTIONS = {
    **{name: name for name in ("none", "add", "mul", "max", "min")},
    **{"update": "none", "sub": "sub", "multiply": "mul", "amax": "max", "amin": "min"},
}


def _reduced(
    site: Site, kind: str, target: Value, indices: Value, updates: Value, reduction: str, **axis: int
) -> Value:
    """Scatter with a reduction: ONNX adds but does not subtract, and onnxruntime reduces no halves."""
    element = site.element(target)
    if reduction != "none" and element in (F16, BF16):
        target, updates = site.cast(target, F32), site.cast(updates, F32)
    if reduction == "sub":
        reduction, updates = "add", site.onnx("Sub", site.scalar(0, updates), updates)
    return site.cast(site.onnx(kind, target, indices, updates, reduction=reduction, **axis), element)


@lowers("ScatterElements", "ScatterElementsV2")
def _scatter_elements(site: Site) -> Lowered:
    x, indices, updates = site.inputs
    name = text(site.op, "reduction", "none")
    if name not in _REDUCTIONS:
        raise NoFormError(f"has the reduction `{name}`")
    axis = integer(site.op, "axis", 0)
    return _reduced(site, "ScatterElements", x, places(site, indices), updates, _REDUCTIONS[name], axis=axis)


# -- gathering and scattering slices by lists of indices


@lowers("GatherNd")
def _gather_nd(site: Site) -> Lowered:
    x, indices = site.inputs
    if site.shape(indices)[-1] != 0:
        return site.onnx("GatherND", x, site.cast(indices, I64))
    extents = site.extents(indices, 0, site.rank(indices) - 1), site.extents(x, 0, site.rank(x))
    return site.onnx("Expand", x, site.onnx("Concat", *extents, axis=0))


def scattered(site: Site, target: Value, indices: Value, updates: Value, reduction: str) -> Value:
    """Return `target` with slices of it, addressed by the rows of `indices`, changed by `updates`."""
    if site.shape(indices)[-1] == 0:
        raise NoFormError("addresses all of a tensor by indices without numbers")
    return _reduced(site, "ScatterND", target, site.cast(indices, I64), updates, reduction)


def as_rows(site: Site, x: Value, leading: int) -> Value:
    """Return `x` with its `leading` dimensions as one."""
    return x if leading == 1 else site.reshape(x, (-1, *site.dims(x, leading)))


def filled(site: Site, shape: Value, number: Value) -> Value:
    """Return a tensor of the dimensions `shape`, all of it the scalar `number`."""
    return site.onnx("Expand", number, site.cast(shape, I64))


@lowers("ScatterNd")
def _scatter_nd(site: Site) -> Lowered:
    indices, updates, shape = site.inputs
    return scattered(site, filled(site, shape, site.scalar(0, updates)), indices, updates, "add")


_TENSOR_SCATTER = {
    "ScatterNonAliasingAdd": "add",
    "TensorScatterUpdate": "none",
    "TensorScatterAdd": "add",
    "TensorScatterSub": "sub",
    "TensorScatterMax": "max",
    "TensorScatterMin": "min",
}
_INPLACE = {"InplaceUpdate": "none", "InplaceAdd": "add", "InplaceSub": "sub"}


@lowers(*_TENSOR_SCATTER)
def _tensor_scatter(site: Site) -> Lowered:
    x, indices, updates = site.inputs
    return scattered(site, x, indices, updates, _TENSOR_SCATTER[site.op_type])


@lowers(*_INPLACE)
def _inplace(site: Site) -> Lowered:
    x, rows, updates = site.inputs
    rows = site.unsqueeze(rows, (1,)) if site.rank(rows) else site.reshape(rows, (1, 1))
    return scattered(site, x, rows, updates, _INPLACE[site.op_type])


@lowers("SparseToDense")
def _sparse_to_dense(site: Site) -> Lowered:
    indices, shape, values, default = site.inputs
    (rank,) = site.dims(shape)
    indices = site.cast(site.reshape(indices, (-1, rank)), I64)
    if site.rank(values) == 0:
        count = site.onnx("Shape", indices, start=0, end=1)
        values = site.onnx("Expand", values, count)
    return scattered(site, filled(site, shape, default), indices, values, "none")


# -- one-hot rows


@lowers("OneHot")
def _one_hot(site: Site) -> Lowered:
    """Compare with all classes: ONNX's op of this name counts negative classes from the last one."""
    x, depth, on, off = site.inputs
    axis = positive_axis(site.op, integer(site.op, "axis", -1), site.rank(x) + 1)
    x, depth = site.cast(x, I64), site.reshape(site.cast(depth, I64), ())
    classes = site.counted(depth)
    classes = site.unsqueeze(classes, range(1, site.rank(x) + 1 - axis)) if axis < site.rank(x) else classes
    chosen = site.onnx("Equal", site.unsqueeze(x, (axis,)), classes)
    return site.onnx("Where", chosen, site.reshape(on, ()), site.reshape(off, ()))
