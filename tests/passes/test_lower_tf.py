"""Lowering without TensorFlow: einsum against numpy, malformed ops, deep and wide control flow, and scaling."""

from __future__ import annotations

import gc
import random
from collections.abc import Sequence
from time import perf_counter, process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelc.diagnostics.diagnostic import finding
from modelc.dialects.ge.run import run_graph
from modelc.dialects.lookup import op_def as ge_op_def
from modelc.dialects.tf import defaults
from modelc.dialects.tf.registry import op_def
from modelc.ir.attributes import Attribute, Symbol
from modelc.ir.blob import MissingBlob
from modelc.ir.constants import to_blob, type_of
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.origin import Origin
from modelc.ir.types import BOOL, ELEMENTS, F16, F32, I32, I64, Element, TensorType, tensor
from modelc.pipeline.passes import PassContext
from modelc_passes.infer_types import InferTypes
from modelc_passes.lower_tf.control import CONTROL_KINDS
from modelc_passes.lower_tf.longtail import counterparts
from modelc_passes.lower_tf.lower import LowerTf
from modelc_passes.lower_tf.table import op_types
from modelc_passes.shared.common import copy_graph
from modelc_passes.simplify import Simplify

FLOATS = TensorType(F32)


class Builder:
    """Builds a graph of TensorFlow ops."""

    def __init__(self, *types: TensorType, name: str = "main") -> None:
        self.graph = Graph(name)
        self.inputs = self.graph.append(
            Op("input", (), {"names": tuple(f"x{i}" for i in range(len(types)))}, types)
        ).results
        self.count = 0

    def op(
        self, op_type: str, operands: Sequence[Value], types: Sequence[TensorType] = (FLOATS,), **attributes: Attribute
    ) -> tuple[Value, ...]:
        self.count += 1
        name = f"{op_type}{self.count}"
        origin = Origin.of("tensorflow", name, op_type)
        op = Op(f"tf.{op_type}", tuple(operands), dict(attributes), tuple(types), name=name, origin=origin)
        return self.graph.append(op).results

    def const(self, array: object, dtype: str = "i4") -> Value:
        self.count += 1
        name = f"const{self.count}"
        numbers = np.asarray(array, dtype)
        origin = Origin.of("tensorflow", name, "Const")
        op = Op("const", (), {"value": to_blob(numbers)}, (type_of(numbers),), name=name, origin=origin)
        return self.graph.append(op).result

    def model(self, *outputs: Value, functions: Sequence[Graph] = ()) -> Model:
        self.returns(*outputs)
        return Model(self.graph, {function.name: function for function in functions})

    def returns(self, *outputs: Value) -> Graph:
        self.graph.append(Op("return", outputs, {"names": tuple(f"y{i}" for i in range(len(outputs)))}))
        return self.graph


def lower(model: Model) -> list[str]:
    context = PassContext(depth=1)
    LowerTf().run(model, context)
    return [f"{item.code} {item.message}" for item in context.sink]


# -- einsum


@st.composite
def equations(draw: st.DrawFn) -> tuple[str, list[tuple[int, ...]]]:
    sizes = {label: draw(st.integers(1, 4)) for label in "abcde"}
    labels = st.lists(st.sampled_from("abcde"), min_size=0, max_size=4, unique=True)
    operands = draw(st.lists(labels, min_size=1, max_size=3))
    known = sorted({label for operand in operands for label in operand})
    output = draw(st.permutations(known))[: draw(st.integers(0, len(known)))]
    text = ",".join("".join(operand) for operand in operands)
    return f"{text}->{''.join(output)}", [tuple(sizes[label] for label in operand) for operand in operands]


