"""Verification: one set of inputs, the source and its artifact, and the numbers side by side."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import Sink, fail
from modelc.execute.compare import OutputComparison, compare
from modelc.execute.evaluator import evaluate
from modelc.execute.generate import generate_inputs
from modelc.execute.oracle import SourceCall, run_source
from modelc.frontends.frontend import Json, LoadOptions
from modelc.frontends.load import load

Arrays: TypeAlias = Mapping[str, NDArray[Any]]

ENGINE = "modelc (numpy)"


@dataclass(frozen=True, slots=True)
class Verification:
    """What a comparison found.

    Attributes:
        source: The source.
        artifact: The artifact.
        oracle: What executed the source, with its version.
        inputs: Where the inputs came from: `generated, seed 0` or a file.
        outputs: One comparison per output.
        seconds: Wall time of (source, artifact).
    """

    source: Path
    artifact: Path
    oracle: str
    inputs: str
    outputs: tuple[OutputComparison, ...] = field(default=())
    seconds: tuple[float, float] = (0.0, 0.0)

    @property
    def equal(self) -> bool:
        """Whether every output is within its tolerance."""
        return all(output.equal for output in self.outputs)

    def document(self) -> dict[str, Json]:
        """Return the verification as a JSON document."""
        return {
            "source": str(self.source),
            "artifact": str(self.artifact),
            "equal": self.equal,
            "oracle": self.oracle,
            "engine": ENGINE,
            "inputs": self.inputs,
            "outputs": [output.document() for output in self.outputs],
            "seconds": {"source": self.seconds[0], "artifact": self.seconds[1]},
        }

    def text(self) -> str:
        """Return the verification for people."""
        lines = [f"{'oracle':<8}{self.oracle}; artifact by {ENGINE}; inputs {self.inputs}"]
        lines += [f"{'output':<8}{output.text()}" for output in self.outputs]
        verdict = "equal" if self.equal else "NOT equal: the artifact computes something else than its source"
        return "\n".join([*lines, f"{'verdict':<8}{verdict}"])


def verify(
    source: Path, artifact: Path, options: LoadOptions, inputs: Arrays | None = None, seed: int = 0, origin: str = ""
) -> Verification:
    """Run source and artifact on the same inputs and compare their outputs.

    Args:
        source: A TensorFlow model.
        artifact: What was compiled from it; read again from its bytes.
        options: Signature, tags and outputs that the artifact was compiled with.
        inputs: Arrays by public input name; generated when not given.
        seed: Seed of the generated inputs.
        origin: Where given inputs came from, for the report.

    Raises:
        ModelcError: One of the two cannot be read or executed.
    """
    sink = Sink()
    compiled = load(artifact, LoadOptions(), sink)
    given = generate_inputs(compiled.graph, seed) if inputs is None else inputs
    started = time.perf_counter()
    actual = evaluate(compiled.graph, given)
    between = time.perf_counter()
    reference, oracle = run_source(SourceCall(source, options, tuple(compiled.graph.output_names)), given)
    finished = time.perf_counter()
    missing = sorted(set(reference) ^ set(actual))
    if missing:
        raise fail("MC601", f"source and artifact do not have the same outputs: {', '.join(missing)}")
    return Verification(
        source,
        artifact,
        oracle,
        origin or f"generated, seed {seed}",
        tuple(compare(name, reference[name], actual[name]) for name in sorted(actual)),
        (finished - between, between - started),
    )
