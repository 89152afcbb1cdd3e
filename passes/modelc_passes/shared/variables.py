"""Variables: which there are, and who does what with each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from modelc.ir.attributes import ShapeAttribute
from modelc.ir.blob import Blob
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.types import CONTROL, Element, TensorType
from modelc_passes.shared.common import CASE_KINDS, IF_KINDS, WHILE_KINDS, reach
from modelc_passes.shared.policy import is_write

HANDLES = frozenset({"tf.VarHandleOp"})
REFERENCES = frozenset({"tf.VariableV2", "tf.Variable"})
READERS = frozenset(
    {"tf.ReadVariableOp", "tf.ResourceGather", "tf.ResourceGatherNd", "tf.VariableShape", "tf.VarIsInitializedOp"}
)
IGNORED = frozenset({"tf.DisableCopyOnRead"})
BRANCHES = IF_KINDS | CASE_KINDS


@dataclass(eq=False, slots=True)
class Variable:
    """One variable: the ops that stand for it, and who does what with it.

    Attributes:
        ops: The ops of one name, usually one.
        handles: Every value that is its handle or reference, in all graphs, in order of discovery.
        reads: The ops that read it.
        writes: The ops that change it, other than optimizers.
        others: The ops that do something else with its handle.
        carriers: The ops that pass its handle to nested graphs, with the operands that do.
    """

    ops: list[Op]
    handles: list[Value] = field(default_factory=list[Value])
    reads: dict[Op, None] = field(default_factory=dict[Op, None])
    writes: dict[Op, None] = field(default_factory=dict[Op, None])
    others: dict[Op, None] = field(default_factory=dict[Op, None])
    carriers: dict[Op, set[int]] = field(default_factory=dict[Op, set[int]])

    @property
    def name(self) -> str:
        """Its name for people."""
        return self.ops[0].origin.name or self.ops[0].name

    @property
    def is_reference(self) -> bool:
        """Whether it is of the old kind, whose value is read by merely naming it."""
        return self.ops[0].kind in REFERENCES

    @property
    def blob(self) -> Blob | None:
        """Its value, None when the reader found none."""
        blob = self._stated.attributes.get("value")
        return blob if isinstance(blob, Blob) else None

    @property
    def type(self) -> TensorType:
        """Its type as far as the model states it."""
        attributes = self._stated.attributes
        element, shape = attributes.get("dtype"), attributes.get("shape")
        return TensorType(
            element if isinstance(element, Element) else None,
            shape.dims if isinstance(shape, ShapeAttribute) else None,
        )

    @property
    def _stated(self) -> Op:
        return next((op for op in self.ops if "value" in op.attributes), self.ops[0])


def find_variables(graph: Graph) -> list[Variable]:
    """Return the variables of `graph` and its nested graphs with their users; ops of one shared name are one."""
    found: dict[tuple[str, str], Variable] = {}
    for nested in graph.walk():
        for op in nested:
            if op.kind in HANDLES or op.kind in REFERENCES:
                name = str(op.attributes.get("shared_name") or op.origin.name or op.name)
                key = (str(op.attributes.get("container", "")), name)
                found.setdefault(key, Variable([])).ops.append(op)
    for variable in found.values():
        _follow(variable)
    return list(found.values())


def used_ops(graph: Graph) -> set[Op]:
    """Return the ops whose numbers reach an output, in `graph` and its nested graphs."""
    used: set[Op] = set()
    pending = [graph]
    while pending:
        reached = reach(pending.pop(), orders=False).readers
        used.update(reached)
        pending.extend(nested for op in reached for nested in op.graphs)
    return used


def _follow(variable: Variable) -> None:
    """Find everybody who holds a handle of `variable`, through copies and into nested graphs."""
    pending = [value for op in variable.ops for value in _handle_of(op)]
    seen = set(pending)
    while pending:
        handle = pending.pop()
        variable.handles.append(handle)
        for op, index in handle.readers:
            further = [value for value in _handed_on(variable, op, index) if value not in seen]
            seen.update(further)
            pending.extend(further)


def _handed_on(variable: Variable, op: Op, index: int) -> Iterable[Value]:
    """Note what `op` does with the handle that is its operand `index`; returns the handles that makes."""
    if is_write(op) and index == 0:
        variable.writes[op] = None
    elif variable.is_reference or op.kind in READERS:
        variable.reads[op] = None
    elif op.kind == "tf.Identity":
        return _handle_of(op)
    elif op.graphs and op.kind in WHILE_KINDS:
        variable.carriers.setdefault(op, set()).add(index)
        return [*_entries(op, index), *op.results[index : index + 1]]
    elif op.graphs and op.kind in BRANCHES and index > 0:
        variable.carriers.setdefault(op, set()).add(index)
        return _entries(op, index - 1)
    elif op.kind not in IGNORED and not _ends_loop(op):
        variable.others[op] = None
    return ()


def _handle_of(op: Op) -> list[Value]:
    return [value for value in op.results[:1] if value.type is not CONTROL]


def _entries(op: Op, index: int) -> list[Value]:
    return [graph.inputs[index] for graph in op.graphs if index < len(graph.inputs)]


def _ends_loop(op: Op) -> bool:
    """Whether `op` gives the handle back at the end of a loop body, as every loop variable is."""
    owner = op.graph.owner if op.graph is not None else None
    return op.kind == "return" and owner is not None and owner.kind in WHILE_KINDS
