"""The hand-off to atc, against a stand-in that plays what atc is documented to do."""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from modelc.atc.handoff import Handoff, Request, hand_off
from modelc.atc.log import Message, family, messages
from modelc.atc.process import find_atc, handed_on
from modelc.cli.main import main
from modelc.diagnostics.diagnostic import Diagnostic, ModelcError, Sink
from modelc.driver import Settings, compile_model
from modelc.frontends.frontend import LoadOptions
from modelc.frontends.load import load

STAND_IN = Path(__file__).with_name("stand_in_atc.py")
DIGITS = Path(str(files("modelc.data").joinpath("digits")))


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("air") / "digits.air"
    compile_model(DIGITS, path, Settings(target="air", batch_size=1)).require()
    return path


@pytest.fixture
def air(compiled: Path, tmp_path: Path) -> Path:
    path = tmp_path / "digits.air"
    path.write_bytes(compiled.read_bytes())
    return path


@pytest.fixture
def atc(tmp_path: Path) -> Path:
    folder = tmp_path / "toolkit" / "bin"
    folder.mkdir(parents=True)
    program = folder / "atc"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STAND_IN}" "$@"\n', "utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def built(air: Path, atc: Path, role: str, monkeypatch: pytest.MonkeyPatch, op: str = "", **more: Any) -> Handoff:
    monkeypatch.setenv("STAND_IN_ATC", role)
    monkeypatch.setenv("STAND_IN_ATC_OP", op)
    return hand_off(air, air.with_suffix(".om"), Request("Ascend310P3", str(atc), **more))


def an_op(air: Path, kind: str) -> tuple[str, str]:
    """The name of an op of that kind in the artifact, and in the source."""
    graph = load(air, LoadOptions(), Sink()).graph
    op = next(op for op in graph if op.kind == kind)
    return op.name, op.origin.name


def only(handed: Handoff) -> Diagnostic:
    (found,) = handed.findings
    return found


# -- outcomes


