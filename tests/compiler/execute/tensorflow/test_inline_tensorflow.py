"""Calls replaced by nodes: the graph still computes the same, and every node is found by what readers call it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from modelc.execute.tensorflow.inline import Inlined, inline, needed

tf = pytest.importorskip("tensorflow")


def graph_of(function: Callable[[Any], Any]) -> tuple[Any, str]:
    """Return the GraphDef of a function of f32[3], and the name of its output."""
    concrete = tf.function(function).get_concrete_function(tf.TensorSpec([3], name="x"))
    return concrete.graph.as_graph_def(), concrete.outputs[0].name


def inlined(graph_def: Any) -> Inlined:
    from tensorflow.python.framework.function_def_to_graph import function_def_to_graph_def

    library = tf.compat.v1.GraphDef(library=graph_def.library)
    with tf.compat.v1.Graph().as_default() as graph:
        tf.compat.v1.import_graph_def(library, name="")

    def flatten(function: Any) -> Any:
        with graph.as_default():
            return function_def_to_graph_def(function)

    return inline(graph_def, flatten)


def run(graph_def: Any, *names: str) -> list[Any]:
    with tf.compat.v1.Graph().as_default() as graph:
        tf.compat.v1.import_graph_def(graph_def, name="")
        with tf.compat.v1.Session(graph=graph) as session:
            results: list[Any] = session.run(names, {"x:0": np.array([-1, 0.5, 2], np.float32)})
            return results


def _once(x: Any) -> tuple[Any, Any]:
    with tf.control_dependencies([tf.debugging.assert_less(x, 100.0)]):
        low, high = tf.split(tf.concat([tf.tanh(x, name="curve"), x], 0), 2)
    return high, low


def _twice(x: Any) -> Any:
    high, low = once(x)
    again, _ = once(low + 1.0)
    return again - high


once, twice = tf.function(_once), tf.function(_twice)


def branches(x: Any) -> Any:
    return tf.cond(tf.reduce_sum(x) > 0, lambda: twice(x), lambda: x)


@pytest.mark.parametrize(
    "function", [lambda x: twice(x) * 2.0, lambda x: twice(twice(x)), lambda x: once(x)[1], branches, tf.abs]
)
def test_the_graph_computes_the_same(function: Callable[[Any], Any]) -> None:
    graph_def, output = graph_of(function)
    (expected,) = run(graph_def, output)
    done = inlined(graph_def)
    (actual,) = run(graph_def, done.resolve(output))
    np.testing.assert_array_equal(actual, expected)
    assert not [node for node in graph_def.node if "PartitionedCall" in node.op]


def test_nodes_are_found_by_their_path() -> None:
    graph_def, _ = graph_of(lambda x: twice(x) * 2.0)
    done = inlined(graph_def)
    paths = {instance.path: instance.name for instance in done.nodes if instance.node == "curve"}
    first, second = sorted(paths)
    assert [first.rpartition("/")[2], second.rpartition("/")[2]] == ["curve", "curve"]
    assert first.count("/") == second.count("/") == 2  # the call of `twice`, and one of the two within it
    one, two = run(graph_def, f"{paths[first]}:0", f"{paths[second]}:0")
    np.testing.assert_allclose(two, np.tanh(one + 1.0), rtol=1e-6)


def test_a_call_that_is_all_a_graph_does_is_left_out_of_paths() -> None:
    wrapper = tf.function(lambda x: twice(x))
    graph_def, _ = graph_of(lambda x: wrapper(x))
    paths = [instance.path for instance in inlined(graph_def).nodes if instance.node == "curve"]
    assert sorted(path.count("/") for path in paths) == [1, 1]


def test_what_tensors_depend_on() -> None:
    graph_def, output = graph_of(lambda x: tf.abs(x, name="a") + 0 * tf.exp(x, name="b"))
    assert {"x", "a", "b"} <= needed(graph_def, [output])
    assert needed(graph_def, ["a:0", "^x", "nonesuch"]) == {"a", "x"}
