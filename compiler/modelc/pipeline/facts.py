"""Facts: what holds of a model. Passes speak of facts, never of each other."""

from __future__ import annotations

LIFTED = "lifted"  # the graph is in its framework's own dialect
INLINED = "inlined"  # no function calls are left
RESOLVED = "resolved"  # no control flow whose outcome is known is left
FROZEN = "frozen"  # no variables are left
INFERENCE_ONLY = "inference-only"  # no op that only training needs is left on the way to an output
FIXED_INPUTS = "fixed-inputs"  # every input has the shape it is compiled for
GE = "ge"  # every op is of the canonical dialect
TYPED = "typed"  # the type of every value is inferred
SIMPLIFIED = "simplified"  # the simplification rules have nothing left to do

FACTS: dict[str, str] = {
    LIFTED: "the graph is in its framework's own dialect",
    INLINED: "no function calls are left",
    RESOLVED: "no control flow with a known outcome is left",
    FROZEN: "no variables are left",
    INFERENCE_ONLY: "no op that only training needs is left on the way to an output",
    FIXED_INPUTS: "every input has the shape it is compiled for",
    GE: "every op is of the canonical dialect",
    TYPED: "the type of every value is inferred",
    SIMPLIFIED: "the simplification rules have nothing left to do",
}
