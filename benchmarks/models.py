"""Build the big TensorFlow models that the benchmarks compile.

Usage: python benchmarks/models.py FOLDER [NAME...]

Models that are already there are kept. Each is built in a process of its own, one after the other, so that
memory stays bounded; all together take about 2 GB of disk. Weights are random with a fixed seed, and batch
normalizations have statistics, so that outputs mean something. The table `MODELS` needs no TensorFlow.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "models"))

from tf_graphs import build_reference_variables
from tf_models import EncoderSizes, build_encoder, build_two_signatures
from tf_tools import Feed, freeze, random_weights, write_graph

BERT_BASE = EncoderSizes(12, hidden=768, heads=12, feed_forward=3072, vocabulary=30522, sequence=128)


@dataclass(frozen=True)
class BenchModel:
    """A model, what it is fed with, and the options its compilation needs."""

    build: Callable[[Path], None]
    feeds: dict[str, Feed]
    options: tuple[str, ...] = ()
    suffix: str = ""

    def path(self, folder: Path, name: str) -> Path:
        """Returns where the model called `name` lies in `folder`."""
        return folder / f"{name}{self.suffix}"


def keras_model(application: str, size: int) -> Any:
    """Returns a model of keras.applications with random weights."""
    import keras

    keras.utils.set_random_seed(0)
    image = keras.Input((size, size, 3), name="image")
    model = getattr(keras.applications, application)(weights=None, input_tensor=image)
    random_weights(model)
    return model


def export(application: str, size: int, path: Path) -> None:
    """Saves a Keras application as a SavedModel with dynamic batch."""
    keras_model(application, size).export(path, verbose=False)


def export_frozen(application: str, size: int, path: Path) -> None:
    """Saves a Keras application as a frozen graph of batch 1."""
    import tensorflow as tf

    model = keras_model(application, size)
    function = tf.function(lambda image: model(image, training=False))
    write_graph(freeze(function.get_concrete_function(tf.TensorSpec([1, size, size, 3], name="image"))), path)


def _saved(application: str, size: int) -> BenchModel:
    feeds = {"image": Feed((1, size, size, 3))}
    return BenchModel(partial(export, application, size), feeds, ("--input-shape", f"image:1,{size},{size},3"))


def _frozen(application: str, size: int) -> BenchModel:
    feeds = {"image": Feed((1, size, size, 3))}
    return BenchModel(partial(export_frozen, application, size), feeds, suffix=".pb")


MODELS: dict[str, BenchModel] = {
    "mobilenet_v2": _saved("MobileNetV2", 224),
    "resnet50": _saved("ResNet50", 224),
    "inception_v3": _saved("InceptionV3", 299),
    "densenet121": _saved("DenseNet121", 224),
    "efficientnet_b0": _saved("EfficientNetB0", 224),
    "vgg16": _saved("VGG16", 224),
    "bert_base": BenchModel(
        partial(build_encoder, sizes=BERT_BASE),
        {
            "input_ids": Feed((1, 128), "int32", 30522),
            "input_mask": Feed((1, 128), "int32", 2),
            "segment_ids": Feed((1, 128), "int32", 2),
        },
        ("--batch-size", "1"),
    ),
    "mobilenet_v2_frozen": _frozen("MobileNetV2", 224),
    "resnet50_frozen": _frozen("ResNet50", 224),
    "inception_v3_frozen": _frozen("InceptionV3", 299),
    "densenet121_frozen": _frozen("DenseNet121", 224),
    "reference_variables": BenchModel(build_reference_variables, {"image": Feed((1, 8, 8, 3))}, ("--batch-size", "1")),
    "two_signatures": BenchModel(build_two_signatures, {"image": Feed((1, 8, 8, 3))}, ("--batch-size", "1")),
}


def build(name: str, folder: Path) -> None:
    """Builds one model under a hidden name and moves it into place when complete."""
    path = MODELS[name].path(folder, name)
    partial_path = path.with_name(f".{path.name}")
    MODELS[name].build(partial_path)
    partial_path.rename(path)


def build_missing(names: list[str], folder: Path) -> None:
    """Builds the models that are not there yet, each in its own process."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        if MODELS[name].path(folder, name).exists():
            continue
        print(f"building {name}", flush=True)
        code = "import sys, models, pathlib; models.build(sys.argv[1], pathlib.Path(sys.argv[2]))"
        command = [sys.executable, "-c", code, name, str(folder.resolve())]
        subprocess.run(command, check=True, cwd=Path(__file__).parent)


def main() -> None:
    """Builds the models named on the command line, or all."""
    parser = argparse.ArgumentParser(description="Build the TensorFlow models that the benchmarks compile.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(MODELS)}")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in MODELS]:
        parser.error(f"no model called {', '.join(unknown)}")
    build_missing(arguments.names or list(MODELS), arguments.folder)


if __name__ == "__main__":
    main()
