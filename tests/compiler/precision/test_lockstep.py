"""Two runs in step: what is noted of each op."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.compiler.precision.graphs import graph_of, op, plan_of

from modelc.diagnostics.diagnostic import ModelcError
from modelc.precision.lockstep import Lockstep, Loss, error_of, run_in_step


def in_step(body: str, *numbers: float, mode: str = "force_fp16") -> dict[str, Loss]:
    return {each.name: loss for each, loss in whole(body, *numbers, mode=mode).losses.items()}


def whole(body: str, *numbers: float, mode: str = "force_fp16") -> Lockstep:
    graph = graph_of(body, f"%x: f32[{len(numbers)}]")
    return run_in_step(graph, {"x": np.array(numbers, np.float32)}, plan_of(graph, mode))


SQUARES = "  %y = ge.Square(%x) : f32[3]\n  %z = ge.Neg(%y) : f32[3]\n  return %z"


def test_an_overflow_is_noted_where_it_happens() -> None:
    losses = in_step(SQUARES, 1.0, 300.0, -400.0)
    assert (losses["y"].overflowed, losses["y"].first_overflow) == (2, (1,))
    assert (losses["y"].least, losses["y"].most) == (1.0, 160_000.0)
    assert losses["y"].added == math.inf
    # What follows takes infinities and gives infinities, which it cannot help.
    assert losses["z"].overflowed == 0
    assert losses["z"].added == 0
    assert losses["z"].carried == losses["z"].error == math.inf


def test_an_operand_that_overflows_is_noted() -> None:
    losses = in_step("  %y = ge.RealDiv(%x, %x) : f32[1]\n  return %y", 1e6)
    assert (losses["y"].overflowed, losses["y"].most) == (2, -math.inf)


def test_an_underflow_is_noted() -> None:
    losses = in_step("  %y = ge.Square(%x) : f32[4]\n  return %y", 1e-5, 1e-4, 1.0, 0.0)
    assert (losses["y"].underflowed, losses["y"].nonzero, losses["y"].count) == (2, 3, 4)
    assert losses["y"].underflow == pytest.approx(2 / 3)


def test_errors_are_handed_on_and_magnified() -> None:
    losses = in_step("  %c = const dense<1.0> : f32[]\n  %y = ge.Sub(%x, %c) : f32[1]\n  return %y", 1.0004)
    # 1.0004 rounds to 1: all of the small difference is lost, by rounding the operand.
    assert losses["y"].error == pytest.approx(1.0)
    assert losses["y"].added == pytest.approx(1.0)


def test_outputs_of_both_are_kept() -> None:
    found = whole("  %y = ge.Square(%x) : f32[1]\n  return %y", 0.1)
    assert found.wide["y"].tolist() != found.narrow["y"].tolist()


def test_an_op_of_a_loop_is_noted_over_all_iterations() -> None:
    body = """
  %start = const dense<0> : i32[]
  %i, %y = ge.While(%start, %x) graph @cond(%n: i32[], %a: f32[1]) {
    %limit = const dense<4> : i32[]
    %less = ge.Less(%n, %limit) : bool[]
    return %less
  } graph @body(%n: i32[], %a: f32[1]) {
    %one = const dense<1> : i32[]
    %next = ge.Add(%n, %one) : i32[]
    %square = ge.Mul(%a, %a) : f32[1]
    return %next, %square
  } : i32[], f32[1]
  return %y
"""
    losses = in_step(body, 10.0)
    assert (losses["square"].least, losses["square"].most, losses["square"].count) == (100.0, 1e8, 4)
    assert losses["square"].overflowed == 1


def test_nothing_is_noted_where_nothing_is_narrowed() -> None:
    found = whole(SQUARES, 1.0, 300.0, -400.0, mode="must_keep_origin_dtype")
    assert not found.losses
    assert set(found.errors.values()) == {0.0}


def test_an_op_that_fails_is_a_finding() -> None:
    graph = graph_of("  %y = ge.MatMulV2(%x, %x) : f32[?, ?]\n  return %y", "%x: f32[?, ?]")
    with pytest.raises(ModelcError) as caught:
        run_in_step(graph, {"x": np.zeros((2, 3), np.float32)}, plan_of(graph))
    assert caught.value.diagnostics[0].code == "MC605"


def test_peaks_are_those_in_single_precision() -> None:
    graph = graph_of(SQUARES, "%x: f32[3]")
    found = run_in_step(graph, {"x": np.array([1, 300, -400], np.float32)}, plan_of(graph))
    assert found.peaks[op(graph, "z").result] == 160_000


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ([3.0, 4.0], [3.0, 4.0], 0.0),
        ([3.0, 4.0], [3.0, 4.5], 0.1),
        ([0.0, 0.0], [0.0, 0.1], math.inf),
        ([0.0], [0.0], 0.0),
        ([1.0, math.inf], [1.0, math.inf], 0.0),
        ([1.0, math.nan], [1.0, 0.0], 0.0),
        ([1.0, 2.0], [1.0, math.inf], math.inf),
        ([], [], 0.0),
    ],
)
def test_the_error_is_relative_to_typical_size(wide: list[float], narrow: list[float], expected: float) -> None:
    assert error_of(np.array(wide, np.float32), np.array(narrow, np.float32)) == pytest.approx(expected, abs=1e-7)
