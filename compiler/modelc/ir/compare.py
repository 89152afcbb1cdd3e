"""Structural comparison: whether two graphs say the same, whatever their values are called."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice, zip_longest

from modelc.ir.attributes import Attribute, Dense, Symbol
from modelc.ir.blob import Blob, BlobError
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value


def structurally_equal(a: Graph | Model, b: Graph | Model, *, origins: bool = True) -> bool:
    """Whether `a` and `b` have the same ops in the same order, with the same types, attributes and links.

    Names of values are hints and may differ; public names of inputs and outputs, and origins unless left out, count.
    Constants are equal when their bytes are.
    """
    return next(_differences(a, b, origins), None) is None


def differences(a: Graph | Model, b: Graph | Model, *, origins: bool = True, limit: int = 20) -> list[str]:
    """Return sentences about where `a` and `b` differ, at most `limit`; empty when they are structurally equal."""
    return list(islice(_differences(a, b, origins), limit))


def _differences(a: Graph | Model, b: Graph | Model, origins: bool) -> Iterator[str]:
    if isinstance(a, Graph) and isinstance(b, Graph):
        yield from _graphs(a, b, origins)
    elif isinstance(a, Model) and isinstance(b, Model):
        yield from _models(a, b, origins)
    else:
        yield "one is a graph, the other a model"


def _models(a: Model, b: Model, origins: bool) -> Iterator[str]:
    if a.facts != b.facts:
        yield f"facts are {sorted(a.facts)} and {sorted(b.facts)}"
    if list(a.functions) != list(b.functions):
        yield f"functions are {list(a.functions)} and {list(b.functions)}"
        return
    yield from _graphs(a.graph, b.graph, origins)
    for name, function in a.functions.items():
        yield from _graphs(function, b.functions[name], origins)


def _graphs(a: Graph, b: Graph, origins: bool) -> Iterator[str]:
    pending = [(a, b)]
    while pending:
        left, right = pending.pop()
        if left.name != right.name:
            yield f"graphs are called @{left.name} and @{right.name}"
        places = (_places(left), _places(right))
        for op, other in zip_longest(left, right):
            if op is None or other is None:
                yield f"@{left.name}: one has {len(left)} ops, the other {len(right)}"
                break
            for problem in _ops(op, other, places, origins):
                yield f"@{left.name}: `{op.name}` ({op.kind}) {problem}"
            pending.extend(zip(op.graphs, other.graphs, strict=False))


_Places = dict[Value, tuple[int, int]]


def _places(graph: Graph) -> _Places:
    return {value: (place, value.index) for place, op in enumerate(graph) for value in op.results}


def _ops(a: Op, b: Op, places: tuple[_Places, _Places], origins: bool) -> Iterator[str]:
    if a.kind != b.kind:
        yield f"is a {b.kind} in the other"
    if [places[0].get(value) for value in a.operands] != [places[1].get(value) for value in b.operands]:
        yield f"reads {list(a.operands)} and {list(b.operands)}"
    if [value.type for value in a.results] != [value.type for value in b.results]:
        yield f"gives {', '.join(str(v.type) for v in a.results)} and {', '.join(str(v.type) for v in b.results)}"
    if len(a.graphs) != len(b.graphs):
        yield f"holds {len(a.graphs)} and {len(b.graphs)} graphs"
    if origins and a.origin != b.origin:
        yield f"comes from {a.origin!r} and {b.origin!r}"
    left, right = _attributes(a), _attributes(b)
    for name in sorted({*left, *right}):
        if name not in left or name not in right:
            yield f"has `{name}` in only one"
        elif not equal_attributes(left[name], right[name]):
            yield f"has `{name}` = {left[name]!r} and {right[name]!r}"


def _attributes(op: Op) -> dict[str, Attribute]:
    if op.graph is None or op.kind not in ("input", "return"):
        return op.attributes
    names = op.graph.input_names if op.kind == "input" else op.graph.output_names
    return {**op.attributes, "names": names}


def equal_attributes(a: Attribute, b: Attribute) -> bool:
    """Whether two attributes are of one kind and say the same; floats are compared by their bits."""
    if isinstance(a, Blob) and isinstance(b, Blob):
        return equal_blobs(a, b)
    if type(a) is not type(b):
        return False
    if isinstance(a, float) and isinstance(b, float):
        return struct.pack("<d", a) == struct.pack("<d", b)
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(equal_attributes, a, b))
    if isinstance(a, Dense) and isinstance(b, Dense):
        return a.type == b.type and equal_blobs(a.blob, b.blob)
    if isinstance(a, Symbol) and isinstance(b, Symbol):
        return (
            a.name == b.name
            and [name for name, _ in a.attributes] == [name for name, _ in b.attributes]
            and all(equal_attributes(x, y) for (_, x), (_, y) in zip(a.attributes, b.attributes, strict=True))
        )
    return a == b


def equal_blobs(a: Blob, b: Blob) -> bool:
    """Whether two blobs hold the same bytes; they are read only when their keys do not tell."""
    if a.nbytes != b.nbytes:
        return False
    if type(a) is type(b) and a.key == b.key:
        return True
    try:
        return a.digest() == b.digest()
    except BlobError:
        return False
