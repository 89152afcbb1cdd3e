"""The process that executes a source: whatever becomes of it, there is an answer or a finding."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest

from modelc.diagnostics.diagnostic import ModelcError
from modelc.execute.tensorflow import process
from modelc.execute.tensorflow.process import TensorFlowProcess

# Stands in for TensorFlow: begins to serve, and does with the first request what `FATE` says
STAND_IN = """
import json, os, signal, sys, time
from pathlib import Path

import numpy as np

job = json.loads(sys.stdin.readline())
FATE = job["signature"]


def answer(document):
    print(json.dumps(document), flush=True)


if FATE == "cannot load":
    answer({"error": "ValueError: no such thing"})
    sys.exit(1)
if FATE == "ends at once":
    print("Traceback", "ImportError: no module", sep="\\n", file=sys.stderr)
    sys.exit(1)
answer({"version": "0.0"})
request = json.loads(sys.stdin.readline())
if FATE == "crashes":
    os.kill(os.getpid(), signal.SIGSEGV)
if FATE == "hangs":
    time.sleep(60)
if FATE == "fails once":
    answer({"error": "InvalidArgumentError: bad"})
    request = json.loads(sys.stdin.readline())
if FATE == "goes away":
    sys.exit(0)
with np.load(request["feeds"]) as arrays:
    (x,) = (arrays[name] for name in arrays.files)
np.save(Path(request["folder"]) / "0.npy", x + 1)
answer({"arrays": [{"file": "0.npy", "dtype": "float32"}, *[None] * (len(request.get("tensors", ())) - 1)]})
sys.stdin.read()
"""
INPUTS = {"x": np.arange(3, dtype=np.float32)}


@pytest.fixture(autouse=True)
def _stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(process, "MODULE", "stand_in")


def started(fate: str, timeout: int = 20) -> TensorFlowProcess:
    return TensorFlowProcess(Path("model.pb"), fate, (), timeout)


def test_outputs_come_back_by_name() -> None:
    with started("") as child:
        assert child.version == "0.0"
        assert child.run(INPUTS, ["y"])["y"].tolist() == [1, 2, 3]


def test_tensors_are_mapped_from_files(tmp_path: Path) -> None:
    with started("") as child:
        found, missing = child.fetch(INPUTS, [{"name": "a"}, {"name": "b"}], tmp_path)
        assert isinstance(found, np.memmap)
        assert found.tolist() == [1, 2, 3]
        assert missing is None


def test_a_failure_is_told_and_the_process_goes_on() -> None:
    with started("fails once") as child:
        with pytest.raises(ModelcError, match="InvalidArgumentError: bad"):
            child.run(INPUTS, ["y"])
        assert child.run(INPUTS, ["y"])["y"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("fate", "reason"),
    [
        ("crashes", f"it crashed ({signal.SIGSEGV.name})"),
        ("hangs", "TensorFlow did not finish within 2 seconds"),
        ("goes away", "it ended with status 0"),
        ("cannot load", "ValueError: no such thing"),
        ("ends at once", "ImportError: no module"),
    ],
)
def test_a_process_that_does_not_answer_is_a_finding(fate: str, reason: str) -> None:
    with pytest.raises(ModelcError) as error, started(fate, 2 if fate == "hangs" else 20) as child:
        child.run(INPUTS, ["y"])
    (finding,) = error.value.diagnostics
    assert finding.code == "MC605"
    assert reason in finding.message
    more_time = ["--timeout 4"] if fate == "hangs" else []
    assert [fix.flag for fix in finding.fixes] == [*more_time, "--oracle modelc"]
