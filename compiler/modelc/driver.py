"""One compilation from source to artifact: load, pipeline, write. Every front door goes through here."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from modelc import profiles
from modelc.backend import BACKENDS, Artifact, Backend, WriteOptions
from modelc.diagnostics.causes import root_causes
from modelc.diagnostics.diagnostic import Diagnostic, Fix, ModelcError, Severity, Sink, fail, finding
from modelc.frontends.frontend import LoadOptions
from modelc.frontends.load import load
from modelc.ir.model import Model
from modelc.kernels import kernel_table
from modelc.pipeline import manager
from modelc.pipeline.facts import GE, ONNX
from modelc.pipeline.instruments import READING, WRITING, BrokenPassError, Instrument, PassRecord, Recorder, Verifier
from modelc.pipeline.passes import Pass, PassContext
from modelc.pipeline.registry import PASSES, load_plugin
from modelc.pipeline.reproducer import fault
from modelc.text.printer import print_model

OWNER = "modelc"  # the distribution of the built-in passes


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user asked for, besides the source and the output.

    Attributes:
        target: Name of the backend; empty for none, which runs the named passes and no others.
        input_shape: Shapes of inputs in ATC's syntax, `x:1,224,224,3;n:8`.
        batch_size: Extent for unknown first dimensions of inputs, 0 for none.
        signature: Key of the SavedModel signature, empty for the default.
        tags: Tags of the meta graph, empty for the default.
        out_nodes: Outputs as `node:0;other:0`, empty for the model's own.
        weights: The weights file of a Caffe network.
        profile: Name of the rule profile.
        soc: Name of the chip, empty for any.
        kernels: A file with kernels to lay over the built-in table of what chips execute.
        insert_op_conf: The file that describes the preprocessing of images, None for none.
        fix: Whether repairs may change the model.
        passes: A pipeline text in place of the target's own.
        plugins: Python files to load first.
        verify_each: Whether the whole model is verified after every pass.
        external_weights: Whether big constants go into files beside the artifact, also where it could hold them.
    """

    target: str = "om"
    input_shape: str = ""
    batch_size: int = 0
    signature: str = ""
    tags: tuple[str, ...] = ()
    out_nodes: str = ""
    weights: Path | None = None
    profile: str = profiles.DEFAULT
    soc: str = ""
    kernels: Path | None = None
    insert_op_conf: Path | None = None
    fix: bool = True
    passes: str = ""
    plugins: tuple[Path, ...] = ()
    verify_each: bool = False
    external_weights: bool = False

    def for_passes(self) -> dict[str, object]:
        """Return the settings that options of passes may name."""
        files = {"kernels": self.kernels, "insert-op-conf": self.insert_op_conf}
        return {
            "input-shape": self.input_shape,
            "batch-size": self.batch_size,
            "fix": self.fix,
            **{name: "" if path is None else str(path) for name, path in files.items()},
        }

    def for_command(self, *, reading: bool = True) -> list[str]:
        """Return the options of a command line that reads the same source and knows the same passes.

        Args:
            reading: False for a model that was read, and is a file of the textual IR now.
        """
        named = {"--soc": self.soc, "--profile": "" if self.profile == profiles.DEFAULT else self.profile}
        if reading:
            named |= {"--signature": self.signature, "--out-nodes": self.out_nodes}
        words = [word for name, value in named.items() if value for word in (name, value)]
        words += [word for tag in self.tags if reading for word in ("--tag", tag)]
        return [*words, *(word for plugin in self.plugins for word in ("--plugin", str(plugin)))]

    def for_loading(self) -> LoadOptions:
        """Return the settings that readers use."""
        return LoadOptions(self.signature, self.tags, self.out_nodes, self.weights)

    def for_writing(self) -> WriteOptions:
        """Return the settings that writers use."""
        return WriteOptions(self.external_weights)


