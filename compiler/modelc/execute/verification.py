"""Verification: the same inputs for a source and its artifact, and the numbers side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import Diagnostic, Sink, fail, finding
from modelc.driver import check_workable
from modelc.execute.compare import TOLERANCES, OutputComparison, Tolerances, compare
from modelc.execute.device import check_for_device
from modelc.execute.execution import Execution, start
from modelc.execute.generate import Ranges, generate_inputs
from modelc.execute.oracle import TIMEOUT, Oracle, oracle_of
from modelc.execute.per_op import PerOp, compare_per_op
from modelc.execute.preprocessing import preprocessed
from modelc.frontends.frontend import Json, LoadOptions
from modelc.frontends.load import load
from modelc.ir.model import Model
from modelc.ir.types import ELEMENTS
from modelc.precision import report
from modelc.precision.assess import Assessment, Setting, assess, execution_of, setting_of
from modelc.precision.assess import Request as Precision

Arrays: TypeAlias = Mapping[str, NDArray[Any]]
Tell: TypeAlias = Callable[[str], None]

GIVEN = -1  # stands for the seed of inputs that were given


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a verification.

    Attributes:
        inputs: Arrays by public input name; generated where there are none.
        origin: Where given inputs came from, for the report.
        seeds: Seeds of generated inputs; both sides run once for each.
        ranges: Least and greatest number of generated inputs, by public name.
        engine: Name of what executes the artifact, empty for the fastest that takes it.
        oracle: Name of what executes the source, empty for its own framework where that is installed.
        tolerances: Tolerances by numpy's name of the element type, in place of the usual ones.
        per_op: Whether tensors inside of both are compared too.
        timeout: Seconds that the source's framework may take for one request.
        precision: Lower precision to emulate while the artifact is executed, None for none.
    """

    inputs: Arrays | None = None
    origin: str = ""
    seeds: tuple[int, ...] = (0,)
    ranges: Ranges = field(default_factory=dict[str, tuple[float, float]])
    engine: str = ""
    oracle: str = ""
    tolerances: Tolerances = field(default_factory=dict[str, float])
    per_op: bool = False
    timeout: int = TIMEOUT
    precision: Precision | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """What a comparison found.

    Attributes:
        source: The source.
        artifact: The artifact.
        oracle: What executed the source, with its version.
        oracle_note: What follows from that, where it is not the source's own framework.
        engine: What executed the artifact, with its version.
        engine_notes: Why faster engines did not.
        inputs: Where the inputs came from: `generated, seed 0` or a file.
        outputs: One comparison per output; over several seeds, the worst.
        seeds: The seed of each of these comparisons, none where inputs were given.
        tolerances: The tolerances that were used, by numpy's name of the element type.
        per_op: The comparison of the tensors inside, None where it was not asked for.
        seconds: Wall time of (source, artifact).
        precision: What lower precision does, for the inputs with the worst output; None where it was not emulated.
    """

    source: Path
    artifact: Path
    oracle: str
    engine: str = ""
    inputs: str = ""
    outputs: tuple[OutputComparison, ...] = ()
    oracle_note: str = ""
    engine_notes: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    tolerances: Tolerances = field(default_factory=dict[str, float])
    per_op: PerOp | None = None
    seconds: tuple[float, float] = (0.0, 0.0)
    precision: Assessment | None = None

    @property
    def equal(self) -> bool:
        """Whether every output is within its tolerance."""
        return all(output.equal for output in self.outputs)

    def document(self) -> dict[str, Json]:
        """Return the verification as a JSON document; `worst_op` is there where it was asked for per op."""
        seeds = self.seeds or (None,) * len(self.outputs)
        document: dict[str, Json] = {
            "source": str(self.source),
            "artifact": str(self.artifact),
            "equal": self.equal,
            "oracle": self.oracle,
            "oracle_note": self.oracle_note,
            "engine": self.engine,
            "engine_notes": list(self.engine_notes),
            "inputs": self.inputs,
            "tolerances": dict(self.tolerances),
            "outputs": [{**output.document(), "seed": seed} for output, seed in zip(self.outputs, seeds, strict=True)],
            "seconds": {"source": self.seconds[0], "artifact": self.seconds[1]},
        }
        if self.precision is not None:
            document["precision"] = report.document(self.precision)
        return document | (self.per_op.document() if self.per_op else {})

    def findings(self) -> list[Diagnostic]:
        """Return one finding per output that differs."""
        worst = self.per_op.worst if self.per_op else None
        evidence = [("op to look at", worst.text())] if worst else []
        return [
            finding("MC603", f"output `{each.name}` differs: {each.words}", file=str(self.artifact), evidence=evidence)
            for each in self.outputs
            if not each.equal
        ]


def verify(
    source: Path,
    artifact: Path,
    options: LoadOptions,
    request: Request | None = None,
    tell: Tell = lambda text: None,
) -> Verification:
    """Run source and artifact on the same inputs and compare their outputs.

    Args:
        source: The source; one that no framework reads is executed as the artifact is.
        artifact: What was compiled from it; read again from its bytes.
        options: Signature, tags and outputs that the artifact was compiled with.
        request: What else is asked.
        tell: Called with what begins, for people who wait.

    Raises:
        ModelcError: One of the two cannot be read or executed.
    """
    request = request or Request()
    tell("reading both")
    choice = oracle_of(source, options, request.oracle, request.timeout)
    compiled = load(artifact, LoadOptions(), Sink())
    check_workable(compiled)
    if request.precision:
        check_for_device(compiled)
    setting = setting_of(compiled.graph, request.precision, request.tolerances) if request.precision else None
    execution = start(request.engine, compiled) if setting is None else execution_of(setting)
    work = _Work(compiled, execution, request, tell, setting)
    tell("starting what executes the source")
    started = time.perf_counter()
    with choice.open(work.source_inputs(work.inputs(work.seeds[0]))) as oracle:
        work.seconds[0] += time.perf_counter() - started
        for seed in work.seeds:
            work.compare(oracle, seed)
        per_op = work.compare_per_op(oracle) if request.per_op else None
        title = oracle.title
    found = Verification(source, artifact, title, oracle_note=choice.note, per_op=per_op, precision=work.assess())
    return work.report(found)


