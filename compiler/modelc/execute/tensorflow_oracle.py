"""Executes a model with TensorFlow; run as a process of its own, which may crash or hang without harm."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")


def main() -> int:
    """Read a job from standard input, write the outputs to its result file, print TensorFlow's version."""
    job = json.load(sys.stdin)
    import tensorflow as tf

    with np.load(job["request"], allow_pickle=False) as arrays:
        feeds = {name: arrays[f"arr_{index}"] for index, name in enumerate(job["inputs"])}
    path = Path(job["path"])
    runner = _run_saved_model if path.is_dir() or path.name.startswith("saved_model.pb") else _run_graph
    try:
        results = runner(tf, path, job, feeds)
    except Exception as error:  # whatever it is, its first line is what the user is told
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        print(f"{type(error).__name__}: {next(iter(lines), '')}", file=sys.stderr)
        return 1
    np.savez(job["result"], *[np.asarray(results[name]) for name in job["outputs"]])
    print(tf.__version__)
    return 0


def _run_saved_model(tf: Any, path: Path, job: dict[str, Any], feeds: dict[str, Any]) -> dict[str, Any]:
    folder = path if path.is_dir() else path.parent
    loaded = tf.saved_model.load(str(folder), tags=job["tags"] or None)
    keys = [key for key in loaded.signatures if key != "__saved_model_init_op"]
    key = job["signature"] or ("serving_default" if "serving_default" in keys else keys[0])
    function = loaded.signatures[key]
    declared = function.structured_input_signature[1]
    tensors = {
        name: tf.constant(value, dtype=declared[name].dtype if name in declared else None)
        for name, value in feeds.items()
    }
    for name in declared.keys() - tensors.keys():  # nothing that was compiled depends on them
        shape = [size or 1 for size in declared[name].shape.as_list()] if declared[name].shape.rank is not None else []
        tensors[name] = tf.zeros(shape, declared[name].dtype)
    return {name: value.numpy() for name, value in function(**tensors).items()}


def _run_graph(tf: Any, path: Path, job: dict[str, Any], feeds: dict[str, Any]) -> dict[str, Any]:
    v1 = tf.compat.v1
    definition = v1.GraphDef()
    if path.suffix == ".pbtxt" or path.read_bytes()[:1] not in (b"\n", b"\x12", b"\x1a", b'"'):
        from google.protobuf import text_format

        text_format.Parse(path.read_text("utf-8"), definition)
    else:
        definition.ParseFromString(path.read_bytes())
    with v1.Graph().as_default() as graph:
        v1.import_graph_def(definition, name="")
        with v1.Session(graph=graph) as session:
            return dict(
                zip(
                    job["outputs"],
                    session.run([_tensor(n) for n in job["outputs"]], {_tensor(n): v for n, v in feeds.items()}),
                    strict=True,
                )
            )


def _tensor(name: str) -> str:
    return name if ":" in name else f"{name}:0"


if __name__ == "__main__":
    sys.exit(main())
