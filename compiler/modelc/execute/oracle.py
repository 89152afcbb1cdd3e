"""Oracles: the source's own framework, run in a process of its own, says what the numbers should be."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import Fix, fail
from modelc.frontends.frontend import LoadOptions

TIMEOUT = 1800  # seconds; frameworks hang on some graphs


@dataclass(frozen=True, slots=True)
class SourceCall:
    """What to execute.

    Attributes:
        path: The source.
        options: Signature, tags and outputs.
        outputs: Public names of the wanted outputs.
    """

    path: Path
    options: LoadOptions
    outputs: tuple[str, ...]


def run_source(call: SourceCall, inputs: Mapping[str, NDArray[Any]]) -> tuple[dict[str, NDArray[Any]], str]:
    """Execute the source with TensorFlow.

    Args:
        call: What to execute.
        inputs: Arrays by public input name.

    Returns:
        Arrays by public output name, and what computed them.

    Raises:
        ModelcError: TensorFlow is not installed, or it failed on this model.
    """
    if find_spec("tensorflow") is None:
        raise fail(
            "MC604",
            "TensorFlow, which says what the source computes, is not installed",
            fixes=[Fix("install the extra: pip install 'modelc[tensorflow]'")],
        )
    with tempfile.TemporaryDirectory(prefix="modelc-oracle-") as folder:
        return _in_child(call, inputs, Path(folder))


def _in_child(
    call: SourceCall, inputs: Mapping[str, NDArray[Any]], folder: Path
) -> tuple[dict[str, NDArray[Any]], str]:
    request, result = folder / "request.npz", folder / "result.npz"
    # npz members are files: names with `/` or `:` would become paths, so arrays travel by position.
    np.savez(request, *inputs.values())
    job = {
        "path": str(call.path.resolve()),
        "signature": call.options.signature,
        "tags": list(call.options.tags),
        "inputs": list(inputs),
        "outputs": list(call.outputs),
        "request": str(request),
        "result": str(result),
    }
    command = [sys.executable, "-m", "modelc.execute.tensorflow_oracle"]
    try:
        done = subprocess.run(
            command, input=json.dumps(job), capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise fail("MC605", f"TensorFlow did not finish within {TIMEOUT} seconds on the source") from None
    if done.returncode or not result.exists():
        reason = done.stderr.strip().splitlines()[-1:] or [f"it ended with status {done.returncode}"]
        raise fail("MC605", f"TensorFlow failed on the source: {reason[0]}")
    version = done.stdout.strip().splitlines()[-1]
    with np.load(result, allow_pickle=False) as arrays:
        return {name: arrays[f"arr_{index}"] for index, name in enumerate(call.outputs)}, f"TensorFlow {version}"
