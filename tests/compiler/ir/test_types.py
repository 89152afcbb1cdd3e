"""Types and attributes: what is known, what says more, what goes together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelc.ir.attributes import Attribute, BadAttributeError, ShapeAttribute, Symbol, get, ints
from modelc.ir.types import (
    CONTROL,
    ELEMENTS,
    F32,
    I32,
    NONE,
    RESOURCE,
    STRING,
    UNKNOWN,
    Shape,
    TensorType,
    Type,
    are_compatible,
    element_of_numpy,
    is_refinement,
    join_shapes,
    tensor,
)

dims = st.none() | st.integers(0, 3) | st.sampled_from(("n", "m"))
shapes: st.SearchStrategy[Shape] = st.none() | st.lists(dims, max_size=3).map(tuple)
types: st.SearchStrategy[Type] = st.one_of(
    st.sampled_from([CONTROL, RESOURCE]),
    st.builds(TensorType, st.sampled_from([None, F32, I32]), shapes),
)


def test_types_print_as_people_write_them() -> None:
    assert str(tensor(F32, 1, "n", None)) == "f32[1, n, ?]"
    assert str(tensor(F32)) == "f32[]"
    assert str(UNKNOWN) == "?[*]"
    assert str(CONTROL) == "control"


def test_static_types_know_their_size() -> None:
    assert (tensor(F32, 2, 3).size, tensor(F32, 2, 3).nbytes, tensor(F32).nbytes) == (6, 24, 4)
    assert tensor(F32, 2).is_static
    assert not tensor(F32, "n").is_static
    assert not UNKNOWN.is_static
    for type_ in (tensor(F32, "n"), UNKNOWN, tensor(STRING, 2)):
        with pytest.raises(ValueError, match=r"."):
            _ = type_.nbytes


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        (tensor(F32, 1), UNKNOWN, True),
        (UNKNOWN, tensor(F32, 1), False),
        (tensor(F32, 1), tensor(F32, None), True),
        (tensor(F32, None), tensor(F32, 1), False),
        (tensor(F32, 1), tensor(F32, "n"), True),
        (tensor(F32, None), tensor(F32, "n"), False),
        (tensor(F32, 1), tensor(I32, 1), False),
        (tensor(F32, 1), tensor(F32, 1, 1), False),
        (CONTROL, CONTROL, True),
        (CONTROL, NONE, False),
        (CONTROL, UNKNOWN, False),
    ],
)
def test_refinement(new: Type, old: Type, expected: bool) -> None:
    assert is_refinement(new, old) is expected


@given(types, types, types)
def test_refinement_is_an_order_and_implies_compatibility(a: Type, b: Type, c: Type) -> None:
    assert is_refinement(a, a)
    assert are_compatible(a, b) == are_compatible(b, a)
    if is_refinement(a, b):
        assert are_compatible(a, b)
        if is_refinement(b, c):
            assert is_refinement(a, c)


def test_types_that_each_know_something_else_are_compatible() -> None:
    assert are_compatible(tensor(F32, 2, None), tensor(F32, None, 3))
    assert not are_compatible(tensor(F32, 2, None), tensor(F32, 3, None))


@given(st.lists(shapes, min_size=1, max_size=3))
def test_joining_keeps_what_holds_of_all(given_shapes: list[Shape]) -> None:
    joined = TensorType(F32, join_shapes(given_shapes))
    for shape in given_shapes:
        assert is_refinement(TensorType(F32, shape), joined)


def test_every_plain_element_is_found_by_its_numpy_name() -> None:
    for element in ELEMENTS.values():
        if element.family not in ("quantized", "opaque"):
            assert element_of_numpy(element.numpy) is element


# -- attributes


def test_attributes_are_got_by_kind() -> None:
    attributes: dict[str, Attribute] = {"i": 3, "f": 2.5, "b": True, "s": "x", "l": (1, 2), "m": (1, "a")}
    assert get(attributes, "i", int) == 3
    assert get(attributes, "i", float) == 3.0
    assert get(attributes, "b", bool) is True
    assert get(attributes, "absent", str, "d") == "d"
    assert ints(attributes, "l") == (1, 2)
    assert ints(attributes, "absent", (7,)) == (7,)


@pytest.mark.parametrize(("name", "kind"), [("absent", int), ("b", int), ("s", int), ("i", str), ("b", float)])
def test_attributes_of_another_kind_are_refused(name: str, kind: type) -> None:
    with pytest.raises(BadAttributeError, match=name):
        get({"b": True, "s": "x", "i": 1}, name, kind)


def test_lists_of_something_else_are_refused() -> None:
    with pytest.raises(BadAttributeError, match="list of integers"):
        ints({"m": (1, "a")}, "m")


def test_shapes_and_symbols_print_apart_from_lists_and_texts() -> None:
    assert str(ShapeAttribute((1, None))) == "shape[1, ?]"
    assert str(Symbol("f")) == "@f"
