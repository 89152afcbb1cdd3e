"""Branches, loops and calls: their types, and that they compute what plain Python computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from modelc.dialects.ge.control import ITERATIONS
from modelc.dialects.ge.run import RunError, execute_op, executing, run_graph, steps
from modelc.dialects.lookup import infer_types, is_pure
from modelc.ir.blob import Blob, BytesBlob, MissingBlob
from modelc.ir.constants import to_array
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.opdef import InferenceError
from modelc.ir.origin import Origin
from modelc.ir.types import BOOL, CONTROL, F32, I32, NONE, TensorType, Type, tensor
from modelc.rewrite.rewriter import Rewriter

Array = NDArray[Any]
Body = Callable[[Rewriter, Sequence[Value]], Sequence[Value]]


def graph_of(types: Sequence[Type], body: Body, name: str = "g") -> Graph:
    graph = Graph(name)
    op = graph.append(Op("input", types=tuple(types)))
    results = body(Rewriter(graph), op.results)
    graph.append(Op("return", tuple(results)))
    return graph


def doubled(rw: Rewriter, values: Sequence[Value]) -> Sequence[Value]:
    return [rw.value("ge.Add", [value, value]) for value in values]


def same(rw: Rewriter, values: Sequence[Value]) -> Sequence[Value]:
    return values


def call(kind: str, graphs: Sequence[Graph], types: Sequence[Type]) -> Graph:
    """Return a graph that only applies an op with these nested graphs to its inputs."""
    return graph_of(types, lambda rw, values: rw.build(f"ge.{kind}", values, graphs=tuple(graphs)).results)


def types_of(kind: str, graphs: Sequence[Graph], types: Sequence[Type]) -> list[str]:
    source = Op("test.Source", types=tuple(types))
    return [str(type_) for type_ in infer_types(Op(f"ge.{kind}", source.results, graphs=tuple(graphs)))]


X = tensor(F32, 2)
COND = tensor(BOOL)


@pytest.mark.parametrize("kind", ["If", "StatelessIf"])
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (np.array(True), [2, 4]),
        (np.array(False), [1, 2]),
        (np.array(3, np.int32), [2, 4]),
        (np.array(0.0, np.float32), [1, 2]),
        (np.array(b"", object), [1, 2]),
        (np.array([0, 0]), [2, 4]),
        (np.zeros(0, np.int32), [1, 2]),
    ],
)
def test_a_condition_chooses(kind: str, condition: Array, expected: list[float]) -> None:
    graph = call(kind, [graph_of([X], doubled, "then"), graph_of([X], same, "else")], [COND, X])
    (result,) = run_graph(graph, [condition, np.array([1, 2], np.float32)])
    assert result.tolist() == expected


@pytest.mark.parametrize(("index", "expected"), [(0, [2, 4]), (1, [1, 2]), (2, [1, 2]), (-1, [1, 2])])
def test_a_case_takes_the_last_branch_for_a_number_out_of_range(index: int, expected: list[float]) -> None:
    graph = call("Case", [graph_of([X], doubled), graph_of([X], same)], [tensor(I32), X])
    (result,) = run_graph(graph, [np.array(index, np.int32), np.array([1, 2], np.float32)])
    assert result.tolist() == expected


def test_calls_nest() -> None:
    inner = graph_of([X], doubled, "inner")
    graph = inner
    for _ in range(3):
        graph = call("PartitionedCall", [graph], [X])
    assert run_graph(graph, [np.array([1, 2], np.float32)])[0].tolist() == [2, 4]


N = tensor(I32)


def below(limit: int) -> Graph:
    def body(rw: Rewriter, values: Sequence[Value]) -> Sequence[Value]:
        return [rw.value("ge.Less", [values[0], rw.constant(np.array(limit, np.int32))])]

    return graph_of([N, N], body, "cond")


def fibonacci(rw: Rewriter, values: Sequence[Value]) -> Sequence[Value]:
    return [values[1], rw.value("ge.Add", list(values))]


@pytest.mark.parametrize("kind", ["While", "StatelessWhile"])
@given(limit=st.integers(0, 10_000))
def test_a_loop_goes_on_while_its_condition_holds(kind: str, limit: int) -> None:
    a, b = 0, 1
    while a < limit:
        a, b = b, a + b
    graph = call(kind, [below(limit), graph_of([N, N], fibonacci, "body")], [N, N])
    assert [int(x) for x in run_graph(graph, [np.array(0, np.int32), np.array(1, np.int32)])] == [a, b]


def test_a_loop_reads_its_constants_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Blob] = []

    def counting(blob: Blob, type_: TensorType) -> Array:
        reads.append(blob)
        return to_array(blob, type_)

    monkeypatch.setattr("modelc.dialects.ge.run.to_array", counting)
    graph = call("While", [below(1000), graph_of([N, N], fibonacci, "body")], [N, N])
    run_graph(graph, [np.array(0, np.int32), np.array(1, np.int32)])
    assert len(reads) == 1


def test_an_endless_loop_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelc.dialects.ge.control.ITERATIONS", 20)
    forever = graph_of([COND], same, "cond")
    graph = call("While", [forever, graph_of([COND], same, "body")], [COND])
    with pytest.raises(RunError, match="did not end within 20 iterations"):
        run_graph(graph, [np.array(True)])
    assert ITERATIONS > 10_000


@given(st.integers(-5, 5), st.integers(-5, 5), st.integers(-3, 3).filter(bool))
def test_a_counted_loop(start: int, limit: int, delta: int) -> None:
    body = graph_of([N, N], lambda rw, values: [rw.value("ge.Add", list(values))], "body")
    graph = call("For", [body], [N, N, N, N])
    numbers = [np.array(number, np.int32) for number in (start, limit, delta, 100)]
    assert int(run_graph(graph, numbers)[0]) == 100 + sum(range(start, limit, delta))


def test_branches_are_typed_by_what_holds_of_all() -> None:
    two, three, unknown = map(giving, (X, tensor(F32, 3), tensor(F32, None)))
    assert types_of("If", [two, graph_of([X], doubled)], [COND, X]) == ["f32[2]"]
    assert types_of("If", [two, three], [COND, X]) == ["f32[?]"]
    assert types_of("Case", [two, unknown, two], [N, X]) == ["f32[?]"]


def source(rw: Rewriter, type_: Type) -> Value:
    return rw.insert(Op("test.Source", types=(type_,))).result


def giving(type_: Type) -> Graph:
    return graph_of([X], lambda rw, values: [source(rw, type_)])


def test_loops_are_typed_by_what_holds_of_any_number_of_rounds() -> None:
    cond = graph_of([tensor(F32, None)], lambda rw, values: [source(rw, COND)], "cond")
    grow = graph_of([tensor(F32, None)], lambda rw, values: [source(rw, tensor(F32, 3))], "body")
    assert types_of("While", [cond, grow], [tensor(F32, 3)]) == ["f32[3]"]
    assert types_of("While", [cond, grow], [tensor(F32, 2)]) == ["f32[?]"]
    token = graph_of([NONE], same, "f")
    assert types_of("PartitionedCall", [token], [NONE]) == ["none"]


def test_nested_graphs_that_do_not_fit() -> None:
    one, two = graph_of([X], same, "one"), graph_of([X, X], same, "two")
    cond = graph_of([X], lambda rw, values: [source(rw, COND)], "cond")
    whole = graph_of([tensor(I32, 2)], same, "whole")
    cases: list[tuple[str, list[Graph], list[Type], str]] = [
        ("If", [one], [COND, X], "If needs 2 nested graphs (then_branch, else_branch) and has 1"),
        ("If", [one, two], [COND, X], "If passes 1 values to @two, which takes 2"),
        ("If", [one, whole], [COND, X], "If passes f32[2] as input 0 of @whole, which takes i32[2]"),
        ("If", [one, graph_of([X], lambda rw, v: [])], [COND, X], "If has branches with 0 and 1 results"),
        (
            "If",
            [one, graph_of([X], lambda rw, v: [source(rw, tensor(I32, 2))])],
            [COND, X],
            "If has f32[2] or i32[2] as result 0",
        ),
        ("Case", [], [N, X], "Case has no branches"),
        ("PartitionedCall", [two], [X], "PartitionedCall passes 1 values to @two, which takes 2"),
        ("While", [cond, graph_of([X], lambda rw, v: [])], [X], "While carries 1 values, its body gives 0"),
        ("While", [two, two], [X, X], "While has a condition with 2 results"),
        ("If", [one, one], [], "If needs at least 1 operands and has 0"),
    ]
    for kind, graphs, types, text in cases:
        with pytest.raises(InferenceError) as error:
            types_of(kind, graphs, types)
        assert str(error.value) == text


def test_only_stateless_forms_may_be_dropped() -> None:
    source_op = Op("test.Source", types=(COND, X))
    branches = (graph_of([X], same), graph_of([X], same))
    assert is_pure(Op("ge.StatelessIf", source_op.results, graphs=branches))
    assert not is_pure(Op("ge.If", source_op.results, graphs=branches))
    assert not is_pure(Op("ge.RandomUniform", source_op.results))
    assert not is_pure(Op("ge.Print", source_op.results))


# -- the loop over ops itself


def test_the_failing_op_is_named() -> None:
    def body(rw: Rewriter, values: Sequence[Value]) -> Sequence[Value]:
        op = Op("ge.Reshape", (values[0], values[1]), {}, (X,), origin=Origin.of("tensorflow", "head/flat", "Reshape"))
        return rw.insert(op).results

    graph = call("PartitionedCall", [graph_of([X, tensor(I32, 1)], body)], [X, tensor(I32, 1)])
    with pytest.raises(RunError) as error:
        run_graph(graph, [np.zeros(2, np.float32), np.array([5], np.int32)])
    assert str(error.value).startswith("`head/flat` (ge.Reshape): Reshape cannot give the 2 elements of [2]")
    assert error.value.supported


@pytest.mark.parametrize("kind", ["ge.NoSuchOp", "ge.FileConstant", "other.Op"])
def test_an_op_that_nobody_defined_is_named(kind: str) -> None:
    graph = graph_of([X], lambda rw, values: rw.insert(Op(kind, tuple(values), {}, (X,))).results)
    with pytest.raises(RunError, match="nothing is known") as error:
        run_graph(graph, [np.zeros(2, np.float32)])
    assert not error.value.supported


def test_constants_that_cannot_be_read_are_named() -> None:
    def constant(blob: Blob) -> Graph:
        return graph_of([], lambda rw, values: [rw.constant_of(blob, X, name="w")])

    with pytest.raises(RunError, match=r"`w` .*shard 2 of 3 is missing"):
        run_graph(constant(MissingBlob(8, "shard 2 of 3 is missing")), [])
    with pytest.raises(RunError, match="`w`"):
        run_graph(constant(BytesBlob(b"123")), [])


def test_the_number_of_inputs_must_fit() -> None:
    with pytest.raises(RunError, match="takes 1 inputs, not 2"):
        run_graph(graph_of([X], same), [np.zeros(2, np.float32)] * 2)


def test_ops_are_observed_and_unread_ones_left_out() -> None:
    def body(rw: Rewriter, values: Sequence[Value]) -> Sequence[Value]:
        rw.insert(Op("ge.NoSuchOp", tuple(values), {}, (X,)))
        absent = rw.absent()
        total = rw.value("ge.Add", [values[0], rw.constant(np.ones(2, np.float32))])
        done = rw.insert(Op("ge.Identity", (total,), {}, (X, CONTROL)))
        return [rw.insert(Op("ge.Identity", (done.results[0], done.results[1]), {}, (X,))).result, absent]

    seen: list[str] = []
    graph = graph_of([X], body)
    results = run_graph(graph, [np.ones(2, np.float32)], observe=lambda op, arrays: seen.append(op.kind))
    assert results[0].tolist() == [2, 2]
    assert results[1].dtype == object
    assert sorted(seen) == ["absent", "const", "ge.Add", "ge.Identity", "ge.Identity", "input"]


def test_values_are_dropped_after_their_last_reader() -> None:
    import weakref

    alive: list[weakref.ref[Array]] = []
    most = 0

    def observe(op: Op, arrays: Sequence[Array]) -> None:
        nonlocal most
        most = max(most, sum(ref() is not None for ref in alive))
        alive.extend(map(weakref.ref, arrays))

    def body(rw: Rewriter, values: Sequence[Value]) -> Sequence[Value]:
        value = values[0]
        for _ in range(50):
            value = rw.value("ge.Add", [value, value])
        return [value]

    run_graph(graph_of([X], body), [np.ones(2, np.float32)], observe=observe)
    assert most <= 3


def test_two_runs_go_in_step() -> None:
    graph = graph_of([X], doubled)
    runs = (steps(graph, [np.full(2, number, np.float32)]) for number in (1, 10))
    pairs = [(op.kind, [r[0].tolist() for r in (a, b)]) for (op, a), (_, b) in zip(*runs, strict=True)]
    assert pairs == [
        ("input", [[1, 1], [10, 10]]),
        ("ge.Add", [[2, 2], [20, 20]]),
        ("return", [[2, 2], [20, 20]]),
    ]


def test_ops_of_nested_graphs_are_executed_as_asked_for() -> None:
    seen: list[str] = []

    def execute(op: Op, operands: Sequence[Array]) -> Sequence[Array]:
        seen.append(op.kind)
        return execute_op(op, operands)

    graph = call("PartitionedCall", [graph_of([X], doubled)], [X])
    with executing(execute):
        run_graph(graph, [np.ones(2, np.float32)])
    run_graph(graph, [np.ones(2, np.float32)])
    assert seen == ["ge.PartitionedCall", "ge.Add"]
