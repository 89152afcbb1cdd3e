"""Which tensors of a source and its artifact are paired, and which must not be."""

from __future__ import annotations

from modelc.execute.pairing import CLAIMED, NEW, OTHER_TYPE, SEVERAL, STEP, pair
from modelc.text.reader import read_model

SOURCE = """graph @main(%x: f32[2, 4]) {
  %conv = tf.Abs(%x) : f32[*]
  %bias = tf.Neg(%conv) : f32[*]
  %relu = tf.Relu(%bias) : f32[*]
  %left = tf.Exp(%x) : f32[*]
  %right = tf.Log(%x) : f32[*]
  %split, %split:1 = tf.Split(%x) : f32[*], f32[*]
  %count = tf.Count(%x) : i64[*]
  return %relu, %left, %right, %split, %split:1, %count
}
"""
CONV, BIAS, RELU = 'tensorflow "conv" Abs', 'tensorflow "bias" Neg', 'tensorflow "relu" Relu'
LEFT, RIGHT = 'tensorflow "left" Exp', 'tensorflow "right" Log'


def pairs(*ops: str, returned: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the source tensor of each tensor of an artifact of these ops, and why others have none."""
    lines = "\n".join(f"  {op}" for op in ops)
    artifact = read_model(f"graph @main(%x: f32[2, 4]) {{\n{lines}\n  return {returned}\n}}\n")
    found = pair(read_model(SOURCE).graph, artifact.graph)
    return (
        {each.artifact.name: each.source.name for each in found.pairs},
        {value.name: reason for value, reason in found.unpaired.items()},
    )


def test_a_tensor_keeps_the_name_of_what_it_stands_for() -> None:
    paired, unpaired = pairs(
        f"%conv = ge.Abs(%x) : f32[2, 4] loc({CONV})",
        f"%relu = ge.Relu(%conv) : f32[2, 4] loc({BIAS}, {RELU})",
        returned="%relu",
    )
    assert paired == {"conv": "conv", "relu": "relu"}
    assert unpaired == {}


def test_a_fused_op_equals_the_end_of_its_chain_whatever_it_is_called() -> None:
    for name in ("relu", "conv"):
        paired, _ = pairs(f"%{name} = ge.Fused(%x) : f32[2, 4] loc({CONV}, {BIAS}, {RELU})", returned=f"%{name}")
        assert paired == {name: "relu"}


def test_the_order_in_which_origins_were_merged_does_not_matter() -> None:
    paired, _ = pairs(f"%conv = ge.Fused(%x) : f32[2, 4] loc({RELU}, {CONV}, {BIAS})", returned="%conv")
    assert paired == {"conv": "relu"}


def test_a_step_within_a_source_op_is_no_tensor_of_the_source() -> None:
    paired, unpaired = pairs(
        f"%relu/Mul = ge.Mul(%x, %x) : f32[2, 4] loc({RELU})",
        f"%relu = ge.Add(%relu/Mul, %x) : f32[2, 4] loc({RELU})",
        returned="%relu",
    )
    assert paired == {"relu": "relu"}
    assert unpaired == {"relu/Mul": STEP}


def test_a_step_stays_one_where_its_last_part_was_fused_away() -> None:
    paired, unpaired = pairs(
        f"%conv/Mul = ge.Mul(%x, %x) : f32[2, 4] loc({CONV})",
        f"%relu = ge.Fused(%conv/Mul) : f32[2, 4] loc({CONV}, {BIAS}, {RELU})",
        returned="%relu",
    )
    assert paired == {"relu": "relu"}
    assert unpaired == {"conv/Mul": STEP}


def test_what_was_merged_with_its_like_equals_both_and_is_paired_by_its_name() -> None:
    paired, _ = pairs(f"%right = ge.Log(%x) : f32[2, 4] loc({RIGHT}, {LEFT})", returned="%right")
    assert paired == {"right": "right"}


def test_without_a_last_source_node_there_is_no_pair() -> None:
    paired, unpaired = pairs(f"%both = ge.Log(%x) : f32[2, 4] loc({RIGHT}, {LEFT})", returned="%both")
    assert paired == {}
    assert unpaired == {"both": STEP}
    paired, unpaired = pairs(f"%relu = ge.Log(%x) : f32[2, 4] loc({RIGHT}, {LEFT})", returned="%relu")
    assert (paired, unpaired) == ({}, {"relu": SEVERAL})


def test_what_comes_from_nowhere_or_elsewhere_is_not_paired_though_it_has_the_name() -> None:
    _, unpaired = pairs("%relu = ge.Relu(%x) : f32[2, 4]", returned="%relu")
    assert unpaired == {"relu": NEW}
    _, unpaired = pairs('%relu = ge.Relu(%x) : f32[2, 4] loc(tensorflow "relu" Tanh)', returned="%relu")
    assert unpaired == {"relu": NEW}


def test_of_two_that_could_be_one_source_tensor_neither_is_paired_but_by_its_name() -> None:
    paired, unpaired = pairs(
        f"%conv = ge.A(%x) : f32[2, 4] loc({CONV}, {RELU})",
        f"%bias = ge.B(%x) : f32[2, 4] loc({BIAS}, {RELU})",
        returned="%conv, %bias",
    )
    assert paired == {}
    assert unpaired == {"conv": CLAIMED, "bias": CLAIMED}


def test_results_correspond_by_number_where_there_are_as_many() -> None:
    where = 'loc(tensorflow "split" Split)'
    paired, _ = pairs(f"%split, %split:1 = ge.Split(%x) : f32[2, 2], f32[2, 2] {where}", returned="%split, %split:1")
    assert paired == {"split": "split", "split:1": "split:1"}
    three = f"%split, %split:1, %c = ge.Split(%x) : f32[2, 2], f32[2, 2], f32[2, 2] {where}"
    paired, unpaired = pairs(three, returned="%split, %split:1, %c")
    assert paired == {"split": "split"}
    assert unpaired["split:1"] == STEP


def test_integers_may_have_been_narrowed_but_not_become_something_else() -> None:
    where = 'loc(tensorflow "count" Count)'
    assert pairs(f"%count = ge.Size(%x) : i32[] {where}", returned="%count")[0] == {"count": "count"}
    assert pairs(f"%count = ge.Size(%x) : f32[] {where}", returned="%count")[1] == {"count": OTHER_TYPE}


def test_copies_of_one_function_are_told_apart_by_their_calls() -> None:
    source = read_model("""graph @main(%x: f32[2]) {
  %f/y = tf.Abs(%x) : f32[*] loc(tensorflow "y" Abs, tensorflow "f" PartitionedCall)
  %g/y = tf.Abs(%f/y) : f32[*] loc(tensorflow "y" Abs, tensorflow "g" PartitionedCall)
  return %g/y
}
""")
    artifact = read_model("""graph @main(%x: f32[2]) {
  %f/y = ge.Abs(%x) : f32[2] loc(tensorflow "y" Abs, tensorflow "f" PartitionedCall)
  %g/y = ge.Abs(%f/y) : f32[2] loc(tensorflow "y" Abs, tensorflow "g" PartitionedCall)
  return %g/y
}
""")
    found = pair(source.graph, artifact.graph)
    assert [(each.source.name, each.artifact.name) for each in found.pairs] == [("f/y", "f/y"), ("g/y", "g/y")]


def test_files_of_others_name_only_nodes_and_are_paired_by_these() -> None:
    paired, unpaired = pairs(
        '%fused = ge.Conv2D(%x) : f32[2, 4] loc(om "fused" Conv2D)',
        '%relu = ge.Relu(%fused) : f32[2, 4] loc(om "relu" Relu)',
        returned="%relu",
    )
    assert paired == {"relu": "relu"}
    assert unpaired == {"fused": NEW}


def test_the_framework_that_a_file_states_does_not_matter() -> None:
    paired, _ = pairs('%relu = onnx.Relu(%x) : f32[2, 4] loc(onnx "relu" Relu)', returned="%relu")
    assert paired == {"relu": "relu"}
