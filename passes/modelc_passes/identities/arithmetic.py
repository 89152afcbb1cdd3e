"""Rules about arithmetic that gives back what it is given."""

from __future__ import annotations

from modelc.ir.blob import Blob, SplatBlob
from modelc.ir.constants import constant, numpy_dtype, to_array
from modelc.ir.op import Op, Value
from modelc.ir.types import TensorType
from modelc.rewrite.rewriter import Rewriter
from modelc.rewrite.rules import Miss, rule

# The number that leaves the other operand as it is, and whether it may stand on either side.
_NEUTRAL: dict[str, tuple[float, bool]] = {
    "ge.Add": (0, True),
    "ge.Sub": (0, False),
    "ge.Mul": (1, True),
    "ge.RealDiv": (1, False),
    "ge.Div": (1, False),
    "ge.Pow": (1, False),
    "ge.LogicalOr": (0, True),
    "ge.LogicalAnd": (1, True),
}
IDEMPOTENT = ("ge.Relu", "ge.Relu6", "ge.Abs", "ge.Floor", "ge.Ceil", "ge.Round", "ge.Rint", "ge.Sign")
INVOLUTIONS = ("ge.Neg", "ge.LogicalNot", "ge.Invert")


def uniform(value: Value) -> float | None:
    """Return the one number all elements of a constant are, None for anything else."""
    op, type_ = value.producer, value.type
    blob = op.attributes.get("value")
    if op.kind != "const" or not isinstance(blob, Blob) or not isinstance(type_, TensorType) or type_.element is None:
        return None
    if type_.element.family not in ("float", "int", "uint", "bool"):
        return None
    if isinstance(blob, SplatBlob) and blob.count:
        return float(to_array(SplatBlob(blob.element, 1), TensorType(type_.element, (1,)))[0])
    array = constant(value)
    if array is None or array.size == 0 or array.dtype != numpy_dtype(type_.element):
        return None
    first = array.reshape(-1)[0]
    return float(first) if (array == first).all() else None


@rule(*_NEUTRAL, name="neutral-to-operand")
def neutral_to_operand(op: Op, rw: Rewriter) -> Miss | None:
    """Adding 0, multiplying by 1 and the like give back the other operand."""
    neutral, is_symmetric = _NEUTRAL[op.kind]
    a, b = op.operands
    for kept, other in ((a, b), (b, a)) if is_symmetric else ((a, b),):
        if kept.type == op.result.type and _is_known(kept) and uniform(other) == neutral:
            rw.replace(op, kept)
            return None
    return Miss("neither operand is neutral, or it broadcasts")


def _is_known(value: Value) -> bool:
    # Two shapes may read alike and still differ where a dimension is not known.
    return value.tensor.shape is not None and None not in value.tensor.shape


@rule(*IDEMPOTENT, name="repetition-to-operand")
def repetition_to_operand(op: Op, rw: Rewriter) -> Miss | None:
    """What is done twice is done once."""
    inner = op.operands[0].producer.kind
    if inner != op.kind and (inner, op.kind) != ("ge.Relu6", "ge.Relu"):
        return Miss("it is not repeated")
    rw.replace(op, op.operands[0])
    return None


@rule(*INVOLUTIONS, name="twice-to-operand")
def twice_to_operand(op: Op, rw: Rewriter) -> Miss | None:
    """What is undone again was never done."""
    inner = op.operands[0].producer
    if inner.kind != op.kind:
        return Miss("it is not repeated")
    rw.replace(op, inner.operands[0])
    return None


@rule("ge.SelectV2", "ge.Select", name="select-to-operand")
def select_to_operand(op: Op, rw: Rewriter) -> Miss | None:
    """A choice that is the same everywhere is what it chooses."""
    condition, then, otherwise = op.operands
    number = uniform(condition)
    if number is None:
        return Miss("the condition is not the same constant everywhere")
    chosen = then if number else otherwise
    if chosen.type != op.result.type or not _is_known(chosen):
        return Miss("it broadcasts")
    rw.replace(op, chosen)
    return None
