"""Control flow of TensorFlow computes the same numbers once it is resolved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tf_graphs import v1_control_flow
from tf_tools import run_frozen, write_graph

from modelc.diagnostics.diagnostic import Sink
from modelc.execute.evaluator import evaluate
from modelc.frontends.frontend import LoadOptions
from modelc.frontends.load import load
from modelc.pipeline import manager
from modelc.pipeline.passes import PassContext
from modelc.profiles import DEFAULT, profile

PIPELINE = "inline-functions,resolve-control-flow,freeze,strip-training-ops,prune,fix-shapes,lower-tf,infer-types"
ROWS = np.random.default_rng(0).normal(size=(4, 2, 3)).astype("f4")


def nested_conditions() -> None:
    """Two conditions that depend on inputs, one in a branch of the other, with constants in branches."""
    import tensorflow as tf

    v1 = tf.compat.v1
    x, p, q = (
        v1.placeholder(tf.float32, [2, 3], "x"),
        v1.placeholder(tf.bool, [], "p"),
        v1.placeholder(tf.bool, [], "q"),
    )

    def inner() -> Any:
        return v1.cond(q, lambda: x * 2.0, lambda: x - 1.0)

    y, z = v1.cond(p, lambda: (inner(), tf.constant(1.5)), lambda: (tf.nn.relu(x), tf.constant(-2.0)))
    tf.multiply(y, z, name="y")


def nested_loops() -> None:
    """A loop in a loop, with a condition on data inside."""
    import tensorflow as tf

    v1 = tf.compat.v1

    def change(a: Any) -> Any:
        return v1.cond(tf.reduce_sum(a) > 0, lambda: 0.1, lambda: -0.1)

    def step(i: Any, a: Any) -> tuple[Any, Any]:
        _, a = v1.while_loop(lambda j, _: j <= i, lambda j, a: (j + 1, a * 0.9 + change(a)), [0, a])
        return i + 1, a

    x = v1.placeholder(tf.float32, [2, 3], "x")
    tf.identity(v1.while_loop(lambda i, _: i < 3, step, [0, x])[1], name="y")


def recurrent() -> None:
    """A recurrent cell over tensor arrays."""
    import tensorflow as tf

    v1 = tf.compat.v1
    rows = v1.placeholder(tf.float32, ROWS.shape, "rows")
    kernel = tf.constant(np.random.default_rng(1).normal(size=(3, 3)).astype("f4"))
    inputs = tf.TensorArray(tf.float32, 4, element_shape=[2, 3]).unstack(rows)

    def step(t: Any, state: Any, outputs: Any) -> tuple[Any, Any, Any]:
        state = tf.tanh(tf.matmul(state, kernel) + inputs.read(t))
        return t + 1, state, outputs.write(t, state)

    start = [0, tf.zeros([2, 3]), tf.TensorArray(tf.float32, 4)]
    tf.identity(v1.while_loop(lambda t, *_: t < 4, step, start)[2].stack(), name="y")


X = {"x": ROWS[0]}
CASES: dict[str, tuple[Callable[[], None], dict[str, Any]]] = {
    **{f"conditions {p} {q}": (nested_conditions, {**X, "p": p, "q": q}) for p in (0, 1) for q in (0, 1)},
    "loops": (nested_loops, X),
    "recurrent": (recurrent, {"rows": ROWS}),
}


@pytest.mark.parametrize("generation", [1, 2])
@pytest.mark.parametrize(("build", "feeds"), CASES.values(), ids=CASES)
def test_numbers_stay(build: Callable[[], None], feeds: dict[str, Any], generation: int, tmp_path: Path) -> None:
    import tensorflow as tf

    path = tmp_path / "model.pb"
    feeds = {name: np.array(value, bool) if name in "pq" else value for name, value in feeds.items()}
    with tf.Graph().as_default() as graph:
        if generation == 1:
            with v1_control_flow():
                build()
        else:
            build()
        write_graph(graph.as_graph_def(), path)
    sink = Sink()
    model = load(path, LoadOptions(out_nodes="y:0"), sink)
    manager.run(model, manager.parse(PIPELINE), PassContext(sink, profile(DEFAULT)))
    assert not sink.errors
    assert not any(op.graphs for op in model.graph)
    found = evaluate(model.graph, feeds)
    np.testing.assert_allclose(found["y"], run_frozen(path, feeds, ("y",))["y"], rtol=1e-5, atol=1e-6)
