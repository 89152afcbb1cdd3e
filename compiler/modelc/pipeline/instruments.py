"""Instruments watch a pipeline from outside: time, memory, edits, dumps, verification."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from modelc.diagnostics.diagnostic import Diagnostic, fail
from modelc.dialects.lookup import op_def
from modelc.ir.model import Model
from modelc.ir.verify import Level, verify
from modelc.pipeline.passes import Pass
from modelc.text.printer import print_model

READING, WRITING = "reading the source", "writing the artifact"


class Instrument:
    """Watches a compilation; override what is of interest."""

    def begin(self, stage: str) -> None:
        """Called when something begins that is no pass: READING, WRITING, or nothing more, ""."""

    def before_pass(self, model: Model, work: Pass, depth: int) -> None:
        """Called before `work` runs; passes run by another pass have a larger `depth`."""

    def after_pass(self, model: Model, work: Pass, depth: int) -> None:
        """Called after `work` ran without raising."""


@dataclass(slots=True)
class PassRecord:
    """What one run of one pass cost and did.

    Attributes:
        name: The pass.
        spec: The pass with its options.
        depth: How deep it is nested in other passes.
        seconds: Wall time, with the passes it ran.
        edits: Edits the graphs counted.
        ops: Number of ops afterwards.
        peak_kib: Largest resident set of the process so far, in KiB.
    """

    name: str
    spec: str
    depth: int
    seconds: float = 0.0
    edits: int = 0
    ops: int = 0
    peak_kib: int = 0


class Recorder(Instrument):
    """Records time, edits, size and memory of every pass, and the time of what is no pass.

    Attributes:
        records: Every run of every pass, in the order in which they began.
        stages: Seconds by stage.
        stage: What goes on now, empty while passes run.
    """

    def __init__(self) -> None:
        self.records: list[PassRecord] = []
        self.stages: dict[str, float] = {}
        self.stage = ""
        self._since = time.perf_counter()
        self._open: list[tuple[PassRecord, float, int]] = []

    @property
    def running(self) -> list[PassRecord]:
        """The passes that have not ended, each run by the one before it."""
        return [record for record, _, _ in self._open]

    def begin(self, stage: str) -> None:
        """Stop the clock of the stage before, start that of this one."""
        now = time.perf_counter()
        if self.stage:
            self.stages[self.stage] = now - self._since
        self.stage, self._since = stage, now

    def before_pass(self, model: Model, work: Pass, depth: int) -> None:
        """Start the clock."""
        record = PassRecord(work.name, work.spec(), depth)
        self.records.append(record)
        self._open.append((record, time.perf_counter(), model.edits))

    def after_pass(self, model: Model, work: Pass, depth: int) -> None:
        """Stop the clock."""
        record, started, edits = self._open.pop()
        record.seconds = time.perf_counter() - started
        record.edits = model.edits - edits
        record.ops = sum(len(graph) for graph in model.graphs())
        record.peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Dumper(Instrument):
    """Hands the IR after every pass to `write`, with a running number and the pass."""

    def __init__(self, write: Callable[[int, Pass, str], None]) -> None:
        self._write = write
        self._count = 0

    def after_pass(self, model: Model, work: Pass, depth: int) -> None:
        """Print the model."""
        self._write(self._count, work, print_model(model))
        self._count += 1


def dump_to(folder: Path) -> Dumper:
    """Return an instrument that writes `NNN-name.mir` files into `folder`, which is made when it is absent.

    It raises ModelcError when it cannot write.
    """

    def write(count: int, work: Pass, text: str) -> None:
        path = folder / f"{count:03d}-{work.name}.mir"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        except OSError as error:
            raise fail("MC503", f"`{path}` cannot be written: {error.strerror}", file=str(path)) from error

    return Dumper(write)


class Verifier(Instrument):
    """Verifies after every pass: only what was touched, or everything.

    Attributes:
        thorough: Whether all ops are verified with their types, not only links of the touched ones.
    """

    def __init__(self, *, thorough: bool = False) -> None:
        self.thorough = thorough

    def after_pass(self, model: Model, work: Pass, depth: int) -> None:
        """Raise BrokenPassError when the pass left the model unsound."""
        findings: list[Diagnostic] = []
        for graph in model.graphs():
            level = Level.TYPES if self.thorough else Level.LINKS
            findings += verify(graph, level, op_def, None if self.thorough else tuple(graph.touched))
            graph.touched.clear()
        if findings:
            raise BrokenPassError(work, findings)


class BrokenPassError(Exception):
    """A pass left the model unsound: its fault, not the model's."""

    def __init__(self, work: Pass, findings: list[Diagnostic]) -> None:
        super().__init__(f"pass `{work.name}` broke the graph: {findings[0].message}")
        self.work = work
        self.findings = findings
