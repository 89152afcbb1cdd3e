"""Rules about ops that arrange the same elements anew: reshapes, transposes, and what is one of them in disguise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelc.ir.constants import constant
from modelc.ir.op import Op, Value
from modelc.ir.types import TensorType
from modelc.rewrite.rewriter import Rewriter
from modelc.rewrite.rules import Miss, rule

VIEWS = ("ge.Reshape", "ge.Squeeze", "ge.ExpandDims", "ge.Unsqueeze", "ge.Flatten", "ge.FlattenV2", "ge.SqueezeV2")
REDUCTIONS = tuple(f"ge.Reduce{name}" for name in ("Sum", "Mean", "Max", "Min", "Prod", "All", "Any"))


def same_static_type(a: Value, b: Value) -> bool:
    """Whether two values have one type in which every dimension is a number."""
    return isinstance(a.type, TensorType) and a.type.is_static and a.type == b.type


def reshaped(rw: Rewriter, value: Value, dims: Sequence[int], name: str) -> Value:
    """Return `value` in another shape."""
    shape = rw.constant(np.asarray(dims, np.int32), name=f"{name}/shape")
    return rw.value("ge.Reshape", (value, shape), name=name)


@rule(*VIEWS, name="view-of-same-shape")
def view_of_same_shape(op: Op, rw: Rewriter) -> Miss | None:
    """A reshape to the shape its operand has already is its operand."""
    if not same_static_type(op.operands[0], op.result):
        return Miss("it changes the shape")
    rw.replace(op, op.operands[0])
    return None


@rule(*VIEWS, name="view-of-view")
def view_of_view(op: Op, rw: Rewriter) -> Miss | None:
    """Two reshapes in a row are one."""
    inner = op.operands[0].producer
    if inner.kind not in VIEWS:
        return Miss("it does not follow another reshape")
    source = inner.operands[0]
    if same_static_type(source, op.result):
        rw.replace(op, source)
        return None
    if op.result.tensor.is_static:
        rw.at(op, inner, op)
        rw.replace(op, reshaped(rw, source, op.result.tensor.dims, op.result.name))
        return None
    # Without knowing all dimensions the same reshape can be asked of the source, if it asks for numbers only.
    shape = constant(op.operands[1]) if op.kind == "ge.Reshape" else None
    if shape is None or (shape == 0).any():
        return Miss("its shape is not known")
    rw.at(op, inner, op)
    rw.replace(op, rw.value("ge.Reshape", (source, op.operands[1]), dict(op.attributes), name=op.result.name))
    return None


# -- transposes


def _permutation(op: Op) -> list[int] | None:
    array = constant(op.operands[1])
    if array is None:
        return None
    order = [int(axis) % max(1, array.size) for axis in array.reshape(-1)]
    return order if sorted(order) == list(range(len(order))) else None


@rule("ge.Transpose", name="transpose-of-transpose")
def transpose_of_transpose(op: Op, rw: Rewriter) -> Miss | None:
    """Two transposes in a row are one, or none."""
    inner = op.operands[0].producer
    if inner.kind != "ge.Transpose":
        return Miss("it does not follow another transpose")
    outer, first = _permutation(op), _permutation(inner)
    if outer is None or first is None or len(outer) != len(first):
        return Miss("its permutation is not a constant")
    rw.at(op, inner, op)
    order = [first[axis] for axis in outer]
    if order == sorted(order):
        rw.replace(op, inner.operands[0])
        return None
    perm = rw.constant(np.asarray(order, np.int32), name=f"{op.result.name}/perm")
    rw.replace(op, rw.value("ge.Transpose", (inner.operands[0], perm), name=op.result.name))
    return None


@rule("ge.Transpose", name="transpose-to-view")
def transpose_to_view(op: Op, rw: Rewriter) -> Miss | None:
    """A transpose that only moves dimensions of extent one is a reshape, and one that moves nothing is nothing."""
    order = _permutation(op)
    if order is None:
        return Miss("its permutation is not a constant")
    x = op.operands[0]
    if order == sorted(order):
        rw.replace(op, x)
        return None
    if not x.tensor.is_static:
        return Miss("it moves dimensions")
    moved = [axis for axis in order if x.tensor.dims[axis] != 1]
    if moved != sorted(moved):
        return Miss("it moves dimensions")
    rw.replace(op, reshaped(rw, x, op.result.tensor.dims, op.result.name))
    return None


# -- reshapes in disguise


@rule(*REDUCTIONS, name="reduction-to-view")
def reduction_to_view(op: Op, rw: Rewriter) -> Miss | None:
    """A reduction over dimensions of extent one only drops them."""
    x, result = op.operands[0], op.result
    if not (x.tensor.is_static and result.tensor.is_static) or x.tensor.element != result.tensor.element:
        return Miss("the shape is not known")
    if x.tensor.size != result.tensor.size or x.tensor.size == 0:
        return Miss("it reduces something")
    rw.replace(op, x if x.type == result.type else reshaped(rw, x, result.tensor.dims, result.name))
    return None


@rule("ge.Pack", name="pack-of-one")
def pack_of_one(op: Op, rw: Rewriter) -> Miss | None:
    """A pack of one tensor only adds a dimension."""
    if len(op.operands) != 1 or not op.result.tensor.is_static:
        return Miss("it packs several tensors")
    rw.replace(op, reshaped(rw, op.operands[0], op.result.tensor.dims, op.result.name))
    return None
