"""Time the analysis of graphs from 1e3 to 1e5 ops, say how it grows, and how good memory plans are.

Usage: python benchmarks/bench_analysis.py [--sizes 1000,10000,100000] [--workloads resnet,chain] [--repeat 3]

Prints, per workload and size, the median microseconds per op of costs and of the memory plan, the time a whole
compilation of the same graph takes per op, and the plan's peak over the bytes that are live at once, which no plan can
beat. A linear analysis costs the same per op at every size.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable
from typing import Any

from workloads import WORKLOADS

from modelc.analysis.memory import plan_memory
from modelc.analysis.model import analyze
from modelc.backend import BACKENDS
from modelc.diagnostics.diagnostic import Sink
from modelc.driver import Settings, pipeline_of
from modelc.ir.graph import Graph
from modelc.pipeline import manager
from modelc.pipeline.passes import PassContext
from modelc.profiles import DEFAULT, profile
from modelc.tables import table

BATCH = 2


def compiled(workload: str, size: int) -> tuple[Graph, float]:
    """Return the graph of a workload as the om pipeline leaves it, and the seconds of that pipeline."""
    model = WORKLOADS[workload](size)
    passes = pipeline_of(BACKENDS.get("om"), Settings(batch_size=BATCH))
    started = time.perf_counter()
    manager.run(model, passes, PassContext(Sink(), profile(DEFAULT)))
    return model.graph, time.perf_counter() - started


def seconds(work: Callable[[], Any], repeat: int) -> float:
    """Return the median seconds of some runs."""
    times = []
    for _ in range(repeat):
        gc.collect()
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def row(workload: str, size: int, repeat: int) -> tuple[str, ...]:
    """Return the line of one workload at one size."""
    graph, pipeline = compiled(workload, size)
    count = max(1, len(graph))
    planning = seconds(lambda: plan_memory(graph), repeat)
    everything = seconds(lambda: analyze(graph), repeat)
    memory = plan_memory(graph)
    numbers = (everything / count * 1e6, planning / count * 1e6, pipeline / size * 1e6)
    quality = memory.peak / memory.least if memory.least else 1.0
    return (workload, str(size), str(count), *(f"{number:.2f}" for number in numbers), f"{quality:.3f}")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sizes", default="1000,10000,100000", help="numbers of ops")
    parser.add_argument("--workloads", default=",".join(WORKLOADS), help="which graphs")
    parser.add_argument("--repeat", type=int, default=3, help="runs per size")
    options = parser.parse_args()
    rows: list[tuple[str, ...]] = [
        ("workload", "ops", "left", "us/op analysis", "of it plan", "us/op pipeline", "peak/least")
    ]
    for workload in options.workloads.split(","):
        rows += [row(workload, int(size), options.repeat) for size in options.sizes.split(",")]
    print(table(rows, frozenset(range(1, 7))))


if __name__ == "__main__":
    main()
