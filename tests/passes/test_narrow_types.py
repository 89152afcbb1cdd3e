"""Narrowing: it happens only where a chip needs it and the numbers fit, and no number changes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelc.diagnostics.diagnostic import Sink
from modelc.dialects.lookup import op_def
from modelc.execute.evaluator import evaluate
from modelc.ir.blob import LazyBlob, MissingBlob
from modelc.ir.model import Model
from modelc.ir.types import I64
from modelc.ir.verify import Level, verify
from modelc.kernels import kernel_table
from modelc.pipeline.passes import PassContext
from modelc.text.reader import read_model
from modelc_passes.narrow_types import NarrowTypes
from modelc_passes.shared.kernel_fit import Fitter

CHIPS = list(kernel_table().chips)


def narrow(text: str, chip: str = "ascend910b") -> tuple[Model, Sink]:
    model = read_model(text)
    context = PassContext(soc=chip)
    NarrowTypes().run(model, context)
    assert [d.message for d in verify(model.graph, Level.TYPES, op_def)] == []
    return model, context.sink


# Ops with operands that provably fit.
OPS = [
    "ge.FloorMod(%top, %seven) : i64[2, 3]",
    "ge.FloorDiv(%top, %seven) : i64[2, 3]",
    "ge.Maximum(%top, %wide) : i64[2, 3]",
    "ge.Minimum(%top, %seven) : i64[2, 3]",
    "ge.ReduceMax(%wide, %axis) {keep_dims = false} : i64[2]",
    "ge.ReduceMin(%wide, %axis) {keep_dims = true} : i64[2, 1]",
    "ge.Abs(%small) : i64[2, 3]",
    "ge.Neg(%small) : i64[2, 3]",
    "ge.Sign(%wide) : i64[2, 3]",
    "ge.Square(%small) : i64[2, 3]",
    "ge.Equal(%top, %wide) : bool[2, 3]",
    "ge.GreaterEqual(%top, %seven) : bool[2, 3]",
    "ge.Less(%wide, %top) : bool[2, 3]",
    "ge.Tile(%top, %twice) : i64[4, 3]",
    "ge.SelectV2(%p, %top, %wide) : i64[2, 3]",
    "ge.OneHot(%top, %depth, %on, %off) : f32[2, 3, 4]",
    "ge.Pack(%top, %wide) {N = 2, axis = 0} : i64[2, 2, 3]",
    "ge.ConcatV2(%top, %wide, %axis) {N = 2} : i64[2, 6]",
    "ge.BroadcastTo(%top, %shape) : i64[2, 2, 3]",
    "ge.Cumsum(%small, %axis) : i64[2, 3]",
    "ge.AddN(%small, %top) {N = 2} : i64[2, 3]",
    "ge.ClipByValue(%wide, %one, %seven) : i64[2, 3]",
    "ge.BiasAdd(%small, %bias) : i64[2, 3]",
]
PREPARED = """graph @main(%x: f32[2, 3, 9], %n: i32[2, 3], %m: i8[2, 3], %p: bool[2, 3]) {
  %two = const dense<2> : i32[]
  %axis = const dense<1> : i32[]
  %depth = const dense<4> : i32[]
  %on = const dense<1.0> : f32[]
  %off = const dense<0.0> : f32[]
  %twice = const dense<[2, 1]> : i32[2]
  %shape = const dense<[2, 2, 3]> : i32[3]
  %seven = const dense<7> : i64[]
  %one = const dense<1> : i64[]
  %bias = const dense<[3, 4, 5]> : i64[3]
  %top = ge.ArgMaxV2(%x, %two) {dtype = i64} : i64[2, 3]
  %wide = ge.Cast(%n) {dst_type = 9} : i64[2, 3]
  %small = ge.Cast(%m) {dst_type = 9} : i64[2, 3]
"""
# Which of them become narrow on the chip ascend910b; the others have a kernel with 64 bits, on its CPU at least.
NARROW = "FloorMod FloorDiv Maximum ReduceMax ReduceMin Sign SelectV2 OneHot BroadcastTo ClipByValue".split()


def text_of(op: str) -> str:
    return f"{PREPARED}  %r = {op}\n  return %r, %top\n}}\n"


@st.composite
def arrays(draw: st.DrawFn) -> dict[str, Any]:
    random = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    edges = [-(1 << 31), (1 << 31) - 1, 0, -1]
    n = random.choice([*edges, *random.integers(-100, 100, 4)], (2, 3)).astype(np.int32)
    m = random.choice([-128, 127, 0, 5], (2, 3)).astype(np.int8)
    return {
        "x": random.standard_normal((2, 3, 9)).astype(np.float32),
        "n": n,
        "m": m,
        "p": random.integers(0, 2, (2, 3)).astype(bool),
    }


@pytest.mark.parametrize("op", OPS, ids=[op.partition("(")[0] for op in OPS])
@settings(max_examples=8, deadline=None)
@given(inputs=arrays())
def test_no_number_changes_on_any_chip(op: str, inputs: dict[str, Any]) -> None:
    expected = evaluate(read_model(text_of(op)).graph, inputs)
    for chip in CHIPS:
        model, _ = narrow(text_of(op), chip)
        found = evaluate(model.graph, inputs)
        for name, array in expected.items():
            assert found[name].dtype == array.dtype
            np.testing.assert_array_equal(found[name], array)


def test_what_has_a_kernel_stays_wide() -> None:
    found = []
    for op in OPS:
        kind = op.partition("(")[0]
        model, _ = narrow(text_of(op))
        if any(each.kind == kind and NarrowTypes.name in each.origin.rules for each in model.ops()):
            found.append(kind.removeprefix("ge."))
    assert found == NARROW


@pytest.mark.parametrize("chip", CHIPS)
def test_what_was_narrowed_fits_the_chip(chip: str) -> None:
    model, sink = narrow(text_of(OPS[0]), chip)
    fitter = Fitter(kernel_table())
    changed = [op for op in model.ops() if NarrowTypes.name in op.origin.rules and op.dialect == "ge"]
    assert changed
    assert all(fitter.fit(op, chip).engine for op in changed)
    (note,) = sink
    assert note.code == "MC224"
    assert chip in note.message


def test_a_second_run_changes_nothing() -> None:
    model, _ = narrow(text_of(OPS[0]))
    edits = model.edits
    context = PassContext(soc="ascend910b")
    NarrowTypes().run(model, context)
    assert model.edits == edits
    assert not len(context.sink)


CHAIN = """graph @main(%x: f32[2, 3, 9]) {
  %two = const dense<2> : i32[]
  %top = ge.ArgMaxV2(%x, %two) {dtype = i64} : i64[2, 3]
  %a = ge.Maximum(%top, %top) : i64[2, 3]
  %b = ge.Maximum(%a, %top) : i64[2, 3]
  %c = ge.Maximum(%b, %a) : i64[2, 3]
  return %c
}
"""


def test_casts_that_meet_cancel_out() -> None:
    model, _ = narrow(CHAIN)
    assert [op.kind for op in model.graph] == [
        *("input", "const", "ge.ArgMaxV2", "ge.Maximum", "ge.Maximum", "ge.Maximum", "ge.Cast", "return"),
    ]


def test_a_table_of_ones_own_decides(tmp_path: Path) -> None:
    path = tmp_path / "kernels.json"
    path.write_text('{"kernels": {"ArgMaxV2": [{"types": {"y": ["int64"]}}]}}', "utf-8")
    model = read_model(text_of(OPS[0]))
    context = PassContext(soc="310p")
    NarrowTypes(kernels=str(path)).run(model, context)
    assert next(op for op in model.ops() if op.kind == "ge.ArgMaxV2").attributes["dtype"] == I64


LARGE = """graph @main(%n: i32[1]) {
  %w = ge.Cast(%n) {dst_type = 9} : i64[1]
  %big = const splat<"0500000000000000", 20000> : i64[20000]
  %r = ge.Maximum(%w, %big) : i64[20000]
  return %r
}
"""


def test_large_constants_are_narrowed_while_they_are_written() -> None:
    model = read_model(LARGE)
    values = (np.arange(20000) - 7000).astype("<i8")
    constant = next(op for op in model.graph if op.kind == "const")
    model.graph.set_attribute(constant, "value", LazyBlob(values.nbytes, values.tobytes))
    NarrowTypes().run(model, PassContext(soc="910b"))
    constant = next(op for op in model.graph if op.kind == "const")
    blob = constant.attributes["value"]
    assert isinstance(blob, LazyBlob)
    assert blob.read() == values.astype("<i4").tobytes()
    (result,) = evaluate(model.graph, {"n": np.array([3], np.int32)}).values()
    np.testing.assert_array_equal(result, np.maximum(values, 3))


@pytest.mark.parametrize("count", [20, 20000])
def test_a_constant_that_cannot_be_read_stays(count: int) -> None:
    model = read_model(LARGE.replace("20000", str(count)))
    constant = next(op for op in model.graph if op.kind == "const")
    model.graph.set_attribute(constant, "value", MissingBlob(8 * count, "gone"))
    edits = model.edits
    NarrowTypes().run(model, PassContext(soc="910b"))
    assert model.edits == edits


def test_the_time_grows_with_the_graph_and_no_faster() -> None:
    def seconds(count: int) -> float:
        lines = "\n".join(f"  %v{i + 1} = ge.FloorMod(%v{i}, %seven) : i64[2]" for i in range(count))
        head = (
            "graph @main(%n: i32[2]) {\n  %v0 = ge.Cast(%n) {dst_type = 9} : i64[2]\n  %seven = const dense<7> : i64[]"
        )
        model = read_model(f"{head}\n{lines}\n  return %v{count}\n}}\n")
        started = time.process_time()
        NarrowTypes().run(model, PassContext(soc="910b"))
        return time.process_time() - started

    seconds(100)
    assert min(seconds(1200) for _ in range(3)) < 3.5 * min(seconds(600) for _ in range(3))
