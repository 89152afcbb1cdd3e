"""Nodes to ops: one op for each node that the outputs depend on, and the functions that these call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelc.diagnostics.diagnostic import Diagnostic, ModelcError, finding
from modelc.dialects.tf import result_types, type_of_element
from modelc.frontends.tensorflow.attributes import AttributeReader
from modelc.frontends.tensorflow.library import FunctionLibrary
from modelc.frontends.tensorflow.order import LoopError, Order, Ref, Scope, arrange, cycle, function_ref, postorder
from modelc.frontends.tensorflow.tensor import ELEMENT_OF, TensorError, read_tensor
from modelc.ir.attributes import Attribute, Symbol
from modelc.ir.blob import BlobError, MissingBlob
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.opdef import InferenceError
from modelc.ir.origin import Origin
from modelc.ir.types import CONTROL, UNKNOWN, Type

FRAMEWORK = "tensorflow"


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a graph: the result it stands for, its public name, and its type."""

    ref: Ref
    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a graph: its public name and the result it is."""

    name: str
    ref: Ref


@dataclass(slots=True)
class _Lifted:
    """An op and where the results of each output argument begin."""

    op: Op
    arguments: dict[str, int] = field(default_factory=dict[str, int])
    count: int = 0


class Lifter:
    """Makes graphs of nodes, and of all functions they call.

    Attributes:
        findings: What was wrong with single nodes; the graphs hold stand-ins there.
    """

    def __init__(self, path: Path, library: FunctionLibrary) -> None:
        """Make a lifter for nodes that were read from the file at `path`."""
        self.findings: list[Diagnostic] = []
        self._path = path
        self._library = library
        self._attributes = AttributeReader(path)

    def model(self, scope: Scope, inputs: Sequence[Input], outputs: Sequence[Output]) -> Model:
        """Return the model that computes `outputs` from `inputs`, with all functions it calls.

        Raises:
            ModelcError: With everything that was found wrong.
        """
        model = Model(self.graph("main", scope, inputs, outputs))
        calls: dict[str, list[str]] = {}
        pending = self._called()
        roots = tuple(pending)
        while pending:
            name, reader = pending.pop()
            if name in model.functions:
                continue
            if name not in self._library:
                self.findings.append(finding("MC110", f"`{reader}` calls function `{name}`, which does not exist"))
                continue
            model.functions[name] = self._function(name)
            found = self._called()
            calls[name] = [callee for callee, _ in found]
            pending += found
        self._check_recursion([name for name, _ in roots], calls)
        if self.findings:
            raise ModelcError(*self.findings)
        return model
