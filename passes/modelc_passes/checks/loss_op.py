"""Loss functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from modelc_passes.checks.policy_checks import FamilyCheck


@dataclass(frozen=True)
class LossOp(FamilyCheck):
    """The outputs lie before the loss."""

    name: ClassVar[str] = "loss-op"
    code: ClassVar[str] = "MC215"
