"""What every check of a rule shares: its limits, grouping by cause, and which profiles would accept the model."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from modelc.diagnostics.diagnostic import Diagnostic, Fix, Severity, finding
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.pipeline.passes import Check, PassContext
from modelc.profiles import DEFAULT, Limit, Profile, profile, profiles
from modelc_passes.infer_types import source_type
from modelc_passes.shared.common import SHOWN

SEPARATOR = "; "
_READERS = 5  # readers that evidence names


@dataclass(frozen=True, slots=True)
class Offence:
    """One place where a model breaks a rule.

    Attributes:
        subject: The op or value.
        cause: Offences of one cause become one finding.
        shown: What the evidence says of it, its shape for example.
    """

    subject: Op | Value
    cause: Hashable = ""
    shown: str = ""


class RuleCheck(Check):
    """A check of one rule of the target, within the limits of the profile.

    Attributes:
        code: The code of its findings.
        elsewhere: Codes of findings that say the same, so that the check is silent where another pass gave one.
    """

    code: ClassVar[str]
    elsewhere: ClassVar[frozenset[str]] = frozenset()

    def run(self, model: Model, context: PassContext) -> None:
        """Report every cause once; nothing where the profile does not have the rule."""
        limit = limits(self.name, context.profile)
        reported = {diagnostic.code for diagnostic in context.sink}
        if limit is None or reported & (self.elsewhere | {self.code}):
            return
        groups = grouped(self.offences(model, limit, reported))
        if not groups:
            return
        accepting = self._accepting(model, reported)
        for group in groups.values():
            accepted = [name for name, refused in accepting.items() if not any(o.subject in refused for o in group)]
            context.sink.add(_finished(self.report(group, limit), accepted, context.profile))

    @abstractmethod
    def offences(self, model: Model, limit: Limit, reported: set[str]) -> Iterable[Offence]:
        """Yield every place where `model` breaks the rule within `limit`; `reported` holds the codes found so far."""

    @abstractmethod
    def report(self, group: Sequence[Offence], limit: Limit) -> Diagnostic:
        """Return the finding about offences of one cause."""

    def _accepting(self, model: Model, reported: set[str]) -> dict[str, set[Op | Value]]:
        """Return for each profile what it refuses in this point."""
        refused: dict[str, set[Op | Value]] = {}
        for name, candidate in profiles().items():
            limit = candidate.rule(self.name)
            found = () if limit is None else self.offences(model, limit, reported)
            refused[name] = {offence.subject for offence in found}
        return refused


def limits(check: str, active: Profile) -> Limit | None:
    """Return the limits of a rule; where nobody chose a profile those of the strictest, None where it is not a rule."""
    return (active if active.rules else profile(DEFAULT)).rule(check)


def grouped(offences: Iterable[Offence]) -> dict[Hashable, list[Offence]]:
    """Return offences by their cause, in order."""
    groups: dict[Hashable, list[Offence]] = {}
    for offence in offences:
        groups.setdefault(offence.cause, []).append(offence)
    return groups


def _finished(diagnostic: Diagnostic, accepted: list[str], active: Profile) -> Diagnostic:
    """Return the finding with the profiles that accept the model, and the flag that chooses one."""
    others = [name for name in accepted if name != active.name]
    fixes = diagnostic.fixes
    if others and diagnostic.severity is Severity.ERROR:
        title = profiles()[others[0]].title
        fixes = (*fixes, Fix(f"compile under the rules of {title}", f"--profile {others[0]}"))
    return replace(diagnostic, accepted_by=tuple(accepted), fixes=fixes)


# -- words


def name_of(subject: Op | Value) -> str:
    """Return the name by which the user knows an op, an input or a result."""
    if isinstance(subject, Op):
        return subject.origin.name or subject.name
    op = subject.producer
    if op.kind == "input" and op.graph is not None:
        return op.graph.input_names[subject.index]
    return subject.name or op.origin.name or op.name


def called(op: Op) -> str:
    """Return an op's name and what the source model calls its operation, "`conv` (Conv3D)"."""
    return f"`{name_of(op)}` ({source_type(op)})"


def subjects(group: Sequence[Offence], verb: str, verbs: str) -> str:
    """Return who does something, with its verb: "`conv` (Conv3D) computes", "3 ops like `conv` (Conv3D) compute"."""
    first = group[0].subject
    who = called(first) if isinstance(first, Op) else f"`{name_of(first)}`"
    return f"{who} {verb}" if len(group) == 1 else f"{len(group)} ops like {who} {verbs}"


def inputs(group: Sequence[Offence], verb: str, verbs: str) -> str:
    """Return which inputs do something, with the verb: "input `x` has", "inputs `x` and `y` have"."""
    names = [f"`{name_of(offence.subject)}`" for offence in group]
    if len(names) == 1:
        return f"input {names[0]} {verb}"
    shown = names[:SHOWN] if len(names) <= SHOWN else [*names[: SHOWN - 1], f"{len(names) - SHOWN + 1} more"]
    return f"inputs {conjoined(shown)} {verbs}"


def conjoined(words: Sequence[str], last: str = "and") -> str:
    """Return `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def places(group: Sequence[Offence]) -> str:
    """Return the names of the offenders with what is shown of each, at most 20."""
    return shown_list(f"{name_of(o.subject)}{': ' if o.shown else ''}{o.shown}" for o in group)


def readers(values: Iterable[Value]) -> str:
    """Return the names of the first ops that read any of `values`."""
    users = (user for value in values for user in value.users if user.kind != "return")
    return shown_list((called(user).replace("`", "") for user in users), _READERS)


def shown_list(items: Iterable[str], limit: int = SHOWN) -> str:
    """Return items as one text, each once, at most `limit` of them and how many more there are."""
    unique = list(dict.fromkeys(items))
    more = len(unique) - limit
    return SEPARATOR.join(unique[:limit]) + (f"{SEPARATOR}and {more} more" if more > 0 else "")


def about_input(code: str, message: str, value: Value, evidence: Iterable[tuple[str, str]], *fixes: Fix) -> Diagnostic:
    """Return a finding about an input, under the input's own name."""
    found = finding(code, message, value, evidence=evidence, fixes=fixes)
    return replace(found, op=name_of(value))


def cut_before(op: Op) -> list[Fix]:
    """Return the way out that only compiles what comes before `op`, none where that is nothing."""
    ready = [value for value in op.inputs if value.producer.kind not in ("const", "input", "absent")]
    if not ready:
        return []
    source = ready[0].producer.origin.name or ready[0].producer.name
    return [Fix("compile only what comes before it", f'--out-nodes "{source}:{ready[0].index}"')]


def kinds_within(model: Model, kinds: frozenset[str]) -> Iterator[Op]:
    """Yield the ops of these kinds."""
    return (op for op in model.ops() if op.kind in kinds)