@given(equations(), st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_einsum_equals_numpy(case: tuple[str, list[tuple[int, ...]]], unknown: int) -> None:
    equation, shapes = case
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape).astype("f4") for shape in shapes]
    types = [
        TensorType(F32, tuple(None if unknown == 1 and i == 0 else d for i, d in enumerate(shape))) for shape in shapes
    ]
    builder = Builder(*types)
    (result,) = builder.op("Einsum", builder.inputs, N=len(shapes), T=F32, equation=equation)
    model = builder.model(result)
    assert lower(model) == []
    (found,) = run_graph(model.graph, arrays)
    np.testing.assert_allclose(found, np.einsum(equation, *arrays), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "equation", ["bqhd,bkhd->bhqk", "bhqk,bkhd->bqhd", "abc,cde->abde", "abcd,cde->abe", "ab,bc->ca"]
)
def test_einsum_needs_nothing_but_products(equation: str) -> None:
    sizes = dict(zip("abcdehkq", (2, 3, 4, 5, 6, 7, 8, 9), strict=True))
    operands = equation.partition("->")[0].split(",")
    builder = Builder(*(tensor(F32, *(sizes[label] for label in operand)) for operand in operands))
    (result,) = builder.op("Einsum", builder.inputs, N=2, T=F32, equation=equation)
    model = builder.model(result)
    assert lower(model) == []
    kinds = {op.kind for op in model.ops()} - {"input", "const", "return"}
    assert kinds <= {"ge.Transpose", "ge.Reshape", "ge.BatchMatMulV2", "ge.MatMulV2"}


def test_weights_of_einsum_are_not_touched() -> None:
    builder = Builder(tensor(F32, 2, 3, 4))
    origin = Origin.of("tensorflow", "w", "Const")
    blob = MissingBlob(4 * 5 * 6 * 4, "nobody may read this")
    weight = builder.graph.append(Op("const", (), {"value": blob}, (tensor(F32, 4, 5, 6),), name="w", origin=origin))
    (result,) = builder.op("Einsum", [builder.inputs[0], weight.result], N=2, T=F32, equation="abc,cde->abde")
    model = builder.model(result)
    assert lower(model) == []
    assert [op.attributes["value"] for op in model.ops() if op.kind == "const" and op.name == "w"] == [blob]
    assert model.graph.outputs[0].type == tensor(F32, 2, 3, 5, 6)


# -- malformed ops


def attribute(rng: random.Random, kind: str) -> Attribute:
    if kind.startswith("list("):
        return tuple(attribute(rng, kind[5:-1]) for _ in range(rng.choice([0, 1, 2, 4, 4, 5])))
    elements: list[Element] = [F32, I32, I64, BOOL, F16, ELEMENTS["string"], ELEMENTS["qu8"], ELEMENTS["c64"]]
    words = ["SAME", "VALID", "NHWC", "NCHW", "", "EXPLICIT", "ab,bc->ac", "...a->a...", "REFLECT"]
    choices: dict[str, list[Attribute]] = {
        "int": [0, 1, 2, -1, 7, 2**40],
        "float": [0.0, 1.0, -1.5, float("nan")],
        "bool": [True, False],
        "string": list(words),
        "type": list(elements),
    }
    return rng.choice(choices.get(kind, [1]))


def constants(builder: Builder) -> list[Value]:
    arrays = [([1, 2, 0], "i4"), (0, "i4"), ([[1, 1], [0, 2]], "i4"), ([1, 1], "i8"), (-7, "i8"), ([], "i4")]
    arrays += [(np.ones((2, 2)), "f4"), (2.5, "f4"), (np.ones((3, 3, 2, 4)), "f4"), ([True, False], "?")]
    return [builder.const(array, dtype) for array, dtype in arrays]


def malformed(rng: random.Random, op_type: str) -> Model:
    shapes = [None, (), (3,), (2, 3), (1, 4, 4, 2), (1, 5, 4, 4, 2), ("n", 3), (None, None), (0, 3)]
    elements = [F32, F32, I32, I64, BOOL, None, F16]
    builder = Builder(*(TensorType(rng.choice(elements), rng.choice(shapes)) for _ in range(3)))
    pool = [*builder.inputs, *constants(builder)]
    declared = op_def(op_type)
    attributes: dict[str, Attribute] = dict(defaults(op_type))
    for name, definition in declared.attributes.items() if declared else ():
        if definition.required or rng.random() < 0.2:
            attributes[name] = attribute(rng, definition.kind)
    count = len(declared.inputs) if declared and rng.random() < 0.9 else rng.randint(0, 4)
    types = [FLOATS] * (len(declared.outputs) if declared else 1)
    results = builder.op(op_type, [rng.choice(pool) for _ in range(count)], types, **attributes)
    return builder.model(*(results or pool[:1]))


