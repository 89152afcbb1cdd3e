"""What several passes share: reachability, copies of bodies, signatures of nested graphs, lists of names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from modelc.ir.attributes import Attribute, Symbol
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.origin import NOWHERE, Origin, merge
from modelc.ir.types import CONTROL, ELEMENTS, Element, TensorType, Type
from modelc.ir.verify import BACK_EDGES

NAME_LIMIT = 400  # characters of a name made of a path of calls; deeper paths keep only their end
SHOWN = 20  # names listed in one finding

IF_KINDS = frozenset({"tf.If", "tf.StatelessIf", "tf._If"})
CASE_KINDS = frozenset({"tf.Case", "tf.StatelessCase"})
WHILE_KINDS = frozenset({"tf.While", "tf.StatelessWhile", "tf._While"})

Rename = Callable[[str], str]


def tf_type(op: Op) -> str:
    """Return the TensorFlow op type of `op`, empty for ops of other dialects."""
    return op.kind[3:] if op.kind.startswith("tf.") else ""


def names_of(ops: Iterable[Op], limit: int = SHOWN) -> str:
    """Return the names of `ops` as one text, in order, at most `limit` of them."""
    return listed((op.origin.name or op.name for op in ops), limit)


def listed(names: Iterable[str], limit: int = SHOWN) -> str:
    """Return `names` as one text, each once, at most `limit` of them and how many more there are."""
    unique = list(dict.fromkeys(names))
    more = len(unique) - limit
    return ", ".join(unique[:limit]) + (f" and {more} more" if more > 0 else "")


def counted(count: int, noun: str) -> str:
    """Return `1 variable`, `3 variables`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def element_of_type(type_: Type) -> Element | None:
    """Return the element type that stands for `type_` in an attribute, None where it is not known."""
    return type_.element if isinstance(type_, TensorType) else ELEMENTS.get(type_.name)


def typed(name: str, type_: Type) -> dict[str, Attribute]:
    """Return the attribute `name` that states the element type of `type_`, nothing where it is not known."""
    element = element_of_type(type_)
    return {} if element is None else {name: element}


# -- what outputs depend on


@dataclass(slots=True)
class Reach:
    """What the outputs of a graph depend on.

    Attributes:
        readers: Every op that is reached, with the op through which it was reached first.
    """

    readers: dict[Op, Op | None] = field(default_factory=dict[Op, Op | None])

    def __contains__(self, op: Op) -> bool:
        return op in self.readers

    def path(self, op: Op, limit: int = 8) -> str:
        """Return the names on the way from `op` to an output, `a > b > output`."""
        names: list[str] = []
        current: Op | None = op
        while current is not None and current.kind != "return" and len(names) < limit:
            names.append(current.origin.name or current.name)
            current = self.readers.get(current)
        if current is not None and current.kind != "return":
            names.append("...")
        return " > ".join([*dict.fromkeys(names), "output"])


def reach(graph: Graph, *, orders: bool = True) -> Reach:
    """Return what the outputs of `graph` depend on; without `orders`, by their numbers only."""
    return reach_from(graph.return_op, [graph.return_op], orders=orders)


def reach_from(end: Op, ops: Iterable[Op], *, orders: bool = True) -> Reach:
    """Return what `ops` depend on, themselves included; `end` is what they count as being read by."""
    found = Reach({op: None if op is end else end for op in ops})
    pending = list(found.readers)
    while pending:
        op = pending.pop()
        for value in op.operands:
            if value.producer not in found.readers and (orders or value.type is not CONTROL):
                found.readers[value.producer] = op
                pending.append(value.producer)
    return found


def erase_unreachable(graph: Graph) -> int:
    """Erase every op that no output depends on, by its numbers or by order; returns how many."""
    needed = reach(graph)
    dead = [op for op in graph if op not in needed and op.kind != "input"]
    for op in dead:
        if op.kind in BACK_EDGES:
            graph.set_operands(op, ())
    for op in reversed(dead):
        graph.erase(op)
    return len(dead)


