"""The dialect of ONNX as a `ModelProto`, in pieces: small messages, and weights that are only read at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import onnx

from modelc.diagnostics.diagnostic import Diagnostic, Fix, ModelcError, finding
from modelc.dialects.lookup import op_def
from modelc.dialects.onnx import IR_VERSION, OPSET, ORIGIN
from modelc.dialects.onnx.dtypes import onnx_number
from modelc.dialects.onnx.protos import UnserializableError, node_proto, type_proto
from modelc.ir.blob import Blob, BlobError, unpack_strings
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.opdef import Mode
from modelc.ir.types import NONE, TensorType
from modelc.version import __version__
from modelc_backends.files.names import Names
from modelc_backends.files.outside import Outside, Place
from modelc_backends.files.stream import Stream

BUILT_IN: Final = frozenset({"input", "const", "absent", "return"})


def _number(message: Any, field: str) -> int:
    return int(message.DESCRIPTOR.fields_by_name[field].number)


NODE: Final = _number(onnx.GraphProto, "node")
INITIALIZER: Final = _number(onnx.GraphProto, "initializer")


def serialize(model: Model, outside: Outside | None = None) -> Stream:
    """Return a model in the dialect of ONNX as the message of a file.

    Args:
        model: The model; every op is of the dialect.
        outside: Takes the constants that go into a file of their own; None to hold all of them.

    Raises:
        ModelcError: What ONNX cannot say, all of it.
    """
    work = _Serializer(outside)
    graph = work.graph(model.graph, {})
    if work.findings:
        raise ModelcError(*work.findings)
    head = onnx.ModelProto(ir_version=IR_VERSION, producer_name="modelc", producer_version=__version__)
    head.opset_import.append(onnx.helper.make_opsetid("", OPSET))
    if model.source is not None:
        _add_metadata(head, "source", f"{model.source.framework}: {model.source.format}")
    stream = Stream.of(_bytes(head))
    stream.add_field(_number(onnx.ModelProto, "graph"), graph)
    return stream


class _Serializer:
    """One run.

    Attributes:
        findings: What ONNX cannot say.
    """

    def __init__(self, outside: Outside | None) -> None:
        self.findings: list[Diagnostic] = []
        self._outside = outside
        self._values = Names(_writable)
        self._nodes = Names(_writable)

    def graph(self, graph: Graph, names: dict[Value, str]) -> Stream:
        """Return a graph; inputs that have names in `names` already are values around it."""
        head = onnx.GraphProto(name=graph.name)
        for name, value in zip(graph.input_names, graph.inputs, strict=True):
            if value not in names:
                names[value] = self._values.claim(name)
                head.input.append(self._value_info(value, names[value]))
        public = self._name_outputs(graph, names)
        stream = Stream()
        for op in graph:
            self._add_op(stream, head, op, names)
        for name, value in zip(public, graph.outputs, strict=True):
            found = self._name(value, names)
            if found != name:  # an input, a constant, or an output for the second time
                copy = onnx.NodeProto(
                    op_type="Identity", name=self._nodes.claim(name), input=[names[value]], output=[name]
                )
                stream.add_field(NODE, _bytes(copy))
            head.output.append(self._value_info(value, name))
        stream.add(_bytes(head))
        return stream

    # -- names

    def _name_outputs(self, graph: Graph, names: dict[Value, str]) -> list[str]:
        """Return the names of the outputs; what computes one has its name, which goes before those of inner values."""
        public = []
        for name, value in zip(graph.output_names, graph.outputs, strict=True):
            if graph.owner is None and names.get(value) == name:
                public.append(name)  # an input that is given back
                continue
            public.append(self._values.claim(name))
            if graph.owner is None and public[-1] != name:
                problem = f"two inputs or outputs are called `{name}`, which ONNX cannot tell apart"
                self.findings.append(finding("MC504", problem, value))
            if value.producer.kind not in BUILT_IN:
                names.setdefault(value, public[-1])
        return public

    def _name(self, value: Value, names: dict[Value, str]) -> str:
        if value.type is NONE:
            return ""
        if value not in names:
            names[value] = self._values.claim(value.name or value.producer.origin.name or "value")
        return names[value]

    # -- ops

    def _add_op(self, stream: Stream, head: Any, op: Op, names: dict[Value, str]) -> None:
        if op.kind == "const":
            if op.result.readers:
                stream.add_field(INITIALIZER, self._constant(op, self._name(op.result, names)))
            return
        if op.kind in BUILT_IN:
            return
        if op.dialect != "onnx":
            fix = Fix("run the pipeline of the target")
            self.findings.append(finding("MC504", f"`{op.name}` ({op.kind}) was not lowered to ONNX", op, fixes=[fix]))
            return
        stream.add_field(NODE, self._node(op, names))
        head.value_info.extend(self._described(op, names))

    def _described(self, op: Op, names: dict[Value, str]) -> Iterator[Any]:
        for value in op.results:
            is_inner = bool(value.readers) and all(reader.kind != "return" for reader, _ in value.readers)
            if is_inner and isinstance(value.type, TensorType) and value.type.element is not None:
                yield self._value_info(value, names[value])

    def _node(self, op: Op, names: dict[Value, str]) -> Stream:
        inputs = [self._name(value, names) for value in op.inputs]
        declared = len(inputs) if op.kind != "onnx.If" else 1
        outputs = [self._name(value, names) if _is_written(value) else "" for value in op.results]
        try:
            node = node_proto(op.kind.removeprefix("onnx."), op.attributes, inputs[:declared], outputs)
        except UnserializableError as error:
            self.findings.append(finding("MC504", f"`{op.name}` ({op.kind}) {error}", op))
            return Stream()
        node.name = self._nodes.claim(op.origin.name or op.name)
        if op.origin.nodes:
            _add_metadata(node, ORIGIN, str(op.origin))
        stream = Stream.of(_bytes(node))
        for attribute, nested in zip(_graph_attributes(op), op.graphs, strict=True):
            around = dict(zip(nested.inputs, inputs[declared:], strict=True)) if op.kind == "onnx.If" else {}
            field = onnx.AttributeProto(name=attribute, type=onnx.AttributeProto.GRAPH)
            inner = Stream.of(_bytes(field))
            inner.add_field(_number(onnx.AttributeProto, "g"), self.graph(nested, around))
            stream.add_field(_number(onnx.NodeProto, "attribute"), inner)
        return stream

    def _value_info(self, value: Value, name: str) -> Any:
        try:
            return onnx.ValueInfoProto(name=name, type=type_proto(value.tensor))
        except (UnserializableError, TypeError) as error:
            self.findings.append(finding("MC504", f"`{name}` {error}", value))
            return onnx.ValueInfoProto(name=name)

    # -- constants

    def _constant(self, op: Op, name: str) -> Stream:
        blob, type_ = op.attributes["value"], op.result.tensor
        element = None if type_.element is None else onnx_number(type_.element)
        if not isinstance(blob, Blob) or element is None or not type_.is_static:
            problem = f"`{op.name}` is a constant of {type_}, which ONNX lacks"
            self.findings.append(finding("MC504", problem, op))
            return Stream()
        tensor = onnx.TensorProto(name=name, dims=type_.dims, data_type=element)
        if element == onnx.TensorProto.STRING:
            return self._texts(op, tensor, blob)
        place = None if self._outside is None else self._outside.place(name, blob)
        if place is not None:
            return _outside(tensor, place, blob.nbytes)
        stream = Stream.of(_bytes(tensor))
        stream.add_field(_number(onnx.TensorProto, "raw_data"), blob)
        return stream

    def _texts(self, op: Op, tensor: Any, blob: Blob) -> Stream:
        try:
            tensor.string_data.extend(unpack_strings(blob.read(), op.result.tensor.size))
        except BlobError as error:
            self.findings.append(finding("MC111", f"the constant `{op.name}` cannot be read: {error}", op))
        return Stream.of(_bytes(tensor))


def _writable(name: str) -> str:
    """Return `name` as a message can hold it."""
    return name.encode("utf-8", "replace").decode()


def _is_written(value: Value) -> bool:
    """Whether a result has a name in the file: it is read, or may not be left out."""
    definition = op_def(value.producer.kind)
    slots = () if definition is None else definition.results
    return bool(value.readers) or not slots or slots[min(value.index, len(slots) - 1)].mode is not Mode.OPTIONAL


def _graph_attributes(op: Op) -> Sequence[str]:
    definition = op_def(op.kind)
    return () if definition is None else definition.subgraphs


def _outside(tensor: Any, place: Place, nbytes: int) -> Stream:
    tensor.data_location = onnx.TensorProto.EXTERNAL
    stream = Stream.of(_bytes(tensor))
    entries: dict[str, bytes | Blob] = {
        "location": place.location,
        "offset": str(place.offset).encode(),
        "length": str(nbytes).encode(),
    }
    for key, text in entries.items():
        entry = Stream()
        entry.add_field(_number(onnx.StringStringEntryProto, "key"), key.encode())
        entry.add_field(_number(onnx.StringStringEntryProto, "value"), text)
        stream.add_field(_number(onnx.TensorProto, "external_data"), entry)
    return stream


def _add_metadata(proto: Any, key: str, value: str) -> None:
    proto.metadata_props.append(onnx.StringStringEntryProto(key=key, value=value))


def _bytes(proto: Any) -> bytes:
    return bytes(proto.SerializeToString(deterministic=True))
