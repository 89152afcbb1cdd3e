"""What a backend is: the writer of one kind of artifact."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from modelc.diagnostics.diagnostic import Diagnostic
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Value
from modelc.plugins import Catalog


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """What the user asked of a writer.

    Attributes:
        external_weights: Whether big constants go into files beside the artifact, also where it could hold them.
    """

    external_weights: bool = False


PLAIN = WriteOptions()

Layouts: TypeAlias = Callable[[Graph], Mapping[Value, str]]


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that was written.

    Attributes:
        path: Where it is.
        target: Name of the backend that wrote it.
        kind: What it is, `ir-level om`: what may be expected of it.
        sha256: Digest of its bytes, in hexadecimal digits.
        nbytes: Its length in bytes.
        next_steps: What to do with it, such as how to bring it onto a device.
        weights: The folder of the files that hold its big constants, None where it holds them itself.
        findings: What is worth saying of how it was written.
    """

    path: Path
    target: str
    kind: str
    sha256: str
    nbytes: int
    next_steps: tuple[str, ...] = ()
    weights: Path | None = None
    findings: tuple[Diagnostic, ...] = ()


class Writer(Protocol):
    """Writes a model to a path, all or nothing. Raises ModelcError with every problem found."""

    def __call__(self, model: Model, path: Path, options: WriteOptions = ..., /) -> Artifact:
        """Write `model`."""


@dataclass(frozen=True, slots=True)
class Backend:
    """A writer of one kind of artifact.

    Attributes:
        name: Its name among the entry points, and that of the target.
        suffix: The ending of its files, `.om`.
        title: What it writes, for people.
        write: Writes a model to a path, all or nothing.
        pipeline: The passes that make a model ready for it, as pipeline text.
        layouts: Returns the layout of each value that its artifacts state one for, `NHWC`; None where they never do.
    """

    name: str
    suffix: str
    title: str
    write: Writer
    pipeline: str = ""
    layouts: Layouts | None = None


BACKENDS: Catalog[Backend] = Catalog(
    "modelc.backends", "target", "MC412", lambda item: item if isinstance(item, Backend) else None
)
