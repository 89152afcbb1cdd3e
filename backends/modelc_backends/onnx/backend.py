"""The target of this package: `.onnx`, for ONNX Runtime and whatever else reads that format."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from modelc.backend import PLAIN, Artifact, Backend, WriteOptions
from modelc.dialects.onnx import IR_VERSION, OPSET
from modelc.ir.model import Model
from modelc_backends.files.fitting import fitting, with_outside
from modelc_backends.files.writer import write_atomically
from modelc_backends.pipelines import ONNX

KIND: Final = f".onnx: graph and weights, opset {OPSET}, IR version {IR_VERSION}"


def write_onnx(model: Model, path: Path, options: WriteOptions = PLAIN) -> Artifact:
    """Write a model in the dialect of ONNX as an `.onnx`, all or nothing."""
    from modelc_backends.onnx.serialize import serialize

    stream, outside = fitting(model, path, options, lambda outside: serialize(model, outside), together=True)
    digest = write_atomically(stream, path, outside)
    steps = (
        f"run it with `modelc run {path}`, or give it to `onnxruntime.InferenceSession`",
        "see it with Netron; other runtimes take it where they know its opset",
    )
    return with_outside(Artifact(path, "onnx", KIND, digest, stream.nbytes, steps), outside, options)


ONNX_TARGET = Backend("onnx", ".onnx", "ONNX, for ONNX Runtime and other runtimes", write_onnx, ONNX)
