"""Comparison tensor by tensor: layouts, narrowed types, what cannot be had, and who is to blame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import fail
from modelc.execute.compare import TOLERANCES
from modelc.execute.evaluator import evaluate
from modelc.execute.per_op import NOT_FETCHED, OTHER_SHAPE, PerOp, compare_per_op
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Value
from modelc.text.reader import read_model

Arrays = Mapping[str, NDArray[Any]]
HEAD = 'graph @main(%x: f32[2, 3, 4, 5]) attributes {names = ["x"]} {\n'
INPUTS = {"x": np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype(np.float32)}


class Given:
    """An oracle that has the numbers it was given."""

    title = "given"

    def __init__(self, numbers: Mapping[str, NDArray[Any]], text: str, problem: str = "") -> None:
        self.numbers = numbers
        self.graph: Graph = read_model(text).graph
        self.problem = problem

    def run(self, inputs: Arrays, outputs: Sequence[str]) -> dict[str, NDArray[Any]]:
        return evaluate(self.graph, inputs)

    def fetch(self, inputs: Arrays, values: Sequence[Value], folder: Path) -> list[NDArray[Any] | None]:
        if self.problem:
            raise fail("MC605", self.problem)
        return [self.numbers.get(value.name) for value in values]


def line(name: str, kind: str, operand: str, type_: str) -> str:
    return f'  %{name} = {kind}(%{operand}) : {type_} loc(tensorflow "{name}" {name.upper()})\n'


def compared(artifact: str, numbers: Mapping[str, NDArray[Any]], problem: str = "") -> PerOp:
    """Compare an artifact of these lines with a source that gives these numbers for tensors of the same names."""
    names = list(numbers)
    source = "".join(f'  %{n} = tf.Any(%x) : f32[*] loc(tensorflow "{n}" {n.upper()})\n' for n in names)
    source = f"{HEAD}{source}  return {', '.join(f'%{name}' for name in names)}\n}}\n"
    last = artifact.strip().rpartition("\n")[2].split()[0]
    model: Model = read_model(f"{HEAD}{artifact}  return {last}\n}}\n")
    return compare_per_op(Given(numbers, source, problem), model, "numpy", INPUTS, INPUTS, TOLERANCES)


def test_channels_may_have_been_put_before_space() -> None:
    last = np.moveaxis(np.abs(INPUTS["x"]), 1, -1)
    artifact = line("a", "ge.Abs", "x", "f32[2, 3, 4, 5]") + line("b", "ge.Neg", "a", "f32[2, 3, 4, 5]")
    found = compared(artifact, {"a": last, "b": -np.abs(INPUTS["x"])})
    assert found.beyond == []
    assert [each.is_moved for each in found.tensors] == [True, False]
    assert found.tensors[0].document()["is_moved"] is True


def test_an_op_in_another_layout_is_fed_in_its_own() -> None:
    a = np.moveaxis(np.abs(INPUTS["x"]), 1, -1)
    artifact = line("a", "ge.Abs", "x", "f32[2, 3, 4, 5]") + line("b", "ge.Exp", "a", "f32[2, 3, 4, 5]")
    right, wrong = compared(artifact, {"a": a, "b": np.exp(a)}), compared(artifact, {"a": a, "b": np.tanh(a)})
    assert right.first_divergence is None
    assert wrong.culprit is not None
    assert wrong.culprit.source == "b"


def test_what_only_inherits_a_difference_is_not_to_blame() -> None:
    """The first tensor differs, the second one computes what it should from what the source has."""
    a = INPUTS["x"] + np.float32(1)
    artifact = line("a", "ge.Abs", "x", "f32[2, 3, 4, 5]") + line("b", "ge.Neg", "a", "f32[2, 3, 4, 5]")
    found = compared(artifact, {"a": a, "b": -a})
    assert [each.source for each in found.beyond] == ["a", "b"]
    assert found.culprit == found.first_divergence == found.worst == found.tensors[0]
    assert found.tensors[1].isolated is None  # nobody looked further


def test_an_error_made_larger_has_no_culprit() -> None:
    x = INPUTS["x"]
    a = x * np.float32(1 + 5e-5)  # within the tolerance
    artifact = line("a", "ge.Identity", "x", "f32[2, 3, 4, 5]") + line("b", "ge.Exp", "a", "f32[2, 3, 4, 5]")
    found = compared(artifact, {"a": a, "b": np.exp(a)})
    assert [each.source for each in found.beyond] == ["b"]
    assert found.culprit is None
    assert found.worst == found.first_divergence == found.tensors[1]
    isolated = found.tensors[1].isolated
    assert isolated is not None
    assert isolated.equal


def test_narrowed_numbers_are_compared_as_the_narrower_type() -> None:
    found = compared(line("a", "ge.Abs", "x", "f32[2, 3, 4, 5]"), {"a": np.abs(INPUTS["x"].astype(np.float64))})
    assert [each.numbers.type for each in found.tensors] == ["f32[2, 3, 4, 5]"]
    assert found.beyond == []


def test_what_cannot_be_compared_is_counted_by_its_reason() -> None:
    artifact = line("a", "ge.Abs", "x", "f32[2, 3, 4, 5]") + line("b", "ge.Neg", "a", "f32[2, 3, 4, 5]")
    found = compared(artifact, {"a": np.zeros(7, np.float32), "b": -np.abs(INPUTS["x"])})
    assert found.unpaired == {OTHER_SHAPE: 1}
    assert [each.source for each in found.tensors] == ["b"]
    failed = compared(artifact, {"a": INPUTS["x"], "b": INPUTS["x"]}, problem="it broke")
    assert (failed.unpaired, failed.problem, failed.tensors) == ({NOT_FETCHED: 2}, "it broke", ())
    assert failed.document()["worst_op"] is None


def test_sorting() -> None:
    x = np.abs(INPUTS["x"])
    artifact = "".join(line(name, "ge.Abs", "x", "f32[2, 3, 4, 5]") for name in "abcd")
    artifact += "  %s = ge.AddN(%a, %b, %c, %d) : f32[2, 3, 4, 5]\n"
    scales = {"a": 1 + 1e-6, "b": 1.1, "c": 1.0, "d": 1.2}
    found = compared(artifact, {name: (x * np.float32(scale)) for name, scale in scales.items()})
    assert [each.source for each in found.tensors] == ["a", "b", "c", "d"]
    assert [each.source for each in found.by_divergence()] == ["b", "d", "a", "c"]
    assert [each.source for each in found.by_size()] == ["d", "b", "a", "c"]
