"""Pipelines, input shapes and output nodes as users write them."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelc.diagnostics.diagnostic import Diagnostic, ModelcError
from modelc.pipeline.passes import format_option
from modelc.text.specs import parse_input_shape, parse_out_nodes, parse_pipeline


def findings(parse: Callable[[str], object], text: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(ModelcError) as caught:
        parse(text)
    assert {item.code for item in caught.value.diagnostics} == {"MC406"}
    return caught.value.diagnostics


def pointed(item: Diagnostic) -> str:
    """Return what the carets of a finding point at."""
    line, carets = item.evidence[0][1].splitlines()
    return line[carets.index("^") : len(carets)]


# -- pipelines


def test_passes_come_in_order_with_their_options() -> None:
    specs = parse_pipeline('freeze, fix-shapes{input="x:1,224,224,3" batch-size=4},\n fold-constants{}')
    assert [spec.name for spec in specs] == ["freeze", "fix-shapes", "fold-constants"]
    options = specs[1].options
    assert {name: (option.value, option.kind) for name, option in options.items()} == {
        "input": ("x:1,224,224,3", "text"),
        "batch-size": ("4", "word"),
    }


def test_spans_point_into_the_text() -> None:
    text = 'a,b{key="v w",other=1.5}'
    (_, spec) = parse_pipeline(text)
    assert text[slice(*spec.span)] == "b"
    assert text[slice(*spec.options["key"].span)] == '"v w"'
    assert text[slice(*spec.options["other"].span)] == "1.5"


def test_groups_nest() -> None:
    (outer,) = parse_pipeline("fixpoint(a,fixpoint(b{x=1},c))")
    assert outer.name == "fixpoint"
    assert [child.name for child in outer.children] == ["a", "fixpoint"]
    assert [child.name for child in outer.children[1].children] == ["b", "c"]


def test_an_empty_text_is_an_empty_pipeline() -> None:
    assert parse_pipeline(" ") == []


@given(st.text())
def test_what_an_option_prints_is_what_is_read(value: str) -> None:
    (spec,) = parse_pipeline(f"p{{o={format_option(value)}}}")
    assert spec.options["o"].value == value


@pytest.mark.parametrize(
    ("text", "message", "at"),
    [
        ("a b", "expected", "b"),
        ("a,,b", "expected a name, found `,`", ","),
        ("a{x}", "expected `=`, found `}`", "}"),
        ("a{x=}", "expected a text in double quotes or a value, found `}`", "}"),
        ("a{x=1 x=2}", "option `x` is given twice", "x"),
        ("g(a)", "only `fixpoint` takes passes in parentheses", "g"),
        ("fixpoint", "`fixpoint` needs passes in parentheses", "fixpoint"),
        ("a{x=y:1,2}", "expected a name, found `2`", "2"),
    ],
)
def test_faults_of_pipelines_are_pointed_at(text: str, message: str, at: str) -> None:
    found = findings(parse_pipeline, text)
    assert found[0].message.startswith(message)
    assert pointed(found[0]) == at


def test_a_text_that_ends_too_early_is_pointed_at_behind_its_end() -> None:
    (found,) = findings(parse_pipeline, "a{")
    assert found.evidence[0][1] == "a{\n  ^"


def test_hostile_pipelines_are_refused() -> None:
    started = time.process_time()
    findings(parse_pipeline, "fixpoint(" * 100_000)
    findings(parse_pipeline, '"' * 100_000)
    assert len(parse_pipeline(",".join(["a"] * 1000))) == 1000
    assert time.process_time() - started < 2


# -- shapes


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("x:1,224,224,3;n:8;scalar:", [("x", (1, 224, 224, 3)), ("n", (8,)), ("scalar", ())]),
        ("a/b:0:1,2", [("a/b:0", (1, 2))]),
        ("x:-1,1~8,?,4", [("x", (None, None, None, 4))]),
        (" x : 1 , 2 ; ", [("x", (1, 2))]),
        ("", []),
    ],
)
def test_shapes_are_read(text: str, shapes: list[tuple[str, tuple[int | None, ...]]]) -> None:
    assert [(shape.name, shape.dims) for shape in parse_input_shape(text)] == shapes


def test_the_span_of_a_shape_is_its_entry() -> None:
    text = "x:1; yy:2,3 ;"
    assert [text[slice(*shape.span)] for shape in parse_input_shape(text)] == ["x:1", "yy:2,3"]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("x", ["x"]),
        (":1", [":1"]),
        ("x:1,a,3", ["a"]),
        ("x:1,,3", [","]),
        ("x:1,", [""]),
        ("x:-2", ["-2"]),
        ("x:1;x:2", ["x:2"]),
        ("x:99999999999999999999", ["99999999999999999999"]),
        ("a;b;c:d", ["a", "b", "d"]),
    ],
)
def test_all_faults_of_shapes_are_pointed_at(text: str, at: list[str]) -> None:
    assert [pointed(item) for item in findings(parse_input_shape, text)] == at


# -- nodes


def test_output_nodes_are_read() -> None:
    nodes = parse_out_nodes("a/b:0;c:12;d;a/b:0")
    assert [(node.name, node.index) for node in nodes] == [("a/b", 0), ("c", 12), ("d", 0)]


@pytest.mark.parametrize("text", ["a:b", ":0", "a:-1", "a:²"])
def test_faults_of_nodes_are_pointed_at(text: str) -> None:
    (found,) = findings(parse_out_nodes, text)
    assert pointed(found) == text


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet='ab{}()=,;:"~-?1 \\\n') | st.text())
def test_any_text_is_read_or_found_fault_with(text: str) -> None:
    codes = set()
    for parse in (parse_pipeline, parse_input_shape, parse_out_nodes):
        try:
            parse(text)
        except ModelcError as error:
            codes |= {item.code for item in error.diagnostics}
    assert codes <= {"MC406"}
