"""The reader of the textual IR: what it takes, and what it says about what it does not take."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelc.diagnostics.diagnostic import Diagnostic, ModelcError
from modelc.ir.blob import BytesBlob, FileBlob, MissingBlob, SplatBlob
from modelc.ir.graph import Graph
from modelc.ir.op import Op
from modelc.ir.origin import NOWHERE, Origin
from modelc.ir.types import CONTROL, F32, I64, TensorType, tensor
from modelc.text.printer import print_graph, print_model
from modelc.text.reader import read_model

BODY = """graph @main(%x: f32[2]) {{
  {}
  return %x
}}
"""


def findings(text: str, folder: Path | None = None) -> tuple[Diagnostic, ...]:
    with pytest.raises(ModelcError) as caught:
        read_model(text, "m.mir", folder)
    return caught.value.diagnostics


def body(line: str) -> Graph:
    return read_model(BODY.format(line)).graph


def first_op(line: str) -> Op:
    return list(body(line))[1]


# -- what is taken


def test_a_graph_is_read_with_types_links_and_public_names() -> None:
    model = read_model("""
        graph @main(%a: f32[1, n, ?], %_: i64[]) {
          %y, %^y = tf.Relu(%a) {T = f32} : f32[*], control
          return %y, %a {names = ["out", "copy"]}
        }
        """)
    graph = model.graph
    relu = next(op for op in graph if op.kind == "tf.Relu")
    assert [value.type for value in graph.inputs] == [tensor(F32, 1, "n", None), tensor(I64)]
    assert graph.input_names == ("a", "input1")
    assert graph.output_names == ("out", "copy")
    assert graph.outputs == (relu.results[0], graph.inputs[0])
    assert relu.results[1].type is CONTROL
    assert [value.name for value in relu.results] == ["y", "^y"]
    assert relu.attributes == {"T": F32}


def test_the_first_graph_is_the_entry_and_the_others_are_functions() -> None:
    model = read_model('graph @b() { return } graph @a() { return } graph @"c d"() { return }')
    assert model.graph.name == "b"
    assert list(model.functions) == ["a", "c d"]


def test_ops_of_a_source_dialect_come_from_the_node_of_their_name() -> None:
    assert first_op("%^n = tf.NoOp() : control").origin == Origin.of("tensorflow", "n", "NoOp")
    assert first_op("%c = onnx.Abs(%x) : f32[2]").origin == Origin.of("onnx", "c", "Abs")
    assert first_op("%c = const dense<1> : i32[]").origin == Origin.of("tensorflow", "c", "Const")
    assert first_op("%c = ge.Abs(%x) : f32[2]").origin == NOWHERE
    assert first_op("%c = tf.Abs(%x) : f32[2] loc()").origin == NOWHERE


def test_only_what_does_not_follow_is_printed() -> None:
    text = BODY.format(
        '%y, %_ = tf.Split(%x) : f32[1], f32[1]\n  %z = ge.Relu(%y) : f32[1] loc(tensorflow "y" Split -> a)'
    )
    graph = read_model(text).graph
    assert [value.name for value in list(graph)[1].results] == ["y", "y:1"]
    assert print_graph(graph) == text


def test_a_merge_may_read_what_comes_later() -> None:
    graph = body("%m, %i = tf.Merge(%x, %n) : f32[2], i32[]\n  %n = tf.NextIteration(%m) : f32[2]")
    merge, following = list(graph)[1:3]
    assert merge.operands[1] is following.result
    assert (merge, 1) in following.result.readers


def test_duplicate_hints_are_printed_apart_and_stay_together_within_an_op() -> None:
    graph = Graph()
    x = graph.append(Op("input", (), {}, (tensor(F32),), name="n")).result
    for _ in range(2):
        split = graph.append(Op("tf.Split", (x,), {}, (tensor(F32), tensor(F32), CONTROL), name="n"))
        graph.append(Op("tf.Sink", split.results))
    graph.append(Op("return", (x,)))
    lines = print_graph(graph, origins=False).splitlines()
    assert lines[1].strip().startswith("%n_1, %n_1:1, %^n_1 = tf.Split(%n)")
    assert lines[3].strip().startswith("%n_2, %n_2:1, %^n_2 = tf.Split(%n)")


def test_numbers_take_the_element_type_of_their_constant() -> None:
    assert first_op("%c = const dense<[1, -2]> : i16[2]").attributes["value"] == BytesBlob(b"\1\0\xfe\xff")
    assert first_op("%c = const dense<[1, 0x7fc00001]> : f32[2]").attributes["value"] == BytesBlob(
        b"\0\0\x80\x3f\1\0\xc0\x7f"
    )
    assert first_op("%c = const splat<true> : bool[2, 3]").attributes["value"] == SplatBlob(b"\1", 6)
    assert first_op("%c = const dense<[]> : f32[0]").attributes["value"] == BytesBlob(b"")
    variable = first_op("%v = tf.VarHandleOp() {dtype = f32, shape = shape[2], value = splat<1.5>} : resource")
    assert variable.attributes["value"] == SplatBlob(b"\0\0\xc0\x3f", 2)


def test_files_are_looked_up_beside_the_text(tmp_path: Path) -> None:
    text = BODY.format('%c = const file<"w.bin", 4, 8> : f32[2]')
    constant = list(read_model(text, folder=tmp_path).graph)[1]
    assert constant.attributes["value"] == FileBlob(tmp_path / "w.bin", 4, 8)
    absolute = first_op('%c = const file<"/data/w.bin", 0, 8> : f32[2]')
    assert absolute.attributes["value"] == FileBlob(Path("/data/w.bin"), 0, 8)


def test_what_a_text_left_out_is_missing() -> None:
    blob = first_op('%c = const digest<"ab12", 8> : f32[2]').attributes["value"]
    assert isinstance(blob, MissingBlob)
    assert blob.nbytes == 8
    assert "ab12" in blob.problem


def test_header_lines_read_back_and_other_comments_do_not_matter() -> None:
    model = read_model("""
        // anything
        // source: tensorflow "/m/resnet" "SavedModel" "signature" = "serving"
        // facts: lifted, inference-only
        graph @main() {  // source: is only a comment here
          return
        }
        """)
    assert model.source is not None
    assert (model.source.framework, model.source.path, model.source.format) == (
        "tensorflow",
        Path("/m/resnet"),
        "SavedModel",
    )
    assert model.source.details == (("signature", "serving"),)
    assert model.facts == {"lifted", "inference-only"}


# -- what is not taken


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("%y = ge.Relu(%nowhere) : f32[2]", "%nowhere is not defined here"),
        ("%y = ge.Relu(%z) : f32[2]\n  %z = ge.Relu(%x) : f32[2]", "%z is not defined here"),
        ("%x = ge.Relu(%x) : f32[2]", "%x is defined twice"),
        ('%"x" = ge.Relu(%x) : f32[2]', '%"x" is defined twice'),
        ("%y, %z = ge.Relu(%x) : f32[2]", "2 results are named, 1 have a type"),
        ("ge.Relu(%x) : f32[2]", "0 results are named, 1 have a type"),
        ("%y = ge.Relu(%x) : f32", "`f32` is no type; a scalar is written `f32[]`"),
        ("%y = ge.Relu(%x) : f33[]", "there is no element type `f33`"),
        ("%y = ge.Relu(%x) : f32[1,,2]", "`[1,,2]` is not a shape"),
        ("%y = ge.Relu(%x) : f32[1,]", "`[1,]` is not a shape"),
        ("%y = ge.Relu(%x) {T = f33} : f32[2]", "there is no element type `f33`"),
        ("%y = ge.Relu(%x) {a = 1, a = 2} : f32[2]", "attribute `a` is given twice"),
        ("%y = ge.Relu(%x) {a = 99999999999999999999} : f32[2]", "99999999999999999999 does not fit 64 bits"),
        ('%y = ge.Relu(%x) {a = "\\q"} : f32[2]', "a text has a bad escape"),
        ("%y = ge.Relu(%x) {a = dense<[1]>} : f32[2]", "the element type of these numbers is not known"),
        ("%y = ge.Relu(%x) {a = [dense<[1]>]} : f32[2]", "the element type of these numbers is not known"),
        ("%y = const dense<[1, 2]> : i32[3]", "2 numbers are given for i32[3], which has 3"),
        ("%y = const dense<[1.5]> : i32[1]", "1.5 is not an integer"),
        ("%y = const dense<[300]> : u8[1]", "300 does not fit u8"),
        ("%y = const dense<[1e60]> : f32[1]", "1e60 does not fit f32"),
        ("%y = const dense<[0x123456789]> : f32[1]", "0x123456789 has more bits than f32"),
        ("%y = const dense<[true]> : f32[1]", "true is not a number"),
        ("%y = const dense<[1]> : bool[1]", "1 is neither true nor false"),
        ("%y = const dense<[1]> : string[1]", "1 is not a text"),
        ("%y = const dense<[1]> : c64[1]", "a constant of type c64 is written as `bytes<...>`"),
        ("%y = const splat<0> : i32[n]", "needs its number of elements"),
        ('%y = const bytes<"0g"> : i32[1]', "these are not pairs of hexadecimal digits"),
        ('%y = const missing<-1, ""> : i32[1]', "cannot be negative"),
        ('%y = const file<"w", 0, 4> : i32[1]', "a relative path, and this text lies in no folder"),
        ("return %x", "nothing may follow `return`"),
        ("%y = input() : f32[2]", "the inputs of a graph stand in its first line"),
    ],
)
def test_what_makes_no_sense_is_found(line: str, problem: str) -> None:
    found = findings(BODY.format(line))
    assert {item.code for item in found} == {"MC411"}
    assert any(problem in item.message for item in found), found
    assert len(found) == 1


def test_a_constant_must_have_the_bytes_of_its_type() -> None:
    (found,) = findings(BODY.format('%w = const file<"/w", 0, 7> : f32[2]'))
    assert (found.code, found.message) == ("MC116", "2:8: 7 bytes are given for f32[2], which has 8")


def test_all_faults_are_reported_in_one_run_and_in_place() -> None:
    found = findings(BODY.format("%y = ge.A(%u) : f32[2]\n  %z = ge.B(%v) : q[1]"))
    assert [item.message.partition(": ")[0] for item in found] == ["2:13", "3:19", "3:13"]
    assert found[0].evidence == (("text", "  %y = ge.A(%u) : f32[2]\n            ^^"),)
    assert found[0].file == "m.mir"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("graph @main() { return", "1:23: expected"),
        ("", "1:1: expected `// facts:`, `// source:` or `graph`, found the end"),
        ("graph main() {}", "1:7: expected a graph name such as `@main`, found `main`"),
        ("graph @m(%x: f32[2] {", "1:21: expected `)` or `,`, found `{`"),
        ("graph @m() {\n  %y = ge.Relu(x)\n}", "2:16: expected `)` or a value such as `%x`, found `x`"),
        ("graph @m() {\n  %y = ge.Relu() : \n}", "3:1: expected a name or a type such as `f32[1, 3]`, found `}`"),
        ("graph @m() {\n  %y = §\n}", "2:8: expected"),
        ('graph @m() { a() {b = "c\n"} return }', "1:23: "),
    ],
)
def test_syntax_errors_name_what_was_expected(text: str, message: str) -> None:
    (found,) = findings(text)
    assert found.code == "MC411"
    assert found.message.startswith(message), found.message
    assert "^" in found.evidence[0][1]
    assert "ANON" not in found.message


def test_graphs_must_end_with_a_return_and_have_names_of_their_own() -> None:
    found = findings("graph @m() { } graph @m() { return }")
    assert [item.message for item in found] == [
        "1:7: graph @m does not end with `return`",
        "1:22: there already is a graph @m",
    ]


def test_a_file_outside_of_the_folder_is_refused(tmp_path: Path) -> None:
    (found,) = findings(BODY.format('%c = const file<"../secret", 0, 4> : f32[1]'), tmp_path)
    assert found.code == "MC113"


def test_a_long_line_is_cut_around_the_fault() -> None:
    (found,) = findings(BODY.format(f'%y = ge.A(%x) {{a = "{"b" * 5000}", c = §}} : f32[2]'))
    excerpt, carets = found.evidence[0][1].splitlines()
    assert len(excerpt) <= 100
    assert excerpt[carets.index("^")] == "§"


def test_the_parser_is_imported_when_it_is_used() -> None:
    code = "import sys, modelc.text.frontend, modelc.text.printer; sys.exit('lark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# -- hostile texts


@pytest.mark.parametrize("opening", ["{a = [", "{a = @f", " graph @g() { a()"])
def test_deep_nesting_is_a_finding(opening: str) -> None:
    piece = {"{a = [": "[", "{a = @f": "{a = @f"}.get(opening, opening)
    (found,) = findings("graph @m() { a() " + opening + piece * 100_000)
    assert "nested deeper than" in found.message


@pytest.mark.parametrize(
    "text", ["graph @m() { a() {b = f32[" + "1, " * 500_000, 'a"' * 500_000, "[" * 10**6, "\0" * 10**6]
)
def test_long_nonsense_is_refused_at_once(text: str) -> None:
    started = time.process_time()
    findings(text)
    assert time.process_time() - started < 2


def test_findings_are_limited() -> None:
    assert len(findings(BODY.format("a(%y)\n" * 10_000))) == 50


TEXT = print_model(
    read_model(
        BODY.format(
            '%w = const dense<[1.0, nan]> : f32[2]\n  %y, %_ = tf.A(%x, %w) {a = [1, 2], b = @f{c = "d"}, '
            'e = shape[?]} : f32[n], control loc(onnx "a" B -> c)\n  %s = const splat<"00", 4> : bool[4]'
        )
    )
)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(TEXT)), st.integers(0, 12), st.text(max_size=4) | st.sampled_from(list('{}[]()"%@<>,:=')))
def test_damaged_texts_never_give_anything_but_findings(start: int, length: int, insert: str) -> None:
    codes = set()
    try:
        read_model(TEXT[:start] + insert + TEXT[start + length :])
    except ModelcError as error:
        codes = {item.code for item in error.diagnostics}
    assert codes <= {"MC411", "MC113", "MC116"}


# -- size


def chain(count: int) -> str:
    lines = [f"  %n{i} = tf.Relu(%n{i - 1}) {{T = f32, pads = [1, 1]}} : f32[1, 8, 8, 3]" for i in range(1, count)]
    return "\n".join(["graph @main(%n0: f32[1, 8, 8, 3]) {", *lines, f"  return %n{count - 1}", "}\n"])


def seconds(count: int) -> float:
    text = chain(count)
    started = time.process_time()
    read_model(text)
    return time.process_time() - started


def test_reading_takes_time_in_proportion_to_the_text() -> None:
    seconds(10)
    small, large = min(seconds(400) for _ in range(3)), min(seconds(1600) for _ in range(3))
    assert large / small < 4 * 1.6


def test_nested_graphs_print_without_recursion() -> None:
    graph = Graph("innermost")
    for _ in range(3000):
        graph.append(Op("input"))
        graph.append(Op("return"))
        outer = Graph("outer")
        outer.append(Op("input"))
        outer.append(Op("ge.If", graphs=(graph,)))
        outer.append(Op("return"))
        graph = outer
    assert print_graph(graph).count("graph @") == 3001


def test_a_type_without_element_is_written_with_a_question_mark() -> None:
    assert first_op("%y = a(%x) : ?[*]").result.type == TensorType(None, None)
