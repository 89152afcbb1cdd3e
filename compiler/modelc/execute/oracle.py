"""Oracles: what says which numbers a source computes. TensorFlow runs in a process of its own."""

from __future__ import annotations

import json
import signal
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

from modelc.diagnostics.diagnostic import Fix, ModelcError, fail
from modelc.frontends.frontend import LoadOptions

TIMEOUT = 1800  # seconds; frameworks hang on some graphs
_LONGEST = 400  # characters shown of what a framework says


@dataclass(frozen=True, slots=True)
class SourceCall:
    """What to execute.

    Attributes:
        path: The source.
        options: Signature, tags and outputs.
        outputs: Public names of the wanted outputs.
        timeout: Seconds it may take.
    """

    path: Path
    options: LoadOptions
    outputs: tuple[str, ...]
    timeout: int = TIMEOUT


def require_tensorflow() -> None:
    """Raise ModelcError when TensorFlow is not installed."""
    if find_spec("tensorflow") is None:
        raise fail(
            "MC604",
            "TensorFlow, which says what the source computes, is not installed",
            fixes=[Fix("install the extra: pip install 'modelc[tensorflow]'")],
        )


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
    require_tensorflow()
    with tempfile.TemporaryDirectory(prefix="modelc-oracle-") as folder:
        return _in_child(call, inputs, Path(folder))


def _in_child(
    call: SourceCall, inputs: Mapping[str, NDArray[Any]], folder: Path
) -> tuple[dict[str, NDArray[Any]], str]:
    request, result = folder / "request.npz", folder / "result.npz"
    np.savez(request, *inputs.values())  # by position, for names may be anything
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
            command, input=json.dumps(job), capture_output=True, text=True, timeout=call.timeout, check=False
        )
    except subprocess.TimeoutExpired:
        fix = Fix("give it more time", f"--timeout {2 * call.timeout}")
        text = f"TensorFlow did not finish within {call.timeout} seconds on the source"
        raise fail("MC605", text, file=str(call.path), fixes=[fix]) from None
    if done.returncode or not result.exists():
        raise _failed(call, done)
    version = done.stdout.strip().splitlines()[-1]
    with np.load(result, allow_pickle=False) as arrays:
        return {name: arrays[f"arr_{index}"] for index, name in enumerate(call.outputs)}, f"TensorFlow {version}"


def _failed(call: SourceCall, done: subprocess.CompletedProcess[str]) -> ModelcError:
    said = done.stderr.strip().splitlines()[-1:]
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name if -done.returncode in set(signal.Signals) else done.returncode
        reason = f"it crashed ({name})"
    else:
        reason = said[0][:_LONGEST] if said else f"it ended with status {done.returncode}"
    return fail("MC605", f"TensorFlow failed on the source: {reason}", file=str(call.path))
