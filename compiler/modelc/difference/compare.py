"""What differs between two models: interfaces, ops, their attributes, types and operands, and weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from modelc.dialects.lookup import op_def
from modelc.difference.matching import ENDS, NEVER, Matching, match
from modelc.difference.weights import WeightComparison, compare_weights
from modelc.difference.words import attribute_text, op_name, value_texts
from modelc.ir.attributes import Attribute
from modelc.ir.blob import Blob
from modelc.ir.compare import equal_attributes
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.opdef import Mode
from modelc.ir.types import UNKNOWN
from modelc.text.names import value_type


@dataclass(frozen=True, slots=True)
class OpLabel:
    """An op as it is shown.

    Attributes:
        name: Its name.
        kind: Its kind.
        graph: The graph it is in, empty for the entry.
        detail: Its result types.
    """

    name: str
    kind: str
    graph: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed.

    Attributes:
        what: What it is: "attribute `strides`", "operand 1".
        a: How it is in the first model.
        b: How it is in the second.
    """

    what: str
    a: str
    b: str


@dataclass(frozen=True, slots=True)
class OpChange:
    """An op that is in both models and not the same.

    Attributes:
        op: The op in the first model.
        name: Its name in the second.
        changes: What changed.
    """

    op: OpLabel
    name: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class WeightChange:
    """A constant that is in both models and not the same.

    Attributes:
        op: The op that holds it in the first model.
        name: The name of that op in the second.
        a: Its type in the first model.
        b: Its type in the second.
        comparison: How the numbers compare.
    """

    op: OpLabel
    name: str
    a: str
    b: str
    comparison: WeightComparison


@dataclass(slots=True)
class Difference:
    """All that differs between two models.

    Attributes:
        interface: Inputs, outputs and functions that changed.
        removed: Ops that only the first model has.
        added: Ops that only the second model has.
        changed: Ops that both have, with what changed.
        renamed: Ops that only have another name; names of ops are labels, so this alone is no difference.
        weights: Constants that changed.
        same_ops: How many ops are the same.
        same_weights: How many constants are the same.
    """

    interface: list[Change] = field(default_factory=list[Change])
    removed: list[OpLabel] = field(default_factory=list[OpLabel])
    added: list[OpLabel] = field(default_factory=list[OpLabel])
    changed: list[OpChange] = field(default_factory=list[OpChange])
    renamed: list[OpChange] = field(default_factory=list[OpChange])
    weights: list[WeightChange] = field(default_factory=list[WeightChange])
    same_ops: int = 0
    same_weights: int = 0

    @property
    def equal(self) -> bool:
        """Whether both models compute the same in the same way."""
        return not (self.interface or self.removed or self.added or self.changed or self.weights)


def differences(a: Model, b: Model) -> Difference:
    """Return all that differs between two models; weights are read in pieces, and only where they may differ."""
    found = _Comparison()
    for name in [*a.functions, *(name for name in b.functions if name not in a.functions)]:
        if (name in a.functions) != (name in b.functions):
            states = ("there", "not there") if name in a.functions else ("not there", "there")
            found.result.interface.append(Change(f"function `{name}`", *states))
    pending = [(a.graph, b.graph, "")]
    pending += [(graph, b.functions[name], name) for name, graph in a.functions.items() if name in b.functions]
    while pending:
        pending.extend(found.graphs(*pending.pop(0)))
    return found.result


class _Comparison:
    def __init__(self) -> None:
        self.result = Difference()

    def graphs(self, a: Graph, b: Graph, path: str) -> Iterator[tuple[Graph, Graph, str]]:
        """Compare two graphs; yields those nested in them."""
        matching, places = match(a, b), _Places(a, b)
        self.result.interface += places.changes(matching, f"graph `{path}`: " if path else "")
        self.result.removed += [_label(op, path) for op in a if op not in matching.pairs and op.kind not in NEVER]
        for op in a:
            other = matching.pairs.get(op)
            if other is None or op.kind in ENDS:
                continue
            self._ops(op, other, path, matching, places)
            for index, nested in enumerate(zip(op.graphs, other.graphs, strict=False)):
                yield (*nested, f"{path}{'/' if path else ''}{op_name(op)}#{index}")
        self.result.added += [_label(op, path) for op in b if op not in matching.back and op.kind not in NEVER]

    def _ops(self, a: Op, b: Op, path: str, matching: Matching, places: _Places) -> None:
        weights = [name for name in a.attributes if isinstance(a.attributes[name], Blob)]
        shared = [name for name in weights if isinstance(b.attributes.get(name), Blob)]
        for name in shared:
            self._weights(a, b, name, path)
        changes = tuple(_changes(a, b, frozenset(shared), matching, places))
        label, name = _label(a, path), op_name(b)
        if changes:
            self.result.changed.append(OpChange(label, name, changes))
        elif name != label.name:
            self.result.renamed.append(OpChange(label, name, ()))
        elif a.kind != "const":
            self.result.same_ops += 1

    def _weights(self, a: Op, b: Op, name: str, path: str) -> None:
        first, second = a.attributes[name], b.attributes[name]
        assert isinstance(first, Blob)
        assert isinstance(second, Blob)
        types = [value_type(op.kind, [v.type for v in op.results], op.attributes) or UNKNOWN for op in (a, b)]
        comparison = compare_weights(first, types[0], second, types[1])
        if comparison.equal:
            self.result.same_weights += 1
        else:
            change = WeightChange(_label(a, path), op_name(b), str(types[0]), str(types[1]), comparison)
            self.result.weights.append(change)


def _label(op: Op, path: str) -> OpLabel:
    return OpLabel(op_name(op), op.kind, path, ", ".join(str(value.type) for value in op.results))