def drop_orders(values: Collection[Value]) -> None:
    """Let no op wait for any of these control values; linear however many there are."""
    doomed = set(values)
    waiting = dict.fromkeys(op for value in doomed for op in value.users)
    for op in waiting:
        if op.graph is not None:
            op.graph.set_operands(op, [value for value in op.operands if value not in doomed])


def reorder(graph: Graph) -> None:
    """Put the ops of `graph` in an order in which producers come first, as near to the present one as may be."""
    if _is_ordered(graph):
        return
    done: dict[Op, None] = {}
    entered: set[Op] = set()
    for root in list(graph):
        pending = [(root, False)]
        while pending:
            op, is_ready = pending.pop()
            if is_ready:
                done[op] = None
            elif op not in entered:
                entered.add(op)
                pending.append((op, True))
                pending.extend((v.producer, False) for v in reversed(_before(op)) if v.producer not in entered)
    end = graph.return_op
    for op in done:
        if op is not end:
            graph.move_before(end, op)


def _is_ordered(graph: Graph) -> bool:
    seen: set[Op] = set()
    for op in graph:
        if any(value.producer not in seen for value in _before(op)):
            return False
        seen.add(op)
    return True


def _before(op: Op) -> tuple[Value, ...]:
    """Return the operands that must be computed before `op`, which leaves out what loops carry back."""
    if op.kind not in BACK_EDGES:
        return op.operands
    return tuple(value for value in op.operands if not value.producer.kind.endswith("NextIteration"))


def hand_on_orders(op: Op) -> None:
    """Let who waits for `op` wait for what it waits for instead."""
    waited = [value for value in op.results if value.type is CONTROL and value.readers]
    if waited and op.graph is not None:
        gate = Op("tf.NoOp", op.controls, {}, (CONTROL,), name=label(op), origin=op.origin)
        op.graph.insert_before(op, gate)
        for value in waited:
            op.graph.replace_uses(value, gate.results[0])


# -- functions


def symbols(attributes: Iterable[Attribute]) -> Iterator[Symbol]:
    """Yield every function reference in `attributes`, those within lists and references included."""
    pending = list(attributes)
    while pending:
        attribute = pending.pop()
        if isinstance(attribute, Symbol):
            yield attribute
            pending.extend(value for _, value in attribute.attributes)
        elif isinstance(attribute, tuple):
            pending.extend(attribute)


def callees(graph: Graph, functions: Collection[str]) -> dict[str, None]:
    """Return the functions that the ops of `graph` and of its nested graphs refer to, in order."""
    found: dict[str, None] = {}
    for nested in graph.walk():
        for op in nested:
            if op.kind[3:] in functions:
                found[op.kind[3:]] = None
            if op.attributes:
                found.update(dict.fromkeys(symbol.name for symbol in symbols(op.attributes.values())))
    return {name: None for name in found if name in functions}


def drop_functions(model: Model) -> int:
    """Forget the functions nothing refers to any more; returns how many."""
    if not model.functions:
        return 0
    used = callees(model.graph, model.functions)
    pending = list(used)
    while pending:
        for name in callees(model.functions[pending.pop()], model.functions):
            if name not in used:
                used[name] = None
                pending.append(name)
    unused = [name for name in model.functions if name not in used]
    for name in unused:
        del model.functions[name]
    return len(unused)


# -- copies


def under(prefix: str) -> Rename:
    """Return what puts a node name under `prefix`, `call/node`; long paths keep their end only."""

    def rename(name: str) -> str:
        path = f"{prefix}/{name}" if prefix and name else name or prefix
        return path if len(path) <= NAME_LIMIT else f".../{path[-NAME_LIMIT:].partition('/')[2] or name[-NAME_LIMIT:]}"

    return rename


