"""Numbers that follow from constants."""

from __future__ import annotations

import numpy as np
import pytest

from modelc.ir.op import Value
from modelc.text.reader import read_model
from modelc_passes.shared.known import Known


def value(ops: str, inputs: str = "%x: f32[?, 3]") -> Value:
    model = read_model(f"""graph @main({inputs}) {{
      %one = const dense<1> : i32[]
      %two = const dense<2> : i32[]
      %half = const dense<0.5> : f32[]
      %vector = const dense<[3, 1, 2]> : i32[3]
      %axis = const dense<[0]> : i32[1]
      %yes = const dense<true> : bool[]
      {ops}
      return %y
    }}""")
    return model.graph.outputs[0]


KNOWN = {
    "tf.AddV2(%one, %two) : i32[*]": 3,
    "tf.Sub(%one, %two) : i32[*]": -1,
    "tf.FloorMod(%vector, %two) : i32[*]": [1, 1, 0],
    "tf.Less(%one, %two) : bool[*]": True,
    "tf.LogicalAnd(%yes, %yes) : bool[*]": True,
    "tf.Cast(%half) {DstT = i32} : i32[*]": 0,
    "tf.Cast(%two) {DstT = bool} : bool[*]": True,
    "tf.Pack(%one, %two) {axis = 0} : i32[*]": [1, 2],
    "tf.Range(%one, %two, %one) : i32[*]": [1],
    "tf.Sum(%vector, %axis) {keep_dims = false} : i32[*]": 6,
    "tf.Max(%vector, %axis) {keep_dims = true} : i32[*]": [3],
    "tf.GatherV2(%vector, %one, %one) : i32[*]": None,
    "tf.Gather(%vector, %one) : i32[*]": 1,
    "tf.SelectV2(%yes, %one, %two) : i32[*]": 1,
    "tf.ExpandDims(%one, %one) : i32[*]": None,
    "tf.Squeeze(%axis) {squeeze_dims = []} : i32[*]": 0,
    "tf.Fill(%axis, %one) : i32[*]": [],
    "tf.Rank(%x) : i32[*]": 2,
    "tf.Size(%x) : i32[*]": None,
    "tf.Shape(%x) : i32[*]": None,
    "tf.StridedSlice(%vector, %axis, %axis, %axis) : i32[*]": None,
    "tf.Merge(%one, %two) : i32[*]": None,
    "tf.Exp(%half) : f32[*]": None,
}


@pytest.mark.parametrize(("op", "expected"), KNOWN.items())
def test_small_numbers_are_known(op: str, expected: object) -> None:
    found = Known().of(value(f"%y = {op}"))
    assert (None if found is None else found.tolist()) == expected


@pytest.mark.parametrize(("begin", "expected"), [(0, None), (1, 3)])
def test_parts_of_shapes_are_known(begin: int, expected: int | None) -> None:
    found = Known().scalar(
        value(f"""
        %shape = tf.Shape(%x) {{T = f32, out_type = i64}} : i64[*]
        %begin = const dense<[{begin}]> : i32[1]
        %end = const dense<[{begin + 1}]> : i32[1]
        %step = const dense<[1]> : i32[1]
        %y = tf.StridedSlice(%shape, %begin, %end, %step) {{shrink_axis_mask = 1}} : i64[*]""")
    )
    assert found == expected


@pytest.mark.parametrize(("kind", "expected"), [("LogicalAnd", False), ("LogicalOr", None)])
def test_one_operand_can_decide(kind: str, expected: bool | None) -> None:
    ops = f"%no = const dense<false> : bool[] %y = tf.{kind}(%p, %no) : bool[*]"
    assert Known().truth(value(ops, "%p: bool[]")) == expected


def test_long_chains_are_no_recursion() -> None:
    chain = "%c0 = const dense<0> : i32[]\n" + "\n".join(
        f"%c{i + 1} = tf.AddV2(%c{i}, %one) : i32[*]" for i in range(5000)
    )
    assert Known().scalar(value(f"{chain} %y = tf.Identity(%c5000) : i32[*]")) == 5000


def test_large_results_are_not_computed() -> None:
    ops = "%dims = const dense<[2000000000, 2000000000]> : i32[2] %y = tf.Fill(%dims, %one) : i32[*]"
    assert Known().of(value(ops)) is None


def test_given_numbers_count_as_known() -> None:
    result = value("%y = tf.AddV2(%n, %one) : i32[*]", "%n: i32[]")
    (n,) = result.producer.graph.inputs if result.producer.graph else ()
    assert Known({n: np.array(4, np.int32)}).scalar(result) == 5
    assert Known().scalar(result) is None
