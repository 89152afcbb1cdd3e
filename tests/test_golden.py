"""Golden cases: text in, passes, exactly the expected text out."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from golden_case import GoldenCase, golden_cases

from modelc.diagnostics.diagnostic import finding
from modelc.ir.model import Model
from modelc.pipeline.passes import Check, Pass, PassContext
from modelc.pipeline.registry import PASSES


def test_golden(golden_case: GoldenCase, request: pytest.FixtureRequest) -> None:
    outcome = golden_case.outcome()
    if outcome == golden_case.expected:
        return
    if request.config.getoption("--update-golden"):
        golden_case.update(outcome)
        return
    lines = difflib.unified_diff(
        golden_case.expected.splitlines(), outcome.splitlines(), "expected", "came out", n=2, lineterm=""
    )
    place = f"{golden_case.path}, case {golden_case.number}"
    pytest.fail("\n".join([place, *lines, "to accept: pytest tests/test_golden.py --update-golden"]), pytrace=False)


# -- the harness itself


@dataclass(frozen=True)
class Shorten(Pass):
    """Give every op that reads one value that value's name."""

    name: ClassVar[str] = "test-shorten"

    def run(self, model: Model, context: PassContext) -> None:
        for op in model.ops():
            if op.kind == "ge.Relu":
                model.graph.set_attribute(op, "seen", True)


@dataclass(frozen=True)
class NoRelu(Check):
    """There must be no relu."""

    name: ClassVar[str] = "test-no-relu"

    def run(self, model: Model, context: PassContext) -> None:
        for op in model.ops():
            if op.kind == "ge.Relu":
                context.sink.add(finding("MC211", f"`{op.origin.name}` is\na relu", op))


FILE = """// RUN: test-shorten
graph @main(%x: f32[2]) {
  %y = ge.Relu(%x) : f32[2]
  return %y
}
// -----
graph @main(%x: f32[2]) {
  %y = ge.Relu(%x) {seen = true} : f32[2]
  return %y
}

// =====
// a second one
graph @main(%x: f32[3]) {
  return %x
}
// -----
something else

// =====
// RUN: test-no-relu
graph @main(%x: f32[2]) {
  %y = ge.Relu(%x) : f32[2]
  return %y
}
// -----
// FINDING: MC211 `y` is a relu
"""


@pytest.fixture
def cases(tmp_path: Path) -> list[GoldenCase]:
    PASSES.add(Shorten.name, Shorten, "tests")
    PASSES.add(NoRelu.name, NoRelu, "tests")
    path = tmp_path / "shorten.mir"
    path.write_text(FILE, "utf-8")
    return golden_cases(path)


def test_a_case_compares_exactly(cases: list[GoldenCase]) -> None:
    assert [case.outcome() == case.expected for case in cases] == [True, False, True]


def test_a_case_inherits_the_pipeline_of_the_one_before(cases: list[GoldenCase]) -> None:
    assert [[work.name for work in case.passes()] for case in cases] == [[Shorten.name], [Shorten.name], [NoRelu.name]]


def test_updating_rewrites_one_expectation_and_nothing_else(cases: list[GoldenCase]) -> None:
    cases[1].update(cases[1].outcome())
    updated = golden_cases(cases[1].path)
    assert all(case.outcome() == case.expected for case in updated)
    assert cases[1].path.read_text("utf-8") == FILE.replace("something else\n", updated[1].expected)


def test_laws_apply_where_there_is_a_graph_afterwards(cases: list[GoldenCase]) -> None:
    assert [case.obeys("signature") for case in cases] == [True, True, False]
    assert [case.obeys("evaluation") for case in cases] == [True, True, False]
