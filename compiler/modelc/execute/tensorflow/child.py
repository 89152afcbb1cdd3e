"""Executes a model with TensorFlow; run as a process of its own, which may crash or hang without harm.

It reads a job and then requests from standard input, a line of JSON each, and answers each with a line. Arrays go
through files. Nothing else is written to standard output: what TensorFlow prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy as np

from modelc.execute.arrays import write_array
from modelc.execute.tensorflow.models import FrozenGraph, SavedModel
from modelc.execute.tensorflow.tensors import Tensors

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")


_PREAMBLES = ("Detected at node", "Node:", "<stack")  # lines before a message proper


class Opened(Protocol):
    """A model in this process."""

    def run(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> list[Any]:
        """Return the outputs of these public names."""

    def tensors(self) -> Tensors:
        """Return access to the tensors inside of it, and let go of what only `run` needs."""


def main() -> int:
    """Serve requests until standard input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    job = json.loads(sys.stdin.readline())
    try:
        import tensorflow as tf

        path = Path(job["path"])
        is_saved_model = path.is_dir() or path.name.startswith("saved_model.pb")
        model: Opened = (SavedModel if is_saved_model else FrozenGraph)(tf, path, job)
    except Exception as error:  # whatever it is, its first line is what the user is told
        _answer(answers, {"error": _first_line(error)})
        return 1
    _answer(answers, {"version": tf.__version__})
    _serve(model, answers)
    return 0


def _serve(model: Opened, answers: TextIO) -> None:
    tensors: Tensors | None = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            feeds = _feeds(request)
            if "outputs" in request:
                arrays: Sequence[Any] = model.run(feeds, request["outputs"])
            else:
                tensors = tensors or model.tensors()
                arrays = tensors.fetch(feeds, request["tensors"])
            _answer(answers, {"arrays": [_saved(Path(request["folder"]), *item) for item in enumerate(arrays)]})
        except Exception as error:  # as above
            _answer(answers, {"error": _first_line(error)})


def _feeds(request: dict[str, Any]) -> dict[str, Any]:
    with np.load(request["feeds"], allow_pickle=False) as arrays:
        return {name: arrays[f"arr_{index}"] for index, name in enumerate(request["inputs"])}


def _saved(folder: Path, index: int, array: Any) -> dict[str, str] | None:
    """Write an array to a file of its own; returns which and of what type, None where there is none."""
    if array is None:
        return None
    array, path = np.asarray(array), folder / f"{index}.npy"
    write_array(path, array)
    return {"file": path.name, "dtype": array.dtype.name}


def _answer(stream: TextIO, document: dict[str, Any]) -> None:
    stream.write(json.dumps(document) + "\n")
    stream.flush()


def _first_line(error: Exception) -> str:
    """Return the first line of a message that says what happened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = (line for line in lines if not line.endswith(":") and not line.startswith(_PREAMBLES))
    return f"{type(error).__name__}: {next(telling, ' '.join(lines[:1]))}"


if __name__ == "__main__":
    sys.exit(main())
