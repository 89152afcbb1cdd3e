"""Plans: which ops of a graph compute in fewer bits under a precision mode."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from modelc.dialects.lookup import op_def
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.opdef import Slot
from modelc.ir.types import F32, TensorType
from modelc.kernels import CORE, KernelTable
from modelc.precision.modes import BLACK, LISTED, LOW, OPERANDS, ORIGIN, WHITE, WIDE, Mode, OpLists

_FLOATS: Final = frozenset({"f16", "bf16", "f32"})
_NO_OPS: Final = frozenset({"input", "const", "return", "absent"})
_BY_ATTRIBUTE: Final = "Cast"  # converts as it says, whatever the mode


@dataclass(frozen=True, slots=True)
class Treatment:
    """What of an op is narrowed.

    Attributes:
        operands: Whether its float32 operands are.
        results: Whether its float32 results are.
    """

    operands: bool = False
    results: bool = False


WHOLE: Final = Treatment(operands=True, results=True)
ENTERING: Final = Treatment(operands=True)
NOTHING: Final = Treatment()


@dataclass(frozen=True, slots=True)
class Kernels:
    """What the chip can execute.

    Attributes:
        table: The kernels.
        chip: The chip's name, empty for any.
    """

    table: KernelTable
    chip: str = ""

    def are_needed(self, name: str) -> bool:
        """Whether ops of type `name` compute: those that do not hand their operands on as they are."""
        return name not in self.table.without

    def take(self, name: str, element: str) -> bool:
        """Whether the cores of the chip can execute ops of type `name` on floating-point numbers of one type."""
        kernels = (*self.table.kernels.get(name, ()), *self.table.kernels.get(f"{name}D", ()))
        if not kernels:
            return _takes(_prototype(name), element)
        usable = [kernel for kernel in kernels if kernel.engine == CORE and (not self.chip or kernel.is_on(self.chip))]
        return any(_takes(kernel.slots.values(), element) for kernel in usable)


def _takes(slots: Iterable[Slot], element: str) -> bool:
    """Whether the first of `slots` that takes floating-point numbers takes those of type `element`.

    Others may take fewer types: a bias is often added in float32 whatever the operands are.
    """
    return next((element in slot.elements for slot in slots if slot.elements & _FLOATS), True)


@cache
def _prototype(name: str) -> tuple[Slot, ...]:
    definition = op_def(f"ge.{name}")
    return () if definition is None else (*definition.operands, *definition.results)


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of each op of a graph and of the graphs nested in it.

    Attributes:
        mode: The mode.
        treatments: The ops of which anything is narrowed.
        narrow: The values whose numbers the narrow type can hold already, so that narrowing changes none of them.
        kept: The ops that were asked to be left alone.
    """

    mode: Mode
    treatments: Mapping[Op, Treatment] = field(default_factory=dict[Op, Treatment])
    narrow: frozenset[Value] = frozenset()
    kept: frozenset[Op] = frozenset()

    def of(self, op: Op) -> Treatment:
        """Return what is narrowed of `op`."""
        return self.treatments.get(op, NOTHING)


def make_plan(graph: Graph, mode: Mode, lists: OpLists, kernels: Kernels, kept: frozenset[Op] = frozenset()) -> Plan:
    """Return what becomes of the ops of `graph` under `mode`; linear in their number.

    Args:
        graph: A graph of the canonical dialect.
        mode: The mode.
        lists: Which ops the mode speaks of.
        kernels: What the chip can execute.
        kept: Ops that stay in float32 where a kernel takes it.
    """
    planner = _Planner(mode, lists, kernels, kept)
    for nested in graph.walk():
        for op in nested:
            planner.add(op)
    return Plan(mode, planner.treatments, frozenset(planner.narrow), kept)


class _Planner:
    """One walk over a graph in the order of execution."""

    def __init__(self, mode: Mode, lists: OpLists, kernels: Kernels, kept: frozenset[Op]) -> None:
        self.mode = mode
        self.lists = lists
        self.kernels = kernels
        self.kept = kept
        self.treatments: dict[Op, Treatment] = {}
        self.narrow: set[Value] = set()

    def add(self, op: Op) -> None:
        """Settle what becomes of `op`."""
        name = op.kind.removeprefix("ge.")
        if op.kind in _NO_OPS or op.graphs or name == _BY_ATTRIBUTE:
            return
        operands = [value for value in op.inputs if _is_single(value)]
        if not self.kernels.are_needed(name):
            if operands and all(value in self.narrow for value in operands):
                self.narrow.update(op.results)
            return
        if not operands and not any(map(_is_single, op.results)):
            return
        treatment = self._treatment(op, name, operands)
        if treatment is not NOTHING:
            self.treatments[op] = treatment
        if treatment.results:
            self.narrow.update(op.results)

    def _treatment(self, op: Op, name: str, operands: list[Value]) -> Treatment:
        name = self.lists.becomes.get(name, name)
        word = WIDE if op in self.kept else self.mode.matrix if name in self.lists.matrix else self.mode.other
        if word == LISTED:
            word = self._listed(name, operands)
        if word == ORIGIN:
            return NOTHING
        takes_low = self.kernels.take(name, self.mode.low.name)
        if word == WIDE:
            return WHOLE if takes_low and not self.kernels.take(name, F32.name) else NOTHING
        if not takes_low:
            return NOTHING
        return {LOW: WHOLE, OPERANDS: ENTERING}[word]

    def _listed(self, name: str, operands: list[Value]) -> str:
        color = self.lists.color(name)
        if color in (WHITE, BLACK):
            return LOW if color == WHITE else ORIGIN
        first = next((value for value in operands if value.producer.kind != "const"), None)
        return LOW if first is not None and first in self.narrow else WIDE


def _is_single(value: Value) -> bool:
    return isinstance(value.type, TensorType) and value.type.element == F32
