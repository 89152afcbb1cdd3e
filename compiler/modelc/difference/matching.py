"""Which op of one graph is which of another: by name, by origin, and by position beside ops that are matched."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value

ENDS = frozenset({"input", "return"})
NEVER = ENDS | {"absent"}  # kinds that are not matched by themselves

Key: TypeAlias = Callable[[Op], Hashable]


@dataclass(slots=True)
class Matching:
    """Which ops of two graphs belong together.

    Attributes:
        pairs: The ops of the first graph with theirs in the second, in order of the first graph after `sort`.
        back: The other way around.
    """

    pairs: dict[Op, Op] = field(default_factory=dict[Op, Op])
    back: dict[Op, Op] = field(default_factory=dict[Op, Op])

    def link(self, a: Op, b: Op) -> bool:
        """Let `a` and `b` belong together; returns False where one of them has its partner already."""
        if a in self.pairs or b in self.back:
            return False
        self.pairs[a] = b
        self.back[b] = a
        return True


def match(a: Graph, b: Graph) -> Matching:
    """Return which ops of `a` and `b` belong together; the time grows with their size."""
    matching = Matching()
    for first, second in ((a.first, b.first), (a.last, b.last)):
        if first is not None and second is not None and first.kind == second.kind in ENDS:
            matching.link(first, second)
    for key in (_named, _from_nodes, _from_node):
        _match_by(key, a, b, matching)
    _spread(matching, matching.pairs)
    for key in (_named_only, _from_node_only):
        _spread(matching, _match_by(key, a, b, matching))
    return matching


# -- by what an op says of itself


def _named(op: Op) -> Hashable:
    return (op.results[0].name, op.kind) if op.results and op.results[0].name else None


def _from_nodes(op: Op) -> Hashable:
    return (tuple(sorted(node.name for node in op.origin.nodes)), op.kind) if op.origin.nodes else None


def _from_node(op: Op) -> Hashable:
    return (op.origin.name, op.kind) if op.origin.name else None


def _named_only(op: Op) -> Hashable:
    return (op.results[0].name, op.kind == "const") if op.results and op.results[0].name else None


def _from_node_only(op: Op) -> Hashable:
    return (op.origin.name, op.kind == "const") if op.origin.name else None


def _match_by(key: Key, a: Graph, b: Graph, matching: Matching) -> list[Op]:
    """Match ops with equal keys where both graphs have equally many of them; returns the ops of the first graph."""
    groups = _grouped((op for op in a if op not in matching.pairs), key)
    others = _grouped((op for op in b if op not in matching.back), key)
    linked: list[Op] = []
    for name, ops in groups.items():
        theirs = others.get(name, [])
        if len(ops) == len(theirs):
            linked += [x for x, y in zip(ops, theirs, strict=True) if matching.link(x, y)]
    return linked


def _grouped(ops: Iterable[Op], key: Key) -> dict[Hashable, list[Op]]:
    groups: dict[Hashable, list[Op]] = {}
    for op in ops:
        name = None if op.kind in NEVER else key(op)
        if name is not None:
            groups.setdefault(name, []).append(op)
    return groups


# -- by position


def _spread(matching: Matching, seeds: Iterable[Op]) -> None:
    """Match what stands at the same place beside matched ops, and what stands beside that."""
    pending = deque(seeds)
    while pending:
        x = pending.popleft()
        y = matching.pairs[x]
        for a, b in _beside(x, y, matching):
            if matching.link(a, b):
                pending.append(a)


def _beside(x: Op, y: Op, matching: Matching) -> Iterator[tuple[Op, Op]]:
    for given, other in zip(x.operands, y.operands, strict=False):
        a, b = given.producer, other.producer
        if a.kind == b.kind not in NEVER and given.index == other.index:
            yield a, b
    for result, other in zip(x.results, y.results, strict=False):
        readers, theirs = _readers(result, matching.pairs), _readers(other, matching.back)
        for place, ops in readers.items():
            if len(ops) == len(theirs.get(place, ())):
                yield from zip(ops, theirs[place], strict=True)


def _readers(value: Value, matched: dict[Op, Op]) -> dict[tuple[str, int], list[Op]]:
    """Return the readers that have no partner yet, by their kind and the operand that reads."""
    groups: dict[tuple[str, int], list[Op]] = {}
    for op, index in value.readers:
        if op not in matched and op.kind not in NEVER:
            groups.setdefault((op.kind, index), []).append(op)
    return groups
