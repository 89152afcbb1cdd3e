"""Outcomes: what happens when passes run on a model, and where."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from numpy.typing import NDArray

from modelc import profiles
from modelc.diagnostics.diagnostic import ModelcError, Sink
from modelc.driver import Settings
from modelc.execute.compare import OutputComparison
from modelc.ir.constants import type_of
from modelc.ir.model import Model
from modelc.ir.types import are_compatible
from modelc.pipeline import manager
from modelc.pipeline.instruments import BrokenPassError, Instrument, Verifier
from modelc.pipeline.passes import Pass, PassContext
from modelc.replay.meter import Meter
from modelc.replay.numbers import NotComparableError, Numbers, difference, worst


class Kind(Enum):
    """What happened."""

    FINE = "fine"
    CRASH = "crash"
    BROKEN = "broken graph"
    NUMBERS = "other numbers"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened when passes ran on a model.

    Attributes:
        kind: What.
        key: What must stay the same for it to be the same fault: the pass, the exception, where it was raised.
        text: The same for people; where all is fine, why numbers could not be compared, if they could not.
        codes: Codes of the findings.
        rules: Rules that changed the graph.
        comparison: The output that is furthest apart, where numbers were compared.
    """

    kind: Kind
    key: tuple[str, ...] = ()
    text: str = ""
    codes: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    comparison: OutputComparison | None = None


class CodeSeen(BaseException):  # not an error: no pass may take it for one
    """A finding of the wanted code was given."""


@dataclass(slots=True)
class _Lookout(Instrument):
    """Ends a run as soon as a finding of a code was given, while the pass that gave it still counts as running."""

    sink: Sink
    code: str

    def after_pass(self, model: Model, work: Pass, depth: int) -> None:
        """Look at the findings so far."""
        if any(each.code == self.code for each in self.sink):
            raise CodeSeen


@dataclass(slots=True)
class Passes:
    """Passes to run on models, again and again.

    Attributes:
        passes: The passes.
        settings: What the user asked for.
        seed: Seed of the inputs that are generated.
        inputs: Arrays for inputs by name; each serves as long as it fits.
        thorough: Whether the whole model is verified after each pass, types included; for models that are sound so far.
    """

    passes: Sequence[Pass]
    settings: Settings
    seed: int = 0
    inputs: Mapping[str, NDArray[Any]] = field(default_factory=dict[str, "NDArray[Any]"])
    thorough: bool = True

    def observe(self, model: Model, *, numbers: bool = True) -> Outcome:
        """Return what happens when the passes run on a copy of `model`.

        Args:
            model: The model, which stays as it is.
            numbers: Whether to execute it before and after as well.
        """
        run = _Run(self, model)
        run.go()
        if run.error is None and numbers:
            return self._compare(model, run)
        return run.outcome()

    def locate(self, model: Model, code: str = "") -> list[tuple[Pass, int]]:
        """Return which passes were at work when a run failed, or gave a finding of `code`; empty where it did neither.

        Each comes with how many runs of passes began before its own, and is run by the one before it.
        """
        run = _Run(self, model)
        run.go(code)
        return run.meter.running

    def _compare(self, model: Model, run: _Run) -> Outcome:
        found = run.outcome()
        altering = next((work for work in self.passes if work.alters), None)
        if altering is not None:
            return replace(found, text=f"pass `{altering.name}` may change them: {altering.alters}")
        executing = Numbers.of(self.passes, self.settings, self.seed, self.fitting(model))
        try:
            before = executing.executed(model)
            comparison = worst(executing.contrasted(before, run.model))
        except NotComparableError as error:
            return replace(found, text=str(error))
        if comparison is None or comparison.equal:
            return found
        text = f"other numbers: {difference(comparison)}"
        return Outcome(Kind.NUMBERS, (), text, found.codes, found.rules, comparison)

    def fitting(self, model: Model) -> dict[str, NDArray[Any]]:
        """Return the given arrays that inputs of `model` still take."""
        types = {name: value.type for name, value in zip(model.graph.input_names, model.graph.inputs, strict=True)}
        return {
            name: array
            for name, array in self.inputs.items()
            if name in types and are_compatible(types[name], type_of(array))
        }


@dataclass(slots=True)
class _Run:
    """One run of passes on a copy of a model."""

    passes: Passes
    before: Model
    meter: Meter = field(default_factory=Meter)
    sink: Sink = field(default_factory=Sink)
    error: BaseException | None = None
    rules: frozenset[str] = frozenset()

    model: Model = field(init=False)

    def go(self, code: str = "") -> None:
        """Run them; with a `code`, until a finding of it is given."""
        settings = self.passes.settings
        self.model = self.meter.metered(self.before)
        lookout = [_Lookout(self.sink, code)] if code else []
        # The meter comes last, so that a pass still counts as running when the others object to what it left.
        watching = (*lookout, Verifier(thorough=self.passes.thorough), self.meter)
        context = PassContext(self.sink, profiles.profile(settings.profile), settings.soc, watching)
        try:
            manager.run(self.model, self.passes.passes, context)
        except ModelcError as error:
            self.sink.extend(error.diagnostics)
        except CodeSeen:
            pass
        except (Exception, SystemExit) as error:  # what passes raise is what this is about
            self.error = error
        self.rules = frozenset(name for name, count in context.rule_counts.items() if count.hits)

    def outcome(self) -> Outcome:
        """Return what happened, numbers aside."""
        codes = frozenset(each.code for each in self.sink)
        if self.error is None:
            return Outcome(Kind.FINE, (), "", codes, self.rules)
        if isinstance(self.error, BrokenPassError):
            key = (self.error.work.name,)
            return Outcome(Kind.BROKEN, key, str(self.error), codes | {"MC305"}, self.rules)
        name = self.meter.running[-1][0].name if self.meter.running else ""
        raised, where = type(self.error).__name__, _place(self.error)
        text = f"pass `{name}` raises {raised} in `{where}`: {self.error}"
        return Outcome(Kind.CRASH, (name, raised, where), text, codes | {"MC901"}, self.rules)


def _place(error: BaseException) -> str:
    """Return the function that raised `error`."""
    frames = traceback.extract_tb(error.__traceback__)
    return frames[-1].name if frames else ""
