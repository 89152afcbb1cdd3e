"""Forms of ops that hold as attributes what the canonical forms read from constant operands, such as `TransposeD`.

The canonical forms are what passes work on; these occur in artifacts that other compilers optimised.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from modelc.dialects.ge import find
from modelc.dialects.ge.helpers import mismatch
from modelc.dialects.ge.semantics import EVALUATE, INFER, Array, Arrays, evaluates, infers
from modelc.ir.attributes import Attribute
from modelc.ir.constants import constant, to_blob, type_of
from modelc.ir.op import Op, Value
from modelc.ir.opdef import Mode
from modelc.ir.types import I32, Type


@dataclass(frozen=True, slots=True)
class AttributeForm:
    """How one form reads in canonical form.

    Attributes:
        base: The canonical kind.
        moved: Operands of the canonical form that are attributes here, under the same names.
        dropped: How many operands at the end only help the device: tables of indices.
        attributes: Attributes of the canonical form that this form fixes.
        defaults: Attributes whose defaults differ.
    """

    base: str
    moved: tuple[str, ...]
    dropped: int = 0
    attributes: dict[str, Attribute] = field(default_factory=dict[str, Attribute])
    defaults: dict[str, Attribute] = field(default_factory=dict[str, Attribute])


_PLAIN = """
BatchToSpaceD BatchToSpace crops
BatchToSpaceNDD BatchToSpaceND block_shape crops
BroadcastToD BroadcastTo shape
ConcatD Concat concat_dim
ConcatOffsetD ConcatOffset concat_dim
ConcatV2D ConcatV2 concat_dim
Conv2DBackpropInputD Conv2DBackpropInput input_size
Conv2DTransposeD Conv2DTranspose input_size
Conv3DBackpropInputD Conv3DBackpropInput input_size
Conv3DTransposeD Conv3DTranspose input_size
CropAndResizeD CropAndResize crop_size
CumprodD Cumprod axis
CumsumD Cumsum axis
CumulativeLogsumexpD CumulativeLogsumexp axis
ExpandD Expand shape
FillD Fill dims
FillV2D FillV2 dims
GatherV2D GatherV2 axis
HistogramFixedWidthD HistogramFixedWidth nbins
InTopKD InTopK k
InplaceAddD InplaceAdd indices
InplaceSubD InplaceSub indices
InplaceUpdateD InplaceUpdate indices
OneHotD OneHot depth
PadD Pad paddings
PadV2D PadV2 paddings
ReduceAllD ReduceAll axes
ReduceAnyD ReduceAny axes
ReduceMaxD ReduceMax axes
ReduceMinD ReduceMin axes
ReduceProdD ReduceProd axes
ReduceSumD ReduceSum axes
ResizeBilinearV2D ResizeBilinearV2 size
ResizeNearestNeighborV2D ResizeNearestNeighborV2 size
ReverseV2D ReverseV2 axis
ScatterNdD ScatterNd shape
SegmentMaxD SegmentMax segment_ids
SliceD Slice offsets size
SpaceToBatchD SpaceToBatch paddings
SpaceToBatchNDD SpaceToBatchND block_shape paddings
SplitD Split split_dim
SplitVD SplitV size_splits split_dim
StridedSliceD StridedSlice begin end strides
TileD Tile multiples
TransposeD Transpose perm
UnsortedSegmentMaxD UnsortedSegmentMax num_segments
UnsortedSegmentMinD UnsortedSegmentMin num_segments
UnsortedSegmentProdD UnsortedSegmentProd num_segments
UnsortedSegmentSumD UnsortedSegmentSum num_segments
"""


def _plain(line: str) -> tuple[str, AttributeForm]:
    name, base, *moved = line.split()
    return name, AttributeForm(base, tuple(moved))


FORMS: dict[str, AttributeForm] = dict(map(_plain, _PLAIN.strip().splitlines())) | {
    "ArgMaxD": AttributeForm("ArgMaxV2", ("dimension",), attributes={"dtype": I32}),
    "ArgMinD": AttributeForm("ArgMin", ("dimension",), attributes={"dtype": I32}),
    "DiagD": AttributeForm("Diag", (), 1),
    "DiagPartD": AttributeForm("DiagPart", (), 1),
    "EuclideanNormD": AttributeForm("EuclideanNorm", ("axes",), defaults={"axes": ()}),
    "MatrixDiagD": AttributeForm("MatrixDiag", (), 1),
    "MatrixDiagPartD": AttributeForm("MatrixDiagPart", (), 1),
    "MatrixSetDiagD": AttributeForm("MatrixSetDiag", (), 1),
    "ReduceMeanD": AttributeForm("ReduceMean", ("axes",), defaults={"noop_with_empty_axes": False}),
    "TopKD": AttributeForm("TopK", ("k",), 1),
    "TopKV2D": AttributeForm("TopKV2", (), 1),
}


def canonical(op: Op) -> Op:
    """Return the canonical op that means the same as `op`, outside of any graph.

    Raises:
        InferenceError: An attribute is missing or holds no integers, or there are too few operands.
    """
    form = FORMS[op.kind.removeprefix("ge.")]
    attributes = form.defaults | op.attributes | form.attributes
    numbers = {name: _numbers(op, name, attributes.pop(name, None)) for name in form.moved}
    own = op.inputs[: len(op.inputs) - form.dropped]
    operands = _arranged(op, form, own, lambda name: _constant(numbers[name]))
    return Op(f"ge.{form.base}", tuple(operands), attributes, tuple(value.type for value in op.results), name=op.name)


def _numbers(op: Op, name: str, value: Attribute | None) -> Array:
    try:
        array = np.array(value if value != () else np.empty(0, np.int32))
    except ValueError:
        array = np.array(None)
    if array.dtype.kind != "i":
        raise mismatch(op, f"needs integers as its attribute `{name}`, not {value!r}")
    wide = array.size and np.abs(array).max() >= 1 << 31
    return array.astype(np.int64 if wide else np.int32)


def _constant(array: Array) -> Value:
    return Op("const", (), {"value": to_blob(array)}, (type_of(array),)).result


def _arranged(op: Op, form: AttributeForm, own: Sequence[Value], made: Callable[[str], Value]) -> list[Value]:
    """Return operands in the canonical order: `own` ones as they come, `made` ones where an attribute stands."""
    definition = find(form.base)
    rest = list(own)
    operands: list[Value] = []
    for slot in definition.operands if definition is not None else ():
        if slot.name in form.moved:
            operands.append(made(slot.name))
        elif slot.mode is Mode.DYNAMIC:
            operands.extend(rest)
            rest = []
        elif rest:
            operands.append(rest.pop(0))
        elif slot.mode is Mode.REQUIRED:
            raise mismatch(op, f"lacks its operand `{slot.name}`")
    return operands


@infers(*FORMS)
def _infer_attribute_form(op: Op) -> Sequence[Type]:
    base = canonical(op)
    return INFER[base.kind.removeprefix("ge.")](base)


@evaluates(*FORMS)
def _attribute_form(op: Op, arrays: Arrays) -> Sequence[Array]:
    base = canonical(op)
    given = dict(zip(op.inputs, arrays, strict=True))
    operands = [given[value] if value in given else constant(value, None) for value in base.operands]
    return EVALUATE[base.kind.removeprefix("ge.")](base, [array for array in operands if array is not None])
