"""Constants that lie in files of their own beside an artifact, as the attributes of ops in messages name them."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from modelc.ir.blob import Blob, BlobError, FileBlob, MissingBlob, confined
from modelc_backends.om.attributes import decode, integer

_LOCATIONS: Final = ("location", "file_path")  # attributes that name a file


def names_a_file(attributes: Mapping[str, Any]) -> bool:
    """Whether attributes in messages say that a constant lies outside."""
    return any(key in attributes for key in _LOCATIONS)


def outside_blob(artifact: Path, attributes: Mapping[str, Any], expected: int) -> Blob:
    """Return the constant that attributes in messages say lies outside.

    Args:
        artifact: The artifact; a file must lie in its folder, or below.
        attributes: What the op says.
        expected: Bytes of the constant, where the attributes do not say.

    Returns:
        A range of the file, or a MissingBlob that says why it cannot be had.
    """
    name = str(next((decode(attributes[key]) for key in _LOCATIONS if key in attributes), ""))
    length, offset = integer(attributes, "length"), integer(attributes, "offset") or 0
    nbytes = expected if length is None else length
    try:
        path = confined(artifact.resolve().parent, name)
        status = path.stat()
    except (BlobError, OSError, ValueError) as error:
        return MissingBlob(max(nbytes, 0), f"`{name}` cannot be read: {error}")
    if not stat.S_ISREG(status.st_mode):
        return MissingBlob(max(nbytes, 0), f"`{name}` is not a regular file")
    if min(nbytes, offset) < 0 or offset + nbytes > status.st_size:
        return MissingBlob(max(nbytes, 0), f"`{name}` has {status.st_size} bytes, {offset + nbytes} were expected")
    return FileBlob(path, offset, nbytes)
