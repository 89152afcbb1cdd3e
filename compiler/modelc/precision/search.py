"""Which ops to keep in float32 so that a model gives what it should: found by trying, not by rule.

Ops are put in order of what they are thought to do to the outputs: first those that meet numbers which the narrow type
does not have, then by the error they add times how much what follows magnifies errors, both measured. The shortest
beginning of that order that suffices is searched by doubling and halving, from a guess; then whatever can be left out
of it is, block by block. Each trial is a run of the whole model; their number is bounded, and the result always is one
that was tried.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from numpy.typing import NDArray

from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.precision.lockstep import Lockstep
from modelc.precision.plan import NOTHING, Plan
from modelc.precision.rounding import range_of

Array: TypeAlias = NDArray[Any]
Suffices: TypeAlias = Callable[[frozenset[Op]], bool]

RUNS = 48  # trials at most, by default
_WORST: Final = 1e6  # stands for an error without bounds where errors are multiplied


@dataclass(frozen=True, slots=True)
class Search:
    """What a search found.

    Attributes:
        ops: The ops to keep, in order of execution.
        found: Whether keeping them suffices; where it does not, nothing that can be kept does.
        runs: How often the model was run.
        is_least: Whether leaving out any single one of them was tried and does not suffice.
    """

    ops: tuple[Op, ...] = ()
    found: bool = False
    runs: int = 0
    is_least: bool = False


@dataclass(slots=True)
class _Trials:
    """Counts runs, and remembers what they said."""

    suffices: Suffices
    most: int
    runs: int = 0
    known: dict[frozenset[Op], bool] = field(default_factory=dict[frozenset[Op], bool])

    @property
    def are_left(self) -> bool:
        return self.runs < self.most

    def do(self, ops: Sequence[Op]) -> bool:
        """Whether keeping `ops` suffices; False where no trial is left."""
        kept = frozenset(ops)
        if kept not in self.known:
            if not self.are_left:
                return False
            self.runs += 1
            self.known[kept] = self.suffices(kept)
        return self.known[kept]


@dataclass(frozen=True, slots=True)
class Order:
    """What can be kept, in the order of trials.

    Attributes:
        ops: The ops, the most telling first.
        least: How many of them must be kept for their range alone.
        guess: How many are thought to suffice.
    """

    ops: tuple[Op, ...] = ()
    least: int = 0
    guess: int = 0


def search(order: Order, suffices: Suffices, runs: int = RUNS) -> Search:
    """Return few ops of `order` that suffice.

    Args:
        order: All that can be kept.
        suffices: Whether keeping these ops suffices.
        runs: How often that may be asked, at least 1.
    """
    trials = _Trials(suffices, max(1, runs))
    if not order.ops or not trials.do(order.ops):
        return Search(runs=trials.runs)
    chosen, is_least = _thinned(list(order.ops[: _shortest(order, trials)]), trials)
    places = {op: index for index, op in enumerate(order.ops)}
    return Search(tuple(sorted(chosen, key=places.__getitem__)), True, trials.runs, is_least)


def _shortest(order: Order, trials: _Trials) -> int:
    """Return how many of `order`, from its beginning, suffice: from the guess in growing steps, then by halving."""
    low, high = max(0, order.least - 1), len(order.ops)
    count, step = min(max(1, order.least, order.guess), high), 1
    while low < count < high and trials.are_left:
        if trials.do(order.ops[:count]):
            high, count = count, count - step
        else:
            low, count = count, count + step
        step *= 2
    while high - low > 1 and trials.are_left:
        middle = (low + high) // 2
        if trials.do(order.ops[:middle]):
            high = middle
        else:
            low = middle
    return high


def _thinned(chosen: list[Op], trials: _Trials) -> tuple[list[Op], bool]:
    """Return `chosen` without what can be left out, the least telling first, and whether no single one can be."""
    size = max(1, len(chosen) // 2)
    while trials.are_left:
        end = len(chosen)
        while end > 0 and trials.are_left:
            rest = [*chosen[: max(0, end - size)], *chosen[end:]]
            if rest and trials.do(rest):
                chosen = rest
            end -= size
        if size == 1:
            return chosen, trials.are_left
        size //= 2
    return chosen, len(chosen) == 1


# -- the order of trials


def ranked(graph: Graph, plan: Plan, all_kept: Plan, found: Lockstep, excess: float) -> Order:
    """Return the ops that keeping changes, in the order of trials.

    Args:
        graph: The graph.
        plan: What becomes of its ops.
        all_kept: The same where every op is kept; those that are narrowed then as well are of no use.
        found: What they lose.
        excess: How many times the tolerance the outputs are apart.
    """
    gains = _gains(graph, found)
    scores = {op: _bounded(loss.added) * _gain(op, gains) for op, loss in found.losses.items()}
    useful = [op for op in plan.treatments if all_kept.of(op) is NOTHING]
    beyond = {op for op in useful if _meets_more(op, plan, found)}
    order = sorted(useful, key=lambda op: (op not in beyond, -scores.get(op, 0.0)))
    return Order(tuple(order), len(beyond), max(len(beyond), _expected(order, scores, excess)))


def _expected(order: Sequence[Op], scores: Mapping[Op, float], excess: float) -> int:
    """Return how many of `order` suffice if errors of single ops are independent, so that their squares add up."""
    left = sum(score**2 for score in scores.values())
    allowed = left / excess**2 if math.isfinite(excess) and excess else left
    for count, op in enumerate(order):
        if left <= allowed:
            return count
        left -= scores.get(op, 0.0) ** 2
    return len(order)


def _meets_more(op: Op, plan: Plan, found: Lockstep) -> bool:
    """Whether `op` meets numbers that the narrow type does not have."""
    loss = found.losses.get(op)
    if loss is not None and loss.overflowed:
        return True
    values: Sequence[Value] = (*op.operands, *op.results)
    return max((found.peaks.get(value, 0.0) for value in values), default=0.0) > range_of(plan.mode.low).largest


def _gains(graph: Graph, found: Lockstep) -> Mapping[Value, float]:
    """Return how much an error of each value is magnified on its way to an output, as far as errors show it."""
    gains: dict[Value, float] = dict.fromkeys(graph.outputs, 1.0)
    for op in reversed(graph):
        gain = max((gains.get(value, 0.0) for value in op.results), default=0.0)
        if not gain or op.kind == "return":
            continue
        passed_on = min(gain * _magnification(op, found), _WORST)
        for value in op.operands:
            gains[value] = max(gains.get(value, 0.0), passed_on)
    return gains


def _magnification(op: Op, found: Lockstep) -> float:
    """Return how much larger the error of the results of `op` is than that of its operands, without what it adds."""
    taken = math.hypot(*(_bounded(found.errors.get(value, 0.0)) for value in op.operands))
    given = max((_bounded(found.errors.get(value, 0.0)) for value in op.results), default=0.0)
    added = _bounded(found.losses[op].added) if op in found.losses else 0.0
    if not taken:
        return 1.0
    return math.sqrt(max(given**2 - added**2, 0.0)) / taken


def _gain(op: Op, gains: Mapping[Value, float]) -> float:
    """Return the gain of the results of `op`; of one in a nested graph, that of the op which holds it."""
    while op.graph is not None and op.graph.owner is not None:
        op = op.graph.owner
    return max((gains.get(value, 0.0) for value in op.results), default=0.0)


def _bounded(error: float) -> float:
    return min(error, _WORST)
