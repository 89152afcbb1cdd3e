"""Verification: one set of inputs, the source and its artifact, and the numbers side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import Diagnostic, Sink, fail, finding
from modelc.diagnostics.renderers.words import safe
from modelc.driver import Settings, check_workable
from modelc.execute.compare import OutputComparison, compare
from modelc.execute.evaluator import evaluate
from modelc.execute.generate import generate_inputs
from modelc.execute.oracle import TIMEOUT, SourceCall, require_tensorflow, run_source
from modelc.execute.prepare import executable
from modelc.execute.preprocessing import preprocessed
from modelc.frontends.frontend import Json, LoadOptions
from modelc.frontends.load import load
from modelc.pipeline.facts import LIFTED
from modelc.tables import table

Arrays: TypeAlias = Mapping[str, NDArray[Any]]
_Reference: TypeAlias = Callable[[tuple[str, ...], Arrays], tuple[dict[str, NDArray[Any]], str]]

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

    def findings(self) -> list[Diagnostic]:
        """Return one finding per output that differs."""
        return [
            finding("MC603", f"output `{each.name}` differs: {_difference(each)}", file=str(self.artifact))
            for each in self.outputs
            if not each.equal
        ]

    def text(self) -> str:
        """Return the verification for people."""
        title = ("output", "type", "max_abs", "max_rel", "at most", "cosine", "ulp", "")
        rows = [title, *map(_row, self.outputs)]
        source, artifact = self.seconds
        head = [
            ("source", f"{self.oracle} ({source:.2f} s)"),
            ("artifact", f"{ENGINE} ({artifact:.2f} s)"),
            ("inputs", self.inputs),
        ]
        verdict = "equal" if self.equal else "NOT equal: the artifact computes something else than its source"
        return f"{table(head)}\n\n{table(rows, frozenset(range(2, 7)))}\n\n{verdict}"


def _row(output: OutputComparison) -> tuple[str, ...]:
    name = safe(output.name)
    if output.problem:
        return (name, output.type, "", "", "", "", "", f"differs: {output.problem}")
    return (
        name,
        output.type,
        f"{output.max_abs:.3g}",
        f"{output.max_rel:.3g}",
        f"{output.tolerance:g}",
        f"{output.cosine:.9f}",
        "" if output.ulp is None else str(output.ulp),
        "equal" if output.equal else f"differs{_place(output)}",
    )


def _difference(output: OutputComparison) -> str:
    return output.problem or f"max_rel {output.max_rel:.3g}, at most {output.tolerance:g}{_place(output)}"


def _place(output: OutputComparison) -> str:
    return "" if output.first_difference is None else f", first at {list(output.first_difference)}"


def verify(
    source: Path,
    artifact: Path,
    options: LoadOptions,
    inputs: Arrays | None = None,
    seed: int = 0,
    origin: str = "",
    timeout: int = TIMEOUT,
    tell: Callable[[str], None] = lambda text: None,
) -> Verification:
    """Run source and artifact on the same inputs and compare their outputs.

    Args:
        source: A TensorFlow model; one of another kind is executed as the artifact is.
        artifact: What was compiled from it; read again from its bytes.
        options: Signature, tags and outputs that the artifact was compiled with.
        inputs: Arrays by public input name; generated when not given.
        seed: Seed of the generated inputs.
        origin: Where given inputs came from, for the report.
        timeout: Seconds the source may take.
        tell: Called with what begins, for people who wait.

    Raises:
        ModelcError: One of the two cannot be read or executed.
    """
    tell("reading both")
    reference_of = _reference(source, options, timeout)
    compiled = load(artifact, LoadOptions(), Sink())
    check_workable(compiled)
    given = generate_inputs(compiled.graph, seed) if inputs is None else inputs
    tell("executing the artifact")
    started = time.perf_counter()
    actual = evaluate(compiled.graph, given)
    between = time.perf_counter()
    tell("executing the source")
    reference, oracle = reference_of(tuple(compiled.graph.output_names), preprocessed(compiled.graph, given))
    finished = time.perf_counter()
    missing = sorted(set(reference) ^ set(actual))
    if missing:
        raise fail("MC601", f"source and artifact do not have the same outputs: {', '.join(missing)}")
    tell("comparing")
    return Verification(
        source,
        artifact,
        oracle,
        origin or f"generated, seed {seed}",
        tuple(compare(name, reference[name], actual[name]) for name in sorted(actual)),
        (finished - between, between - started),
    )


def _reference(source: Path, options: LoadOptions, timeout: int) -> _Reference:
    """Return what executes the source: its own framework, or modelc where that does not read it."""
    model = load(source, options, Sink())
    check_workable(model)
    origin = model.source
    if LIFTED not in model.facts or origin is None or origin.path != source:
        settings = Settings(signature=options.signature, tags=options.tags, out_nodes=options.out_nodes)
        return lambda outputs, inputs: (evaluate(executable(source, settings, Sink(), inputs).graph, inputs), ENGINE)
    require_tensorflow()
    details = dict(origin.details)
    tags = tuple(filter(None, details.get("tags", "").split(",")))
    chosen = replace(options, signature=details.get("signature", ""), tags=tags)
    return lambda outputs, inputs: run_source(SourceCall(source, chosen, outputs, timeout), inputs)
