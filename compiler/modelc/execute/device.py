"""What a source has to become before numbers about it say anything of a device: the graph that one would be given."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from modelc.backend import BACKENDS
from modelc.driver import Settings
from modelc.pipeline import manager
from modelc.pipeline.passes import Check

DEVICE: Final = "om"


def as_compiled(settings: Settings) -> Settings:
    """Return settings under which a source is changed as for a device, and none of its rules is asked."""
    if settings.passes:
        return settings
    passes = manager.parse(BACKENDS.get(DEVICE).pipeline)
    return replace(settings, passes=manager.format_pipeline(work for work in passes if not isinstance(work, Check)))
