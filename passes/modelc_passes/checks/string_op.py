"""Ops on text and tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from modelc_passes.checks.policy_checks import FamilyCheck


@dataclass(frozen=True)
class StringOp(FamilyCheck):
    """No output depends on an op that works on text or lookup tables."""

    name: ClassVar[str] = "string-op"
    code: ClassVar[str] = "MC219"
