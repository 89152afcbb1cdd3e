"""The reducer: tries ever smaller models, and keeps each that still shows what it is reduced for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from modelc.dialects.lookup import op_def
from modelc.ir.clone import clone_model
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.verify import Level, verify
from modelc.reduce import edits
from modelc.reduce.budget import Budget, TimeIsUp
from modelc.reduce.cutting import extract, needed, size, units
from modelc.reduce.question import Question

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stage:
    """What one kind of reduction achieved.

    Attributes:
        name: What it takes away.
        before: Ops before it.
        after: Ops after it.
        tried: Candidates.
        kept: Candidates that took the place of the model.
    """

    name: str
    before: int
    after: int
    tried: int
    kept: int


@dataclass(slots=True)
class Reducer:
    """Reduces one model.

    Attributes:
        question: What must hold of every model that is kept.
        model: The smallest one so far.
        budget: What may be spent.
        tell: Called with what goes on, for people who wait.
        stages: What was done, in order.
    """

    question: Question
    model: Model
    budget: Budget
    tell: Callable[[str], None] = lambda text: None
    stages: list[Stage] = field(default_factory=list[Stage])
    _kept: int = 0
    _stage: str = ""
    _level: Level | None = None

    def run(self) -> Model:
        """Return the smallest model that was found; deterministic unless the time runs out."""
        self._level = soundness(self.model)
        with self.budget.enforced():
            while self._round():
                pass
        return self.model

    def _round(self) -> bool:
        """Try everything once; returns whether anything was taken away."""
        kept = self._kept
        self._run("functions", lambda: self._each(edits.functions))
        self._run("outputs", self._drop_outputs)
        self._run("ops", self._drop_ops)
        self._run("outputs", self._drop_outputs)
        self._run("branches", lambda: self._each(edits.branches))
        self._run("bypassed ops", lambda: self._each(edits.bypasses))
        self._run("constants to inputs", self._drop_constants)
        self._run("inputs", self._drop_inputs)
        self._run("dimensions", lambda: self._each(edits.dimensions))
        self._run("numbers of constants", lambda: self._each(edits.constants))
        self._run("attributes", lambda: self._each(edits.attributes))
        self._run("origins", lambda: self._each(edits.origins))
        return self._kept > kept

    def _run(self, name: str, work: Callable[[], None]) -> None:
        before, tried, kept = size(self.model), self.budget.taken, self._kept
        self._stage = name
        try:
            work()
        finally:
            if self.budget.taken > tried:
                after = size(self.model)
                self.stages.append(Stage(name, before, after, self.budget.taken - tried, self._kept - kept))

    def _try(self, candidate: Model | None) -> bool:
        """Keep `candidate` where the question holds of it; returns whether it does."""
        if candidate is None:
            return False
        if self.budget.spent:
            raise TimeIsUp
        self.budget.taken += 1
        self.tell(f"{size(self.model)} ops, candidate {self.budget.taken}: {self._stage}")
        try:
            holds = _is_sound(candidate, self._level) and self.question.holds(candidate)
        except Exception:  # whatever ops, passes and plugins make of what no model ever was
            return False
        if not holds:
            return False
        self.model = candidate
        self._kept += 1
        return True

    # -- kinds of reductions

    def _drop_ops(self) -> None:
        """Cut out stretches of ops, halves first: what they gave becomes an input, what they read an output."""
        self._chunks(lambda: [op for op in units(self.model.graph) if op.kind != "const"], self._without)

    def _drop_constants(self) -> None:
        self._chunks(lambda: [op for op in units(self.model.graph) if op.kind == "const"], self._without)

    def _drop_inputs(self) -> None:
        """Do without the inputs that nobody reads."""
        self._try(self._smaller(self._without(set())))

    def _without(self, doomed: Collection[Op]) -> Model | None:
        return extract(self.model, [op for op in self.model.graph if op not in doomed])

    def _drop_outputs(self) -> None:
        self._chunks(lambda: list(dict.fromkeys(self.model.graph.outputs)), self._without_outputs)

    def _without_outputs(self, doomed: Collection[Value]) -> Model | None:
        kept = {value for value in self.model.graph.outputs if value not in doomed}
        return extract(self.model, needed(self.model.graph, kept), kept)

    def _chunks(self, items: Callable[[], Sequence[T]], without: Callable[[Collection[T]], Model | None]) -> None:
        """Take away runs of items, from the end, in halves, quarters and so on down to single ones."""
        chunk = (len(items()) + 1) // 2
        while chunk:
            end = len(items())
            while end > 0:
                begin = max(0, end - chunk)
                self._try(self._smaller(without(set(items()[begin:end]))))
                end = min(begin, len(items()))
            chunk = min(chunk, len(items()) + 1) // 2

    def _smaller(self, candidate: Model | None) -> Model | None:
        """Return `candidate` unless it has all that the model has, since others need what was to be taken away."""
        return candidate if candidate is not None and _extent(candidate) < _extent(self.model) else None

    def _each(self, kind: Callable[[Model], Iterator[edits.Edit]]) -> None:
        """Try every edit of a kind; begin anew behind the same place where one was kept."""
        position, pending = 0, list(kind(self.model))
        while position < len(pending):
            if self._try(self._edited(pending[position])):
                pending = list(kind(self.model))
            else:
                position += 1

    def _edited(self, edit: edits.Edit) -> Model | None:
        copy = clone_model(self.model)
        try:
            return copy if edit(copy) else None
        except Exception:  # types are worked out anew by definitions that never saw the like
            return None


def _extent(model: Model) -> tuple[int, int, int]:
    return (size(model), len(model.graph.outputs), len(model.graph.inputs))


def soundness(model: Model) -> Level | None:
    """Return how thoroughly candidates can be verified: as far as the model itself is sound."""
    return next((level for level in reversed(Level) if _is_sound(model, level)), None)


def _is_sound(model: Model, level: Level | None) -> bool:
    return level is None or not any(verify(graph, level, op_def) for graph in model.graphs())
