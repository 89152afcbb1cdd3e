"""Weights that are computed while they are written: scaled along an axis, or the result of an op."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelc.ir.blob import Blob, BytesBlob
from modelc.ir.constants import numpy_dtype, to_array, to_blob
from modelc.ir.types import TensorType

SMALL = 1 << 16  # bytes that are computed at once
MOST_WORK = 32  # computations that reading one weight may take


@dataclass(frozen=True, eq=False)
class ScaledBlob(Blob):
    """A weight times one factor per index along one axis; passes through in pieces, never held as a whole.

    Attributes:
        source: The weight.
        type: Its type, a floating-point one.
        axis: The axis.
        factors: One factor per index.
    """

    source: Blob
    type: TensorType
    axis: int
    factors: NDArray[np.float64]

    @property
    def nbytes(self) -> int:  # type: ignore[override]
        """Bytes of the weight."""
        return self.source.nbytes

    @property
    def key(self) -> Hashable:
        """What it is computed from."""
        return (self.source.key, self.type, self.axis, self.factors.tobytes())

    @cached_property
    def _wide(self) -> NDArray[Any]:
        # Weights of 16 bits are multiplied in 32 and rounded once.
        dtype = np.float64 if self.type.element is not None and self.type.element.bits == 64 else np.float32
        return self.factors.astype(dtype)

    def read(self) -> bytes:
        """Return all bytes."""
        return b"".join(self.chunks())

    def chunks(self) -> Iterator[bytes]:
        """Yield the products in pieces as the source yields its numbers."""
        assert self.type.element is not None
        dtype = numpy_dtype(self.type.element)
        inner = int(np.prod(self.type.dims[self.axis + 1 :], dtype=np.int64))
        position, rest = 0, b""
        for chunk in self.source.chunks():
            data = rest + chunk
            whole = len(data) - len(data) % dtype.itemsize
            rest = data[whole:]
            numbers = np.frombuffer(data[:whole], dtype)
            yield self._times_factors(numbers, position, inner).astype(dtype, copy=False).tobytes()
            position += len(numbers)

    def _times_factors(self, numbers: NDArray[Any], position: int, inner: int) -> NDArray[Any]:
        period = len(self._wide)
        if inner != 1:
            indices = np.arange(position, position + len(numbers)) // inner % period
            return np.asarray(numbers * self._wide[indices])
        # Factors follow each other as the numbers do: whole rows of them, and what is left over at both ends.
        start = position % period
        head = min(-start % period, len(numbers))
        body = head + (len(numbers) - head) // period * period
        result = np.empty(len(numbers), self._wide.dtype)
        np.multiply(numbers[:head], self._wide[start : start + head], out=result[:head])
        rows = result[head:body].reshape(-1, period)
        np.multiply(numbers[head:body].reshape(-1, period), self._wide, out=rows)
        np.multiply(numbers[body:], self._wide[: len(numbers) - body], out=result[body:])
        return result


def scaled(blob: Blob, type_: TensorType, axis: int, factors: NDArray[np.float64]) -> Blob:
    """Return `blob` times `factors` along `axis`; small ones are computed at once."""
    result = ScaledBlob(blob, type_, axis, factors)
    if isinstance(blob, ScaledBlob) and (blob.type, blob.axis) == (type_, axis):
        result = ScaledBlob(blob.source, type_, axis, blob.factors * factors)
    return BytesBlob(result.read()) if result.nbytes <= SMALL else result


@dataclass(frozen=True, eq=False)
class ComputedBlob(Blob):
    """A result of an op on constants, computed anew whenever it is asked for.

    Attributes:
        compute: Returns the number of the result from the numbers of the operands.
        operands: The constants.
        identity: What else decides the result, for equal keys.
        nbytes: Bytes of the result.
    """

    compute: Callable[[list[NDArray[Any]]], NDArray[Any]]
    operands: tuple[tuple[Blob, TensorType], ...]
    identity: Hashable
    nbytes: int

    @property
    def key(self) -> Hashable:
        """The op and its operands."""
        return (self.identity, tuple((blob.key, type_) for blob, type_ in self.operands))

    @cached_property
    def work(self) -> int:
        """How many computations reading it takes."""
        return 1 + sum(work(blob) for blob, _ in self.operands)

    def read(self) -> bytes:
        """Compute the bytes."""
        return to_blob(self.compute([to_array(blob, type_) for blob, type_ in self.operands])).read()


def work(blob: Blob) -> int:
    """Return how many computations reading `blob` takes, 0 for one that is simply there."""
    if isinstance(blob, ScaledBlob):
        return 1 + work(blob.source)
    return blob.work if isinstance(blob, ComputedBlob) else 0
