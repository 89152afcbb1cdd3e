"""Checkpoints in TensorBundle form: an index, and shards that hold the bytes of tensors one behind the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from google.protobuf.message import DecodeError

from modelc.frontends.tensorflow.blobs import concatenated
from modelc.frontends.tensorflow.protos import message
from modelc.frontends.tensorflow.slices import Slice, covers, extents, slice_key
from modelc.frontends.tensorflow.sstable import read_table
from modelc.frontends.tensorflow.tensor import ELEMENT_OF, TensorError, dtype_name, shape_of
from modelc.frontends.wire import BadVarintError, WireFile, read_varint
from modelc.ir.blob import Blob, BlobError, FileBlob, LazyBlob, MissingBlob
from modelc.ir.constants import numpy_dtype
from modelc.ir.types import TensorType

OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_HEADER = b""
_BIG_ENDIAN = 1
_CHECKSUM = 4

Tensor: TypeAlias = tuple[TensorType, Blob]
Block: TypeAlias = tuple[tuple[slice, ...], tuple[int, ...], Blob]  # where it lies in the whole, its shape, its bytes


class Bundle:
    """The tensors of a checkpoint by key; the index is read at once, the shards never.

    A tensor whose shard is missing or too short has a MissingBlob.
    """

    def __init__(self, prefix: Path) -> None:
        """Read the index of the checkpoint at `prefix`, a path without `.index`.

        Raises:
            ModelcError: The index is missing, cut short or damaged.
        """
        self._prefix = prefix
        with WireFile(prefix.with_name(f"{prefix.name}.index")) as file:
            self._entries = read_table(file)
            header = _parse("BundleHeaderProto", self._entries.pop(_HEADER, b""))
            if header is None or header.num_shards < 1:
                raise file.corrupt(0, "it has no header")
        self._shards: int = header.num_shards
        self._swapped: bool = header.endianness == _BIG_ENDIAN
        self._sizes: dict[str, int] = {}

    def __contains__(self, key: str) -> bool:
        return key.encode() in self._entries

    def tensor(self, key: str, part: Slice | None = None) -> Tensor:
        """Return a tensor, or a part of it.

        Raises:
            TensorError: The checkpoint has no sound entry for it.
        """
        entry = self._entry(key.encode(), f"`{key}`")
        type_ = _type_of(entry)
        slices = [extents(each) for each in entry.slices]
        if part is not None and part in slices:
            return self._stored(key, type_, part)
        whole = self._assembled(key, type_, slices) if slices else self._blob(entry, type_)
        return (type_, whole) if part is None or covers(part, type_.dims) else _cut(type_, whole, part)

    def object_graph(self) -> Any | None:
        """Return the TrackableObjectGraph that object-based checkpoints carry, None where there is none."""
        blob = self._object_graph_blob()
        if blob is None:
            return None
        try:
            data = blob.read()
            size, index = read_varint(data, 0)
        except (BlobError, BadVarintError, IndexError):
            return None
        start = index + _CHECKSUM
        return _parse("TrackableObjectGraph", data[start : start + size])

    def object_graph_problem(self) -> str:
        """Return what is wrong with the shard that holds the object graph, empty where nothing is."""
        blob = self._object_graph_blob()
        return blob.problem if isinstance(blob, MissingBlob) else ""

    def _object_graph_blob(self) -> Blob | None:
        entry = _parse("BundleEntryProto", self._entries.get(OBJECT_GRAPH.encode(), b""))
        if entry is None or not entry.size:
            return None
        return self._range(entry.shard_id, entry.offset, entry.size)

    def _entry(self, key: bytes, title: str) -> Any:
        entry = _parse("BundleEntryProto", self._entries.get(key, b""))
        if key not in self._entries:
            raise TensorError(f"the checkpoint has no entry {title}")
        if entry is None:
            raise TensorError(f"entry {title} of the checkpoint is damaged")
        return entry

    def _stored(self, key: str, type_: TensorType, part: Slice) -> Tensor:
        """Return a slice that is stored by itself."""
        entry = self._entry(slice_key(key, part), f"for a slice of `{key}`")
        shape = tuple(dim if length < 0 else length for (_, length), dim in zip(part, type_.dims, strict=True))
        return type_.with_shape(shape), self._blob(entry, type_.with_shape(shape))

    def _assembled(self, key: str, type_: TensorType, slices: Sequence[Slice]) -> Blob:
        """Return the whole of a tensor that is stored in slices."""
        pieces = sorted((part, self._stored(key, type_, part)) for part in slices)
        covered = sum(piece.size for _, (piece, _) in pieces)
        blobs = [blob for _, (_, blob) in pieces]
        if covered != type_.size:
            return MissingBlob(type_.nbytes, f"the slices of `{key}` hold {covered} of {type_.size} elements")
        lacking = [blob for blob in blobs if isinstance(blob, MissingBlob)]
        if lacking:
            return MissingBlob(type_.nbytes, lacking[0].problem)
        if all(covers(part[1:], type_.dims[1:]) for part in slices):
            return concatenated(blobs)
        blocks = [(_places(part, piece.dims), piece.dims, blob) for part, (piece, blob) in pieces]
        return LazyBlob(type_.nbytes, _joined(type_, blocks))

    def _blob(self, entry: Any, type_: TensorType) -> Blob:
        if entry.size != type_.nbytes:
            return MissingBlob(type_.nbytes, f"its entry has {entry.size} bytes, {type_} needs {type_.nbytes}")
        blob = self._range(entry.shard_id, entry.offset, entry.size)
        if self._swapped and not isinstance(blob, MissingBlob) and type_.element is not None:
            return LazyBlob(type_.nbytes, _swap(blob, type_))
        return blob

    def _range(self, shard: int, offset: int, size: int) -> Blob:
        name = f"{self._prefix.name}.data-{shard:05d}-of-{self._shards:05d}"
        path = self._prefix.with_name(name)
        if not 0 <= shard < self._shards:
            return MissingBlob(size, f"shard {shard} does not exist, the checkpoint has {self._shards}")
        if name not in self._sizes:
            self._sizes[name] = path.stat().st_size if path.is_file() else -1
        found = self._sizes[name]
        if found < 0:
            return MissingBlob(size, f"shard `{name}` is missing")
        if offset < 0 or offset + size > found:
            return MissingBlob(size, f"shard `{name}` ends at byte {found}, {offset + size} are needed")
        return FileBlob(path, offset, size)


def _parse(name: str, data: bytes) -> Any | None:
    try:
        return message(name).FromString(data)
    except DecodeError:
        return None


def _type_of(entry: Any) -> TensorType:
    element = ELEMENT_OF.get(entry.dtype)
    if element is None or not element.nbytes:
        raise TensorError(f"its elements are {dtype_name(entry.dtype)}")
    type_ = TensorType(element, shape_of(entry.shape))
    if not type_.is_static:
        raise TensorError(f"its type is {type_}")
    return type_


def _swap(blob: Blob, type_: TensorType) -> Callable[[], bytes]:
    assert type_.element is not None
    width = type_.element.nbytes // (2 if type_.element.family == "complex" else 1)
    return lambda: np.frombuffer(blob.read(), f"V{width}").view(f">u{width}").astype(f"<u{width}").tobytes()


def _places(part: Slice, shape: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(start, start + dim) for (start, _), dim in zip(part, shape, strict=True))


def _joined(type_: TensorType, blocks: Sequence[Block]) -> Callable[[], bytes]:
    def join() -> bytes:
        assert type_.element is not None
        dtype = numpy_dtype(type_.element)
        whole = np.empty(type_.dims, dtype)
        for places, shape, blob in blocks:
            whole[places] = np.frombuffer(blob.read(), dtype).reshape(shape)
        return whole.tobytes()

    return join


def _cut(type_: TensorType, whole: Blob, part: Slice) -> Tensor:
    """Return a part of a tensor that is stored as a whole."""
    if len(part) != len(type_.dims) or any(s < 0 or s + n > d for (s, n), d in zip(part, type_.dims, strict=True)):
        raise TensorError(f"the slice {part} does not fit {type_}")
    shape = tuple(dim if length < 0 else length for (_, length), dim in zip(part, type_.dims, strict=True))
    cut = type_.with_shape(shape)
    if isinstance(whole, MissingBlob):
        return cut, MissingBlob(cut.nbytes, whole.problem)
    if isinstance(whole, FileBlob) and covers(part[1:], type_.dims[1:]):
        row = type_.nbytes // max(1, type_.dims[0])
        return cut, FileBlob(whole.path, whole.offset + part[0][0] * row, cut.nbytes)
    return cut, LazyBlob(cut.nbytes, _selected(type_, whole, _places(part, shape)))


def _selected(type_: TensorType, whole: Blob, places: tuple[slice, ...]) -> Callable[[], bytes]:
    def select() -> bytes:
        assert type_.element is not None
        array = np.frombuffer(whole.read(), numpy_dtype(type_.element)).reshape(type_.dims)
        return bytes(array[places].tobytes())

    return select
