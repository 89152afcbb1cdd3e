"""Putting nodes in order: what is reachable backwards from the outputs, producers first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, NamedTuple

from modelc.diagnostics.diagnostic import Diagnostic, Fix, ModelcError, finding

CONTROL = -1
_MERGES = frozenset({"Merge", "RefMerge"})
_NEXT = frozenset({"NextIteration", "RefNextIteration"})
_SHOWN = 12  # names of a cycle that a message shows
_SEARCHED = 5000  # names among which a near one is looked for
_HINTED = 5  # dangling references for which that is done
_LISTED = 50  # dangling references that are reported one by one


class Ref(NamedTuple):
    """A reference to one result of a node.

    Attributes:
        node: The node's name.
        argument: The output argument inside of functions, else empty.
        position: Which result it is, among the argument's where there is one; -1 for the control result.
    """

    node: str
    argument: str = ""
    position: int = 0

    @property
    def is_control(self) -> bool:
        """Whether this is a control dependency."""
        return self.position == CONTROL

    def __str__(self) -> str:
        if self.is_control:
            return f"^{self.node}"
        return ":".join(filter(None, (self.node, self.argument, str(self.position) if self.position else "")))


def graph_ref(text: str) -> Ref:
    """Return what a node of a graph means by an input: `node`, `node:1`, `^node`."""
    if text.startswith("^"):
        return Ref(text[1:], "", CONTROL)
    node, colon, index = text.rpartition(":")
    return Ref(node, "", int(index)) if colon and _is_index(index) else Ref(text)


def function_ref(text: str) -> Ref:
    """Return what a node of a function means by an input: `argument`, `node:output:0`, `^node`."""
    if text.startswith("^"):
        return Ref(text[1:], "", CONTROL)
    node, _, rest = text.partition(":")
    argument, _, index = rest.partition(":")
    if _is_index(argument) and not index:
        return Ref(node, "", int(argument))
    return Ref(node, argument, int(index) if _is_index(index) else 0)


def _is_index(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


@dataclass(frozen=True, slots=True)
class Scope:
    """The nodes of one graph or function.

    Attributes:
        title: What to call it in messages, empty for the main graph.
        nodes: Its nodes by name.
        parse: What its nodes' inputs mean.
        fed: The results that are inputs: what computes them does not matter.
    """

    title: str
    nodes: Mapping[str, Any]
    parse: Callable[[str], Ref]
    fed: frozenset[Ref] = frozenset()

    @property
    def where(self) -> str:
        """A phrase for messages."""
        return f"function `{self.title}`" if self.title else "the graph"


@dataclass(slots=True)
class Order:
    """Nodes in the order in which they can be computed.

    Attributes:
        names: Their names.
        operands: What each reads: data first, then control dependencies.
        controls: The nodes that others wait for.
        reads: For each node, the highest result index read, by output argument.
        dangling: References to what does not exist, with the node that has them, empty for an output.
    """

    names: list[str] = field(default_factory=list[str])
    operands: dict[str, list[Ref]] = field(default_factory=dict[str, list[Ref]])
    controls: set[str] = field(default_factory=set[str])
    reads: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    dangling: dict[tuple[str, Ref], None] = field(default_factory=dict[tuple[str, Ref], None])

    def note(self, ref: Ref) -> None:
        """Record that `ref` is read."""
        if ref.is_control:
            self.controls.add(ref.node)
            return
        seen = self.reads.setdefault(ref.node, {})
        seen[ref.argument] = max(ref.position, seen.get(ref.argument, 0))


def arrange(scope: Scope, roots: Iterable[Ref]) -> Order:
    """Return the nodes that `roots` depend on, producers first; only a Merge may come before what it reads.

    Raises:
        ModelcError: MC109 with the cycle.
    """
    order = Order()
    later: dict[str, None] = {}
    fed_nodes = {ref.node for ref in scope.fed}

    def wanted(reader: str, refs: Iterable[Ref]) -> Iterator[Ref]:
        for ref in refs:
            if ref in scope.fed or (ref.is_control and ref.node in fed_nodes):
                continue
            if ref.node in scope.nodes:
                order.note(ref)
                yield ref
            else:
                order.dangling[reader, ref] = None

    def before(name: str) -> list[str]:
        node = scope.nodes[name]
        refs = [scope.parse(text) for text in node.input]
        refs.sort(key=_is_control)
        order.operands[name] = refs
        found = [ref.node for ref in wanted(name, refs)]
        if node.op in _MERGES:
            back = dict.fromkeys(each for each in found if scope.nodes[each].op in _NEXT)
            later.update(back)
            found = [each for each in found if each not in back]
        return found

    starts = [ref.node for ref in wanted("", roots)]
    try:
        order.names = postorder(starts, before, later)
    except LoopError as error:
        raise ModelcError(cycle(error.path, scope.where)) from None
    return order


def _is_control(ref: Ref) -> bool:
    return ref.is_control


def dangling(scope: Scope, order: Order) -> Iterator[Diagnostic]:
    """Yield the findings about references to what does not exist."""
    found = list(order.dangling)
    names = list(scope.nodes)[:_SEARCHED]
    for place, (reader, ref) in enumerate(found[:_LISTED]):
        near = get_close_matches(ref.node, names, 1) if place < _HINTED else []
        who = f"node `{reader}`" if reader else "an output"
        yield finding(
            "MC110",
            f"{who} reads `{ref}`, which is not in {scope.where}",
            evidence=[("nearest name", near[0])] if near else [],
            notes=[f"{len(found) - _LISTED} more such references"] if len(found) > _LISTED else [],
            fixes=[Fix("export the model again, it is incomplete")],
        )


class LoopError(Exception):
    """Names depend on themselves; `path` leads from one of them back to it."""

    def __init__(self, path: list[str]) -> None:
        super().__init__(" -> ".join(path))
        self.path = path


def postorder(
    roots: Iterable[str], before: Callable[[str], Iterable[str]], later: dict[str, None] | None = None
) -> list[str]:
    """Return everything reachable from `roots`, each after all of its predecessors.

    Args:
        roots: Where to begin.
        before: The predecessors of a name; asked once for each.
        later: Further roots; `before` may add to it.

    Raises:
        LoopError: A name is its own predecessor.
    """
    done: list[str] = []
    state: dict[str, bool] = {}  # False while its predecessors are visited
    edges: dict[str, list[str]] = {}
    pending = list(dict.fromkeys(roots))
    pending.reverse()
    later = {} if later is None else later
    while pending or later:
        root = pending.pop() if pending else _take(later)
        if root in state:
            continue
        stack = [(root, _open(root, before, state, edges))]
        while stack:
            name, predecessors = stack[-1]
            step = next(predecessors, None)
            if step is None:
                stack.pop()
                state[name] = True
                done.append(name)
            elif step not in state:
                stack.append((step, _open(step, before, state, edges)))
            elif not state[step]:
                raise LoopError(_loop(edges, name, step))
    return done


def _take(names: dict[str, None]) -> str:
    name = next(iter(names))
    del names[name]
    return name


def _open(
    name: str, before: Callable[[str], Iterable[str]], state: dict[str, bool], edges: dict[str, list[str]]
) -> Iterator[str]:
    state[name] = False
    edges[name] = list(before(name))
    return iter(edges[name])


def _loop(edges: Mapping[str, list[str]], reader: str, producer: str) -> list[str]:
    """Return the shortest way from `producer` to `reader`, which `producer` reads again, and back."""
    import networkx

    graph = networkx.DiGraph((source, name) for name, sources in edges.items() for source in sources)
    return [producer, *networkx.shortest_path(graph, reader, producer)]


def cycle(path: list[str], where: str) -> Diagnostic:
    """Return the finding about names that depend on themselves."""
    shown = path if len(path) <= _SHOWN else [*path[: _SHOWN // 2], "...", *path[-_SHOWN // 2 :]]
    text = " -> ".join(shown)
    return finding(
        "MC109",
        f"{where} depends on itself: {text}",
        evidence=[("cycle", text), ("length", str(len(path) - 1))],
        fixes=[Fix("break the cycle where the model is built")],
    )