@dataclass(slots=True)
class Compilation:
    """What came out of one compilation.

    Attributes:
        source: The file or folder.
        settings: What was asked for.
        model: The model after the pipeline, None when it could not be read.
        artifact: What was written, None when nothing was.
        findings: Root causes, worst first.
        consequences: Findings that only follow from those.
        records: What each pass cost and did.
        stages: Seconds of what is no pass: reading and writing.
        pipeline: The passes as text that makes them again.
        seconds: Wall time of all of it.
        crash: Set when modelc itself failed.
    """

    source: Path
    settings: Settings
    model: Model | None = None
    artifact: Artifact | None = None
    findings: list[Diagnostic] = field(default_factory=list[Diagnostic])
    consequences: list[Diagnostic] = field(default_factory=list[Diagnostic])
    records: list[PassRecord] = field(default_factory=list[PassRecord])
    stages: dict[str, float] = field(default_factory=dict[str, float])
    pipeline: str = ""
    seconds: float = 0.0
    crash: BaseException | None = None

    @property
    def errors(self) -> list[Diagnostic]:
        """The findings that stopped the compilation."""
        return [d for d in self.findings if d.severity is Severity.ERROR]

    @property
    def ok(self) -> bool:
        """Whether nothing stands against the model."""
        return not self.errors

    def require(self) -> Compilation:
        """Return this compilation; raises ModelcError with all findings when it failed."""
        if not self.ok:
            raise ModelcError(*self.findings)
        return self


def compile_model(
    source: Path, output: Path | None, settings: Settings, instruments: Sequence[Instrument] = ()
) -> Compilation:
    """Compile `source`; nothing is raised for a bad model, the findings say it all.

    Args:
        source: A SavedModel folder or a model file.
        output: Where the artifact goes, a file or the folder for it; None to check only.
        settings: What was asked for.
        instruments: Watch what goes on.
    """
    started = time.perf_counter()
    compilation, sink, recorder = Compilation(source, settings), Sink(), Recorder()
    try:
        _compile(compilation, output, sink, (recorder, *instruments))
    except ModelcError as error:
        sink.extend(error.diagnostics)
    except (RecursionError, MemoryError) as error:
        problem = "is nested deeper" if isinstance(error, RecursionError) else "needs more memory"
        sink.add(finding("MC118", f"the model {problem} than there is room for", file=str(source)))
        compilation.crash = error
    except (Exception, SystemExit) as error:  # our own fault, or a plugin's: never shown as a traceback
        compilation.crash = error
        sink.add(_fault(compilation, recorder, error))
    compilation.findings, compilation.consequences = root_causes(sink)
    compilation.records, compilation.stages = recorder.records, recorder.stages
    compilation.seconds = time.perf_counter() - started
    return compilation


def output_path(source: Path, output: Path, suffix: str) -> Path:
    """Return the artifact's file: in a folder it is named after the source."""
    if not output.is_dir():
        return output
    path = source.resolve()
    name = path.name if path.is_dir() else path.parent.name if path.stem == "saved_model" else path.stem
    return output / f"{name}{suffix}"


def check_output(source: Path, output: Path, suffix: str) -> None:
    """Refuse an output that cannot be written, before work is put into it.

    Raises:
        ModelcError: Its folder does not exist, or it belongs to the source.
    """
    folder, elsewhere = output.parent, Fix("name another output", "-o FILE")
    if not folder.is_dir():
        problem = "is no folder" if folder.exists() else "does not exist"
        fixes = [Fix(f"make the folder `{folder}`")] if problem == "does not exist" else []
        text = f"`{output}` cannot be written: `{folder}` {problem}"
        raise fail("MC503", text, file=str(output), fixes=[*fixes, elsewhere])
    if not (source.exists() and output.exists()):
        return
    is_inside = source.is_dir() and source.resolve() in output.resolve().parents and output.suffix != suffix
    if is_inside or output.samefile(source):
        raise fail(
            "MC503", f"`{output}` belongs to the source, it is not overwritten", file=str(output), fixes=[elsewhere]
        )


def check_workable(model: Model) -> None:
    """Refuse a model that was built for a device: its graph describes memory there, not what it computes.

    Raises:
        ModelcError: It was.
    """
    if model.facts:
        return
    path = str(model.source.path) if model.source else ""
    raise fail(
        "MC506",
        f"`{Path(path).name}` was built for a device: its graph holds the layouts and memory of that device",
        file=path,
        fixes=[Fix(f"see what it holds with `modelc inspect {path}`"), Fix("give the model it was built from")],
    )


def check_lowered(model: Model, passes: Iterable[Pass]) -> None:
    """Refuse a model of the dialect of ONNX where passes need the canonical one.

    Raises:
        ModelcError: It is, and they do.
    """
    if ONNX not in model.facts or not any(GE in work.needs for work in passes):
        return
    path = model.source.path if model.source else Path()
    fix = Fix("compile the model that it was made from")
    text = f"`{path.name}` is an ONNX file, which is inspected, executed and compared, and not compiled"
    raise fail("MC713", text, file=str(path), fixes=[fix])


