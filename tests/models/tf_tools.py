"""What the model builders share: inputs, freezing, files, and running a model with TensorFlow."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Feed:
    """The shape and element type of an input; integers are drawn from 0 up to `high`."""

    shape: tuple[int, ...]
    dtype: str = "float32"
    high: int = 2

    def array(self, rng: np.random.Generator) -> np.ndarray[Any, Any]:
        """Returns random values."""
        if np.issubdtype(self.dtype, np.floating):
            return rng.standard_normal(self.shape).astype(self.dtype)
        return rng.integers(0, self.high, self.shape).astype(self.dtype)


def random_weights(model: Any, seed: int = 0) -> None:
    """Gives a fresh Keras model weights with which its outputs depend on all of it.

    Biases, scales and offsets become random, kernels keep the signal's strength, and batch normalizations
    get the statistics of noise images, of bytes where the model rescales them.
    """
    rng = np.random.default_rng(seed)
    norms = [layer for layer in model.layers if type(layer).__name__ == "BatchNormalization"]
    for variable in model.trainable_variables:
        match variable.path.rsplit("/", 1)[-1]:
            case "gamma":
                variable.assign(rng.uniform(0.6, 1.4, variable.shape))
            case "beta" | "bias":
                variable.assign(rng.normal(0.0, 0.1, variable.shape))
            case "kernel" if not norms:
                variable.assign(variable * np.sqrt(2.0))
    for layer in norms:
        layer.momentum = 0.0
    takes_bytes = any(type(layer).__name__ == "Rescaling" for layer in model.layers)
    images = rng.standard_normal((4, *model.input_shape[1:]), dtype=np.float32)
    model(np.clip(images * 64 + 128, 0, 255) if takes_bytes else images, training=True)


def freeze(function: Any) -> Any:
    """Returns the GraphDef of a concrete function, its variables turned into constants."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    return convert_variables_to_constants_v2(function).graph.as_graph_def()


def write_graph(graph_def: Any, path: Path) -> None:
    """Writes a GraphDef, as text when the file's suffix is `.pbtxt`."""
    if path.suffix == ".pbtxt":
        from google.protobuf import text_format

        path.write_text(text_format.MessageToString(graph_def), encoding="utf-8")
    else:
        path.write_bytes(graph_def.SerializeToString())


def run_saved_model(path: Path, feeds: Mapping[str, Any], signature: str = "serving_default") -> Arrays:
    """Returns the outputs of a SavedModel's signature, computed by TensorFlow."""
    import tensorflow as tf

    function = tf.saved_model.load(str(path)).signatures[signature]
    return {name: value.numpy() for name, value in function(**feeds).items()}


def run_frozen(path: Path, feeds: Mapping[str, Any], outputs: tuple[str, ...]) -> Arrays:
    """Returns the named outputs of a frozen graph, computed by TensorFlow."""
    import tensorflow as tf

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.import_graph_def(read_graph(path), name="")
        values = session.run(
            {name: f"{name}:0" for name in outputs}, {f"{name}:0": value for name, value in feeds.items()}
        )
    return dict(values)


def read_graph(path: Path) -> Any:
    """Returns the GraphDef of a binary or text file."""
    import tensorflow as tf
    from google.protobuf import text_format

    graph_def = tf.compat.v1.GraphDef()
    if path.suffix == ".pbtxt":
        text_format.Parse(path.read_text(encoding="utf-8"), graph_def)
    else:
        graph_def.ParseFromString(path.read_bytes())
    return graph_def
