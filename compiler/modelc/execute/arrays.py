"""Arrays in npz files, under the public names of inputs and outputs."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import fail

SLASH = "____"  # stands for `/` in member names, which are file names inside of the archive


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of an npz file by name.

    Raises:
        ModelcError: The file is absent or holds something else than plain arrays.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name.replace(SLASH, "/"): archive[name] for name in archive.files}
    except (OSError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise fail("MC601", f"`{path}` is not a readable npz file: {error}", file=str(path)) from error


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays to an npz file, as a whole or not at all."""
    members: dict[str, Any] = {name.replace("/", SLASH): array for name, array in arrays.items()}
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            np.savez(file, **members)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise fail("MC503", f"`{path}` cannot be written: {error.strerror}", file=str(path)) from error
