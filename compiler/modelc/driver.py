"""One compilation from source to artifact: load, pipeline, write. Every front door goes through here."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from modelc import profiles
from modelc.backend import BACKENDS, Artifact, Backend, WriteOptions
from modelc.diagnostics.causes import root_causes
from modelc.diagnostics.diagnostic import Diagnostic, ModelcError, Severity, Sink, finding
from modelc.frontends.frontend import LoadOptions
from modelc.frontends.load import load
from modelc.ir.model import Model
from modelc.kernels import kernel_table
from modelc.pipeline import manager
from modelc.pipeline.instruments import BrokenPassError, Instrument, PassRecord, Recorder, Verifier
from modelc.pipeline.passes import Pass, PassContext
from modelc.pipeline.registry import load_plugin
from modelc.pipeline.reproducer import write_reproducer


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user asked for, besides the source and the output.

    Attributes:
        target: Name of the backend.
        input_shape: Shapes of inputs in ATC's syntax, `x:1,224,224,3;n:8`.
        batch_size: Extent for unknown first dimensions of inputs, 0 for none.
        signature: Key of the SavedModel signature, empty for the default.
        tags: Tags of the meta graph, empty for the default.
        out_nodes: Outputs as `node:0;other:0`, empty for the model's own.
        weights: The weights file of a Caffe network.
        profile: Name of the rule profile.
        soc: Name of the chip, empty for any.
        kernels: A file with kernels to lay over the built-in table of what chips execute.
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
    fix: bool = True
    passes: str = ""
    plugins: tuple[Path, ...] = ()
    verify_each: bool = False
    external_weights: bool = False

    def for_passes(self) -> dict[str, object]:
        """Return the settings that options of passes may name."""
        kernels = "" if self.kernels is None else str(self.kernels)
        return {"input-shape": self.input_shape, "batch-size": self.batch_size, "fix": self.fix, "kernels": kernels}

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
        output: Where the artifact goes; None to check only.
        settings: What was asked for.
        instruments: Watch the passes.
    """
    started = time.perf_counter()
    compilation = Compilation(source, settings)
    sink = Sink()
    recorder = Recorder()
    try:
        _compile(compilation, output, sink, (recorder, *instruments))
    except ModelcError as error:
        sink.extend(error.diagnostics)
    except RecursionError as error:
        sink.add(finding("MC118", "the model is nested deeper than can be followed", file=str(source)))
        compilation.crash = error
    except Exception as error:  # our own fault: reported with a reproducer, never shown as a traceback
        compilation.crash = error
        sink.add(_internal(compilation, recorder.records, error))
    compilation.findings, compilation.consequences = root_causes(sink)
    compilation.records = recorder.records
    compilation.seconds = time.perf_counter() - started
    return compilation


def _compile(compilation: Compilation, output: Path | None, sink: Sink, instruments: tuple[Instrument, ...]) -> None:
    settings = compilation.settings
    for plugin in settings.plugins:
        load_plugin(plugin)
    backend = BACKENDS.get(settings.target)
    profile = profiles.profile(settings.profile)
    if settings.soc:
        kernel_table(settings.kernels).chip(settings.soc)
    passes = pipeline_of(backend, settings)  # before the model is read, so that mistakes in it show at once
    compilation.model = load(compilation.source, settings.for_loading(), sink)
    passes = passes if settings.passes else manager.still_needed(passes, compilation.model.facts)
    compilation.pipeline = manager.format_pipeline(passes)
    verifier = Verifier(thorough=settings.verify_each)
    context = PassContext(sink, profile, settings.soc, (*instruments, verifier))
    manager.run(compilation.model, passes, context)
    if output is not None and not sink.errors:
        compilation.artifact = backend.write(compilation.model, output, settings.for_writing())
        sink.extend(compilation.artifact.findings)


def pipeline_of(backend: Backend, settings: Settings) -> list[Pass]:
    """Return the passes a compilation runs: the user's own or the target's, with the settings they ask for."""
    passes = manager.parse(settings.passes or backend.pipeline)
    return [work.with_settings(settings.for_passes()) for work in passes]


def _internal(compilation: Compilation, records: Iterable[PassRecord], error: Exception) -> Diagnostic:
    culprit = next((r for r in reversed(list(records)) if r.depth == 0), None)
    where = f"pass `{culprit.name}`" if culprit else "the reader"
    reproducer = write_reproducer(compilation.source, compilation.pipeline, culprit, error)
    notes = [
        message
        for broken in (error,)
        if isinstance(broken, BrokenPassError)
        for message in (d.message for d in broken.findings[:5])
    ]
    return replace(
        finding("MC901", f"{where} failed: {type(error).__name__}: {error}", file=str(compilation.source), notes=notes),
        evidence=(("reproducer", str(reproducer)),),
    )


def settings_of(values: Mapping[str, object]) -> Settings:
    """Return settings from keyword arguments, for the Python API."""
    return replace(Settings(), **values)  # type: ignore[arg-type]
