"""Damaged artifacts give findings: no fault, no hang, no memory without bound. A script does this by the thousand."""

from __future__ import annotations

import random
from pathlib import Path

import om_files
import pytest
from damage import damaged
from fuzz_artifacts import Inputs, Limits, exercise, fuzz, originals
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PATIENT = Limits(seconds=60.0)  # a machine may be busy
QUICK = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("artifacts")
    graph, parts = om_files.compress(om_files.compiled_graph(), ["value", "index"]), om_files.compiled_parts()
    several = om_files.several(folder / "several.om", (graph, parts), (om_files.compiled_graph(), parts))
    return [*originals(folder), om_files.compiled(folder / "compiled.om"), several]


def test_what_is_damaged_was_sound(artifacts: list[Path]) -> None:
    assert {code for path in artifacts for _, code, _ in exercise(path, path)} == {0}


def test_a_limited_process_ends_every_command_with_0_or_1(artifacts: list[Path], tmp_path: Path) -> None:
    report = fuzz(Inputs(artifacts, 0), range(50), PATIENT, tmp_path)
    assert report.problems == []
    codes = {outcome.split()[0] for outcome in report.outcomes}
    assert codes == {"0", "1"}


@QUICK
@given(dice=st.randoms(use_true_random=False), index=st.integers(0, 3))
def test_every_damage_is_a_finding(artifacts: list[Path], tmp_path: Path, dice: random.Random, index: int) -> None:
    contents = [path.read_bytes() for path in artifacts]
    path = tmp_path / f"input{artifacts[index].suffix}"
    path.write_bytes(damaged(contents[index], dice, contents))
    assert [(words, text) for words, code, text in exercise(path, artifacts[index]) if code not in (0, 1)] == []


@pytest.mark.parametrize("suffix", [".om", ".air"])
@QUICK
@given(data=st.binary(min_size=1, max_size=400), magic=st.booleans())
def test_any_bytes_are_a_finding(tmp_path: Path, artifacts: list[Path], suffix: str, data: bytes, magic: bool) -> None:
    path = tmp_path / f"input{suffix}"
    path.write_bytes(b"IMOD" + data if magic else data)
    assert [(words, text) for words, code, text in exercise(path, artifacts[0]) if code not in (0, 1)] == []


# -- the harness itself


def test_damage_depends_on_the_dice_only(artifacts: list[Path]) -> None:
    contents = [path.read_bytes() for path in artifacts]
    made = [[damaged(contents[i % 4], random.Random(i), contents) for i in range(40)] for _ in range(2)]
    assert made[0] == made[1]
    assert sum(made[0][i] == contents[i % 4] for i in range(40)) < 10


@pytest.mark.parametrize(
    ("fault", "problem", "limits"),
    [
        ("raise RuntimeError", "ends `inspect INPUT` with 3", PATIENT),
        ("bytes(3 << 30)", "ends `inspect INPUT` with 3", PATIENT),
        ("import time; time.sleep(600)", "takes longer than it may", Limits(seconds=0.2)),
        ("import os; os._exit(9)", "ends the process with 9", PATIENT),
    ],
)
def test_what_goes_wrong_is_told(
    fault: str, problem: str, limits: Limits, artifacts: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import modelc.cli.inspect as command\n"
        "def run(options, work=command.run):\n"
        "    if 'sound' not in options.file.name:\n"
        f"        {fault}\n"
        "    return work(options)\n"
        "command.run = run\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    report = fuzz(Inputs(artifacts, 0), [7], limits, tmp_path / "kept")
    assert [told.startswith(f"input 7 {problem}") for told in report.problems] == [True]
    assert len(list((tmp_path / "kept").iterdir())) == 1
