"""One node to one op: its kind, attributes and result types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelc.diagnostics.diagnostic import Diagnostic, finding
from modelc.dialects.tf import result_types, type_of_element
from modelc.frontends.tensorflow.attributes import AttributeReader
from modelc.frontends.tensorflow.conformance import lacking, misfits
from modelc.frontends.tensorflow.library import FunctionLibrary
from modelc.frontends.tensorflow.tensor import (
    ELEMENT_OF,
    TensorError,
    TooLargeError,
    UnsupportedElementError,
    read_tensor,
)
from modelc.ir.attributes import Attribute, Symbol
from modelc.ir.blob import BlobError, MissingBlob
from modelc.ir.op import Op, Value
from modelc.ir.opdef import InferenceError
from modelc.ir.origin import Origin
from modelc.ir.types import CONTROL, UNKNOWN, Type

FRAMEWORK = "tensorflow"

_CODES: Mapping[type[Exception], str] = {TooLargeError: "MC118", UnsupportedElementError: "MC214"}

Results = list[tuple[str, list[Type]]]  # types by output argument


@dataclass(slots=True)
class Lifted:
    """An op with the position at which the results of each output argument begin.

    Attributes:
        op: The op.
        starts: First result by output argument.
        count: How many results are data.
    """

    op: Op
    starts: dict[str, int] = field(default_factory=dict[str, int])
    count: int = 0

    def result(self, argument: str, index: int) -> Value | None:
        """Return a result, None when the op has no such one."""
        start = self.starts.get(argument) if argument else 0
        if start is None or start + index >= self.count:
            return None
        return self.op.results[start + index]


class NodeLifter:
    """Makes ops of nodes.

    Attributes:
        findings: What was wrong with single nodes; their ops have stand-ins.
        attributes: Converts attributes, and remembers which functions they named.
    """

    def __init__(self, path: Path, library: FunctionLibrary) -> None:
        """Make a lifter for nodes that were read from the file at `path`."""
        self.findings: list[Diagnostic] = []
        self.attributes = AttributeReader(path)
        self._path = path
        self._library = library

    def report(self, code: str, node: Any, problem: str) -> None:
        """Keep a finding about a node."""
        origin = Origin.of(FRAMEWORK, node.name, node.op)
        self.findings.append(finding(code, f"`{node.name}` ({node.op}) {problem}", Op(f"tf.{node.op}", origin=origin)))

    def lift(self, node: Any, operands: tuple[Value, ...], reads: Mapping[str, int], waited: bool) -> Lifted:
        """Return the op for `node`.

        Args:
            node: The NodeDef.
            operands: What it reads, control dependencies last.
            reads: The highest index read of each of its output arguments.
            waited: Whether other nodes have a control dependency on it.
        """
        self.attributes.node = node.name
        if node.op == "Const":
            kind, attributes, results = self._constant(node)
        else:
            kind, attributes, results = self._operation(node, reads)
        types = [type_ for _, group in results for type_ in group]
        origin = Origin.of(FRAMEWORK, node.name, node.op)
        all_types = (*types, CONTROL) if waited else tuple(types)
        op = Op(kind, operands, attributes, all_types, name=node.name, origin=origin)
        return Lifted(op, _starts(results), len(types))

    def check(self, node: Any, op: Op) -> None:
        """Report where operands and attributes do not fit TensorFlow's definition of the op."""
        for code, problem in misfits(node.op, op):
            self.report(code, node, problem)

    def _constant(self, node: Any) -> tuple[str, dict[str, Attribute], Results]:
        type_: Type = UNKNOWN
        try:
            if node.attr["value"].WhichOneof("value") != "tensor":
                raise TensorError("it has no value")
            type_, blob = read_tensor(node.attr["value"].tensor, self._path)
            declared = ELEMENT_OF.get(node.attr["dtype"].type)
            if declared not in (None, type_.element):
                raise TensorError(f"it says {declared}, its value is {type_}")
        except (TensorError, BlobError) as error:
            self.report(_CODES.get(type(error), "MC116"), node, f"is no constant: {error}")
            blob = MissingBlob(0, str(error))
        return "const", {"value": blob}, [("output", [type_])]

    def _operation(self, node: Any, reads: Mapping[str, int]) -> tuple[str, dict[str, Attribute], Results]:
        if node.op in self._library:
            return self._call(node)
        attributes: dict[str, Attribute] = {}
        try:
            attributes = self.attributes.read(node.op, node.attr)
            results = result_types(node.op, attributes)
        except (TensorError, BlobError) as error:
            self.report(_CODES.get(type(error), "MC105"), node, f"has attributes that do not fit: {error}")
            results = None
        except InferenceError as error:
            if not lacking(node.op, attributes):
                self.report("MC105", node, f"has attributes that do not fit: {error}")
            results = None
        if results is None:
            results = [(name, [UNKNOWN] * (most + 1)) for name, most in reads.items()]
        return f"tf.{node.op}", attributes, results

    def _call(self, node: Any) -> tuple[str, dict[str, Attribute], Results]:
        """Turn a node whose op is a function, as old graphs have it, into a call."""
        signature = self._library[node.op].signature
        self.attributes.functions.setdefault(node.op, node.name)
        types = [(arg.name, [argument_type(arg)]) for arg in signature.output_arg]
        kind = "tf.StatefulPartitionedCall" if signature.is_stateful else "tf.PartitionedCall"
        attributes: dict[str, Attribute] = {
            "Tin": _elements(signature.input_arg),
            "Tout": _elements(signature.output_arg),
            "f": Symbol(node.op),
        }
        return kind, attributes, types


def argument_type(argument: Any) -> Type:
    """Return the type of an argument of a function."""
    return type_of_element(ELEMENT_OF.get(argument.type))


def _elements(arguments: Sequence[Any]) -> Attribute:
    return tuple(ELEMENT_OF[arg.type] for arg in arguments if arg.type in ELEMENT_OF)


def _starts(results: Results) -> dict[str, int]:
    starts, position = {}, 0
    for name, types in results:
        starts[name] = position
        position += len(types)
    return starts
