"""Compile the benchmark models and compare each artifact, read back from its bytes, with TensorFlow.

Usage: python benchmarks/verify_models.py MODELS [NAME...] [--output DIR]

MODELS is the folder that `python benchmarks/models.py MODELS` fills. Prints one line for each model, target and
engine: seconds to compile, size, largest absolute and relative error, seconds of the engine, and the verdict.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models import MODELS

RUNS = {"om": ("numpy", "onnxruntime"), "onnx": ("onnxruntime",)}  # engines by target
HEADER = f"{'model':<22}{'target':<8}{'engine':<13}{'compile s':>10}{'MB':>8}{'max abs':>11}{'max rel':>11}{'run s':>8}"


def verify(name: str, source: Path, folder: Path) -> Iterator[str]:
    """Yield the lines about one model."""
    for target, engines in RUNS.items():
        artifact = folder / f"{name}.{target}"
        words = [str(source), *MODELS[name].options, "-o", str(artifact), "--target", target]
        compiled = _modelc("compile", *words)
        if not compiled["artifact"]:
            yield f"{name:<22}{target:<8}refused: {', '.join(each['code'] for each in compiled['findings'])}"
            continue
        for engine in engines:
            verified = _modelc("verify", str(source), str(artifact), "--engine", engine)
            yield f"{name:<22}{target:<8}{engine:<13}{_numbers(compiled, verified)}"


def _modelc(*words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "modelc", *words, "--format", "json"]
    document: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    return document


def _numbers(compiled: dict[str, Any], verified: dict[str, Any]) -> str:
    if not verified["outputs"]:
        return f"failed: {verified['findings'][0]['message']}"
    errors = "".join(f"{max(each[key] for each in verified['outputs']):>11.1e}" for key in ("max_abs", "max_rel"))
    verdict = "equal" if verified["equal"] else "DIFFERENT"
    size, seconds = compiled["nbytes"] / 1e6, verified["seconds"]["artifact"]
    return f"{compiled['seconds']:>10.2f}{size:>8.1f}{errors}{seconds:>8.2f}  {verdict}"


def main() -> None:
    """Verify the models named on the command line, or all that are there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path, help="folder of models")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which of them (all)")
    parser.add_argument("--output", type=Path, help="where artifacts go (a temporary folder)")
    options = parser.parse_args()
    print(HEADER, flush=True)
    with tempfile.TemporaryDirectory(prefix="verify-models-") as temporary:
        folder = options.output or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for name in options.names or MODELS:
            source = MODELS[name].path(options.folder, name)
            if source.exists():
                for line in verify(name, source, folder):
                    print(line, flush=True)


if __name__ == "__main__":
    main()
