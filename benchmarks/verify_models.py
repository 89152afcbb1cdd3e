"""Compile the benchmark models and compare each artifact, read back from its bytes, with TensorFlow.

Usage: python benchmarks/verify_models.py MODELS [NAME...] [--output DIR]

MODELS is the folder that `python benchmarks/models.py MODELS` fills. Prints one line per model: seconds to compile,
size, largest absolute and relative error, seconds of the numpy evaluator, and the verdict.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from models import MODELS

HEADER = f"{'model':<22}{'compile s':>10}{'MB':>8}{'max abs':>11}{'max rel':>11}{'run s':>8}  verdict"


def verify(name: str, source: Path, folder: Path) -> str:
    """Return the line about one model."""
    artifact = folder / f"{name}.om"
    modelc = [sys.executable, "-m", "modelc"]
    command = [*modelc, "compile", str(source), *MODELS[name].options, "-o", str(artifact), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    document = json.loads(done.stdout)
    if done.returncode:
        codes = ", ".join(finding["code"] for finding in document["findings"])
        return f"{name:<22}{'':>48}  refused: {codes}"
    command = [*modelc, "verify", str(source), str(artifact), "--format", "json"]
    verified = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    if "outputs" not in verified:
        return f"{name:<22}{'':>48}  failed: {verified['findings'][0]['message']}"
    worst_abs = max(output["max_abs"] for output in verified["outputs"])
    worst_rel = max(output["max_rel"] for output in verified["outputs"])
    size, seconds = document["nbytes"] / 1e6, verified["seconds"]["artifact"]
    verdict = "equal" if verified["equal"] else "DIFFERENT"
    errors = f"{worst_abs:>11.1e}{worst_rel:>11.1e}"
    return f"{name:<22}{document['seconds']:>10.2f}{size:>8.1f}{errors}{seconds:>8.1f}  {verdict}"


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
                print(verify(name, source, folder), flush=True)


if __name__ == "__main__":
    main()
