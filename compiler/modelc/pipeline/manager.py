"""The pass manager: builds passes from text, proves their order, and runs them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from modelc.diagnostics.diagnostic import Diagnostic, Fix, ModelcError, fail
from modelc.ir.model import Model
from modelc.pipeline.passes import Pass, PassContext
from modelc.pipeline.registry import PASSES
from modelc.text.specs import OptionText, PassSpec, parse_pipeline

ROUNDS = 32  # how often a fixpoint repeats its passes before that counts as a fault


@dataclass(frozen=True)
class Fixpoint(Pass):
    """Repeat passes until none of them changes anything."""

    name: ClassVar[str] = "fixpoint"
    passes: tuple[Pass, ...] = ()

    def run(self, model: Model, context: PassContext) -> None:
        """Run the passes in turn until a whole round makes no edits."""
        for _ in range(ROUNDS):
            edits = model.edits
            run(model, self.passes, context)
            if model.edits == edits:
                return
        names = ", ".join(work.name for work in self.passes)
        raise fail("MC409", f"passes {names} still change the graph after {ROUNDS} rounds")

    def spec(self) -> str:
        """Return `fixpoint(a,b)`."""
        return f"fixpoint({','.join(work.spec() for work in self.passes)})"


def parse(text: str) -> list[Pass]:
    """Return the passes that a pipeline text names, with their options.

    Raises:
        ModelcError: The text does not parse, a pass does not exist, or an option is wrong; all such findings at once.
    """
    return _build_all(parse_pipeline(text), text)


def check_order(passes: Iterable[Pass], facts: Iterable[str]) -> None:
    """Prove that each pass finds the facts it needs, starting from `facts`.

    Raises:
        ModelcError: A fact is missing; the finding names the passes that would give it.
    """
    known = set(facts)
    for work in passes:
        missing = sorted(work.needs - known)
        if missing:
            raise _bad_order(work, missing[0])
        known = (known - work.breaks) | work.gives


def still_needed(passes: Iterable[Pass], facts: Iterable[str]) -> list[Pass]:
    """Return `passes` without those that only establish what holds already, for a model that comes with `facts`.

    A pass with options stays: it was asked for something of its own.
    """
    holding = set(facts)
    needed = []
    for work in passes:
        if not work.gives or not work.gives <= holding or work.spec() != work.name:
            needed.append(work)
            holding -= work.breaks
    return needed


def run(model: Model, passes: Sequence[Pass], context: PassContext) -> None:
    """Run `passes` in order; facts of the model follow what they declare."""
    if context.depth == 0:
        check_order(passes, model.facts)
    for work in passes:
        for instrument in context.instruments:
            instrument.before_pass(model, work, context.depth)
        context.depth += 1
        try:
            work.run(model, context)
        finally:
            context.depth -= 1
        model.facts.difference_update(work.breaks)
        model.facts.update(work.gives)
        for instrument in context.instruments:
            instrument.after_pass(model, work, context.depth)


def format_pipeline(passes: Iterable[Pass]) -> str:
    """Return the text that makes these passes again."""
    return ",".join(work.spec() for work in passes)


def _build_all(specs: Iterable[PassSpec], text: str) -> list[Pass]:
    passes: list[Pass] = []
    findings: list[Diagnostic] = []
    for spec in specs:
        try:
            passes.append(_build(spec, text))
        except ModelcError as error:
            findings.extend(error.diagnostics)
    if findings:
        raise ModelcError(*findings)
    return passes


def _build(spec: PassSpec, text: str) -> Pass:
    if spec.name == Fixpoint.name:
        return Fixpoint(tuple(_build_all(spec.children, text)))
    kind = PASSES.get(spec.name)
    known = kind.options()
    values: dict[str, object] = {}
    for name, given in spec.options.items():
        if name not in known:
            listed = ", ".join(known) or "none"
            raise _bad_option(text, given, f"`{spec.name}` has no option `{name}`", f"its options: {listed}")
        values[name.replace("-", "_")] = _convert(spec.name, name, given, known[name][0], text)
    return cast("Pass", cast("Any", kind)(**values))


def _convert(owner: str, name: str, given: OptionText, kind: type, text: str) -> object:
    words = {"true": True, "false": False}
    try:
        return words[given.value] if kind is bool else kind(given.value)
    except (KeyError, ValueError):
        wanted = {bool: "true or false", int: "a whole number", float: "a number"}.get(kind, kind.__name__)
        problem = f"option `{name}` of `{owner}` is `{given.value}`"
        raise _bad_option(text, given, problem, f"give {wanted}") from None


def _bad_option(text: str, given: OptionText, problem: str, help_: str) -> ModelcError:
    start, end = given.span
    pointer = f"{text}\n{' ' * start}{'^' * max(1, end - start)}"
    return fail("MC402", problem, evidence=[("in", pointer)], fixes=[Fix(help_)])


def _bad_order(work: Pass, fact: str) -> ModelcError:
    givers = [name for name in PASSES.names() if fact in PASSES.get(name).gives]
    return fail(
        "MC403",
        f"pass `{work.name}` needs the fact `{fact}`, which nothing before it gives",
        fixes=[Fix(f"put `{name}` before it") for name in givers],
    )
