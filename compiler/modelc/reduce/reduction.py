"""One reduction from a model that fails to the smallest that does, written and tried again from its file."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from modelc import profiles
from modelc.backend import BACKENDS, Artifact
from modelc.diagnostics.diagnostic import Fix, ModelcError, Sink, fail
from modelc.diagnostics.renderers.words import safe
from modelc.driver import Settings, check_workable, pipeline_of
from modelc.execute.arrays import read_arrays, write_arrays
from modelc.execute.prepare import TARGET
from modelc.frontends.frontend import Json, LoadOptions
from modelc.frontends.load import load
from modelc.ir.blob import BlobError, BytesBlob, FileBlob
from modelc.ir.clone import clone_model
from modelc.ir.model import Model
from modelc.ir.op import Value
from modelc.ir.types import TensorType, are_compatible
from modelc.ir.verify import Level
from modelc.pipeline import manager
from modelc.pipeline.facts import GE, LIFTED
from modelc.pipeline.passes import Pass, PassContext
from modelc.pipeline.registry import load_plugin
from modelc.reduce.budget import Budget
from modelc.reduce.cutting import size
from modelc.reduce.outcome import Kind, Passes
from modelc.reduce.question import Command, CommandError, GivesCode, Question, SameOutcome, detected
from modelc.reduce.reducer import Reducer, Stage, soundness
from modelc.replay.bisection import model_before
from modelc.replay.numbers import Numbers, check_names
from modelc.replay.replay import Replay, for_command
from modelc.tables import format_bytes, table


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a reduction.

    Attributes:
        source: The model.
        output: Where the smallest model goes, a `.mir` file.
        settings: Passes, plugins, shapes and how to read the source.
        code: Reduce for a finding of this code; empty to see what happens.
        command: Reduce for what this command says of a file; empty for what the passes do.
        timeout: Seconds it may take.
        steps: Candidates it may try.
        seed: Seed of the inputs that are generated.
        inputs: A file of arrays for inputs by name, None to generate all.
    """

    source: Path
    output: Path
    settings: Settings
    code: str = ""
    command: str = ""
    timeout: int = 600
    steps: int = 10_000
    seed: int = 0
    inputs: Path | None = None


@dataclass(slots=True)
class Reduction:
    """What came of a reduction.

    Attributes:
        request: What was asked.
        fault: What the model shows, in words.
        ops: How many ops it had, and how many are left.
        passes: The passes that are needed to see it, as pipeline text; empty for a command.
        narrowed: How many passes were asked for.
        stages: What was done, in order.
        budget: What it took.
        artifact: The file.
        again: The command that shows it again.
    """

    request: Request
    fault: str
    ops: tuple[int, int]
    passes: str
    narrowed: int
    stages: list[Stage]
    budget: Budget
    artifact: Artifact
    again: str

    def document(self) -> dict[str, Json]:
        """Return it as JSON."""
        return {
            "source": str(self.request.source),
            "artifact": str(self.artifact.path),
            "fault": self.fault,
            "passes": self.passes,
            "ops": {"before": self.ops[0], "after": self.ops[1]},
            "nbytes": self.artifact.nbytes,
            "candidates": self.budget.taken,
            "seconds": self.budget.elapsed,
            "is_complete": not self.budget.spent,
            "stages": [
                {"name": s.name, "before": s.before, "after": s.after, "tried": s.tried, "kept": s.kept}
                for s in self.stages
            ],
            "again": self.again,
        }

    def text(self) -> str:
        """Return it for people."""
        before, after = self.ops
        rows = [("fault", self.fault)]
        if self.passes:
            count = len(manager.parse(self.passes))
            rows += [("passes", self.passes + (f" ({count} of {self.narrowed})" if count < self.narrowed else ""))]
        budget = self.budget
        took = f"{_spaced(budget.taken)} candidates, {budget.elapsed:.1f} s"
        rows += [("ops", f"{_spaced(after)} from {_spaced(before)} ({took})")]
        rows += [("wrote", f"{self.artifact.path} ({format_bytes(self.artifact.nbytes)})"), ("again", self.again)]
        if budget.spent:
            rows += [("note", "it ran out of time or candidates, a smaller model may be left")]
        return table([(label, safe(text)) for label, text in rows])

    def log(self) -> str:
        """Return what each stage achieved, for people."""
        title = ("took away", "tried", "kept", "ops before", "after")
        rows = [(s.name, str(s.tried), str(s.kept), str(s.before), str(s.after)) for s in self.stages]
        return table([title, *rows], frozenset({1, 2, 3, 4}))


