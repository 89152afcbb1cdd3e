"""Execution as a chip would: operands and results of ops rounded as a plan says. An emulation, no device takes part.

Ops compute in float32 or more between the two roundings, as the chip's matrix unit does; the order in which a chip
sums, and what its kernels round in between, is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy.typing import NDArray

from modelc.dialects.ge.run import execute_op, executing
from modelc.execute.evaluator import evaluate
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.types import CONTROL
from modelc.precision.plan import NOTHING, Plan
from modelc.precision.rounding import clipped, narrowed

Array: TypeAlias = NDArray[Any]
Arrays: TypeAlias = Sequence[Array]


@dataclass(frozen=True, slots=True, eq=False)
class Rounded:
    """One op as it was executed in fewer bits.

    Attributes:
        op: The op.
        operands: Its operands as they came.
        taken: Its operands as it took them.
        computed: Its results before they were rounded.
        results: Its results.
    """

    op: Op
    operands: Arrays
    taken: Arrays
    computed: Arrays
    results: Arrays

    def exact(self) -> Arrays:
        """Return what the op would give for operands as they came, in float32."""
        if all(a is b for a, b in zip(self.operands, self.taken, strict=True)):
            return self.computed
        return execute_op(self.op, self.operands)


Watch: TypeAlias = Callable[[Rounded], None]


@dataclass(frozen=True, slots=True)
class Emulation:
    """Executes ops as a plan says.

    Attributes:
        plan: The plan.
        watch: Called with each op that is executed in fewer bits; once per iteration inside of a loop.
    """

    plan: Plan
    watch: Watch | None = None

    def execute(self, op: Op, operands: Arrays) -> Arrays:
        """Return the results of `op`; raises RunError where it fails."""
        if op.graphs:
            with self.active():
                return execute_op(op, operands)
        treatment = self.plan.of(op)
        if treatment is NOTHING:
            return execute_op(op, operands)
        taken = operands
        if treatment.operands:
            values = (value for value in op.operands if value.type is not CONTROL)
            taken = [self._taken(value, array) for value, array in zip(values, operands, strict=True)]
        computed = execute_op(op, taken)
        low = self.plan.mode.low
        results = [narrowed(array, low) for array in computed] if treatment.results else computed
        if self.watch is not None:
            self.watch(Rounded(op, operands, taken, computed, results))
        return results

    def active(self) -> AbstractContextManager[None]:
        """Return a context in which graphs are executed so."""
        return executing(self.execute)

    def _taken(self, value: Value, array: Array) -> Array:
        if value in self.plan.narrow:
            return array
        rounding = clipped if value.producer.kind == "const" else narrowed
        return rounding(array, self.plan.mode.low)


def emulate(graph: Graph, inputs: Mapping[str, Array], plan: Plan) -> dict[str, Array]:
    """Execute `graph` as `plan` says and return its outputs by public name; as `evaluate` does otherwise."""
    with Emulation(plan).active():
        return evaluate(graph, inputs)
