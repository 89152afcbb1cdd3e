"""The evaluator: executes a graph of the canonical dialect with numpy, on the CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import Diagnostic, ModelcError, fail, finding
from modelc.dialects.ge.run import Observer, RunError, run_graph
from modelc.dialects.ge.unexecuted import unexecuted
from modelc.dialects.lookup import op_def
from modelc.ir.constants import element_of, numpy_dtype
from modelc.ir.graph import Graph
from modelc.ir.op import Op
from modelc.ir.types import TensorType, Type

Array: TypeAlias = NDArray[Any]

BUILT_IN = frozenset({"input", "const", "absent", "return"})
SHOWN = 8  # names of ops shown in a finding


def evaluate(graph: Graph, inputs: Mapping[str, Array], *, observe: Observer | None = None) -> dict[str, Array]:
    """Execute `graph` and return its outputs by public name.

    Values are dropped after their last reader; constants are read from their files when they are first needed.

    Args:
        graph: A graph of the canonical dialect.
        inputs: One array per input, by public name.
        observe: Called with every op as it is executed, and its results.

    Raises:
        ModelcError: The inputs do not fit, there are ops that cannot be executed here, or one failed.
    """
    arrays = checked(graph, inputs, obstacles(graph))
    try:
        results = run_graph(graph, arrays, observe=observe)
    except RunError as error:
        raise failure(error) from error
    return dict(zip(graph.output_names, results, strict=True))


def checked(graph: Graph, inputs: Mapping[str, Array], others: Sequence[Diagnostic] = ()) -> list[Array]:
    """Return `inputs` in the order of the graph's.

    Args:
        graph: The graph.
        inputs: One array per input, by public name.
        others: What else stands against executing it.

    Raises:
        ModelcError: They do not fit, or there is something else.
    """
    types = {name: value.type for name, value in zip(graph.input_names, graph.inputs, strict=True)}
    given = {name: _as_array(inputs[name], type_) for name, type_ in types.items() if name in inputs}
    problems = [*_check_names(types, inputs), *_check_inputs(graph, given), *others]
    if problems:
        raise ModelcError(*problems)
    return [given[name] for name in types]


def failure(error: RunError) -> ModelcError:
    """Return what to raise where an op failed."""
    name = error.op.origin.name or error.op.name
    if not error.supported:
        return fail("MC602", f"`{name}` ({error.op.kind}) cannot be executed here", error.op)
    return fail("MC605", f"`{name}` ({error.op.kind}) failed: {error.problem}", error.op)


# -- inputs


def _check_names(types: Mapping[str, Type], inputs: Mapping[str, Array]) -> list[Diagnostic]:
    known = ", ".join(f"`{name}`" for name in types) or "none"
    return [
        finding("MC601", f"there is no input `{name}`, the inputs are {known}") for name in inputs if name not in types
    ]


def _check_inputs(graph: Graph, given: Mapping[str, Array]) -> list[Diagnostic]:
    findings = []
    symbols: dict[str, tuple[int, str]] = {}
    for name, value in zip(graph.input_names, graph.inputs, strict=True):
        problem = _misfit(given[name], value.type, name, symbols) if name in given else "is not given"
        if problem:
            findings.append(finding("MC601", f"input `{name}` {problem}, expected is {value.type}", value))
    return findings


def _misfit(array: Array, type_: Type, name: str, symbols: dict[str, tuple[int, str]]) -> str:
    """Return what is wrong with an input as a clause, empty where it fits."""
    if not isinstance(type_, TensorType):
        return ""
    try:
        found = TensorType(element_of(array.dtype), array.shape)
    except KeyError:
        return f"has elements of {array.dtype}"
    if type_.element is not None and array.dtype != numpy_dtype(type_.element):
        return f"is {found}"
    if type_.shape is None:
        return ""
    if len(type_.shape) != array.ndim:
        return f"is {found}"
    for dim, size in zip(type_.shape, array.shape, strict=True):
        if isinstance(dim, int) and dim != size:
            return f"is {found}"
        other = symbols.setdefault(dim, (size, name)) if isinstance(dim, str) else (size, name)
        if other[0] != size:
            return f"is {found} and `{dim}` then {size}, which is {other[0]} in input `{other[1]}`"
    return ""


def _as_array(given: Array, type_: Type) -> Array:
    """Return an input in the machine's byte order, its text as bytes."""
    array = np.asarray(given)
    element = type_.element if isinstance(type_, TensorType) else None
    if element is not None and element.family == "string" and array.dtype.kind in "SUO":
        return _as_bytes(array)
    if element is not None and element.name == "bf16" and array.dtype == np.dtype("V2"):
        return array.view(numpy_dtype(element))  # files of arrays give bfloat16 back as pairs of bytes
    return array.astype(array.dtype.newbyteorder("="), copy=False) if array.dtype.byteorder == ">" else array


def _as_bytes(array: Array) -> Array:
    result = np.empty(array.shape, object)
    flat = [item if isinstance(item, bytes) else str(item).encode() for item in array.reshape(-1).tolist()]
    result.reshape(-1)[:] = flat
    return result


# -- ops


def obstacles(graph: Graph) -> list[Diagnostic]:
    """Return one finding per kind of op that cannot be executed, nested graphs included."""
    unknown: dict[str, list[Op]] = {}
    for nested in graph.walk():
        for op in nested:
            if any(value.readers for value in op.results) and not _is_executable(op.kind):
                unknown.setdefault(op.kind, []).append(op)
    return [_not_executable(kind, ops) for kind, ops in unknown.items()]


def _is_executable(kind: str) -> bool:
    if kind in BUILT_IN:
        return True
    definition = op_def(kind)
    return definition is not None and definition.evaluate is not None


def _not_executable(kind: str, ops: Sequence[Op]) -> Diagnostic:
    names = [op.origin.name or op.name for op in ops]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    listed = ", ".join(names[:SHOWN]) + more
    others = f" and {len(names) - 1} more of its kind" if len(names) > 1 else ""
    reason = unexecuted().get(kind.removeprefix("ge."))
    return finding(
        "MC602",
        f"`{names[0]}` ({kind}){others} cannot be executed here",
        ops[0],
        evidence=[("ops", listed)],
        notes=[f"{kind} {reason}"] if reason else [],
    )