def _spaced(count: int) -> str:
    """Return `5 213`."""
    return f"{count:,}".replace(",", " ")


def reduce(request: Request, tell: Callable[[str], None] = lambda text: None) -> Reduction:
    """Reduce a model and write the result.

    Args:
        request: What is asked.
        tell: Called with what goes on, for people who wait.

    Raises:
        ModelcError: The model cannot be read, does not fail, or the result cannot be written.
    """
    budget = Budget(request.timeout, request.steps)
    for plugin in request.settings.plugins:
        load_plugin(plugin)
    tell("reading the model")
    whole, passes = _read(request)
    tell("looking at what happens")
    question, model = _begun(request, passes, whole, budget)
    reducer = Reducer(question, model, budget, tell)
    smallest = reducer.run()
    tell("writing the result")
    artifact, again = _written(request, smallest, question)
    return Reduction(
        request,
        question.text,
        (size(whole), size(smallest)),
        manager.format_pipeline(question.passes.passes if question.passes else ()),
        len(passes),
        reducer.stages,
        budget,
        artifact,
        again,
    )


def _read(request: Request) -> tuple[Model, list[Pass]]:
    """Return the model, and the passes to run on it."""
    settings = request.settings
    own_pipeline = "" if request.command else settings.target
    passes = pipeline_of(BACKENDS.get(own_pipeline) if own_pipeline else None, settings)
    model = load(request.source, settings.for_loading(), Sink())
    check_workable(model)
    return model, passes if settings.passes else manager.still_needed(passes, model.facts)


def _begun(request: Request, passes: Sequence[Pass], model: Model, budget: Budget) -> tuple[Question, Model]:
    asked: tuple[Question, Model] | None = None
    with budget.enforced():
        asked = _asked(request, passes, model)
    if asked is None:
        problem = f"what the model shows was not found out within {request.timeout} seconds"
        raise fail("MC608", problem, fixes=[Fix("give it more time", f"--timeout {4 * request.timeout}")])
    return asked


# -- what is asked, of which model


def _asked(request: Request, passes: Sequence[Pass], model: Model) -> tuple[Question, Model]:
    """Return what to ask of candidates, and the model to begin with: as the one pass finds it that is at fault."""
    if request.command:
        return _command(request, model), model
    given = read_arrays(request.inputs) if request.inputs else {}
    check_names(given, model)
    running = Passes(passes, request.settings, request.seed, given, soundness(model) is Level.TYPES)
    question = detected(running, model, request.code)
    for candidate, narrower, rule in _narrowed(question, running, model, request.inputs):
        if isinstance(narrower, SameOutcome):
            narrower = replace(narrower, rule=rule)
        if narrower.holds(candidate):
            question, model = narrower, candidate
            break
    if LIFTED not in model.facts:
        return question, model
    return _advanced(question, model, Numbers.of(passes, request.settings))


def _command(request: Request, model: Model) -> Command:
    words = tuple(shlex.split(request.command))
    question = Command(words, request.timeout)
    try:
        holds = bool(words) and question.holds(model)
    except CommandError as error:
        raise fail("MC414", str(error)) from error
    if not holds:
        raise fail("MC608", f"`{request.command}` does not end with 0 for the model as it is", file=str(request.source))
    return question


def _narrowed(
    question: Question, passes: Passes, model: Model, inputs: Path | None
) -> list[tuple[Model, Question, str]]:
    """Return what may do in place of all passes, each with the model as it finds it: the innermost one first."""
    if isinstance(question, SameOutcome) and question.outcome.kind is Kind.NUMBERS:
        return _narrowed_by_numbers(question, passes, model, inputs)
    code = question.code if isinstance(question, GivesCode) else ""
    found = []
    for work, run in reversed(passes.locate(model, code)):
        before = model_before(run, model, passes.passes, passes.settings)
        found.append((before, question.narrowed(replace(passes, passes=[work])), ""))
    return found


