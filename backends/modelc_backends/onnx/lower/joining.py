"""Lowering of ops that join tensors, split them, or repeat them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from modelc.dialects.ge.helpers import integer, positive_axis
from modelc.ir.op import Value
from modelc.ir.types import Dim
from modelc_backends.onnx.lower.shape import integers_of
from modelc_backends.onnx.lower.site import SHAPE_FIX, NoFormError, Site
from modelc_backends.onnx.lower.table import Lowered, lowers

# -- joining


def _axis(site: Site, index: int) -> int:
    (axis,) = site.needed_ints(index, "the axis")
    return axis


@lowers("Concat")
def _concat(site: Site) -> Lowered:
    return site.onnx("Concat", *site.inputs[1:], axis=_axis(site, 0))


@lowers("ConcatV2")
def _concat_v2(site: Site) -> Lowered:
    return site.onnx("Concat", *site.inputs[:-1], axis=_axis(site, len(site.inputs) - 1))


@lowers("ParallelConcat")
def _parallel_concat(site: Site) -> Lowered:
    return site.onnx("Concat", *site.inputs, axis=0)


@lowers("ConcatOffset")
def _concat_offset(site: Site) -> Lowered:
    shapes = site.inputs[1:]
    (length,) = site.dims(shapes[0])
    axis = positive_axis(site.op, _axis(site, 0), length)
    chosen = site.constant([int(place == axis) for place in range(length)], site.element(shapes[0]))
    extents = [site.onnx("Mul", shape, chosen) for shape in shapes[:-1]]
    return list(
        accumulate(
            extents, lambda a, b: site.onnx("Add", a, b), initial=site.constant([0] * length, site.element(chosen))
        )
    )


@lowers("Pack")
def _pack(site: Site) -> Lowered:
    axis = integer(site.op, "axis", 0)
    rows = [site.unsqueeze(value, (axis,)) for value in site.inputs]
    return site.onnx("Concat", *rows, axis=axis) if len(rows) > 1 else rows[0]


# -- splitting


def _split(site: Site, x: Value, axis: int, sizes: Value | None) -> Sequence[Value]:
    """Return pieces of `x` along `axis`, of extents that are `sizes`, equal ones where that is None."""
    count = len(site.op.results)
    if count == 1:
        return [x]
    number = {"num_outputs": count} if sizes is None else {}
    return site.many("Split", count, x, sizes, axis=axis, **number)


@lowers("Unpack")
def _unpack(site: Site) -> Lowered:
    axis = integer(site.op, "axis", 0)
    return [site.squeeze(piece, (axis,)) for piece in _split(site, site.inputs[0], axis, None)]


@lowers("Split")
def _split_evenly(site: Site) -> Lowered:
    return _split(site, site.inputs[1], _axis(site, 0), None)


@lowers("SplitV")
def _split_by_sizes(site: Site) -> Lowered:
    axis = _axis(site, 2)
    sizes = [_extent(site, result, axis) for result in site.op.results]
    if all(isinstance(size, int) for size in sizes):
        return _split(site, site.inputs[0], axis, site.constant(sizes))
    given = site.array(site.inputs[1])
    if given is not None and (given < 0).any():
        raise NoFormError("splits an axis of unknown extent into pieces, one of which is what is left", SHAPE_FIX)
    return _split(site, site.inputs[0], axis, integers_of(site, site.inputs[1]))


def _extent(site: Site, value: Value, axis: int) -> Dim:
    shape = value.tensor.shape
    return None if shape is None else shape[positive_axis(site.op, axis, len(shape))]


# -- repeating


@lowers("Tile")
def _tile(site: Site) -> Lowered:
    return site.onnx("Tile", site.inputs[0], integers_of(site, site.inputs[1]))


@lowers("TileWithAxis")
def _tile_with_axis(site: Site) -> Lowered:
    x = site.inputs[0]
    repeats = [1] * site.rank(x)
    repeats[positive_axis(site.op, integer(site.op, "axis", 1), len(repeats))] = integer(site.op, "tiles")
    return site.onnx("Tile", x, site.constant(repeats))
