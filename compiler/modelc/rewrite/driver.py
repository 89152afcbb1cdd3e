"""The driver: applies rules to a graph until none of them has anything left to do."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import ClassVar

from modelc.diagnostics.diagnostic import Diagnostic, finding
from modelc.dialects.lookup import is_pure
from modelc.ir.attributes import Attribute
from modelc.ir.blob import BlobError
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.pipeline.passes import GraphPass, PassContext
from modelc.rewrite.rewriter import Rewriter
from modelc.rewrite.rules import Rule, RuleCount, RuleSet

PER_OP = 16  # hits allowed for each op a graph begins with
AT_LEAST = 1000


class RulePass(GraphPass):
    """A pass that is nothing but rules.

    Attributes:
        rules: The rules, in the order they are tried in.
    """

    rules: ClassVar[RuleSet]

    def active_rules(self) -> RuleSet:
        """Return the rules this instance applies; override where an option chooses among them."""
        return self.rules

    def run_on(self, graph: Graph, context: PassContext) -> None:
        """Apply the rules to `graph` until they have nothing left to do."""
        problem = rewrite(graph, self.active_rules(), context.rule_counts, context.before_rule)
        if problem is not None:
            context.sink.add(problem)


def rewrite(
    graph: Graph,
    rules: RuleSet,
    counts: dict[str, RuleCount] | None = None,
    before_rule: Callable[[str, Op], None] | None = None,
) -> Diagnostic | None:
    """Apply `rules` until none has anything left to do; ops that become dead are erased.

    Args:
        graph: The graph; nested graphs are not entered.
        rules: The rules.
        counts: Gains what became of each rule, by its name.
        before_rule: Called before a rule is tried, with its name and the op.

    Returns:
        The finding that the rules came to no end, None when all is well.
    """
    return _Driver(graph, rules, {} if counts is None else counts, before_rule).run()


class _Tracker(Rewriter):
    """A rewriter that remembers which ops it changed."""

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph)
        self.changed: dict[Op, None] = {}
        self.freed: dict[Op, None] = {}  # ops that lost a reader

    def forget(self) -> None:
        """Begin anew."""
        self.created.clear()
        self.changed.clear()
        self.freed.clear()

    def replace(self, op: Op, *values: Value) -> None:
        """Note the readers of `op`, and what `op` read."""
        for value in op.results:
            self.changed.update(dict.fromkeys(value.users))
        self._free(op.operands)
        super().replace(op, *values)

    def replace_value(self, old: Value, new: Value) -> None:
        """Note the readers of `old`."""
        self.changed.update(dict.fromkeys(old.users))
        self.freed[old.producer] = None
        super().replace_value(old, new)

    def erase(self, op: Op) -> None:
        """Note what `op` read."""
        self._free(op.operands)
        super().erase(op)

    def set_operand(self, op: Op, index: int, value: Value) -> None:
        """Note `op` and what it read."""
        self.changed[op] = None
        self._free(op.operands[index : index + 1])
        super().set_operand(op, index, value)

    def set_operands(self, op: Op, operands: Sequence[Value]) -> None:
        """Note `op` and what it read."""
        self.changed[op] = None
        self._free(op.operands)
        super().set_operands(op, operands)

    def set_attribute(self, op: Op, name: str, value: Attribute | None) -> None:
        """Note `op`."""
        self.changed[op] = None
        super().set_attribute(op, name, value)

    def _free(self, values: Iterable[Value]) -> None:
        self.freed.update((value.producer, None) for value in values)


@dataclass(slots=True)
class _Driver:
    graph: Graph
    rules: RuleSet
    counts: dict[str, RuleCount]
    before_rule: Callable[[str, Op], None] | None = None

    def run(self) -> Diagnostic | None:
        """Work until the queue is empty or the budget is spent."""
        budget = max(AT_LEAST, PER_OP * len(self.graph))
        queue, rewriter = _Queue(self.graph), _Tracker(self.graph)
        fired: dict[str, int] = {}
        while (op := queue.pop()) is not None:
            if _is_dead(op):
                rewriter.erase(op)
                self._note(queue, rewriter)
                continue
            hit = self._apply(op, rewriter)
            if hit is None:
                continue
            self._note(queue, rewriter)
            fired[hit.name] = fired.get(hit.name, 0) + 1
            budget -= 1
            if budget < 0:
                return _endless(self.graph, fired)
        return None

    def _apply(self, op: Op, rewriter: _Tracker) -> Rule | None:
        """Offer `op` to its rules in order; returns the one that changed the graph."""
        for rule in self.rules.of(op.kind):
            count = self.counts.setdefault(rule.name, RuleCount())
            count.tried += 1
            if self.before_rule is not None:
                self.before_rule(rule.name, op)
            rewriter.rule = rule.name
            started = perf_counter()
            try:
                miss = rule.function(op, rewriter.at(op))
                reason = None if miss is None else miss.reason
            except BlobError:
                reason = "its numbers cannot be read"
            count.seconds += perf_counter() - started
            if reason is None:
                count.hits += 1
                return rule
            count.misses[reason] += 1
            _undo(rewriter)
        return None

    @staticmethod
    def _note(queue: _Queue, rewriter: _Tracker) -> None:
        """Queue what a hit may have made possible.

        That is what it made and changed, what reads that, and the one reader that is left of what lost others.
        """
        for op in (*rewriter.created, *rewriter.changed):
            if op.graph is not None and queue.add(op):
                queue.extend(user for value in op.results for user, _ in value.readers)
        for op in rewriter.freed:
            queue.add(op)
            queue.extend(next(iter(value.readers))[0] for value in op.results if len(value.readers) == 1)
        rewriter.forget()


class _Queue:
    """Ops to look at, each at most once at a time, first come first served."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._ops = deque(graph)
        self._queued = set(self._ops)

    def add(self, op: Op) -> bool:
        """Queue `op`; returns False where it waits already, and then its readers wait behind it."""
        if op in self._queued:
            return False
        self._queued.add(op)
        self._ops.append(op)
        return True

    def extend(self, ops: Iterable[Op]) -> None:
        """Queue each of `ops`."""
        for op in ops:
            self.add(op)

    def pop(self) -> Op | None:
        """Return the next op that is still in the graph, None at the end."""
        while self._ops:
            op = self._ops.popleft()
            self._queued.discard(op)
            if op.graph is self._graph:
                return op
        return None


def _is_dead(op: Op) -> bool:
    return not any(value.readers for value in op.results) and is_pure(op)


def _undo(rewriter: _Tracker) -> None:
    """Erase what a rule built before it found that it does not apply."""
    for op in reversed(rewriter.created):
        rewriter.graph.erase(op)
    rewriter.forget()


def _endless(graph: Graph, fired: dict[str, int]) -> Diagnostic:
    most = sorted(fired.items(), key=lambda item: -item[1])[:5]
    return finding(
        "MC409",
        f"the rules for graph @{graph.name} come to no end",
        evidence=[(name, f"applied {count} times") for name, count in most],
    )
