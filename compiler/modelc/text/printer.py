"""The printer of the textual IR: graphs, models and single ops as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from modelc.ir.attributes import Attribute, Dense, ShapeAttribute, Symbol
from modelc.ir.blob import Blob
from modelc.ir.graph import Graph
from modelc.ir.model import Model, Source
from modelc.ir.op import Op, Value
from modelc.ir.origin import Origin, SourceNode
from modelc.ir.types import Element, TensorType, Type
from modelc.text.blobs import INLINE, Payload, blob_text
from modelc.text.literals import float_text, quote, quote_bytes, shape_text, type_text, value_name, word
from modelc.text.names import Names, default_names, derived_origin, public_names, value_type

INDENT = "  "


def print_model(model: Model, *, origins: bool = True, payload: Payload | None = None, inline: int = INLINE) -> str:
    """Return `model` as text: what is known about it, the entry graph, then the functions.

    Args:
        model: The model.
        origins: Whether to say where ops came from, where it does not follow from their names.
        payload: Takes constants that are too large for the text; without it they are reduced to their digests.
        inline: The most bytes of a constant that are written as numbers.
    """
    printer = _Printer(origins, payload, inline)
    graphs = [("", model.graph), *model.functions.items()]
    parts = ["".join(printer.graph_lines(graph, name)) for name, graph in graphs]
    return _header(model) + "\n".join(parts)


def print_graph(graph: Graph, *, origins: bool = True, payload: Payload | None = None, inline: int = INLINE) -> str:
    """Return one graph as text; the options are those of `print_model`."""
    return "".join(_Printer(origins, payload, inline).graph_lines(graph))


def print_op(op: Op) -> str:
    """Return one op as a line for messages; nested graphs are only named, names may repeat."""
    printer = _Printer(False, None, INLINE)
    names = {value: value_name(value.name) if value.name else "%_" for value in (*op.operands, *op.results)}
    nested = "".join(f" graph @{word(graph.name)}" for graph in op.graphs)
    return printer.op_head(op, names) + nested + printer.op_tail(op, names)


def _header(model: Model) -> str:
    lines = [] if model.source is None else [_source_line(model.source)]
    if model.facts:
        lines.append(f"// facts: {', '.join(map(word, sorted(model.facts)))}\n")
    return "".join([*lines, "\n"]) if lines else ""


def _source_line(source: Source) -> str:
    details = "".join(f" {quote(key)} = {quote(value)}" for key, value in source.details)
    return f"// source: {word(source.framework)} {quote(source.path.as_posix())} {quote(source.format)}{details}\n"


class _Printer:
    """What one text has in common: its options and the types already spelled."""

    def __init__(self, origins: bool, payload: Payload | None, inline: int) -> None:
        self._origins = origins
        self._payload = payload
        self._inline = inline
        self._types: dict[Type, str] = {}
        self._spell: dict[type, Callable[[Any], str]] = {
            bool: lambda value: "true" if value else "false",
            int: str,
            float: float_text,
            str: quote,
            bytes: quote_bytes,
            tuple: self._list,
            Element: str,
            TensorType: self._type,
            ShapeAttribute: lambda value: f"shape{shape_text(value.dims)}",
            Symbol: self._symbol,
            Dense: self._dense,
        }

    # -- graphs; nested ones on a stack of our own, since they may nest as deep as a model likes

    def graph_lines(self, graph: Graph, name: str = "") -> Iterator[str]:
        pending: list[Iterator[str | _Nested]] = [self._lines(graph, name or graph.name, 0)]
        while pending:
            item = next(pending[-1], None)
            if item is None:
                pending.pop()
            elif isinstance(item, str):
                yield item
            else:
                pending.append(self._lines(item.graph, item.graph.name, item.depth))

    def _lines(self, graph: Graph, name: str, depth: int) -> Iterator[str | _Nested]:
        names = Names(graph)
        indent = INDENT * depth
        yield self._signature(graph, name, names)
        for op in graph:
            if op is graph.first and op.kind == "input":
                continue
            yield f"{indent}{INDENT}{self.op_head(op, names)}"
            for nested in op.graphs:
                yield " "
                yield _Nested(nested, depth + 1)
            yield f"{self.op_tail(op, names)}\n"
        yield f"{indent}}}" if depth else "}\n"

    def _signature(self, graph: Graph, name: str, names: Names) -> str:
        first = graph.first
        if first is None or first.kind != "input":
            return f"graph @{word(name)}() {{\n"
        values = [f"{names[value]}: {self._type(value.type)}" for value in first.results]
        attributes = self._attributes(first, names)
        extra = f" attributes{attributes}" if attributes else ""
        return f"graph @{word(name)}({', '.join(values)}){extra}{self._location(first, names)} {{\n"

    # -- ops

    def op_head(self, op: Op, names: Names | dict[Value, str]) -> str:
        results = ", ".join([names[value] for value in op.results])
        operands = ", ".join([names[value] for value in op.operands])
        head = f"{results} = {word(op.kind)}" if results else word(op.kind)
        if op.kind == "return":
            head = f"return {operands}" if operands else "return"
        elif op.kind == "const" and isinstance(op.attributes.get("value"), Blob):
            arguments = f"({operands})" if operands else ""
            head = f"{results} = const{arguments} {self._blob(op, 'value')}"
        else:
            head = f"{head}({operands})"
        return head + self._attributes(op, names)

    def op_tail(self, op: Op, names: Names | dict[Value, str]) -> str:
        types = ", ".join([self._type(value.type) for value in op.results])
        location = self._location(op, names)
        return f" : {types}{location}" if types else location

    def _attributes(self, op: Op, names: Names | dict[Value, str]) -> str:
        attributes = self._written(op, names)
        items = [
            f"{word(name)} = {self._blob(op, name) if isinstance(value, Blob) else self._attribute(value)}"
            for name, value in sorted(attributes.items())
        ]
        return f" {{{', '.join(items)}}}" if items else ""

    def _written(self, op: Op, names: Names | dict[Value, str]) -> dict[str, Attribute]:
        """Return the attributes that do not follow from the rest of the line."""
        attributes = op.attributes
        if op.kind == "const" and isinstance(attributes.get("value"), Blob):
            return {name: value for name, value in attributes.items() if name != "value"}
        public = public_names(op)
        if public is None:
            return attributes
        values = op.results if op.kind == "input" else op.operands
        default = default_names(op.kind, [names[value] for value in values])
        others = {name: value for name, value in attributes.items() if name != "names"}
        return others if public == default else {**others, "names": public}

    def _location(self, op: Op, names: Names | dict[Value, str]) -> str:
        if not self._origins:
            return ""
        first = names[op.results[0]] if op.results else ""
        if op.origin == derived_origin(op.kind, first):
            return ""
        return f" loc({_origin_text(op.origin)})"

    # -- attributes

    def _attribute(self, value: Attribute) -> str:
        spell = self._spell.get(type(value))
        if spell is not None:
            return spell(value)
        if isinstance(value, Blob):
            return blob_text(value, None, self._payload, self._inline)
        raise TypeError(f"{value!r} is no attribute of the IR")

    def _blob(self, op: Op, name: str) -> str:
        value = op.attributes[name]
        assert isinstance(value, Blob)
        types = [value.type for value in op.results]
        return blob_text(value, value_type(op.kind, types, op.attributes), self._payload, self._inline)

    def _list(self, value: tuple[Attribute, ...]) -> str:
        return f"[{', '.join(map(self._attribute, value))}]"

    def _symbol(self, value: Symbol) -> str:
        items = [f"{word(name)} = {self._attribute(item)}" for name, item in value.attributes]
        return f"@{word(value.name)}{{{', '.join(items)}}}" if items else f"@{word(value.name)}"

    def _dense(self, value: Dense) -> str:
        return f"{blob_text(value.blob, value.type, self._payload, self._inline)} : {self._type(value.type)}"

    def _type(self, type_: Type) -> str:
        text = self._types.get(type_)
        if text is None:
            text = self._types[type_] = type_text(type_)
        return text


@dataclass(frozen=True, slots=True)
class _Nested:
    graph: Graph
    depth: int


def _origin_text(origin: Origin) -> str:
    nodes = ", ".join(map(_node_text, origin.nodes))
    rules = ", ".join(map(word, origin.rules))
    return f"{nodes} -> {rules}" if nodes and rules else nodes or (f"-> {rules}" if rules else "")


def _node_text(node: SourceNode) -> str:
    return f"{word(node.framework)} {quote(node.name)} {word(node.op_type)}"
