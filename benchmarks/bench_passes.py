"""Time every pass of a target's pipeline on graphs from 1e3 to 1e5 ops and say how it grows.

Usage: python benchmarks/bench_passes.py [--sizes 1000,10000] [--workloads resnet,chain] [--target om] [--repeat 3]

Prints, per pass, the median time per op in microseconds at each size, and the growth: time per op at the largest size
by time per op at the smallest. A linear pass stays near 1; a quadratic one would reach 100.
"""

from __future__ import annotations

import argparse
import gc
import statistics
from collections import defaultdict
from collections.abc import Sequence

from workloads import WORKLOADS

from modelc.backend import BACKENDS
from modelc.diagnostics.diagnostic import ModelcError, Sink
from modelc.driver import Settings, pipeline_of
from modelc.pipeline import manager
from modelc.pipeline.instruments import Recorder
from modelc.pipeline.passes import PassContext
from modelc.profiles import DEFAULT, profile
from modelc.tables import table

BATCH = 2


def measure(workload: str, size: int, target: str) -> dict[str, float]:
    """Return seconds per pass of one run on a fresh graph of about `size` ops."""
    model = WORKLOADS[workload](size)
    recorder, sink = Recorder(), Sink()
    passes = pipeline_of(BACKENDS.get(target), Settings(batch_size=BATCH))
    gc.collect()
    gc.disable()
    try:
        manager.run(model, passes, PassContext(sink, profile(DEFAULT), instruments=(recorder,)))
    finally:
        gc.enable()
    if sink.errors:
        raise ModelcError(*sink.errors)
    seconds: dict[str, float] = defaultdict(float)
    for record in recorder.records:
        seconds["  " * record.depth + record.name] += record.seconds
    return seconds


def bench(workload: str, sizes: Sequence[int], target: str, repeat: int) -> str:
    """Return the table of one workload."""
    medians: dict[str, dict[int, float]] = defaultdict(dict)
    for size in sizes:
        runs = [measure(workload, size, target) for _ in range(repeat)]
        for name in runs[0]:
            medians[name][size] = statistics.median(run.get(name, 0.0) for run in runs) / size * 1e6
    rows = [(workload, *(f"us/op at {size}" for size in sizes), "growth")]
    for name, by_size in medians.items():
        costs = [by_size.get(size, 0.0) for size in sizes]
        growth = costs[-1] / costs[0] if costs[0] else 0.0
        rows.append((name, *(f"{cost:.2f}" for cost in costs), f"{growth:.2f}"))
    return table(rows, frozenset(range(1, len(sizes) + 2)))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sizes", default="1000,10000,100000", help="numbers of ops")
    parser.add_argument("--workloads", default=",".join(WORKLOADS), help="which graphs")
    parser.add_argument("--target", default="om", help="whose pipeline (om)")
    parser.add_argument("--repeat", type=int, default=3, help="runs per size")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    for workload in options.workloads.split(","):
        print(bench(workload, sizes, options.target, options.repeat), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
