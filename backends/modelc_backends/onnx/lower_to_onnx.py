"""Lower to ONNX: every canonical op becomes ops of the dialect of ONNX."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from modelc.diagnostics.diagnostic import Diagnostic, Fix, finding
from modelc.ir.attributes import BadAttributeError
from modelc.ir.blob import BlobError
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.opdef import InferenceError
from modelc.ir.types import TensorType, are_compatible, is_refinement
from modelc.pipeline.facts import GE, ONNX, TYPED
from modelc.pipeline.passes import Pass, PassContext
from modelc.rewrite.rewriter import Rewriter
from modelc_backends.onnx.lower.control import KINDS as CONTROL
from modelc_backends.onnx.lower.forms import use_canonical_forms
from modelc_backends.onnx.lower.missing import reason
from modelc_backends.onnx.lower.site import SHAPE_FIX, NoFormError, Site
from modelc_backends.onnx.lower.table import Lowered, lowering

SHOWN = 8  # names of ops shown in a finding


@dataclass(frozen=True)
class LowerToOnnx(Pass):
    """Turn every canonical op into ops of ONNX.

    An op without a form in ONNX stays as it is and is reported, one finding for all that lack it for one reason.
    """

    name: ClassVar[str] = "lower-to-onnx"
    needs: ClassVar[frozenset[str]] = frozenset({GE, TYPED})
    gives: ClassVar[frozenset[str]] = frozenset({ONNX})
    breaks: ClassVar[frozenset[str]] = frozenset({GE})

    def run(self, model: Model, context: PassContext) -> None:
        """Lower the entry and its nested graphs."""
        context.sink.extend(lower(model))
        context.sink.extend(_open_ranks(model.graph))


def _open_ranks(graph: Graph) -> Iterator[Diagnostic]:
    """Yield a finding for each input and output that may have any number of dimensions, which no file states."""
    named = [*zip(graph.input_names, graph.inputs, strict=True), *zip(graph.output_names, graph.outputs, strict=True)]
    for name, value in {value: (name, value) for name, value in named}.values():
        if isinstance(value.type, TensorType) and value.type.shape is None:
            problem = f"`{name}` may have any number of dimensions, which a file of ONNX has to state"
            yield finding("MC303", problem, value, fixes=[SHAPE_FIX])


def lower(model: Model) -> list[Diagnostic]:
    """Lower every graph of `model` and return what could not be."""
    work = _Lowering()
    pending = [model.graph, *model.functions.values()]
    while pending:
        graph = pending.pop()
        work.lower(graph)
        pending.extend(nested for op in graph for nested in op.graphs)
    return list(work.findings())


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why ops of one kind could not be lowered, as a clause, with the code and the ways out."""

    kind: str
    code: str
    clause: str
    fixes: tuple[Fix, ...]


@dataclass(slots=True)
class _Lowering:
    """One run of the pass.

    Attributes:
        failed: The ops that could not be lowered, by the reason.
    """

    failed: dict[_Failure, list[Op]] = field(default_factory=dict["_Failure", list[Op]])

    def lower(self, graph: Graph) -> None:
        """Lower the ops of `graph` in order, and erase those nobody reads."""
        rewriter = Rewriter(graph, LowerToOnnx.name)
        for op in reversed(graph):
            is_passive = op.dialect == "ge" or op.kind in ("const", "absent")
            if is_passive and not any(value.readers for value in op.results):
                graph.erase(op)
        use_canonical_forms(graph)
        for op in graph:
            if op.dialect == "ge":
                anchor = op.next if op.kind in CONTROL and op.next is not None else op
                self._lower_op(Site(op, rewriter.at(anchor, op)))

    def _lower_op(self, site: Site) -> None:
        site.rw.created.clear()
        try:
            function = lowering(site.op_type)
            if function is None:
                raise NoFormError(reason(site.op_type) or "lacks what its canonical form is made from")
            _replace(site, function(site))
        except NoFormError as error:
            self._leave(site, error.clause, error.code, error.fixes)
        except (InferenceError, BadAttributeError) as error:
            self._leave(site, f"cannot be written as ops of ONNX: {error}")
        except BlobError as error:
            self._leave(site, f"needs numbers that cannot be read: {error}", "MC111")
        except (ArithmeticError, LookupError, MemoryError, TypeError, ValueError) as error:
            self._leave(site, f"has a form that cannot be lowered: {error}", "MC302")

    def _leave(self, site: Site, clause: str, code: str = "MC510", fixes: tuple[Fix, ...] = ()) -> None:
        _clean(site, ())
        self.failed.setdefault(_Failure(site.op.kind, code, clause, fixes), []).append(site.op)

    def findings(self) -> Iterator[Diagnostic]:
        """Yield one finding per kind of op and reason."""
        for failure, ops in self.failed.items():
            names = [op.origin.name or op.name for op in ops]
            others = f" and {len(names) - 1} more of its kind" if len(names) > 1 else ""
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            yield finding(
                failure.code,
                f"`{names[0]}` ({failure.kind}){others} {failure.clause}",
                ops[0],
                evidence=[("ops", ", ".join(names[:SHOWN]) + more)] if others else (),
                fixes=failure.fixes,
            )


def _replace(site: Site, lowered: Lowered) -> None:
    values = (lowered,) if isinstance(lowered, Value) else lowered
    created = set(site.rw.created)
    settled = [_settled(site, old, values, index) for index, old in enumerate(site.op.results)]
    created.update(site.rw.created)
    for old, new in zip(site.op.results, settled, strict=True):
        if new is None:
            continue
        if new.producer in created and old.name:
            site.rw.graph.set_name(new, old.name)
        site.rw.replace_value(old, new)
    site.rw.erase(site.op)
    _clean(site, site.inputs)


def _settled(site: Site, old: Value, values: Sequence[Value | None], index: int) -> Value | None:
    """Return what stands for result `old`, with its element type and all that is known of its shape."""
    new = values[index] if index < len(values) else None
    if new is None:
        if old.readers:
            raise NoFormError(f"gives its result {index} to an op, which ONNX's form does not have")
        return None
    if not isinstance(old.type, TensorType) or old.type.element is None:
        return new
    new = site.cast(new, old.type.element)
    if not are_compatible(new.type, old.type):
        raise InferenceError(f"its result {old.type} becomes {new.type}")
    if is_refinement(old.type, new.type) and new.producer in site.rw.created:
        site.rw.set_type(new, old.type)
    return new


def _clean(site: Site, freed: Sequence[Value]) -> None:
    """Erase what was made for an op, and the constants it read, where they have no readers after all."""
    for op in [*reversed(site.rw.created), *(value.producer for value in freed)]:
        if (
            op.graph is not None
            and op.kind not in ("input", "return")
            and not any(value.readers for value in op.results)
        ):
            site.rw.erase(op)