@dataclass(slots=True)
class _Work:
    """One verification as it goes on.

    Attributes:
        model: The artifact.
        execution: It, ready to be run.
        request: What was asked.
        tell: Called with what begins.
        setting: The lower precision it is executed in, None for none.
        worst: The worst comparison of each output so far, and the seed it belongs to.
        seconds: Wall time of (source, artifact) so far.
    """

    model: Model
    execution: Execution
    request: Request
    tell: Tell
    setting: Setting | None = None
    worst: dict[str, tuple[OutputComparison, int]] = field(default_factory=dict[str, tuple[OutputComparison, int]])
    seconds: list[float] = field(default_factory=lambda: [0.0, 0.0])

    @property
    def seeds(self) -> tuple[int, ...]:
        """What is gone through: the seeds, or the inputs that were given."""
        return self.request.seeds if self.request.inputs is None else (GIVEN,)

    @property
    def tolerances(self) -> dict[str, float]:
        """The tolerances by element type."""
        usual = TOLERANCES if self.setting is None else self.setting.tolerances
        return {**usual, **self.request.tolerances}

    def inputs(self, seed: int) -> Arrays:
        """Return what the artifact is fed."""
        if self.request.inputs is not None:
            return self.request.inputs
        return generate_inputs(self.model.graph, seed, self.request.ranges)

    def source_inputs(self, inputs: Arrays) -> Arrays:
        """Return what the source is fed where the artifact is fed `inputs`."""
        return preprocessed(self.model.graph, inputs)

    def compare(self, oracle: Oracle, seed: int) -> None:
        """Run both on the inputs of one seed and keep what is worse than before."""
        inputs = self.inputs(seed)
        which = "" if seed == GIVEN or len(self.seeds) == 1 else f", seed {seed}"
        self.tell(f"executing the artifact{which}")
        started = time.perf_counter()
        actual = self.execution.run(inputs)
        between = time.perf_counter()
        self.tell(f"executing the source{which}")
        reference = oracle.run(self.source_inputs(inputs), self.model.graph.output_names)
        self.seconds[0] += time.perf_counter() - between
        self.seconds[1] += between - started
        missing = sorted(set(reference) ^ set(actual))
        if missing:
            raise fail("MC601", f"source and artifact do not have the same outputs: {', '.join(missing)}")
        for name in sorted(actual):
            comparison = compare(name, reference[name], actual[name], self.tolerances)
            if name not in self.worst or comparison.badness > self.worst[name][0].badness:
                self.worst[name] = comparison, seed

    def compare_per_op(self, oracle: Oracle) -> PerOp:
        """Compare the tensors inside, for the inputs with the worst output."""
        seed = self.worst_seed
        inputs = self.inputs(seed)
        self.tell("comparing tensor by tensor")
        tolerances = {**TOLERANCES, **self.request.tolerances}  # of the artifact as it is, in full precision
        found = compare_per_op(
            oracle, self.model, self.execution.engine, inputs, self.source_inputs(inputs), tolerances
        )
        return replace(found, seed=None if seed == GIVEN else seed)

    def assess(self) -> Assessment | None:
        """Say what lower precision does, for the inputs with the worst output; None where it is not emulated."""
        if self.setting is None:
            return None
        equal = all(comparison.equal for comparison, _ in self.worst.values())
        return assess(self.setting, self.inputs(self.worst_seed), searching=not equal, tell=self.tell)

    @property
    def worst_seed(self) -> int:
        """The seed of the inputs with the worst output."""
        _, seed = max(self.worst.values(), key=lambda each: each[0].badness, default=(None, self.seeds[0]))
        return seed

    def report(self, frame: Verification) -> Verification:
        """Return `frame` with all that was found."""
        used = {_dtype(comparison) for comparison, _ in self.worst.values()}
        return replace(
            frame,
            engine=self.execution.title,
            engine_notes=self.execution.notes,
            inputs=self.request.origin or _generated(self.seeds),
            outputs=tuple(comparison for comparison, _ in self.worst.values()),
            seeds=() if self.seeds == (GIVEN,) else tuple(seed for _, seed in self.worst.values()),
            tolerances={name: value for name, value in self.tolerances.items() if name in used},
            seconds=(self.seconds[0], self.seconds[1]),
        )


def _dtype(comparison: OutputComparison) -> str:
    """Return numpy's name of the element type of an output."""
    element = ELEMENTS.get(comparison.type.partition("[")[0])
    return element.numpy if element else ""


def _generated(seeds: Sequence[int]) -> str:
    if len(seeds) == 1:
        return f"generated, seed {seeds[0]}"
    in_a_row = seeds == tuple(range(seeds[0], seeds[0] + len(seeds)))
    named = f"{seeds[0]} to {seeds[-1]}" if in_a_row else ", ".join(map(str, seeds))
    return f"generated, seeds {named}"
