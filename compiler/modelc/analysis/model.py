"""What a model costs, op by op and in sum.

* Parameters are the numbers of floating-point constants, each constant once.
* Bytes are those of operands and results as the graph has them, as if each op read and wrote memory: a chip that fuses
  ops or keeps tensors in its caches moves fewer. An op reads a value once, however often it takes it; one that picks
  from its first operand reads as much of it as it gives. Views move nothing.
* Operations per byte count a MAC as two.
* Ops of nested graphs count once: every branch, and one iteration of a loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from modelc.analysis.costs import NONE, Arithmetic, arithmetic
from modelc.analysis.memory import MemoryPlan, plan_memory
from modelc.analysis.views import VIEWS
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.opdef import InferenceError
from modelc.ir.types import TensorType

_NO_OPS: Final = frozenset({"input", "const", "return", "absent"})
PICKING: Final = frozenset(
    f"ge.{name}"
    for name in (
        *("Gather", "GatherD", "GatherElements", "GatherNd", "GatherV2", "Slice", "Split", "SplitV", "StridedSlice"),
        *("StridedSliceV2", "StridedSliceV3"),
    )
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one op or several cost.

    Attributes:
        parameters: Numbers in the floating-point constants they read.
        macs: Multiplications with their addition.
        other: Other operations.
        weights: Bytes of constants they read.
        read: Bytes of other operands they read.
        written: Bytes they write.
    """

    parameters: int = 0
    macs: int = 0
    other: int = 0
    weights: int = 0
    read: int = 0
    written: int = 0

    def __add__(self, more: Cost) -> Cost:
        return Cost(
            self.parameters + more.parameters,
            self.macs + more.macs,
            self.other + more.other,
            self.weights + more.weights,
            self.read + more.read,
            self.written + more.written,
        )

    @property
    def moved(self) -> int:
        """Bytes read and written."""
        return self.weights + self.read + self.written

    @property
    def intensity(self) -> float:
        """Operations per byte moved, 0 where nothing is moved."""
        return (2 * self.macs + self.other) / self.moved if self.moved else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class OpCost:
    """What one op costs.

    Attributes:
        op: The op.
        cost: What it costs, None where a shape that counts is not known.
    """

    op: Op
    cost: Cost | None


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """What a graph costs.

    Attributes:
        ops: Its ops, those of nested graphs behind their own.
        total: Their sum; of parameters and weights, each constant once.
        memory: Where its activations lie.
        weight_bytes: Bytes of all constants.
    """

    ops: tuple[OpCost, ...]
    total: Cost
    memory: MemoryPlan
    weight_bytes: int

    @property
    def unknown(self) -> list[Op]:
        """The ops whose cost is not known, and not in the sum."""
        return [each.op for each in self.ops if each.cost is None]


def analyze(graph: Graph) -> Analysis:
    """Return what `graph`, of the canonical dialect, costs; nearly linear in its size."""
    ops = tuple(OpCost(op, _cost(op)) for nested in graph.walk() for op in nested if op.kind not in _NO_OPS)
    total = Cost()
    for each in ops:
        if each.cost is not None:
            total += each.cost
    constants = [op.results[0] for nested in graph.walk() for op in nested if op.kind == "const"]
    constants = [value for value in constants if value.readers]
    parameters = sum(map(_parameters, constants))
    total += Cost(parameters - total.parameters)
    return Analysis(ops, total, plan_memory(graph), sum(map(_nbytes, constants)))


def _cost(op: Op) -> Cost | None:
    try:
        if op.kind in VIEWS or op.graphs:
            return Cost()
        return _known(op, arithmetic(op) if _is_numeric(op) else NONE)
    except (ValueError, InferenceError):
        return None


def _known(op: Op, work: Arithmetic) -> Cost:
    operands = dict.fromkeys(op.inputs)
    constants = [value for value in operands if value.producer.kind == "const"]
    written = sum(map(_nbytes, op.results))
    read = weights = 0
    for index, value in enumerate(operands):
        size = _nbytes(value)
        if index == 0 and op.kind in PICKING:
            size = min(size, written)
        if value.producer.kind == "const":
            weights += size
        else:
            read += size
    return Cost(sum(map(_parameters, constants)), work.macs, work.other, weights, read, written)


def _is_numeric(op: Op) -> bool:
    return any(isinstance(value.type, TensorType) for value in op.results)


def _nbytes(value: Value) -> int:
    """Return the bytes of a tensor, 0 for a token; raises ValueError where they are not known."""
    return value.type.nbytes if isinstance(value.type, TensorType) else 0


def _parameters(value: Value) -> int:
    element = value.tensor.element
    return value.tensor.size if element is not None and element.family == "float" else 0


def by_kind(analysis: Analysis) -> Iterator[tuple[str, int, Cost]]:
    """Yield the kinds of ops with their number and cost, those with most arithmetic and traffic first."""
    found: dict[str, tuple[int, Cost]] = {}
    for each in analysis.ops:
        count, cost = found.get(each.op.kind, (0, Cost()))
        found[each.op.kind] = count + 1, cost + (each.cost or Cost())
    rows = ((kind, count, cost) for kind, (count, cost) in found.items())
    yield from sorted(rows, key=lambda row: (-row[2].macs, -row[2].other, -row[2].moved, row[0]))
