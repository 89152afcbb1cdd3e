"""A model as a device would be given it: changed as for an artifact, with none of the rules asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from modelc.backend import BACKENDS
from modelc.diagnostics.diagnostic import ModelcError, Sink
from modelc.driver import Settings, check_lowered, check_workable, pipeline_of
from modelc.frontends.load import load
from modelc.ir.model import Model
from modelc.pipeline import manager
from modelc.pipeline.facts import LIFTED, SIMPLIFIED
from modelc.pipeline.passes import Check, Pass, PassContext

DEVICE: Final = "om"


def as_compiled(settings: Settings) -> Settings:
    """Return settings under which a source is changed as for a device."""
    return settings if settings.passes else replace(settings, passes=manager.format_pipeline(_changes(settings)))


def compiled(source: Path, settings: Settings, sink: Sink) -> Model:
    """Return the model at `source` as a device would be given it; of an artifact, only its shapes are settled.

    Args:
        source: A source or an artifact.
        settings: Shapes, signature, tags, outputs.
        sink: Where findings go.

    Raises:
        ModelcError: The model cannot be read or lowered, or does not take the shapes.
    """
    model = load(source, settings.for_loading(), sink)
    check_workable(model)
    check_for_device(model)
    holding = model.facts if LIFTED in model.facts else model.facts | {SIMPLIFIED}
    manager.run(model, manager.still_needed(_changes(settings), holding), PassContext(sink))
    if sink.errors:
        raise ModelcError(*sink)
    return model


def check_for_device(model: Model) -> None:
    """Refuse a model in a dialect that no device takes; raises ModelcError for one."""
    check_lowered(model, _changes(Settings()))


def _changes(settings: Settings) -> list[Pass]:
    return [work for work in pipeline_of(BACKENDS.get(DEVICE), settings) if not isinstance(work, Check)]
