"""Lists of tensors whose length and indices are known: what is taken out is what was put in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from modelc.ir.attributes import Attribute
from modelc.ir.blob import SplatBlob
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.types import CONTROL, I32, Element, TensorType
from modelc.rewrite.rewriter import Rewriter
from modelc_passes.shared.common import erase_unreachable, hand_on_orders, typed
from modelc_passes.shared.known import Known

LONGEST = 4096  # entries of a list that is looked at


@dataclass(frozen=True, slots=True)
class _Rows:
    """A list that is the rows of one tensor; `count` is None where their number is not known."""

    tensor: Value
    count: int | None


Entries: TypeAlias = tuple[Value | None, ...]  # None stands for an entry nobody has set
ListState: TypeAlias = _Rows | Entries


def resolve_lists(graph: Graph, rule: str) -> None:
    """Replace what is read from the lists of `graph` by what was written to them, as far as indices are known."""
    if any(op.kind in _HANDLERS for op in graph):
        _Lists(graph, Rewriter(graph, rule)).run()
        erase_unreachable(graph)


@dataclass(slots=True)
class _Lists:
    """Follows the states of lists, which are values, through a graph."""

    graph: Graph
    rewriter: Rewriter
    known: Known = field(default_factory=Known)
    states: dict[Value, ListState] = field(default_factory=dict[Value, ListState])
    vectors: dict[int, Value] = field(default_factory=dict[int, Value])

    def run(self) -> None:
        """Go over the graph once, producers first."""
        for op in self.graph:
            if op.kind == "tf.Identity" and op.inputs and op.inputs[0] in self.states:
                self.states[op.results[0]] = self.states[op.inputs[0]]
            handler = _HANDLERS.get(op.kind)
            if handler is not None:
                self.rewriter.at(op)
                try:
                    self._apply(op, handler(self, op))
                except IndexError:
                    continue  # an op with fewer operands than it must have

    def _apply(self, op: Op, outcome: ListState | Value | None) -> None:
        """Let a new state or value stand for the last data result of `op`."""
        results = [value for value in op.results if value.type is not CONTROL]
        if isinstance(outcome, Value):
            self.rewriter.replace_value(results[0], outcome)
            hand_on_orders(op)
        elif outcome is not None and results:
            self.states[results[-1]] = outcome

    # -- what handlers use

    def index(self, value: Value) -> int | None:
        """Return a known index or count, None where it is not known."""
        number = self.known.scalar(value)
        return int(number) if number is not None and 0 <= number <= LONGEST else None

    def entries(self, state: ListState | None) -> Entries | None:
        """Return a list entry by entry; the rows of a tensor are cut out of it."""
        if not isinstance(state, _Rows):
            return state
        if state.count is None:
            return None
        return tuple(self.row(state.tensor, index) for index in range(state.count))

    def row(self, tensor: Value, index: int) -> Value:
        """Return row `index` of `tensor`."""
        bounds = [self._vector(number) for number in (index, index + 1, 1)]
        element = tensor.type.element if isinstance(tensor.type, TensorType) else None
        shape = tensor.type.shape if isinstance(tensor.type, TensorType) else None
        attributes: dict[str, Attribute] = {
            **typed("T", tensor.type),
            "Index": I32,
            "begin_mask": 0,
            "end_mask": 0,
            "ellipsis_mask": 0,
            "new_axis_mask": 0,
            "shrink_axis_mask": 1,
        }
        types = [TensorType(element, None if shape is None else shape[1:])]
        return self.rewriter.build("tf.StridedSlice", (tensor, *bounds), attributes, types=types).result

    def _vector(self, number: int) -> Value:
        if number not in self.vectors:
            self.vectors[number] = self.rewriter.constant(np.array([number], np.int32))
        return self.vectors[number]

    def read(self, state: ListState | None, index: int | None, shape: Value | None, element: Attribute) -> Value | None:
        """Return entry `index` of a list."""
        if index is None or state is None:
            return None
        if isinstance(state, _Rows):
            return self.row(state.tensor, index) if state.count is None or index < state.count else None
        if index >= len(state):
            return None
        return state[index] or self._zeros(shape, element)

    def _zeros(self, shape: Value | None, element: Attribute) -> Value | None:
        dims = None if shape is None else self.known.of(shape)
        if dims is None or dims.ndim != 1 or not isinstance(element, Element) or not element.nbytes:
            return None
        if min(dims.tolist(), default=0) < 0:
            return None
        type_ = TensorType(element, tuple(int(dim) for dim in dims))
        return self.rewriter.constant_of(SplatBlob(bytes(element.nbytes), type_.size), type_)

    def stacked(self, state: ListState | None, shape: Value | None, element: Attribute) -> Value | None:
        """Return all entries of a list as the rows of one tensor."""
        if isinstance(state, _Rows):
            return state.tensor
        if not state:
            return None
        rows = [entry or self._zeros(shape, element) for entry in state]
        found = [row for row in rows if row is not None]
        if len(found) < len(rows):
            return None
        first = found[0].type if isinstance(found[0].type, TensorType) else TensorType(None, None)
        type_ = TensorType(first.element, None if first.shape is None else (len(rows), *first.shape))
        attributes: dict[str, Attribute] = {"N": len(rows), "axis": 0, **typed("T", first)}
        return self.rewriter.build("tf.Pack", found, attributes, types=[type_]).result


Outcome: TypeAlias = ListState | Value | None
Handler: TypeAlias = Callable[[_Lists, Op], Outcome]


def _row_count(value: Value) -> int | None:
    shape = value.type.shape if isinstance(value.type, TensorType) else None
    return shape[0] if shape and isinstance(shape[0], int) and shape[0] <= LONGEST else None


def _with(entries: Entries | None, index: int | None, value: Value) -> Entries | None:
    if entries is None or index is None or index >= len(entries):
        return None
    return (*entries[:index], value, *entries[index + 1 :])


# -- the lists of TensorFlow 2


def _reserve(lists: _Lists, op: Op) -> Outcome:
    count = lists.index(op.inputs[1])
    return None if count is None else (None,) * count


def _set_item(lists: _Lists, op: Op) -> Outcome:
    entries = lists.entries(lists.states.get(op.inputs[0]))
    return _with(entries, lists.index(op.inputs[1]), op.inputs[2])


def _get_item(lists: _Lists, op: Op) -> Outcome:
    element = op.attributes.get("element_dtype", "")
    return lists.read(lists.states.get(op.inputs[0]), lists.index(op.inputs[1]), op.inputs[2], element)


def _stack(lists: _Lists, op: Op) -> Outcome:
    shape = op.inputs[1] if len(op.inputs) > 1 else None
    return lists.stacked(lists.states.get(op.inputs[0]), shape, op.attributes.get("element_dtype", ""))


def _from_tensor(lists: _Lists, op: Op) -> Outcome:
    return _Rows(op.inputs[0], _row_count(op.inputs[0]))


def _push(lists: _Lists, op: Op) -> Outcome:
    entries = lists.entries(lists.states.get(op.inputs[0]))
    return None if entries is None or len(entries) >= LONGEST else (*entries, op.inputs[1])


def _length(lists: _Lists, op: Op) -> Outcome:
    state = lists.states.get(op.inputs[0])
    count = state.count if isinstance(state, _Rows) else None if state is None else len(state)
    return None if count is None else lists.rewriter.constant(np.array(count, np.int32), name=op.name)


# -- the arrays of TensorFlow 1: the state travels with the result called flow


def _array(lists: _Lists, op: Op) -> Outcome:
    return _reserve_of(lists, op.inputs[0])


def _reserve_of(lists: _Lists, size: Value) -> Outcome:
    count = lists.index(size)
    return None if count is None else (None,) * count


def _array_write(lists: _Lists, op: Op) -> Outcome:
    entries = lists.entries(lists.states.get(op.inputs[3]))
    return _with(entries, lists.index(op.inputs[1]), op.inputs[2])


def _array_read(lists: _Lists, op: Op) -> Outcome:
    return lists.read(lists.states.get(op.inputs[2]), lists.index(op.inputs[1]), None, "")


def _is_count(lists: _Lists, indices: Value) -> int | None:
    """Return n where `indices` is 0, 1, ... n - 1."""
    array = lists.known.of(indices)
    if array is None or array.ndim != 1 or array.tolist() != list(range(array.size)):
        return None
    return int(array.size)


def _array_scatter(lists: _Lists, op: Op) -> Outcome:
    count = _is_count(lists, op.inputs[1])
    return None if count is None else _Rows(op.inputs[2], count)


def _array_gather(lists: _Lists, op: Op) -> Outcome:
    state, count = lists.states.get(op.inputs[2]), _is_count(lists, op.inputs[1])
    size = state.count if isinstance(state, _Rows) else None if state is None else len(state)
    return lists.stacked(state, None, "") if count is not None and count == size else None


def _array_size(lists: _Lists, op: Op) -> Outcome:
    state = lists.states.get(op.inputs[1])
    count = state.count if isinstance(state, _Rows) else None if state is None else len(state)
    return None if count is None else lists.rewriter.constant(np.array(count, np.int32), name=op.name)


_HANDLERS: dict[str, Handler] = {
    "tf.TensorListReserve": _reserve,
    "tf.TensorListSetItem": _set_item,
    "tf.TensorListGetItem": _get_item,
    "tf.TensorListStack": _stack,
    "tf.TensorListFromTensor": _from_tensor,
    "tf.TensorListPushBack": _push,
    "tf.TensorListLength": _length,
    "tf.EmptyTensorList": lambda lists, op: (),
    "tf.TensorArrayV3": _array,
    "tf.TensorArrayWriteV3": _array_write,
    "tf.TensorArrayReadV3": _array_read,
    "tf.TensorArrayScatterV3": _array_scatter,
    "tf.TensorArrayGatherV3": _array_gather,
    "tf.TensorArraySizeV3": _array_size,
}

LIST_KINDS = tuple(_HANDLERS)
