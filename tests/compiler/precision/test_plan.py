"""Plans: what each mode makes of each op."""

from __future__ import annotations

import pytest
from tests.compiler.precision.graphs import graph_of, op, plan_of

from modelc.diagnostics.diagnostic import ModelcError
from modelc.dialects.ge import kinds
from modelc.precision.modes import mode, modes, op_lists
from modelc.precision.plan import ENTERING, NOTHING, WHOLE, Plan, Treatment

MIXED = """
  %w = const dense<[1.0, 2.0, 3.0, 4.0]> : f32[2, 2]
  %before = ge.Exp(%x) : f32[2, 2]
  %product = ge.MatMulV2(%before, %w) : f32[2, 2]
  %view = ge.Reshape(%product, %shape) : f32[4]
  %after = ge.Exp(%view) : f32[4]
  %sum = ge.Log(%after) : f32[4]
  %last = ge.Neg(%sum) : f32[4]
  return %last
"""
INPUTS = "%x: f32[2, 2], %shape: i32[1]"


def treatments(plan: Plan) -> dict[str, Treatment]:
    return {each.name: treatment for each, treatment in plan.treatments.items()}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("force_fp16", dict.fromkeys(("before", "product", "after", "sum", "last"), WHOLE)),
        ("fp16", dict.fromkeys(("before", "product", "after", "sum", "last"), WHOLE)),
        ("allow_fp32_to_fp16", {"product": WHOLE}),
        # Of ops on neither list, the one behind a view of a narrow value is narrow, that behind a black one is not.
        ("allow_mix_precision", {"product": WHOLE, "after": WHOLE}),
        ("cube_fp16in_fp32out", {"product": ENTERING}),
        ("must_keep_origin_dtype", {}),
        ("origin", {}),
    ],
)
def test_modes(name: str, expected: dict[str, Treatment]) -> None:
    assert treatments(plan_of(graph_of(MIXED, INPUTS), name, "ascend910b")) == expected


def test_lists_are_those_of_the_chip() -> None:
    # The lists of the 310P do not have Log, so that it follows the op before it.
    graph = graph_of(MIXED, INPUTS)
    found = treatments(plan_of(graph, "allow_mix_precision", "ascend310p"))
    assert found == dict.fromkeys(("product", "after", "sum", "last"), WHOLE)


def test_an_op_without_a_kernel_in_single_precision_is_narrowed_in_any_case() -> None:
    # The Ascend 310 has Exp in half precision only; must_keep_origin_dtype then computes on the CPU of the chip.
    graph = graph_of(MIXED, INPUTS)
    exponentials = {"before": WHOLE, "after": WHOLE}
    assert treatments(plan_of(graph, "cube_fp16in_fp32out", "ascend310")).items() >= exponentials.items()
    kept = frozenset(plan_of(graph, "force_fp16", "ascend310").treatments)
    assert treatments(plan_of(graph, "force_fp16", "ascend310", kept)).items() >= exponentials.items()
    assert treatments(plan_of(graph, "must_keep_origin_dtype", "ascend310")) == {}


def test_kept_ops_are_left_alone() -> None:
    graph = graph_of(MIXED, INPUTS)
    plan = plan_of(graph, kept=frozenset({op(graph, "product")}))
    assert plan.of(op(graph, "product")) is NOTHING
    assert plan.of(op(graph, "after")) is WHOLE
    assert op(graph, "view").result not in plan.narrow


@pytest.mark.parametrize("name", ["force_fp16", "allow_fp32_to_fp16", "allow_mix_precision"])
def test_an_einstein_sum_is_the_product_it_becomes(name: str) -> None:
    graph = graph_of(
        """
  %y = ge.Einsum(%x, %x) {equation = "ij,jk->ik", N = 2} : f32[2, 2]
  return %y
""",
        "%x: f32[2, 2]",
    )
    assert treatments(plan_of(graph, name)) == {"y": WHOLE}
    assert treatments(plan_of(graph, name, kept=frozenset({op(graph, "y")}))) == {}


def test_integers_and_conversions_are_left_alone() -> None:
    graph = graph_of(
        """
  %a = ge.Add(%i, %i) : i32[2]
  %b = ge.Cast(%a) {dst_type = 0} : f32[2]
  %c = ge.Equal(%i, %a) : bool[2]
  %d = ge.SelectV2(%c, %b, %b) : f32[2]
  return %d
""",
        "%i: i32[2]",
    )
    assert treatments(plan_of(graph)) == {"d": WHOLE}


def test_nested_graphs_are_planned_as_well() -> None:
    graph = graph_of(
        """
  %y = ge.PartitionedCall(%x) graph @f(%a: f32[2]) {
    %inner = ge.Exp(%a) : f32[2]
    return %inner
  } : f32[2]
  return %y
"""
    )
    assert treatments(plan_of(graph)) == {"inner": WHOLE}


def test_an_unknown_mode_is_answered_with_a_near_one() -> None:
    with pytest.raises(ModelcError) as caught:
        mode("force_fp61")
    assert caught.value.diagnostics[0].fixes[0].text == "did you mean `force_fp16`?"


def test_every_listed_op_exists() -> None:
    known = set(kinds())
    for chip in ("", "ascend310p", "ascend910b"):
        lists = op_lists(chip)
        assert lists.matrix <= known
        # Few have a kernel and no published prototype.
        assert len((lists.white | lists.black) - known) <= 4
        assert not lists.white & lists.black


def test_names_of_modes_are_unique() -> None:
    names = [name for known in modes().values() for name in (known.name, *known.synonyms)]
    assert len(names) == len(set(names))
