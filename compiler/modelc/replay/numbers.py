"""The numbers a model computes, at any point of a pipeline, and how far those of two points are apart.

A model that is not in the canonical dialect yet is executed by lowering a copy of it, with the passes that every
lowering takes and no simplification. So these passes give the numbers their meaning and are not themselves judged by
them; `modelc verify`, which asks the framework of the source, does that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from modelc import profiles
from modelc.backend import BACKENDS
from modelc.diagnostics.diagnostic import Diagnostic, ModelcError, Sink, fail
from modelc.dialects.lookup import op_def
from modelc.driver import Settings, pipeline_of
from modelc.execute.compare import OutputComparison, compare
from modelc.execute.engine import Runner, candidates, choose
from modelc.execute.generate import generate_inputs
from modelc.execute.prepare import TARGET
from modelc.ir.clone import clone_model
from modelc.ir.model import Model
from modelc.ir.verify import Level, verify
from modelc.pipeline import manager
from modelc.pipeline.facts import GE, LIFTED, TYPED, implied
from modelc.pipeline.passes import Pass, PassContext

Array: TypeAlias = NDArray[Any]
Arrays: TypeAlias = Mapping[str, Array]


class NotComparableError(Exception):
    """A model has no numbers, or none that can be held against others; the text says why, as a clause."""


class FailedError(NotComparableError):
    """A model fails while it is executed."""


@dataclass(slots=True)
class Numbers:
    """Executes models of one compilation on the same inputs.

    Attributes:
        lowering: The passes that bring a model into a form that can be executed.
        settings: What the user asked for.
        seed: Seed of generated inputs.
        inputs: Arrays by input name; those that are wanted and not there are generated and kept.
    """

    lowering: tuple[Pass, ...]
    settings: Settings
    seed: int = 0
    inputs: dict[str, Array] = field(default_factory=dict[str, Array])

    @classmethod
    def of(cls, passes: Sequence[Pass], settings: Settings, seed: int = 0, inputs: Arrays | None = None) -> Numbers:
        """Return what executes models between `passes`, whose options hold for the same passes of the lowering."""
        own = {work.name: work for work in passes}
        lowering: list[Pass] = []
        for work in pipeline_of(BACKENDS.get(TARGET), replace(settings, passes="")):
            lowering.append(own.get(work.name, work))
            if TYPED in work.gives:
                break
        return cls(tuple(lowering), settings, seed, dict(inputs or {}))

    def defines(self, work: Pass, model: Model) -> bool:
        """Whether `work`, run on `model` now, is part of what gives its numbers their meaning."""
        return _is_to_lower(model) and any(work.name == other.name for other in self.lowering)

    def executed(self, model: Model) -> dict[str, Array]:
        """Return the outputs of `model` by public name; `model` stays as it is.

        Raises:
            FailedError: An op failed on these inputs.
            NotComparableError: It is not sound, cannot be lowered or executed, or takes other inputs than before.
        """
        try:
            lowered = self.lowered(model)
            names = lowered.graph.input_names
            if not set(names) <= self.inputs.keys():
                self.inputs = {**generate_inputs(lowered.graph, self.seed), **self.inputs}
            with np.errstate(all="ignore"):
                return _prepared(lowered)({name: self.inputs[name] for name in names})
        except ModelcError as error:
            first = error.diagnostics[0]
            raise (FailedError if first.code == "MC605" else NotComparableError)(first.message) from error
        except (MemoryError, RecursionError) as error:
            raise NotComparableError("there is not enough memory to execute it") from error
        except NotComparableError:
            raise
        except Exception as error:  # whatever a pass, or the evaluation of an op, of a plugin raises
            raise NotComparableError(f"executing it raised {type(error).__name__}: {error}") from error

    def lowered(self, model: Model) -> Model:
        """Return `model` where it can be executed as it is, else a copy that was lowered.

        Raises:
            NotComparableError: It is not sound, or cannot be lowered.
            ModelcError: The same, as a finding.
        """
        problems = unsound(model)
        if problems:
            raise NotComparableError(problems[0].message)
        if not _is_to_lower(model):
            return model
        copy, sink = clone_model(model), Sink()
        context = PassContext(sink, profiles.profile(self.settings.profile), self.settings.soc)
        manager.run(copy, manager.still_needed(self.lowering, copy.facts), context)
        if sink.errors and GE not in implied(copy):
            raise NotComparableError(f"it cannot be lowered: {sink.errors[0].message}")
        return copy

    def contrasted(self, reference: Arrays, model: Model) -> list[OutputComparison]:
        """Return how the outputs of `model` compare with a reference; where it fails, the first one is at fault.

        Raises:
            NotComparableError: It cannot be executed for another reason, or has other outputs.
        """
        try:
            return compared(reference, self.executed(model))
        except FailedError as error:
            return [failure(reference, error)]


def _is_to_lower(model: Model) -> bool:
    """Whether lowering has something left to do on `model`; what a backend made of it is beyond that."""
    return LIFTED in model.facts or (GE in model.facts and TYPED not in model.facts)


def _prepared(model: Model) -> Runner:
    """Return what executes `model`: numpy, and another engine only where that has to give up."""
    plain = candidates()[-1]
    return (choose("", model) if plain.obstacles(model) else plain).prepare(model)


def failure(reference: Arrays, error: FailedError) -> OutputComparison:
    """Return the comparison for a model that fails where it did not before."""
    name = next(iter(reference), "")
    problem = f"it cannot be computed any more: {error}"
    return OutputComparison(name, "", False, math.inf, math.inf, cosine=math.nan, problem=problem)


def check_names(inputs: Arrays, model: Model) -> None:
    """Refuse arrays for inputs that `model` does not have; raises ModelcError."""
    known = model.graph.input_names
    for name in inputs:
        if name not in known:
            listed = ", ".join(f"`{each}`" for each in known) or "none"
            raise fail("MC601", f"there is no input `{name}`, the inputs are {listed}")


def unsound(model: Model) -> list[Diagnostic]:
    """Return what is wrong with the links of `model`."""
    return [problem for graph in model.graphs() for problem in verify(graph, Level.LINKS, op_def)]


def compared(before: Arrays, after: Arrays) -> list[OutputComparison]:
    """Return one comparison per output.

    Where an output has another element type afterwards, of the same family, it is compared in that one.

    Raises:
        NotComparableError: The outputs are not the same.
    """
    changed = sorted(before.keys() ^ after.keys())
    if changed:
        raise NotComparableError(f"the outputs are not those before: {', '.join(f'`{name}`' for name in changed)}")
    return [compare(name, _like(array, after[name]), after[name]) for name, array in before.items()]


def worst(comparisons: Sequence[OutputComparison]) -> OutputComparison | None:
    """Return the comparison that is furthest beyond its tolerance, or nearest to it; None where there is none."""
    return max(comparisons, key=lambda each: (not each.equal, each.max_rel), default=None)


def difference(comparison: OutputComparison) -> str:
    """Return how an output differs, as a clause."""
    if comparison.problem:
        return f"output `{comparison.name}`: {comparison.problem}"
    return f"output `{comparison.name}` is off by max_rel {comparison.max_rel:.3g}, at most {comparison.tolerance:g}"


def _like(reference: Array, actual: Array) -> Array:
    if reference.dtype != actual.dtype and _family(reference) == _family(actual):
        return reference.astype(actual.dtype)
    return reference


def _family(array: Array) -> str:
    kind = "f" if array.dtype.name == "bfloat16" else array.dtype.kind
    return {"u": "i"}.get(kind, kind)
