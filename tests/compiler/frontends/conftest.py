"""Graphs, signatures and checkpoints written without TensorFlow, for the tests of the readers."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format
from numpy.typing import NDArray

from modelc.frontends.tensorflow.protos import message
from modelc.frontends.tensorflow.sstable import masked_crc32c
from modelc.frontends.wire import write_varint

DTYPES = {"float32": 1, "int32": 3, "int8": 6, "int64": 9, "bool": 10, "float16": 19}
Node = tuple[str, str, Sequence[str], Mapping[str, str]]


@pytest.fixture(scope="session")
def make_graph() -> Callable[..., Any]:
    """Make a GraphDef of (name, op, inputs, attributes as protobuf text)."""

    def make(nodes: Sequence[Node], library: str = "") -> Any:
        graph = text_format.Parse(library, message("GraphDef")())
        for name, op, inputs, attributes in nodes:
            node = graph.node.add(name=name, op=op, input=list(inputs))
            for key, value in attributes.items():
                text_format.Parse(value, node.attr[key])
        return graph

    return make


@pytest.fixture
def graph_file(tmp_path: Path, make_graph: Callable[..., Any]) -> Callable[..., Path]:
    """Write a graph as a frozen graph file."""

    def write(nodes: Sequence[Node], library: str = "", name: str = "model.pb") -> Path:
        graph, path = make_graph(nodes, library), tmp_path / name
        if path.suffix == ".pbtxt":
            path.write_text(text_format.MessageToString(graph))
        else:
            path.write_bytes(graph.SerializeToString())
        return path

    return write


@pytest.fixture
def saved_model(tmp_path: Path, make_graph: Callable[..., Any]) -> Callable[..., Path]:
    """Write a SavedModel with one meta graph; signatures are protobuf text of a MetaGraphDef."""

    def write(nodes: Sequence[Node], meta: str, tags: Sequence[str] = ("serve",), name: str = "saved") -> Path:
        model = message("SavedModel")(saved_model_schema_version=1)
        graph = text_format.Parse(meta, model.meta_graphs.add())
        graph.meta_info_def.tags.extend(tags)
        graph.meta_info_def.tensorflow_version = "2.0"
        graph.graph_def.CopyFrom(make_graph(nodes))
        folder = tmp_path / name
        folder.mkdir()
        (folder / "saved_model.pb").write_bytes(model.SerializeToString())
        return folder

    return write


def entry_of(array: NDArray[Any], shard: int, offset: int) -> Any:
    entry = message("BundleEntryProto")(
        dtype=DTYPES[array.dtype.name], shard_id=shard, offset=offset, size=array.nbytes
    )
    entry.shape.SetInParent()
    for dim in array.shape:
        entry.shape.dim.add(size=dim)
    return entry


def block_of(entries: Mapping[bytes, bytes]) -> bytes:
    data, previous = b"", b""
    for key in sorted(entries):
        shared = 0
        while shared < min(len(key), len(previous)) and key[shared] == previous[shared]:
            shared += 1
        value = entries[key]
        data += write_varint(shared) + write_varint(len(key) - shared) + write_varint(len(value)) + key[shared:] + value
        previous = key
    return data + struct.pack("<II", 0, 1)


@pytest.fixture(scope="session")
def make_table() -> Callable[..., bytes]:
    """Make a sorted string table of the given blocks, each plain or put through a compressor."""

    def make(blocks: Sequence[Mapping[bytes, bytes]], compress: Callable[[bytes], bytes] | None = None) -> bytes:
        file, index = b"", {}

        def append(entries: Mapping[bytes, bytes]) -> bytes:
            nonlocal file
            plain = block_of(entries)
            data, kind = (plain, b"\0") if compress is None else (compress(plain), b"\1")
            handle = write_varint(len(file)) + write_varint(len(data))
            file += data + kind + struct.pack("<I", masked_crc32c(data + kind))
            return handle

        for block in blocks:
            index[max(block)] = append(block)
        handles = append({}) + append(index)
        return file + handles.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)

    return make


@pytest.fixture(scope="session")
def write_bundle(make_table: Callable[..., bytes]) -> Callable[..., Path]:
    """Write a checkpoint; arrays go to the shards in turn."""

    def write(prefix: Path, arrays: Mapping[str, NDArray[Any]], shards: int = 1, big_endian: bool = False) -> Path:
        prefix.parent.mkdir(parents=True, exist_ok=True)
        data = [b""] * shards
        entries = {b"": message("BundleHeaderProto")(num_shards=shards, endianness=int(big_endian)).SerializeToString()}
        for place, (key, array) in enumerate(arrays.items()):
            shard = place % shards
            entries[key.encode()] = entry_of(array, shard, len(data[shard])).SerializeToString()
            dtype = array.dtype.newbyteorder(">") if big_endian else array.dtype
            data[shard] += np.asarray(array).astype(dtype).tobytes()
        prefix.with_name(f"{prefix.name}.index").write_bytes(make_table([entries]))
        for shard, content in enumerate(data):
            prefix.with_name(f"{prefix.name}.data-{shard:05d}-of-{shards:05d}").write_bytes(content)
        return prefix

    return write
