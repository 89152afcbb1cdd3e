"""Bringing any source or artifact into a form that can be executed here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from modelc.backend import BACKENDS
from modelc.diagnostics.diagnostic import ModelcError, Sink
from modelc.driver import Settings, check_workable, pipeline_of
from modelc.frontends.frontend import LoadOptions
from modelc.frontends.load import load
from modelc.ir.model import Model
from modelc.pipeline import manager
from modelc.pipeline.facts import INLINED, LIFTED
from modelc.pipeline.passes import PassContext

TARGET = "mir"  # its pipeline lowers, and asks nothing that only a device would


def executable(source: Path, settings: Settings, sink: Sink, inputs: Mapping[str, NDArray[Any]] | None) -> Model:
    """Return the model at `source` in the canonical dialect.

    Args:
        source: A source or an artifact.
        settings: Shapes, signature, tags, outputs.
        sink: Where findings go.
        inputs: Arrays that will be fed; their shapes serve where the settings give none.

    Raises:
        ModelcError: The model cannot be read or lowered.
    """
    model = load(source, settings.for_loading(), sink)
    check_workable(model)
    changes = settings.insert_op_conf or settings.input_shape or settings.batch_size
    if LIFTED not in model.facts and not changes:
        return model
    # Arrays of images do not have the shapes that the model itself takes.
    if inputs is not None and not settings.input_shape and settings.insert_op_conf is None:
        settings = replace(settings, input_shape=_shapes(inputs))
    passes = manager.still_needed(pipeline_of(BACKENDS.get(TARGET), settings), model.facts)
    manager.run(model, passes, PassContext(sink))
    if sink.errors:
        raise ModelcError(*sink)
    return model


def inlined(source: Path, options: LoadOptions) -> Model:
    """Return the model at `source` in the dialect of its framework, with all function calls inlined.

    Raises:
        ModelcError: It cannot be read.
    """
    model = load(source, options, Sink())
    passes = pipeline_of(BACKENDS.get(TARGET), Settings())
    last = next((index for index, work in enumerate(passes) if INLINED in work.gives), -1)
    manager.run(model, passes[: last + 1], PassContext(Sink()))
    return model


def _shapes(inputs: Mapping[str, NDArray[Any]]) -> str:
    return ";".join(f"{name}:{','.join(map(str, array.shape))}" for name, array in inputs.items())
