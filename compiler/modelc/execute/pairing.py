"""Which tensor of a source each tensor of its artifact equals.

Passes keep two promises that this rests on: an op that was made from source nodes names them all as its origin, and a
result that stands for a source tensor keeps the name of that tensor. A step on the way to one, `conv/Transpose`, has
a name that no source node has. So a result is paired with the source tensor of its name where its origin knows that
node, and where no other node of its origin comes after that one: what was made from a whole chain equals the end of
the chain. A result that is named after the first node of its chain, as passes name ops by default, is paired with the
end of it, unless that end has another claimant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.origin import SourceNode
from modelc.ir.types import CONTROL, TensorType

FOLLOWED = 4096  # ops looked at to see whether one comes before another
_SILENT = frozenset({"input", "const", "absent", "return"})
_OWN: Final = frozenset({"om", "air"})  # frameworks of origins that name no op type of the source

STEP = "a step within its source op"
NEW = "made from no tensor of the source"
SEVERAL = "made from several source tensors, none of which is the last"
CLAIMED = "not the only one that could be its source tensor"
OTHER_TYPE = "of another element type than its source tensor"


@dataclass(frozen=True, slots=True)
class Pair:
    """A tensor of the artifact and the one of the source that it should equal."""

    source: Value
    artifact: Value


@dataclass(slots=True)
class Pairing:
    """All pairs between a source and its artifact, in the order in which the artifact computes them.

    Attributes:
        pairs: The pairs.
        unpaired: The tensors of the artifact that are in none, and why, as a clause.
    """

    pairs: list[Pair] = field(default_factory=list[Pair])
    unpaired: dict[Value, str] = field(default_factory=dict[Value, str])


def pair(source: Graph, artifact: Graph) -> Pairing:
    """Return which tensors of `artifact` equal which of `source`; constants, inputs and nested graphs are left out."""
    index = _Index(source)
    found = {value: index.match(value) for value in _computed(artifact)}
    claims = Counter(match for match in found.values() if isinstance(match, Value))
    result = Pairing()
    for value, match in found.items():
        if not isinstance(match, Value):
            result.unpaired[value] = match
        elif claims[match] > 1 and match.name != value.name:
            result.unpaired[value] = CLAIMED
        elif not _may_equal(match, value):
            result.unpaired[value] = OTHER_TYPE
        else:
            result.pairs.append(Pair(match, value))
    return result


def _computed(graph: Graph) -> Iterator[Value]:
    """Yield the tensors that somebody reads and that are computed."""
    for op in graph:
        if op.kind not in _SILENT:
            yield from (value for value in op.results if value.type is not CONTROL and value.readers)


def _may_equal(a: Value, b: Value) -> bool:
    """Whether numbers of both can be compared: alike but for the width of their elements, as far as types tell."""
    if not (isinstance(a.type, TensorType) and isinstance(b.type, TensorType)):
        return False
    elements = (a.type.element, b.type.element)
    return None in elements or len({element.family for element in elements if element}) == 1


class _Index:
    """The tensors of a source by name and by node."""

    def __init__(self, graph: Graph) -> None:
        self._position: dict[Op, int] = {}
        self._named: dict[str, Value | None] = {}
        self._of_node: dict[str, list[Op]] = {}
        for position, op in enumerate(graph):
            self._position[op] = position
            if not op.origin.nodes or not _count(op):
                continue
            self._of_node.setdefault(op.origin.nodes[0].name, []).append(op)
            for value in op.results:
                # Of two tensors with one name neither can be told.
                self._named[value.name] = None if value.name in self._named else value

    def match(self, value: Value) -> Value | str:
        """Return the source tensor that `value` equals, or why there is none."""
        op = value.producer
        known = list(dict.fromkeys(self._candidates(op.origin.nodes)))
        if not known:
            return NEW
        named = self._named.get(value.name)
        if named is not None and named.producer in known and not self._is_before(named.producer, known):
            return named if _fits(named, value) else STEP
        if named is None and op.name not in {node.name for node in op.origin.nodes}:
            return STEP
        return self._end(known, value)

    def _candidates(self, nodes: Sequence[SourceNode]) -> Iterator[Op]:
        """Yield the ops that `nodes` name; one within a function also names the calls that lead to it."""
        known = {(node.name, node.op_type) for node in nodes}  # files that went through others name other frameworks
        for node in nodes:
            for op in self._of_node.get(node.name, ()):
                if node.framework in _OWN or {(each.name, each.op_type) for each in op.origin.nodes} <= known:
                    yield op

    def _end(self, ops: list[Op], value: Value) -> Value | str:
        """Return the result of the op that comes after all others, or why there is none."""
        last = max(ops, key=self._position.__getitem__)
        if any(op is not last and not self._precedes(op, last) for op in ops):
            return SEVERAL
        results = [result for result in last.results if result.type is not CONTROL]
        if value.index >= len(results) or not _fits(results[value.index], value):
            return STEP
        return results[value.index]

    def _is_before(self, op: Op, others: Iterable[Op]) -> bool:
        return any(other is not op and self._precedes(op, other) for other in others)

    def _precedes(self, op: Op, later: Op) -> bool:
        """Whether `later` depends on `op`, as far as a bounded search tells."""
        first = self._position[op]
        pending, seen = [later], {later}
        while pending and len(seen) <= FOLLOWED:
            for operand in pending.pop().operands:
                producer = operand.producer
                if producer is op:
                    return True
                if producer not in seen and self._position[producer] > first:
                    seen.add(producer)
                    pending.append(producer)
        return False


def _fits(source: Value, artifact: Value) -> bool:
    """Whether results correspond by their number: the first ones always do, further ones where there are as many."""
    return source.index == 0 or _count(source.producer) == _count(artifact.producer)


def _count(op: Op) -> int:
    return sum(value.type is not CONTROL for value in op.results)


def reasons(unpaired: Mapping[Value, str]) -> dict[str, int]:
    """Return how often each reason occurs, most frequent first."""
    return dict(Counter(unpaired.values()).most_common())
