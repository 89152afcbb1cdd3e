"""Metered graphs: every edit is logged before it is made, and a run ends where it is told to."""

from __future__ import annotations

import faulty_passes
import pytest
from canonical_nets import residual_net

from modelc.driver import Settings
from modelc.ir.graph import Graph
from modelc.ir.op import Op
from modelc.ir.types import F32, tensor
from modelc.ir.verify import Level, verify
from modelc.pipeline.passes import Pass
from modelc.replay.bisection import run_metered
from modelc.replay.meter import CHANGED, ERASED, INSERTED, REPLACED, Edit, LimitReached, Meter, MeteredGraph, steps

GROUP = faulty_passes.FaultyGroup()
NAMES = (GROUP.name, faulty_passes.SwapSub.name)


def edit(what: str, op: Op, passes: tuple[Pass, ...] = (GROUP,), attempt: int = 0) -> Edit:
    return Edit(passes, 0, "", attempt, op, what)


def test_a_run_ends_after_exactly_as_many_edits_as_are_allowed() -> None:
    model = residual_net(2)
    run_metered(model, [GROUP], Settings(), full := Meter())
    assert full.edits
    for limit in range(len(full.edits) + 1):
        meter = Meter(edits=limit)
        after = run_metered(model, [GROUP], Settings(), meter)
        assert len(meter.edits) == limit
        assert [problem for graph in after.graphs() for problem in verify(graph, Level.LINKS, lambda kind: None)] == []
    assert model.graph.edits == residual_net(2).graph.edits


def test_a_run_ends_before_the_run_of_a_pass_that_is_not_allowed() -> None:
    model = residual_net(2)
    run_metered(model, [GROUP], Settings(), full := Meter())
    first = next(each for each in full.edits if each.rule)
    assert tuple(work.name for work in first.passes) == NAMES
    meter = Meter(runs=first.run)
    after = run_metered(model, [GROUP], Settings(), meter)
    assert len(meter.edits) == full.edits.index(first)
    assert sum(op.kind == "ge.Sub" for op in after.graph) == 2


def test_the_log_says_which_rule_began_with_which_op() -> None:
    run_metered(residual_net(3), [GROUP], Settings(), meter := Meter())
    by_rule = [each for each in meter.edits if each.rule]
    assert {each.rule for each in by_rule} == {"swap-sub"}
    assert {each.op.name for each in by_rule} == {f"block{index}/sub" for index in range(3)}
    assert len({each.attempt for each in by_rule}) == 3


def test_an_application_of_a_rule_is_one_step() -> None:
    op = Op("ge.Relu")
    edits = [edit(INSERTED, op, attempt=1), edit(REPLACED, op, attempt=1), edit(REPLACED, op, attempt=2)]
    assert steps(edits) == [2, 3]
    assert steps([edits[0], edits[1], edit(ERASED, op, attempt=4), edits[2]]) == [3, 4]


def test_edits_that_only_prepare_another_are_no_steps() -> None:
    a, b = Op("ge.Relu"), Op("ge.Neg")
    assert steps([edit(INSERTED, a), edit(CHANGED, b), edit(CHANGED, b), edit(CHANGED, a)]) == [3, 4]
    assert steps([edit(INSERTED, a, (GROUP,)), edit(REPLACED, b, (faulty_passes.KeepMul(),))]) == [1, 2]
    assert steps([]) == []


def test_every_way_to_edit_a_graph_is_metered() -> None:
    meter = Meter()
    model = meter.metered(residual_net(1))
    graph, tanh = model.graph, next(op for op in model.graph if op.kind == "ge.Tanh")
    assert isinstance(graph, MeteredGraph)
    meter.before_pass(model, GROUP, 0)
    new = [Op("ge.Neg", (tanh.result,), {}, (tensor(F32, 1),)) for _ in range(3)]
    graph.insert_before(tanh.next or tanh, new[0])
    graph.insert_after(new[0], new[1])
    graph.append(new[2])
    graph.set_operand(new[1], 0, new[0].result)
    graph.set_operands(new[1], [tanh.result])
    graph.set_attribute(tanh, "mark", 1)
    graph.set_type(new[0].result, tensor(F32, 2))
    graph.replace_uses(new[0].result, tanh.result)
    graph.erase(new[2])
    expected = [INSERTED] * 3 + [CHANGED] * 4 + [REPLACED, ERASED]
    assert [each.what for each in meter.edits] == expected


def test_nothing_is_changed_by_the_edit_that_is_not_allowed() -> None:
    meter = Meter(edits=0)
    model = meter.metered(residual_net(1))
    meter.before_pass(model, GROUP, 0)
    before = len(model.graph)
    with pytest.raises(LimitReached):
        model.graph.append(Op("ge.Neg", (), {}, ()))
    assert len(model.graph) == before
    assert isinstance(model.graph, Graph)
