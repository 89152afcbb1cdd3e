"""Facts: what holds of a model. Passes speak of facts, never of each other."""

from __future__ import annotations

from modelc.ir.model import Model
from modelc.ir.types import TensorType

LIFTED = "lifted"  # the graph is in its framework's own dialect
INLINED = "inlined"  # no function calls are left
RESOLVED = "resolved"  # no control flow whose outcome is known is left
FROZEN = "frozen"  # no variables are left
INFERENCE_ONLY = "inference-only"  # no op that only training needs is left on the way to an output
FIXED_INPUTS = "fixed-inputs"  # every input has the shape it is compiled for
GE = "ge"  # every op is of the canonical dialect
ONNX = "onnx"  # every op is of the dialect of ONNX
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
    ONNX: "every op is of the dialect of ONNX",
    TYPED: "the type of every value is inferred",
    SIMPLIFIED: "the simplification rules have nothing left to do",
}

_OF_CANONICAL = frozenset({INLINED, RESOLVED, FROZEN, INFERENCE_ONLY, GE})
_BUILTIN = frozenset({"input", "const", "absent", "return"})


def implied(model: Model) -> set[str]:
    """Return the facts that can be seen on the ops themselves, for models that come without a history.

    A model wholly in the canonical dialect has all that only the source dialects could break.
    """
    if any(op.dialect != "ge" and op.kind not in _BUILTIN for op in model.ops()):
        return {LIFTED}
    facts = set(_OF_CANONICAL)
    types = [value.type for op in model.ops() for value in op.results]
    if all(not isinstance(t, TensorType) or t.is_static for t in (v.type for v in model.graph.inputs)):
        facts.add(FIXED_INPUTS)
    if all(not isinstance(t, TensorType) or t.element is not None for t in types):
        facts.add(TYPED)
    return facts
