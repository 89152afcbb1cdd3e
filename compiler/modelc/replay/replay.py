"""The instrument that executes a model after every pass, on the same inputs, and stops at the first other numbers."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import NDArray

from modelc.backend import BACKENDS
from modelc.diagnostics.diagnostic import Fix, ModelcError, fail
from modelc.driver import Settings, pipeline_of
from modelc.execute.arrays import read_arrays
from modelc.execute.compare import OutputComparison
from modelc.frontends.frontend import Json
from modelc.ir.clone import clone_model
from modelc.ir.model import Model
from modelc.pipeline.instruments import Instrument
from modelc.pipeline.passes import Pass
from modelc.pipeline.reproducer import keep
from modelc.replay.bisection import Culprit, bisect, chain
from modelc.replay.numbers import (
    Arrays,
    FailedError,
    NotComparableError,
    Numbers,
    check_names,
    compared,
    difference,
    failure,
    unsound,
    worst,
)
from modelc.tables import table

_Kept: TypeAlias = "tuple[list[tuple[str, str]], list[Fix]]"  # evidence and fixes about a reproducer


class Verdict(Enum):
    """What became of the numbers in a pass."""

    EQUAL = "equal"
    DIFFERENT = "different"
    UNTOUCHED = "no edits"
    DEFINING = "not judged: part of lowering"
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True, slots=True)
class PassReplay:
    """What executing a model after a pass showed.

    Attributes:
        spec: The pass.
        verdict: What became of the numbers.
        reason: Why they were not compared, as a clause.
        comparison: The output that is furthest apart, None where none was compared.
        seconds: Wall time.
    """

    spec: str
    verdict: Verdict
    reason: str = ""
    comparison: OutputComparison | None = None
    seconds: float = 0.0

    def document(self) -> dict[str, Json]:
        """Return it as JSON."""
        return {
            "pass": self.spec,
            "verdict": self.verdict.value,
            "reason": self.reason,
            "worst_output": self.comparison.document() if self.comparison else None,
            "seconds": self.seconds,
        }


class Replay(Instrument):
    """Executes the model after every pass of a pipeline; raises ModelcError for the first that changed its numbers.

    Passes that other passes run are looked into only where the outer one is at fault.

    Attributes:
        passes: What executing showed, one entry per pass so far.
        culprit: The rewrite that changed the numbers; None while none did, or none could be told.
        numbers: Executes models; made when the first pass begins.
    """

    def __init__(
        self,
        settings: Settings,
        seed: int = 0,
        inputs: Path | None = None,
        tell: Callable[[str], None] = lambda text: None,
        *,
        reproducer: bool = True,
    ) -> None:
        """Make a replay.

        Args:
            settings: Those of the compilation that is watched.
            seed: Seed of the inputs that are generated.
            inputs: A file of arrays for inputs by name.
            tell: Called with what goes on, for people who wait.
            reproducer: Whether to write one where a pass is at fault.

        Raises:
            ModelcError: The file cannot be read.
        """
        self.passes: list[PassReplay] = []
        self.culprit: Culprit | None = None
        self.numbers: Numbers | None = None
        self._settings, self._seed, self._inputs, self._tell = settings, seed, inputs, tell
        self._given = read_arrays(inputs) if inputs else {}
        self._writes = reproducer
        self._before: Model | None = None
        self._edits = 0
        self._known: dict[str, NDArray[Any]] | None = None  # the outputs of the model as it is now
        self._obstacle: NotComparableError | None = None  # why there are none

    def before_pass(self, model: Model, work: Pass, depth: int) -> None:
        """Keep the model as it is, and its numbers."""
        if depth:
            return
        numbers = self.numbers = self.numbers or self._made(model)
        self._edits, self._before = model.edits, None
        if numbers.defines(work, model):
            return
        if self._known is None:
            self._tell(f"executing the model before pass {work.name}")
            self._execute(model)
        self._before = clone_model(model)

    def after_pass(self, model: Model, work: Pass, depth: int) -> None:
        """Hold the numbers against those before."""
        if depth or self.numbers is None:
            return
        started = time.perf_counter()
        verdict, reason, comparison = self._judge(model, work)
        seconds = time.perf_counter() - started
        self.passes.append(PassReplay(work.spec(), verdict, reason, comparison, seconds))
        if verdict is Verdict.DIFFERENT and comparison is not None:
            raise self._changed(work, comparison)

    def document(self) -> list[Json]:
        """Return what was found as JSON."""
        return [each.document() for each in self.passes]

    def text(self) -> str:
        """Return what was found for people."""
        rows = [("pass", "numbers", "max_rel", "at most", "s"), *map(_row, self.passes)]
        return table(rows, frozenset({2, 3, 4}))

    def _made(self, model: Model) -> Numbers:
        check_names(self._given, model)
        settings = self._settings
        passes = pipeline_of(BACKENDS.get(settings.target) if settings.target else None, settings)
        return Numbers.of(passes, settings, self._seed, self._given)

    def _execute(self, model: Model) -> None:
        assert self.numbers is not None
        self._known, self._obstacle = None, None
        try:
            self._known = self.numbers.executed(model)
        except NotComparableError as error:
            self._obstacle = error

    def _judge(self, model: Model, work: Pass) -> tuple[Verdict, str, OutputComparison | None]:
        assert self.numbers is not None
        if self._before is None:
            return Verdict.DEFINING, "", None
        if model.edits == self._edits:
            return Verdict.UNTOUCHED, "", None
        before, obstacle = self._known, self._obstacle
        self._tell(f"executing the model after pass {work.name}")
        self._execute(model)
        if before is None:
            return Verdict.NOT_COMPARABLE, f"before it, {obstacle}", None
        if self._known is None and not isinstance(self._obstacle, FailedError):
            self.numbers.inputs.clear()  # what follows may take others
            return Verdict.NOT_COMPARABLE, str(self._obstacle), None
        if work.alters:
            return Verdict.NOT_COMPARABLE, work.alters, None
        try:
            comparisons = self._compare(before)
        except NotComparableError as error:
            return Verdict.NOT_COMPARABLE, str(error), None
        if all(each.equal for each in comparisons):
            return Verdict.EQUAL, "", worst(comparisons)
        self._known = before
        return Verdict.DIFFERENT, "", worst(comparisons)

    def _compare(self, before: Arrays) -> list[OutputComparison]:
        if isinstance(self._obstacle, FailedError):
            return [failure(before, self._obstacle)]
        return compared(before, self._known or {})

    def _changed(self, work: Pass, comparison: OutputComparison) -> ModelcError:
        assert self.numbers is not None
        assert self._before is not None
        assert self._known is not None
        self.culprit = bisect(self._before, work, self.numbers, self._known, self._tell)
        if self.culprit is None:
            return _unlocated(work, comparison, self._kept(self._before, work))
        return _located(comparison, self.culprit, self._kept(self.culprit.before, self.culprit.work))

    def _kept(self, before: Model, work: Pass) -> _Kept:
        """Write a reproducer; returns what to say of it."""
        settings = self._settings
        report = {"settings": asdict(settings), "failed": work.spec()}
        path = keep(before, report) if self._writes and not unsound(before) else None
        if path is None:
            return [], [Fix("report it to the author of the pass")]
        options = [
            *settings.for_command(reading=False),
            *for_command(self._inputs, self._seed),
            "--passes",
            work.spec(),
        ]
        again = shlex.join(["modelc", "opt", str(path), *options, "--verify-passes"])
        reduce = shlex.join(["modelc", "reduce", str(path), *options, "-o", "reduced.mir"])
        return [("reproducer", str(path))], [Fix(f"see it again with `{again}`"), Fix(f"shrink it with `{reduce}`")]


def for_command(inputs: Path | None, seed: int) -> list[str]:
    """Return the options of a command line that executes models on the same inputs."""
    return [*(["--inputs", str(inputs)] if inputs else []), *(["--seed", str(seed)] if seed else [])]


def _row(each: PassReplay) -> tuple[str, ...]:
    words = each.verdict.value + (f": {each.reason}" if each.reason else "")
    if each.comparison is None:
        return (each.spec, words, "", "", "")
    if each.comparison.problem:
        return (each.spec, f"{words}: {each.comparison.problem}", "", "", f"{each.seconds:.2f}")
    numbers = (f"{each.comparison.max_rel:.3g}", f"{each.comparison.tolerance:g}", f"{each.seconds:.2f}")
    return (each.spec, words, *numbers)


def _located(comparison: OutputComparison, culprit: Culprit, kept: _Kept) -> ModelcError:
    op, rule = f"`{culprit.op.name}` ({culprit.op.kind})", f"rule `{culprit.rule}`" if culprit.rule else "a rewrite"
    notes = []
    if culprit.open:
        notes.append(f"up to {culprit.open} rewrites before it leave what cannot be executed, so it may be one of them")
    evidence = [
        ("pass", chain(culprit.passes)),
        ("rule", culprit.rule),
        ("op", op),
        ("rewrite", f"{culprit.place} of {culprit.count}"),
        ("output", comparison.text()),
        *kept[0],
    ]
    message = f"pass `{culprit.work.name}` changed the numbers: since {rule} at {op} {difference(comparison)}"
    return fail("MC607", message, culprit.op, evidence=evidence, notes=notes, fixes=kept[1])


def _unlocated(work: Pass, comparison: OutputComparison, kept: _Kept) -> ModelcError:
    message = f"pass `{work.name}` changed the numbers: {difference(comparison)}"
    notes = ["run again on the same model it did not, so it depends on something else, such as the order of a set"]
    evidence = [("pass", work.spec()), ("output", comparison.text()), *kept[0]]
    return fail("MC607", message, evidence=evidence, notes=notes, fixes=kept[1])