@pytest.mark.parametrize("part", range(8))
def test_nonsense_gives_findings_and_nothing_else(part: int) -> None:
    rng = random.Random(part)
    names = sorted({*op_types(), *counterparts(), *(kind[3:] for kind in CONTROL_KINDS)})
    for op_type in names[part::8]:
        model, context = malformed(rng, op_type), PassContext(depth=1)
        for work in (LowerTf(), InferTypes(), Simplify()):
            work.run(model, context)
        left = {op.kind for op in model.ops() if op.dialect == "tf"}
        assert not left or len(context.sink) > 0, op_type


# -- control flow


def branching(name: str, then: str, otherwise: str, calls: int = 1) -> Graph:
    builder = Builder(TensorType(None), TensorType(None), name=name)
    flag, x = builder.inputs
    for _ in range(calls):
        (x,) = builder.op("StatelessIf", [flag, flag, x], then_branch=Symbol(then), else_branch=Symbol(otherwise))
    return builder.returns(x)


def leaf(name: str) -> Graph:
    builder = Builder(TensorType(None), TensorType(None), name=name)
    return builder.returns(*builder.op("Relu", [builder.inputs[1]]))


@pytest.mark.parametrize(("levels", "calls", "code"), [(3, 2, ""), (500, 1, "MC218"), (60, 2, "MC218")])
def test_branches_within_branches(levels: int, calls: int, code: str) -> None:
    functions = [branching(f"f{i}", f"f{i + 1}", f"f{i + 1}", calls) for i in range(levels)] + [leaf(f"f{levels}")]
    builder = Builder(tensor(BOOL), tensor(F32, 2))
    flag, x = builder.inputs
    (y,) = builder.op("StatelessIf", [flag, flag, x], then_branch=Symbol("f0"), else_branch=Symbol("f0"))
    model = builder.model(y, functions=functions)
    started = perf_counter()
    findings = lower(model)
    assert perf_counter() - started < 20
    assert {text[:5] for text in findings} == ({code} if code else set())
    if not code:
        assert model.graph.outputs[0].type == tensor(F32, 2)
        assert model.functions == {}


def test_functions_that_name_themselves() -> None:
    builder = Builder(tensor(BOOL), tensor(F32, 2))
    (y,) = builder.op("If", [builder.inputs[0], *builder.inputs], then_branch=Symbol("f"), else_branch=Symbol("f"))
    findings = lower(builder.model(y, functions=[branching("f", "f", "f")]))
    assert [text[:5] for text in findings] == ["MC218"]


def test_findings_in_bodies_of_loops_are_made_once() -> None:
    condition = Builder(TensorType(F32), name="cond")
    (less,) = condition.op("Less", [condition.inputs[0], condition.inputs[0]], [TensorType(BOOL)])
    body = Builder(TensorType(F32), name="body")
    (grown,) = body.op("ConcatV2", [body.inputs[0], body.inputs[0], body.const(0)], N=2)
    (odd,) = body.op("OddOp", [grown])
    builder = Builder(tensor(F32, 2))
    (y,) = builder.op("While", builder.inputs, cond=Symbol("cond"), body=Symbol("body"))
    model = builder.model(y, functions=[condition.returns(less), body.returns(odd)])
    assert [text[:5] for text in lower(model)] == ["MC211"]


# -- many ops


def chain(blocks: int) -> Model:
    builder = Builder(tensor(F32, 1, 8, 8, 4))
    (x,) = builder.inputs
    ints = TensorType(I32)
    for _ in range(blocks):
        (x,) = builder.op("AddV2", [x, builder.const(np.ones(4), "f4")])
        (shape,) = builder.op("Shape", [x], [ints], out_type=I32)
        bounds = [builder.const([number]) for number in (0, 1, 1)]
        (batch,) = builder.op("StridedSlice", [shape, *bounds], [ints], shrink_axis_mask=1)
        (flat,) = builder.op("Pack", [batch, builder.const(256)], [ints], N=2, axis=0)
        (x,) = builder.op("Reshape", [x, flat])
        (x,) = builder.op("Reshape", [x, shape])
    return builder.model(x)


