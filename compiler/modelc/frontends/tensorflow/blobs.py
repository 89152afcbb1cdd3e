"""Blobs made of other blobs."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field

from modelc.ir.blob import Blob


@dataclass(frozen=True, slots=True)
class PartsBlob(Blob):
    """Blobs one behind the other, such as the shards of a partitioned variable.

    Attributes:
        parts: The blobs in order.
    """

    parts: tuple[Blob, ...]
    nbytes: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "nbytes", sum(part.nbytes for part in self.parts))

    def read(self) -> bytes:
        """Read all parts."""
        return b"".join(self.chunks())

    def chunks(self) -> Iterator[bytes]:
        """Yield the pieces of every part in turn."""
        for part in self.parts:
            yield from part.chunks()

    @property
    def key(self) -> Hashable:
        """The keys of the parts."""
        return tuple(part.key for part in self.parts)


def concatenated(parts: Sequence[Blob]) -> Blob:
    """Return `parts` as one blob."""
    return parts[0] if len(parts) == 1 else PartsBlob(tuple(parts))
