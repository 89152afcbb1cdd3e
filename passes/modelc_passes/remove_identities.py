"""Remove identities: ops that give back what they are given, alone or together with the op before them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from modelc.pipeline.facts import GE, TYPED
from modelc.rewrite.driver import RulePass
from modelc.rewrite.rules import RuleSet
from modelc_passes.identities import arithmetic, casts, moves, views


@dataclass(frozen=True)
class RemoveIdentities(RulePass):
    """Remove ops that change nothing, and join reshapes, transposes and casts that follow each other."""

    name: ClassVar[str] = "remove-identities"
    needs: ClassVar[frozenset[str]] = frozenset({GE, TYPED})
    rules: ClassVar[RuleSet] = RuleSet(
        [
            moves.copy_to_operand,
            moves.whole_to_operand,
            moves.strided_slice_of_everything,
            moves.only_part_to_operand,
            views.view_of_same_shape,
            views.view_of_view,
            views.transpose_of_transpose,
            views.transpose_to_view,
            views.reduction_to_view,
            views.pack_of_one,
            casts.cast_to_same_element,
            casts.cast_of_cast,
            arithmetic.neutral_to_operand,
            arithmetic.repetition_to_operand,
            arithmetic.twice_to_operand,
            arithmetic.select_to_operand,
        ]
    )