def label(op: Op) -> str:
    """Return the name of `op` in its graph, for making further names from it."""
    return op.name.removeprefix("^")


def copy_op(op: Op, operands: tuple[Value, ...], rename: Rename | None = None, path: Origin = NOWHERE) -> Op:
    """Return a copy of `op` that reads `operands`, not yet in any graph.

    Args:
        op: What to copy.
        operands: What the copy reads.
        rename: Makes its names.
        path: The calls and branches through which it comes to stand where it is put.
    """
    nested = tuple(copy_graph(graph, path=path) for graph in op.graphs)
    types = tuple(value.type for value in op.results)
    origin = merge((op.origin, path)) if path.nodes else op.origin
    copy = Op(op.kind, operands, dict(op.attributes), types, graphs=nested, origin=origin)
    for old, new in zip(op.results, copy.results, strict=True):
        new.name = old.name if rename is None else _rename_value(old.name, rename)
    return copy


def _rename_value(name: str, rename: Rename) -> str:
    if not name:
        return ""
    return f"^{rename(name[1:])}" if name.startswith("^") else rename(name)


def copy_ops(
    ops: Iterable[Op],
    values: dict[Value, Value],
    insert: Callable[[Op], object],
    rename: Rename | None = None,
    path: Origin = NOWHERE,
) -> list[Op]:
    """Insert copies of `ops`, which are in order; returns the copies.

    Args:
        ops: What to copy; `input` and `return` ops are left out.
        values: What stands for the values the ops read from elsewhere; gains what stands for their results. Orders
            may be left out: nothing waits for them then.
        insert: Puts an op into the target graph.
        rename: Makes the copies' names.
        path: The calls and branches through which the copies come to stand where they are put.
    """
    copies: list[Op] = []
    late: list[tuple[Op, Op]] = []
    for op in ops:
        if op.kind in ("input", "return"):
            continue
        operands = tuple(values[value] for value in op.operands if value in values)
        complete = len(operands) == len(op.operands)
        copy = copy_op(op, operands if complete else (), rename, path)
        if not complete:
            late.append((op, copy))
        insert(copy)
        values.update(zip(op.results, copy.results, strict=True))
        copies.append(copy)
    for op, copy in late:
        if copy.graph is not None:
            known = [values[v] for v in op.operands if v in values or v.type is not CONTROL]
            copy.graph.set_operands(copy, known)
    return copies


def copy_graph(graph: Graph, name: str = "", path: Origin = NOWHERE) -> Graph:
    """Return a copy of `graph` and of all graphs nested in it."""
    copy = Graph(name or graph.name)
    start = copy.append(copy_op(graph.input_op, ()))
    values = dict(zip(graph.inputs, start.results, strict=True))
    copy_ops(graph, values, copy.append, path=path)
    copy.append(copy_op(graph.return_op, tuple(values[value] for value in graph.outputs)))
    return copy


# -- signatures of graphs


def keep_inputs(graph: Graph, kept: Sequence[int]) -> None:
    """Drop all inputs of `graph` but those at the positions `kept`; the dropped ones must have no readers."""
    old = graph.input_op
    if len(kept) == len(old.results):
        return
    names = graph.input_names
    attributes: dict[str, Attribute] = {**old.attributes, "names": tuple(names[index] for index in kept)}
    new = Op("input", (), attributes, tuple(old.results[index].type for index in kept), origin=old.origin)
    graph.insert_before(old, new)
    for index, value in zip(kept, new.results, strict=True):
        value.name = old.results[index].name
        graph.replace_uses(old.results[index], value)
    graph.erase(old)


def keep_outputs(graph: Graph, kept: Sequence[int]) -> None:
    """Drop all outputs of `graph` but those at the positions `kept`."""
    end = graph.return_op
    if len(kept) == len(end.operands):
        return
    names = graph.output_names
    graph.set_operands(end, [end.operands[index] for index in kept])
    graph.set_attribute(end, "names", tuple(names[index] for index in kept))
