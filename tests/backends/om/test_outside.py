"""Constants in files beside an artifact: written and replaced as a set, read back, never from elsewhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelc.backend import Artifact, Backend, WriteOptions
from modelc.cli.main import main
from modelc.diagnostics.diagnostic import ModelcError, Sink
from modelc.frontends.frontend import Frontend, LoadOptions
from modelc.frontends.soundness import findings
from modelc.ir.attributes import Attribute
from modelc.ir.blob import Blob, BlobError, LazyBlob, SplatBlob
from modelc.ir.constants import to_blob
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.ir.types import F32, tensor
from modelc_backends.files import fitting, writer
from modelc_backends.files.stream import Stream
from modelc_backends.om import backend as backends
from modelc_backends.om.backend import AIR, OM, wrap
from modelc_backends.om.conformance import check
from modelc_backends.om.container import open_om
from modelc_backends.om.header import parse
from modelc_backends.om.reader import FRONTEND_AIR, FRONTEND_OM, load_om
from modelc_backends.om.schema import message

ASKED = WriteOptions(external_weights=True)
KINDS = [(OM, FRONTEND_OM), (AIR, FRONTEND_AIR)]
BIG = 1 << 15  # floats


def numbers(seed: int, count: int = BIG) -> Any:
    return np.random.default_rng(seed).standard_normal(count).astype(np.float32)


@pytest.fixture
def big(builder: Any) -> Callable[..., Model]:
    """A model with a constant for each given blob or seed, in whose names there is what files cannot have."""

    def make(*weights: Blob | int) -> Model:
        b = builder()
        (x,) = b.inputs(x=tensor(F32, BIG))
        small = b.const(np.array([1], np.int32), "small")
        for index, weight in enumerate(weights):
            blob = to_blob(numbers(weight)) if isinstance(weight, int) else weight
            attributes: dict[str, Attribute] = {"value": blob}
            constant = b.graph.append(Op("const", (), attributes, (tensor(F32, BIG),), name=f"../block {index}/kernel"))
            x = b.op("ge.Add", [x, constant.result], tensor(F32, BIG), name=f"add{index}").result
        cast = b.op("ge.Cast", [small], tensor(F32, 1), name="cast", attributes={"dst_type": 0}).result
        return Model(b.returns(y=x, z=cast))

    return make


def constants(model: Model) -> dict[str, bytes]:
    return {op.name: op.attributes["value"].read() for op in model.graph if op.kind == "const"}  # type: ignore[union-attr]


def read(path: Path, frontend: Frontend) -> dict[str, bytes]:
    return constants(frontend.load(path, LoadOptions(), Sink()))


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


# -- what is written


@pytest.mark.parametrize(("backend", "frontend"), KINDS)
def test_constants_go_outside_on_request(big: Any, tmp_path: Path, backend: Backend, frontend: Frontend) -> None:
    model = big(1, 2)
    artifact = backend.write(model, tmp_path / "m", ASKED)
    assert read(artifact.path, frontend) == {op.replace(" ", "_"): data for op, data in constants(model).items()}
    assert findings(artifact.path, check(artifact.path)) == []
    assert artifact.weights == tmp_path / "m.weights"
    assert [path.stat().st_size for path in artifact.weights.iterdir()] == [4 * BIG] * 2
    assert artifact.nbytes == artifact.path.stat().st_size < 20_000
    (told,) = artifact.findings
    assert told.code == "MC505"
    assert told.message == "0.2 MiB of constants lie beside `m`, in 2 files of the folder `m.weights`"


def test_the_form_that_atc_reads(big: Any, tmp_path: Path) -> None:
    path = AIR.write(big(1), tmp_path / "m.air", ASKED).path
    graph = message("ModelDef").FromString(path.read_bytes()).graph[0]
    const = next(op for op in graph.op if op.name.endswith("kernel"))
    tensor_ = const.attr["value"].t
    assert (tensor_.data, list(tensor_.desc.shape.dim)) == (b"", [BIG])
    assert const.attr["length"].i == 4 * BIG
    location = const.attr["location"].s.decode()
    assert (tmp_path / location).read_bytes() == numbers(1).tobytes()
    small = next(op for op in graph.op if op.name == "small")
    assert "location" not in small.attr
    assert small.attr["value"].t.data == np.int32(1).tobytes()


def test_constants_go_outside_where_they_must(big: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "LIMIT", 6 * BIG)
    assert AIR.write(big(1), tmp_path / "a.air").weights is None
    artifact = AIR.write(big(1, 2), tmp_path / "b.air")
    assert artifact.weights is not None
    assert [d.notes for d in artifact.findings] == [("why: a file of this kind holds at most 2 GiB",)]
    assert set(constants(big(1, 2)).values()) == set(read(artifact.path, FRONTEND_AIR).values())


def test_smaller_constants_go_outside_where_big_ones_are_not_enough(
    builder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    b = builder()
    b.inputs()
    outputs = {f"y{i}": b.const(numbers(i, 500), f"c{i}") for i in range(50)}
    model = Model(b.returns(**outputs))
    monkeypatch.setattr(fitting, "LIMIT", 80_000)
    artifact = OM.write(model, tmp_path / "m.om")
    assert artifact.weights is not None
    assert len(list(artifact.weights.iterdir())) == 50
    monkeypatch.setattr(fitting, "LIMIT", 100)
    with pytest.raises(ModelcError, match=r"MC504: the model has .* besides its big constants"):
        OM.write(model, tmp_path / "n.om")


def test_two_gibibytes_are_the_limit(big: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fitting.LIMIT == 2**31 - 1
    taken: list[Any] = []

    def take(stream: Stream, path: Path, outside: Any = None) -> str:
        taken.append((stream.nbytes, outside and outside.nbytes))
        return ""

    monkeypatch.setattr(backends, "write_atomically", take)
    for count, is_outside in (((1 << 29) - (1 << 20), False), (1 << 29, True)):
        model = big()
        blob = SplatBlob(bytes(4), count)
        constant = Op("const", (), {"value": blob}, (tensor(F32, count),), name="huge")
        reader = next(op for op in model.graph if op.kind == "ge.Cast")
        model.graph.insert_before(reader, constant)
        AIR.write(model, tmp_path / "m.air")
        nbytes, outside = taken.pop()
        assert outside == (4 * count if is_outside else None)
        assert nbytes < 10_000 if is_outside else nbytes > 4 * count


def test_equal_constants_share_a_file(big: Any, tmp_path: Path) -> None:
    artifact = AIR.write(big(1, 1, 2), tmp_path / "m.air", ASKED)
    assert artifact.weights is not None
    assert len(list(artifact.weights.iterdir())) == 2
    assert len(set(read(artifact.path, FRONTEND_AIR).values())) == 3


def test_nothing_big_enough_is_said(make_classifier: Any, tmp_path: Path) -> None:
    artifact = AIR.write(make_classifier(), tmp_path / "m.air", ASKED)
    assert names(tmp_path) == ["m.air"]
    assert [d.message for d in artifact.findings] == [
        "no constant of the model has 64 KiB or more, `m.air` holds all of them"
    ]


def test_the_same_bytes_in_every_folder(big: Any, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        AIR.write(big(1, 2), tmp_path / folder / "m.air", ASKED)
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_more_than_32_bits_take_the_wide_form() -> None:
    for count, wide in (((1 << 30) - 5, False), (1 << 30, True)):
        definition = Stream()
        definition.add(SplatBlob(bytes(4), count))
        head = wrap(definition, "m").parts[0]
        assert isinstance(head, bytes)
        assert len(head) == 256 + (32 if wide else 16)
        assert (parse(head[:256]).wide, parse(head[:256]).payload) == (wide, len(head) - 256 + 4 * count)


# -- as a set


@pytest.fixture(params=["nameless", "named", "few open files"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """All ways of writing: files without a name, hidden ones, and too many to keep open."""
    if request.param == "named":
        monkeypatch.setattr(writer, "_DESCRIPTORS", "/nonexistent")
    elif request.param == "few open files":
        monkeypatch.setattr(writer, "_most_open", lambda wanted: 1)
    return str(request.param)


@pytest.mark.usefixtures("way")
def test_an_old_set_is_replaced(big: Any, tmp_path: Path) -> None:
    path = tmp_path / "m.air"
    AIR.write(big(1, 2, 3), path, ASKED)
    (tmp_path / "m.air.weights" / "notes.txt").write_text("the user's own")
    before = set(names(tmp_path))
    AIR.write(big(4, 2), path, ASKED)
    assert read(path, FRONTEND_AIR)["../block_0/kernel"] == numbers(4).tobytes()
    assert len(names(tmp_path)) == 5
    assert len(before & set(names(tmp_path))) == 4, "the unchanged constant, the note, the folder, the artifact"
    AIR.write(big(5), path)
    assert names(tmp_path) == ["m.air", "m.air.weights", "m.air.weights/notes.txt"]


@pytest.mark.usefixtures("way")
def test_no_folder_is_left_where_none_is_needed(big: Any, tmp_path: Path) -> None:
    AIR.write(big(1), tmp_path / "m.air", ASKED)
    AIR.write(big(1), tmp_path / "m.air")
    assert names(tmp_path) == ["m.air"]


def test_an_artifact_can_be_compiled_onto_itself(big: Any, tmp_path: Path) -> None:
    path = tmp_path / "m.air"
    AIR.write(big(1, 2), path, ASKED)
    AIR.write(FRONTEND_AIR.load(path, LoadOptions(), Sink()), path, ASKED)
    before = files(tmp_path)
    assert len(before) == 3
    AIR.write(FRONTEND_AIR.load(path, LoadOptions(), Sink()), path, ASKED)
    assert files(tmp_path) == before
    AIR.write(FRONTEND_AIR.load(path, LoadOptions(), Sink()), path)
    assert names(tmp_path) == ["m.air"]
    assert read(path, FRONTEND_AIR)["../block_1/kernel"] == numbers(2).tobytes()


def _fails() -> bytes:
    raise BlobError("gone")


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("is_new", [True, False])
def test_nothing_changes_when_a_constant_fails(big: Any, tmp_path: Path, is_new: bool) -> None:
    path = tmp_path / "m.air"
    if not is_new:
        AIR.write(big(1, 2), path, ASKED)
    before = files(tmp_path)
    with pytest.raises(ModelcError, match="MC111"):
        AIR.write(big(3, 4, LazyBlob(4 * BIG, _fails)), path, ASKED)
    assert files(tmp_path) == before
    assert bool(names(tmp_path)) is not is_new


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize("at", range(4))
def test_nothing_changes_when_giving_names_fails(
    big: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_new: bool, at: int
) -> None:
    path = tmp_path / "m.air"
    if not is_new:
        AIR.write(big(1, 2), path, ASKED)
    before = files(tmp_path)
    count, replace = iter(range(100)), os.replace

    def fails(source: Any, target: Any) -> None:
        if next(count) == at:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(ModelcError, match=r"MC503.*No space left"):
        AIR.write(big(3, 4, 2), path, ASKED)
    assert files(tmp_path) == before
    assert bool(names(tmp_path)) is not is_new


def test_a_file_in_the_folders_place_is_told(big: Any, tmp_path: Path) -> None:
    (tmp_path / "m.air.weights").write_text("mine")
    with pytest.raises(ModelcError, match=r"MC503.*exists and is not a folder"):
        AIR.write(big(1), tmp_path / "m.air", ASKED)
    assert names(tmp_path) == ["m.air.weights"]


def test_constants_lie_beside_the_file_that_a_link_names(big: Any, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.air").symlink_to(tmp_path / "real" / "m.air")
    artifact = AIR.write(big(1), tmp_path / "link.air", ASKED)
    assert artifact.weights == tmp_path / "real" / "m.air.weights"
    assert read(tmp_path / "link.air", FRONTEND_AIR) == read(tmp_path / "real" / "m.air", FRONTEND_AIR)


SCRIPT = """
import os, sys, time
from pathlib import Path
import numpy as np
from modelc.backend import WriteOptions
from modelc.ir.blob import BytesBlob, LazyBlob
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.ir.types import F32, tensor
from modelc_backends.files import writer
from modelc_backends.om.backend import AIR

