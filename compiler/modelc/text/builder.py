"""What the rules of the grammar of the textual IR mean: graphs are built while their text is parsed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from modelc.diagnostics.diagnostic import Diagnostic, ModelcError, finding
from modelc.ir.attributes import Attribute, Dense, ShapeAttribute, Symbol
from modelc.ir.blob import Blob, BlobError, BytesBlob, FileBlob, MissingBlob, SplatBlob, confined
from modelc.ir.graph import Graph
from modelc.ir.model import Model, Source
from modelc.ir.op import Op, Value, result_name
from modelc.ir.origin import Origin, SourceNode
from modelc.ir.types import UNKNOWN, TensorType, Type
from modelc.ir.verify import BACK_EDGES
from modelc.text.blobs import IMPLIED, LEFT_OUT, Literal, hex_bytes, resolve
from modelc.text.errors import text_finding
from modelc.text.literals import (
    TOKENS,
    LiteralError,
    read_element,
    read_float,
    read_int,
    read_ints,
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

DEPTH = 64  # graphs, lists and dictionaries inside each other
LIMIT = 50  # findings after which reading ends

Children: TypeAlias = list[Any]
Read: TypeAlias = Attribute | Literal
T = TypeVar("T")


@dataclass(slots=True)
class _Scope:
    """One graph while it is read."""

    graph: Graph
    head: Token
    values: dict[str, Value] = field(default_factory=dict[str, Value])
    waiting: list[tuple[Op, list[Token]]] = field(default_factory=list[tuple[Op, "list[Token]"]])


_READ: dict[str, Callable[[str], Attribute]] = {
    "INT": read_int,
    "INTS": read_ints,
    "FLOAT": read_float,
    "HEX": read_float,
    "TRUE": lambda _: True,
    "FALSE": lambda _: False,
    "STRING": unquote,
    "BYTES": unquote_bytes,
    "TYPE": read_type,
    "SHAPE": lambda text: ShapeAttribute(read_shape(text.removeprefix("shape"))),
    "WORD": read_element,
}


class Builder:
    """One method per rule of the grammar, called as the parser reduces; children come as a list.

    Attributes:
        findings: What is wrong with the meaning of the text so far.
    """

    findings: list[Diagnostic]

    def __init__(self) -> None:
        self.begin("", "", None)

    def begin(self, text: str, filename: str, folder: Path | None) -> None:
        """Forget the last text and be ready for another."""
        self.findings = []
        self._text = text
        self._filename = filename
        self._folder = folder
        self._depth = 0
        self._known = 0  # findings before the present op: a newer one may explain what is odd about it
        self._scopes: list[_Scope] = []
        self._graphs: dict[str, Graph] = {}
        self._source: Source | None = None
        self._facts: set[str] = set()
        self._types: dict[str, Type] = {}
        self._paths: dict[str, Path] = {}

    def finish(self) -> Model:
        """Return what was read; raises ModelcError when something was wrong with it."""
        if self.findings:
            raise ModelcError(*self.findings)
        entry, *functions = self._graphs.values()
        return Model(entry, {graph.name: graph for graph in functions}, self._source, self._facts)

    def _report(self, token: Token, problem: str) -> None:
        self._report_at(token.start_pos or 0, problem, len(token))

    def _report_at(self, offset: int, problem: str, length: int = 1) -> None:
        self._add(text_finding("MC411", self._text, offset, problem, length=length, file=self._filename))

    def _add(self, diagnostic: Diagnostic) -> None:
        self.findings.append(diagnostic)
        if len(self.findings) >= LIMIT:
            raise ModelcError(*self.findings)

    def _try(self, token: Token, default: T, read: Callable[[str], T]) -> T:
        try:
            return read(token.value)
        except LiteralError as error:
            self._report(token, str(error))
            return default

    def _word(self, token: Token) -> str:
        return self._try(token, "", read_word) if token.type == "STRING" else token.value

    def _text_of(self, token: Token) -> str:
        return self._try(token, "", unquote)

    # -- the model

    def start(self, _: Children) -> None:
        """Do nothing: everything is kept already."""

    def source(self, children: Children) -> None:
        """Keep where the model came from."""
        _, framework, path, form, *details = children
        self._source = Source(self._word(framework), Path(self._text_of(path)), self._text_of(form), tuple(details))

    def detail(self, children: list[Token]) -> tuple[str, str]:
        """Return one detail of the source."""
        return self._text_of(children[0]), self._text_of(children[1])

    def facts(self, children: list[Token]) -> None:
        """Keep what holds of the model."""
        self._facts.update(map(self._word, children[1:]))

    # -- graphs

    def head(self, children: Children) -> None:
        """Begin a graph."""
        symbol, params, attributes, origin = children
        self._descend()
        tokens = [token for token, _ in params or ()]
        attributes = attributes or {}
        self._settle(attributes, None)
        attributes.setdefault("names", default_names("input", tokens))
        types = tuple([type_ for _, type_ in params or ()])
        op = Op("input", (), attributes, types, origin=origin or Origin())
        scope = _Scope(Graph(read_word(symbol[1:])), symbol)
        scope.graph.append(op)
        self._name_results(scope, op, tokens)
        self._scopes.append(scope)

    def params(self, children: Children) -> Children:
        """Return the inputs of a graph."""
        return children

    def param(self, children: list[Token]) -> tuple[Token, Type]:
        """Return one input of a graph."""
        return children[0], self._type(children[1])

    def graph(self, _: Children) -> Graph:
        """Finish a graph."""
        self._depth -= 1
        scope = self._scopes.pop()
        graph = scope.graph
        for op, tokens in scope.waiting:
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
        """Add an op to the innermost graph."""
        results, (token, operands, blob), attributes, *graphs, types, origin = children
        kind = self._word(token)
        attributes, results, types = attributes or {}, results or [], types or []
        if blob is not None:
            attributes["value"] = blob
        if len(results) != len(types):
            self._report(token, f"{len(results)} results are named, {len(types)} have a type")
            types = [UNKNOWN] * len(results)
        self._settle(attributes, value_type(kind, types, attributes))
        if kind == "const" and len(self.findings) == self._known:
            self._check_size(token, attributes.get("value"), types)
        if kind == "return":
            attributes.setdefault("names", default_names(kind, operands))
        if origin is None:
            origin = derived_origin(kind, results[0] if results else "")
        op = Op(kind, (), attributes, tuple(types), graphs=tuple(graphs), origin=origin)
        self._append(token, op, operands)
        self._name_results(self._scopes[-1], op, results)
        self._known = len(self.findings)

    def _check_size(self, token: Token, blob: object, types: list[Type]) -> None:
        type_ = types[0] if len(types) == 1 else None
        if not isinstance(blob, Blob) or not isinstance(type_, TensorType) or not type_.is_static:
            return
        if type_.element is not None and type_.element.nbytes and type_.nbytes != blob.nbytes:
            problem = f"{blob.nbytes} bytes are given for {type_}, which has {type_.nbytes}"
            self._add(text_finding("MC116", self._text, token.start_pos or 0, problem, file=self._filename))

    def _append(self, token: Token, op: Op, operands: list[Token]) -> None:
        scope = self._scopes[-1]
        if scope.graph.last is not None and scope.graph.last.kind == "return":
            self._report(token, "nothing may follow `return`")
        if op.kind == "input":
            self._report(token, "the inputs of a graph stand in its first line")
        scope.graph.append(op)
        if op.kind in BACK_EDGES:
            scope.waiting.append((op, operands))
        elif operands:
            scope.graph.set_operands(op, self._operands(scope, operands))

    def _operands(self, scope: _Scope, tokens: list[Token]) -> list[Value]:
        values = []
        for token in tokens:
            value = scope.values.get(_spelling(token))
            if value is None:
                self._report(token, f"{token} is not defined here")
            else:
                values.append(value)
        return values

    def _name_results(self, scope: _Scope, op: Op, tokens: list[Token]) -> None:
        for value, token in zip(op.results, tokens, strict=True):
            if token == "%_":
                derives = value.index and op.kind != "input"
                value.name = result_name(op.results[0].name, value.index, value.type) if derives else ""
                continue
            value.name = read_value_name(token.value)
            name = _spelling(token)
            if name in scope.values:
                self._report(token, f"{token} is defined twice")
            scope.values[name] = value

    def callee(self, children: Children) -> Children:
        """Return kind, operands and no constant."""
        return [children[0], children[1] or [], None]

    def constant(self, children: Children) -> Children:
        """Return kind, operands and the constant."""
        return [children[0], children[1] or [], children[2]]

    def results(self, children: list[Token]) -> list[Token]:
        """Return the names of results."""
        return children

    def operands(self, children: list[Token]) -> list[Token]:
        """Return the names of operands."""
        return children

    def types(self, children: list[Token]) -> list[Type]:
        """Return types of results."""
        return [self._type(token) for token in children]

    def _type(self, token: Token) -> Type:
        known = self._types.get(token.value)
        if known is None:
            known = self._types[token.value] = self._try(token, cast("Type", UNKNOWN), _read_result_type)
        return known

    # -- origins

    def location(self, children: Children) -> Origin:
        """Return where an op came from."""
        return Origin(tuple(children[1] or ()), tuple(children[2] or ()))

    def nodes(self, children: list[SourceNode]) -> list[SourceNode]:
        """Return source nodes."""
        return children

    def node(self, children: list[Token]) -> SourceNode:
        """Return one source node."""
        return SourceNode(*map(self._word, children))

    def rules(self, children: list[Token]) -> list[str]:
        """Return names of rules."""
        return [self._word(token) for token in children]

    # -- attributes

    def open_dict(self, _: Children) -> None:
        """Go one level deeper."""
        self._descend()

    def open_list(self, _: Children) -> None:
        """Go one level deeper."""
        self._descend()

    def _descend(self) -> None:
        self._depth += 1
        if self._depth > DEPTH:
            raise ModelcError(finding("MC411", f"brackets are nested deeper than {DEPTH}", file=self._filename))

    def dictionary(self, children: Children) -> dict[str, Read]:
        """Return attributes by name."""
        self._depth -= 1
        attributes: dict[str, Read] = {}
        for pair in children[1:]:
            if pair is None:
                continue
            name = self._word(pair[0])
            if name in attributes:
                self._report(pair[0], f"attribute `{name}` is given twice")
            attributes[name] = pair[1]
        return attributes

    def pair(self, children: Children) -> tuple[Token, Read]:
        """Return one attribute."""
        return children[0], self._value(children[1])

    def array(self, children: Children) -> tuple[Attribute, ...]:
        """Return a list of attributes."""
        self._depth -= 1
        items = [self._value(child) for child in children[1:] if child is not None]
        return tuple([self._settled(item, None) for item in items])

    def symbol(self, children: Children) -> Symbol:
        """Return a reference to a function."""
        attributes = children[1] or {}
        self._settle(attributes, None)
        return Symbol(read_word(children[0][1:]), tuple(attributes.items()))

    def constant_value(self, children: Children) -> Read:
        """Return the bytes of a constant, with their type if that was given."""
        blob, token = children
        if token is None:
            return cast("Read", blob)
        type_ = self._try(token, UNKNOWN, read_type)
        settled = self._settled(blob, type_)
        return Dense(type_, settled) if isinstance(settled, Blob) else settled

    def _value(self, child: Any) -> Read:
        # Whatever still is a text is a token; rules make everything else.
        if not isinstance(child, str):
            return cast("Read", child)
        token = cast("Token", child)
        return self._try(token, cast("Attribute", 0), _READ[token.type])

    def _settle(self, attributes: dict[str, Any], type_: TensorType | None) -> None:
        for name, value in attributes.items():
            if isinstance(value, Literal):
                attributes[name] = self._settled(value, type_)

    def _settled(self, value: Read, type_: TensorType | None) -> Attribute:
        if not isinstance(value, Literal):
            return value
        try:
            return resolve(value, type_)
        except LiteralError as error:
            self._report_at(value.offset, str(error))
            return BytesBlob(b"")

    # -- constants

    def numbers(self, children: Children) -> Literal:
        """Return the numbers of a constant."""
        return Literal(tuple(children[1] or ()), children[0].start_pos)

    def scalars(self, children: list[Token]) -> list[str]:
        """Return numbers as they are spelled."""
        return [token.value for token in children]

    def scalar(self, children: list[Token]) -> str:
        """Return one number as it is spelled."""
        return str(children[0].value)

    def splat(self, children: Children) -> Read:
        """Return one number that is repeated."""
        token, item, count = children
        number = IMPLIED if count is None else self._count(count)
        if item.startswith('"') and count is not None:
            return SplatBlob(self._try(token, b"", lambda _: hex_bytes(item[1:-1])), number)
        return Literal((item,), token.start_pos, number)

    def raw(self, children: list[Token]) -> Blob:
        """Return bytes given as hexadecimal digits."""
        return BytesBlob(self._try(children[1], b"", lambda text: hex_bytes(text[1:-1])))

    def file(self, children: list[Token]) -> Blob:
        """Return a range of a file."""
        _, name, offset, nbytes = children
        return FileBlob(self._path(name), self._count(offset), self._count(nbytes))

    def missing(self, children: list[Token]) -> Blob:
        """Return bytes that a model lacks."""
        return MissingBlob(self._count(children[1]), self._text_of(children[2]))

    def digest(self, children: list[Token]) -> Blob:
        """Return bytes that were left out of the text."""
        return MissingBlob(self._count(children[2]), LEFT_OUT + self._text_of(children[1]))

    def _count(self, token: Token) -> int:
        return self._try(token, 0, _read_count)

    def _path(self, token: Token) -> Path:
        name = self._text_of(token)
        if name not in self._paths:
            self._paths[name] = self._resolved(token, name)
        return self._paths[name]

    def _resolved(self, token: Token, name: str) -> Path:
        path = Path(name)
        if path.is_absolute():
            return path
        if self._folder is None:
            self._report(token, f"{token} is a relative path, and this text lies in no folder")
            return path
        try:
            return confined(self._folder, name)
        except (BlobError, OSError, ValueError) as error:
            self._add(finding("MC113", str(error), file=self._filename))
            return path


def _spelling(token: Token) -> str:
    return value_name(read_value_name(token.value)) if token.startswith('%"') else token.value


def _read_result_type(literal: str) -> Type:
    if literal in TOKENS:
        return TOKENS[literal]
    if "[" not in literal:
        raise LiteralError(f"`{literal}` is no type; a scalar is written `f32[]`")
    return read_type(literal)


def _read_count(literal: str) -> int:
    count = read_int(literal)
    if count < 0:
        raise LiteralError("a number of bytes or elements cannot be negative")
    return count
