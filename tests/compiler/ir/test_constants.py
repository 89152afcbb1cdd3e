"""Numbers of constants, where they can be had."""

from __future__ import annotations

import numpy as np
import pytest

from modelc.ir.blob import Blob, BytesBlob, MissingBlob
from modelc.ir.constants import constant
from modelc.ir.op import Op, Value
from modelc.ir.types import I32, TensorType, tensor

EIGHT = BytesBlob(np.array([1, 2], np.int32).tobytes())


def defined(blob: Blob, type_: TensorType) -> Value:
    return Op("const", (), {"value": blob}, (type_,)).result


def test_a_small_constant_has_numbers() -> None:
    array = constant(defined(EIGHT, tensor(I32, 2)))
    assert array is not None
    assert array.tolist() == [1, 2]


@pytest.mark.parametrize(
    "value",
    [
        defined(EIGHT, TensorType(I32, (2, None))),
        defined(EIGHT, TensorType(I32, None)),
        defined(MissingBlob(8, "its shard is missing"), tensor(I32, 2)),
        Op("ge.Relu", (), {}, (tensor(I32, 2),)).result,
    ],
)
def test_what_cannot_be_had_is_not_known(value: Value) -> None:
    assert constant(value) is None


def test_a_large_constant_is_not_read() -> None:
    value = defined(EIGHT, tensor(I32, 2))
    assert constant(value, limit=7) is None
    assert constant(value, limit=8) is not None
