"""Which tensor of the checkpoint holds the value of a variable.

The graph says it itself: the ops that restore the model read tensors by key and assign them to variables. Where
these ops are gone, the names that the checkpoint records for its tensors say it, and at last the variable's own name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from modelc.frontends.tensorflow.bundle import Bundle
from modelc.frontends.tensorflow.library import FunctionLibrary
from modelc.frontends.tensorflow.order import Ref, function_ref, graph_ref
from modelc.frontends.tensorflow.slices import parse_slice
from modelc.frontends.tensorflow.tensor import TensorError, read_tensor
from modelc.ir.attributes import ShapeAttribute
from modelc.ir.blob import Blob, BlobError, MissingBlob, unpack_strings
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.ir.types import STRING, Element, TensorType, is_refinement

HANDLES = frozenset({"VarHandleOp", "VariableV2", "Variable"})
_KINDS = frozenset(f"tf.{name}" for name in HANDLES)
_ASSIGNS = frozenset({"Assign", "AssignVariableOp"})
_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_PASSES_ON = frozenset({"Identity", "Reshape"})
_DEPTH = 16
_MOST_CALLS = 1000


@dataclass(frozen=True, slots=True)
class Source:
    """A tensor of a checkpoint.

    Attributes:
        key: Its key.
        part: The slice of it in a RestoreV2's notation, empty for all.
    """

    key: str
    part: str = ""


@dataclass(slots=True)
class _Body:
    """The nodes of the main graph or of a restoring function.

    Attributes:
        nodes: The nodes by name.
        parse: What their inputs mean.
        roots: The nodes that have an effect outside.
        arguments: The variables whose handles are passed in, by argument.
        strings: Constants that were read.
    """

    nodes: Mapping[str, Any]
    parse: Callable[[str], Ref]
    roots: list[str]
    arguments: Mapping[str, str] = field(default_factory=dict[str, str])
    strings: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def through(self, text: str) -> Ref:
        """Return what an input means, followed through ops that pass their operand on."""
        ref = self.parse(text)
        for _ in range(_DEPTH):
            node = self.nodes.get(ref.node)
            if node is None or node.op not in _PASSES_ON or not node.input:
                break
            ref = self.parse(node.input[0])
        return ref

    def variable(self, text: str) -> str:
        """Return the name of the variable that an input is a handle of."""
        name = self.through(text).node
        return self.arguments.get(name, name)

    def needed(self) -> Iterator[Any]:
        """Yield every node that the roots depend on."""
        seen: set[str] = set()
        pending = list(self.roots)
        while pending:
            name = pending.pop()
            node = self.nodes.get(name)
            if node is not None and name not in seen:
                seen.add(name)
                pending.extend(self.parse(text).node for text in node.input)
                yield node


def restored(nodes: Mapping[str, Any], library: FunctionLibrary, restore_op: str, path: Path) -> dict[str, Source]:
    """Return the tensor that each variable is restored from, by the variable's node name.

    Args:
        nodes: The nodes of the main graph.
        library: The functions that they call.
        restore_op: The op that restores everything, from the SaverDef.
        path: The file that the nodes were read from.
    """
    sources: dict[str, Source] = {}
    pending = [_Body(nodes, graph_ref, [graph_ref(restore_op).node])]
    for _ in range(_MOST_CALLS):
        if not pending:
            break
        body = pending.pop()
        for node in body.needed():
            if node.op in _ASSIGNS:
                _assign(sources, body, node, path)
            elif node.op in _CALLS:
                pending.extend(_called(body, node, library))
    return sources


def _called(body: _Body, node: Any, library: FunctionLibrary) -> Iterator[_Body]:
    name = node.attr["f"].func.name
    if name in library:
        function = library[name]
        handles = [body.variable(text) for text in node.input if not text.startswith("^")]
        arguments = dict(zip((arg.name for arg in function.signature.input_arg), handles, strict=False))
        roots = [function_ref(text).node for text in (*function.ret.values(), *function.control_ret.values())]
        yield _Body({each.name: each for each in function.node_def}, function_ref, roots, arguments)


def _assign(sources: dict[str, Source], body: _Body, node: Any, path: Path) -> None:
    """Record what an assignment says, if its value was read from a checkpoint."""
    if len(node.input) < 2:
        return
    value = body.through(node.input[1])
    restore = body.nodes.get(value.node)
    if restore is None or restore.op != "RestoreV2" or len(restore.input) < 3:
        return
    keys = _strings(body, restore.input[1], path)
    parts = _strings(body, restore.input[2], path)
    if value.position < min(len(keys), len(parts)):
        source = Source(keys[value.position], parts[value.position])
        sources.setdefault(body.variable(node.input[0]), source)


def _strings(body: _Body, text: str, path: Path) -> list[str]:
    node = body.nodes.get(body.through(text).node)
    if node is None or node.op != "Const":
        return []
    if node.name not in body.strings:
        try:
            type_, blob = read_tensor(node.attr["value"].tensor, path)
            items = unpack_strings(blob.read(), type_.size) if type_.element is STRING else []
        except (TensorError, BlobError):
            items = []
        body.strings[node.name] = [item.decode("utf-8", "replace") for item in items]
    return body.strings[node.name]


class Variables:
    """Gives variables their values from a checkpoint."""

    def __init__(self, bundle: Bundle, sources: Mapping[str, Source]) -> None:
        """Use the tensors of `bundle`; `sources` tells which is whose, by node name."""
        self._bundle = bundle
        self._sources = sources

    def attach(self, op: Op) -> None:
        """Set the attribute `value` of a variable; a MissingBlob where it cannot be had."""
        declared = declared_type(op)
        source = self._source(op)
        blob: Blob
        try:
            if source is None:
                raise TensorError(self._bundle.object_graph_problem() or "the checkpoint has no tensor of its name")
            type_, blob = self._bundle.tensor(source.key, parse_slice(source.part))
            if not is_refinement(type_, declared):
                raise TensorError(f"the checkpoint has {type_} for it, the graph {declared}")
            op.attributes["shape"] = ShapeAttribute(type_.shape)
        except TensorError as error:
            blob = missing(declared, str(error))
        op.attributes["value"] = blob

    def _source(self, op: Op) -> Source | None:
        node = op.origin.name
        if node in self._sources:
            return self._sources[node]
        for name in (str(op.attributes.get("shared_name") or node), node):
            key = self._full_names.get(name) or (name if name in self._bundle else "")
            if key:
                return Source(key)
        return None

    @cached_property
    def _full_names(self) -> dict[str, str]:
        """Return the keys that object-based checkpoints give for names; a name that several objects have, for none."""
        objects = self._bundle.object_graph()
        keys: dict[str, str] = {}
        for item in () if objects is None else objects.nodes:
            for attribute in item.attributes:
                name, key = attribute.full_name, attribute.checkpoint_key
                keys[name] = key if keys.get(name, key) == key else ""
        return keys


def declared_type(op: Op) -> TensorType:
    """Return the type that a variable's attributes give it."""
    element, shape = op.attributes.get("dtype"), op.attributes.get("shape")
    dims = shape.dims if isinstance(shape, ShapeAttribute) else None
    return TensorType(element if isinstance(element, Element) else None, dims)


def missing(declared: TensorType, problem: str) -> MissingBlob:
    """Return the stand-in for the value of a variable."""
    sized = declared.is_static and declared.element is not None and declared.element.nbytes
    return MissingBlob(declared.nbytes if sized else 0, problem)


def variables_of(model: Model) -> list[Op]:
    """Return every variable that the model reaches."""
    return [op for op in model.ops() if op.kind in _KINDS]
