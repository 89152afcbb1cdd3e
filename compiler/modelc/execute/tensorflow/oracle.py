"""TensorFlow as an oracle: a model of TensorFlow, what it computes, and the tensors inside of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from numpy.typing import NDArray

from modelc.execute.prepare import inlined
from modelc.execute.tensorflow.process import TensorFlowProcess
from modelc.frontends.frontend import LoadOptions
from modelc.ir.graph import Graph
from modelc.ir.op import Value


class TensorFlowOracle:
    """A source that TensorFlow executes, in a process that is started and loads it once."""

    def __init__(self, source: Path, options: LoadOptions, timeout: int) -> None:
        """Describe the source; entering it as a context starts TensorFlow.

        Args:
            source: A SavedModel or a graph.
            options: The signature and tags to take, and the outputs.
            timeout: Seconds that each request may take.
        """
        self._source = source
        self._options = options
        self._process = TensorFlowProcess(source, options.signature, options.tags, timeout)

    def __enter__(self) -> Self:
        self._process.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.__exit__(kind, error, trace)

    @property
    def title(self) -> str:
        """What to call it in a report."""
        return f"TensorFlow {self._process.version}"

    @cached_property
    def graph(self) -> Graph:
        """The source with its functions inlined, in the dialect of TensorFlow."""
        return inlined(self._source, self._options).graph

    def run(self, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Return outputs by public name; raises ModelcError where TensorFlow fails."""
        return self._process.run(inputs, outputs)

    def fetch(
        self, inputs: Mapping[str, NDArray[Any]], values: Sequence[Value], folder: Path
    ) -> list[NDArray[Any] | None]:
        """Return values of `graph`, mapped from files in `folder`, None for each that cannot be had."""
        return self._process.fetch(inputs, [_wanted(value) for value in values], folder)


def _wanted(value: Value) -> dict[str, str | int]:
    """Return what the process has to know to find a tensor."""
    node = value.producer.origin.nodes[0]
    return {"name": value.producer.name, "node": node.name, "op": node.op_type, "index": value.index}
