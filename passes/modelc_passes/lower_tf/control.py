"""Lowering of branches and loops: the functions they name become nested graphs, typed for where they are used."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TypeAlias

from modelc.ir.attributes import Attribute, Symbol
from modelc.ir.blob import Blob
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.opdef import InferenceError
from modelc.ir.types import CONTROL, TensorType, Type, join_shapes
from modelc_passes.lower_tf.site import Site, UnsupportedFormError
from modelc_passes.lower_tf.table import Lowered
from modelc_passes.shared.common import CASE_KINDS, IF_KINDS, WHILE_KINDS, copy_op, copy_ops, symbols, under

CONTROL_KINDS = IF_KINDS | CASE_KINDS | WHILE_KINDS
LARGEST = 1_000_000  # ops that bodies of branches and loops may add
DEEPEST = 64  # graphs nested in each other
ROUNDS = 3  # how often the types carried around a loop are widened

_BODIES = (("then_branch", "else_branch"), ("cond", "body"))  # attributes of branches, and of loops

Steps: TypeAlias = Generator[Graph, None, Lowered]  # yields graphs that have to be lowered before it goes on


class ControlLowering:
    """Lowers the control flow of one model.

    Attributes:
        functions: The bodies.
    """

    def __init__(self, functions: Mapping[str, Graph], mark: Callable[[], object], rewind: Callable[[object], None]):
        """Make a lowering.

        Args:
            functions: The bodies.
            mark: Returns how many findings there are.
            rewind: Forgets the findings made since a mark.
        """
        self.functions = dict(functions)
        self._mark, self._rewind = mark, rewind
        self._budget = LARGEST
        self._sizes: dict[str, int] = {}
        self._depth: dict[Graph, int] = {}

    def lower(self, site: Site) -> Steps:
        """Lower one op; yields the nested graphs that are to be lowered first, returns what stands for its results."""
        if any(not isinstance(value.type, TensorType) for value in site.inputs):
            raise UnsupportedFormError("passes handles into its bodies", code="MC218")
        self._name_bodies(site.op)
        if site.op.kind in WHILE_KINDS:
            return self._while(site)
        return self._branches(site)

    def _name_bodies(self, op: Op) -> None:
        """Name the nested graphs of an op among the functions: bodies are then reached in one way only."""
        if not op.graphs:
            return
        bodies = tuple(Symbol(f"{op.name}#{len(self.functions) + index}") for index in range(len(op.graphs)))
        self.functions.update(zip((body.name for body in bodies), op.graphs, strict=True))
        if op.kind in CASE_KINDS:
            op.attributes["branches"] = bodies
        else:
            op.attributes.update(zip(_BODIES[op.kind in WHILE_KINDS], bodies, strict=True))

    # -- branches

    def _branches(self, site: Site) -> Steps:
        symbols = _branch_symbols(site)
        chosen = _choice(site, len(symbols))
        if chosen is not None:
            return self._inlined(site, symbols[chosen])
        graphs = []
        for symbol in symbols:
            graph = self._body(site, symbol, site.inputs[1:])
            _pass(graph, site.inputs[1:], range(len(graph.inputs)))
            yield graph
            graphs.append(graph)
        kind = "ge.Case" if site.op.kind in CASE_KINDS else "ge.StatelessIf"
        return site.rw.build(kind, site.inputs, {}, graphs=tuple(graphs)).results

    def _inlined(self, site: Site, symbol: Symbol) -> Lowered:
        """Put the ops of the one body that is ever executed behind the op, where they are lowered next."""
        body = self._spend(site, symbol)
        graph, last = site.op.graph, site.op
        assert graph is not None
        values = dict(zip(body.inputs, site.inputs[1:], strict=True))

        def insert(op: Op) -> None:
            nonlocal last
            last = graph.insert_after(last, op)

        copy_ops(body, values, insert, under(site.op.origin.name))
        return [values[value] for value in body.outputs if value.type is not CONTROL]

    # -- loops

    def _while(self, site: Site) -> Steps:
        cond, body = (_symbol(site, name) for name in ("cond", "body"))
        kept = _invariant(self._function(site, body))
        types: list[Type] = [value.type for value in site.inputs]
        for left in reversed(range(ROUNDS)):
            mark = self._mark()
            graphs = tuple(self._body(site, symbol, site.inputs) for symbol in (cond, body))
            for graph in graphs:
                _state_types(graph, types)
                _pass(graph, site.inputs, kept)
                yield graph
            given = [value.type for value in graphs[1].outputs]
            widened = [_widen(old, new, last=left == 1) for old, new in zip(types, given, strict=True)]
            if widened == types or left == 0:
                break
            types = widened
            self._rewind(mark)
        attributes: dict[str, Attribute] = {"parallel_iterations": site.integer("parallel_iterations", 10)}
        op = site.rw.build("ge.StatelessWhile", site.inputs, attributes, graphs=graphs)
        return op.results

    # -- bodies

    def _function(self, site: Site, symbol: Symbol) -> Graph:
        function = self.functions.get(symbol.name)
        if function is None:
            raise UnsupportedFormError(f"names the function @{symbol.name}, which does not exist", code="MC110")
        return function

    def _spend(self, site: Site, symbol: Symbol) -> Graph:
        """Return the function `symbol` names, which must not be too large with all that its control flow names."""
        function = self._function(site, symbol)
        self._budget -= len(function)
        if self._budget < 0 or self._size(symbol.name) > LARGEST:
            raise UnsupportedFormError(f"needs more than {LARGEST} ops once its bodies are written out", code="MC218")
        return function

    def _size(self, name: str) -> int:
        """Return how many ops a function has once all bodies are written out; too many where it names itself."""
        pending = [name]
        while pending:
            current = pending[-1]
            named = [callee for callee in _named(self.functions[current]) if callee in self.functions]
            if current not in self._sizes:
                self._sizes[current] = LARGEST + 1  # holds while it is looked into, so that a circle counts as endless
                unknown = [callee for callee in named if callee not in self._sizes]
                if unknown:
                    pending.extend(dict.fromkeys(unknown))
                    continue
            pending.pop()
            total = len(self.functions[current]) + sum(self._sizes[callee] for callee in named)
            self._sizes[current] = min(LARGEST + 1, total)
        return self._sizes[name]

    def _body(self, site: Site, symbol: Symbol, arguments: Sequence[Value]) -> Graph:
        """Return a copy of a function to be nested in what stands for the op."""
        function = self._spend(site, symbol)
        depth = self._depth.get(site.op.graph, 0) + 1 if site.op.graph is not None else 1
        if depth > DEEPEST:
            raise UnsupportedFormError(f"lies more than {DEEPEST} levels deep in other control flow", code="MC218")
        if len(function.inputs) != len(arguments):
            count = f"{len(arguments)} values to @{symbol.name}, which takes {len(function.inputs)}"
            raise InferenceError(f"passes {count}")
        graph = Graph(function.name)
        self._depth[graph] = depth
        start = graph.append(copy_op(function.input_op, ()))
        values = dict(zip(function.inputs, start.results, strict=True))
        copy_ops(function, values, graph.append, under(site.op.origin.name))
        graph.append(copy_op(function.return_op, tuple(values[value] for value in function.outputs)))
        _state_types(graph, [value.type for value in arguments])
        return graph


def _named(graph: Graph) -> list[str]:
    """Return the functions that control flow in `graph` names, as often as it does."""
    found = (symbols(op.attributes.values()) for op in graph if op.kind in CONTROL_KINDS)
    return [symbol.name for each in found for symbol in each]


def _symbol(site: Site, name: str) -> Symbol:
    symbol = site.op.attributes.get(name)
    if not isinstance(symbol, Symbol):
        raise UnsupportedFormError(f"names no function as its `{name}`")
    return symbol


def _branch_symbols(site: Site) -> list[Symbol]:
    if site.op.kind in IF_KINDS:
        return [_symbol(site, "then_branch"), _symbol(site, "else_branch")]
    branches = site.op.attributes.get("branches")
    symbols = [item for item in branches if isinstance(item, Symbol)] if isinstance(branches, tuple) else []
    if not symbols:
        raise UnsupportedFormError("names no functions as its branches")
    return symbols


def _choice(site: Site, count: int) -> int | None:
    """Return which branch is always taken, None where that depends on data."""
    condition = site.array(site.inputs[0])
    if condition is None or condition.dtype.kind not in "biuf":
        return None
    if site.op.kind in IF_KINDS:
        holds = bool(condition.reshape(-1)[0]) if condition.ndim == 0 else condition.size > 0
        return 0 if holds else 1
    index = int(condition.reshape(-1)[0]) if condition.size else -1
    return index if 0 <= index < count else count - 1


def _state_types(graph: Graph, types: Sequence[Type]) -> None:
    for value, type_ in zip(graph.inputs, types, strict=True):
        graph.set_type(value, type_)


def _pass(graph: Graph, arguments: Sequence[Value], indices: Sequence[int] | range) -> None:
    """Give a body its own copies of those arguments that are constants."""
    for index in indices:
        argument, value = arguments[index], graph.inputs[index]
        blob = argument.producer.attributes.get("value")
        if argument.producer.kind == "const" and isinstance(blob, Blob) and value.readers:
            copy = Op("const", (), {"value": blob}, (argument.type,), origin=argument.producer.origin)
            copy.result.name = argument.name
            graph.insert_after(graph.input_op, copy)
            graph.replace_uses(value, copy.result)
            if graph.return_op in copy.result.users:
                _keep_outputs(graph, copy.result, value)


def _keep_outputs(graph: Graph, constant: Value, value: Value) -> None:
    for index, output in enumerate(graph.outputs):
        if output is constant:
            graph.set_operand(graph.return_op, index, value)


def _invariant(body: Graph) -> list[int]:
    """Return which values a loop hands on as they are."""
    kept = []
    outputs = [value for value in body.outputs if value.type is not CONTROL]
    for index, (value, output) in enumerate(zip(body.inputs, outputs, strict=False)):
        while output.producer.kind == "tf.Identity" and output.producer.inputs:
            output = output.producer.inputs[0]
        if output is value:
            kept.append(index)
    return kept


def _widen(old: Type, new: Type, *, last: bool) -> Type:
    if not isinstance(old, TensorType) or not isinstance(new, TensorType):
        return old
    joined = join_shapes([old.shape, new.shape])
    return old if joined == old.shape else old.with_shape(None if last else joined)
