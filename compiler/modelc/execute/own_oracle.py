"""The oracle that is always there: the evaluator of this package, on a source as it is lowered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import Fix, Sink
from modelc.driver import Settings
from modelc.execute.arrays import map_array, write_array
from modelc.execute.engine import Taps
from modelc.execute.numpy_engine import ENGINE
from modelc.execute.prepare import executable
from modelc.frontends.frontend import LoadOptions
from modelc.ir.graph import Graph
from modelc.ir.op import Value

OWN = "modelc"  # its name for `--oracle`
FIX = Fix("let modelc itself execute the source as it is lowered", f"--oracle {OWN}")


class OwnOracle:
    """Executes a source with numpy, after lowering and without any simplification."""

    def __init__(self, source: Path, options: LoadOptions, inputs: Mapping[str, NDArray[Any]]) -> None:
        """Read and lower the source.

        Args:
            source: A source or an artifact.
            options: How to read it.
            inputs: Arrays like those that it will be fed; their shapes serve where the source gives none.

        Raises:
            ModelcError: It cannot be read or lowered.
        """
        settings = Settings(signature=options.signature, tags=options.tags, out_nodes=options.out_nodes)
        self._model = executable(source, settings, Sink(), inputs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep nothing open."""

    @property
    def title(self) -> str:
        """What to call it in a report."""
        return ENGINE.title()

    @property
    def graph(self) -> Graph:
        """The source as it is lowered."""
        return self._model.graph

    def run(self, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Return all outputs by public name."""
        return ENGINE.prepare(self._model)(self._known(inputs))

    def fetch(
        self, inputs: Mapping[str, NDArray[Any]], values: Sequence[Value], folder: Path
    ) -> list[NDArray[Any] | None]:
        """Return values of `graph`, mapped from files in `folder`, None for each that is not computed."""
        places = {value: folder / f"{index}.npy" for index, value in enumerate(values)}
        dtypes: dict[Value, str] = {}

        def take(value: Value, array: NDArray[Any]) -> None:
            dtypes[value] = array.dtype.name
            write_array(places[value], array)

        ENGINE.prepare(self._model, Taps(frozenset(values), take))(self._known(inputs))
        return [map_array(places[value], dtypes[value]) if value in dtypes else None for value in values]

    def _known(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return {name: array for name, array in inputs.items() if name in self.graph.input_names}