def _compile(compilation: Compilation, output: Path | None, sink: Sink, instruments: tuple[Instrument, ...]) -> None:
    settings = compilation.settings
    for plugin in settings.plugins:
        load_plugin(plugin)
    backend = BACKENDS.get(settings.target) if settings.target else None
    profile = profiles.profile(settings.profile)
    if settings.soc:
        kernel_table(settings.kernels).chip(settings.soc)
    passes = pipeline_of(backend, settings)  # before the model is read, so that mistakes in it show at once
    if output is not None and backend is not None:
        output = output_path(compilation.source, output, backend.suffix)
        check_output(compilation.source, output, backend.suffix)
    _begin(instruments, READING)
    compilation.model = load(compilation.source, settings.for_loading(), sink)
    check_workable(compilation.model)
    _begin(instruments, "")
    passes = passes if settings.passes else manager.still_needed(passes, compilation.model.facts)
    check_lowered(compilation.model, passes)
    compilation.pipeline = manager.format_pipeline(passes)
    verifier = Verifier(thorough=settings.verify_each)
    context = PassContext(sink, profile, settings.soc, (*instruments, verifier))
    manager.run(compilation.model, passes, context)
    if output is not None and backend is not None and not sink.errors:
        _begin(instruments, WRITING)
        compilation.artifact = backend.write(compilation.model, output, settings.for_writing())
        sink.extend(compilation.artifact.findings)
        _begin(instruments, "")


def _begin(instruments: Sequence[Instrument], stage: str) -> None:
    for instrument in instruments:
        instrument.begin(stage)


def pipeline_of(backend: Backend | None, settings: Settings) -> list[Pass]:
    """Return the passes a compilation runs: the user's own or the target's, with the settings they ask for."""
    passes = manager.parse(settings.passes or (backend.pipeline if backend else ""))
    return [work.with_settings(settings.for_passes()) for work in passes]


# -- faults


def _fault(compilation: Compilation, recorder: Recorder, error: BaseException) -> Diagnostic:
    """Return the finding about a fault, with what is needed to see it again."""
    message, notes = f"{_culprit(recorder)} failed: {type(error).__name__}: {error}", list[str]()
    name = recorder.running[-1].name if recorder.running else ""
    if isinstance(error, BrokenPassError):
        message, name = str(error), error.work.name
        notes = [each.message for each in error.findings[1:6]]
    owner = PASSES.owner(name) if name in PASSES.names() else OWNER
    if owner != OWNER:
        notes.append(f"the pass `{name}` comes from `{owner}`")
    return fault(message, error, **_again(compilation, recorder), file=str(compilation.source), notes=notes)


def _culprit(recorder: Recorder) -> str:
    names = [record.name for record in reversed(recorder.running)]
    if not names:
        return recorder.stage or "starting"
    return f"pass `{names[0]}`" + "".join(f", run by `{name}`," for name in names[1:])


def _again(compilation: Compilation, recorder: Recorder) -> dict[str, Any]:
    """Return what a reproducer holds: the request, the model as the failing pass found it, and the command."""
    settings, source = compilation.settings, compilation.source
    report = {"source": source, "settings": asdict(settings), "pipeline": compilation.pipeline}
    outermost = [record for record in recorder.records if record.depth == 0]
    if not outermost or recorder.stage:
        return {"report": report}
    *before, failing = [record.spec for record in outermost]
    ir = _model_after(compilation, before)
    words = ["IR" if ir else str(source), *settings.for_command(reading=not ir)]
    words += ["--passes", failing if ir else ",".join([*before, failing])]
    report |= {"failed": failing, "passes before": before}
    again = shlex.join(["modelc", "opt", *words, "--verify-each"])
    return {"report": report, "ir": ir, "again": again, "shrink": shlex.join(["modelc", "reduce", *words])}


def _model_after(compilation: Compilation, specs: Sequence[str]) -> str:
    """Return the model as it is after some passes, as text; empty where it cannot be had again."""
    settings = compilation.settings
    try:
        model = load(compilation.source, settings.for_loading(), Sink())
        context = PassContext(profile=profiles.profile(settings.profile), soc=settings.soc)
        manager.run(model, manager.parse(",".join(specs)), context)
        return print_model(model)
    except (Exception, SystemExit):  # the first time they went well; a second failure adds nothing
        return ""