# -- one op


def _changes(a: Op, b: Op, weights: frozenset[str], matching: Matching, places: _Places) -> Iterator[Change]:
    if a.kind != b.kind:
        yield Change("kind", a.kind, b.kind)  # and with it the meaning of all attributes
    else:
        yield from _attribute_changes(a, b, weights)
    if len(a.results) != len(b.results):
        yield Change("results", str(len(a.results)), str(len(b.results)))
    for x, y in zip(a.results, b.results, strict=False):
        if x.type != y.type and not (a.kind == b.kind == "const" and weights):
            yield Change(f"type of result {x.index}", str(x.type), str(y.type))
    first, second = _trimmed(a.operands), _trimmed(b.operands)
    for index in range(max(len(first), len(second))):
        x_, y_ = (values[index] if index < len(values) else None for values in (first, second))
        if x_ is None or y_ is None or not places.is_same(x_, y_, matching):
            yield Change(f"operand {index}", *value_texts(x_, y_))
    if len(a.graphs) != len(b.graphs):
        yield Change("nested graphs", str(len(a.graphs)), str(len(b.graphs)))


def _trimmed(values: Sequence[Value]) -> Sequence[Value]:
    """Return `values` without absent ones at the end."""
    end = len(values)
    while end and values[end - 1].producer.kind == "absent":
        end -= 1
    return values[:end]


def _attribute_changes(a: Op, b: Op, weights: frozenset[str]) -> Iterator[Change]:
    first, second = _effective(a, b.attributes), _effective(b, a.attributes)
    for name in sorted({*first, *second} - weights):
        x, y = first.get(name), second.get(name)
        if x is None or y is None or not equal_attributes(x, y):
            yield Change(f"attribute `{name}`", attribute_text(x), attribute_text(y))


def _effective(op: Op, others: Mapping[str, Attribute]) -> dict[str, Attribute]:
    """Return the attributes of `op`; those that only the other op states have their defaults."""
    attributes = dict(op.attributes)
    missing = [name for name in others if name not in attributes]
    definition = op_def(op.kind) if missing else None
    for name in missing:
        declared = definition.attributes.get(name) if definition else None
        if definition is None or declared is None:
            continue
        if declared.default is not None:
            attributes[name] = declared.default
        if name == "N" and any(slot.mode is Mode.DYNAMIC for slot in definition.operands):
            attributes[name] = len(op.inputs) - len(definition.operands) + 1
    return attributes


# -- inputs and outputs


class _Places:
    """Which inputs and outputs of two graphs belong together: by public name, the rest by position."""

    def __init__(self, a: Graph, b: Graph) -> None:
        self._a, self._b = a, b
        self._input_names = a.input_names, b.input_names
        self._output_names = a.output_names, b.output_names
        self._inputs = _paired(*self._input_names)
        self._outputs = _paired(*self._output_names)

    def is_same(self, a: Value, b: Value, matching: Matching) -> bool:
        """Whether two values belong together."""
        if a.producer.kind == "absent" or b.producer.kind == "absent":
            return a.producer.kind == b.producer.kind
        if a.producer is self._a.first and b.producer is self._b.first:
            return self._inputs.get(a.index) == b.index
        return matching.pairs.get(a.producer) is b.producer and a.index == b.index

    def changes(self, matching: Matching, prefix: str) -> Iterator[Change]:
        """Yield what changed of inputs and outputs."""
        yield from _ends(f"{prefix}input", self._input_names, (self._a.inputs, self._b.inputs), self._inputs)
        yield from _ends(f"{prefix}output", self._output_names, (self._a.outputs, self._b.outputs), self._outputs)
        names, (a, b) = self._output_names[0], (self._a.outputs, self._b.outputs)
        for i, j in self._outputs.items():
            if not self.is_same(a[i], b[j], matching):
                yield Change(f"{prefix}output `{names[i]}` is", *value_texts(a[i], b[j]))


_Both = tuple[Sequence[str], Sequence[str]]


def _ends(
    what: str, names: _Both, values: tuple[Sequence[Value], Sequence[Value]], pairs: dict[int, int]
) -> Iterator[Change]:
    (a, b), (x, y) = names, values
    for i, j in pairs.items():
        if a[i] != b[j]:
            yield Change(f"name of {what} {i}", a[i], b[j])
        if x[i].type != y[j].type:
            yield Change(f"type of {what} `{a[i]}`", str(x[i].type), str(y[j].type))
    if list(pairs.values()) != sorted(pairs.values()):
        yield Change(f"order of {what}s", ", ".join(a), ", ".join(b))
    left = set(range(len(b))) - set(pairs.values())
    yield from (Change(f"{what} `{name}`", str(x[i].type), "") for i, name in enumerate(a) if i not in pairs)
    yield from (Change(f"{what} `{name}`", "", str(y[j].type)) for j, name in enumerate(b) if j in left)


def _paired(a: Sequence[str], b: Sequence[str]) -> dict[int, int]:
    """Return where in `b` each position of `a` is: by name, and the rest in order if equally many are left."""
    found: dict[int, int] = {}
    if len(set(a)) == len(a) and len(set(b)) == len(b):
        places = {name: index for index, name in enumerate(b)}
        found = {i: places[name] for i, name in enumerate(a) if name in places}
    left, right = [i for i in range(len(a)) if i not in found], sorted(set(range(len(b))) - set(found.values()))
    if len(left) == len(right):
        found |= zip(left, right, strict=True)
    return dict(sorted(found.items()))


def counts(labels: Sequence[OpLabel]) -> dict[str, int]:
    """Return how many ops of each kind there are, most first."""
    return dict(sorted(Counter(label.kind for label in labels).items(), key=lambda item: (-item[1], item[0])))
