"""The demonstration: the bundled trained model, compiled, executed and compared with what TensorFlow computes."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import Sink
from modelc.driver import Settings, compile_model
from modelc.execute.compare import OutputComparison, compare
from modelc.execute.execution import start
from modelc.execute.oracle import FRAMEWORKS, TIMEOUT
from modelc.frontends.frontend import LoadOptions
from modelc.frontends.load import load

OUTPUT = "digits.om"
BATCH = 36  # divides the 360 test images
BRIGHTEST = 16.0


def run_demo(output: Path, tell: Callable[[str], None] = lambda text: None) -> int:
    """Compile the bundled classifier to `output` and compare it with its source; returns the exit code.

    Args:
        output: Where the artifact goes.
        tell: Called with what begins, for people who wait.
    """
    with as_file(files("modelc.data").joinpath("digits")) as folder:
        return _demo(folder, output, tell)


def _demo(folder: Path, output: Path, tell: Callable[[str], None]) -> int:
    test = np.load(folder / "digits_test.npz")
    images, labels = test["x"].astype(np.float32) / BRIGHTEST, test["y"]
    print("model     a convolutional classifier of handwritten digits, trained with Keras, saved as a SavedModel")
    print(f"          {folder}")
    print(f"compile   modelc compile {folder.name} --batch-size {BATCH} -o {output}")
    compilation = compile_model(folder, output, Settings(batch_size=BATCH)).require()
    artifact = compilation.artifact
    assert artifact is not None
    for record in compilation.records:
        if record.depth == 0:
            print(
                f"          {record.name:<24}{record.edits:>6} edits{record.ops:>6} ops{record.seconds * 1e3:>9.1f} ms"
            )
    print(f"wrote     {artifact.path}: {artifact.nbytes / 1000:.1f} kB in {compilation.seconds:.2f} s")
    print(f"          {artifact.kind}")
    reference, oracle = _source(folder, images, test["probabilities"])
    actual, engine = _artifact(artifact.path, images)
    comparison = compare("probabilities", reference, actual)
    print(f"verify    {len(labels)} test images, source by {oracle}")
    print(f"          artifact, read back from its bytes, by {engine}\n")
    print(_side_by_side(reference, actual, labels, comparison))
    print("\nnext")
    for step in (
        f"modelc inspect {output}",
        "modelc compile YOUR_MODEL --batch-size 1 --verify",
        *artifact.next_steps,
    ):
        print(f"          {step}")
    return 0 if comparison.equal else 1


def _source(folder: Path, images: NDArray[Any], recorded: NDArray[Any]) -> tuple[NDArray[Any], str]:
    framework = FRAMEWORKS["tensorflow"]
    if not framework.is_installed:
        return recorded, f"{framework.title} when the model was trained (it is not installed here)"
    with framework.open(folder, LoadOptions(), TIMEOUT) as oracle:
        return oracle.run({"image": images}, ("probabilities",))["probabilities"], oracle.title


def _artifact(path: Path, images: NDArray[Any]) -> tuple[NDArray[Any], str]:
    execution = start("", load(path, LoadOptions(), Sink()))
    batches = (images[start : start + BATCH] for start in range(0, len(images), BATCH))
    return np.concatenate([execution.run({"image": batch})["probabilities"] for batch in batches]), execution.title


def _side_by_side(
    reference: NDArray[Any], actual: NDArray[Any], labels: NDArray[Any], comparison: OutputComparison
) -> str:
    def accuracy(probabilities: NDArray[Any]) -> str:
        right = int(np.sum(probabilities.argmax(axis=1) == labels))
        return f"{right / len(labels):.2%} ({right} of {len(labels)})"

    return "\n".join(
        (
            f"          {'':<12}{'source':<24}artifact",
            f"          {'accuracy':<12}{accuracy(reference):<24}{accuracy(actual)}",
            f"          {'largest difference':<36}{comparison.max_abs:.2e}",
        )
    )
