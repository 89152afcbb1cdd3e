"""Ops that only training needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from modelc_passes.checks.policy_checks import FamilyCheck


@dataclass(frozen=True)
class TrainingOp(FamilyCheck):
    """No output depends on an op that only training needs."""

    name: ClassVar[str] = "training-op"
    code: ClassVar[str] = "MC206"
