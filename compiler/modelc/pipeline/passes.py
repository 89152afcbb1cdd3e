"""What a pass is: a frozen dataclass whose fields are its options and whose docstring is its help."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from modelc.diagnostics.diagnostic import Sink
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.profiles import NO_RULES, Profile
from modelc.rewrite.rules import RuleCount

if TYPE_CHECKING:
    from modelc.pipeline.instruments import Instrument

T = TypeVar("T")


def option(default: T, help: str, *, flag: str = "") -> T:
    """Declare a pass option.

    Args:
        default: Its default.
        help: One line of help.
        flag: The name of the setting of a compilation that feeds it where the pipeline text does not, `batch-size`.
    """
    return field(default=default, metadata={"help": help, "flag": flag})


@dataclass(slots=True)
class PassContext:
    """What a pass may use besides the model.

    Attributes:
        sink: Where findings go.
        profile: The rules of the target.
        soc: The chip to compile for, empty for any.
        instruments: Watch every pass.
        depth: How deep the running pass is nested in other passes.
        rule_counts: What became of each rewrite rule so far, by its name.
        before_rule: Called before a rule is tried, with its name and the op; None where nobody wants to know.
    """

    sink: Sink = field(default_factory=Sink)
    profile: Profile = NO_RULES
    soc: str = ""
    instruments: tuple[Instrument, ...] = ()
    depth: int = 0
    rule_counts: dict[str, RuleCount] = field(default_factory=dict[str, RuleCount])
    before_rule: Callable[[str, Op], None] | None = None


class Pass(ABC):
    """Changes a model. Subclasses are frozen dataclasses; their fields are their options.

    Attributes:
        name: A verb phrase in kebab case, unique.
        needs: Facts that must hold before.
        gives: Facts that hold afterwards.
        breaks: Facts that may no longer hold afterwards.
        alters: Why outputs may differ afterwards by more than rounding, as a clause; empty where they must not.
    """

    name: ClassVar[str]
    needs: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[frozenset[str]] = frozenset()
    breaks: ClassVar[frozenset[str]] = frozenset()
    alters: ClassVar[str] = ""

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

    def with_settings(self, settings: Mapping[str, object]) -> Pass:
        """Return this pass with the options that are still at their default taken from the settings they name."""
        changes = {
            f.name: settings[f.metadata["flag"]]
            for f in fields(cast("Any", self))
            if f.metadata.get("flag") in settings and getattr(self, f.name) == f.default
        }
        return cast("Pass", replace(cast("Any", self), **changes)) if changes else self

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
