"""The driver of rules: what it counts, what it queues again, and how it ends."""

from __future__ import annotations

from modelc.ir.blob import MissingBlob
from modelc.ir.graph import Graph
from modelc.ir.op import Op
from modelc.ir.origin import Origin
from modelc.ir.types import F32, tensor
from modelc.rewrite.driver import rewrite
from modelc.rewrite.rewriter import Rewriter
from modelc.rewrite.rules import Miss, RuleCount, RuleSet, rule

TYPE = tensor(F32, 2)


def chain(*kinds: str) -> Graph:
    """Return a graph of ops in a row."""
    graph = Graph()
    (value,) = graph.append(Op("input", (), {"names": ("x",)}, (TYPE,), name="x")).results
    for index, kind in enumerate(kinds):
        origin = Origin.of("test", f"n{index}", kind)
        value = graph.append(Op(kind, (value,), {}, (TYPE,), name=f"n{index}", origin=origin)).result
    graph.append(Op("return", (value,), {"names": ("y",)}))
    return graph


def kinds(graph: Graph) -> list[str]:
    return [op.kind for op in graph][1:-1]


@rule("ge.Relu", name="relu-of-relu")
def relu_of_relu(op: Op, rw: Rewriter) -> Miss | None:
    """Two are one."""
    if op.operands[0].producer.kind != "ge.Relu":
        return Miss("it is alone")
    rw.replace(op, op.operands[0])
    return None


@rule("ge.Neg", name="neg-to-abs")
def neg_to_abs(op: Op, rw: Rewriter) -> Miss | None:
    """Another op instead."""
    rw.replace(op, rw.value("ge.Abs", (op.operands[0],)))
    return None


@rule("ge.Abs", name="abs-to-neg")
def abs_to_neg(op: Op, rw: Rewriter) -> Miss | None:
    """And back again."""
    rw.replace(op, rw.value("ge.Neg", (op.operands[0],)))
    return None


@rule("ge.Abs", name="abs-of-relu")
def abs_of_relu(op: Op, rw: Rewriter) -> Miss | None:
    """Nothing, where nothing is negative."""
    if op.operands[0].producer.kind != "ge.Relu":
        return Miss("its operand may be negative")
    rw.replace(op, op.operands[0])
    return None


@rule("ge.Exp", name="undecided")
def undecided(op: Op, rw: Rewriter) -> Miss | None:
    """Builds something, then finds a reason not to."""
    rw.value("ge.Abs", (op.operands[0],))
    return Miss("it was not worth it")


@rule("ge.Sqrt", name="reads-weights")
def reads_weights(op: Op, rw: Rewriter) -> Miss | None:
    """Asks for numbers."""
    op.operands[0].producer.attributes["value"].read()  # type: ignore[union-attr]
    return Miss("never")


def test_rules_are_applied_and_counted() -> None:
    graph, counts = chain("ge.Relu", "ge.Relu", "ge.Relu"), dict[str, RuleCount]()
    assert rewrite(graph, RuleSet([relu_of_relu]), counts) is None
    assert kinds(graph) == ["ge.Relu"]
    count = counts["relu-of-relu"]
    assert count.hits == 2
    assert count.misses == {"it is alone": count.tried - 2}
    assert count.seconds > 0


def test_what_a_rule_makes_is_looked_at_again() -> None:
    graph = chain("ge.Relu", "ge.Neg")
    assert rewrite(graph, RuleSet([abs_of_relu, neg_to_abs])) is None
    assert kinds(graph) == ["ge.Relu"]


def test_readers_of_what_changed_are_looked_at_again() -> None:
    # The relu in front appears only when the one that is in the queue before it is gone already.
    graph = chain("ge.Relu", "ge.Relu", "ge.Abs")
    assert rewrite(graph, RuleSet([relu_of_relu, abs_of_relu])) is None
    assert kinds(graph) == ["ge.Relu"]


def test_made_ops_remember_sources_and_rule() -> None:
    graph = chain("ge.Neg")
    rewrite(graph, RuleSet([neg_to_abs]))
    (op,) = [op for op in graph if op.kind == "ge.Abs"]
    assert (op.origin.name, op.origin.rules) == ("n0", ("neg-to-abs",))


def test_rules_that_undo_each_other_are_named() -> None:
    problem = rewrite(chain("ge.Neg"), RuleSet([neg_to_abs, abs_to_neg]))
    assert problem is not None
    assert problem.code == "MC409"
    assert {name for name, _ in problem.evidence} == {"neg-to-abs", "abs-to-neg"}


def test_what_a_miss_built_is_erased() -> None:
    graph, counts = chain("ge.Exp"), dict[str, RuleCount]()
    rewrite(graph, RuleSet([undecided]), counts)
    assert kinds(graph) == ["ge.Exp"]
    assert counts["undecided"].misses == {"it was not worth it": 1}


def test_dead_ops_are_erased_with_what_only_they_needed() -> None:
    graph = chain("ge.Relu", "ge.Abs")
    graph.set_operands(graph.return_op, graph.inputs)
    rewrite(graph, RuleSet([]))
    assert kinds(graph) == []


def test_weights_that_cannot_be_read_are_a_miss() -> None:
    graph, counts = Graph(), dict[str, RuleCount]()
    graph.append(Op("input", (), {"names": ()}))
    const = graph.append(Op("const", (), {"value": MissingBlob(8, "it is gone")}, (TYPE,)))
    op = graph.append(Op("ge.Sqrt", (const.result,), {}, (TYPE,)))
    graph.append(Op("return", op.results, {"names": ("y",)}))
    assert rewrite(graph, RuleSet([reads_weights]), counts) is None
    assert counts["reads-weights"].misses == {"its numbers cannot be read": 1}


def test_rules_know_what_they_do() -> None:
    assert relu_of_relu.help == "Two are one."
    assert RuleSet([relu_of_relu]).of("ge.Relu") == (relu_of_relu,)
    assert RuleSet([relu_of_relu]).of("ge.Abs") == ()
