"""Insert AIPP: inputs become bytes of images, and what a chip makes of them stands in the graph."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from modelc.aipp.config import parse_config, read_config
from modelc.aipp.fit import Placement, fit
from modelc.diagnostics.diagnostic import ModelcError
from modelc.dialects.ge.dtypes import cpp_number
from modelc.ir.attributes import Attribute
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.origin import Origin, merge
from modelc.ir.types import F16, U8, TensorType
from modelc.pipeline.facts import GE, TYPED
from modelc.pipeline.passes import Pass, PassContext, option
from modelc.rewrite.rewriter import Rewriter


@dataclass(frozen=True)
class InsertAipp(Pass):
    """Put the preprocessing of images that a file describes in front of the inputs.

    The file is what atc takes as `--insert_op_conf`. An input with preprocessing takes bytes afterwards, and its
    preprocessing is an `Aipp` op that holds the whole description. Without a file nothing is done.
    """

    name: ClassVar[str] = "insert-aipp"
    needs: ClassVar[frozenset[str]] = frozenset({GE, TYPED})

    config: str = option("", "the file, or what would stand in it; empty for none", flag="insert-op-conf")

    def run(self, model: Model, context: PassContext) -> None:
        """Insert one op for each description, or report everything that does not fit."""
        if not self.config:
            return
        try:
            configs = parse_config(self.config) if "{" in self.config else read_config(Path(self.config))
            placements, notes = fit(configs, model.graph)
        except ModelcError as error:
            context.sink.extend(error.diagnostics)
            return
        context.sink.extend(notes)
        for placement in placements:
            _insert(model.graph, placement)


def _insert(graph: Graph, placement: Placement) -> None:
    value = placement.value
    type_ = value.tensor
    element = U8 if type_.element is U8 else F16
    attributes: dict[str, Attribute] = {
        "aipp_config_path": placement.aipp.text(),
        "modelc_channels": placement.channels,
        "modelc_dtype": element.numpy,
        "modelc_layout": "NCHW" if placement.is_planar else "NHWC",
    }
    readers = list(value.readers)
    rewriter = Rewriter(graph, InsertAipp.name)
    rewriter.anchor = graph.input_op.next
    rewriter.origin = _origin(graph, value, [op for op, _ in readers])
    name = value.name or graph.input_names[value.index]
    graph.set_type(value, placement.images)
    new = rewriter.build("ge.Aipp", [value], attributes, name=f"{name}_aipp").result
    assert new.type == TensorType(element, type_.shape)
    if type_.element is not element and type_.element is not None:
        cast: dict[str, Attribute] = {"dst_type": cpp_number(type_.element)}
        new = rewriter.build("ge.Cast", [new], cast, name=f"{name}_aipp_cast").result
    for op, index in readers:
        graph.set_operand(op, index, new)


def _origin(graph: Graph, value: Value, readers: list[Op]) -> Origin:
    """Return the origin of an input where it is known, else that of the ops that read it."""
    nodes = graph.input_op.origin.nodes
    if len(nodes) == len(graph.inputs):
        return Origin((nodes[value.index],), (InsertAipp.name,))
    return merge((op.origin for op in readers), InsertAipp.name)
