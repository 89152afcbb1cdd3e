"""Loading: the kind of a source is told from its content, then its own reader takes it."""

from __future__ import annotations

from pathlib import Path

from modelc.diagnostics.diagnostic import Fix, Sink, fail
from modelc.frontends.frontend import Frontend, LoadOptions
from modelc.ir.model import Model
from modelc.plugins import Catalog

HEAD = 4096  # bytes of a file that readers judge it by

FRONTENDS: Catalog[Frontend] = Catalog(
    "modelc.frontends", "frontend", "MC103", lambda item: item if isinstance(item, Frontend) else None
)


def detect(path: Path) -> Frontend:
    """Return the reader for `path`.

    Raises:
        ModelcError: The path does not exist, is empty, or is of no kind that any reader knows.
    """
    try:
        head = _head(path)
    except FileNotFoundError:
        raise fail("MC101", f"`{path}` does not exist", file=str(path)) from None
    except OSError as error:
        raise fail("MC101", f"`{path}` cannot be read: {error.strerror}", file=str(path)) from error
    candidates = ((FRONTENDS.get(name).recognizes(path, head), name) for name in FRONTENDS.names())
    certainty, name = max(candidates, default=(0, ""))
    if certainty:
        return FRONTENDS.get(name)
    if path.is_file() and not head:
        raise fail("MC102", f"`{path.name}` is empty", file=str(path), fixes=[Fix("export or copy the model again")])
    if path.is_dir():
        raise _not_a_model(path)
    raise fail(
        "MC103", f"`{path.name}` is of no kind that can be read", file=str(path), fixes=[Fix(f"give {_kinds()}")]
    )


def load(path: Path, options: LoadOptions, sink: Sink) -> Model:
    """Read the model at `path` with the reader that its content calls for."""
    return detect(path).load(path, options, sink)


def _head(path: Path) -> bytes:
    if path.is_dir():
        return b""
    with path.open("rb") as file:
        return file.read(HEAD)


def _kinds() -> str:
    return ", ".join(FRONTENDS.get(name).a_title for name in FRONTENDS.names())


def _not_a_model(path: Path) -> Exception:
    found = sorted(entry.name for entry in path.iterdir())[:8]
    return fail(
        "MC104",
        f"folder `{path.name}` holds no model: there is no saved_model.pb in it",
        file=str(path),
        evidence=[("found", ", ".join(found) or "nothing")],
        fixes=[Fix("give the folder that `model.export` or `tf.saved_model.save` wrote")],
    )
