"""Models of the canonical dialect as `ModelDef` messages, with the bytes of constants left where they are.

Every op is held against its prototype on the way; all that cannot be said is collected before a byte is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from modelc.diagnostics.diagnostic import Diagnostic, ModelcError, finding
from modelc.dialects.ge.dtypes import cpp_number
from modelc.dialects.lookup import op_def
from modelc.ir.attributes import Attribute
from modelc.ir.blob import Blob, BlobError, MissingBlob
from modelc.ir.graph import Graph
from modelc.ir.model import Model, Source
from modelc.ir.op import Op, Value
from modelc.ir.opdef import OpDef, Slot
from modelc.ir.types import CONTROL, NONE, TensorType, Type
from modelc.version import __version__
from modelc_backends.files.names import Names, safe, wanted
from modelc_backends.files.outside import Outside
from modelc_backends.files.stream import Stream
from modelc_backends.om import strings
from modelc_backends.om.attributes import META, STRING, WrongKindError, encode, encode_plain
from modelc_backends.om.descriptors import descriptor, is_writable
from modelc_backends.om.header import OM_PROTO_VERSION, PLATFORM_VERSION
from modelc_backends.om.layouts import ANY, layouts
from modelc_backends.om.schema import SCHEMA, message
from modelc_backends.om.slots import SlotError, assign, dynamic_count, first_dynamic, given, misfit, result_slots

NET_OUTPUT: Final = "Node_Output"
IR_KIND: Final = "ir"  # what model attribute `modelc_kind` says of a graph without kernels

FRAMEWORKS: Final = {"tensorflow": "TensorFlow", "onnx": "ONNX", "caffe": "Caffe"}


def emit(model: Model, name: str, outside: Outside | None = None) -> Stream:
    """Return the serialized `ModelDef` of a model, of whatever length.

    Args:
        model: The model, in the canonical dialect.
        name: Name of the model in the artifact.
        outside: Takes the constants that go into files of their own; None to hold all of them.

    Raises:
        ModelcError: All that the format cannot say, one finding each.
    """
    emitter = _Emitter(outside)
    stream = emitter.model(model, name)
    if emitter.findings:
        raise ModelcError(*dict.fromkeys(emitter.findings))
    return stream


@dataclass(frozen=True, slots=True)
class _Nested:
    """A graph that waits to be written: its name, and how its inputs and outputs belong to those of its op."""

    graph: Graph
    name: str
    first_operand: int = 0
    maps_outputs: bool = True


@dataclass(slots=True)
class _Scope:
    """What is known while one graph is written.

    Attributes:
        layouts: Layouts of values that have one.
        places: The node and the output of each value, as edges name them.
        position: Position of the next node.
    """

    layouts: dict[Value, str]
    places: dict[Value, tuple[str, int]] = field(default_factory=dict[Value, "tuple[str, int]"])
    position: int = 0

    def next_id(self) -> int:
        """Return the position of a new node."""
        self.position += 1
        return self.position - 1


class _Emitter:
    def __init__(self, outside: Outside | None) -> None:
        self.findings: list[Diagnostic] = []
        self._outside = outside
        self._names = Names()
        self._graph_names = Names()
        self._pending: list[_Nested] = []
        self._descriptors: dict[tuple[Type, str], Any] = {}

    # -- containers

    def model(self, model: Model, name: str) -> Stream:
        head = message("ModelDef")(name=name, version=OM_PROTO_VERSION, custom_version=PLATFORM_VERSION)
        stream = Stream()
        stream.add(_serialize(head))
        self._names.claim(NET_OUTPUT)
        self._pending.append(_Nested(model.graph, self._graph_names.claim(safe(model.name))))
        number = _number("ModelDef", "graph")
        for nested in self._pending:  # grows while ops with nested graphs are met
            stream.add_field(number, self._graph(nested, is_main=nested.graph is model.graph))
        stream.add(_serialize(_model_attributes(model.source)))
        return stream

    def _graph(self, nested: _Nested, is_main: bool) -> Stream:
        graph = nested.graph
        scope = _Scope(layouts(graph))
        operations, number = Stream(), _number("GraphDef", "op")
        head = message("GraphDef")(name=nested.name)
        for op in graph:
            for node in self._nodes(op, nested, scope, is_main):
                operations.add_field(number, node)
        head.input.extend(f"{scope.places[value][0]}:0" for value in graph.inputs if value in scope.places)
        tail = message("GraphDef")()
        for key, names in (("modelc_input_names", graph.input_names), ("modelc_output_names", graph.output_names)):
            encode(tail.attr, key, "ListString", names)
        stream = Stream()
        stream.add(_serialize(head))
        stream.extend(operations)
        stream.add(_serialize(tail))
        return stream

    def _nodes(self, op: Op, nested: _Nested, scope: _Scope, is_main: bool) -> list[bytes | Stream]:
        if op.kind == "input":
            inputs = zip(op.results, nested.graph.input_names, strict=True)
            return [self._data(value, name, nested, scope, is_main) for value, name in inputs]
        if op.kind == "const":
            return [self._const(op, scope)]
        if op.kind == "return":
            return [self._net_output(op, nested, scope, is_main)]
        return [] if op.kind == "absent" else [self._operation(op, scope)]

    # -- nodes

    def _data(self, value: Value, name: str, nested: _Nested, scope: _Scope, is_main: bool) -> bytes:
        node = message("OpDef")(
            name=self._names.claim(name), type="Data", input=[""], has_out_attr=True, id=scope.next_id()
        )
        encode(node.attr, "index", "Int", value.index)
        if isinstance(value.type, TensorType) and value.type.element is not None:
            encode(node.attr, "data_type", "Int", cpp_number(value.type.element))
        if not is_main:
            encode(node.attr, "_parent_node_index", "Int", nested.first_operand + value.index)
        node.input_desc.append(self._descriptor(value, scope))
        node.output_desc.append(self._descriptor(value, scope))
        _name_slots(node, ["x"], ["y"])
        scope.places[value] = (node.name, 0)
        return _serialize(node)

    def _const(self, op: Op, scope: _Scope) -> Stream:
        value = op.result
        name = self._names.claim(wanted(op))
        scope.places[value] = (name, 0)
        described = self._descriptor(value, scope)
        head = message("OpDef")(name=name, type="Const")
        _name_slots(head, [], ["y"])
        _put_origin(head, op)
        tail = message("OpDef")(has_out_attr=True, id=scope.next_id(), output_desc=[described])
        tensor, stream = Stream(), Stream()
        tensor.add_field(_number("TensorDef", "desc"), _serialize(described))
        blob = self._bytes_of(op)
        place = self._outside.place(name, blob) if self._outside is not None and blob is not None else None
        if place is not None and blob is not None:
            encode(head.attr, "length", "Int", blob.nbytes)
        elif blob is not None and blob.nbytes:
            tensor.add_field(_number("TensorDef", "data"), blob)
        stream.add(_serialize(head))
        if place is not None:
            _add_attribute(stream, "location", "s", place.location)
        _add_attribute(stream, "value", "t", tensor)
        stream.add(_serialize(tail))
        return stream

    def _net_output(self, op: Op, nested: _Nested, scope: _Scope, is_main: bool) -> bytes:
        name = NET_OUTPUT if is_main else self._names.claim(NET_OUTPUT)
        node = message("OpDef")(name=name, type="NetOutput", has_out_attr=True, id=scope.next_id())
        outputs = [value for value in op.operands if value.type is not CONTROL]
        for index, value in enumerate(outputs):
            producer, result = self._place(op, value, scope)
            node.input.append(f"{producer}:{result}")
            node.src_name.append(producer)
            node.src_index.append(result)
            node.input_desc.append(self._descriptor(value, scope))
            if not is_main and nested.maps_outputs:
                encode(node.input_desc[-1].attr, "_parent_node_index", "Int", index)
        self._put_controls(node, op, scope)
        _name_slots(node, [f"__input{index}" for index in range(len(outputs))], [])
        return _serialize(node)

    def _operation(self, op: Op, scope: _Scope) -> bytes:
        node = message("OpDef")(
            name=self._names.claim(wanted(op)), type=op.kind.rpartition(".")[2], has_out_attr=True, id=scope.next_id()
        )
        results = [value for value in op.results if value.type is not CONTROL]
        scope.places.update((value, (node.name, value.index)) for value in results)
        scope.places.update((value, (node.name, -1)) for value in op.results if value.type is CONTROL)
        definition = op_def(op.kind) if op.dialect == "ge" else None
        if definition is None:
            self._report(op, f"is a {op.kind}, which is no operator of the Graph Engine")
            return b""
        try:
            operands = given(op.inputs, definition.operands)
            inputs = assign(definition.operands, len(operands), "operand")
            outputs = assign(result_slots(definition, len(results)), len(results), "result")
        except SlotError as error:
            self._report(op, str(error))
            return b""
        self._put_operands(node, op, list(zip(operands, inputs, strict=True)), scope)
        self._put_controls(node, op, scope)
        for value, (slot, slot_name) in zip(results, outputs, strict=True):
            self._check_element(op, value, slot, slot_name)
            node.output_desc.append(self._descriptor(value, scope))
        _name_slots(node, [slot_name for _, slot_name in inputs], [slot_name for _, slot_name in outputs])
        self._put_attributes(node, op, definition, dynamic_count(definition.operands, len(operands)))
        self._put_graphs(node, op, definition)
        _put_origin(node, op)
        return _serialize(node)

    # -- parts of nodes

    def _put_operands(
        self, node: Any, op: Op, operands: Sequence[tuple[Value, tuple[Slot, str]]], scope: _Scope
    ) -> None:
        skipped = []
        for value, (slot, name) in operands:
            self._check_element(op, value, slot, name)
            if value.type is NONE:
                skipped.append(name)
                node.input.append("")
            else:
                producer, result = self._place(op, value, scope)
                node.input.append(f"{producer}:{result}")
            node.input_desc.append(self._descriptor(value, scope))
        encode_plain(node.attr, "_opt_input", "s", [name.encode() for name in skipped])

    def _put_controls(self, node: Any, op: Op, scope: _Scope) -> None:
        for value in op.controls:
            if value in scope.places:
                node.input.append(f"{scope.places[value][0]}:-1")

    def _put_attributes(self, node: Any, op: Op, definition: OpDef, count: int | None) -> None:
        values: dict[str, Attribute] = {}
        for name, declared in definition.attributes.items():
            counted = count if name == "N" and declared.kind == "Int" else None
            value = op.attributes.get(name, declared.default if counted is None else counted)
            if value is None and declared.required:
                self._report(op, f"lacks its attribute `{name}`")
            elif counted is not None and value != counted:
                self._report(op, f"says it has {value!r} operands as `N` and has {counted}")
            elif value is not None:
                values[name] = value
        values.update({k: v for k, v in op.attributes.items() if k not in META and k not in values})
        for name, value in values.items():
            declared_as = definition.attributes.get(name)
            try:
                encode(node.attr, name, declared_as.kind if declared_as else "", value)
            except WrongKindError as error:
                self._report(op, f"has {_shown(value)} as attribute `{name}`, which must be {error}")

    def _put_graphs(self, node: Any, op: Op, definition: OpDef) -> None:
        expected = len(definition.subgraphs)
        if len(op.graphs) != expected and not (op.graphs and definition.subgraphs == ("branches",)):
            self._report(op, f"has {len(op.graphs)} nested graphs, its prototype has {expected}")
        first = first_dynamic(definition.operands)
        for index, graph in enumerate(op.graphs):
            role = definition.subgraphs[index] if index < expected else ""
            name = self._graph_names.claim(graph.name or f"{node.name}_{role or index}")
            node.subgraph_name.append(name)
            self._pending.append(_Nested(graph, name, first, maps_outputs=role != "cond"))

    def _place(self, op: Op, value: Value, scope: _Scope) -> tuple[str, int]:
        place = scope.places.get(value)
        if place is None:
            self._report(op, f"reads `{value.name or value.producer.name}`, which does not come before it")
        return place or ("", 0)

    def _descriptor(self, value: Value, scope: _Scope) -> Any:
        key = (value.type, scope.layouts.get(value, ANY))
        if not is_writable(value.type):
            name = value.name if value.producer.kind == "input" else ""
            self._report(value.producer, f"gives a value of type {value.type}, which must be known data", name)
        elif key not in self._descriptors:
            self._descriptors[key] = descriptor(*key)
        return self._descriptors.get(key) or message("TensorDescriptor")()

    def _bytes_of(self, op: Op) -> Blob | None:
        blob, type_ = op.attributes.get("value"), op.result.type
        if not isinstance(type_, TensorType) or not type_.is_static or type_.element is None:
            self._report(op, f"is a constant of type {type_}, which must be known")
        elif not isinstance(blob, Blob):
            self._report(op, "is a constant without a value")
        elif isinstance(blob, MissingBlob):
            self.findings.append(
                finding("MC111", f"the values of `{_user_name(op)}` cannot be read: {blob.problem}", op)
            )
        elif type_.element.family == "string":
            return self._texts_of(op, blob, type_.size)
        elif not type_.element.nbytes or blob.nbytes != type_.nbytes:
            self._report(op, f"is a constant of type {type_} with {blob.nbytes} bytes")
        else:
            return blob
        return None

    def _texts_of(self, op: Op, blob: Blob, count: int) -> Blob | None:
        try:
            return strings.to_ge(blob, count)
        except BlobError as error:
            self._report(op, f"is a constant that cannot be read: {error}")
            return None

    def _check_element(self, op: Op, value: Value, slot: Slot, name: str) -> None:
        problem = misfit(slot, name, value)
        if problem:
            self._report(op, problem)

    def _report(self, op: Op, problem: str, name: str = "") -> None:
        self.findings.append(finding("MC504", f"`{name or _user_name(op)}` {problem}", op))


def _add_attribute(node: Stream, name: str, kind: str, content: Blob | Stream) -> None:
    """Append an attribute to an op that is not serialized as a whole; a map entry has its key as field 1."""
    attribute, entry = Stream(), Stream()
    attribute.add_field(_number("AttrDef", kind), content)
    entry.add_field(1, name.encode())
    entry.add_field(2, attribute)
    node.add_field(_number("OpDef", "attr"), entry)


def _name_slots(node: Any, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    for role, names in (("input", inputs), ("output", outputs)):
        encode_plain(node.attr, f"_{role}_name_key", "s", [name.encode() for name in names])
        encode_plain(node.attr, f"_{role}_name_value", "i", range(len(names)))


def _put_origin(node: Any, op: Op) -> None:
    if not op.origin.nodes:
        return
    names = node.attr["_datadump_original_op_names"].list
    types = node.attr["modelc_origin_types"].list
    names.val_type = types.val_type = STRING
    for source in op.origin.nodes:
        names.s.append(source.name.encode("utf-8", "replace"))
        types.s.append(f"{source.framework}.{source.op_type}".encode("utf-8", "replace"))


def _model_attributes(source: Source | None) -> Any:
    tail = message("ModelDef")()
    for name in ("memory_size", "p2p_memory_size", "stream_num", "event_num", "label_num", "weight_size"):
        encode(tail.attr, name, "Int", 0)
    texts = {"target_type": "MINI", "soc_version": "", "modelc_kind": IR_KIND, "modelc_version": __version__}
    if source is not None:
        texts["framework_type"] = FRAMEWORKS.get(source.framework, dict(source.details).get("framework", ""))
    for name, text in texts.items():
        encode(tail.attr, name, "String", text)
    return tail


def _serialize(node: Any) -> bytes:
    data: bytes = node.SerializePartialToString(deterministic=True)
    return data


def _number(message_name: str, field_name: str) -> int:
    return SCHEMA.descriptor(message_name).fields_by_name[field_name].number


def _user_name(op: Op) -> str:
    return op.origin.name or op.name


def _shown(value: Attribute) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
