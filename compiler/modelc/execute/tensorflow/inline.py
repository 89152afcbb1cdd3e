"""Function calls of a GraphDef, replaced by the nodes of the functions, so that every tensor can be fetched by name.

Works on the messages of TensorFlow alone; which names the nodes of a function get is said by `Inlined.nodes`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

# From a FunctionDef to a GraphDef with a placeholder for each argument, and from its own names of tensors to flat ones
Flatten: TypeAlias = Callable[[Any], tuple[Any, dict[str, str]]]

CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall", "RemoteCall"})
DEEPEST = 64  # calls inside of each other that are followed
LARGEST = 1_000_000  # nodes from which on further calls stay as they are
# Ops beside which a call still is all that a graph does
QUIET = frozenset({"Const", "Identity", "NoOp", "Placeholder", "VarHandleOp", "Variable", "VariableV2"})
_COLOCATION = "_class"  # names nodes of the function as they were called there


class Call(NamedTuple):
    """One call on the way to a node.

    Attributes:
        name: Its name in the graph or function that it was written in.
        is_silent: Whether readers leave it out of names, for it is all that its graph does.
    """

    name: str
    is_silent: bool


class Instance(NamedTuple):
    """One node of the inlined graph.

    Attributes:
        name: Its name there.
        calls: The calls that lead to it, outermost first.
        node: Its name in the graph or function that it was written in.
        op: Its op type.
    """

    name: str
    calls: tuple[Call, ...]
    node: str
    op: str

    @property
    def path(self) -> str:
        """What readers of such models call it."""
        return "/".join((*(call.name for call in self.calls if not call.is_silent), self.node))


@dataclass(slots=True)
class Inlined:
    """A graph whose calls have become nodes.

    Attributes:
        nodes: What stands in it, with where each node came from.
        aliases: Results of calls by name, `call:1`, and the tensors that they have become.
    """

    nodes: list[Instance] = field(default_factory=list[Instance])
    aliases: dict[str, str] = field(default_factory=dict[str, str])

    def keep(self, names: set[str]) -> None:
        """Forget all nodes that are not called by one of these names."""
        self.nodes = [instance for instance in self.nodes if instance.name in names]

    def resolve(self, tensor: str) -> str:
        """Return the tensor `node:0` that a name means once all calls are inlined."""
        name = tensor if tensor.startswith("^") or _index(tensor) is not None else f"{tensor}:0"
        while name in self.aliases:
            name = self.aliases[name]
        return name


def inline(graph_def: Any, flatten: Flatten, part: Collection[str] | None = None) -> Inlined:
    """Replace, in place, all calls in `graph_def` by nodes of the functions of its library.

    A call becomes a `NoOp` of its name, which whoever waited for it waits for.

    Args:
        graph_def: The GraphDef.
        flatten: Turns one of its functions into a graph.
        part: The names of the nodes of `graph_def` that readers look at, all by default.
    """
    work = _Work({function.signature.name: function for function in graph_def.library.function}, flatten)
    seen = [node for node in graph_def.node if part is None or node.name in part]
    is_silent = work.is_wrapper(seen)
    top = [_Node(node, Instance(node.name, (), node.name, node.op), is_silent) for node in graph_def.node]
    work.taken.update(node.name for node in graph_def.node)
    placed = list(work.expand(top))
    for node in placed:
        inputs = [work.done.resolve(name) for name in node.message.input]
        data = [name for name in inputs if not name.startswith("^")]
        controls = dict.fromkeys(name for name in inputs if name.startswith("^"))
        node.message.input[:] = [*data, *controls]
    del graph_def.node[:]
    graph_def.node.extend(node.message for node in placed)
    work.done.nodes.extend(node.instance for node in placed)
    return work.done


def needed(graph_def: Any, tensors: Iterable[str]) -> set[str]:
    """Return the names of all nodes that some tensors of `graph_def` depend on."""
    nodes = {node.name: node for node in graph_def.node}
    pending = [producer_of(tensor) for tensor in tensors]
    found: set[str] = set()
    while pending:
        name = pending.pop()
        if name in nodes and name not in found:
            found.add(name)
            pending.extend(producer_of(text) for text in nodes[name].input)
    return found


class _Node(NamedTuple):
    message: Any
    instance: Instance
    is_silent: bool  # should it be a call


@dataclass(slots=True)
class _Work:
    """One run of inlining.

    Attributes:
        functions: The library by name.
        flatten: Turns a function into a graph.
        graphs: The functions as graphs, made when they are first called.
        taken: Names that nodes have.
        done: What is known of the result.
        size: How many nodes were placed.
    """

    functions: dict[str, Any]
    flatten: Flatten
    graphs: dict[str, tuple[Any, dict[str, str]]] = field(default_factory=dict[str, tuple[Any, dict[str, str]]])
    taken: set[str] = field(default_factory=set[str])
    done: Inlined = field(default_factory=Inlined)
    size: int = 0

    def expand(self, nodes: Sequence[_Node]) -> Iterator[_Node]:
        """Yield what `nodes` become, callers before what they call."""
        pending = list(reversed(nodes))
        while pending:
            node = pending.pop()
            self.size += 1
            called = self._called(node.message)
            if not called or len(node.instance.calls) >= DEEPEST or self.size > LARGEST:
                yield node
                continue
            pending.extend(reversed(self._body(node, called)))

    def is_wrapper(self, nodes: Iterable[Any]) -> bool:
        """Whether nodes do nothing but call one function."""
        loud = [node for node in nodes if node.op not in QUIET]
        return len(loud) == 1 and bool(self._called(loud[0]))

    def _called(self, message: Any) -> str:
        """Return the function that a node calls, empty where it calls none or cannot be followed."""
        name: str = message.attr["f"].func.name if message.op in CALLS else message.op
        if name not in self.functions:
            return ""
        given = sum(not text.startswith("^") for text in message.input)
        return name if given == len(self.functions[name].signature.input_arg) else ""

    def _body(self, call: _Node, called: str) -> list[_Node]:
        """Return the nodes that take the place of a call, which becomes the one that says it is done."""
        if called not in self.graphs:
            self.graphs[called] = self.flatten(self.functions[called])
        graph, flat = self.graphs[called]
        function, name = self.functions[called], call.message.name
        data = [text for text in call.message.input if not text.startswith("^")]
        controls = [text for text in call.message.input if text.startswith("^")]
        arguments = dict(zip((arg.name for arg in function.signature.input_arg), data, strict=True))
        names = {node.name: self._claim(f"{name}/{node.name}") for node in graph.node if node.name not in arguments}

        def renamed(text: str) -> str:
            if text.startswith("^"):
                return f"^{names[text[1:]]}" if text[1:] in names else f"^{producer_of(arguments[text[1:]])}"
            producer, index = text.rpartition(":")[::2] if _index(text) is not None else (text, "0")
            return arguments[producer] if producer in arguments else f"{names[producer]}:{index}"

        for position, arg in enumerate(function.signature.output_arg):
            self.done.aliases[f"{name}:{position}"] = _with_index(renamed(flat[function.ret[arg.name]]))
        ends = [*function.control_ret.values(), *(producer_of(flat[text]) for text in function.ret.values())]
        waited = dict.fromkeys(names[node] for node in ends if node in names)
        reached = needed(graph, ends)
        is_silent = self.is_wrapper(node for node in graph.node if node.name in reached)
        copies = self._copies(graph, names, call, is_silent, lambda node: [*map(renamed, node.input), *controls])
        return [*copies, self._finished(call, [*controls, *(f"^{node}" for node in waited)])]

    def _copies(
        self,
        graph: Any,
        names: Mapping[str, str],
        call: _Node,
        is_silent: bool,
        inputs_of: Callable[[Any], Sequence[str]],
    ) -> list[_Node]:
        """Return copies of the nodes that have `names`, in the place of a call."""
        calls = (*call.instance.calls, Call(call.instance.node, call.is_silent))
        copies = []
        for node in graph.node:
            if node.name in names:
                message = type(node)()
                message.CopyFrom(node)
                message.name, message.device = names[node.name], ""
                message.attr.pop(_COLOCATION, None)
                message.input[:] = inputs_of(node)
                copies.append(_Node(message, Instance(message.name, calls, node.name, node.op), is_silent))
        return copies

    def _finished(self, call: _Node, controls: Sequence[str]) -> _Node:
        message = type(call.message)(name=call.message.name, op="NoOp", input=controls)
        return _Node(message, call.instance._replace(op="NoOp"), is_silent=False)

    def _claim(self, wanted: str) -> str:
        name, number = wanted, 0
        while name in self.taken:
            number += 1
            name = f"{wanted}_{number}"
        self.taken.add(name)
        return name


def _index(text: str) -> int | None:
    tail = text.rpartition(":")[2] if ":" in text else ""
    return int(tail) if tail.isdecimal() else None


def _with_index(text: str) -> str:
    return text if _index(text) is not None else f"{text}:0"


def producer_of(text: str) -> str:
    """Return the node that computes the tensor `text`, or that an order `^node` names."""
    return text.rpartition(":")[0] if _index(text) is not None else text.removeprefix("^")