def seconds(blocks: int) -> float:
    """Return the least processor time of three runs, without what the garbage collector takes."""
    times, original = [], chain(blocks).graph
    for _ in range(3):
        model = Model(copy_graph(original))
        gc.collect()
        gc.disable()
        started = process_time()
        assert lower(model) == []
        times.append(process_time() - started)
        gc.enable()
    return min(times)


def test_time_grows_with_the_number_of_ops() -> None:
    seconds(20)
    assert seconds(160) < 3.3 * seconds(80)


# -- ops that TensorFlow's optimizer makes, and the table of counterparts


def kinds(model: Model) -> list[str]:
    return [op.kind[3:] for op in model.graph if op.dialect == "ge"]


CONV: dict[str, Attribute] = {"T": F32, "strides": (1, 1, 1, 1), "padding": "SAME", "num_args": 1, "epsilon": 0.25}


@pytest.mark.parametrize(
    ("steps", "extra", "expected"),
    [
        (("BiasAdd", "Relu"), 1, ["Conv2D", "BiasAdd", "Relu"]),
        (("FusedBatchNorm", "LeakyRelu"), 4, ["Conv2D", "BatchNorm", "LeakyRelu"]),
        (("BiasAdd", "Add", "Elu"), 2, ["Conv2D", "BiasAdd", "Add", "Elu"]),
        (("BiasAdd", "Novelty"), 1, ["MC302"]),
        (("BiasAdd",), 0, ["MC302"]),
    ],
)
def test_fused_convolutions_are_taken_apart(steps: tuple[str, ...], extra: int, expected: list[str]) -> None:
    builder = Builder(tensor(F32, 1, 4, 4, 2))
    filters = builder.const(np.ones((3, 3, 2, 2)), "f4")
    arguments = [builder.const([0.5, 1.0], "f4") for _ in range(extra)]
    operands = [*builder.inputs, filters, *arguments]
    types = (F32,) * extra
    (y,) = builder.op("_FusedConv2D", operands, [FLOATS], **CONV, TArgs=types, fused_ops=steps)
    model = builder.model(y)
    found = [text[:5] for text in lower(model)]
    assert (found or kinds(model)) == expected


def test_fused_products_and_normalizations_are_taken_apart() -> None:
    builder = Builder(tensor(F32, 3, 2), tensor(F32, 1, 2, 2, 2))
    matrix, vector = builder.const(np.ones((2, 2)), "f4"), builder.const([0.5, 1.0], "f4")
    operands = [builder.inputs[0], matrix, vector]
    (product,) = builder.op("_FusedMatMul", operands, T=F32, num_args=1, fused_ops=("BiasAdd", "Tanh"))
    image = builder.inputs[1]
    normalized = builder.op(
        "_FusedBatchNormEx",
        [image, vector, vector, vector, vector, image],
        [FLOATS] * 6,
        num_side_inputs=1,
        activation_mode="Relu",
        is_training=False,
    )
    model = builder.model(product, normalized[0])
    assert lower(model) == []
    assert kinds(model) == ["MatMulV2", "BiasAdd", "Tanh", "BatchNorm", "Add", "Relu"]


def test_every_counterpart_is_an_operator_of_the_graph_engine() -> None:
    assert [kind for kind in counterparts().values() if ge_op_def(f"ge.{kind}") is None] == []


def test_results_the_graph_engine_does_not_give_must_not_be_read() -> None:
    builder = Builder(tensor(F32, 4, 3), tensor(F32, 4, 3))
    loss, gradient = builder.op("SoftmaxCrossEntropyWithLogits", builder.inputs, [FLOATS] * 2, T=F32)
    assert [text[:5] for text in lower(builder.model(loss, gradient))] == ["MC302"]


def test_variables_that_were_reported_are_not_reported_again() -> None:
    builder = Builder(tensor(F32, 2))
    (read,) = builder.op("ReadVariableOp", builder.inputs, dtype=F32)
    model, context = builder.model(read), PassContext(depth=1)
    context.sink.add(finding("MC307", "the graph has no value for 1 variable"))
    LowerTf().run(model, context)
    assert [item.code for item in context.sink] == ["MC307"]
