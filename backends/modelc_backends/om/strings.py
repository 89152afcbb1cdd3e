"""String tensors: the Graph Engine's arrangement of their bytes, and the IR's.

The Graph Engine puts one head per element, the offset of its text from the start of the tensor and its length, both
64-bit; then the texts, each ended by a zero byte.
"""

from __future__ import annotations

import struct

from modelc.ir.blob import Blob, BlobError, BytesBlob, pack_strings, unpack_strings

HEAD = 16
LIMIT = 256 << 20  # bytes of texts that are rearranged in memory


def to_ge(blob: Blob, count: int) -> Blob:
    """Return a string tensor of the IR as the Graph Engine arranges it; raises BlobError when it is damaged."""
    texts = unpack_strings(_read(blob), count)
    heads, body = bytearray(), bytearray()
    for text in texts:
        heads += struct.pack("<qq", HEAD * count + len(body), len(text))
        body += text + b"\0"
    return BytesBlob(bytes(heads + body))


def from_ge(blob: Blob, count: int) -> Blob:
    """Return a string tensor of the Graph Engine as the IR arranges it; raises BlobError when it is damaged."""
    data = _read(blob)
    if len(data) < HEAD * count:
        raise BlobError("a string tensor is shorter than its table")
    texts, total = [], 0
    for offset, length in struct.iter_unpack("<qq", data[: HEAD * count]):
        total += length
        if min(offset, length) < 0 or max(offset + length, total) > len(data):
            raise BlobError("a string tensor does not match its table")
        texts.append(data[offset : offset + length])
    return BytesBlob(pack_strings(texts))


def _read(blob: Blob) -> bytes:
    if blob.nbytes > LIMIT:
        raise BlobError(f"a string tensor of {blob.nbytes >> 20} MiB is more than can be held")
    return blob.read()
