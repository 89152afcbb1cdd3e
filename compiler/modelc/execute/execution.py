"""A model made ready to run: by the engine that was asked for, or by the fastest that takes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modelc.diagnostics.diagnostic import Diagnostic, ModelcError
from modelc.execute.engine import NO_TAPS, Engine, Runner, Taps, candidates, choose
from modelc.ir.model import Model


@dataclass(frozen=True, slots=True)
class Execution:
    """A model that can be run any number of times.

    Attributes:
        engine: Name of the engine, for `--engine`.
        title: What to call it in a report, with its version.
        run: Executes the model.
        notes: Why faster engines were passed over, a sentence for each.
    """

    engine: str
    title: str
    run: Runner
    notes: tuple[str, ...] = ()


def start(name: str, model: Model, taps: Taps = NO_TAPS) -> Execution:
    """Return `model` made ready by the engine called `name`; where that is empty, by the fastest that takes it.

    Args:
        name: Name of an engine, or nothing.
        model: A model of the canonical dialect.
        taps: Values inside of it whose numbers are wanted.

    Raises:
        ModelcError: There is no such engine, it is not installed, or no engine can execute the model.
    """
    if name:
        engine = choose(name, model)
        return Execution(engine.name, engine.title(), engine.prepare(model, taps))
    notes, refusal = list[str](), None
    *faster, last = candidates()
    for engine in faster:
        obstacle = _obstacle(engine, model)
        if not obstacle:
            try:
                return Execution(engine.name, engine.title(), engine.prepare(model, taps), tuple(notes))
            except ModelcError as error:
                obstacle, refusal = _shown(error.diagnostics), refusal or error
        notes.append(f"{engine.name} was not used: {obstacle}")
    try:
        return Execution(last.name, last.title(), last.prepare(model, taps), tuple(notes))
    except ModelcError as error:
        raise refusal or error from error  # the engine that took the ops knows more of what is wrong


def _obstacle(engine: Engine, model: Model) -> str:
    """Return why an engine cannot be used as a clause, empty where it can."""
    if not engine.is_installed():
        return "it is not installed"
    obstacles = engine.obstacles(model)
    return _shown(obstacles) if obstacles else ""


def _shown(findings: Sequence[Diagnostic]) -> str:
    more = f", and {len(findings) - 1} more" if len(findings) > 1 else ""
    return f"{findings[0].message}{more}"
