"""Arrays in npz files, under the public names of inputs and outputs."""

from __future__ import annotations

import secrets
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import Fix, ModelcError, fail
from modelc.ir.constants import numpy_dtype
from modelc.ir.types import element_of_numpy

SLASH = "____"  # read as `/`: programs that take members of an archive for files write names so
_CORRUPT = (ValueError, TypeError, AttributeError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error)


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of an npz file by name.

    Raises:
        ModelcError: The file is absent or holds something else than plain arrays.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name.replace(SLASH, "/"): archive[name] for name in archive.files}
    except FileNotFoundError:
        raise fail("MC101", f"`{path}` does not exist", file=str(path)) from None
    except OSError as error:
        raise fail("MC101", f"`{path}` cannot be read: {error.strerror or error}", file=str(path)) from error
    except MemoryError:
        raise fail("MC118", f"`{path.name}` holds more than there is memory for", file=str(path)) from None
    except _CORRUPT as error:
        raise _no_archive(path, error) from error


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays to an npz file, as a whole or not at all.

    Raises:
        ModelcError: It cannot be written.
    """
    temporary = path.with_name(f".{path.name[:200]}.{secrets.token_hex(6)}.part")
    try:
        with zipfile.ZipFile(temporary, "w") as archive:
            for name, array in arrays.items():
                # numpy's own savez cannot write every name: `file` is one of its parameters.
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, _plain(array), allow_pickle=False)
        temporary.replace(path)
    except OSError as error:
        raise fail("MC503", f"`{path}` cannot be written: {error.strerror}", file=str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write one array to a file that only this process and its parent read."""
    with path.open("wb") as file:
        np.lib.format.write_array(file, _plain(array), allow_pickle=False)


def map_array(path: Path, dtype: str) -> NDArray[Any]:
    """Return the array that `write_array` wrote, mapped from its file; `dtype` is the name of its type."""
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    # Files of arrays name only numpy's own types.
    return array.view(numpy_dtype(element_of_numpy(dtype))) if array.dtype.kind == "V" else array


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array without Python objects: text as bytes."""
    return array.astype(np.bytes_) if array.dtype.kind == "O" else array


def _no_archive(path: Path, error: Exception) -> ModelcError:
    fixes = [Fix("write it with `numpy.savez(file, **{name: array, ...})`")]
    if "allow_pickle" in str(error):
        return fail("MC601", f"`{path.name}` holds Python objects, which are not loaded", file=str(path), fixes=fixes)
    return fail("MC601", f"`{path.name}` is not a readable npz file: {error}", file=str(path), fixes=fixes)