def _narrowed_by_numbers(
    question: Question, passes: Passes, model: Model, inputs: Path | None
) -> list[tuple[Model, Question, str]]:
    replay = Replay(passes.settings, passes.seed, inputs, reproducer=False)
    profile = profiles.profile(passes.settings.profile)
    with suppress(ModelcError):
        manager.run(clone_model(model), passes.passes, PassContext(Sink(), profile, passes.settings.soc, (replay,)))
    culprit = replay.culprit
    if culprit is None:
        return []
    narrower = question.narrowed(replace(passes, passes=[culprit.work]))
    return [(culprit.before, narrower, culprit.rule)]


def _advanced(question: Question, model: Model, numbers: Numbers) -> tuple[Question, Model]:
    """Return `model` as far on its way to the canonical dialect as the question still holds, with types throughout."""
    states, copy = [model], clone_model(model)
    for work in numbers.lowering:
        if GE in work.gives:
            break
        try:
            manager.run(copy, [work], PassContext())
        except Exception:  # whatever stands against it: then the model is reduced as it is
            break
        states.append(clone_model(copy))
    for state in reversed(states):
        typed = _typed(state, numbers)
        without = _without_shapes(question, typed)
        if without.holds(typed):
            return without, typed
    return question, model


def _without_shapes(question: Question, model: Model) -> Question:
    """Return `question` without the shapes that were given for inputs, where `model` has them by now.

    What is cut out of it has other inputs, for which none are given.
    """
    running = question.passes
    if running is None or not all(isinstance(v.type, TensorType) and v.type.is_static for v in model.graph.inputs):
        return question
    return question.narrowed(replace(running, settings=replace(running.settings, input_shape="", batch_size=0)))


def _typed(model: Model, numbers: Numbers) -> Model:
    """Return a copy of `model` with the types that lowering finds, so that what is cut out of it has inputs of a type.

    Values keep their names when they are lowered.
    """
    copy = clone_model(model)
    try:
        lowered = numbers.lowered(model).graph
    except Exception:  # whatever stands against lowering it: then it is reduced with the types it has
        return copy
    known = {value.name: value.type for op in lowered for value in op.results if value.name}
    for op in copy.graph:
        for value in op.results:
            _refine(copy, value, known.get(value.name))
    for value, other in zip(copy.graph.inputs, lowered.inputs, strict=False):
        _refine(copy, value, other.type if value.name == other.name else None)
    return copy


def _refine(model: Model, value: Value, type_: object) -> None:
    if isinstance(type_, TensorType) and type_.is_static and are_compatible(value.type, type_):
        model.graph.set_type(value, type_)


# -- the result


def _written(request: Request, model: Model, question: Question) -> tuple[Artifact, str]:
    """Write `model`, and ask the question once more of what is in the file."""
    _own_numbers(model)
    path = request.output
    artifact = BACKENDS.get(TARGET).write(model, path)
    again = _again(request, question, path, _inputs_beside(path, model, question))
    if not question.holds(load(path, LoadOptions(), Sink())):
        raise fail(
            "MC608",
            f"read back from `{path}`, the reduced model no longer fails: it is written in full, but does not show it",
            file=str(path),
        )
    return artifact, again


def _inputs_beside(path: Path, model: Model, question: Question) -> Path | None:
    """Write what is left of given inputs to a file beside `path`; returns it, None where nothing is left."""
    arrays = question.passes.fitting(model) if question.passes else {}
    if not arrays:
        return None
    beside = path.with_name(f"{path.name}.npz")
    write_arrays(beside, arrays)
    return beside


def _own_numbers(model: Model) -> None:
    """Take the numbers of constants out of other files, which whoever gets the result may not have."""
    for graph in model.graphs():
        for op in graph:
            blob = op.attributes.get("value")
            if isinstance(blob, FileBlob):
                try:
                    graph.set_attribute(op, "value", BytesBlob(blob.read()))
                except BlobError:
                    continue


def _again(request: Request, question: Question, path: Path, inputs: Path | None) -> str:
    if question.passes is None:
        return f"{request.command} {shlex.quote(str(path))}"
    words = ["modelc", "opt", str(path), *request.settings.for_command(reading=False)]
    words += ["--passes", manager.format_pipeline(question.passes.passes)]
    is_numbers = isinstance(question, SameOutcome) and question.outcome.kind is Kind.NUMBERS
    if not is_numbers:
        return shlex.join([*words, "--verify-each"])
    return shlex.join([*words, *for_command(inputs, request.seed), "--verify-passes"])
