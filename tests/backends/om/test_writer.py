"""All of a file or nothing of it; the same bytes every time; memory that does not grow with the weights."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from modelc.diagnostics.diagnostic import ModelcError
from modelc.ir.blob import FileBlob, LazyBlob
from modelc_backends.files import writer
from modelc_backends.files.stream import Stream
from modelc_backends.files.writer import write_atomically
from modelc_backends.om.backend import AIR, OM

PLAIN_FILES = not hasattr(os, "O_TMPFILE")
RUN = [sys.executable, "-c"]


def stream_of(data: bytes) -> Stream:
    stream = Stream()
    stream.add(data)
    return stream


@pytest.fixture(params=["nameless", "named"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of writing: files without a name, and hidden ones."""
    if request.param == "named":
        monkeypatch.setattr(writer, "_DESCRIPTORS", "/nonexistent")
    return str(request.param)


@pytest.mark.usefixtures("way")
def test_a_file_appears_whole(tmp_path: Path) -> None:
    digest = write_atomically(stream_of(b"all of it"), tmp_path / "a.om")
    assert (tmp_path / "a.om").read_bytes() == b"all of it"
    assert digest == hashlib.sha256(b"all of it").hexdigest()
    assert os.listdir(tmp_path) == ["a.om"]


@pytest.mark.usefixtures("way")
def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write_atomically(stream_of(b"x"), tmp_path / "a.om")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a.om").stat().st_mode) == 0o640


@pytest.mark.usefixtures("way")
def test_an_old_file_is_replaced_and_keeps_its_permissions(tmp_path: Path) -> None:
    (tmp_path / "a.om").write_bytes(b"old")
    (tmp_path / "a.om").chmod(0o604)
    write_atomically(stream_of(b"new"), tmp_path / "a.om")
    assert (tmp_path / "a.om").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "a.om").stat().st_mode) == 0o604


@pytest.mark.usefixtures("way")
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "a.om").symlink_to(tmp_path / "real" / "b.om")
    write_atomically(stream_of(b"x"), tmp_path / "a.om")
    assert (tmp_path / "a.om").is_symlink()
    assert (tmp_path / "real" / "b.om").read_bytes() == b"x"


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("old", [None, b"old"])
def test_nothing_changes_when_a_constant_fails(tmp_path: Path, old: bytes | None) -> None:
    if old is not None:
        (tmp_path / "a.om").write_bytes(old)
    stream = stream_of(b"head" * 100_000)
    stream.add(LazyBlob(4, lambda: b"too long"))
    with pytest.raises(ModelcError, match="MC111"):
        write_atomically(stream, tmp_path / "a.om")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == ([("a.om", old)] if old else [])


@pytest.mark.usefixtures("way")
def test_nothing_is_left_when_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(ModelcError, match=r"MC503.*No space left"):
        write_atomically(stream_of(b"x"), tmp_path / "a.om")
    assert os.listdir(tmp_path) == []


@pytest.mark.usefixtures("way")
def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> bytes:
        raise KeyboardInterrupt

    stream = Stream()
    stream.add(LazyBlob(4, interrupted))
    with pytest.raises(KeyboardInterrupt):
        write_atomically(stream, tmp_path / "a.om")
    assert os.listdir(tmp_path) == []


def test_a_folder_is_no_output(tmp_path: Path) -> None:
    with pytest.raises(ModelcError, match=r"MC503.*not a regular file"):
        write_atomically(stream_of(b"x"), tmp_path)


def test_a_device_is_no_output() -> None:
    with pytest.raises(ModelcError, match=r"MC503.*not a regular file"):
        write_atomically(stream_of(b"x"), Path("/dev/null"))


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelcError, match=r"MC503.*No such file or directory"):
        write_atomically(stream_of(b"x"), tmp_path / "none" / "a.om")


def test_every_short_source_is_told_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "short.bin").write_bytes(b"123")
    stream = Stream()
    stream.add(FileBlob(tmp_path / "short.bin", 0, 4))
    stream.add(FileBlob(tmp_path / "gone.bin", 0, 4))
    with pytest.raises(ModelcError) as caught:
        write_atomically(stream, tmp_path / "a.om")
    assert [d.message for d in caught.value.diagnostics] == [
        "`short.bin` has 3 bytes, constants reach up to 4",
        "the constants in `gone.bin` cannot be read: No such file or directory",
    ]


SLOW_WRITER = """
import sys, time
from pathlib import Path
from modelc.ir.blob import LazyBlob
from modelc_backends.files.stream import Stream
from modelc_backends.files.writer import write_atomically

def slow() -> bytes:
    print("half", flush=True)
    time.sleep(60)
    return b"none"

stream = Stream()
stream.add(bytes(1 << 20))
stream.add(LazyBlob(4, slow))
write_atomically(stream, Path(sys.argv[1]))
"""


@pytest.mark.skipif(PLAIN_FILES, reason="needs files without a name")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_writer_leaves_nothing(tmp_path: Path, end: signal.Signals) -> None:
    path = tmp_path / "a.om"
    with subprocess.Popen([*RUN, SLOW_WRITER, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        process.send_signal(end)
        assert process.wait(30) == -end
    assert os.listdir(tmp_path) == []


FRESH_PROCESS = """
import importlib.util, sys
from pathlib import Path
from modelc_backends.om.backend import AIR, OM

spec = importlib.util.spec_from_file_location("graphs", sys.argv[1])
graphs = importlib.util.module_from_spec(spec)
sys.modules["graphs"] = graphs
spec.loader.exec_module(graphs)
for backend, suffix in ((OM, ".om"), (AIR, ".air")):
    for make in (graphs.classifier, graphs.branches):
        print(backend.write(make(), Path(sys.argv[2]) / (make.__name__ + suffix)).sha256)
"""


def test_the_bytes_are_the_same_in_every_process(tmp_path: Path) -> None:
    graphs = Path(__file__).with_name("conftest.py")
    outputs = [
        subprocess.run(
            [*RUN, FRESH_PROCESS, str(graphs), str(tmp_path)],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]
    assert len(set(outputs[0].split())) == 4


def test_the_digest_and_length_are_those_of_the_file(make_classifier: Any, tmp_path: Path) -> None:
    for backend in (OM, AIR):
        artifact = backend.write(make_classifier(), tmp_path / "a")
        data = artifact.path.read_bytes()
        assert artifact.sha256 == hashlib.sha256(data).hexdigest()
        assert artifact.nbytes == len(data)


WEIGHT = 96 << 20
MEASURED = textwrap.dedent(
    f"""
    import resource, sys
    from pathlib import Path
    from modelc.ir.blob import FileBlob
    from modelc_backends.files.stream import Stream
    from modelc_backends.files.writer import write_atomically

    stream = Stream()
    stream.add(b"head")
    stream.add(FileBlob(Path(sys.argv[1]), 0, {WEIGHT}))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    write_atomically(stream, Path(sys.argv[2]))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
)


@pytest.mark.skipif(sys.platform != "linux", reason="measures in the units of Linux")
def test_memory_does_not_grow_with_the_weights(tmp_path: Path) -> None:
    with (tmp_path / "weights").open("wb") as file:
        file.truncate(WEIGHT)
    command = [*RUN, MEASURED, str(tmp_path / "weights"), str(tmp_path / "out")]
    grown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert int(grown) < 16 << 10, "KiB more than before"
    assert (tmp_path / "out").stat().st_size == WEIGHT + 4
