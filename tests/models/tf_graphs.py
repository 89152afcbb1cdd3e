"""Builders of TensorFlow 1 models: graphs and sessions, no functions and no object graph."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from tf_tools import write_graph


@contextmanager
def v1_control_flow() -> Iterator[None]:
    """Makes `tf.compat.v1.cond` build Switch and Merge."""
    import tensorflow as tf

    tf.compat.v1.disable_control_flow_v2()
    try:
        yield
    finally:
        tf.compat.v1.enable_control_flow_v2()


def classifier(image: Any, use_resource: bool, devices: tuple[str, str] = ("", "")) -> Any:
    """Returns the output of two convolutions and a dense layer over TF1 variables."""
    import tensorflow as tf

    v1, rng = tf.compat.v1, np.random.default_rng(11)

    def variable(name: str, *shape: int) -> Any:
        values = rng.normal(0.0, 0.3, shape).astype("f4")
        return v1.get_variable(name, initializer=values, use_resource=use_resource)

    with v1.variable_scope("conv"), tf.device(devices[0]):
        x = tf.nn.conv2d(image, variable("weights", 3, 3, 3, 8), strides=[1, 2, 2, 1], padding="SAME")
        scale, offset, mean = variable("gamma", 8), variable("beta", 8), variable("moving_mean", 8)
        variance = variable("moving_variance", 8) ** 2 + 0.5
        x, *_ = v1.nn.fused_batch_norm(x, scale, offset, mean, variance, is_training=False)
        x = tf.nn.relu(x)
    with v1.variable_scope("logits"), tf.device(devices[1]):
        x = tf.nn.max_pool2d(x, 2, 2, "VALID")
        x = tf.reshape(x, [-1, 32])
        x = v1.nn.xw_plus_b(x, variable("weights", 32, 4), variable("biases", 4))
    return tf.nn.softmax(x, name="probabilities")


def build_reference_variables(path: Path) -> None:
    """Saves a TF1 model whose variables are references (VariableV2, Identity)."""
    _save_classifier(path, use_resource=False)


def build_resource_variables(path: Path) -> None:
    """Saves a TF1 model whose variables are resources (VarHandleOp, ReadVariableOp)."""
    _save_classifier(path, use_resource=True)


def _save_classifier(path: Path, use_resource: bool) -> None:
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        image = v1.placeholder(tf.float32, [None, 8, 8, 3], name="image")
        probabilities = classifier(image, use_resource)
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(path), {"image": image}, {"probabilities": probabilities})


def build_sharded(path: Path) -> None:
    """Saves a TF1 model whose weights lie in two files, one for each device that held them."""
    import tensorflow as tf

    v1 = tf.compat.v1
    config = v1.ConfigProto(device_count={"CPU": 2})
    with tf.Graph().as_default(), v1.Session(config=config) as session:
        image = v1.placeholder(tf.float32, [None, 8, 8, 3], name="image")
        probabilities = classifier(image, use_resource=False, devices=("/cpu:0", "/cpu:1"))
        session.run(v1.global_variables_initializer())
        inputs, outputs = {"image": image}, {"probabilities": probabilities}
        signature = v1.saved_model.predict_signature_def(inputs, outputs)
        builder = v1.saved_model.Builder(str(path))
        builder.add_meta_graph_and_variables(
            session, ["serve"], {"serving_default": signature}, saver=v1.train.Saver(sharded=True)
        )
        builder.save()


def build_learning_phase(path: Path) -> None:
    """Freezes a TF1 graph whose dropout hangs on a Keras-like learning phase, off by default."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with v1_control_flow(), tf.Graph().as_default() as graph:
        image = v1.placeholder(tf.float32, [None, 8, 8, 3], name="image")
        training = v1.placeholder_with_default(False, [], name="keras_learning_phase")
        rng = np.random.default_rng(12)
        filters = tf.constant(rng.normal(size=(3, 3, 3, 4)).astype("f4"), name="filters")
        x = tf.nn.relu(tf.nn.conv2d(image, filters, strides=2, padding="VALID"))
        x = v1.cond(training, lambda: tf.nn.dropout(x, rate=0.5), lambda: tf.identity(x), name="dropout")
        kernel = tf.constant(rng.normal(size=(36, 3)).astype("f4"), name="kernel")
        tf.nn.softmax(tf.matmul(tf.reshape(x, [-1, 36]), kernel), name="probabilities")
        write_graph(graph.as_graph_def(), path)
