"""Simplify: the passes that make a graph smaller, again and again until none of them finds anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from modelc.ir.model import Model
from modelc.pipeline.facts import GE, SIMPLIFIED, TYPED
from modelc.pipeline.manager import Fixpoint
from modelc.pipeline.passes import Pass, PassContext, option
from modelc_passes.fold_batch_norm import FoldBatchNorm
from modelc_passes.fold_bias import FoldBias
from modelc_passes.fold_constants import FoldConstants
from modelc_passes.fold_dilations import FoldDilations
from modelc_passes.fold_pads import FoldPads
from modelc_passes.merge_common_subexpressions import MergeCommonSubexpressions
from modelc_passes.remove_dead_ops import RemoveDeadOps
from modelc_passes.remove_identities import RemoveIdentities


@dataclass(frozen=True)
class Simplify(Pass):
    """Run all simplifications until none of them changes anything."""

    name: ClassVar[str] = "simplify"
    needs: ClassVar[frozenset[str]] = frozenset({GE, TYPED})
    gives: ClassVar[frozenset[str]] = frozenset({SIMPLIFIED})

    split_batch_norm: bool = option(True, "turn batch normalizations that nothing absorbs into arithmetic", flag="fix")

    def run(self, model: Model, context: PassContext) -> None:
        """Repeat the passes, each of which is its own fixpoint."""
        Fixpoint(
            (
                RemoveDeadOps(),
                FoldConstants(),
                RemoveIdentities(),
                MergeCommonSubexpressions(),
                FoldPads(),
                FoldDilations(),
                FoldBias(),
                FoldBatchNorm(split=self.split_batch_norm),
            )
        ).run(model, context)
