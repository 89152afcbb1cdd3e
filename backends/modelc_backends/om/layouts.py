"""Which layout the descriptors of a value name: one per value, told from the ops it touches."""

from __future__ import annotations

from typing import Final

from modelc.dialects.lookup import op_def
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.types import TensorType

ANY: Final = "ND"
FILTERS: Final = {4: "HWCN", 5: "DHWCN"}  # by rank
PREPROCESSED: Final = "modelc_layout"  # attribute of the op that preprocesses images
LAYOUTS: Final = frozenset({"NHWC", "NCHW", "NDHWC", "NCDHW"})

# ops that work on images and have no attribute to say in which layout
IMAGE_OPS: Final = frozenset(
    "ge." + name
    for name in (
        "CropAndResize",
        "ExtractImagePatches",
        "FakeQuantWithMinMaxVarsPerChannel",
        "MaxPoolWithArgmax",
        "ResizeArea",
        "ResizeBicubic",
        "ResizeBilinearV2",
        "ResizeNearestNeighborV2",
    )
)


def layouts(graph: Graph) -> dict[Value, str]:
    """Return the layout of every value of `graph` that has one; all others are `ND`.

    The op that computes a value decides before those that read it, and an earlier reader before a later one.
    """
    found: dict[Value, str] = {}
    for op in graph:
        layout = _layout_of(op)
        if not layout:
            continue
        filter_ = _filter(op)
        for value in (*op.results, *op.operands):
            rank = value.type.rank if isinstance(value.type, TensorType) else None
            if value is filter_ and rank in FILTERS:
                found.setdefault(value, FILTERS[rank])
            elif rank == len(layout):
                found.setdefault(value, layout)
    return found


def _layout_of(op: Op) -> str:
    if op.kind in IMAGE_OPS:
        return "NHWC"
    if op.kind == "ge.Aipp":
        layout = op.attributes.get(PREPROCESSED)
    else:
        definition = op_def(op.kind)
        declared = definition.attributes.get("data_format") if definition else None
        layout = op.attributes.get("data_format", declared.default) if declared else None
    return layout if isinstance(layout, str) and layout in LAYOUTS else ""


def _filter(op: Op) -> Value | None:
    definition = op_def(op.kind)
    slots = [slot.name for slot in definition.operands] if definition else []
    index = slots.index("filter") if "filter" in slots else len(op.operands)
    return op.operands[index] if index < len(op.operands) else None
