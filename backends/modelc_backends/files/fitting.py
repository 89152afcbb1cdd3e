"""Messages of at most 2 GiB: which constants go outside so that the rest fits, and what to say of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeAlias

from modelc.backend import Artifact, WriteOptions
from modelc.diagnostics.diagnostic import Diagnostic, Fix, fail, finding
from modelc.ir.blob import Blob
from modelc.ir.model import Model
from modelc_backends.files.outside import LEAST, Outside
from modelc_backends.files.stream import Stream
from modelc_backends.files.writer import output_target, weights_folder

LIMIT: Final = (1 << 31) - 1  # bytes protobuf takes of one message

Emit: TypeAlias = Callable[[Outside | None], Stream]  # from where big constants go to the message without them


def fitting(
    model: Model, path: Path, options: WriteOptions, emit: Emit, *, together: bool = False
) -> tuple[Stream, Outside | None]:
    """Return a message that fits, and the constants outside of it: where it would be too long, or on request.

    Args:
        model: What is written.
        path: The artifact.
        options: What the user asked for.
        emit: Makes the message.
        together: Whether all constants outside go into one file.

    Raises:
        ModelcError: All that the format cannot say.
    """
    if not options.external_weights and _constants(model) <= LIMIT:
        stream = emit(None)
        if stream.nbytes <= LIMIT:
            return stream, None
    folder = weights_folder(output_target(path)).name
    for least in LEAST:
        outside = Outside(folder, least, together)
        stream = emit(outside)
        if stream.nbytes <= LIMIT:
            return stream, outside
    raise fail(
        "MC504",
        f"the model has {_size(stream.nbytes)} besides its big constants, an artifact holds at most 2 GiB",
        fixes=[Fix("split the model")],
    )


def _constants(model: Model) -> int:
    blobs = (op.attributes.get("value") for op in model.ops() if op.kind == "const")
    return sum(blob.nbytes for blob in blobs if isinstance(blob, Blob))


def with_outside(artifact: Artifact, outside: Outside | None, options: WriteOptions) -> Artifact:
    """Return `artifact` with what there is to say of its constants."""
    if outside is None:
        return artifact
    target = artifact.path.resolve() if artifact.path.is_symlink() else artifact.path
    told = _told(outside, artifact.path, options)
    return replace(artifact, weights=weights_folder(target) if outside else None, findings=(told,))


def _told(outside: Outside, path: Path, options: WriteOptions) -> Diagnostic:
    """Return what to say of constants that lie outside."""
    if not outside:
        text = f"no constant of the model has {outside.least >> 10} KiB or more, `{path.name}` holds all of them"
        return finding("MC505", text, file=str(path))
    reason = "it was asked for" if options.external_weights else "a file of this kind holds at most 2 GiB"
    files = "1 file" if len(outside) == 1 else f"{len(outside)} files"
    return finding(
        "MC505",
        f"{_size(outside.nbytes)} of constants lie beside `{path.name}`, in {files} of the folder `{outside.folder}`",
        file=str(path),
        notes=[f"why: {reason}"],
        fixes=[Fix("copy or move both together, the folder keeps its name")],
    )


def _size(nbytes: int) -> str:
    return f"{nbytes / (1 << 30):.1f} GiB" if nbytes >= 1 << 30 else f"{nbytes / (1 << 20):.1f} MiB"
