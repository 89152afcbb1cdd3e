"""Questions: whether a candidate still shows what the model is reduced for."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from modelc.backend import BACKENDS
from modelc.diagnostics.diagnostic import Fix, ModelcError, fail
from modelc.execute.prepare import TARGET
from modelc.ir.model import Model
from modelc.reduce.outcome import Kind, Outcome, Passes

MARGIN = 100  # times the tolerance: differences above are as good as any, for rounding does not come so far
MIR = "candidate.mir"


class Question(Protocol):
    """Asked of every candidate."""

    @property
    def text(self) -> str:
        """What is asked, as a statement that holds of the model."""

    @property
    def passes(self) -> Passes | None:
        """The passes it runs, None where it runs none by itself."""

    def holds(self, model: Model) -> bool:
        """Whether `model` still shows it; never raises for a bad candidate."""

    def narrowed(self, passes: Passes) -> Question:
        """Return the same question about other passes."""


@dataclass(frozen=True, slots=True)
class SameOutcome:
    """Whether the passes fail as they do on the whole model."""

    passes: Passes
    outcome: Outcome
    rule: str = ""  # the rule that changed the numbers, where it is known

    @property
    def text(self) -> str:
        """What is asked."""
        return self.outcome.text + (f", since rule `{self.rule}`" if self.rule else "")

    def holds(self, model: Model) -> bool:
        """Whether the same happens to `model`."""
        found = self.passes.observe(model, numbers=self.outcome.kind is Kind.NUMBERS)
        if found.kind is not self.outcome.kind or found.key != self.outcome.key:
            return False
        return self.outcome.kind is not Kind.NUMBERS or self._is_as_clear(found)

    def narrowed(self, passes: Passes) -> Question:
        """Return the same question about other passes."""
        return replace(self, passes=passes)

    def _is_as_clear(self, found: Outcome) -> bool:
        """Whether numbers differ for the same reason, as far as can be told: not by rounding that was magnified."""
        first, now = self.outcome.comparison, found.comparison
        assert first is not None
        assert now is not None
        if self.rule and self.rule not in found.rules:
            return False
        return now.max_rel >= min(first.max_rel, MARGIN * now.tolerance)


@dataclass(frozen=True, slots=True)
class GivesCode:
    """Whether the passes give a finding of a code."""

    passes: Passes
    code: str

    @property
    def text(self) -> str:
        """What is asked."""
        return f"the passes give a finding {self.code}"

    def holds(self, model: Model) -> bool:
        """Whether `model` gets it."""
        return self.code in self.passes.observe(model, numbers=False).codes

    def narrowed(self, passes: Passes) -> Question:
        """Return the same question about other passes."""
        return replace(self, passes=passes)


@dataclass(frozen=True, slots=True)
class Command:
    """Whether a command, called with the file of a candidate, ends with 0.

    Attributes:
        words: The command.
        timeout: Seconds after which a candidate counts as uninteresting.
    """

    words: tuple[str, ...]
    timeout: float
    passes: None = None

    @property
    def text(self) -> str:
        """What is asked."""
        return f"`{' '.join(self.words)} FILE` ends with 0"

    def holds(self, model: Model) -> bool:
        """Whether it does on `model`."""
        with tempfile.TemporaryDirectory(prefix="modelc-reduce-") as folder:
            path = Path(folder) / MIR
            try:
                BACKENDS.get(TARGET).write(model, path)
                return self._run(path) == 0
            except (ModelcError, subprocess.TimeoutExpired):
                return False

    def narrowed(self, passes: Passes) -> Question:
        """Return the question as it is: it runs no passes by itself."""
        return self

    def _run(self, path: Path) -> int:
        silent = subprocess.DEVNULL
        try:
            done = subprocess.run(
                [*self.words, str(path)], stdin=silent, stdout=silent, stderr=silent, timeout=self.timeout, check=False
            )
        except OSError as error:
            problem = f"`{self.words[0]}` cannot be run: {error.strerror or error}"
            raise CommandError(problem) from error
        return done.returncode


class CommandError(Exception):
    """The command of a question cannot be run at all."""


def detected(passes: Passes, model: Model, code: str) -> Question:
    """Return the question that asks for what the passes do to the whole `model`.

    Raises:
        ModelcError: They do nothing wrong, or do not give a finding of `code`.
    """
    if code:
        question = GivesCode(passes, code)
        if not question.holds(model):
            raise _nothing(passes, f"no finding {code} is given", passes.observe(model, numbers=False).codes)
        return question
    found = passes.observe(model)
    if found.kind is Kind.FINE:
        problem = "the passes run on it, leave a sound graph and the same numbers"
        if found.text:
            problem = f"the passes run on it and leave a sound graph; its numbers cannot be compared: {found.text}"
        raise _nothing(passes, problem, found.codes)
    return SameOutcome(passes, found)


def _nothing(passes: Passes, problem: str, codes: Sequence[str] | frozenset[str]) -> ModelcError:
    fixes = [Fix("give its inputs a shape", "--batch-size 1")] if "MC202" in codes else []
    fixes += [Fix("reduce for a finding that is given", f"--code {code}") for code in sorted(codes)]
    fixes += [Fix("say by a command what to reduce for: it gets the file, and ends with 0", "--test COMMAND")]
    path = ",".join(work.spec() for work in passes.passes)
    return fail("MC608", f"the model does not fail: {problem}", evidence=[("passes", path)], fixes=fixes)
