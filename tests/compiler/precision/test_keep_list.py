"""Lists of ops that keep their types, as atc takes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.compiler.precision.graphs import graph_of, op

from modelc.diagnostics.diagnostic import ModelcError
from modelc.precision.keep_list import lines_of, matching, read_keep_list, unmatched, write_keep_list

GRAPH = """
  %y = ge.Exp(%x) : f32[2] loc(tensorflow "block/exp" Exp)
  %z = ge.Mul(%y, %y) : f32[2]
  %u = ge.Mul(%z, %z) : f32[2]
  return %u
"""


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["z"], {"z"}),
        (["block/exp"], {"y"}),
        (["z", "y"], {"z", "y"}),
        (["OpType::Mul"], {"z", "u"}),
        (["OpType::mul"], set()),
        (["Mul"], set()),
        ([], set()),
    ],
)
def test_lines_name_ops_or_types(lines: list[str], expected: set[str]) -> None:
    found, strangers = matching(graph_of(GRAPH), lines)
    assert {each.name for each in found} == expected
    assert (not strangers) == bool(expected or not lines)


def test_a_list_is_read_as_it_was_written(tmp_path: Path) -> None:
    graph = graph_of(GRAPH)
    ops = [op(graph, "y"), op(graph, "z")]
    write_keep_list(tmp_path / "keep.txt", ops)
    lines = read_keep_list(tmp_path / "keep.txt")
    assert list(lines) == lines_of(ops)
    assert matching(graph, lines) == (frozenset(ops), ())


def test_empty_lines_and_spaces_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "keep.txt").write_text("\n  y \r\n\nOpType::Mul\n", "utf-8")
    assert read_keep_list(tmp_path / "keep.txt") == ("y", "OpType::Mul")


def test_a_list_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "keep.bin").write_bytes(b"\xff\xfe\x00")
    for name, code in (("keep.bin", "MC406"), ("absent.txt", "MC101")):
        with pytest.raises(ModelcError) as caught:
            read_keep_list(tmp_path / name)
        assert caught.value.diagnostics[0].code == code


def test_names_that_do_not_exist_are_said() -> None:
    finding = unmatched(("a", "b\x1b"), Path("keep.txt"))
    assert finding.message == r"the model has no op `a`, `b\x1b`, which was to keep its types"
