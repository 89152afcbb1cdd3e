"""The reducer on models of all kinds: whatever is asked, what it keeps is a sound model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
from golden_case import GoldenCase

from modelc.dialects.lookup import op_def
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.ir.types import TensorType
from modelc.ir.verify import verify
from modelc.reduce.budget import Budget
from modelc.reduce.cutting import size, units
from modelc.reduce.outcome import Passes
from modelc.reduce.question import Question
from modelc.reduce.reducer import Reducer, soundness
from modelc.text.printer import print_model
from modelc.text.reader import read_model


@dataclass
class Has:
    """Whether a model has an op of a kind; of any where that is empty."""

    kind: str = ""
    text: str = ""
    passes: ClassVar[Passes | None] = None

    def holds(self, model: Model) -> bool:
        """Whether it has."""
        return not self.kind or any(op.kind == self.kind for op in model.ops())

    def narrowed(self, passes: Passes) -> Question:
        """Return the question."""
        return self


def reduced(model: Model, kind: str) -> Model:
    reducer = Reducer(Has(kind), model, Budget(60, 3000))
    smallest = reducer.run()
    assert not reducer.budget.spent
    return smallest


def is_tensor(op: Op) -> bool:
    return all(isinstance(value.type, TensorType) for value in op.results)


@pytest.mark.law("verification")
def test_where_anything_goes_nothing_is_left(golden_case: GoldenCase) -> None:
    model = golden_case.model()
    level = soundness(model)
    smallest = reduced(model, "")
    assert level is None or all(not verify(graph, level, op_def) for graph in smallest.graphs())
    # What carries lists or variables cannot be cut, for these cannot be inputs.
    assert len(units(smallest.graph)) <= 2 or any(not is_tensor(op) for op in units(smallest.graph))
    text = print_model(smallest)
    assert print_model(read_model(text)) == text


@pytest.mark.law("verification")
def test_an_op_that_is_asked_for_is_all_that_is_left(golden_case: GoldenCase) -> None:
    model = golden_case.model()
    kinds = dict.fromkeys(op.kind for op in model.graph if "." in op.kind)
    for kind in list(kinds)[-1:]:
        smallest = reduced(model, kind)
        assert any(op.kind == kind for op in smallest.graph)
        assert size(smallest) <= size(model)
