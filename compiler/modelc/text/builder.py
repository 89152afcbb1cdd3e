"""What the rules of the grammar of the textual IR mean: ops are built while the text is parsed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from modelc.diagnostics.diagnostic import Diagnostic, ModelcError, finding
from modelc.ir.attributes import Attribute, Dense, ShapeAttribute, Symbol
from modelc.ir.blob import Blob, BlobError, BytesBlob, FileBlob, MissingBlob, SplatBlob, confined
from modelc.ir.graph import Graph
from modelc.ir.model import Model, Source
from modelc.ir.op import Op, Value, result_name
from modelc.ir.origin import Origin, SourceNode
from modelc.ir.types import UNKNOWN, Element, TensorType, Type
from modelc.ir.verify import BACK_EDGES
from modelc.text.blobs import IMPLIED, LEFT_OUT, Literal, hex_bytes, resolve
from modelc.text.errors import text_finding
from modelc.text.literals import (
    TOKENS,
    LiteralError,
    read_element,
    read_float,
    read_int,
    read_shape,
    read_type,
    read_value_name,
    read_word,
    unquote,
    unquote_bytes,
    value_name,
)
from modelc.text.names import default_names, derived_origin, value_type

if TYPE_CHECKING:
    from lark import Token
else:
    Token = str

DEPTH = 64  # graphs, lists and dictionaries inside each other
LIMIT = 50  # findings after which reading ends

Children: TypeAlias = list[Any]
T = TypeVar("T")


@dataclass(slots=True)
class _Scope:
    """One graph while it is read."""

    graph: Graph
    head: Token
    values: dict[str, Value] = field(default_factory=dict[str, Value])
    forward: list[tuple[Op, list[Token]]] = field(default_factory=list[tuple[Op, "list[Token]"]])


class Builder:
    """One method per rule and terminal of the grammar, called as the parser reduces; children come as a list.

    Attributes:
        findings: What is wrong with the meaning of the text so far.
    """

    def __init__(self) -> None:
        self.begin("", "", None)

    def begin(self, text: str, filename: str, folder: Path | None) -> None:
        """Forget the last text and be ready for another."""
        self.findings: list[Diagnostic] = []
        self._text = text
        self._filename = filename
        self._folder = folder
        self._depth = 0
        self._scopes: list[_Scope] = []
        self._graphs: dict[str, Graph] = {}
        self._source: Source | None = None
        self._facts: set[str] = set()
        self._types: dict[str, TensorType] = {}
        self._paths: dict[str, Path] = {}

    def finish(self) -> Model:
        """Return what was read; raises ModelcError when something was wrong with it."""
        findings, graphs, source, facts = self.findings, self._graphs, self._source, self._facts
        self.begin("", "", None)
        if findings:
            raise ModelcError(*findings)
        entry, *names = graphs
        return Model(graphs[entry], {name: graphs[name] for name in names}, source, facts)

    def _report(self, token: Token, problem: str) -> None:
        offset = token.start_pos or 0
        self._add(text_finding("MC411", self._text, offset, problem, length=len(token), file=self._filename))

    def _add(self, diagnostic: Diagnostic) -> None:
        self.findings.append(diagnostic)
        if len(self.findings) >= LIMIT:
            raise ModelcError(*self.findings)

    def _try(self, token: Token, default: T, read: Callable[..., T], *arguments: Any) -> T:
        try:
            return read(*arguments)
        except LiteralError as error:
            self._report(token, str(error))
            return default

    # -- the model

    def start(self, children: Children) -> None: ...

    def source(self, children: Children) -> None:
        framework, path, form, *details = children
        self._source = Source(read_word(framework), Path(self._string(path)), self._string(form), tuple(details))

    def detail(self, children: list[Token]) -> tuple[str, str]:
        return self._string(children[0]), self._string(children[1])

    def facts(self, children: list[Token]) -> None:
        self._facts.update(map(self._word, children))

    # -- graphs

    def head(self, children: Children) -> None:
        symbol, params, attributes, origin = children
        self._descend(symbol)
        graph = Graph(self._word(symbol[1:], symbol))
        scope = _Scope(graph, symbol)
        self._scopes.append(scope)
        attributes = attributes or {}
        tokens = [token for token, _ in params or ()]
        types = tuple(type_ for _, type_ in params or ())
        attributes.setdefault("names", default_names("input", tokens))
        op = Op("input", (), attributes, types, origin=origin or Origin())
        self._name_results(op, tokens)
        graph.append(op)

    def params(self, children: Children) -> Children:
        return children

    def param(self, children: Children) -> Children:
        return children

    def graph(self, children: Children) -> Graph:
        scope = self._scopes.pop()
        self._depth -= 1
        graph = scope.graph
        for op, tokens in scope.forward:
            graph.set_operands(op, self._operands(scope, tokens))
        if graph.last is None or graph.last.kind != "return":
            self._report(scope.head, f"graph {scope.head} does not end with `return`")
        if not self._scopes:
            if graph.name in self._graphs:
                self._report(scope.head, f"there already is a graph {scope.head}")
            self._graphs[graph.name] = graph
        return graph

    # -- ops

    def op(self, children: Children) -> None:
        results, (token, operands, blob), attributes, *graphs, types, origin = children
        scope = self._scopes[-1]
        kind = read_word(token)
        attributes, results, types = attributes or {}, results or [], types or []
        if blob is not None:
            attributes["value"] = blob
        if len(results) != len(types):
            self._report(token, f"{len(results)} results are named, {len(types)} have a type")
            types = [UNKNOWN] * len(results)
        self._settle(token, attributes, value_type(kind, types, attributes))
        if kind == "return":
            attributes.setdefault("names", default_names(kind, operands))
        if origin is None:
            origin = derived_origin(kind, results[0] if results else "")
        read, forward = self._operands(scope, operands, kind in BACK_EDGES)
        op = Op(kind, read, attributes, tuple(types), graphs=tuple(graphs), origin=origin)
        if forward:
            scope.forward.append((op, operands))
        self._append(scope.graph, token, op)
        self._name_results(scope, op, results)

    def _append(self, graph: Graph, token: Token, op: Op) -> None:
        last = graph.last
        if last is not None and last.kind == "return":
            self._report(token, "nothing may follow `return`")
        elif op.kind == "input":
            self._report(token, "the inputs of a graph stand in its first line")
        else:
            graph.append(op)

    def _operands(self, scope: _Scope, tokens: list[Token], may_wait: bool) -> tuple[tuple[Value, ...], bool]:
        """Return the values that `tokens` name, and whether one of them is yet to be defined."""
        values, known = [], scope.values
        for token in tokens:
            value = known.get(token) or known.get(self._spelling(token))
            if value is not None:
                values.append(value)
            elif may_wait:
                return (), True
            else:
                self._report(token, f"{token} is not defined before this line")
        return tuple(values), False

    def _name_results(self, scope: _Scope, op: Op, tokens: list[Token]) -> None:
        first = ""
        for value, token in zip(op.results, tokens, strict=True):
            if token == "%_":
                value.name = result_name(first, value.index, value.type) if value.index else ""
                continue
            value.name = self._try(token, "", read_value_name, token)
            first = value.name if value.index == 0 else first
            name = self._spelling(token)
            if name in scope.values:
                self._report(token, f"{token} is defined twice")
            scope.values[name] = value

    def _spelling(self, token: Token) -> str:
        return value_name(read_value_name(token)) if token.startswith('%"') else token.value

    def callee(self, children: Children) -> Children:
        return [children[0], children[1] or [], None]

    def constant(self, children: Children) -> Children:
        return [children[0], children[1] or [], children[2]]

    def results(self, children: list[Token]) -> list[Token]:
        return children

    def operands(self, children: list[Token]) -> list[Token]:
        return children

    def types(self, children: list[Token]) -> list[Type]:
        return [self._type(token) for token in children]

    def _type(self, token: Token) -> Type:
        known = self._types.get(token)
        if known is None:
            known = self._types[token.value] = self._try(token, UNKNOWN, _read_type, token.value)
        return known

    # -- origins

    def location(self, children: Children) -> Origin:
        nodes, rules = children
        return Origin(tuple(nodes or ()), tuple(rules or ()))

    def nodes(self, children: list[SourceNode]) -> list[SourceNode]:
        return children

    def node(self, children: list[Token]) -> SourceNode:
        return SourceNode(*map(self._word, children))

    def rules(self, children: list[Token]) -> list[str]:
        return [self._word(token) for token in children]

    # -- attributes

    def open(self, children: Children) -> None:
        self._descend()

    open_list = open

    def _descend(self) -> None:
        self._depth += 1
        if self._depth > DEPTH:
            raise ModelcError(finding("MC411", f"brackets are nested deeper than {DEPTH}", file=self._filename))

    def dict(self, children: Children) -> dict[str, Attribute]:
        self._depth -= 1
        attributes: dict[str, Attribute] = {}
        for token, value in children[1:]:
            name = self._word(token)
            if name in attributes:
                self._report(token, f"attribute {token} is given twice")
            attributes[name] = value
        return attributes

    def pair(self, children: Children) -> tuple[Token, Attribute | Literal]:
        return children[0], self._value(children[1])

    def list(self, children: Children) -> tuple[Attribute | Literal, ...]:
        self._depth -= 1
        return tuple([self._value(child) for child in children[1:]])

    def symbol(self, children: Children) -> Symbol:
        token, attributes = children
        self._settle(token, attributes or {}, None)
        return Symbol(self._graph_name(token), tuple((attributes or {}).items()))

    def dense(self, children: Children) -> Dense | Blob | Literal:
        ...
