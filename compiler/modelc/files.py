"""Text files that are written as a whole or not at all."""

from __future__ import annotations

import secrets
from pathlib import Path

from modelc.diagnostics.diagnostic import fail


def write_text(path: Path, text: str) -> None:
    """Write a file as a whole or not at all; what UTF-8 cannot say is escaped.

    Raises:
        ModelcError: It cannot be written; nothing has changed then.
    """
    temporary = path.with_name(f".{path.name[:200]}.{secrets.token_hex(6)}.part")
    try:
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))
        temporary.replace(path)
    except OSError as error:
        raise fail("MC503", f"`{path}` cannot be written: {error.strerror}", file=str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)
