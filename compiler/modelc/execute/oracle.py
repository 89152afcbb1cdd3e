"""Oracles: what says which numbers a source computes.

Where the source's own framework is installed, it says so; else the evaluator of this package does, on the source as
it is lowered, before any simplification.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import Fix, ModelcError, Sink, fail
from modelc.driver import check_workable
from modelc.execute.own_oracle import FIX, OWN, OwnOracle
from modelc.execute.tensorflow.oracle import TensorFlowOracle
from modelc.frontends.frontend import LoadOptions
from modelc.frontends.load import load
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Value
from modelc.pipeline.facts import LIFTED

Arrays: TypeAlias = Mapping[str, NDArray[Any]]

TIMEOUT = 1800  # seconds; frameworks hang on some graphs
_AFTER_LOWERING = "this proves what was done to it after it was lowered, and nothing of what came before"


class Oracle(Protocol):
    """Something that executes a source."""

    @property
    def title(self) -> str:
        """What to call it in a report, with its version."""

    @property
    def graph(self) -> Graph:
        """The source, with functions inlined; its values are those that can be fetched."""

    def run(self, inputs: Arrays, outputs: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Return outputs by public name, those that there are; raises ModelcError where the source fails."""

    def fetch(self, inputs: Arrays, values: Sequence[Value], folder: Path) -> list[NDArray[Any] | None]:
        """Return values of `graph`, mapped from files in `folder`, None for each that cannot be had."""


Opened: TypeAlias = AbstractContextManager[Oracle]


@dataclass(frozen=True, slots=True)
class Framework:
    """A framework that executes models of its own.

    Attributes:
        name: Its name for `--oracle`.
        title: Its name for people.
        package: What has to be installed for it.
        extra: The extra of this distribution that brings that.
        open: Begins to execute the model at a path, read with these options, within so many seconds a request.
    """

    name: str
    title: str
    package: str
    extra: str
    open: Callable[[Path, LoadOptions, int], Opened]

    @property
    def is_installed(self) -> bool:
        """Whether it can be used."""
        return find_spec(self.package) is not None

    def require(self) -> None:
        """Raise ModelcError where it is not installed."""
        if not self.is_installed:
            raise fail(
                "MC604",
                f"{self.title}, which says what the source computes, is not installed",
                fixes=[
                    Fix(f"install the extra: pip install 'modelc[{self.extra}]'"),
                    FIX,
                ],
            )


# By what readers call the frameworks
FRAMEWORKS: dict[str, Framework] = {
    "tensorflow": Framework("tensorflow", "TensorFlow", "tensorflow", "tensorflow", TensorFlowOracle),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """The oracle of one source.

    Attributes:
        name: Its name for `--oracle`.
        note: What a report has to say about it, empty where it is the source's own framework.
        open: Begins to execute the source, which will be fed arrays like these.
    """

    name: str
    note: str
    open: Callable[[Arrays], Opened]


def oracle_of(source: Path, options: LoadOptions, wanted: str = "", timeout: int = TIMEOUT) -> Choice:
    """Return what says which numbers `source` computes.

    Args:
        source: A source, or an artifact.
        options: How to read it.
        wanted: Name of the oracle, empty for the source's own framework where that is installed.
        timeout: Seconds that a framework may take for one request.

    Raises:
        ModelcError: The source cannot be read, or what is wanted cannot execute it or is not installed.
    """
    model = load(source, options, Sink())
    check_workable(model)
    framework = _framework(model, source)
    if wanted not in ("", OWN) and (framework is None or wanted != framework.name):
        raise _unknown(wanted, framework)
    if framework is None:
        return _own(source, options, "the source is in a dialect of modelc: it was executed by modelc as it stands")
    if wanted == OWN:
        return _own(source, options, f"the source was executed by modelc, as it is lowered: {_AFTER_LOWERING}")
    if wanted:
        framework.require()
    elif not framework.is_installed:
        reason = f"{framework.title} is not installed, the source was executed by modelc, as it is lowered"
        return _own(source, options, f"{reason}: {_AFTER_LOWERING}")
    chosen = _as_read(model, options)
    return Choice(framework.name, "", lambda inputs: framework.open(source, chosen, timeout))


def _framework(model: Model, path: Path) -> Framework | None:
    """Return the framework that can execute the file a model was read from, None where there is none."""
    source = model.source
    if LIFTED not in model.facts or source is None or source.path != path:
        return None
    return FRAMEWORKS.get(source.framework)


def _own(source: Path, options: LoadOptions, note: str) -> Choice:
    return Choice(OWN, note, lambda inputs: OwnOracle(source, options, inputs))


def _as_read(model: Model, options: LoadOptions) -> LoadOptions:
    """Return `options` with the signature and the tags that the reader chose."""
    details = dict(model.source.details if model.source else ())
    tags = tuple(filter(None, details.get("tags", "").split(",")))
    return replace(options, signature=details.get("signature", ""), tags=tags)


def _unknown(wanted: str, framework: Framework | None) -> ModelcError:
    names = [OWN] if framework is None else [framework.name, OWN]
    return fail(
        "MC416",
        f"`{wanted}` is no oracle for this source",
        fixes=[Fix("let another one execute it", f"--oracle {name}") for name in names],
    )
