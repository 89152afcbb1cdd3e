"""Meters: graphs that keep a log of their edits, and end a run of passes after a given number of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modelc.ir.attributes import Attribute
from modelc.ir.clone import clone_model
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.types import Type
from modelc.pipeline.instruments import Instrument
from modelc.pipeline.passes import Pass

INSERTED, CHANGED, REPLACED, ERASED = "inserted", "changed", "replaced", "erased"


class LimitReached(BaseException):  # not an error: no pass may take it for one
    """As much was done as was allowed."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit of a graph.

    Attributes:
        passes: The passes at work, each run by the one before it.
        run: How many runs of passes began before that of the innermost of them.
        rule: The rule at work, empty where none was.
        attempt: Equal for all edits of one application of a rule, 0 where no rule was at work.
        op: The op that was edited, or on whose behalf a rule was applied.
        what: INSERTED, CHANGED in its place, REPLACED by another value, or ERASED.
    """

    passes: tuple[Pass, ...]
    run: int
    rule: str
    attempt: int
    op: Op
    what: str


class Meter(Instrument):
    """Counts and keeps the edits of metered graphs, and ends a run of passes where it is told to.

    Attributes:
        edits: Every edit so far.
        running: The passes that have not ended, each run by the one before it, with how many runs began before.
    """

    def __init__(self, *, edits: int | None = None, runs: int | None = None) -> None:
        """Make a meter.

        Args:
            edits: The edits that are allowed; the next one ends the run.
            runs: The runs of passes that are allowed, those by other passes included; the next one ends the run.
        """
        self.edits: list[Edit] = []
        self.running: list[tuple[Pass, int]] = []
        self._most_edits, self._most_runs = edits, runs
        self._is_on = False
        self._runs = 0
        self._rule, self._attempt, self._attempts = "", 0, 0
        self._root: Op | None = None

    def metered(self, model: Model) -> Model:
        """Return a copy of `model` whose edits are counted from now on."""
        copy = clone_model(model, lambda name: MeteredGraph(name, self))
        self._is_on = True
        return copy

    def before_pass(self, model: Model, work: Pass, depth: int) -> None:
        """Remember which pass is at work; raises LimitReached where it may not run."""
        if self._runs == self._most_runs:
            raise LimitReached
        self.running.append((work, self._runs))
        self._runs += 1
        self._end_rule()

    def after_pass(self, model: Model, work: Pass, depth: int) -> None:
        """Forget the pass."""
        self.running.pop()
        self._end_rule()

    def before_rule(self, rule: str, op: Op) -> None:
        """Remember which rule is at work; see `PassContext.before_rule`."""
        self._attempts += 1
        self._rule, self._root, self._attempt = rule, op, self._attempts

    def tick(self, op: Op, what: str) -> None:
        """Log an edit that is about to be made; raises LimitReached where it may not be."""
        if not self._is_on:
            return
        if len(self.edits) == self._most_edits:
            raise LimitReached
        passes, runs = zip(*self.running, strict=True)
        self.edits.append(Edit(passes, runs[-1], self._rule, self._attempt, self._root or op, what))

    def _end_rule(self) -> None:
        self._rule, self._root, self._attempt = "", None, 0


def steps(edits: Sequence[Edit]) -> list[int]:
    """Return after how many edits each rewrite is complete.

    An application of a rule is one rewrite. Elsewhere a rewrite ends with each edit but those that only prepare
    another one, which are insertions and changes of an op that goes on being changed. What is erased, nobody read:
    that belongs to the rewrite before.
    """
    ends = [index + 1 for index, edit in enumerate(edits[:-1]) if not _goes_on(edit, edits[index + 1])]
    return [*ends, len(edits)] if edits else []


def _goes_on(edit: Edit, following: Edit) -> bool:
    if following.what == ERASED:
        return True
    if edit.attempt or following.attempt:
        return edit.attempt == following.attempt
    if edit.what == INSERTED:
        return edit.passes == following.passes
    return edit.what == following.what == CHANGED and edit.op is following.op


class MeteredGraph(Graph):
    """A graph that tells a meter of every edit before it is made."""

    __slots__ = ("_meter",)

    def __init__(self, name: str, meter: Meter) -> None:
        super().__init__(name)
        self._meter = meter

    def append(self, op: Op) -> Op:
        """Insert `op` at the end."""
        self._meter.tick(op, INSERTED)
        return super().append(op)

    def insert_before(self, anchor: Op, op: Op) -> Op:
        """Insert `op` directly before `anchor`."""
        self._meter.tick(op, INSERTED)
        return super().insert_before(anchor, op)

    def insert_after(self, anchor: Op, op: Op) -> Op:
        """Insert `op` directly after `anchor`."""
        self._meter.tick(op, INSERTED)
        return super().insert_after(anchor, op)

    def erase(self, op: Op) -> None:
        """Remove `op`."""
        self._meter.tick(op, ERASED)
        super().erase(op)

    def set_operands(self, op: Op, operands: Sequence[Value]) -> None:
        """Let `op` read these values instead."""
        self._meter.tick(op, CHANGED)
        super().set_operands(op, operands)

    def set_operand(self, op: Op, index: int, value: Value) -> None:
        """Let operand `index` of `op` be `value`."""
        self._meter.tick(op, CHANGED)
        super().set_operand(op, index, value)

    def replace_uses(self, old: Value, new: Value) -> None:
        """Let every reader of `old` read `new` instead."""
        self._meter.tick(old.producer, REPLACED)
        super().replace_uses(old, new)

    def set_attribute(self, op: Op, name: str, value: Attribute | None) -> None:
        """Set or remove an attribute."""
        self._meter.tick(op, CHANGED)
        super().set_attribute(op, name, value)

    def set_type(self, value: Value, type_: Type) -> None:
        """State the type of a value."""
        self._meter.tick(value.producer, CHANGED)
        super().set_type(value, type_)
