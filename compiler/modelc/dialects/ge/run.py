"""Execution of a graph on the CPU: the plain loop that nested graphs and the evaluator share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
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
Execute: TypeAlias = Callable[[Op, Sequence[Array]], Sequence[Array]]  # from the operands of an op to its results

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
    outputs: Sequence[Array] = ()
    for op, results in steps(graph, arrays, constants=constants):
        if observe is not None and op.kind != "return":
            observe(op, results)
        outputs = results
    return list(outputs)


def steps(
    graph: Graph,
    arrays: Sequence[Array],
    *,
    execute: Execute | None = None,
    constants: dict[Op, Array] | None = None,
) -> Iterator[tuple[Op, Sequence[Array]]]:
    """Execute `graph` op by op; yields every op with its results, and at last `return` with the outputs.

    Two of these over one graph go in step with each other.

    Args:
        graph: The graph, as for `run_graph`.
        arrays: One array per graph input.
        execute: Executes an op; by default what `executing` has set, else the op's own definition.
        constants: As for `run_graph`.

    Raises:
        RunError: An op failed, or nobody defined how to execute it.
    """
    if len(arrays) != len(graph.inputs):
        raise RunError(graph.input_op, f"graph @{graph.name} takes {len(graph.inputs)} inputs, not {len(arrays)}")
    execute = execute or _EXECUTE.get()
    state = _State(constants)
    for op in graph:
        if op.kind == "return":
            break
        if not any(value.readers for value in op.results):
            continue
        if op.kind == "const":
            state.pending[op.result] = len(op.result.readers)
            continue
        yield from state.load(op)
        operands = state.take(op)
        results = arrays if op.kind == "input" else execute(op, operands)
        yield op, results
        state.keep(op, results)
    yield from state.load(graph.return_op)
    yield graph.return_op, state.take(graph.return_op)


@contextmanager
def executing(execute: Execute) -> Iterator[None]:
    """Let ops be executed by `execute` meanwhile, those of nested graphs included."""
    token = _EXECUTE.set(execute)
    try:
        yield
    finally:
        _EXECUTE.reset(token)


class _State:
    """The values of one run that somebody still reads."""

    def __init__(self, constants: dict[Op, Array] | None) -> None:
        self.constants = constants
        self.values: dict[Value, Array] = {}
        self.pending: dict[Value, int] = {}

    def load(self, op: Op) -> Iterator[tuple[Op, Sequence[Array]]]:
        """Read the constants that `op` is the first to need, so that weights do not pile up; yields each."""
        for value in op.operands:
            if value.type is not CONTROL and value not in self.values:
                self.values[value] = _constant(value.producer, self.constants)
                yield value.producer, [self.values[value]]

    def take(self, op: Op) -> list[Array]:
        """Return the operands of `op`, and forget those nobody else reads."""
        taken = []
        for value in op.operands:
            if value.type is CONTROL:
                continue
            taken.append(self.values[value])
            self.pending[value] -= 1
            if not self.pending[value]:
                del self.values[value], self.pending[value]
        return taken

    def keep(self, op: Op, results: Sequence[Array]) -> None:
        """Remember the results of `op` that somebody reads."""
        kept = [value for value in op.results if value.type is not CONTROL]
        if len(results) != len(kept):
            raise RunError(op, f"gave {len(results)} results, {len(kept)} were expected")
        for value, array in zip(kept, results, strict=True):
            if value.readers:
                self.values[value], self.pending[value] = array, len(value.readers)


def execute_op(op: Op, operands: Sequence[Array]) -> Sequence[Array]:
    """Return the results of one op, by its own definition; raises RunError where it fails."""
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


_EXECUTE: ContextVar[Execute] = ContextVar("execute", default=execute_op)


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
