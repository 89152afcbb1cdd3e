"""Which value stands in which slot of a prototype."""

from __future__ import annotations

import pytest

from modelc.ir.opdef import Mode, OpDef, Slot
from modelc_backends.om.slots import SlotError, assign, dynamic_count, first_dynamic, result_slots

X, Y = Slot("x"), Slot("y")
BIAS, OFFSET = Slot("bias", Mode.OPTIONAL), Slot("offset", Mode.OPTIONAL)
MANY, MORE = Slot("v", Mode.DYNAMIC), Slot("w", Mode.DYNAMIC)


@pytest.mark.parametrize(
    ("slots", "count", "names"),
    [
        ((X, Y), 2, "x y"),
        ((X, BIAS, OFFSET), 1, "x"),
        ((X, BIAS, OFFSET), 3, "x bias offset"),
        ((BIAS,), 0, ""),
        ((MANY,), 0, ""),
        ((MANY, X), 3, "v0 v1 x"),
        ((X, MANY, Y), 4, "x v0 v1 y"),
        ((MANY, MORE), 4, "v0 v1 w0 w1"),
        ((X, MANY, BIAS), 2, "x bias"),
    ],
)
def test_names(slots: tuple[Slot, ...], count: int, names: str) -> None:
    assert [name for _, name in assign(slots, count, "operand")] == names.split()


@pytest.mark.parametrize(
    ("slots", "count", "words"),
    [
        ((X, Y), 1, r"has 1 operand, its prototype has \(x, y\)"),
        ((X, Y), 3, "has 3 operands"),
        ((X, BIAS), 0, r"has 0 operands, its prototype has \(x, bias\?\)"),
        ((MANY, X), 0, r"do not fill \(v\*, x\)"),
        ((MANY, MORE), 3, "has 3 operands"),
    ],
)
def test_misfits(slots: tuple[Slot, ...], count: int, words: str) -> None:
    with pytest.raises(SlotError, match=words):
        assign(slots, count, "operand")


def test_counts() -> None:
    assert dynamic_count((MANY, X), 4) == 3
    assert dynamic_count((MANY, MORE), 4) == 2
    assert dynamic_count((X,), 1) is None
    assert first_dynamic((X, MANY)) == 1
    assert first_dynamic((X,)) == 0


def test_older_prototypes_have_fewer_results() -> None:
    results = tuple(Slot(f"y{i}") for i in range(6))
    norm, other = OpDef("ge.BatchNorm", results=results), OpDef("ge.Other", results=results)
    assert len(result_slots(norm, 5)) == 5
    assert len(result_slots(norm, 4)) == 5
    assert len(result_slots(norm, 6)) == 6
    assert len(result_slots(other, 5)) == 6
