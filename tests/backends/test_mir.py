"""The backend that writes `.mir` files with their weights beside them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from modelc.diagnostics.diagnostic import ModelcError, Sink
from modelc.frontends.frontend import LoadOptions
from modelc.ir.blob import Blob, BytesBlob, FileBlob, LazyBlob, MissingBlob
from modelc.ir.compare import differences
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.ir.types import F32, tensor
from modelc.text.frontend import FRONTEND
from modelc_backends.mir import write_mir

LARGE = bytes(range(256)) * 16


def model_of(*blobs: Blob) -> Model:
    graph = Graph()
    graph.append(Op("input", (), {"names": ()}))
    constants = [
        graph.append(Op("const", (), {"value": blob}, (tensor(F32, blob.nbytes // 4),), name="w")).result
        for blob in blobs
    ]
    graph.append(Op("return", tuple(constants), {"names": tuple(f"o{i}" for i in range(len(blobs)))}))
    return Model(graph)


def read(path: Path) -> Model:
    return FRONTEND.load(path, LoadOptions(), Sink())


def blobs_of(model: Model) -> list[object]:
    return [op.attributes["value"] for op in model.graph if op.kind == "const"]


def test_large_constants_go_to_a_file_beside_the_text(tmp_path: Path) -> None:
    path = tmp_path / "m.mir"
    model = model_of(BytesBlob(LARGE), BytesBlob(b"\0\0\0\0"), LazyBlob(len(LARGE), lambda: LARGE[::-1]))
    artifact = write_mir(model, path)
    assert artifact.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert artifact.nbytes == path.stat().st_size
    assert (tmp_path / "m.mir.weights").stat().st_size == 2 * len(LARGE)
    again = read(path)
    assert differences(model.graph, again.graph) == []
    assert blobs_of(again)[0] == FileBlob(tmp_path / "m.mir.weights", 0, len(LARGE))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["m.mir", "m.mir.weights"]


def test_the_pair_can_be_moved(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    model = model_of(BytesBlob(LARGE))
    write_mir(model, tmp_path / "a" / "m.mir")
    (tmp_path / "a").rename(tmp_path / "b")
    assert differences(model.graph, read(tmp_path / "b" / "m.mir").graph) == []


def test_files_that_exist_are_referred_to(tmp_path: Path) -> None:
    source = tmp_path / "weights.bin"
    source.write_bytes(LARGE)
    model = model_of(FileBlob(source, 256, 512), MissingBlob(8, "shard 1 is missing"))
    write_mir(model, tmp_path / "m.mir")
    assert blobs_of(read(tmp_path / "m.mir")) == blobs_of(model)
    assert not (tmp_path / "m.mir.weights").exists()


def test_equal_constants_are_written_once(tmp_path: Path) -> None:
    lazy = LazyBlob(len(LARGE), lambda: LARGE)
    write_mir(model_of(lazy, lazy, BytesBlob(LARGE), BytesBlob(LARGE)), tmp_path / "m.mir")
    assert (tmp_path / "m.mir.weights").stat().st_size == 2 * len(LARGE)


def test_a_model_can_be_written_over_the_file_it_came_from(tmp_path: Path) -> None:
    path = tmp_path / "m.mir"
    original = model_of(BytesBlob(LARGE), BytesBlob(LARGE[::-1]))
    write_mir(original, path)
    again = read(path)
    again.graph.set_operands(again.graph.return_op, again.graph.outputs[1:])
    again.graph.set_attribute(again.graph.return_op, "names", ("o1",))
    again.graph.erase(next(op for op in again.graph if op.kind == "const"))
    expected = model_of(BytesBlob(LARGE[::-1]))
    expected.graph.set_attribute(expected.graph.return_op, "names", ("o1",))
    write_mir(again, path)
    assert differences(expected.graph, read(path).graph, origins=False) == []
    assert (tmp_path / "m.mir.weights").stat().st_size == len(LARGE)


def test_a_constant_that_cannot_be_read_is_written_as_missing(tmp_path: Path) -> None:
    broken = LazyBlob(len(LARGE), lambda: b"")
    write_mir(model_of(broken, BytesBlob(LARGE)), tmp_path / "m.mir")
    missing, whole = blobs_of(read(tmp_path / "m.mir"))
    assert isinstance(missing, MissingBlob)
    assert isinstance(whole, FileBlob)
    assert whole.read() == LARGE


def test_nothing_is_left_behind_when_writing_fails(tmp_path: Path) -> None:
    def fault() -> bytes:
        raise MemoryError

    path = tmp_path / "m.mir"
    path.write_text("old")
    with pytest.raises(MemoryError):
        write_mir(model_of(LazyBlob(len(LARGE), fault)), path)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.mir"]


def test_a_folder_that_does_not_exist_is_a_finding(tmp_path: Path) -> None:
    with pytest.raises(ModelcError) as caught:
        write_mir(model_of(), tmp_path / "absent" / "m.mir")
    assert caught.value.diagnostics[0].code == "MC503"
