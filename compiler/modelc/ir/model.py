"""Models: an entry graph, the functions it calls, and what is known about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from modelc.ir.graph import Graph
from modelc.ir.op import Op

UNUSED_INPUTS = "unused inputs"  # the detail that lists, between commas, inputs no output depends on


@dataclass(frozen=True, slots=True)
class Source:
    """The file or folder a model was read from.

    Attributes:
        framework: `tensorflow`, `onnx`, `caffe`, `om`, `air` or `mir`.
        path: The file or folder.
        format: What the reader recognised, `SavedModel` or `frozen graph (text)`.
        details: What the reader chose or found, for people: signature, tag, producer version.
    """

    framework: str
    path: Path
    format: str
    details: tuple[tuple[str, str], ...] = ()


@dataclass(eq=False, slots=True)
class Model:
    """A whole model.

    Attributes:
        graph: The entry.
        functions: Graphs that ops refer to by `Symbol`.
        source: Where it was read from.
        facts: What holds of it, as established by the reader and by passes.
    """

    graph: Graph
    functions: dict[str, Graph] = field(default_factory=dict[str, Graph])
    source: Source | None = None
    facts: set[str] = field(default_factory=set[str])

    def graphs(self) -> Iterator[Graph]:
        """Yield the entry, the functions, and all graphs nested in them."""
        yield from self.graph.walk()
        for function in tuple(self.functions.values()):
            yield from function.walk()

    def ops(self) -> Iterator[Op]:
        """Yield every op of every graph."""
        for graph in self.graphs():
            yield from graph

    @property
    def edits(self) -> int:
        """How many edits all present graphs have counted."""
        return sum(graph.edits for graph in self.graphs())

    @property
    def name(self) -> str:
        """A name for artifacts: the file or folder without its ending."""
        return self.source.path.stem if self.source else self.graph.name
