"""`ModelDef` messages as models of the canonical dialect; constants stay ranges of the file they are in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Any, Final

from modelc.diagnostics.diagnostic import Diagnostic, ModelcError, finding
from modelc.dialects.lookup import op_def
from modelc.ir.attributes import Attribute, Dense
from modelc.ir.blob import Blob, BlobError, BytesBlob, FileBlob
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.origin import Origin, SourceNode
from modelc.ir.types import CONTROL, NONE, UNKNOWN, TensorType, Type
from modelc_backends.om import strings as texts
from modelc_backends.om.attributes import META, RECOVERED, decode, integer, strings
from modelc_backends.om.container import Container
from modelc_backends.om.descriptors import type_of
from modelc_backends.om.numbers import Partition
from modelc_backends.om.outside import names_a_file, outside_blob
from modelc_backends.om.schema import message
from modelc_backends.om.slots import first_dynamic

INPUTS: Final = frozenset({"Data", "RefData", "AippData", "AnnData", "QueueData"})
CONSTANTS: Final = frozenset({"Const", "Constant"})
MOST_FINDINGS: Final = 100

_OP_TYPE = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def lift(container: Container, definition: Any, parts: Sequence[tuple[Container, Any]] = ()) -> Graph:
    """Return the entry graph of a model description, with its nested graphs in their ops.

    Args:
        container: The model.
        definition: Its `ModelDef`.
        parts: Further models of the file with theirs; they hold graphs that are nested in the first.

    Raises:
        ModelcError: Everything that is wrong with it.
    """
    lifter = _Lifter(container, definition, parts)
    graph = lifter.lift()
    if lifter.findings:
        raise ModelcError(*dict.fromkeys(lifter.findings))
    assert graph is not None
    return graph


@dataclass(slots=True)
class _Edges:
    """What one node reads: for each slot the position and output of a producer or None, and who runs before it."""

    data: list[tuple[int, int] | None] = field(default_factory=list["tuple[int, int] | None"])
    controls: list[int] = field(default_factory=list[int])


@dataclass(slots=True)
class _Work:
    """What is known of one graph while it is lifted."""

    definition: Any
    graph: Graph
    container: Container
    parent: Any = None
    nodes: list[Any] = field(default_factory=list[Any])
    edges: list[_Edges] = field(default_factory=list[_Edges])
    values: dict[tuple[int, int], Value] = field(default_factory=dict[tuple[int, int], Value])
    control_sources: set[int] = field(default_factory=set[int])


class _Lifter:
    def __init__(self, container: Container, definition: Any, parts: Sequence[tuple[Container, Any]]) -> None:
        self.findings: list[Diagnostic] = []
        self._definition = definition
        self._parts = parts
        self._enter(container)

    def _enter(self, container: Container) -> None:
        self._container = container
        self._weights = container.partition(Partition.WEIGHTS_DATA)
        self._model = container.partition(Partition.MODEL_DEF) or (0, 0)

    def lift(self) -> Graph | None:
        """Return the entry graph, None when there is none; what is wrong is in `findings`."""
        definitions = list(self._definition.graph)
        if not definitions:
            self._report("holds no graph")
            return None
        works: dict[str, _Work] = {}
        for index, each in enumerate(definitions):
            if each.name in works:
                self._report(f"holds two graphs called `{each.name}`")
            works[each.name] = self._work(each, self._container, is_main=not index)
        main = works[definitions[0].name]
        self._add_parts(works, main)
        self._find_parents(works, main)
        for work in works.values():
            if work is main or work.parent is not None:
                self._fill(work, works)
        return main.graph

    def _work(self, definition: Any, container: Container, is_main: bool = False) -> _Work:
        return _Work(definition, Graph("main" if is_main else definition.name), container, nodes=list(definition.op))

    def _add_parts(self, works: dict[str, _Work], main: _Work) -> None:
        """Take nested graphs from the models that hold their constants, where the first model does not."""
        for container, definition in self._parts:
            for each in definition.graph:
                if each.name not in works or (self._weights is None and works[each.name] is not main):
                    works[each.name] = self._work(each, container)

    def _find_parents(self, works: Mapping[str, _Work], main: _Work) -> None:
        for work in works.values():
            for node in work.nodes:
                for name in node.subgraph_name:
                    nested = works.get(name)
                    if nested is None:
                        self._report(f"has an op `{node.name}` that refers to graph `{name}`, which it does not hold")
                    elif nested.parent is not None or nested is main:
                        self._report(f"has graph `{name}` nested in several places")
                    else:
                        nested.parent = node

    def _report(self, problem: str) -> None:
        if len(self.findings) < MOST_FINDINGS:
            path = self._container.path
            self.findings.append(finding("MC501", f"`{path.name}` {problem}", file=str(path)))

    # -- one graph

    def _fill(self, work: _Work, works: Mapping[str, _Work]) -> None:
        before = len(self.findings)
        self._enter(work.container)
        self._link(work)
        order = self._order(work)
        inputs = self._input_slots(work)
        if len(self.findings) > before:
            return  # what follows builds on what is wrong
        self._add_inputs(work, inputs)
        returns = [index for index in order if work.nodes[index].type == "NetOutput"]
        for index in order:
            node = work.nodes[index]
            if _is_constant(node):
                self._add_const(work, index)
            elif node.type not in INPUTS and node.type != "NetOutput":
                self._add_op(work, index, works)
        self._add_return(work, returns)

    def _link(self, work: _Work) -> None:
        """Resolve what every node reads."""
        positions: dict[str, int] = {}
        for index, node in enumerate(work.nodes):
            if not node.name or node.name in positions:
                self._report(f"has two ops called `{node.name}`" if node.name else "has an op without a name")
            if not _OP_TYPE.fullmatch(node.type):
                self._report(f"has an op `{node.name}` of type `{node.type}`")
            positions[node.name] = index
        for node in work.nodes:
            edges = self._edges(work, node, positions)
            work.edges.append(edges)
            if len(edges.data) > len(node.input_desc) and any(edges.data[len(node.input_desc) :]):
                self._report(f"has an op `{node.name}` with more inputs than descriptors of inputs")

    def _edges(self, work: _Work, node: Any, positions: Mapping[str, int]) -> _Edges:
        edges = _Edges()
        for text in node.input:
            if not text:
                edges.data.append(None)
                continue
            name, _, number = text.rpartition(":")
            producer = positions.get(name)
            if producer is None or not re.fullmatch(r"-1|\d{1,9}", number):
                self._report(f"has an op `{node.name}` that reads `{text}`, which does not exist")
            elif number == "-1":
                edges.controls.append(producer)
            elif int(number) >= _result_count(work.nodes[producer]):
                self._report(f"has an op `{node.name}` that reads `{text}`, but `{name}` has fewer outputs")
            else:
                edges.data.append((producer, int(number)))
        sources = (i for i in edges.controls if _can_precede(work.nodes[i]))
        edges.controls = list(dict.fromkeys(sources))
        work.control_sources.update(edges.controls)
        return edges

    def _order(self, work: _Work) -> list[int]:
        """Return the positions of all nodes so that none reads a later one, as near to their own order as can be."""
        missing = [0] * len(work.nodes)
        readers: list[list[int]] = [[] for _ in work.nodes]
        for index, edges in enumerate(work.edges):
            for producer in {*(edge[0] for edge in edges.data if edge), *edges.controls}:
                readers[producer].append(index)
                missing[index] += 1
        ready = [index for index, count in enumerate(missing) if not count]
        heapify(ready)
        order = []
        while ready:
            index = heappop(ready)
            order.append(index)
            for reader in readers[index]:
                missing[reader] -= 1
                if not missing[reader]:
                    heappush(ready, reader)
        if len(order) < len(work.nodes):
            self._report(f"has ops that depend on themselves: {_cycle(work, missing)}")
        return order

    # -- ops

    def _add_inputs(self, work: _Work, slots: Sequence[int | None]) -> None:
        types = [
            _given_type(work.parent, place - len(slots)) if index is None else _data_type(work.nodes[index])
            for place, index in enumerate(slots)
        ]
        op = work.graph.append(Op("input", (), {}, tuple(types)))
        origins: list[SourceNode] = []
        names = []
        for index, value in zip(slots, op.results, strict=True):
            if index is None:
                names.append(f"unused{value.index}")
                continue
            node = work.nodes[index]
            work.graph.set_name(value, node.name)
            names.append(node.name)
            origins.extend(_origin(node).nodes)
            work.values[index, 0] = value
        public = strings(work.definition.attr, "modelc_input_names")
        work.graph.set_attribute(op, "names", public if len(public) == len(names) else tuple(names))

    def _input_slots(self, work: _Work) -> list[int | None]:
        """Return the node of every input; a nested graph need not have one for each."""
        found = [index for index, node in enumerate(work.nodes) if node.type in INPUTS]
        if work.parent is None:
            places = [integer(work.nodes[i].attr, "index") for i in found]
            known = sorted(place for place in places if place is not None)
            if known != list(range(len(found))):
                return list(found)
            return [i for _, i in sorted(zip(places, found, strict=True), key=lambda pair: pair[0] or 0)]
        definition = op_def(f"ge.{work.parent.type}")
        first = first_dynamic(definition.operands) if definition else 0
        count = sum(1 for text in work.parent.input if not text.endswith(":-1")) - first
        slots: list[int | None] = [None] * max(count, 0)
        for order, i in enumerate(found):
            place = integer(work.nodes[i].attr, "_parent_node_index")
            place = order if place is None else place - first
            if not 0 <= place < len(slots) or slots[place] is not None:
                self._report(f"has a graph `{work.definition.name}` with an input that its op does not give")
            else:
                slots[place] = i
        return slots

    def _add_const(self, work: _Work, index: int) -> None:
        node = work.nodes[index]
        tensor = node.attr["value"].t if "value" in node.attr else message("TensorDef")()
        type_ = type_of(node.output_desc[0] if node.output_desc else tensor.desc)
        blob = self._constant(node, tensor, type_)
        op = Op("const", (), {"value": blob}, (type_,), name=node.name, origin=_origin(node))
        work.values[index, 0] = work.graph.append(op).result

    def _constant(self, node: Any, tensor: Any, type_: Type) -> Blob:
        blob = self._stored(node, tensor, type_)
        if not isinstance(type_, TensorType) or not type_.is_static or type_.element is None:
            if not self._container.is_compiled:
                self._report(f"has a constant `{node.name}` of type {type_}, which must be known")
            return blob
        if type_.element.family == "string":
            return self._text(node, blob, type_.size)
        if blob.nbytes != type_.nbytes and not self._container.is_compiled:
            self._report(f"has a constant `{node.name}` of type {type_} with {blob.nbytes} bytes")
        return blob

    def _stored(self, node: Any, tensor: Any, type_: Type) -> Blob:
        """Return the bytes of a constant, wherever they are kept."""
        if tensor.data:
            return BytesBlob(tensor.data)
        cut = self._cut(tensor)
        if cut is not None:
            return cut
        if names_a_file(node.attr):
            expected = type_.nbytes if isinstance(type_, TensorType) and type_.is_static and type_.element else 0
            return outside_blob(self._container.path, node.attr, expected)
        size = tensor.desc.weight_size
        merged = integer(tensor.desc.attr, "merged_offset")
        offset = tensor.desc.data_offset if merged is None else merged
        if self._weights is not None and size > 0 and offset >= 0:
            start, end = self._weights
            if offset + size <= end - start:
                return FileBlob(self._container.path, start + offset, size)
            self._report(f"has a constant `{node.name}` that lies behind the end of the weights")
        elif isinstance(type_, TensorType) and type_.is_static and type_.size and not size:
            self._report(f"has a constant `{node.name}` without a value")
        return BytesBlob(b"")

    def _cut(self, message_: Any) -> Blob | None:
        """Return the range of the file that stands in a message for a big field, None when there is none."""
        if not message_.file_range:
            return None
        range_ = message_.file_range[-1]
        start, end = self._model
        if not start <= range_.offset <= range_.offset + range_.length <= end:
            self._report("has a constant outside of its model description")
            return None
        return FileBlob(self._container.path, range_.offset, range_.length)

    def _text(self, node: Any, blob: Blob, count: int) -> Blob:
        try:
            return texts.from_ge(blob, count)
        except BlobError as error:
            self._report(f"has a constant `{node.name}` that is damaged: {error}")
            return blob

    def _add_op(self, work: _Work, index: int, works: Mapping[str, _Work]) -> None:
        node, edges = work.nodes[index], work.edges[index]
        types = [type_of(each) for each in node.output_desc]
        if index in work.control_sources:
            types.append(CONTROL)
        graphs = tuple(works[name].graph for name in node.subgraph_name if name in works)
        op = Op(
            f"ge.{node.type}", self._operands(work, edges), self._attributes(node), tuple(types), name=node.name,
            graphs=graphs, origin=_origin(node),
        )  # fmt: skip
        work.graph.append(op)
        for value in op.results:
            work.values[index, -1 if value.type is CONTROL else value.index] = value

    def _operands(self, work: _Work, edges: _Edges) -> tuple[Value, ...]:
        data = list(edges.data)
        while data and data[-1] is None:
            del data[-1]
        operands = []
        for edge in data:
            if edge is None:
                operands.append(work.graph.append(Op("absent", (), {}, (NONE,))).result)
            else:
                operands.append(work.values[edge])
        return (*operands, *(work.values[source, -1] for source in edges.controls))

    def _attributes(self, node: Any) -> dict[str, Attribute]:
        definition = op_def(f"ge.{node.type}")
        declared = definition.attributes if definition else {}
        result: dict[str, Attribute] = {}
        for name, message_ in node.attr.items():
            if name in META or name in RECOVERED:
                continue
            value = self._attribute(message_, declared[name].kind if name in declared else "")
            if value is not None:
                result[name] = value
        return result

    def _attribute(self, message_: Any, kind: str) -> Attribute | None:
        field_ = message_.WhichOneof("value")
        if field_ == "bt":
            return BytesBlob(message_.bt)
        if field_ == "t":
            type_ = type_of(message_.t.desc)
            blob = self._cut(message_.t) or BytesBlob(message_.t.data)
            return Dense(type_, blob) if isinstance(type_, TensorType) else None
        return self._cut(message_) if field_ is None else decode(message_, kind)

    def _add_return(self, work: _Work, returns: Sequence[int]) -> None:
        outputs, controls = self._outputs(work, returns)
        if outputs is None:
            self._report(f"has a graph `{work.definition.name}` without outputs")
            return
        if any(edge is None for edge in outputs):
            self._report(f"has a graph `{work.definition.name}` with an output that nothing computes")
            return
        edges = [edge for edge in outputs if edge is not None]
        names = self._output_names(work, edges)
        operands = [work.values[edge] for edge in edges] + [work.values[source, -1] for source in controls]
        names += tuple(work.values[source, -1].name for source in controls)
        work.graph.append(Op("return", tuple(operands), {"names": names}))

    def _outputs(self, work: _Work, returns: Sequence[int]) -> tuple[list[tuple[int, int] | None] | None, list[int]]:
        if len(returns) == 1:
            edges = work.edges[returns[0]]
            return edges.data, edges.controls
        if returns:
            self._report(f"has a graph `{work.definition.name}` with {len(returns)} NetOutput ops")
        positions = {node.name: index for index, node in enumerate(work.nodes)}
        listed = self._edges(work, _Listed(tuple(work.definition.output)), positions).data
        return listed or None, []

    def _output_names(self, work: _Work, edges: Sequence[tuple[int, int]]) -> tuple[str, ...]:
        public = strings(work.definition.attr, "modelc_output_names")
        if not public and work.parent is None:
            public = strings(self._definition.attr, "attr_model_out_nodes_name")
        if len(public) == len(edges):
            return public
        return tuple(work.values[edge].name for edge in edges)


@dataclass(frozen=True, slots=True)
class _Listed:
    """The outputs a graph lists, in the form of a node that reads them."""

    input: tuple[str, ...]
    name: str = "outputs"


def _is_constant(node: Any) -> bool:
    if node.type == "FileConstant":
        return bool(node.output_desc) and names_a_file(node.attr)
    return node.type in CONSTANTS and "value" in node.attr


def _can_precede(node: Any) -> bool:
    """Whether a control dependency on a node means anything: inputs and constants are there from the start."""
    return not _is_constant(node) and node.type not in INPUTS and node.type != "NetOutput"


def _data_type(node: Any) -> Type:
    """Return the type of an input; files of old tools describe it only as an input of its own op."""
    described = [*node.output_desc, *node.input_desc]
    return type_of(described[0]) if described else UNKNOWN


def _given_type(parent: Any, place: int) -> Type:
    """Return the type that an op gives to an input of its nested graph; places count from the last, -1."""
    data = [text for text in parent.input if not text.endswith(":-1")]
    descriptors = parent.input_desc[: len(data)]
    return type_of(descriptors[place]) if len(descriptors) == len(data) else UNKNOWN


def _result_count(node: Any) -> int:
    if node.type in INPUTS:
        return min(1, len(node.output_desc) + len(node.input_desc))
    if node.type == "NetOutput":
        return 0
    return 1 if _is_constant(node) else len(node.output_desc)


def _cycle(work: _Work, missing: Sequence[int]) -> str:
    """Return the names along one cycle among the nodes that could not be ordered."""
    index = next(i for i, count in enumerate(missing) if count)
    path: dict[int, None] = {}
    while index not in path:
        path[index] = None
        edges = work.edges[index]
        producers = [*(edge[0] for edge in edges.data if edge), *edges.controls]
        index = next(i for i in producers if missing[i])
    nodes = list(path)
    names = [work.nodes[i].name for i in [*nodes[nodes.index(index) :], index]]
    return " <- ".join(f"`{name}`" for name in (names if len(names) < 12 else [*names[:8], "...", names[-1]]))


def _origin(node: Any) -> Origin:
    names = strings(node.attr, "_datadump_original_op_names")
    kinds = strings(node.attr, "modelc_origin_types")
    if not names:
        return Origin.of("om", node.name, node.type)
    if len(kinds) != len(names):
        return Origin(tuple(SourceNode("om", name, node.type) for name in names))
    pairs = ((name, *kind.partition(".")) for name, kind in zip(names, kinds, strict=True))
    return Origin(tuple(SourceNode(framework, name, type_) for name, framework, _, type_ in pairs))
