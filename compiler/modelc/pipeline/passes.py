"""What a pass is: a frozen dataclass whose fields are its options and whose docstring is its help."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeVar, cast

from modelc.diagnostics.diagnostic import Sink
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.profile import NO_RULES, Profile

T = TypeVar("T")


def option(default: T, help: str) -> T:
    """Declare a pass option with its default and one line of help."""
    return field(default=default, metadata={"help": help})


@dataclass(slots=True)
class PassContext:
    """What a pass may use besides the model.

    Attributes:
        sink: Where findings go.
        profile: The rules of the target.
        soc: The chip to compile for, empty for any.
        progress: Called with (done, total) by passes that can take long.
    """

    sink: Sink = field(default_factory=Sink)
    profile: Profile = NO_RULES
    soc: str = ""
    progress: Callable[[int, int], None] = lambda done, total: None


class Pass(ABC):
    """Changes a model. Subclasses are frozen dataclasses; their fields are their options.

    Attributes:
        name: A verb phrase in kebab case, unique.
        needs: Facts that must hold before.
        gives: Facts that hold afterwards.
        breaks: Facts that may no longer hold afterwards.
    """

    name: ClassVar[str]
    needs: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[frozenset[str]] = frozenset()
    breaks: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def run(self, model: Model, context: PassContext) -> None:
        """Do the work; findings go to `context.sink`."""

    @classmethod
    def help(cls) -> str:
        """Return the first line of the docstring."""
        return (cls.__doc__ or "").strip().partition("\n")[0]

    @classmethod
    def options(cls) -> dict[str, tuple[type, object, str]]:
        """Return option name (kebab case) to (type, default, help)."""
        return {
            f.name.replace("_", "-"): (type(f.default), f.default, f.metadata.get("help", ""))
            for f in fields(cast("Any", cls))
        }

    def spec(self) -> str:
        """Return the text that makes this pass again, `fix-shapes{batch-size=4}`."""
        changed = [
            f"{f.name.replace('_', '-')}={format_option(getattr(self, f.name))}"
            for f in fields(cast("Any", self))
            if getattr(self, f.name) != f.default
        ]
        return f"{self.name}{{{','.join(changed)}}}" if changed else self.name


class Check(Pass):
    """Only reads the model and reports; its name says the fault, its docstring is the rule."""


class GraphPass(Pass):
    """A pass that works on every graph by itself, functions and nested graphs included."""

    def run(self, model: Model, context: PassContext) -> None:
        """Run on each graph in turn."""
        for graph in list(model.graphs()):
            self.run_on(graph, context)

    @abstractmethod
    def run_on(self, graph: Graph, context: PassContext) -> None:
        """Do the work on one graph."""


def format_option(value: object) -> str:
    """Return an option's value as the pipeline text spells it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value)
