"""Bisection: which rewrite of a pass first changed the numbers.

The pass is run again and again on copies of the same model, each time for another number of rewrites, and what is
there then is executed. So nested passes and rules need not know that they are watched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from modelc import profiles
from modelc.diagnostics.diagnostic import ModelcError, Sink
from modelc.driver import Settings
from modelc.execute.compare import OutputComparison
from modelc.ir.clone import clone_model
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.pipeline import manager
from modelc.pipeline.passes import Pass, PassContext
from modelc.replay.meter import CHANGED, REPLACED, Edit, LimitReached, Meter, steps
from modelc.replay.numbers import NotComparableError, Numbers, worst

PROBES = 64  # states that are executed at most
AROUND = 8  # states looked at in place of one that cannot be executed


@dataclass(frozen=True, slots=True)
class Culprit:
    """The first rewrite that changed the numbers.

    Attributes:
        passes: The passes at work, each run by the one before it; the last one made the rewrite.
        rule: The rule that made it, empty where the pass has none.
        op: The op it began with, as it was before.
        place: Which one it is among all rewrites of the outermost pass, from 1.
        count: How many rewrites that pass made.
        open: How many of the rewrites before it may be to blame as well, as what they left cannot be executed.
        comparison: The output that is furthest apart after it.
        before: The model as the innermost pass found it.
    """

    passes: tuple[Pass, ...]
    rule: str
    op: Op
    place: int
    count: int
    open: int
    comparison: OutputComparison
    before: Model

    @property
    def work(self) -> Pass:
        """The innermost pass at work."""
        return self.passes[-1]


def bisect(
    before: Model,
    work: Pass,
    numbers: Numbers,
    reference: Mapping[str, NDArray[Any]],
    tell: Callable[[str], None] = lambda text: None,
) -> Culprit | None:
    """Return the rewrite of `work` that first made the outputs of `before` differ.

    Args:
        before: The model as the pass finds it; it stays as it is.
        work: The pass.
        numbers: Executes models.
        reference: The outputs of `before`.
        tell: Called with what goes on, for people who wait.

    Returns:
        The culprit; None when the difference does not come again.
    """
    return _Search(before, work, numbers, reference, tell).run()


def run_metered(before: Model, passes: Sequence[Pass], settings: Settings, meter: Meter) -> Model:
    """Return a copy of `before` on which `passes` were run, as far as `meter` lets them."""
    model = meter.metered(before)
    context = PassContext(
        Sink(),
        profiles.profile(settings.profile),
        settings.soc,
        instruments=(meter,),
        before_rule=meter.before_rule,
    )
    with suppress(LimitReached):
        manager.run(model, passes, context)
    return model


def model_before(run: int, before: Model, passes: Sequence[Pass], settings: Settings) -> Model:
    """Return `before` as the run of a pass finds it, of which `run` says how many others began before it."""
    return clone_model(run_metered(before, passes, settings, Meter(runs=run)))


@dataclass(slots=True)
class _Search:
    before: Model
    work: Pass
    numbers: Numbers
    reference: Mapping[str, NDArray[Any]]
    tell: Callable[[str], None]
    edits: list[Edit] = field(default_factory=list[Edit])
    ends: list[int] = field(default_factory=list[int])
    known: dict[int, OutputComparison | None] = field(default_factory=dict[int, OutputComparison | None])

    def run(self) -> Culprit | None:
        try:
            self._run(full := Meter())
        except Exception:  # whatever the pass raises this time, it did not before
            return None
        self.edits = full.edits
        self.ends = steps(self.edits)
        good, bad = -1, len(self.ends) - 1
        if bad < 0 or not self._differs(bad):
            return None
        while bad - good > 1:
            probe = self._comparable(good, bad)
            if probe is None:
                break
            if self._differs(probe):
                bad = probe
            else:
                good = probe
        return self._culprit(good, bad)

    def _comparable(self, good: int, bad: int) -> int | None:
        """Return a state between two others that can be executed, as near to their middle as may be."""
        for state in _from_middle(good, bad):
            if len(self.known) >= PROBES:
                return None
            if self._comparison(state) is not None:
                return state
        return None

    def _differs(self, state: int) -> bool:
        comparison = self._comparison(state)
        return comparison is not None and not comparison.equal

    def _comparison(self, state: int) -> OutputComparison | None:
        """Return the worst output after rewrite `state`, None where that cannot be executed."""
        if state not in self.known:
            self.tell(f"bisecting pass {self.work.name}: rewrite {state + 1} of {len(self.ends)}")
            self.known[state] = self._executed(self.ends[state])
        return self.known[state]

    def _executed(self, limit: int) -> OutputComparison | None:
        try:
            model = self._run(Meter(edits=limit))
            return worst(self.numbers.contrasted(self.reference, model))
        except (NotComparableError, ModelcError):
            return None

    def _culprit(self, good: int, bad: int) -> Culprit:
        comparison = self.known[bad]
        assert comparison is not None
        edits = self.edits[self.ends[bad - 1] if bad else 0 : self.ends[bad]]
        # What a rewrite inserts and erases says little; what it replaces or changes tells the place.
        edit = next((edit for edit in reversed(edits) if edit.what in (CHANGED, REPLACED)), edits[-1])
        before = model_before(edit.run, self.before, [self.work], self.numbers.settings)
        return Culprit(edit.passes, edit.rule, edit.op, bad + 1, len(self.ends), bad - good - 1, comparison, before)

    def _run(self, meter: Meter) -> Model:
        return run_metered(self.before, [self.work], self.numbers.settings, meter)


def _from_middle(good: int, bad: int) -> Iterator[int]:
    middle = (good + bad) // 2
    yield middle
    for distance in range(1, AROUND):
        for state in (middle + distance, middle - distance):
            if good < state < bad:
                yield state


def chain(passes: Sequence[Pass]) -> str:
    """Return `fold-bias`, run by `simplify`."""
    inner, *outer = [work.spec() for work in reversed(passes)]
    return f"`{inner}`" + "".join(f", run by `{name}`" for name in outer)
