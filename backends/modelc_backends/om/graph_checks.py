"""Checks of the graphs inside of an artifact, on the messages as they are in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from modelc.diagnostics.diagnostic import ModelcError
from modelc.dialects.ge.dtypes import cpp_number, takes
from modelc.dialects.lookup import op_def
from modelc.ir.blob import MissingBlob
from modelc.ir.opdef import OpDef, Slot
from modelc.ir.types import TensorType
from modelc.ir.verify import Level, verify
from modelc_backends.om.attributes import META, RECOVERED, integer, strings
from modelc_backends.om.container import Container
from modelc_backends.om.descriptors import is_skipped, type_of
from modelc_backends.om.lift import lift
from modelc_backends.om.numbers import FORMAT_NUMBER, Partition
from modelc_backends.om.outside import names_a_file, outside_blob
from modelc_backends.om.slots import SlotError, assign, result_slots

STRUCTURE: Final = frozenset({"Data", "Const", "NetOutput"})
WEIGHT_ALIGNMENT: Final = 512
_FIELD_OF_KIND: Final = {"Int": "i", "Float": "f", "Bool": "b", "String": "s", "Type": "dt", "Tensor": "t"}
_LIST_TYPE_OF_KIND: Final = {"ListString": 1, "ListInt": 2, "ListFloat": 3, "ListBool": 4, "ListType": 10}


@dataclass(slots=True)
class Graphs:
    """The graphs of an artifact with their ops by name.

    Attributes:
        container: The file.
        definition: Its `ModelDef`.
        compiled: Whether the file, of which it may be one model of several, is for a device.
        ops: The ops of each graph by name.
        kept: What several checks need, by what it is.
    """

    container: Container
    definition: Any
    compiled: bool
    ops: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    kept: dict[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        self.ops = [{op.name: op for op in graph.op} for graph in self.definition.graph]

    @property
    def has_tasks(self) -> bool:
        """Whether there is a list of tasks with something in it."""
        extent = self.container.partition(Partition.TASK_INFO) if self.container.header is not None else None
        return extent is not None and extent[1] > extent[0]

    def edges(self) -> Iterator[tuple[Any, int, str, Any, int]]:
        """Yield (op, slot, reference, producer or None, output) of every data edge; -1 for what is no number."""
        for ops in self.ops:
            for op in ops.values():
                for slot, text in enumerate(op.input):
                    name, _, number = text.rpartition(":")
                    if text and number != "-1":
                        yield op, slot, text, ops.get(name), int(number) if number.isdecimal() else -1

    def all_ops(self) -> Iterator[Any]:
        """Yield every op of every graph."""
        for graph in self.definition.graph:
            yield from graph.op


class Concern(Enum):
    """Which models a check holds of, and what is said of the others."""

    ANY = ""
    GRAPH = "holds of graphs, this file describes the memory of a device"
    DEVICE = "holds of files for a device, which refuses this one: it is a graph without kernels"

    @property
    def reason(self) -> str:
        """Why such a check is skipped."""
        return self.value

    def skips(self, graphs: Graphs) -> bool:
        """Whether a model is none of those."""
        return self is (Concern.GRAPH if graphs.compiled else Concern.DEVICE)


@dataclass(frozen=True, slots=True)
class GraphCheck:
    """One check.

    Attributes:
        name: Its name, in kebab case.
        title: What must hold.
        by: Who asks for it.
        run: Yields what does not hold.
        concern: Which models it holds of.
    """

    name: str
    title: str
    by: str
    run: Callable[[Graphs], Iterator[str]]
    concern: Concern = Concern.GRAPH


def _has_graph(graphs: Graphs) -> Iterator[str]:
    if not graphs.definition.graph:
        yield "holds no graph"


def _names(graphs: Graphs) -> Iterator[str]:
    for graph, ops in zip(graphs.definition.graph, graphs.ops, strict=True):
        if len(ops) != len(graph.op):
            yield f"has ops of one name in graph `{graph.name}`"
        yield from (f"has an op called `{name}`" for name in ops if not name or ":" in name)


def _resolves(graphs: Graphs) -> Iterator[str]:
    for op, _, text, producer, output in graphs.edges():
        if producer is None:
            yield f"has an op `{op.name}` that reads `{text}`, which does not exist"
        elif not 0 <= output < len(producer.output_desc):
            yield f"has an op `{op.name}` that reads `{text}`, which has {len(producer.output_desc)} outputs"
    for ops in graphs.ops:
        for op in ops.values():
            controls = (text.removesuffix(":-1") for text in op.input if text.endswith(":-1"))
            yield from (f"has an op `{op.name}` that waits for `{c}`" for c in controls if c not in ops)


def _subgraphs(graphs: Graphs) -> Iterator[str]:
    nested = {graph.name for graph in graphs.definition.graph[1:]}
    used = [name for op in graphs.all_ops() for name in op.subgraph_name]
    yield from (f"refers to graph `{name}`, which it does not hold" for name in used if name not in nested)
    yield from (f"holds graph `{name}`, which no op refers to" for name in sorted(nested - set(used)))
    if len(set(used)) != len(used):
        yield "has a graph nested in several ops"


def _descriptors(graphs: Graphs) -> Iterator[str]:
    for op in graphs.all_ops():
        count = sum(not text.endswith(":-1") for text in op.input)
        if count > len(op.input_desc):
            yield f"has an op `{op.name}` with {count} inputs and {len(op.input_desc)} descriptors"
        if not op.has_out_attr:
            yield f"has an op `{op.name}` whose descriptors older loaders drop"


def _skipped(graphs: Graphs) -> Iterator[str]:
    for op in graphs.all_ops():
        for text, descriptor in zip(op.input, op.input_desc, strict=False):
            if not text and not is_skipped(descriptor) and op.type != "Data":
                yield f"has an op `{op.name}` with a type for an input that is not given"


def _constants(graphs: Graphs) -> Iterator[str]:
    for op in graphs.all_ops():
        if op.type != "Const":
            continue
        tensor = op.attr["value"].t if "value" in op.attr else None
        type_ = type_of(op.output_desc[0]) if op.output_desc else None
        if tensor is None or not isinstance(type_, TensorType) or not type_.is_static or type_.element is None:
            yield f"has a constant `{op.name}` without a value or a type"
        elif type_.element.nbytes and not tensor.desc.weight_size and _length(graphs, op, type_) != type_.nbytes:
            yield f"has a constant `{op.name}` of type {type_} with {_length(graphs, op, type_)} bytes"
        elif type_of(tensor.desc) != type_:
            yield f"has a constant `{op.name}` whose value has another type than its output"


def _length(graphs: Graphs, op: Any, type_: TensorType) -> int:
    tensor = op.attr["value"].t
    if not tensor.data and not tensor.file_range and names_a_file(op.attr):
        return outside_blob(graphs.container.path, op.attr, type_.nbytes).nbytes
    return tensor.file_range[-1].length if tensor.file_range else len(tensor.data)


def _outside(graphs: Graphs) -> Iterator[str]:
    for op in graphs.all_ops():
        if names_a_file(op.attr):
            blob = outside_blob(graphs.container.path, op.attr, 0)
            if isinstance(blob, MissingBlob):
                yield f"has a constant `{op.name}` in a file, but {blob.problem}"


def _weights(graphs: Graphs) -> Iterator[str]:
    extent = graphs.container.partition(Partition.WEIGHTS_DATA)
    size = 0 if extent is None or graphs.container.header is None else extent[1] - extent[0]
    for op in graphs.all_ops():
        if op.type != "Const" or "value" not in op.attr:
            continue
        desc = op.attr["value"].t.desc
        if desc.data_offset + desc.weight_size > size and desc.data_offset:
            yield f"has a constant `{op.name}` behind the end of the weights"
        if desc.data_offset % WEIGHT_ALIGNMENT:
            yield f"has a constant `{op.name}` at offset {desc.data_offset}, no multiple of {WEIGHT_ALIGNMENT}"


def _inputs(graphs: Graphs) -> Iterator[str]:
    for graph in graphs.definition.graph:
        indices = [integer(op.attr, "index") for op in graph.op if op.type == "Data"]
        if sorted(-1 if index is None else index for index in indices) != list(range(len(indices))):
            yield f"has inputs numbered {indices} in graph `{graph.name}`"


def _outputs(graphs: Graphs) -> Iterator[str]:
    for graph in graphs.definition.graph:
        ops = [op for op in graph.op if op.type == "NetOutput"]
        if len(ops) != 1:
            yield f"has {len(ops)} NetOutput ops in graph `{graph.name}`"
        for op in ops:
            named = [f"{name}:{index}" for name, index in zip(op.src_name, op.src_index, strict=False)]
            if named != [text for text in op.input if not text.endswith(":-1")]:
                yield f"has outputs of graph `{graph.name}` under other names than they are computed"


def _order(graphs: Graphs) -> Iterator[str]:
    for graph in graphs.definition.graph:
        position = {op.name: index for index, op in enumerate(graph.op)}
        for index, op in enumerate(graph.op):
            if op.id != index:
                yield f"has an op `{op.name}` with id {op.id} at position {index}"
            sources = [text.rpartition(":")[0] for text in op.input if text]
            yield from (
                f"has an op `{op.name}` before `{source}`, which it reads"
                for source in sources
                if position.get(source, -1) >= index
            )


def _same_types(graphs: Graphs) -> Iterator[str]:
    for op, slot, text, producer, output in graphs.edges():
        if producer is None or slot >= len(op.input_desc) or not 0 <= output < len(producer.output_desc):
            continue
        given, taken = producer.output_desc[output], op.input_desc[slot]
        if (given.dtype, given.shape.dim[:], given.layout) != (taken.dtype, taken.shape.dim[:], taken.layout):
            yield f"has an op `{op.name}` that describes `{text}` otherwise than its producer"


def _layouts(graphs: Graphs) -> Iterator[str]:
    for op in graphs.all_ops():
        for desc in (*op.input_desc, *op.output_desc):
            number = integer(desc.attr, "format_for_int")
            if desc.layout not in FORMAT_NUMBER or number not in (None, FORMAT_NUMBER[desc.layout]):
                yield f"has an op `{op.name}` with layout `{desc.layout}` ({number})"
            if "origin_shape" in desc.attr and list(desc.attr["origin_shape"].list.i) != desc.shape.dim[:]:
                yield f"has an op `{op.name}` with an origin shape other than its shape"
            if "origin_shape_initialized" in desc.attr and "origin_shape" not in desc.attr:
                yield f"has an op `{op.name}` that promises an origin shape and has none"


def _agrees(graphs: Graphs) -> Iterator[str]:
    header, definition = graphs.container.header, graphs.definition
    if header is None:
        return
    if header.ir_version != definition.version:
        yield f"has version {header.ir_version} in its header and {definition.version} in its description"
    if header.platform_version != definition.custom_version:
        yield f"was written by {header.platform_version} and by {definition.custom_version}"
    if not definition.name.startswith(header.name):
        yield f"is called `{header.name}` and `{definition.name}`"


def _plain_header(graphs: Graphs) -> Iterator[str]:
    header = graphs.container.header
    if header is not None and (header.platform, header.model_count, header.model_type) != (0, 0, 0):
        yield f"is of type {header.model_type}, for platform {header.platform}, with {header.model_count} models to run"
    if header is not None and not graphs.definition.name.endswith("_original"):
        yield f"is called `{graphs.definition.name}`"


def _wide(graphs: Graphs) -> Iterator[str]:
    header = graphs.container.header
    if header is not None and header.wide and not graphs.compiled:
        yield "has one partition in a table of 64-bit numbers"


def _viewable(graphs: Graphs) -> Iterator[str]:
    for op in graphs.all_ops():
        for name, value in op.attr.items():
            kind = value.WhichOneof("value")
            if kind in ("td", "list_list_float"):
                yield f"has an attribute `{name}` of `{op.name}` of kind {kind}"
        for desc in (*op.input_desc, *op.output_desc):
            if desc.dtype > _MOST_VIEWABLE:
                yield f"has an op `{op.name}` with element type {desc.dtype}"


def _data_types(graphs: Graphs) -> Iterator[str]:
    for op in graphs.all_ops():
        number = integer(op.attr, "data_type") if op.type == "Data" else None
        type_ = type_of(op.output_desc[0]) if op.output_desc else None
        element = type_.element if isinstance(type_, TensorType) else None
        if number is not None and element is not None and number != cpp_number(element):
            yield f"has an input `{op.name}` of {element} whose `data_type` is {number}"


def _nested_interface(graphs: Graphs) -> Iterator[str]:
    users = {name: op for op in graphs.all_ops() for name in op.subgraph_name}
    for graph in graphs.definition.graph[1:]:
        count = len(users[graph.name].input) if graph.name in users else 0
        for op in graph.op:
            place = integer(op.attr, "_parent_node_index")
            if op.type == "Data" and (place is None or not 0 <= place < count):
                yield f"has an input `{op.name}` of graph `{graph.name}` that its op does not give"


def _inferred(graphs: Graphs) -> Iterator[str]:
    try:
        graph = lift(graphs.container, graphs.definition)
    except ModelcError:
        return  # other checks say why
    for each in graph.walk():
        yield from (f"has a graph in which {d.message}" for d in verify(each, Level.TYPES, op_def))


_MOST_VIEWABLE: Final = 31  # element types that Netron knows


def _list_types(graphs: Graphs) -> Iterator[str]:
    holders = (graphs.definition, *graphs.definition.graph, *graphs.all_ops())
    for holder in holders:
        for name, value in holder.attr.items():
            field_ = value.WhichOneof("value")
            if field_ == "list" and not value.list.val_type and name not in META | RECOVERED:
                yield f"has a list `{name}` of `{holder.name}` that does not say of what it is"
            if field_ is None and not value.file_range:
                yield f"has an attribute `{name}` of `{holder.name}` without a value"


def _prototypes(graphs: Graphs) -> Iterator[str]:
    for op in graphs.all_ops():
        if op.type in STRUCTURE:
            continue
        definition = op_def(f"ge.{op.type}")
        if definition is None:
            yield f"has an op `{op.name}` of the unknown type `{op.type}`"
            continue
        yield from (f"has an op `{op.name}` ({op.type}) {problem}" for problem in _misfits(op, definition))


def _misfits(op: Any, definition: OpDef) -> Iterator[str]:
    count = sum(not text.endswith(":-1") for text in op.input)
    yield from _slot_misfits(op, definition.operands, op.input_desc[:count], "input")
    yield from _slot_misfits(op, result_slots(definition, len(op.output_desc)), op.output_desc, "output")
    for name, declared in definition.attributes.items():
        if name not in op.attr:
            if declared.required:
                yield f"without its attribute `{name}`"
            continue
        value = op.attr[name]
        field_ = value.WhichOneof("value")
        if declared.kind in _LIST_TYPE_OF_KIND:
            right = field_ == "list" and value.list.val_type == _LIST_TYPE_OF_KIND[declared.kind]
        else:
            right = field_ == _FIELD_OF_KIND.get(declared.kind, "list_list_int")
        if not right:
            yield f"whose attribute `{name}` is not of kind {declared.kind}"


def _slot_misfits(op: Any, slots: Sequence[Slot], descriptors: Sequence[Any], role: str) -> Iterator[str]:
    try:
        assigned = assign(slots, len(descriptors), role)
    except SlotError as error:
        yield str(error)
        return
    names = [name for _, name in assigned]
    if list(strings(op.attr, f"_{role}_name_key")) != names:
        yield f"whose {role}s are not named {', '.join(names)}"
    for (slot, name), descriptor in zip(assigned, descriptors, strict=True):
        if not takes(slot, type_of(descriptor)):
            yield f"with {type_of(descriptor)} as `{name}`"


GRAPH_CHECKS: Final[Sequence[GraphCheck]] = (
    GraphCheck("graph", "there is a graph", "loader", _has_graph, Concern.ANY),
    GraphCheck("op-names", "every op has a name of its own without a colon", "loader", _names, Concern.ANY),
    GraphCheck("edges", "every edge leads to an output that exists", "loader", _resolves, Concern.ANY),
    GraphCheck("subgraphs", "every nested graph is there and belongs to one op", "loader", _subgraphs),
    GraphCheck("descriptors", "every input has a descriptor that loaders keep", "loader", _descriptors, Concern.ANY),
    GraphCheck("skipped-inputs", "an input that is not given has no type", "loader", _skipped, Concern.ANY),
    GraphCheck("constants", "every constant has the bytes of its type", "loader", _constants),
    GraphCheck("outside-files", "every file that holds a constant is there", "loader", _outside, Concern.ANY),
    GraphCheck("weights", "every constant lies within the weights", "loader", _weights, Concern.ANY),
    GraphCheck("inputs", "inputs are numbered from 0 without a gap", "loader", _inputs),
    GraphCheck("outputs", "every graph has one NetOutput that names what it gives", "loader", _outputs, Concern.ANY),
    GraphCheck("order", "ops stand, numbered, behind what they read", "modelc", _order),
    GraphCheck("nested-inputs", "every input of a nested graph is one of its op's", "loader", _nested_interface),
    GraphCheck("data-types", "inputs name one element type in both ways", "loader", _data_types, Concern.ANY),
    GraphCheck("same-types", "both ends of an edge describe it alike", "viewer", _same_types),
    GraphCheck("attribute-kinds", "kinds of attributes and elements are such as viewers show", "viewer", _viewable),
    GraphCheck("narrow-table", "a table of one partition has 32-bit numbers", "viewer", _wide),
    GraphCheck("agreement", "header and description say the same", "modelc", _agrees, Concern.ANY),
    GraphCheck("plain-header", "the header says it is a graph and no more", "modelc", _plain_header),
    GraphCheck("layouts", "layouts are known and said alike in every place", "modelc", _layouts),
    GraphCheck("list-types", "every list says what it is a list of", "modelc", _list_types),
    GraphCheck("prototypes", "every op fits its prototype", "modelc", _prototypes),
    GraphCheck("inferred-types", "every op gives what follows from what it takes", "modelc", _inferred),
)
