"""What a reader is, and how the right one is found for a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from modelc.diagnostics.diagnostic import Sink
from modelc.frontends.soundness import CheckResult
from modelc.ir.model import Model

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What the user said about the source.

    Attributes:
        signature: Key of the SavedModel signature, empty for the default.
        tags: Tags of the meta graph, empty for the default (`serve`).
        out_nodes: Outputs as `node:0;other:0`, empty for the model's own.
        weights: The weights file of a Caffe network, None elsewhere.
    """

    signature: str = ""
    tags: tuple[str, ...] = ()
    out_nodes: str = ""
    weights: Path | None = None


@dataclass(frozen=True, slots=True)
class Frontend:
    """A reader of one kind of file.

    Attributes:
        name: Its name among the entry points.
        title: What it reads, for people: `TensorFlow SavedModel`.
        recognizes: Whether a path, with the first 4 KiB of the file (empty for a folder), is of its kind: 0 for no,
            else how sure it is, 1 to 100. Must be cheap, and never raise.
        load: Reads the model. Raises ModelcError; puts lesser findings into the sink. The model holds the fact
            `lifted` when it is in its framework's dialect.
        describe: Returns what the file holds besides the graph, as JSON values by title: header fields, partitions,
            signatures. Raises ModelcError.
        text: Returns what `inspect` prints of a file for people; None for a plain listing of everything.
        check: Returns every check of a file's soundness with what came of it, in the order in which its loader makes
            them. Raises ModelcError for a file of a family that is not read. None where no checks are known.
    """

    name: str
    title: str
    recognizes: Callable[[Path, bytes], int]
    load: Callable[[Path, LoadOptions, Sink], Model]
    describe: Callable[[Path], Mapping[str, Json]] = lambda path: {}
    text: Callable[[Mapping[str, Json]], str] | None = None
    check: Callable[[Path], Sequence[CheckResult]] | None = None

    @property
    def a_title(self) -> str:
        """The title with its article."""
        return f"{'an' if self.title[0] in 'AEIO' else 'a'} {self.title}"
