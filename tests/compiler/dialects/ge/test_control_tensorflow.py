"""Control flow that depends on data stays in the graph and computes what it does in TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray
from tf_harness import lowered
from tf_tools import run_frozen, write_graph

from modelc.execute.evaluator import evaluate

Build: TypeAlias = Callable[[Any, Any, Any], Any]
X = np.array([[1.5, -2.0, 0.5], [0.25, 3.0, -1.0]], np.float32)


def one_condition(tf: Any, x: Any, n: Any) -> Any:
    return tf.cond(n > 2, lambda: x * 2.0, lambda: x - tf.cast(n, tf.float32))


def condition_in_a_condition(tf: Any, x: Any, n: Any) -> Any:
    def inner() -> Any:
        return tf.cond(n > 4, lambda: tf.nn.relu(x), lambda: x + 1.0)

    return tf.cond(n > 2, inner, lambda: -x)


def branches_of_two_results(tf: Any, x: Any, n: Any) -> Any:
    a, b = tf.cond(n > 0, lambda: (x, x + 1.0), lambda: (x * 3.0, x))
    return a * b


def a_case(tf: Any, x: Any, n: Any) -> Any:
    return tf.switch_case(n, [lambda: x, lambda: x * 10.0, lambda: tf.exp(x)])


def a_loop(tf: Any, x: Any, n: Any) -> Any:
    return tf.while_loop(lambda i, _: i < n, lambda i, a: (i + 1, a * 0.5 + x), [0, x])[1]


def a_loop_in_a_loop(tf: Any, x: Any, n: Any) -> Any:
    def step(i: Any, a: Any) -> Any:
        inner = tf.while_loop(lambda j, _: j <= i, lambda j, b: (j + 1, b * 0.9 + 0.1), [0, a])
        return i + 1, inner[1]

    return tf.while_loop(lambda i, _: i < n, step, [0, x])[1]


def a_condition_in_a_loop(tf: Any, x: Any, n: Any) -> Any:
    def step(i: Any, a: Any) -> Any:
        return i + 1, tf.cond(tf.reduce_sum(a) > 1.0, lambda: a * 0.5, lambda: a + 1.0)

    return tf.while_loop(lambda i, _: i < n, step, [0, x])[1]


def a_loop_that_grows(tf: Any, x: Any, n: Any) -> Any:
    grown = tf.TensorShape([None, 3])
    step = lambda i, a: (i + 1, tf.concat([a, a[:1] + 1.0], 0))  # noqa: E731
    return tf.while_loop(lambda i, _: i < n, step, [0, x], shape_invariants=[tf.TensorShape([]), grown])[1]


def a_loop_that_shrinks(tf: Any, x: Any, n: Any) -> Any:
    invariants = [tf.TensorShape([]), tf.TensorShape([2, None])]
    return tf.while_loop(lambda i, _: i < n, lambda i, a: (i + 1, a[:, 1:]), [0, x], shape_invariants=invariants)[1]


def a_loop_until_numbers_settle(tf: Any, x: Any, n: Any) -> Any:
    start = tf.cast(n, tf.float32) + 2.0
    done = lambda a, b: tf.abs(a - b) > 1e-3  # noqa: E731
    step = lambda a, b: ((a + start / a) / 2.0, a)  # noqa: E731
    return x * tf.while_loop(done, step, [start, start + 1.0])[0]


CASES: tuple[Build, ...] = (
    *(one_condition, condition_in_a_condition, branches_of_two_results, a_case, a_loop, a_loop_in_a_loop),
    *(a_condition_in_a_loop, a_loop_that_grows, a_loop_that_shrinks, a_loop_until_numbers_settle),
)


def _saved(build: Build, folder: Path) -> Path:
    import tensorflow as tf

    path = folder / "model.pb"
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, X.shape, "x")
        n = tf.compat.v1.placeholder(tf.int32, [], "n")
        tf.identity(build(tf, x, n), name="y")
        write_graph(graph.as_graph_def(), path)
    return path


@pytest.mark.parametrize("build", CASES, ids=lambda build: build.__name__)
def test_what_depends_on_data_is_executed_as_data_say(build: Build, tf: Any, tmp_path: Path) -> None:
    path = _saved(build, tmp_path)
    model = lowered(path, ["y:0"])
    assert any(op.graphs for op in model.graph)
    for n in (0, 1, 3, 6, -1):
        feeds: dict[str, NDArray[Any]] = {"x": X, "n": np.array(n, np.int32)}
        (found,) = evaluate(model.graph, feeds).values()
        np.testing.assert_allclose(found, run_frozen(path, feeds, ("y",))["y"], rtol=1e-5, atol=1e-6)