def slow():
    print("half", flush=True)
    time.sleep(60)

def killed(*rest):
    os.kill(os.getpid(), 9)

target, seed, how = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
graph = Graph()
graph.append(Op("input", (), {"names": ()}, ()))
values = [
    graph.append(Op("const", (), {"value": blob}, (tensor(F32, 1 << 15),), name=f"c{i}")).result
    for i, blob in enumerate(
        [BytesBlob(bytes([seed + i]) * (4 << 15)) for i in range(40)]
        + ([LazyBlob(4 << 15, slow)] if how == "slow" else [])
    )
]
graph.append(Op("return", tuple(values), {"names": tuple(f"y{i}" for i in range(len(values)))}))
if how == "before the artifact":
    writer._Output.publish = lambda self, target, mode=None, do=writer._Output.publish: (
        killed() if target.suffix == ".air" else do(self, target, mode))
if how == "among the constants":
    count = iter(range(100))
    writer._Output.publish = lambda self, target, mode=None, do=writer._Output.publish: (
        killed() if next(count) == 20 else do(self, target, mode))
if how == "behind the artifact":
    writer._sweep = killed
AIR.write(Model(graph), target, WriteOptions(external_weights=True))
"""
RUN = [sys.executable, "-c", SCRIPT]
NAMELESS = pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="needs files without a name")


@NAMELESS
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("is_new", [True, False])
def test_a_writer_killed_half_way_leaves_nothing(tmp_path: Path, end: signal.Signals, is_new: bool) -> None:
    path = tmp_path / "m.air"
    if not is_new:
        subprocess.run([*RUN, str(path), "1", ""], check=True)
    before = files(tmp_path)
    with subprocess.Popen([*RUN, str(path), "100", "slow"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        process.send_signal(end)
        assert process.wait(30) == -end
    assert files(tmp_path) == before
    assert bool(names(tmp_path)) is not is_new


@pytest.mark.parametrize("how", ["among the constants", "before the artifact", "behind the artifact"])
def test_a_writer_killed_at_the_very_end_leaves_a_whole_set(tmp_path: Path, how: str) -> None:
    path = tmp_path / "m.air"
    subprocess.run([*RUN, str(path), "1", ""], check=True)
    done = subprocess.run([*RUN, str(path), "100", how], check=False)
    assert done.returncode == -signal.SIGKILL
    seed = 100 if how == "behind the artifact" else 1
    assert read(path, FRONTEND_AIR) == {f"c{i}": bytes([seed + i]) * (4 << 15) for i in range(40)}
    subprocess.run([*RUN, str(path), "200", ""], check=True)
    assert len(names(tmp_path)) == 42, "what was left over is gone with the next artifact"


# -- reading


def outside_op(location: str, length: int | None = 8, type_: str = "Const") -> Any:
    const = message("OpDef")(name="w", type=type_, has_out_attr=True)
    described = message("TensorDescriptor")(dtype=7, layout="ND", shape=message("ShapeDef")(dim=[2]))
    const.output_desc.append(described)
    const.attr["location" if type_ == "Const" else "file_path"].s = location.encode()
    if type_ == "Const":
        const.attr["value"].t.desc.CopyFrom(described)
    if length is not None:
        const.attr["length"].i = length
    return const


def air(path: Path, const: Any) -> Path:
    output = message("OpDef")(name="o", type="NetOutput", input=["w:0"], has_out_attr=True)
    output.input_desc.append(const.output_desc[0])
    graph = message("GraphDef")(name="g", op=[const, output])
    path.write_bytes(message("ModelDef")(name="m", version=2, custom_version="1.1", graph=[graph]).SerializeToString())
    return path


def value(path: Path) -> Blob:
    blob = FRONTEND_AIR.load(path, LoadOptions(), Sink()).graph.outputs[0].producer.attributes["value"]
    assert isinstance(blob, Blob)
    return blob


def test_only_regular_files_of_the_folder_are_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"12345678")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "whole").write_bytes(b"12345678")
    os.mkfifo(folder / "pipe")
    expected = {
        "../secret": "outside of the model's folder",
        str(tmp_path / "secret"): "outside of the model's folder",
        "link": "outside of the model's folder",
        "pipe": "is not a regular file",
        ".": "is not a regular file",
        "a\0b": "cannot be read",
        "x" * 5000: "cannot be read",
        "gone": "cannot be read",
    }
    for location, words in expected.items():
        with pytest.raises(BlobError, match=words):
            value(air(folder / "m.air", outside_op(location))).read()
    for length in (9, -8, 2**62):
        with pytest.raises((BlobError, ModelcError)):
            value(air(folder / "m.air", outside_op("whole", length))).read()
    assert value(air(folder / "m.air", outside_op("whole"))).read() == b"12345678"


def test_constants_that_atc_put_outside(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(bytes(16) + b"12345678" + bytes(8))
    const = outside_op("weights.bin", type_="FileConstant")
    const.attr["offset"].i = 16
    assert value(air(tmp_path / "m.air", const)).read() == b"12345678"
    (tmp_path / "w.bin").write_bytes(b"87654321")
    assert value(air(tmp_path / "m.air", outside_op("w.bin", None, "FileConstant"))).read() == b"87654321"


def test_a_lost_constant_is_told(big: Any, tmp_path: Path) -> None:
    artifact = AIR.write(big(1), tmp_path / "m.air", ASKED)
    assert artifact.weights is not None
    for path in artifact.weights.iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    (problem,) = findings(artifact.path, check(artifact.path))
    assert "has 131071 bytes, 131072 were expected" in problem.message
    model = FRONTEND_AIR.load(artifact.path, LoadOptions(), Sink())
    with pytest.raises(ModelcError, match="MC111"):
        OM.write(model, tmp_path / "n.om")


# -- from the command line


def test_the_option(big: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = AIR.write(big(1), tmp_path / "m.air").path
    words = ["compile", str(source), "--passes", "infer-types", "-o", str(tmp_path / "n.om"), "--external-weights"]
    assert main([*words, "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["weights"] == str(tmp_path / "n.om.weights")
    assert [each["code"] for each in document["findings"]] == ["MC505"]
    assert main(words) == 0
    assert "note[MC505]: 0.1 MiB of constants lie beside `n.om`" in capsys.readouterr().err
    assert open_om(tmp_path / "n.om").size == document["nbytes"]
    assert len(load_om(tmp_path / "n.om", LoadOptions(), Sink()).graph.outputs) == 2


def test_an_artifact_knows_its_weights(big: Any, tmp_path: Path) -> None:
    artifact = OM.write(big(1), tmp_path / "m.om", ASKED)
    assert isinstance(artifact, Artifact)
    assert "without the constants that lie outside" in artifact.next_steps[0]
    assert OM.write(big(1), tmp_path / "m.om").weights is None
