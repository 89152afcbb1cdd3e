"""Compare compiling with freezing in TensorFlow, and with copying the weights: cold processes, taken in turns.

Usage: python benchmarks/bench_compile.py MODELS [--models resnet50,vgg16] [--rounds 3] [--output DIR]

MODELS is the folder that `python benchmarks/models.py MODELS` fills. Every run is a process of its own, from fork to
reap; time and peak memory (largest resident set) are what wait4 says. Peers take turns so that the machine treats
them alike, and none compiles its own modules: a round that is not counted has left them in a cache. `tensorflow
freeze` is convert_variables_to_constants_v2 on the same signature, with the frozen graph written to a file; `copy
weights` copies the checkpoint's data files and is the floor for anything that writes them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from modelc.tables import table

_FREEZE = """
import sys, tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
loaded = tf.saved_model.load(sys.argv[1])
frozen = convert_variables_to_constants_v2(loaded.signatures["serving_default"])
with open(sys.argv[2], "wb") as file:
    file.write(frozen.graph.as_graph_def().SerializeToString())
"""
_COPY = """
import shutil, sys, glob
with open(sys.argv[2], "wb") as target:
    for path in sorted(glob.glob(sys.argv[1] + "/variables/variables.data-*")):
        with open(path, "rb") as source:
            shutil.copyfileobj(source, target, 1 << 20)
"""


@dataclass(frozen=True)
class Run:
    """One process: wall seconds, processor seconds, peak MiB."""

    wall: float
    cpu: float
    peak: float


def commands(model: Path, output: Path) -> dict[str, list[str]]:
    """Return what is compared, by name."""
    python = sys.executable
    modelc = [python, "-m", "modelc", "compile", str(model), "--batch-size", "1"]
    return {
        "modelc compile": [*modelc, "-o", f"{output}/m.om"],
        "modelc to onnx": [*modelc, "--target", "onnx", "-o", f"{output}/m.onnx"],
        "tensorflow freeze": [python, "-c", _FREEZE, str(model), f"{output}/frozen.pb"],
        "copy weights": [python, "-c", _COPY, str(model), f"{output}/copy.bin"],
    }


def measure(command: list[str], cache: Path) -> Run:
    """Run one cold process, its modules compiled in `cache`, and return what it cost; raises RuntimeError."""
    settings = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONPYCACHEPREFIX": str(cache)}
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", **settings}
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} ... ended with status {process.returncode}")
    return Run(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def bench(model: Path, rounds: int, folder: Path) -> str:
    """Return the table of one model."""
    peers = commands(model, folder)
    runs: dict[str, list[Run]] = {name: [] for name in peers}
    for number in range(rounds + 1):
        for name, command in peers.items():
            run = measure(command, folder / "cache")
            if number:
                runs[name].append(run)
    base = statistics.median(run.wall for run in runs["tensorflow freeze"])
    rows = [(model.name, "wall s", "min-max", "cpu s", "peak MiB", "x freeze")]
    for name, taken in runs.items():
        walls = sorted(run.wall for run in taken)
        wall = statistics.median(walls)
        cpu, peak = statistics.median(r.cpu for r in taken), max(r.peak for r in taken)
        spread = f"{walls[0]:.2f}-{walls[-1]:.2f}"
        rows.append((name, f"{wall:.2f}", spread, f"{cpu:.2f}", f"{peak:.0f}", f"{wall / base:.3f}"))
    return table(rows, frozenset(range(1, 6)))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path, help="folder of SavedModels")
    parser.add_argument("--models", default="resnet50,vgg16", help="which of them")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each peer")
    parser.add_argument("--output", type=Path, help="where outputs go (a temporary folder)")
    options = parser.parse_args()
    folder = options.output or Path(tempfile.mkdtemp(prefix="bench-compile-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for name in options.models.split(","):
            print(bench(options.folder / name, options.rounds, folder), end="\n\n", flush=True)
    finally:
        if not options.output:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
