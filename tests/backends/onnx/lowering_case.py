"""One op of the canonical dialect, lowered to ONNX: checked by ONNX, executed by onnxruntime, compared with numpy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx_engines import check_file

from modelc.dialects.ge.run import run_graph
from modelc.dialects.lookup import infer_types
from modelc.execute.compare import compare
from modelc.ir.attributes import Attribute
from modelc.ir.constants import to_blob, type_of
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.types import NONE, TensorType
from modelc_backends.onnx.lower_to_onnx import lower

Array = NDArray[Any]

# Of the element types that are rounded; all others are compared exactly.
TOLERANCES = {"float64": 1e-6, "float32": 2e-6, "float16": 4e-3, "bfloat16": 3e-2}


@dataclass(frozen=True)
class Known:
    """An operand that is a constant of the graph, where plain arrays are its inputs."""

    array: Array


def known(numbers: Any, dtype: Any = np.int32) -> Known:
    """Return a constant operand."""
    return Known(np.asarray(numbers, dtype))


@dataclass(frozen=True, eq=False)
class Case:
    """An op to lower.

    Attributes:
        kind: The Graph Engine's name of it.
        operands: Arrays are inputs of the graph; None stands for an optional operand that is left out.
        attributes: Its attributes.
        tolerances: The largest difference by numpy's name of the element type, as `compare` measures it.
        is_open: Whether the first dimensions of the inputs are symbols.
    """

    kind: str
    operands: tuple[Array | Known | None, ...]
    attributes: dict[str, Attribute] = field(default_factory=dict[str, Attribute])
    tolerances: dict[str, float] = field(default_factory=lambda: TOLERANCES)
    is_open: bool = False

    def __str__(self) -> str:
        given = (_shown(each) for each in self.operands)
        return f"{self.kind}({', '.join([*given, *(f'{name}={value!r}' for name, value in self.attributes.items())])})"


def _shown(operand: Array | Known | None) -> str:
    if isinstance(operand, Known):
        return f"{type_of(operand.array)} {operand.array.tolist()}".replace("\n", " ")[:40]
    return "none" if operand is None else str(type_of(operand))


def check(kind: str, *operands: Array | Known | None, **attributes: Attribute) -> None:
    """Assert that an op computes in onnxruntime what it computes here."""
    check_case(Case(kind, operands, attributes))


def check_case(case: Case) -> None:
    """Assert that an op computes in onnxruntime what it computes here, and that all types are those ONNX infers."""
    model = model_of(case)
    inputs = [np.asarray(each) for each in case.operands if each is not None and not isinstance(each, Known)]
    expected = run_graph(model.graph, inputs)
    findings = lower(model)
    assert not findings, [each.message for each in findings]
    for index, (reference, actual) in enumerate(zip(expected, execute(model, inputs), strict=True)):
        found = compare(f"result {index}", reference, actual, case.tolerances)
        assert found.equal, f"{found.text()}\n{reference!r}\n{actual!r}"


def model_of(case: Case) -> Model:
    """Return the model that computes the op of a case and nothing else."""
    graph = Graph()
    arrays = [each for each in case.operands if each is not None and not isinstance(each, Known)]
    types = tuple(_input_type(np.asarray(each), case.is_open) for each in arrays)
    names = tuple(f"x{index}" for index in range(len(arrays)))
    inputs = iter(graph.append(Op("input", (), {"names": names}, types)).results)
    operands = tuple(_operand(graph, each, inputs) for each in case.operands)
    op = Op(f"ge.{case.kind}", operands, dict(case.attributes))
    op = graph.append(Op(op.kind, operands, op.attributes, tuple(infer_types(op)), name=case.kind))
    outputs = tuple(value for value in op.results if isinstance(value.type, TensorType))
    graph.append(Op("return", outputs, {"names": tuple(f"y{index}" for index in range(len(outputs)))}))
    return Model(graph)


def _input_type(array: Array, is_open: bool) -> TensorType:
    type_ = type_of(array)
    return type_.with_shape((f"n{type_.dims[0]}", *type_.dims[1:])) if is_open and type_.dims else type_


def _operand(graph: Graph, operand: Array | Known | None, inputs: Any) -> Value:
    if operand is None:
        return graph.append(Op("absent", types=(NONE,))).result
    if not isinstance(operand, Known):
        value: Value = next(inputs)
        return value
    array = operand.array
    return graph.append(Op("const", (), {"value": to_blob(array)}, (type_of(array),))).result


def execute(model: Model, inputs: list[Array]) -> list[Array]:
    """Return what onnxruntime computes, after ONNX's checker has inferred all types and found them as stated."""
    session = onnxruntime.InferenceSession(check_file(model).SerializeToString(), providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    feeds = {name: array for name, array in zip(model.graph.input_names, inputs, strict=True) if name in names}
    return list(session.run(None, feeds))
