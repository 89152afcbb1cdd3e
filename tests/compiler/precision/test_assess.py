"""Assessments: models that fail in half precision are named with their op, and mended by what is found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.compiler.precision.graphs import graph_of

from modelc.ir.graph import Graph
from modelc.precision import report
from modelc.precision.assess import Assessment, Request, assess, setting_of
from modelc.precision.keep_list import lines_of, write_keep_list

SIZE = 256


def assessed(graph: Graph, numbers: NDArray[Any], mode: str = "force_fp16", keep: Path | None = None) -> Assessment:
    inputs = {"x": np.asarray(numbers, np.float32)}
    return assess(setting_of(graph, Request(mode, keep)), inputs, searching=True)


LARGE_PRODUCT = f"""
  %scaled = ge.Relu(%x) : f32[1, {SIZE}]
  %product = ge.MatMulV2(%scaled, %x) {{transpose_x2 = true}} : f32[1, 1]
  %root = ge.Sqrt(%product) : f32[1, 1]
  %half = const dense<0.5> : f32[]
  %y = ge.Mul(%root, %half) : f32[1, 1]
  return %y
"""
SOFTMAX_WITHOUT_MAXIMUM = """
  %axis = const dense<1> : i32[1]
  %exp = ge.Exp(%x) : f32[1, 4]
  %sum = ge.ReduceSum(%exp, %axis) {keep_dims = true} : f32[1, 1]
  %y = ge.RealDiv(%exp, %sum) : f32[1, 4]
  return %y
"""
VARIANCE = """
  %axis = const dense<1> : i32[1]
  %epsilon = const dense<1e-5> : f32[]
  %mean = ge.ReduceMean(%x, %axis) {keep_dims = true} : f32[1, 1]
  %centred = ge.Sub(%x, %mean) : f32[1, 4]
  %square = ge.Square(%centred) : f32[1, 4]
  %variance = ge.ReduceMean(%square, %axis) {keep_dims = true} : f32[1, 1]
  %safe = ge.Add(%variance, %epsilon) : f32[1, 1]
  %deviation = ge.Sqrt(%safe) : f32[1, 1]
  %y = ge.RealDiv(%centred, %deviation) : f32[1, 4]
  return %y
"""


@pytest.mark.parametrize(
    ("body", "numbers", "culprit", "kept"),
    [
        (LARGE_PRODUCT, np.full((1, SIZE), 20.0), "product", ["product", "root"]),
        (SOFTMAX_WITHOUT_MAXIMUM, [[12.0, 11.0, 10.0, 11.5]], "exp", ["exp", "sum", "y"]),
        (VARIANCE, [[400.0, -500.0, 300.0, 100.0]], "square", ["square", "variance", "safe", "deviation"]),
    ],
)
def test_an_overflow_is_named_and_mended(body: str, numbers: Any, culprit: str, kept: list[str]) -> None:
    array = np.asarray(numbers)
    graph = graph_of(body, f"%x: f32[1, {array.shape[1]}]")
    found = assessed(graph, array)
    assert not found.equal
    assert found.overflowing[0].op.name == culprit
    assert found.search is not None
    assert found.search.found
    assert found.search.is_least
    assert lines_of(found.kept) == kept
    assert all(each.equal for each in found.mended)
    first = report.findings(found)[0]
    assert first.code == "MC621"
    assert f"`{culprit}`" in first.message


CANCELLATION = """
  %large = const dense<1000.0> : f32[]
  %sum = ge.Add(%x, %large) : f32[4]
  %y = ge.Sub(%sum, %large) : f32[4]
  return %y
"""


def test_what_makes_the_error_is_kept_not_only_what_shows_it() -> None:
    found = assessed(graph_of(CANCELLATION, "%x: f32[4]"), np.array([0.1, 0.2, 0.3, 0.4]))
    assert [loss.op.name for loss in found.inaccurate] == ["y"]
    assert lines_of(found.kept) == ["sum", "y"]


def test_a_list_with_what_was_found_mends_the_model(tmp_path: Path) -> None:
    graph = graph_of(LARGE_PRODUCT, f"%x: f32[1, {SIZE}]")
    numbers = np.full((1, SIZE), 20.0)
    write_keep_list(tmp_path / "keep.txt", assessed(graph, numbers).kept)
    again = assessed(graph, numbers, keep=tmp_path / "keep.txt")
    assert again.equal
    assert again.search is None
    assert not report.findings(again)


def test_a_mode_that_keeps_types_changes_nothing() -> None:
    found = assessed(graph_of(LARGE_PRODUCT, f"%x: f32[1, {SIZE}]"), np.full((1, SIZE), 20.0), "must_keep_origin_dtype")
    assert found.equal
    assert not found.losses
    assert {each.max_abs for each in found.outputs} == {0.0}


def test_mixed_precision_keeps_what_is_on_the_black_list() -> None:
    graph = graph_of(SOFTMAX_WITHOUT_MAXIMUM, "%x: f32[1, 4]")
    assert assessed(graph, np.array([[12.0, 11.0, 10.0, 11.5]]), "allow_mix_precision").equal


def test_nothing_is_searched_where_outputs_are_within_the_tolerance() -> None:
    graph = graph_of("  %y = ge.Exp(%x) : f32[2]\n  return %y")
    found = assessed(graph, np.array([0.1, 0.2]))
    assert found.search is None
    assert "no op overflows" in report.text(found)


def test_where_nothing_helps_that_is_said() -> None:
    graph = graph_of("  %y = ge.Exp(%x) : f32[2]\n  return %y")
    inputs = {"x": np.array([20.0, 1.0], np.float32)}
    found = assess(setting_of(graph, Request("force_fp16", soc="ascend310")), inputs, searching=True)
    assert found.search is not None
    assert not found.search.found
    text = report.text(found)
    assert "no ops that can be kept in float32" in text
    assert "no kernel takes float32 for: 1 ge.Exp" in text


def test_reports_hold_what_was_found() -> None:
    graph = graph_of(LARGE_PRODUCT, f"%x: f32[1, {SIZE}]")
    found = assessed(graph, np.full((1, SIZE), 20.0))
    document = json.loads(json.dumps(report.document(found), allow_nan=False))
    assert document["emulated"] is True
    loss = document["losses"][0]
    assert (loss["op"], loss["why"], loss["most"]) == ("product", "overflow", 102400)
    assert document["keep"]["ops"] == ["product", "root"]
    text = report.text(found)
    assert "no device took part" in text
    assert "overflows float16: 1 number is beyond 65504" in text
    assert "keep in float32: 2 ops, none of which can be left out" in text


def test_an_underflow_is_named() -> None:
    graph = graph_of("  %y = ge.Square(%x) : f32[2]\n  %z = ge.Add(%y, %x) : f32[2]\n  return %z")
    found = assessed(graph, np.array([1e-4, 1e-5]))
    assert [loss.op.name for loss in found.underflowing] == ["y"]
    assert report.findings(found)[0].code == "MC622"


def test_findings_are_bounded_and_documents_are_not() -> None:
    squares = "\n".join(f"  %y{index} = ge.Square(%x) : f32[1]" for index in range(20))
    names = ", ".join(f"%y{index}" for index in range(20))
    graph = graph_of(f"{squares}\n  return {names}", "%x: f32[1]")
    found = assess(setting_of(graph, Request("force_fp16")), {"x": np.array([300], np.float32)})
    findings = report.findings(found)
    assert len(findings) == 12
    assert "one of 20 such ops" in findings[0].notes[1]
    assert len(json.loads(json.dumps(report.document(found)))["losses"]) == 20
