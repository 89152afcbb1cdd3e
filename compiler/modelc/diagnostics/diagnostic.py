"""Findings as data, and the sink that collects them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from modelc.diagnostics.codes import CODES, Code
from modelc.ir.op import Op, Value
from modelc.ir.origin import NOWHERE, Origin


class Severity(Enum):
    """How bad a finding is: an error stops the compilation."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Fix:
    """A way out.

    Attributes:
        text: What to do, as an imperative clause.
        flag: The exact option to add to the command line, empty where none helps.
    """

    text: str
    flag: str = ""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    Attributes:
        code: Its stable code, `MC203`.
        message: What is wrong and what was found, lower case, no full stop, in the user's names.
        severity: How bad it is.
        op: The name of the op or value it is about, empty where it is about the whole model.
        kind: The kind of that op, `tf.Conv3D`.
        origin: Where that op came from.
        file: The file it is about, relative to what the user named.
        evidence: Facts that show it, as (what, value): shapes, dtypes, paths of names.
        notes: Further sentences.
        fixes: Ways out, best first.
        accepted_by: Profiles that would accept the model in this point.
    """

    code: str
    message: str
    severity: Severity = Severity.ERROR
    op: str = ""
    kind: str = ""
    origin: Origin = NOWHERE
    file: str = ""
    evidence: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    fixes: tuple[Fix, ...] = ()
    accepted_by: tuple[str, ...] = ()

    @property
    def entry(self) -> Code:
        """The catalogue entry of the code."""
        return CODES[self.code]


def finding(
    code: str,
    message: str,
    subject: Op | Value | None = None,
    *,
    severity: Severity | None = None,
    file: str = "",
    evidence: Iterable[tuple[str, str]] = (),
    notes: Iterable[str] = (),
    fixes: Iterable[Fix] = (),
    accepted_by: Iterable[str] = (),
) -> Diagnostic:
    """Return a Diagnostic about `subject`, with the catalogue's severity unless another is given."""
    op = subject.producer if isinstance(subject, Value) else subject
    return Diagnostic(
        code,
        message,
        severity or Severity(CODES[code].severity),
        op="" if op is None else op.origin.name or op.name,
        kind="" if op is None else op.kind,
        origin=NOWHERE if op is None else op.origin,
        file=file,
        evidence=tuple(evidence),
        notes=tuple(notes),
        fixes=tuple(fixes),
        accepted_by=tuple(accepted_by),
    )


class Sink:
    """Collects findings; the same finding twice is kept once."""

    def __init__(self) -> None:
        self._findings: dict[Diagnostic, None] = {}

    def add(self, diagnostic: Diagnostic) -> None:
        """Keep `diagnostic`."""
        self._findings[diagnostic] = None

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Keep all of `diagnostics`."""
        for diagnostic in diagnostics:
            self.add(diagnostic)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self._findings)

    def __len__(self) -> int:
        return len(self._findings)

    @property
    def errors(self) -> list[Diagnostic]:
        """The findings that stop a compilation."""
        return [d for d in self._findings if d.severity is Severity.ERROR]


class ModelcError(Exception):
    """Findings that ended what was asked; raised at edges only."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("\n".join(f"{d.code}: {d.message}" for d in diagnostics))
        self.diagnostics = diagnostics


def fail(
    code: str,
    message: str,
    subject: Op | Value | None = None,
    *,
    file: str = "",
    evidence: Iterable[tuple[str, str]] = (),
    notes: Iterable[str] = (),
    fixes: Iterable[Fix] = (),
) -> ModelcError:
    """Return a ModelcError with one finding, to be raised."""
    return ModelcError(finding(code, message, subject, file=file, fixes=fixes, evidence=evidence, notes=notes))
