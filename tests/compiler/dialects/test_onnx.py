"""The dialect of ONNX: definitions from schemas, and inference by ONNX's own functions."""

from __future__ import annotations

import numpy as np
import pytest

from modelc.dialects.lookup import dialect, infer_types, is_pure, op_def
from modelc.dialects.onnx import OPSET
from modelc.ir.attributes import Attribute, Dense
from modelc.ir.constants import to_blob, type_of
from modelc.ir.op import Op, Value
from modelc.ir.opdef import InferenceError, Mode
from modelc.ir.types import F32, I64, NONE, RESOURCE, UNKNOWN, TensorType, Type, tensor


def value(type_: Type) -> Value:
    return Op("input", (), {}, (type_,)).result


def numbers(*items: int) -> Value:
    array = np.array(items, np.int64)
    return Op("const", (), {"value": to_blob(array)}, (type_of(array),)).result


def infer(kind: str, *operands: Value, count: int = 0, **attributes: Attribute) -> list[Type]:
    return list(infer_types(Op(f"onnx.{kind}", operands, attributes, (UNKNOWN,) * count)))


def test_every_op_of_the_opset_has_a_definition() -> None:
    found = dialect("onnx")
    assert found is not None
    names = found.kinds()
    assert {"Conv", "Loop", "Gelu"} <= set(names)
    assert not {"Upsample", "Scatter", "Swish"} & set(names)  # deprecated, or of a later opset than ours
    for name in names:
        definition = op_def(f"onnx.{name}")
        assert definition is not None
        assert definition.infer is not None or definition.subgraphs
    assert OPSET == 21


def test_slots_and_attributes() -> None:
    definition = op_def("onnx.Conv")
    assert definition is not None
    assert [(slot.name, slot.mode) for slot in definition.operands] == [
        ("X", Mode.REQUIRED),
        ("W", Mode.REQUIRED),
        ("B", Mode.OPTIONAL),
    ]
    assert definition.operands[0].elements == {"f16", "f32", "f64"}
    assert definition.attributes["group"].default == 1
    assert definition.attributes["auto_pad"].default == "NOTSET"
    concat = op_def("onnx.Concat")
    assert concat is not None
    assert (concat.operands[0].mode, concat.attributes["axis"].required) == (Mode.DYNAMIC, True)


def test_graphs_of_an_op_are_no_attributes() -> None:
    branch, loop = op_def("onnx.If"), op_def("onnx.Loop")
    assert branch is not None
    assert loop is not None
    assert branch.subgraphs == ("then_branch", "else_branch")
    assert loop.subgraphs == ("body",)
    assert [slot.name for slot in branch.operands] == ["cond", "captured"]
    assert not branch.attributes


@pytest.mark.parametrize("kind", ["RandomNormal", "Bernoulli"])
def test_random_ops_are_not_pure(kind: str) -> None:
    assert not is_pure(Op(f"onnx.{kind}"))
    assert is_pure(Op("onnx.Relu"))


def test_names_of_dimensions_go_through() -> None:
    x, w = value(tensor(F32, "n", 3, None, 8)), value(tensor(F32, 4, 3, 1, 1))
    assert infer("Conv", x, w) == [tensor(F32, "n", 4, None, 8)]


def test_numbers_of_constants_decide_shapes() -> None:
    x = value(tensor(F32, 2, 6))
    assert infer("Reshape", x, numbers(3, -1)) == [tensor(F32, 3, 4)]
    assert infer("Split", x, numbers(2, 4), axis=1, count=2) == [tensor(F32, 2, 2), tensor(F32, 2, 4)]
    fill = Dense(tensor(F32, 1), to_blob(np.zeros(1, np.float32)))
    assert infer("ConstantOfShape", numbers(2, 5), value=fill) == [tensor(F32, 2, 5)]


def test_like_ops_with_other_numbers_are_told_apart() -> None:
    x = value(tensor(F32, 2, 6))
    shapes = [infer("Reshape", x, numbers(*dims)) for dims in ((3, 4), (4, 3), (3, 4))]
    assert shapes == [[tensor(F32, 3, 4)], [tensor(F32, 4, 3)], [tensor(F32, 3, 4)]]
    assert infer("Flatten", x, axis=0) != infer("Flatten", x, axis=1)


def test_operands_that_are_left_out() -> None:
    x, nothing = value(tensor(F32, 4)), Op("absent", (), {}, (NONE,)).result
    assert infer("Clip", x, nothing, nothing) == [tensor(F32, 4)]


def test_what_is_not_known_stays_unknown() -> None:
    assert infer("NonZero", value(TensorType(F32, None))) == [TensorType(I64, (None, None))]


@pytest.mark.parametrize(
    ("kind", "operands"),
    [
        ("Add", (value(tensor(F32, 2)), value(tensor(F32, 3)))),
        ("MatMul", (value(tensor(F32, 2, 3)), value(tensor(F32, 2, 3)))),
        ("Relu", (value(UNKNOWN),)),
        ("Relu", (value(RESOURCE),)),
    ],
)
def test_operands_that_do_not_fit(kind: str, operands: tuple[Value, ...]) -> None:
    with pytest.raises(InferenceError, match=kind):
        infer(kind, *operands)
