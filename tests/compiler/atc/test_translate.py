"""Command lines of atc: how words are read, what rules they break, and what they come to."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest

from modelc.atc.options import STANCES, options
from modelc.atc.rules import conflicts
from modelc.atc.translate import Translation, translate
from modelc.atc.words import read_command
from modelc.cli.main import main
from modelc.diagnostics.diagnostic import ModelcError, Severity

DIGITS = str(files("modelc.data").joinpath("digits"))
PLAIN = ("--model=m.pb", "--framework=3", "--output=out", "--soc_version=Ascend310")


def codes(translation: Translation) -> list[str]:
    return [d.code for d in translation.findings if d.severity is not Severity.NOTE]


# -- the table


def test_every_option_has_a_stance_and_a_note() -> None:
    assert len(options()) > 80
    for option in options().values():
        assert option.stance in STANCES
        assert option.note
        assert not option.default or not option.values or option.default in option.values
        assert option.dropped in ("", "warning", "error")


# -- words


@pytest.mark.parametrize(
    "words",
    [
        ["--model=m.pb", "--input_shape=x:1,2;y:3"],
        ["atc", "--model", "m.pb", "--input_shape", "x:1,2;y:3"],
        ["/usr/local/Ascend/bin/atc --model=m.pb --input_shape='x:1,2;y:3'"],
        ['ASCEND_SLOG_PRINT_TO_STDOUT=1 atc \\\n --model=m.pb \\\n --input_shape="x:1,2;y:3" > log 2>&1'],
    ],
)
def test_words_are_read_without_complaint(words: list[str]) -> None:
    line = read_command(words)
    assert line.options == {"model": "m.pb", "input_shape": "x:1,2;y:3"}
    assert not line.findings


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--input_shape=", "x:1,2;y:3", "--model=m.pb"], "blank stands beside the `=`"),
        (["--input_shape", "=x:1,2;y:3", "--model=m.pb"], "blank stands beside the `=`"),
        (["atc --model=m.pb --input_shape=x:1,2;y:3"], "`;` outside of quotes"),
        (["atc --model=m.pb \\ \n --input_shape='x:1,2;y:3'"], "behind a backslash"),
        (["atc –model=m.pb —input_shape=“x:1,2;y:3”"], "typographic"),  # noqa: RUF001
        (["--model=old.pb", "--model=m.pb", "--input_shape=x:1,2;y:3"], "given twice"),
    ],
)
def test_quoting_problems_are_told_and_repaired(words: list[str], text: str) -> None:
    line = read_command(words)
    assert line.options == {"model": "m.pb", "input_shape": "x:1,2;y:3"}
    (found,) = line.findings
    assert found.code == "MC715"
    assert text in found.message


def test_an_open_quote_is_refused() -> None:
    with pytest.raises(ModelcError) as caught:
        read_command(["atc --model='m.pb --framework=3"])
    assert caught.value.diagnostics[0].code == "MC715"


def test_a_stray_word_is_an_error() -> None:
    translation = translate([*PLAIN, "stray"])
    assert not translation.ok
    assert codes(translation) == ["MC715"]


# -- options


def test_an_unknown_option_is_answered_with_near_ones() -> None:
    found = next(d for d in translate([*PLAIN, "--input-shapes=x:1"]).findings if d.code == "MC710")
    assert "`--input_shape`" in found.fixes[0].text


def test_a_bad_value_is_answered_with_the_nearest() -> None:
    found = next(d for d in translate([*PLAIN, "--precision_mode=force_fp61"]).findings if d.code == "MC711")
    assert found.fixes[0].flag == "--precision_mode=force_fp16"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"dynamic_batch_size": "1,2", "dynamic_dims": "1;2", "input_shape": "x:-1"}, "exclude each other"),
        ({"precision_mode": "force_fp16", "precision_mode_v2": "fp16"}, "exclude each other"),
        ({"insert_op_conf": "a.cfg", "dynamic_dims": "1;2"}, "exclude each other"),
        ({"dynamic_batch_size": "1,2", "input_shape": "x:1~4,3"}, "a range"),
        ({"dynamic_batch_size": "1", "input_shape": "x:-1,3"}, "lists 1 profile"),
        ({"dynamic_batch_size": ",".join(map(str, range(101))), "input_shape": "x:-1,3"}, "at most 100"),
        ({"dynamic_batch_size": "1,2", "input_shape": "x:-1,-1"}, "only the first dimension"),
        (
            {"dynamic_image_size": "1,2;3,4", "input_format": "NHWC", "input_shape": "x:-1,-1,-1,3"},
            "only height and width",
        ),
        ({"dynamic_image_size": "1,2;3,4", "input_shape": "x:1,-1,-1,3"}, "needs `--input_format`"),
        ({"dynamic_dims": "1;2", "input_shape": "x:-1", "input_format": "NHWC"}, "needs `--input_format=ND`"),
        ({"dynamic_dims": "1,2;3,4", "input_shape": "x:-1", "input_format": "ND"}, "1 open dimensions"),
        ({"framework": "0"}, "needs `--weight`"),
        ({"framework": "0", "weight": "w", "input_format": "NHWC"}, "does not go with Caffe"),
        ({"is_input_adjust_hw_layout": "true"}, "needs `--input_fp16_nodes`"),
        ({"is_input_adjust_hw_layout": "true", "input_fp16_nodes": "a;b"}, "1 values for the 2 nodes"),
        ({"mode": "1", "om": "a.om"}, "needs `--json`"),
        ({"mode": "6"}, "needs `--om`"),
    ],
)
def test_rules_across_options(given: dict[str, str], text: str) -> None:
    given = {"model": "m", "framework": "3", **given}
    assert any(text in d.message for d in conflicts(given)), [d.message for d in conflicts(given)]


@pytest.mark.parametrize(
    "given",
    [
        {"mode": "1", "om": "a.om", "json": "a.json"},
        {"dynamic_batch_size": "1,2", "input_shape": "x:-1,3;y:4"},
        {"dynamic_image_size": "8,8;9,9", "input_format": "NCHW", "input_shape": "x:1,3,-1,-1"},
        {"dynamic_dims": "1,2;3,4", "input_format": "ND", "input_shape": "x:-1,3;y:-1"},
        {"input_fp16_nodes": "a;b", "is_input_adjust_hw_layout": "true,false"},
    ],
)
def test_what_fits_is_let_pass(given: dict[str, str]) -> None:
    assert not conflicts({"model": "m", **given})


@pytest.mark.parametrize(
    ("settings", "given", "text"),
    [
        ("", {"input_shape": "x:1,8,8,3", "input_fp16_nodes": "y;x"}, "both be preprocessed"),
        ('related_input_name: "y"', {"input_fp16_nodes": "y;x"}, "input `y` cannot both"),
        ("", {"input_shape": "x:1~4,8,8,3"}, "excludes a range"),
        (
            "src_image_size_w: 8",
            {"dynamic_image_size": "1,2;3,4", "input_shape": "x:1,-1,-1,3", "input_format": "NHWC"},
            "cannot set `src_image_size_w`",
        ),
        ("nonsense: 1", {}, "no setting `nonsense`"),
    ],
)
def test_rules_about_preprocessing(settings: str, given: dict[str, str], text: str, tmp_path: Path) -> None:
    path = tmp_path / "aipp.cfg"
    path.write_text(f"aipp_op {{ aipp_mode: static input_format: RGB888_U8 {settings} }}", "utf-8")
    (found,) = conflicts({"model": "m", "insert_op_conf": str(path), **given})
    assert text in found.message


def test_preprocessing_goes_to_compile_and_to_atc(tmp_path: Path) -> None:
    path = tmp_path / "aipp.cfg"
    path.write_text("aipp_op { aipp_mode: static input_format: RGB888_U8 }", "utf-8")
    translation = translate([*PLAIN, f"--insert_op_conf={path}"], "")
    assert translation.words[-5:] == ["--insert-op-conf", str(path), "--atc", "--soc-version", "Ascend310"]


# -- what it comes to


def test_the_equivalent_command() -> None:
    line = "--input_shape=x:1,2 --input_shape_range=y:[1~4,3] --out_nodes=a:0;b:1 --input_format=NHWC --log=error"
    translation = translate([*PLAIN, *line.split()])
    assert translation.ok
    assert translation.words == [
        *("compile", "m.pb", "-o", "out.om", "--profile", "cann-8"),
        *("--input-shape", "x:1,2;y:1~4,3", "--out-nodes", "a:0;b:1"),
    ]


def test_options_are_handed_on_to_atc() -> None:
    given = ("--precision_mode=force_fp32", "--buffer_optimize=off_optimize", "--input_fp16_nodes=x")
    translation = translate([*PLAIN, *given], "/opt/atc")
    assert translation.words[-7:] == [
        *("--atc=/opt/atc", "--soc-version", "Ascend310"),
        *("--atc-option", "precision_mode=force_fp32", "--atc-option", "buffer_optimize=off_optimize"),
    ]
    assert codes(translation) == ["MC714"]


@pytest.mark.parametrize(
    ("words", "command", "document"),
    [
        (["--mode=1", "--om=a.om", "--json=a.json"], ["inspect", "a.om", "--format", "json"], "a.json"),
        (["--mode=6", "--om=a.om"], ["inspect", "a.om"], None),
        (
            ["--mode=3", "--model=m.pb", "--framework=3"],
            ["check", "m.pb", "--profile", "cann-8", "--format", "json"],
            "check_result.json",
        ),
    ],
)
def test_other_modes(words: list[str], command: list[str], document: str | None) -> None:
    translation = translate(words)
    assert (translation.words, translation.document) == (command, document and Path(document))
    assert translation.ok


@pytest.mark.parametrize("mode", ["5", "30"])
def test_modes_that_are_not_done(mode: str) -> None:
    assert not translate([*PLAIN, f"--mode={mode}"]).ok


def test_profiles_of_shapes_are_answered_with_one_command_each() -> None:
    words = [*PLAIN, "--input_shape=x:-1,8,8,3;n:-1", "--dynamic_batch_size=1,4"]
    (found,) = [d for d in translate(words).findings if d.code == "MC714"]
    assert [fix.flag for fix in found.fixes] == ['--input_shape="x:1,8,8,3;n:1"', '--input_shape="x:4,8,8,3;n:4"']
    words = [*PLAIN, "--input_shape=x:1,-1,-1,3", "--dynamic_image_size=8,9;10,11", "--input_format=NHWC"]
    (found,) = [d for d in translate(words).findings if d.code == "MC714"]
    assert [fix.flag for fix in found.fixes] == ['--input_shape="x:1,8,9,3"', '--input_shape="x:1,10,11,3"']


# -- the command


def test_the_command_compiles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "out"
    line = f"atc --model={DIGITS} --framework=3 --output={output} --input_shape='image:1,8,8,1' --soc_version=Ascend310"
    assert main(["atc", "--format", "json", line]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["result"]["artifact"] == f"{output}.om"
    assert {o["name"]: o["stance"] for o in document["options"]}["soc_version"] == "records"
    assert (tmp_path / "out.om").is_file()


def test_a_dry_run_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["atc", "--dry-run", f"--model={DIGITS}", "--framework=3", "--output=out", "--soc_version=x"]) == 0
    assert f"equivalent: modelc compile {DIGITS} -o out.om --profile cann-8" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_a_check_leaves_its_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["atc", "--mode=3", f"--model={DIGITS}", "--framework=3"]) == 1
    assert json.loads((tmp_path / "check_result.json").read_text("utf-8"))["verdict"] == "rejected"
    assert "wrote check_result.json" in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["--format", "xml", "--model=m"], ["--modle=m.pb", "--framework=3"]])
def test_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["atc", *words]) == 2
    assert "error[MC71" in capsys.readouterr().err


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["atc", "--help"]) == 0
    assert "--dry-run" in capsys.readouterr().out
