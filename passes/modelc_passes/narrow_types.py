"""Narrow types: compute in 32 bits where a chip has no kernel for 64, and the numbers provably fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import Diagnostic, finding
from modelc.dialects.ge.dtypes import cpp_number
from modelc.dialects.lookup import infer_types, op_def
from modelc.ir.attributes import Attribute
from modelc.ir.blob import Blob, BytesBlob, LazyBlob
from modelc.ir.constants import to_array
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.opdef import InferenceError
from modelc.ir.types import I32, I64, Element, TensorType, Type
from modelc.kernels import kernel_table
from modelc.pipeline.facts import GE, SIMPLIFIED, TYPED
from modelc.pipeline.passes import Pass, PassContext, option
from modelc.rewrite.rewriter import Rewriter
from modelc_passes.infer_types import source_type
from modelc_passes.shared.common import SHOWN
from modelc_passes.shared.kernel_fit import Fit, Fitter, operands_of
from modelc_passes.shared.ranges import INT32, Ranges, within
from modelc_passes.shared.weights import SMALL

_CAST = "ge.Cast"


@dataclass(frozen=True)
class NarrowTypes(Pass):
    """Compute with int32 where the chip has no kernel for int64 and every number provably fits.

    Casts go in front of such an op and behind it, so that everything else stays as it is; casts that meet cancel out.
    Without a chip nothing is done.
    """

    name: ClassVar[str] = "narrow-types"
    needs: ClassVar[frozenset[str]] = frozenset({GE, TYPED})
    breaks: ClassVar[frozenset[str]] = frozenset({SIMPLIFIED})
    fix: bool = option(True, "whether the model may be changed", flag="fix")
    kernels: str = option("", "a file with kernels to lay over the built-in table", flag="kernels")

    def run(self, model: Model, context: PassContext) -> None:
        """Narrow op by op, in order, and say which."""
        if not context.soc or not self.fix:
            return
        table = kernel_table(Path(self.kernels) if self.kernels else None)
        fitter, chip = Fitter(table), table.chip(context.soc).name
        narrowed = [pair for graph in model.graphs() for pair in _Narrowing(graph, fitter, chip).run()]
        if narrowed:
            context.sink.add(_report(narrowed, chip))


def _report(narrowed: Sequence[tuple[Op, str]], chip: str) -> Diagnostic:
    op = narrowed[0][0]
    who = f"`{op.origin.name or op.name}` ({source_type(op)})"
    computes = f"{who} computes" if len(narrowed) == 1 else f"{len(narrowed)} ops like {who} compute"
    shown = [f"{each.origin.name or each.name}: {bounds}" for each, bounds in narrowed[:SHOWN]]
    more = [f"and {len(narrowed) - SHOWN} more"] if len(narrowed) > SHOWN else []
    return finding(
        "MC224",
        f"{computes} with int32 in place of int64, for which {chip} has no kernel; every number fits",
        op,
        evidence=[("numbers", "; ".join([*shown, *more]))],
    )


@dataclass(slots=True)
class _Narrowing:
    graph: Graph
    fitter: Fitter
    chip: str
    ranges: Ranges = field(default_factory=Ranges)
    rewriter: Rewriter = field(init=False)
    twins: dict[Value, Value] = field(default_factory=dict[Value, Value])
    loose: list[Op] = field(default_factory=list[Op])  # ops that may have lost their last reader

    def __post_init__(self) -> None:
        self.rewriter = Rewriter(self.graph, NarrowTypes.name)

    def run(self) -> Iterator[tuple[Op, str]]:
        """Narrow what can be; yields each new op with the numbers it deals with."""
        for op in self.graph:
            fit = self._fit(op)
            if fit is None or not fit.is_about_int64:
                continue
            new = self._narrow(op, fit)
            if new is not None:
                yield new
        for op in self.loose:
            self.rewriter.erase_dead(op)

    def _fit(self, op: Op) -> Fit | None:
        if op.dialect != "ge" or op.kind == _CAST or op.graphs:
            return None
        fit = self.fitter.fit(op, self.chip)
        return None if fit.engine else fit

    def _narrow(self, op: Op, fit: Fit) -> tuple[Op, str] | None:
        """Put a narrow op in the place of `op`: at first with what does not fit alone, then with all of 64 bits."""
        definition = op_def(op.kind)
        assert definition is not None
        bad = {misfit.slot for misfit in fit.misfits}
        named = {value for value, slot in operands_of(op, definition) if slot.name in bad and _is_wide(value)}
        wide = {value for value in op.inputs if _is_wide(value)}
        for chosen in (named, wide) if named != wide else (wide,):
            if not all(within(self.ranges.of(value), INT32) for value in chosen):
                continue
            probe = self._probe(op, chosen)
            bounds = "" if probe is None else self._bounds(op, probe, chosen)
            if probe is not None and bounds:
                return self._replace(op, probe, chosen), bounds
        return None

    def _probe(self, op: Op, chosen: set[Value]) -> Op | None:
        """Return the narrow op outside of the graph, None where it is none or fits no better."""
        attributes = dict(op.attributes) | {name: I32 for name, value in _types_of(op).items() if value == I64}
        operands = tuple(_stand_in(value) if value in chosen else value for value in op.operands)
        try:
            types = tuple(infer_types(Op(op.kind, operands, attributes)))
        except InferenceError:
            return None
        probe = Op(op.kind, operands, attributes, types)
        return probe if _are_alike(op, types) and self.fitter.fit(probe, self.chip).engine else None

    def _bounds(self, op: Op, probe: Op, chosen: set[Value]) -> str:
        """Return between which numbers lies all that becomes narrow, as a text; empty where it may not fit."""
        changed = [old for old, new in zip(op.results, probe.results, strict=True) if old.type != new.type]
        ranges = [self.ranges.of(value) for value in (*chosen, *changed)]
        known = [range_ for range_ in ranges if range_ is not None and within(range_, INT32)]
        if len(known) != len(ranges) or not known:
            return ""
        return f"{min(low for low, _ in known)} to {max(high for _, high in known)}"

    def _replace(self, op: Op, probe: Op, chosen: set[Value]) -> Op:
        rewriter = self.rewriter.at(op)
        operands = [self._twin(value) if value in chosen else value for value in op.operands]
        types = [value.type for value in probe.results]
        new = rewriter.build(op.kind, operands, probe.attributes, types=types, name=op.name)
        rewriter.replace(op, *(self._widened(a, b) for a, b in zip(op.results, new.results, strict=True)))
        self.loose += [value.producer for value in op.operands if value in chosen]
        return new

    def _twin(self, value: Value) -> Value:
        """Return what holds the numbers of `value` in 32 bits."""
        if value not in self.twins:
            self.twins[value] = self._made(value)
        return self.twins[value]

    def _made(self, value: Value) -> Value:
        op, name = value.producer, f"{value.name}/int32"
        if op.kind == _CAST and op.inputs[0].type == value.tensor.with_element(I32):
            return op.inputs[0]
        blob = op.attributes.get("value")
        if op.kind == "const" and isinstance(blob, Blob):
            type_ = value.tensor
            return self.rewriter.constant_of(_narrow_blob(blob, type_), type_.with_element(I32), name=name)
        return self._cast(value, I32, name)

    def _widened(self, old: Value, new: Value) -> Value:
        if old.type == new.type:
            return new
        return self._cast(new, I64, f"{old.name}/int64")

    def _cast(self, value: Value, element: Element, name: str) -> Value:
        cast = self.rewriter.build(_CAST, [value], {"dst_type": cpp_number(element)}, name=name)
        self.loose.append(cast)
        return cast.result


def _types_of(op: Op) -> dict[str, Attribute]:
    """Return the attributes of `op` that are element types, those left at their defaults included."""
    definition = op_def(op.kind)
    defaults = {} if definition is None else {name: a.default for name, a in definition.attributes.items()}
    return {name: value for name, value in (defaults | op.attributes).items() if isinstance(value, Element)}


def _is_wide(value: Value) -> bool:
    return isinstance(value.type, TensorType) and value.type.element == I64


def _are_alike(op: Op, types: Sequence[Type]) -> bool:
    """Whether `types` are those of the results of `op`, or narrow ones in their place."""
    return len(types) == len(op.results) and all(
        new == old.type or (_is_wide(old) and new == old.tensor.with_element(I32))
        for old, new in zip(op.results, types, strict=True)
    )


def _stand_in(value: Value) -> Value:
    """Return a narrow value, outside of the graph, for inference to look at."""
    type_ = value.tensor.with_element(I32)
    blob = value.producer.attributes.get("value")
    if value.producer.kind == "const" and isinstance(blob, Blob):
        return Op("const", (), {"value": _narrow_blob(blob, value.tensor)}, (type_,)).result
    return Op("absent", (), {}, (type_,)).result


def _narrow_blob(blob: Blob, type_: TensorType) -> Blob:
    def compute() -> bytes:
        numbers: NDArray[Any] = to_array(blob, type_).astype(np.int32)
        return numbers.tobytes()

    return BytesBlob(compute()) if blob.nbytes <= SMALL else LazyBlob(blob.nbytes // 2, compute)
