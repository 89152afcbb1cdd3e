"""The kernel lint: what a finding proposes, which chips it names, and how a table of one's own changes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelc.diagnostics.diagnostic import Diagnostic, ModelcError, Severity
from modelc.driver import Settings, compile_model
from modelc.pipeline.passes import PassContext
from modelc.text.reader import read_model
from modelc_passes.checks.missing_kernel import MissingKernel


def findings(body: str, soc: str = "ascend310", kernels: str = "") -> list[Diagnostic]:
    inputs = "%x: f32[2, 3], %d: f64[2, 3], %n: i32[2, 3], %w: i64[2, 3], %p: bool[2, 3], %u: u8[2, 3], %t: i16[2, 3]"
    model = read_model(f"graph @main({inputs}) {{\n{body}\n  return %r\n}}\n")
    edits = model.edits
    context = PassContext(soc=soc)
    MissingKernel(kernels=kernels).run(model, context)
    assert model.edits == edits
    return list(context.sink)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            "%k = const dense<2> : i64[]\n%q = ge.FloorMod(%w, %k) : i64[2, 3]\n%r = ge.Maximum(%q, %k) : i64[2, 3]",
            "cast `x1`, `x2` and `y` of `r` to int32, as the repairs do: the numbers lie between 0 and 2",
        ),
        (
            "%r = ge.Maximum(%w, %w) : i64[2, 3]",
            "cast `x1`, `x2` and `y` of `r` to int32, "
            "if its numbers stay below 2147483648, which cannot be proved here",
        ),
        ("%r = ge.Erf(%d) : f64[2, 3]", "cast `x` and `y` of `r` to float32, with fewer digits"),
        (
            "%r = ge.LogicalAnd(%u, %u) : bool[2, 3]",
            "",
        ),
        ("%r = ge.Tile(%u, %m) : u8[4, 3]\n", ""),
        (
            "%r = ge.Maximum(%t, %t) : i16[2, 3]",
            "cast `x1`, `x2` and `y` of `r` to int32, which holds every int16",
        ),
    ],
)
def test_the_cast_that_would_make_it_fit(body: str, text: str) -> None:
    if "%m" in body:
        body = f"%m = const dense<[2, 1]> : i32[2]\n{body}"
    found = [fix.text for diagnostic in findings(body) for fix in diagnostic.fixes if fix.text.startswith("cast")]
    assert (found[-1] if found else "") == text


def test_whole_numbers_that_a_float_holds_may_become_floats() -> None:
    body = """%k = const dense<7> : i32[]
    %q = ge.FloorMod(%n, %k) : i32[2, 3]
    %r = ge.ReduceSum(%q, %a) {keep_dims = false} : i32[2]"""
    body = f"%a = const dense<1> : i32[]\n{body}"
    (found,) = [d for d in findings(body, "ascend910") if d.op == "r"]
    assert found.fixes[0].text == "cast `x` and `y` of `r` to float32: the numbers lie between 0 and 36"


def test_a_finding_says_what_the_kernel_takes_and_which_chips_have_one() -> None:
    (found,) = findings("%r = ge.FloorMod(%n, %n) : i32[2, 3]")
    assert found.severity is Severity.ERROR
    assert dict(found.evidence) == {
        "ops": "r: i32[2, 3]",
        "takes as x1, x2, y": "float16, float32",
        "on chips": "ascend310b, ascend910, ascend910b",
    }
    assert found.notes[0] == "ascend310b, ascend910 and ascend910b have kernels for the whole model"
    assert "--soc ascend310b" in [fix.flag for fix in found.fixes]
    assert "2022-06" in found.notes[1]


def test_the_chip_for_the_whole_model_is_proposed_before_others() -> None:
    body = "%q = ge.FloorMod(%n, %n) : i32[2, 3]\n%e = ge.Erfinv(%x) : f32[2, 3]\n%r = ge.Shape(%e) : i32[2]"
    (found,) = findings(body)
    assert "ascend310b" in dict(found.evidence)["on chips"]
    assert [fix.flag for fix in found.fixes if fix.flag.startswith("--soc")] == ["--soc ascend910"]


def test_what_the_table_does_not_have_is_a_warning() -> None:
    (found,) = findings("%r = ge.Digamma(%x) : f32[2, 3]")
    assert found.severity is Severity.WARNING
    assert not any(fix.flag.startswith("--soc") for fix in found.fixes)


def test_ops_of_other_dialects_and_unknown_types_are_left_to_others() -> None:
    assert findings("%y = tf.Fancy(%x) : ?[*]\n%z = ge.Fancy(%x) : f32[2]\n%r = ge.FloorMod(%y, %y) : ?[*]") == []


def test_what_runs_on_the_cpu_is_one_note() -> None:
    body = "%q = ge.Cumsum(%x, %n) : f32[2, 3]\n%r = ge.MatrixBandPart(%q, %w, %w) : f32[2, 3]"
    found, fits = findings(body)
    assert found.severity is Severity.NOTE
    assert dict(found.evidence)["ops"] == "q: Cumsum; r: MatrixBandPart"
    assert fits.code == "MC225"


def test_other_chips_that_take_the_model_are_named(tmp_path: Path) -> None:
    (found,) = findings("%r = ge.Sqrt(%x) : f32[2, 3]", "ascend310")
    assert (found.code, found.severity) == ("MC225", Severity.NOTE)
    assert found.message == (
        "ascend310 has kernels for the whole model, as have ascend310p, ascend310b, ascend910 and ascend910b"
    )
    path = tmp_path / "mine.json"
    path.write_text('{"kernels": {"Sqrt": [{"chips": ["ascend310", "ascend910"]}]}}', "utf-8")
    (found,) = findings("%r = ge.Sqrt(%x) : f32[2, 3]", "ascend310", str(path))
    assert found.message == "ascend310 has kernels for the whole model, as has ascend910"


def test_a_table_of_ones_own_decides(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    own = {"chips": {"mychip": {}}, "kernels": {"Digamma": [{"chips": ["mychip"]}], "FloorMod": [{}]}}
    path.write_text(json.dumps(own), "utf-8")
    body = "%q = ge.FloorMod(%w, %w) : i64[2, 3]\n%r = ge.Digamma(%x) : f32[2, 3]"
    (found,) = findings(body, kernels=str(path))
    assert (found.op, found.severity) == ("r", Severity.ERROR)
    assert dict(found.evidence)["on chips"] == "mychip"
    assert [d.message for d in findings(body, "MyChip", str(path))] == ["mychip has kernels for the whole model"]


def test_an_unknown_chip_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    compilation = compile_model(tmp_path / "absent", None, Settings(soc="ascend999"))
    assert [d.code for d in compilation.findings] == ["MC410"]
    with pytest.raises(ModelcError):
        findings("%r = ge.Sqrt(%x) : f32[2, 3]", "ascend999")


def test_a_compilation_repairs_what_can_be_and_reports_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "model.mir"
    path.write_text(
        """graph @main(%x: f32[1, 9], %n: i32[1, 9]) {
  %one = const dense<1> : i32[]
  %top = ge.ArgMaxV2(%x, %one) {dtype = i64} : i64[1]
  %rest = ge.FloorMod(%n, %n) : i32[1, 9]
  return %top, %rest
}
""",
        "utf-8",
    )
    by_fix = {fix: compile_model(path, None, Settings(soc="Ascend310P3", fix=fix)).findings for fix in (True, False)}
    assert sorted((d.code, d.op) for d in by_fix[True]) == [("MC220", "rest"), ("MC224", "top")]
    assert sorted((d.code, d.op) for d in by_fix[False]) == [("MC220", "rest"), ("MC220", "top")]
    assert compile_model(path, None, Settings()).findings == []
