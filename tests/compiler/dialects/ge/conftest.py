"""Applies one op of the canonical dialect, and checks on the way that inference and evaluation agree."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

from modelc.dialects.lookup import op_def
from modelc.ir.attributes import Attribute
from modelc.ir.constants import SMALL, to_blob, type_of
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.opdef import InferenceError
from modelc.ir.types import NONE, TensorType, Type

settings.register_profile("untimed", deadline=None)  # a busy machine is no reason to fail
settings.load_profile("untimed")

Array = NDArray[Any]
Apply = Callable[..., list[Array]]
NOTHING = np.empty(0, object)
# Kinds the extent of whose results depends on numbers other than shapes.
DATA_DEPENDENT = frozenset(
    (
        *("BroadcastGradientArgs", "DynamicPartition", "ListDiff", "MaskedSelect", "NonMaxSuppressionV2", "NonZero"),
        *("NonMaxSuppressionV3", "NonMaxSuppressionV4", "NonMaxSuppressionV5", "NonMaxSuppressionWithOverlaps"),
        *("NonMaxSuppression", "Unique", "UniqueExt2", "UniqueWithCounts", "UniqueWithCountsExt2", "Where"),
    )
)


class Bench:
    """A graph to apply ops in."""

    def __init__(self) -> None:
        self.graph = Graph()

    def known(self, array: Array | None) -> Value:
        """Return a constant, or what stands for an optional operand that is left out."""
        if array is None:
            return self.graph.append(Op("absent", types=(NONE,))).result
        return self.graph.append(Op("const", (), {"value": to_blob(array)}, (type_of(array),))).result

    def unknown(self, type_: Type) -> Value:
        """Return a value of which only the type is known."""
        return self.graph.append(Op("test.Source", types=(type_,))).result

    def infer(self, kind: str, values: Sequence[Value], attributes: dict[str, Attribute]) -> Sequence[Type]:
        """Return the result types of an op."""
        definition = op_def(f"ge.{kind}")
        assert definition is not None
        assert definition.infer is not None
        return definition.infer(Op(f"ge.{kind}", tuple(values), attributes))


def _types(array: Array | None, blur: Callable[[TensorType], TensorType]) -> Type:
    return NONE if array is None else blur(type_of(array))


BLURS: tuple[Callable[[TensorType], TensorType], ...] = (
    lambda type_: type_,
    lambda type_: type_.with_shape((None,) * len(type_.dims)),
    lambda type_: type_.with_shape(f"n{dim}" for dim in type_.dims),
    lambda type_: type_.with_shape(None),
    lambda type_: TensorType(None, None),
)


def _agrees(inferred: Type, actual: TensorType) -> bool:
    if not isinstance(inferred, TensorType):
        return False
    if inferred.element is not None and inferred.element != actual.element:
        return inferred.element.numpy == "object" or inferred.element.family == "quantized"
    if inferred.shape is None:
        return True
    return len(inferred.shape) == len(actual.dims) and all(
        dim in (None, size, f"n{size}") for dim, size in zip(inferred.shape, actual.dims, strict=True)
    )


def apply(kind: str, *operands: Array | None, **attributes: Attribute) -> list[Array]:
    """Evaluate an op. Whatever is known of its operands, what is inferred must hold of the results."""
    definition = op_def(f"ge.{kind}")
    assert definition is not None
    assert definition.evaluate is not None
    arrays = [NOTHING if operand is None else np.asarray(operand) for operand in operands]
    bench = Bench()
    values = [bench.known(None if operand is None else np.asarray(operand)) for operand in operands]
    op = Op(f"ge.{kind}", tuple(values), attributes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = list(definition.evaluate(op, arrays))
    assert all(isinstance(result, np.ndarray) for result in results)
    actual = [type_of(result) for result in results]
    inferred = bench.infer(kind, values, attributes)
    assert len(inferred) == len(actual)
    small = all(array.nbytes <= SMALL for array in arrays)
    for type_, found in zip(inferred, actual, strict=True):
        assert _agrees(type_, found), f"{kind} gives {found}, {type_} was inferred"
        static = not isinstance(type_, TensorType) or type_.is_static or kind in DATA_DEPENDENT
        assert not small or static, f"{kind} infers {type_}, not {found}"
    for blur, keep in product(BLURS, (False, True)):
        # Once with nothing known but types, once with the numbers of what may be shapes and axes known.
        blurred = [
            value if keep and operand is not None and np.asarray(operand).dtype.kind in "iu" else bench.unknown(type_)
            for value, operand in zip(values, operands, strict=True)
            for type_ in [_types(None if operand is None else np.asarray(operand), blur)]
        ]
        for type_, found in zip(bench.infer(kind, blurred, attributes), actual, strict=True):
            assert _agrees(type_, found), f"{kind} gives {found}, {type_} was inferred from {blurred}"
    return results


def refuse(kind: str, *types: TensorType | Array, **attributes: Attribute) -> str:
    """Return why inference refuses operands, given as types or constants."""
    bench = Bench()
    values = [bench.known(type_) if isinstance(type_, np.ndarray) else bench.unknown(type_) for type_ in types]
    with pytest.raises(InferenceError) as error:
        bench.infer(kind, values, attributes)
    return str(error.value)


def infer(kind: str, *types: TensorType | Array, **attributes: Attribute) -> list[str]:
    """Return the result types as text, from operands given as types or constants."""
    bench = Bench()
    values = [bench.known(type_) if isinstance(type_, np.ndarray) else bench.unknown(type_) for type_ in types]
    return [str(type_) for type_ in bench.infer(kind, values, attributes)]


@pytest.fixture(scope="session", name="apply")
def _apply() -> Apply:
    return apply


@pytest.fixture(scope="session", name="refuse")
def _refuse() -> Callable[..., str]:
    return refuse


@pytest.fixture(scope="session", name="infer")
def _infer() -> Callable[..., list[str]]:
    return infer


@pytest.fixture(scope="session", name="tf")
def _tensorflow() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("tensorflow")


ROUNDING = {
    "bfloat16": 1.6e-2,
    "complex128": 1e-12,
    "complex64": 2e-6,
    "float16": 2e-3,
    "float32": 2e-6,
    "float64": 1e-12,
}


def same(actual: Array, expected: Any, rounding: float = 1.0, floor: float = 1.0) -> None:
    """Assert that two arrays have one type and shape, and the same numbers up to `rounding` times a few roundings."""
    reference = np.asarray(expected)
    assert actual.dtype == reference.dtype
    assert actual.shape == reference.shape
    tolerance = ROUNDING.get(actual.dtype.name, 0.0) * rounding
    if not tolerance:
        np.testing.assert_array_equal(actual, reference)
        return
    wide = np.complex128 if actual.dtype.kind == "c" else np.float64
    np.testing.assert_allclose(
        actual.astype(wide), reference.astype(wide), tolerance, tolerance * floor, equal_nan=True
    )


@pytest.fixture(scope="session", name="same")
def _same() -> Callable[..., None]:
    return same
