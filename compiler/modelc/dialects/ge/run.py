"""Execution of a graph on the CPU: the plain loop that nested graphs and the evaluator share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from modelc.dialects.lookup import op_def
from modelc.ir.blob import Blob, BlobError
from modelc.ir.constants import to_array
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.opdef import InferenceError
from modelc.ir.types import CONTROL

Array: TypeAlias = NDArray[Any]
Observer: TypeAlias = Callable[[Op, Sequence[Array]], None]

NOTHING: Array = np.empty(0, object)  # stands for the value of an `absent` op


class RunError(Exception):
    """An op could not be executed.

    Attributes:
        op: The op, of the innermost nested graph.
        problem: Why, as a clause.
        supported: False where nobody defined how to execute this kind of op.
    """

    def __init__(self, op: Op, problem: str, *, supported: bool = True) -> None:
        super().__init__(f"`{op.origin.name or op.name}` ({op.kind}): {problem}")
        self.op = op
        self.problem = problem
        self.supported = supported


def run_graph(
    graph: Graph,
    arrays: Sequence[Array],
    *,
    observe: Observer | None = None,
    constants: dict[Op, Array] | None = None,
) -> list[Array]:
    """Execute `graph` and return its outputs; a value is dropped after its last reader.

    Args:
        graph: The graph. Ops nobody reads are not executed.
        arrays: One array per graph input.
        observe: Called with every op of this graph as it is executed, inputs and constants included, and its results.
        constants: Keeps the numbers of constants from one run to the next where given.

    Raises:
        RunError: An op failed, or nobody defined how to execute it.
    """
    if len(arrays) != len(graph.inputs):
        raise RunError(graph.input_op, f"graph @{graph.name} takes {len(graph.inputs)} inputs, not {len(arrays)}")
    state = _State(observe, constants)
    for op in graph:
        if op.kind == "return":
            break
        if not any(value.readers for value in op.results):
            continue
        if op.kind == "const":
            state.pending[op.result] = len(op.result.readers)
            continue
        operands = state.take(op)
        state.keep(op, arrays if op.kind == "input" else _execute(op, operands))
    return state.take(graph.return_op)


class _State:
    """The values of one run that somebody still reads."""

    def __init__(self, observe: Observer | None, constants: dict[Op, Array] | None) -> None:
        self.observe = observe
        self.constants = constants
        self.values: dict[Value, Array] = {}
        self.pending: dict[Value, int] = {}

    def take(self, op: Op) -> list[Array]:
        """Return the operands of `op`, and forget those nobody else reads."""
        taken = []
        for value in op.operands:
            if value.type is CONTROL:
                continue
            if value not in self.values:
                # Constants are read when they are first needed, so that weights do not pile up.
                self.values[value] = self._load(value.producer)
            taken.append(self.values[value])
            self.pending[value] -= 1
            if not self.pending[value]:
                del self.values[value], self.pending[value]
        return taken

    def _load(self, op: Op) -> Array:
        array = _constant(op, self.constants)
        if self.observe is not None:
            self.observe(op, [array])
        return array

    def keep(self, op: Op, results: Sequence[Array]) -> None:
        """Remember the results of `op` that somebody reads."""
        if self.observe is not None:
            self.observe(op, results)
        kept = [value for value in op.results if value.type is not CONTROL]
        if len(results) != len(kept):
            raise RunError(op, f"gave {len(results)} results, {len(kept)} were expected")
        for value, array in zip(kept, results, strict=True):
            if value.readers:
                self.values[value], self.pending[value] = array, len(value.readers)


def _execute(op: Op, operands: Sequence[Array]) -> Sequence[Array]:
    if op.kind == "absent":
        return [NOTHING]
    definition = op_def(op.kind)
    if definition is None or definition.evaluate is None:
        raise RunError(op, "nothing is known about how to execute it", supported=False)
    try:
        return definition.evaluate(op, operands)
    except RunError:
        raise
    except (InferenceError, BlobError) as error:
        raise RunError(op, str(error)) from error
    except RecursionError as error:
        raise RunError(op, "graphs are nested too deep") from error
    except MemoryError as error:
        raise RunError(op, "there is not enough memory for its result") from error
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise RunError(op, f"its operands do not fit: {error}") from error


def _constant(op: Op, constants: dict[Op, Array] | None) -> Array:
    if constants is not None and op in constants:
        return constants[op]
    blob = op.attributes.get("value")
    if not isinstance(blob, Blob):
        raise RunError(op, "a constant without a value")
    try:
        array = to_array(blob, op.result.tensor)
    except (BlobError, ValueError, TypeError) as error:
        raise RunError(op, str(error)) from error
    if constants is not None:
        constants[op] = array
    return array
