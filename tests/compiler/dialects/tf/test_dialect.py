"""TensorFlow's ops as a dialect: what its table says becomes definitions, defaults and types."""

from __future__ import annotations

import pytest

from modelc.dialects.lookup import is_pure, op_def
from modelc.dialects.tf import DIALECT, defaults, result_types
from modelc.ir.attributes import Attribute, Dense, ShapeAttribute
from modelc.ir.op import Op
from modelc.ir.opdef import STATEFUL, InferenceError, Mode
from modelc.ir.types import BOOL, CONTROL, F32, I32, I64, RESOURCE, STRING, UNKNOWN, VARIANT, TensorType, Type


def types(name: str, attributes: dict[str, Attribute]) -> list[Type]:
    return [type_ for _, group in result_types(name, attributes) or () for type_ in group]


@pytest.mark.parametrize(
    ("name", "attributes", "expected"),
    [
        ("Relu", {"T": F32}, [TensorType(F32)]),
        ("TopKV2", {"T": F32, "index_type": I64}, [TensorType(F32), TensorType(I64)]),
        ("Split", {"T": I32, "num_split": 3}, [TensorType(I32)] * 3),
        ("IdentityN", {"T": (F32, STRING)}, [TensorType(F32), TensorType(STRING)]),
        ("Equal", {"T": F32}, [TensorType(BOOL)]),
        ("VarHandleOp", {"dtype": F32, "shape": ShapeAttribute((3,))}, [RESOURCE]),
        ("VariableV2", {"dtype": F32, "shape": ShapeAttribute((3,))}, [TensorType(F32, (3,))]),
        ("Placeholder", {"dtype": F32, "shape": ShapeAttribute((None, 3))}, [TensorType(F32, (None, 3))]),
        ("TensorListReserve", {"element_dtype": F32, "shape_type": I32}, [VARIANT]),
        ("Cast", {"SrcT": F32, "DstT": "float8_e5m2"}, [UNKNOWN]),
        ("NoOp", {}, []),
        ("NoSuchOp", {}, []),
    ],
)
def test_results_have_the_types_of_the_attributes(
    name: str, attributes: dict[str, Attribute], expected: list[Type]
) -> None:
    assert types(name, attributes) == expected


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("Relu", {}),
        ("Split", {"T": F32}),
        ("Split", {"T": F32, "num_split": -1}),
        ("Split", {"T": F32, "num_split": 1 << 60}),
        ("IdentityN", {"T": F32}),
    ],
)
def test_attributes_that_say_no_type_are_refused(name: str, attributes: dict[str, Attribute]) -> None:
    with pytest.raises(InferenceError, match="attribute"):
        result_types(name, attributes)


def test_a_control_result_comes_last() -> None:
    definition = op_def("tf.Relu")
    assert definition is not None
    assert definition.infer is not None
    op = Op("tf.Relu", (), {"T": F32}, (UNKNOWN, CONTROL))
    assert list(definition.infer(op)) == [TensorType(F32), CONTROL]


def test_defaults_are_attributes_of_the_ir() -> None:
    assert defaults("MatMul")["transpose_a"] is False
    assert defaults("Conv2D")["dilations"] == (1, 1, 1, 1)
    assert defaults("Placeholder")["shape"] == ShapeAttribute(None)
    assert defaults("ArgMax")["output_type"] == I64
    assert isinstance(defaults("ImageSummary")["bad_color"], Dense)
    assert defaults("NoSuchOp") == {}


def test_slots_and_traits_come_from_the_table() -> None:
    definition = DIALECT.find("ConcatV2")
    assert definition is not None
    assert [(slot.name, slot.mode) for slot in definition.operands] == [
        ("values", Mode.DYNAMIC),
        ("axis", Mode.REQUIRED),
    ]
    assert definition.attributes["N"].required
    assert not definition.attributes["Tidx"].required
    assert is_pure(Op("tf.ConcatV2"))
    assert not is_pure(Op("tf.ReadVariableOp"))
    stateful = op_def("tf.AssignVariableOp")
    assert stateful is not None
    assert STATEFUL in stateful.traits


def test_every_op_of_the_table_has_a_definition() -> None:
    names = DIALECT.kinds()
    assert len(names) > 1000
    assert all(DIALECT.find(name) is not None for name in names)
    assert DIALECT.find("NoSuchOp") is None
