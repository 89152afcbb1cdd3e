"""Every kind that is registered at all can be inferred and evaluated, and is one the Graph Engine declares."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from modelc.dialects import ge
from modelc.dialects.ge.semantics import EVALUATE, INFER, TRAITS, evaluates, infers

for family in ge.FAMILIES:
    import_module(f"modelc.dialects.ge.{family}")


def test_there_is_something_registered() -> None:
    assert len(INFER) > 200


@pytest.mark.parametrize("kind", sorted({*INFER, *EVALUATE}))
def test_a_kind_has_both_inference_and_evaluation(kind: str) -> None:
    assert kind in INFER
    assert kind in EVALUATE


@pytest.mark.parametrize("kind", sorted({*INFER, *EVALUATE, *TRAITS}))
def test_a_kind_is_declared(kind: str) -> None:
    assert ge.find(kind) is not None


@pytest.mark.parametrize("register", [infers, evaluates])
def test_a_kind_cannot_be_registered_twice(register: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="Relu is registered twice"):
        register("Relu")(lambda op: [])
