"""Rules: small rewrites, each a function on one op, with a count of what became of them.

A rule says which kinds it starts from and either edits through the rewriter or returns why it does not::

    @rule("ge.BatchNorm", name="batch-norm-into-conv")
    def batch_norm_into_conv(op: Op, rw: Rewriter) -> Miss | None:
        ...
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from modelc.ir.op import Op
    from modelc.rewrite.rewriter import Rewriter


@dataclass(frozen=True, slots=True)
class Miss:
    """A rule did not apply.

    Attributes:
        reason: Why, as a clause that does not name this op, so that equal reasons are counted together.
    """

    reason: str


RuleFunction: TypeAlias = "Callable[[Op, Rewriter], Miss | None]"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rewrite.

    Attributes:
        name: "This-to-that", unique; recorded in the origins of what the rule makes.
        kinds: Kinds of the op it starts from.
        function: Does it, or returns why not.
    """

    name: str
    kinds: tuple[str, ...]
    function: RuleFunction

    @property
    def help(self) -> str:
        """The first line of the function's docstring."""
        return (self.function.__doc__ or "").strip().partition("\n")[0]


@dataclass(slots=True)
class RuleCount:
    """What became of one rule.

    Attributes:
        tried: How often it was tried.
        hits: How often it changed the graph.
        misses: How often it did not, by reason.
        seconds: Time spent in it.
    """

    tried: int = 0
    hits: int = 0
    misses: Counter[str] = field(default_factory=Counter[str])
    seconds: float = 0.0


def rule(*kinds: str, name: str) -> Callable[[RuleFunction], Rule]:
    """Make a rule that starts from ops of `kinds` of the function below."""
    return lambda function: Rule(name, kinds, function)


class RuleSet:
    """Rules by the kind of op they start from; an op is offered to them in the order they are given in."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self._by_kind: dict[str, tuple[Rule, ...]] = {}
        for entry in self.rules:
            for kind in entry.kinds:
                self._by_kind[kind] = (*self._by_kind.get(kind, ()), entry)

    def of(self, kind: str) -> tuple[Rule, ...]:
        """Return the rules that start from `kind`."""
        return self._by_kind.get(kind, ())
