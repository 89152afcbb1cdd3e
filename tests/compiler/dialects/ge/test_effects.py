"""Random numbers have types, and ops with effects are never taken for pure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modelc.dialects.ge import find
from modelc.ir.opdef import PURE, RANDOM, STATEFUL
from modelc.ir.types import F16, F32, I32, I64, TensorType, tensor

SHAPE = np.array([2, 3], np.int32)


def test_random_numbers_of_a_given_shape(infer: Any, refuse: Any) -> None:
    assert infer("RandomUniform", SHAPE, dtype=F16) == ["f16[2, 3]"]
    assert infer("RandomStandardNormal", tensor(I32, 2), dtype=F32) == ["f32[?, ?]"]
    assert infer("TruncatedNormal", tensor(I32, None)) == ["f32[*]"]
    assert infer("RandomUniformInt", SHAPE, tensor(I64), tensor(I64)) == ["i64[2, 3]"]
    assert infer("StatelessRandomUniformV2", SHAPE, tensor(I64, 1), tensor(I64, 2), tensor(I32)) == ["f32[2, 3]"]
    assert infer("RandomShuffle", tensor(F32, "n", 2)) == ["f32[n, 2]"]
    assert infer("Multinomial", tensor(F32, "n", 9), np.array(4, np.int32)) == ["i64[n, 4]"]
    assert infer("Bernoulli", TensorType(F32, None), tensor(F32)) == ["f32[*]"]
    assert "cannot have the shape [-2]" in refuse("RandomUniform", np.array([-2], np.int32), dtype=F32)


@pytest.mark.parametrize(
    ("kind", "traits"),
    [
        ("RandomUniform", {RANDOM, STATEFUL}),
        ("DropOutGenMask", {RANDOM, STATEFUL}),
        ("StatelessRandomUniformV2", {RANDOM, PURE}),
        ("Print", {STATEFUL}),
        ("AssignVariableOp", {STATEFUL}),
        ("Add", {PURE}),
    ],
)
def test_what_an_op_does_besides_computing(kind: str, traits: set[str]) -> None:
    definition = find(kind)
    assert definition is not None
    assert definition.traits >= traits
    assert (PURE in definition.traits) == (PURE in traits)
