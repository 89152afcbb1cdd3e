"""Runs one TensorFlow op with TensorFlow, and lowered with the evaluator, and holds the results against each other."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import ModelcError, Sink
from modelc.dialects.ge.run import RunError, run_graph
from modelc.dialects.lookup import op_def
from modelc.frontends.frontend import LoadOptions
from modelc.frontends.load import load
from modelc.ir.constants import type_of
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.opdef import InferenceError
from modelc.ir.types import TensorType, Type
from modelc.pipeline.facts import FROZEN, INFERENCE_ONLY, INLINED
from modelc.pipeline.passes import PassContext
from modelc_passes.lower_tf.lower import LowerTf

Array: TypeAlias = NDArray[Any]

# Relative rounding errors that one operation may leave.
ROUNDING = {
    "bfloat16": 8e-3,
    "complex128": 1e-12,
    "complex64": 2e-6,
    "float16": 1e-3,
    "float32": 2e-6,
    "float64": 1e-12,
}


@dataclass(frozen=True)
class Known:
    """An operand that is a constant of the graph; all others are fed."""

    array: Array


Operand: TypeAlias = "Array | Known | list[Array] | list[Known]"


@dataclass(frozen=True)
class Call:
    """An op with its operands and attributes, both by the names that TensorFlow has for them."""

    operands: Mapping[str, Operand]
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])


Check: TypeAlias = Callable[[Call, Sequence[Array], Sequence[Array]], None]


@dataclass(frozen=True)
class Case:
    """How one op type is tested.

    Attributes:
        calls: What it is called with.
        rounding: How many roundings the results may differ by.
        check: Holds results of ours against those of TensorFlow where numbers are not simply close.
        results: How many results from the first on count, None for all; the others are not read.
        may_refuse: What the target lacks and TensorFlow has; calls may end in a finding then.
    """

    calls: st.SearchStrategy[Call]
    rounding: float = 4.0
    check: Check | None = None
    results: int | None = None
    may_refuse: str = ""


CASES: dict[str, Case] = {}


def add(op_type: str, calls: st.SearchStrategy[Call], **options: Any) -> None:
    """Add the case of one op type, which must be the only one."""
    assert op_type not in CASES, op_type
    CASES[op_type] = Case(calls, **options)


def same(actual: Array, expected: Array, rounding: float) -> None:
    """Assert that two arrays have one type and shape, and numbers that are equal up to some roundings."""
    assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
    tolerance = ROUNDING.get(actual.dtype.name, 0.0) * rounding
    if not tolerance:
        np.testing.assert_array_equal(actual, expected)
        return
    wide = np.complex128 if actual.dtype.kind == "c" else np.float64
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(actual.astype(wide), expected.astype(wide), tolerance, tolerance, equal_nan=True)


# -- TensorFlow


class Built:
    """A graph that holds one op, what TensorFlow computes with it, and the feeds by the names of the inputs."""

    def __init__(self, op_type: str, call: Call, results: int | None) -> None:
        import tensorflow as tf
        from tensorflow.python.framework import op_def_library

        self.feeds: dict[str, Array] = {}
        self.results: list[Array] | None = None
        with tf.Graph().as_default() as graph:
            operands = {name: self._operand(tf, name, operand) for name, operand in call.operands.items()}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                attributes = {**_defaults(op_type), **call.attributes}
                made = op_def_library.apply_op(op_type, name="op", **operands, **attributes)
            flat = tf.nest.flatten(list(made) if isinstance(made, tuple) else made)
            kept = [tf.identity(tensor, f"r{index}") for index, tensor in enumerate(flat[:results])]
            self.graph_def = graph.as_graph_def(add_shapes=False).SerializeToString()
            self.names = [f"r{index}:0" for index in range(len(kept))]
            with tf.compat.v1.Session(graph=graph) as session:
                # Copies, because some kernels change their operands in place.
                self.results = session.run(kept, {f"{name}:0": array.copy() for name, array in self.feeds.items()})

    def _operand(self, tf: Any, name: str, operand: Operand | Sequence[Operand]) -> Any:
        if isinstance(operand, Sequence):
            return [self._operand(tf, f"{name}_{index}", item) for index, item in enumerate(operand)]
        if isinstance(operand, Known):
            return tf.constant(operand.array)
        self.feeds[name] = operand
        return tf.compat.v1.placeholder(tf.as_dtype(operand.dtype), operand.shape, name=name)


def _defaults(op_type: str) -> dict[str, Any]:
    """Return the defaults of the attributes that do not follow from operands."""
    from tensorflow.python.framework import op_def_registry

    definition = op_def_registry.get(op_type)
    followed = {name for arg in definition.input_arg for name in (arg.type_attr, arg.number_attr, arg.type_list_attr)}
    defaults = {attr.name: attr.default_value for attr in definition.attr if attr.HasField("default_value")}
    return {name: _plain(value) for name, value in defaults.items() if name not in followed}


def _plain(value: Any) -> Any:
    """Return the value of an attribute as Python has it."""
    kind = value.WhichOneof("value")
    if kind != "list":
        return getattr(value, kind)
    fields = value.list.ListFields()
    return list(fields[0][1]) if fields else []


def _built(op_type: str, call: Call) -> Built | None:
    """Return what TensorFlow makes of a call, None where it refuses."""
    import tensorflow as tf

    try:
        return Built(op_type, call, CASES[op_type].results)
    except (ValueError, TypeError, tf.errors.OpError):
        return None


# -- ours


class RefusedError(Exception):
    """The op was not lowered, or not executed."""


def lowered(path: Path, outputs: Sequence[str]) -> Model:
    """Return a graph in the canonical dialect, with all of its control flow.

    Raises:
        RefusedError: There are findings.
    """
    sink = Sink()
    try:
        model = load(path, LoadOptions(out_nodes=";".join(outputs)), sink)
    except ModelcError as error:
        raise RefusedError("; ".join(item.message for item in error.diagnostics)) from error
    model.facts |= {INLINED, FROZEN, INFERENCE_ONLY}
    LowerTf().run(model, PassContext(sink=sink))
    if sink.errors:
        raise RefusedError("; ".join(item.message for item in sink.errors))
    return model


def agrees(type_: Type, array: Array) -> bool:
    """Whether what is known of a value holds for an array."""
    if not isinstance(type_, TensorType):
        return False
    found = type_of(array)
    if type_.element not in (None, found.element) and type_.element is not None:
        return type_.element.family in ("quantized", "opaque")
    if type_.shape is None:
        return True
    return len(type_.shape) == array.ndim and all(
        dim in (None, f"n{size}", size) for dim, size in zip(type_.shape, array.shape, strict=True)
    )


def _blurs(type_: Type) -> Iterator[Type]:
    if isinstance(type_, TensorType) and type_.is_static:
        yield type_.with_shape((None,) * len(type_.dims))
        yield type_.with_shape(tuple(f"n{dim}" for dim in type_.dims))
        yield type_.with_shape(None)


def _check_blurred(op: Op, results: Sequence[Array]) -> None:
    """Assert that what is inferred from less than full types still holds of the results."""
    definition = op_def(op.kind)
    if op.kind in ("input", "const", "absent") or op.graphs or definition is None or definition.infer is None:
        return
    ways = [list(_blurs(value.type)) for value in op.inputs]
    for way in range(3):
        operands = [
            Op("test.Source", (), {}, (blurs[way],)).result if blurs and value.producer.kind != "const" else value
            for value, blurs in zip(op.inputs, ways, strict=True)
        ]
        for type_, array in zip(definition.infer(Op(op.kind, tuple(operands), op.attributes)), results, strict=True):
            assert agrees(type_, array), f"{op.kind} gives {type_of(array)}, {type_} was inferred"


def _computed(model: Model, feeds: Mapping[str, Array]) -> list[Array]:
    def observe(op: Op, results: Sequence[Array]) -> None:
        for value, array in zip(op.results, results, strict=False):
            _check_type(op, value, array)
        _check_blurred(op, results)

    arrays = [feeds[name.partition(":")[0]] for name in model.graph.input_names]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = run_graph(model.graph, arrays, observe=observe)
    except RunError as error:
        raise RefusedError(str(error)) from error
    return [found[index] for index in _order(model)]


def _order(model: Model) -> list[int]:
    names = [name.partition(":")[0] for name in model.graph.output_names]
    return sorted(range(len(names)), key=lambda index: int(names[index].removeprefix("r")))


def _check_type(op: Op, value: Value, array: Array) -> None:
    assert op.kind == "absent" or agrees(value.type, array), f"{op.kind} is {value.type}, not {type_of(array)}"


# -- both


def hold_against_tensorflow(op_type: str, call: Call, folder: Path) -> bool:
    """Assert that an op gives what TensorFlow computes; return whether TensorFlow computes anything.

    Where TensorFlow refuses, the graph does not exist, and there is nothing to compare.
    """
    case = CASES[op_type]
    built = _built(op_type, call)
    if built is None or built.results is None:
        return False
    path = folder / "op.pb"
    path.write_bytes(built.graph_def)
    try:
        found = _computed(lowered(path, built.names), built.feeds)
    except RefusedError as refusal:
        if case.may_refuse:
            return False
        raise AssertionError(f"{op_type} was refused: {refusal}") from refusal
    except InferenceError as error:
        raise AssertionError(f"{op_type} gives, and inference refuses: {error}") from error
    assert len(found) == len(built.results)
    if case.check is not None:
        case.check(call, found, built.results)
        return True
    for actual, expected in zip(found, built.results, strict=True):
        same(actual, np.asarray(expected), case.rounding)
    return True
