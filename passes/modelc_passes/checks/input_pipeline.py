"""Ops that load or decode data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from modelc_passes.checks.policy_checks import FamilyCheck


@dataclass(frozen=True)
class InputPipeline(FamilyCheck):
    """No output depends on an op that loads or decodes data."""

    name: ClassVar[str] = "input-pipeline"
    code: ClassVar[str] = "MC213"
