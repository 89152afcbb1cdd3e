"""Small TensorFlow models of every kind the compiler accepts, built by TensorFlow itself.

`python tests/models/tf_models.py FOLDER [NAME...]` writes them, all or the named ones. TensorFlow is imported
only while building, so that tests can read the table `MODELS` without it.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tf_graphs import build_learning_phase, build_reference_variables, build_resource_variables, build_sharded
from tf_tools import Feed, freeze, random_weights, write_graph

CHANNELS = 3
IMAGE = (8, 8, CHANNELS)


@dataclass(frozen=True)
class EncoderSizes:
    """The sizes of a BERT-like encoder."""

    layers: int = 2
    hidden: int = 16
    heads: int = 2
    feed_forward: int = 32
    vocabulary: int = 50
    sequence: int = 8


SMALL_ENCODER = EncoderSizes()


@dataclass(frozen=True)
class ModelCase:
    """A model that compiles: how it is built, what it is fed, and what the compiler must be told.

    Inputs and outputs are named as in the signature of a SavedModel, and by node in a frozen graph.
    """

    build: Callable[[Path], None]
    feeds: Mapping[str, Feed]
    outputs: tuple[str, ...]
    suffix: str = ""
    signature: str = "serving_default"
    input_shape: str = ""
    batch_size: int = 0

    def path(self, folder: Path, name: str) -> Path:
        """Returns where the model called `name` lies in `folder`."""
        return folder / f"{name}{self.suffix}"

    def arrays(self, seed: int = 0) -> dict[str, np.ndarray[Any, Any]]:
        """Returns random values for the inputs."""
        rng = np.random.default_rng(seed)
        return {name: feed.array(rng) for name, feed in self.feeds.items()}


def convnet() -> Any:
    """Returns a small Keras convnet whose batch normalizations have something to say."""
    import keras

    keras.utils.set_random_seed(1)
    layers = keras.layers
    image = x = keras.Input(IMAGE, name="image")
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="stem")(x)
    x = layers.BatchNormalization(name="stem_norm")(x)
    x = skip = layers.ReLU(max_value=6.0)(x)
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise")(x)
    x = layers.BatchNormalization(scale=False, name="depthwise_norm")(x)
    x = layers.Activation("swish")(x)
    x = layers.Add()([x, skip])
    x = layers.MaxPooling2D(2, strides=1, padding="same")(x)
    x = layers.Conv2D(12, 2, padding="valid", activation="relu", name="valid")(x)
    x = layers.AveragePooling2D(2, strides=1, padding="valid")(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.SeparableConv2D(10, 3, activation="elu", name="separable")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.4)(x)
    x = layers.Dense(5, activation="softmax", name="classes")(x)
    model = keras.Model(image, x, name="convnet")
    random_weights(model)
    return model


def build_keras_export(path: Path) -> None:
    """Saves the convnet the way Keras 3 does: every variable is stored twice."""
    convnet().export(path, verbose=False)


def build_stripped_defaults(path: Path) -> None:
    """Saves the convnet with `tf.saved_model.save`, which leaves out attributes that have their default."""
    import tensorflow as tf

    model = convnet()
    module = tf.Module()
    module.model = model
    module.serve = tf.function(
        lambda image: {"classes": model(image, training=False)},
        input_signature=[tf.TensorSpec([None, *IMAGE], tf.float32, name="image")],
    )
    tf.saved_model.save(module, str(path), signatures={"serving_default": module.serve})


def build_frozen(path: Path) -> None:
    """Freezes the convnet at batch size 1; the suffix of the path chooses binary or text."""
    import tensorflow as tf

    model = convnet()
    function = tf.function(lambda image: model(image, training=False))
    write_graph(freeze(function.get_concrete_function(tf.TensorSpec([1, *IMAGE], name="image"))), path)


def build_encoder(path: Path, sizes: EncoderSizes = SMALL_ENCODER) -> None:
    """Saves a BERT-like encoder whose embeddings are read with ResourceGather."""
    import tensorflow as tf

    rng = np.random.default_rng(7)
    weights: dict[str, Any] = {}

    def weight(name: str, *shape: int) -> Any:
        if name not in weights:
            values = rng.standard_normal(shape, dtype=np.float32) / np.float32(np.sqrt(shape[0]))
            weights[name] = tf.Variable(values, name=name)
        return weights[name]

    def encode(input_ids: Any, input_mask: Any, segment_ids: Any) -> dict[str, Any]:
        return encoder_outputs(sizes, weight, input_ids, input_mask, segment_ids)

    encode(*[tf.ones([1, sizes.sequence], tf.int32)] * 3)  # makes the weights
    module = tf.Module()
    module.variables_by_name = weights
    names = ("input_ids", "input_mask", "segment_ids")
    module.encode = tf.function(
        encode, input_signature=[tf.TensorSpec([None, sizes.sequence], tf.int32, name=name) for name in names]
    )
    tf.saved_model.save(module, str(path), signatures=module.encode)


def encoder_outputs(
    sizes: EncoderSizes, weight: Callable[..., Any], ids: Any, mask: Any, segments: Any
) -> dict[str, Any]:
    """Returns the hidden states of all tokens and the pooled first one."""
    import tensorflow as tf

    x = tf.gather(weight("embeddings/word", sizes.vocabulary, sizes.hidden), ids)
    x += tf.gather(weight("embeddings/segment", 2, sizes.hidden), segments)
    x += weight("embeddings/position", sizes.sequence, sizes.hidden)[tf.newaxis]
    x = normalized(weight, "embeddings/norm", x)
    bias = (1.0 - tf.cast(mask[:, tf.newaxis, tf.newaxis, :], tf.float32)) * -10000.0
    for index in range(sizes.layers):
        x = encoder_layer(sizes, weight, f"layer_{index}", x, bias, einsum=index % 2 == 1)
    pooled = tf.tanh(dense(weight, "pooler", x[:, 0], sizes.hidden))
    return {"sequence": x, "pooled": pooled}


def encoder_layer(sizes: EncoderSizes, weight: Callable[..., Any], scope: str, x: Any, bias: Any, einsum: bool) -> Any:
    """Returns one transformer layer; every other one is written with einsum and the erf form of GELU."""
    import tensorflow as tf

    size = sizes.hidden // sizes.heads
    split = [-1, sizes.sequence, sizes.heads, size]
    q, k, v = (tf.reshape(dense(weight, f"{scope}/{name}", x, sizes.hidden), split) for name in "qkv")
    if einsum:
        scores = tf.einsum("bqhd,bkhd->bhqk", q, k) * (size**-0.5)
        context = tf.einsum("bhqk,bkhd->bqhd", tf.nn.softmax(scores + bias), v)
    else:
        q, k, v = (tf.transpose(t, [0, 2, 1, 3]) for t in (q, k, v))
        scores = tf.matmul(q, k, transpose_b=True) / tf.sqrt(float(size))
        context = tf.transpose(tf.matmul(tf.nn.softmax(scores + bias), v), [0, 2, 1, 3])
    context = tf.reshape(context, [tf.shape(x)[0], sizes.sequence, sizes.hidden])
    x = normalized(weight, f"{scope}/norm_1", x + dense(weight, f"{scope}/context", context, sizes.hidden))
    wide = tf.nn.gelu(dense(weight, f"{scope}/wide", x, sizes.feed_forward), approximate=not einsum)
    return normalized(weight, f"{scope}/norm_2", x + dense(weight, f"{scope}/narrow", wide, sizes.hidden))


def dense(weight: Callable[..., Any], scope: str, x: Any, units: int) -> Any:
    """Returns a linear layer over the last dimension."""
    import tensorflow as tf

    kernel = weight(f"{scope}/kernel", int(x.shape[-1]), units)
    return tf.nn.bias_add(tf.matmul(x, kernel), weight(f"{scope}/bias", units))


def normalized(weight: Callable[..., Any], scope: str, x: Any) -> Any:
    """Returns layer normalization over the last dimension."""
    import tensorflow as tf

    units = int(x.shape[-1])
    mean, variance = tf.nn.moments(x, axes=[-1], keepdims=True)
    gamma, beta = weight(f"{scope}/gamma", units) + 1.0, weight(f"{scope}/beta", units)
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-12)


def build_mlp(path: Path) -> None:
    """Saves a plain tf.Module: three dense layers."""
    import tensorflow as tf

    rng = np.random.default_rng(3)
    module = tf.Module()
    module.kernels = [tf.Variable(rng.normal(size=s).astype("f4")) for s in [(6, 16), (16, 16), (16, 4)]]
    module.bias = tf.Variable(rng.normal(size=16).astype("f4"), name="bias")

    def call(x: Any) -> dict[str, Any]:
        x = tf.nn.leaky_relu(tf.matmul(x, module.kernels[0]) + module.bias, alpha=0.1)
        x = tf.sigmoid(tf.matmul(x, module.kernels[1])) * tf.nn.softplus(x)
        return {"logits": tf.matmul(x, module.kernels[2])}

    module.call = tf.function(call, input_signature=[tf.TensorSpec([None, 6], name="x")])
    tf.saved_model.save(module, str(path), signatures=module.call)


def build_two_signatures(path: Path) -> None:
    """Saves a model with two entry points; the default one has two outputs."""
    import tensorflow as tf

    rng = np.random.default_rng(4)
    module = tf.Module()
    module.filters = tf.Variable(rng.normal(size=(3, 3, CHANNELS, 6)).astype("f4"), name="filters")
    module.kernel = tf.Variable(rng.normal(0.0, 0.3, (6, 4)).astype("f4"), name="kernel")

    def features(image: Any) -> dict[str, Any]:
        x = tf.nn.relu(tf.nn.conv2d(image, module.filters, strides=2, padding="SAME"))
        return {"features": tf.reduce_mean(x, axis=[1, 2])}

    def classify(image: Any) -> dict[str, Any]:
        logits = tf.matmul(features(image)["features"], module.kernel)
        return {"probabilities": tf.nn.softmax(logits), "label": tf.argmax(logits, 1, tf.int32)}

    signature = [tf.TensorSpec([None, *IMAGE], name="image")]
    module.classify = tf.function(classify, input_signature=signature)
    module.features = tf.function(features, input_signature=signature)
    signatures = {"serving_default": module.classify, "features": module.features}
    tf.saved_model.save(module, str(path), signatures=signatures)


def build_nested_functions(path: Path) -> None:
    """Saves functions that call functions, assert, print, and read one variable from two of them."""
    import tensorflow as tf

    module = tf.Module()
    module.kernel = tf.Variable(np.random.default_rng(5).normal(size=(5, 5)).astype("f4"), name="kernel")

    def once(x: Any) -> Any:
        with tf.control_dependencies([tf.debugging.assert_less(tf.abs(x), 1e6, message="too large")]):
            return tf.tanh(tf.matmul(x, module.kernel))

    def twice(x: Any) -> Any:
        tf.print("mean", tf.reduce_mean(x), output_stream=sys.stderr)
        return once_function(once_function(x)) + tf.reduce_sum(module.kernel, axis=0)

    once_function, twice_function = tf.function(once), tf.function(twice)
    module.call = tf.function(
        lambda x: {"y": twice_function(x) - once_function(2.0 * x), "norm": tf.norm(module.kernel)},
        input_signature=[tf.TensorSpec([None, 5], name="x")],
    )
    tf.saved_model.save(module, str(path), signatures=module.call)


def build_shape_arithmetic(path: Path) -> None:
    """Saves a model that computes its shapes, in dynamic batch and static image size."""
    import tensorflow as tf

    rng = np.random.default_rng(6)
    module = tf.Module()
    module.up = tf.Variable(rng.normal(size=(3, 3, 4, CHANNELS)).astype("f4"), name="up")
    module.table = tf.Variable(rng.normal(size=(10, 6)).astype("f4"), name="table")

    def call(image: Any, ids: Any) -> dict[str, Any]:
        return image_outputs(image, module.up) | id_outputs(ids, module.table)

    signature = [tf.TensorSpec([None, *IMAGE], name="image"), tf.TensorSpec([None, 6], tf.int32, name="ids")]
    module.call = tf.function(call, input_signature=signature)
    tf.saved_model.save(module, str(path), signatures=module.call)


def image_outputs(image: Any, filters: Any) -> dict[str, Any]:
    """Returns resized, transposed-convolved and rearranged images."""
    import tensorflow as tf

    batch, height, width = (tf.shape(image)[axis] for axis in range(3))
    up = tf.nn.conv2d_transpose(image, filters, tf.stack([batch, 2 * height, 2 * width, 4]), strides=2)
    first, second = tf.split(up, 2, axis=3)
    size = tf.stack([height * 3 // 2, width * 3 // 2])
    bilinear = tf.image.resize(first, size)
    nearest = tf.image.resize(second, size, method="nearest")
    legacy = tf.compat.v1.image.resize_bilinear(image, [4, 4], align_corners=True)
    planes = tf.transpose(tf.concat([bilinear, nearest], axis=3), [0, 3, 1, 2])
    rows = tf.reshape(planes, tf.stack([batch, -1, size[1]]))
    padded = tf.pad(tf.reduce_max(rows, axis=1, keepdims=True), [[0, 0], [0, 0], [2, 1]], constant_values=0.5)
    mirrored = tf.pad(legacy, [[0, 0], [1, 1], [2, 0], [0, 0]], mode="REFLECT")
    return {"planes": planes, "padded": tf.squeeze(padded, axis=1), "mirrored": mirrored[:, ::2, 1:-1]}


def id_outputs(ids: Any, table: Any) -> dict[str, Any]:
    """Returns one-hot, sorted, selected and accumulated values of integer rows."""
    import tensorflow as tf

    batch, length = tf.shape(ids)[0], tf.shape(ids)[1]
    positions = tf.tile(tf.range(length)[tf.newaxis], tf.stack([batch, 1]))
    hot = tf.one_hot(ids, 10, on_value=2.0, off_value=-1.0)
    rows = tf.gather(table, ids)
    scores = tf.reduce_sum(rows * tf.reduce_mean(hot, axis=2, keepdims=True), axis=2)
    scores += 0.1 * tf.cast(positions, tf.float32)  # no ties
    values, indices = tf.math.top_k(scores, k=3)
    chosen = tf.where(tf.equal(ids % 2, positions % 2), scores, tf.zeros_like(scores) - 1.0)
    picked = tf.gather_nd(scores, tf.stack([tf.range(batch), tf.argmax(scores, 1, tf.int32)], axis=1))
    clipped = tf.reduce_prod(tf.clip_by_value(rows, 0.5, 1.5), axis=2)
    return {
        "values": values,
        "indices": indices,
        "sums": tf.cumsum(chosen, axis=1, exclusive=True) + tf.cumsum(scores, axis=1, reverse=True),
        "picked": picked,
        "any": tf.reduce_any(scores > 0.0, axis=1),
        "spread": tf.reduce_sum(clipped, axis=1) - tf.reduce_min(scores, axis=1),
    }


def _image(batch: int = 1) -> Feed:
    return Feed((batch, *IMAGE))


def _ids(batch: int, sequence: int, high: int) -> Feed:
    return Feed((batch, sequence), "int32", high)


_ENCODER_FEEDS = {"input_ids": _ids(2, 8, 50), "input_mask": _ids(2, 8, 2), "segment_ids": _ids(2, 8, 2)}

MODELS: dict[str, ModelCase] = {
    "keras_export": ModelCase(build_keras_export, {"image": _image()}, ("output_0",), input_shape="image:1,8,8,3"),
    "stripped_defaults": ModelCase(build_stripped_defaults, {"image": _image()}, ("classes",), batch_size=1),
    "frozen": ModelCase(build_frozen, {"image": _image()}, ("Identity",), suffix=".pb"),
    "frozen_text": ModelCase(build_frozen, {"image": _image()}, ("Identity",), suffix=".pbtxt"),
    "encoder": ModelCase(build_encoder, _ENCODER_FEEDS, ("sequence", "pooled"), batch_size=2),
    "mlp": ModelCase(build_mlp, {"x": Feed((3, 6))}, ("logits",), input_shape="x:3,6"),
    "reference_variables": ModelCase(build_reference_variables, {"image": _image()}, ("probabilities",), batch_size=1),
    "resource_variables": ModelCase(build_resource_variables, {"image": _image()}, ("probabilities",), batch_size=1),
    "sharded": ModelCase(build_sharded, {"image": _image()}, ("probabilities",), batch_size=1),
    "two_signatures": ModelCase(build_two_signatures, {"image": _image(2)}, ("probabilities", "label"), batch_size=2),
    "features": ModelCase(build_two_signatures, {"image": _image()}, ("features",), signature="features", batch_size=1),
    "nested_functions": ModelCase(build_nested_functions, {"x": Feed((4, 5))}, ("y", "norm"), batch_size=4),
    "learning_phase": ModelCase(
        build_learning_phase, {"image": _image()}, ("probabilities",), suffix=".pb", batch_size=1
    ),
    "shape_arithmetic": ModelCase(
        build_shape_arithmetic,
        {"image": _image(2), "ids": _ids(2, 6, 10)},
        ("planes", "padded", "mirrored", "values", "indices", "sums", "picked", "any", "spread"),
        input_shape="image:2,8,8,3;ids:2,6",
    ),
}


def main(arguments: list[str]) -> None:
    """Writes the named models, or all, into a folder."""
    folder, names = Path(arguments[0]), arguments[1:] or list(MODELS)
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        MODELS[name].build(MODELS[name].path(folder, name))


if __name__ == "__main__":
    main(sys.argv[1:])
