"""Engines: what executes a model of the canonical dialect on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import Diagnostic, Fix, ModelcError, fail
from modelc.ir.model import Model
from modelc.ir.op import Value
from modelc.plugins import Catalog

Arrays: TypeAlias = Mapping[str, NDArray[Any]]
Runner: TypeAlias = Callable[[Arrays], dict[str, NDArray[Any]]]  # from inputs to outputs, by public name


@dataclass(frozen=True, slots=True)
class Taps:
    """Values inside of a graph whose numbers are wanted while it runs.

    Attributes:
        values: The values; those of nested graphs cannot be had.
        take: Called with each of them and its numbers, in the order in which they are computed; the array is not
            kept afterwards unless `take` does.
    """

    values: frozenset[Value] = frozenset()
    take: Callable[[Value, NDArray[Any]], None] = field(default=lambda value, array: None)


NO_TAPS = Taps()


class Prepare(Protocol):
    """Makes a model ready to be run any number of times. Raises ModelcError where the engine cannot execute it."""

    def __call__(self, model: Model, taps: Taps = ..., /) -> Runner:
        """Prepare `model`."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One way to execute models.

    Attributes:
        name: Its name among the entry points, and for `--engine`.
        title: Returns what to call it in a report, with its version.
        is_installed: Whether what it needs is there; cheap, imports nothing.
        extra: The extra of this distribution that brings what it needs, empty where that is always there.
        obstacles: Returns one finding for each kind of op that it cannot execute; cheap.
        prepare: Makes a model ready to be run.
        rank: Where the user names none, the engine of the highest rank that takes the model is used.
    """

    name: str
    title: Callable[[], str]
    is_installed: Callable[[], bool]
    extra: str
    obstacles: Callable[[Model], Sequence[Diagnostic]]
    prepare: Prepare
    rank: int = 0


ENGINES: Catalog[Engine] = Catalog(
    "modelc.engines", "engine", "MC415", lambda item: item if isinstance(item, Engine) else None
)


def choose(name: str, model: Model) -> Engine:
    """Return the engine called `name`; where that is empty, the fastest that is installed and takes `model`.

    Raises:
        ModelcError: There is no such engine, it is not installed, or it cannot execute the model.
    """
    if name:
        engine = ENGINES.get(name)
        if not engine.is_installed():
            fix = Fix(f"install the extra: pip install 'modelc[{engine.extra}]'")
            raise fail("MC606", f"{engine.name}, which was asked for, is not installed", fixes=[fix])
        obstacles = engine.obstacles(model)
        if obstacles:
            raise ModelcError(*obstacles)
        return engine
    usable = [engine for engine in candidates() if engine.is_installed()]
    return next((engine for engine in usable if not engine.obstacles(model)), usable[-1])


def candidates() -> list[Engine]:
    """Return all engines, the fastest first; the last one needs nothing to be installed."""
    engines = map(ENGINES.get, ENGINES.names())
    return sorted(engines, key=lambda engine: (not engine.extra, -engine.rank, engine.name))
