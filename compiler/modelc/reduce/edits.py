"""Edits that make a model smaller, each tried on a copy of it.

An edit names its place by the position of graph and op, since copies share no ops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from modelc.dialects.lookup import is_pure, op_def
from modelc.ir.blob import Blob, BlobError, SplatBlob
from modelc.ir.clone import clone_graph, clone_op
from modelc.ir.constants import numpy_dtype, to_array, to_blob, type_of
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.origin import Origin
from modelc.ir.types import TensorType
from modelc.reduce.cutting import FRAME, units
from modelc.reduce.retype import retype
from modelc.text.blobs import INLINE
from modelc.text.literals import value_name
from modelc.text.names import derived_origin

Edit: TypeAlias = Callable[[Model], bool]  # changes a model; returns False where it does not apply
FEW = 16  # elements up to which a constant of integers may be a shape or a list of axes


@dataclass(frozen=True, slots=True)
class Place:
    """Where an op is: the position of its graph among all of the model, and its own in that graph."""

    graph: int
    op: int

    def of(self, model: Model) -> tuple[Graph, Op]:
        """Return graph and op."""
        graph = list(model.graphs())[self.graph]
        return graph, list(graph)[self.op]


def places(model: Model) -> Iterator[tuple[Place, Op]]:
    """Yield every op but those that state inputs and outputs, last ones first."""
    for index, graph in enumerate(model.graphs()):
        for position, op in reversed(list(enumerate(graph))):
            if op.kind not in FRAME:
                yield Place(index, position), op


def sweep(graph: Graph) -> None:
    """Erase what nobody reads."""
    for op in reversed(graph):
        if op.kind not in FRAME and not any(value.readers for value in op.results) and is_pure(op):
            graph.erase(op)


# -- ops


def bypasses(model: Model) -> Iterator[Edit]:
    """Yield edits that let an operand of an op stand for its result."""
    for place, op in places(model):
        if len(op.results) == 1 and op.kind != "const":
            for index, operand in enumerate(op.operands):
                if operand.type == op.result.type:
                    yield _bypass(place, index)


def _bypass(place: Place, index: int) -> Edit:
    def edit(model: Model) -> bool:
        graph, op = place.of(model)
        graph.replace_uses(op.result, op.operands[index])
        graph.erase(op)
        sweep(graph)
        return True

    return edit


def branches(model: Model) -> Iterator[Edit]:
    """Yield edits that put a nested graph in the place of the op that holds it, or a constant for an op in one."""
    for place, op in places(model):
        for index in range(len(op.graphs)):
            yield _inline(place, index)
        if place.graph and len(op.results) == 1 and op.kind != "const":
            yield _zero(place)


def _inline(place: Place, index: int) -> Edit:
    def edit(model: Model) -> bool:
        graph, op = place.of(model)
        nested = op.graphs[index]
        given = op.inputs[len(op.inputs) - len(nested.inputs) :]
        if len(nested.outputs) != len(op.results) or len(given) != len(nested.inputs):
            return False
        values: dict[Value, Value] = dict(zip(nested.inputs, given, strict=True))
        for inner in units(nested):
            copy = clone_op(inner, tuple(values[value] for value in inner.operands), _copies(inner))
            graph.insert_before(op, copy)
            values.update(zip(inner.results, copy.results, strict=True))
        for old, new in zip(op.results, nested.outputs, strict=True):
            graph.replace_uses(old, values[new])
        graph.erase(op)
        sweep(graph)
        return retype(model)

    return edit


def _copies(op: Op) -> tuple[Graph, ...]:
    return tuple(map(clone_graph, op.graphs))


def _zero(place: Place) -> Edit:
    def edit(model: Model) -> bool:
        graph, op = place.of(model)
        type_ = op.result.type
        if (
            not isinstance(type_, TensorType)
            or not type_.is_static
            or type_.element is None
            or not type_.element.nbytes
        ):
            return False
        blob = SplatBlob(bytes(type_.element.nbytes), type_.size)
        new = Op("const", (), {"value": blob}, (type_,), name=op.result.name, origin=op.origin)
        graph.insert_before(op, new)
        graph.replace_uses(op.result, new.result)
        graph.erase(op)
        sweep(graph)
        return True

    return edit


# -- constants


def constants(model: Model) -> Iterator[Edit]:
    """Yield edits that put made-up numbers in the place of those of a constant, simple ones first."""
    for place, op in places(model):
        blob = op.attributes.get("value")
        if op.kind != "const" or not isinstance(blob, Blob) or isinstance(blob, SplatBlob):
            continue
        type_ = op.result.type
        if isinstance(type_, TensorType) and _may_be_made_up(type_):
            made = [np.broadcast_to(number, type_.dims) for number in _numbers(type_)]
            if blob.nbytes > INLINE:
                made.append(_ramp(type_))
            for array in made:
                new = to_blob(array)
                if isinstance(new, SplatBlob) or not _is_same(new, blob):
                    yield _replace_blob(place, new)
                else:
                    break  # it is as simple as it can be


def _may_be_made_up(type_: TensorType) -> bool:
    element = type_.element
    if element is None or not type_.is_static or not element.nbytes or type_.size < 2:
        return False
    return element.family == "float" or (element.family in ("int", "uint") and type_.size > FEW)


def _numbers(type_: TensorType) -> list[NDArray[Any]]:
    assert type_.element is not None
    return [np.asarray(number).astype(numpy_dtype(type_.element)) for number in (1, 0, 0.5)]


def _ramp(type_: TensorType) -> NDArray[Any]:
    """Return numbers that repeat, of both signs."""
    assert type_.element is not None
    count = np.arange(type_.size) % 7
    numbers = (count - 3) / 4 if type_.element.family == "float" else count
    return numbers.astype(numpy_dtype(type_.element)).reshape(type_.dims)


def _is_same(a: Blob, b: Blob) -> bool:
    try:
        return a.read() == b.read()
    except BlobError:
        return False


def _replace_blob(place: Place, blob: Blob) -> Edit:
    def edit(model: Model) -> bool:
        graph, op = place.of(model)
        graph.set_attribute(op, "value", blob)
        return True

    return edit


# -- dimensions


def dimensions(model: Model) -> Iterator[Edit]:
    """Yield edits that make an extent smaller wherever inputs and constants have it, largest extents first."""
    types = [value.type for value in model.graph.inputs]
    types += [op.result.type for op in model.ops() if op.kind == "const"]
    dims = {dim for type_ in types if isinstance(type_, TensorType) for dim in type_.shape or ()}
    for extent in sorted((dim for dim in dims if isinstance(dim, int) and dim > 1), reverse=True):
        for smaller in sorted({1, 2, 3, extent // 2} - {0, extent}):
            if smaller < extent:
                yield _shrink(extent, smaller, integers=False)
                yield _shrink(extent, smaller, integers=True)


def _shrink(extent: int, smaller: int, *, integers: bool) -> Edit:
    """Return what turns `extent` into `smaller`, with `integers` also among the numbers of small constants."""

    def edit(model: Model) -> bool:
        try:
            for value in model.graph.inputs:
                model.graph.set_type(value, _smaller_type(value, extent, smaller))
            for graph in model.graphs():
                for op in graph:
                    if op.kind == "const":
                        _shrink_constant(graph, op, extent, smaller, integers)
        except (BlobError, ValueError):
            return False
        return retype(model)

    return edit


def _smaller_type(value: Value, extent: int, smaller: int) -> TensorType:
    type_ = value.tensor
    if type_.shape is None:
        return type_
    return type_.with_shape(smaller if dim == extent else dim for dim in type_.shape)


def _shrink_constant(graph: Graph, op: Op, extent: int, smaller: int, integers: bool) -> None:
    blob, type_ = op.attributes["value"], op.result.tensor
    assert isinstance(blob, Blob)
    if type_.element is None or not type_.element.nbytes or not type_.is_static:
        return
    is_listed = integers and type_.element.family in ("int", "uint") and type_.size <= FEW
    if extent not in type_.dims and not is_listed:
        return
    array = to_array(blob, type_)
    array = array[tuple(slice(smaller) if dim == extent else slice(None) for dim in type_.dims)]
    if is_listed:
        array = np.where(array == extent, np.asarray(smaller, array.dtype), array)
    graph.set_attribute(op, "value", to_blob(array))
    graph.set_type(op.result, type_of(array))


# -- attributes, functions, origins


def attributes(model: Model) -> Iterator[Edit]:
    """Yield edits that leave out an attribute that an op need not have."""
    for place, op in places(model):
        definition = op_def(op.kind)
        if definition is None or op.kind == "const":
            continue
        for name in op.attributes:
            declared = definition.attributes.get(name)
            if declared is None or not declared.required:
                yield _drop_attribute(place, name)


def _drop_attribute(place: Place, name: str) -> Edit:
    def edit(model: Model) -> bool:
        graph, op = place.of(model)
        graph.set_attribute(op, name, None)
        return True

    return edit


def functions(model: Model) -> Iterator[Edit]:
    """Yield edits that leave out functions: all of them, then each."""
    names = list(model.functions)
    for doomed in [names, *([name] for name in names)] if names else []:
        yield _drop_functions(doomed)


def _drop_functions(names: list[str]) -> Edit:
    def edit(model: Model) -> bool:
        return [model.functions.pop(name, None) for name in names] != [None] * len(names)

    return edit


def origins(model: Model) -> Iterator[Edit]:
    """Yield the edit that forgets where ops came from."""
    if model.source is not None or any(op.origin != _plain(op) for op in model.ops()):
        yield _forget_origins


def _forget_origins(model: Model) -> bool:
    model.source = None
    for graph in model.graphs():
        for op in graph:
            graph.set_origin(op, _plain(op))
    return True


def _plain(op: Op) -> Origin:
    """Return the origin that the textual IR need not spell."""
    return derived_origin(op.kind, value_name(op.results[0].name) if op.results else "")
