"""What a source is fed where its artifact takes images: the source knows nothing of their preprocessing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from numpy.typing import NDArray

from modelc.dialects.lookup import op_def
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value

KIND: Final = "ge.Aipp"
_CAST: Final = "ge.Cast"


def preprocessed(graph: Graph, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return `inputs` of an artifact as its source takes them: images after their preprocessing."""
    values = dict(zip(graph.input_names, graph.inputs, strict=True))
    return {name: _through(values[name], array) if name in values else array for name, array in inputs.items()}


def _through(value: Value, array: NDArray[Any]) -> NDArray[Any]:
    """Return what the op of preprocessing that alone reads an input gives, converted where that is all there is."""
    for kind in (KIND, _CAST):
        op = value.only_user()
        if op is None or op.kind != kind:
            return array
        array, value = _evaluated(op, array), op.results[0]
    return array


def _evaluated(op: Op, array: NDArray[Any]) -> NDArray[Any]:
    definition = op_def(op.kind)
    assert definition is not None
    assert definition.evaluate is not None
    return definition.evaluate(op, [array])[0]
