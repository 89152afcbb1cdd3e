"""Every kind that is registered at all can be inferred and evaluated, and is one the Graph Engine declares."""

from __future__ import annotations

from importlib import import_module

import pytest

from modelc.dialects import ge
from modelc.dialects.ge.semantics import EVALUATE, INFER, TRAITS

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
