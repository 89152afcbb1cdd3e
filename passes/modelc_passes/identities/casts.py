"""Rules about casts."""

from __future__ import annotations

from modelc.ir.op import Op
from modelc.ir.types import Element
from modelc.rewrite.rewriter import Rewriter
from modelc.rewrite.rules import Miss, rule

# Bits of the integers that a floating-point type holds exactly.
_MANTISSA = {"bf16": 8, "f16": 11, "f32": 24, "f64": 53}


def _is_lossless(source: Element, target: Element) -> bool:
    """Whether `target` holds every number of `source`."""
    if source == target or source.family == "bool":
        return target.family in ("bool", "int", "uint", "float") if source.family == "bool" else True
    if source.family in ("int", "uint"):
        magnitude = source.bits - (source.family == "int")
        if target.family == "float":
            return magnitude <= _MANTISSA[target.name]
        return magnitude <= target.bits - (target.family == "int") and (target.family, source.family) != ("uint", "int")
    widened = {"f16": ("f32", "f64"), "bf16": ("f32", "f64"), "f32": ("f64",)}
    return target.name in widened.get(source.name, ())


@rule("ge.Cast", name="cast-to-same-element")
def cast_to_same_element(op: Op, rw: Rewriter) -> Miss | None:
    """A cast to the element type its operand has already is its operand."""
    x = op.operands[0]
    if x.tensor.element is None or x.tensor.element != op.result.tensor.element:
        return Miss("it changes the element type")
    rw.replace(op, x)
    return None


@rule("ge.Cast", name="cast-of-cast")
def cast_of_cast(op: Op, rw: Rewriter) -> Miss | None:
    """Two casts in a row are one where the first loses nothing."""
    inner = op.operands[0].producer
    if inner.kind != "ge.Cast":
        return Miss("it does not follow another cast")
    source = inner.operands[0]
    first, middle = source.tensor.element, inner.result.tensor.element
    if first is None or middle is None or not _is_lossless(first, middle):
        return Miss("the cast before it may change numbers")
    rw.at(op, inner, op)
    if first == op.result.tensor.element:
        rw.replace(op, source)
        return None
    rw.replace(op, rw.value("ge.Cast", (source,), dict(op.attributes), name=op.result.name))
    return None
