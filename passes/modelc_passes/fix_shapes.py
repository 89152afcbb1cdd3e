"""Fix shapes: every input gets the shape the model is compiled for."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import ClassVar

from modelc.diagnostics.diagnostic import Diagnostic, Fix, ModelcError, Sink, finding
from modelc.ir.graph import Graph
from modelc.ir.model import UNUSED_INPUTS, Model
from modelc.ir.op import Value
from modelc.ir.types import Dim, Shape, TensorType, Type, format_shape
from modelc.pipeline.facts import FIXED_INPUTS, TYPED
from modelc.pipeline.passes import Pass, PassContext, option
from modelc.text.specs import InputShape, parse_input_shape
from modelc_passes.shared.common import keep_inputs

Given = tuple[int | None, ...]

# What a proposed flag says for dimensions behind the first, by the rank of the input.
_USUAL = {4: 224, 5: 16, 2: 128, 3: 128}


@dataclass(frozen=True)
class FixShapes(Pass):
    """Give every input the shape the model is compiled for.

    Names are those of the signature or of the source's nodes, with or without `:0`. The batch size goes to every
    input whose first dimension is unknown and for which no shape is given. An input without a full shape that
    nothing reads is dropped.
    """

    name: ClassVar[str] = "fix-shapes"
    gives: ClassVar[frozenset[str]] = frozenset({FIXED_INPUTS})
    breaks: ClassVar[frozenset[str]] = frozenset({TYPED})

    input: str = option("", "shapes of inputs, as in `x:1,224,224,3;n:8`", flag="input-shape")
    batch_size: int = option(0, "extent of unknown first dimensions, 0 to leave them", flag="batch-size")
    open: bool = option(False, "whether dimensions may stay unknown")

    def run(self, model: Model, context: PassContext) -> None:
        """Set the types of the inputs and report every dimension that stays unknown, unless that is allowed."""
        graph, sink = model.graph, context.sink
        given = _given_shapes(model, self.input, sink)
        wrong = {value for value, entry in given.items() if _contradicts(value.type, entry.dims)}
        for value in graph.inputs:
            if value in wrong:
                sink.add(_conflict(graph, value, given[value].dims))
            elif isinstance(value.type, TensorType):
                shape = _merged(value.type.shape, given.get(value), self.batch_size)
                graph.set_type(value, value.type.with_shape(shape))
        if self.batch_size:
            _report_batch(graph, self.batch_size, given, sink)
        _drop_unread(graph, sink)
        if not self.open:
            _report_open(graph, wrong, self.input, sink)


# -- which input is meant


@dataclass(slots=True)
class _Names:
    """Every spelling of every input."""

    values: dict[str, Value] = field(default_factory=dict[str, Value])

    def add(self, name: str, value: Value) -> None:
        """Let `name` stand for `value`, with and without `:0`, unless it already stands for another."""
        for spelling in (name, name.removesuffix(":0"), f"{name}:0"):
            self.values.setdefault(spelling, value)


def _names(graph: Graph) -> dict[str, Value]:
    names = _Names()
    for name, value in zip(graph.input_names, graph.inputs, strict=True):
        names.add(name, value)
    for value in graph.inputs:
        if value.name:
            names.add(value.name, value)
    return names.values


def _given_shapes(model: Model, text: str, sink: Sink) -> dict[Value, InputShape]:
    """Return the given shapes by input, and report those that fit no input."""
    graph = model.graph
    try:
        entries = parse_input_shape(text)
    except ModelcError as error:
        sink.extend(error.diagnostics)
        return {}
    names = _names(graph)
    unused = dict(model.source.details).get(UNUSED_INPUTS, "").split(", ") if model.source else []
    shapes: dict[Value, InputShape] = {}
    for entry in entries:
        value = names.get(entry.name)
        if value is None and entry.name.removesuffix(":0") in unused:
            continue
        if value is None:
            sink.add(_unknown_name(graph, entry, names))
        elif value in shapes and shapes[value].dims != entry.dims:
            sink.add(_given_twice(shapes[value], entry, value))
        else:
            shapes[value] = entry
    return shapes


def _unknown_name(graph: Graph, entry: InputShape, names: Iterable[str]) -> Diagnostic:
    near = get_close_matches(entry.name, list(names), 1, 0.4)
    public = dict(zip(graph.inputs, graph.input_names, strict=True))
    known = [f"{name}:{_spelled(value)}" for value, name in public.items()]
    nearest = [f"`{name}`" for name in dict.fromkeys(public[_names(graph)[name]] for name in near)]
    return finding(
        "MC407",
        f"a shape is given for `{entry.name}`, but there is no such input"
        + (f"; near: {nearest[0]}" if nearest else ""),
        evidence=[("inputs", "; ".join(known) or "none")],
        fixes=[Fix(f"name {nearest[0]}" if nearest else "name one of the inputs", "--input-shape")],
    )


def _given_twice(first: InputShape, second: InputShape, value: Value) -> Diagnostic:
    return finding(
        "MC408",
        f"`{first.name}` and `{second.name}` are one input, and two shapes are given for it: "
        f"{format_shape(first.dims)} and {format_shape(second.dims)}",
        value,
    )


# -- what its shape is


def _merged(shape: Shape, given: InputShape | None, batch_size: int) -> Shape:
    """Return the shape of an input, from what the model says and what was given."""
    if given is None:
        return (batch_size, *shape[1:]) if batch_size and shape and not isinstance(shape[0], int) else shape
    if shape is None:
        return given.dims
    return tuple(old if new is None else new for old, new in zip(shape, given.dims, strict=True))


def _contradicts(type_: Type, given: Given) -> bool:
    if not isinstance(type_, TensorType):
        return True
    if type_.shape is None:
        return False
    pairs = zip(type_.shape, given, strict=False)
    return len(type_.shape) != len(given) or any(isinstance(old, int) and new not in (None, old) for old, new in pairs)


def _conflict(graph: Graph, value: Value, given: Given) -> Diagnostic:
    name = graph.input_names[value.index]
    shape = value.type.shape or () if isinstance(value.type, TensorType) else ()
    what = "has another number of dimensions than" if len(shape) != len(given) else "contradicts"
    return finding(
        "MC408",
        f"the shape {format_shape(given)} given for input `{name}` {what} the model's, {format_shape(shape)}",
        value,
        evidence=[("given", format_shape(given)), ("model", format_shape(shape))],
        fixes=[Fix("give a shape that fits", f'--input-shape "{name}:{_proposed(shape)}"')],
    )


def _report_batch(graph: Graph, batch_size: int, given: dict[Value, InputShape], sink: Sink) -> None:
    """Report a batch size that contradicts every input there is."""
    firsts = [value for value in graph.inputs if value not in given and _first_dim(value) != ""]
    if not firsts or any(_first_dim(value) in (batch_size, None) for value in firsts):
        return
    name = graph.input_names[firsts[0].index]
    sink.add(
        finding(
            "MC408",
            f"the batch size {batch_size} is given, but the first dimension of every input is fixed: "
            f"`{name}` is {firsts[0].type}",
            firsts[0],
            evidence=[(graph.input_names[value.index], str(value.type)) for value in firsts],
            fixes=[Fix("export the model with an open batch dimension"), Fix("leave the batch size out")],
        )
    )


def _first_dim(value: Value) -> int | str | None:
    """Return the first dimension of an input, None where it is open, an empty text where there is none."""
    if not isinstance(value.type, TensorType) or not value.type.shape:
        return ""
    first = value.type.shape[0]
    return first if isinstance(first, int) else None


# -- what stays open


def _is_open(value: Value) -> bool:
    return isinstance(value.type, TensorType) and not value.type.is_static


def _drop_unread(graph: Graph, sink: Sink) -> None:
    unread = [value for value in graph.inputs if _is_open(value) and not value.readers]
    for value in unread:
        name = graph.input_names[value.index]
        sink.add(finding("MC223", f"nothing reads input `{name}`, which has no full shape: it was dropped", value))
    keep_inputs(graph, [value.index for value in graph.inputs if value not in unread])


def _report_open(graph: Graph, wrong: Collection[Value], given: str, sink: Sink) -> None:
    """Report each input with unknown dimensions, with a complete flag that would settle all of them."""
    remaining = [value for value in graph.inputs if _is_open(value) and value not in wrong]
    if not remaining:
        return
    names = graph.input_names
    proposed = [f"{names[value.index]}:{_proposed(value.tensor.shape)}" for value in remaining]
    flag = ";".join([*(_kept_entries(graph, given, remaining)), *proposed])
    fixes = [Fix("give the shapes; numbers for unknown dimensions are examples", f'--input-shape "{flag}"')]
    if all(_lacks_only_batch(value.tensor.shape) for value in remaining):
        fixes.insert(0, Fix("give the batch size", "--batch-size 1"))
    for value in remaining:
        shape = value.tensor.shape
        which = "an unknown number of dimensions" if shape is None else f"unknown dimensions: {format_shape(shape)}"
        name = names[value.index]
        evidence = [("input", f"{name}: {value.type}")]
        sink.add(finding("MC202", f"input `{name}` has {which}", value, evidence=evidence, fixes=fixes))


def _kept_entries(graph: Graph, given: str, remaining: Collection[Value]) -> list[str]:
    """Return the entries of the given text that already settle an input."""
    try:
        entries = parse_input_shape(given)
    except ModelcError:
        return []
    names = _names(graph)
    settled = [entry for entry in entries if entry.name in names and names[entry.name] not in remaining]
    return [given[slice(*entry.span)] for entry in settled]


def _lacks_only_batch(shape: Shape) -> bool:
    if not shape or isinstance(shape[0], int):
        return False
    return all(isinstance(dim, int) for dim in shape[1:])


def _proposed(shape: Shape) -> str:
    """Return a full shape in the flag's syntax, with usual numbers in place of unknown ones."""
    if shape is None:
        return "1,224,224,3"
    return ",".join(str(_usual(dim, index, len(shape))) for index, dim in enumerate(shape))


def _usual(dim: Dim, index: int, rank: int) -> int:
    if isinstance(dim, int):
        return dim
    return 1 if index == 0 else _USUAL.get(rank, 1)


def _spelled(value: Value) -> str:
    if not isinstance(value.type, TensorType) or value.type.shape is None:
        return "?"
    return ",".join("?" if not isinstance(dim, int) else str(dim) for dim in value.type.shape)
