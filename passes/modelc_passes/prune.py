"""Prune: what no output depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from modelc.ir.model import Model
from modelc.pipeline.passes import Pass, PassContext, option
from modelc_passes.shared.common import drop_functions, erase_unreachable, keep_inputs


@dataclass(frozen=True)
class Prune(Pass):
    """Erase ops that no output depends on, and functions that nothing calls.

    Ops with side effects go too when nobody reads them: an artifact only computes its outputs. Inputs are part of
    the signature and stay, read or not, unless `drop-inputs` is given.
    """

    name: ClassVar[str] = "prune"

    drop_inputs: bool = option(False, "also drop inputs that nothing reads")

    def run(self, model: Model, context: PassContext) -> None:
        """Prune every graph of `model`, outer ones first."""
        drop_functions(model)
        for graph in model.graphs():
            erase_unreachable(graph)
        if self.drop_inputs:
            keep_inputs(model.graph, [value.index for value in model.graph.inputs if value.readers])