def test_a_device_model_is_left_and_nothing_else(air: Path, atc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, source = an_op(air, "ge.Conv2D")
    handed = built(air, atc, "success", monkeypatch, name)
    assert handed.artifact is not None
    assert handed.artifact.kind == "device om"
    assert handed.artifact.path.read_text("utf-8") == "stand-in for a device model"
    warning = only(handed)
    assert warning.code == "MC708"
    assert source in warning.message
    assert sorted(path.name for path in air.parent.iterdir()) == [
        "digits.air",
        "digits.atc.log",
        "digits.om",
        "toolkit",
    ]


def test_the_command_names_model_chip_and_options(air: Path, atc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"precision_mode": "force_fp32", "keep_dtype": "keep.cfg"}
    handed = built(air, atc, "success", monkeypatch, options=options)
    assert handed.command[1:3] == ["--framework=1", f"--model={air}"]
    assert handed.command[4:] == [
        "--soc_version=Ascend310P3",
        "--precision_mode=force_fp32",
        f"--keep_dtype={Path.cwd() / 'keep.cfg'}",
    ]


def test_a_model_named_after_system_and_processor_is_found(
    air: Path, atc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed = built(air, atc, "platform-suffix", monkeypatch)
    assert handed.artifact is not None
    assert handed.artifact.path == air.with_suffix(".om")


def test_a_refused_argument(air: Path, atc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = only(built(air, atc, "argument", monkeypatch))
    assert found.code == "MC702"
    assert "[1,-1] for parameter [input_shape]" in found.message
    assert found.fixes[0].text == "Try 'atc --help' for more information."
    assert any("--input-shape" in fix.flag for fix in found.fixes)


def test_ops_are_named_as_in_the_source(air: Path, atc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, source = an_op(air, "ge.Conv2D")
    first, second = built(air, atc, "parser", monkeypatch, name).findings
    assert (first.code, second.code) == ("MC703", "MC703")
    assert first.op == source != name or source == name
    assert source in first.message
    assert dict(first.evidence)["atc's own code"] == "E19010"
    assert "[other" in second.message


def test_an_op_that_atc_renamed_is_traced(air: Path, atc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, source = an_op(air, "ge.Conv2D")
    found = only(built(air, atc, "kernel", monkeypatch, name))
    assert (found.code, found.op, found.kind) == ("MC703", source, "ge.Conv2D")
    assert "has input 0 of dtype INT64" in dict(found.evidence)["atc says"]


def test_a_type_without_a_name_is_traced_to_its_ops(air: Path, atc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, source = an_op(air, "ge.MatMulV2")
    found = only(built(air, atc, "type-only", monkeypatch))
    assert source in dict(found.evidence)["in your model"]


def test_kernel_compilation_is_told_from_the_model(air: Path, atc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, source = an_op(air, "ge.Relu")
    found = only(built(air, atc, "compile", monkeypatch, name))
    assert found.code == "MC705"
    assert source in found.message


@pytest.mark.parametrize(
    ("role", "code", "text"),
    [
        ("install", "MC705", "te_fusion"),
        ("crash", "MC706", "SIGSEGV"),
        ("mute", "MC704", "status 3"),
        ("no-output", "MC707", "left no device model"),
    ],
)
def test_failures_without_a_message(
    role: str, code: str, text: str, air: Path, atc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed = built(air, atc, role, monkeypatch)
    assert handed.artifact is None
    assert (only(handed).code, text in only(handed).message) == (code, True)
    assert not air.with_suffix(".om").exists()


def test_a_hanging_atc_is_stopped_with_all_it_started(
    air: Path, atc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = tmp_path / "child"
    monkeypatch.setenv("STAND_IN_ATC_PID", str(child))
    found = only(built(air, atc, "hang", monkeypatch, timeout=0.7))
    assert (found.code, found.fixes[0].flag) == ("MC706", "--atc-timeout 2.8")
    number = int(child.read_text("utf-8"))
    assert wait_until(lambda: not is_running(number))


def is_running(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until(holds: Any) -> bool:
    end = time.monotonic() + 5
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(holds())


def test_noise_is_survived(air: Path, atc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [d.code for d in built(air, atc, "noise", monkeypatch).findings] == ["MC702"]


def test_an_output_that_stands_already_survives_a_failure(
    air: Path, atc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    air.with_suffix(".om").write_text("old", "utf-8")
    built(air, atc, "mute", monkeypatch)
    assert air.with_suffix(".om").read_text("utf-8") == "old"


# -- finding atc


def test_atc_is_found_by_path_folder_and_environment(atc: Path) -> None:
    toolkit = atc.parent.parent
    assert find_atc(str(atc)) == atc
    assert find_atc(str(toolkit)) == atc
    assert find_atc("", {"PATH": str(atc.parent)}) == atc
    assert find_atc("", {"PATH": "", "ASCEND_TOOLKIT_HOME": str(toolkit)}) == atc
    assert find_atc("", {"PATH": ""}) is None


def test_without_atc_the_command_to_run_elsewhere_is_shown(air: Path) -> None:
    handed = hand_off(air, air.with_suffix(".om"), Request("Ascend310", str(air.parent / "nowhere")))
    found = only(handed)
    assert found.code == "MC701"
    output = air.with_suffix("")
    command = f"atc --framework=1 --model={air} --output={output} --soc_version=Ascend310"
    assert dict(found.evidence)["run where CANN is"] == command


@pytest.mark.parametrize(
    ("options", "code"), [({"input_shape": "x:1"}, "MC712"), ({"sock": "1"}, "MC710"), ({"log": "loud"}, "MC711")]
)
def test_options_that_atc_would_refuse(options: dict[str, str], code: str) -> None:
    with pytest.raises(ModelcError) as caught:
        handed_on(options)
    assert caught.value.diagnostics[0].code == code


# -- messages


def test_messages_are_cut_from_a_log() -> None:
    text = (
        "ATC run failed\n"
        "[ERROR] GE(12,atc):2024 E10016: Opname [x] specified in [--input_shape] is not found.\n"
        "        Solution: use a name of the graph.\n"
        "        TraceBack (most recent call last):\n"
        "        something inner\n"
        "E19999: Inner Error!\n"
        "E19999: Inner Error!\n"
    )
    first, second = messages(text)
    assert first.code == "E10016"
    assert first.solution == "use a name of the graph."
    assert second == Message("E19999", "Inner Error!")


@pytest.mark.parametrize(
    ("code", "ours"),
    [
        *(("E10016", "MC702"), ("E10501", "MC703"), ("E10041", "MC704"), ("E19010", "MC703"), ("E19999", "MC704")),
        *(("EZ3003", "MC703"), ("E40021", "MC705"), ("E89999", "MC704"), ("W11001", "MC708"), ("EI0004", "MC704")),
    ],
)
def test_families_of_codes(code: str, ours: str) -> None:
    assert family(code) == ours


# -- the command line


def compile_digits(tmp_path: Path, *words: str) -> int:
    return main(["compile", str(DIGITS), "--batch-size", "1", "-o", str(tmp_path / "out.om"), *words])


def test_compile_leaves_model_and_one_report(
    tmp_path: Path, atc: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STAND_IN_ATC", "success")
    assert compile_digits(tmp_path, f"--atc={atc}", "--soc-version", "Ascend310P3", "--format", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["kind"] == "device om"
    assert document["artifact"] == str(tmp_path / "out.om")
    assert document["handoff"]["status"] == 0
    assert json.loads((tmp_path / "out.report.json").read_text("utf-8")) == document
    assert (tmp_path / "out.air").is_file()


def test_compile_reports_a_refusal(
    tmp_path: Path, atc: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STAND_IN_ATC", "type-only")
    assert compile_digits(tmp_path, f"--atc={atc}", "--soc-version", "Ascend310P3") == 1
    assert "error[MC703]" in capsys.readouterr().err
    assert not (tmp_path / "out.om").exists()
    report = json.loads((tmp_path / "out.report.json").read_text("utf-8"))
    assert [m["code"] for m in report["handoff"]["messages"]] == ["EZ3003"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--atc=nowhere",), "MC709"),
        (("--soc-version", "Ascend310"), "MC712"),
        (("--atc=nowhere", "--soc-version", "x", "--target", "mir"), "MC712"),
        (("--atc=nowhere", "--soc-version", "x", "--atc-option", "log"), "MC711"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_written(
    words: tuple[str, ...], code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compile_digits(tmp_path, *words) == 2
    assert f"[{code}]" in capsys.readouterr().err
    assert not os.listdir(tmp_path)


GREY = "aipp_op { aipp_mode: static input_format: YUV400_U8 }"


@pytest.mark.parametrize(
    ("config", "code", "errors"),
    [
        (GREY, 0, 0),
        ("aipp_op { aipp_mode: dynamic max_src_image_size: 64 }", 0, 0),
        (GREY.replace("400", "420SP"), 1, 1),
    ],
)
def test_preprocessing_is_checked_and_left_to_atc(
    config: str,
    code: int,
    errors: int,
    tmp_path: Path,
    atc: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("STAND_IN_ATC", "success")
    (tmp_path / "a.cfg").write_text(config, "utf-8")
    words = ["--insert-op-conf", str(tmp_path / "a.cfg"), f"--atc={atc}", "--soc-version", "x", "--format", "json"]
    assert compile_digits(tmp_path, *words) == code
    document = json.loads(capsys.readouterr().out)
    assert [f["code"] for f in document["findings"] if f["severity"] == "error"] == ["MC721"] * errors
    if not code:
        assert f"--insert_op_conf={tmp_path / 'a.cfg'}" in document["handoff"]["command"]
        kinds = {op.kind for op in load(tmp_path / "out.air", LoadOptions(), Sink()).graph}
        assert "ge.Aipp" not in kinds
