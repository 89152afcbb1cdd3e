"""The backend that writes the textual IR, with a file beside it for what does not fit a text."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelc.backend import PLAIN, Artifact, Backend, WriteOptions
from modelc.diagnostics.diagnostic import Fix, fail
from modelc.ir.model import Model
from modelc.text.blobs import Payload
from modelc.text.printer import print_model
from modelc_backends.pipelines import LOWERING

SUFFIX = ".weights"


def write_mir(model: Model, path: Path, options: WriteOptions = PLAIN) -> Artifact:
    """Write `model` to `path`, and constants that were computed to `path.weights` beside it.

    Constants that are ranges of other files stay there and are referred to. Both files are written in full before one
    of them takes its place.

    Raises:
        ModelcError: The files cannot be written; then neither of them has changed.
    """
    weights = path.with_name(path.name + SUFFIX)
    try:
        with _temporary(path) as text_file, _temporary(weights) as weights_file:
            size = _write(model, text_file, weights_file, weights)
            data = text_file.read_bytes()
            if size:
                weights_file.replace(weights)
            text_file.replace(path)
    except OSError as error:
        problem = f"`{path}` cannot be written: {error.strerror or error}"
        raise fail("MC503", problem, file=str(path), fixes=[Fix("name another output", "-o FILE")]) from error
    return Artifact(path, "mir", "textual IR", hashlib.sha256(data).hexdigest(), len(data))


def _write(model: Model, text_file: Path, weights_file: Path, weights: Path) -> int:
    with weights_file.open("wb") as file:
        payload = Payload(file, weights.name, weights.parent)
        text = print_model(model, payload=payload)
        file.truncate(payload.size)
    text_file.write_bytes(text.encode("utf-8"))
    return payload.size


@contextmanager
def _temporary(target: Path) -> Iterator[Path]:
    """Give a name for a file beside `target`, which is removed if it is still there at the end."""
    path = target.with_name(f".{target.name[:200]}.{secrets.token_hex(6)}.part")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


MIR = Backend("mir", ".mir", "textual IR", write_mir, LOWERING)
