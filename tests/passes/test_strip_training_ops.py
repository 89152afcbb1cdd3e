"""Stripping beyond what golden cases show: the table, ways to outputs, forms of dropout."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from modelc.diagnostics.codes import CODES
from modelc.diagnostics.diagnostic import Diagnostic, Sink
from modelc.dialects.tf.registry import op_names
from modelc.ir.model import Model
from modelc.pipeline.passes import PassContext
from modelc.text.reader import read_model
from modelc_passes.shared.policy import DROP, FORWARD, FREEZE, REJECT, WARN, family, has_effect
from modelc_passes.strip_training_ops import StripTrainingOps


def strip(model: Model) -> list[Diagnostic]:
    sink = Sink()
    StripTrainingOps().run(model, PassContext(sink))
    return list(sink)


def kinds(model: Model) -> list[str]:
    return [op.kind for op in model.graph]


# -- the table


def test_the_table_is_consistent() -> None:
    entries = json.loads(files("modelc_passes").joinpath("data/tf_policy.json").read_text())["families"]
    assert len({entry["name"] for entry in entries}) == len(entries)
    for entry in entries:
        assert entry["action"] in (DROP, FORWARD, FREEZE, REJECT, WARN)
        if entry["action"] in (REJECT, WARN):
            assert entry["code"] in CODES
            assert entry["what"].startswith("op ")
            assert entry["fixes"]


FAMILIES = {
    "Identity": "pass-through",
    "StopGradient": "pass-through",
    "PreventGradient": "pass-through",
    "Assert": "side effect",
    "HistogramSummary": "side effect",
    "WriteScalarSummary": "side effect",
    "AssignAddVariableOp": "write",
    "ResourceScatterNdUpdate": "write",
    "ScatterAdd": "write",
    "VarHandleOp": "state",
    "ResourceGather": "state",
    "ResourceApplyAdamWithAmsgrad": "optimizer",
    "SparseApplyFtrl": "optimizer",
    "ApplyMomentum": "optimizer",
    "Conv2DBackpropFilter": "gradient",
    "MaxPoolGradGradWithArgmax": "gradient",
    "FusedBatchNormGradV3": "gradient",
    "BroadcastGradientArgs": "gradient",
    "SparseSoftmaxCrossEntropyWithLogits": "loss",
    "LogUniformCandidateSampler": "loss",
    "IteratorGetNext": "pipeline",
    "TensorSliceDataset": "pipeline",
    "FIFOQueueV2": "pipeline",
    "DecodeJpeg": "pipeline",
    "ParseExampleV2": "pipeline",
    "CollectiveReduceV2": "collective",
    "StatelessRandomUniformV2": "random",
    "RandomShuffle": "random",
    "TensorListReserve": "list",
    "TensorArrayReadV3": "list",
    "QuantizedConv2D": "quantized",
    "UniformQuantizedAdd": "quantized",
    "HashTableV2": "text or table",
    "StringToNumber": "text or table",
    "DecodeBase64": "text or table",
    "SparseTensorDenseMatMul": "sparse or ragged",
    "RaggedTensorToTensor": "sparse or ragged",
}
INFERENCE = (
    "Conv2D",
    "Conv2DBackpropInput",
    "DepthwiseConv2dNativeBackpropInput",
    "BatchMatMulV2",
    "Relu",
    "Pack",
    "Softmax",
    "Select",
    "GatherV2",
    "ScatterNd",
    "TensorScatterUpdate",
    "Range",
    "Transpose",
    "TopKV2",
    "FakeQuantWithMinMaxVars",
    "SpaceToBatchND",
    "Pad",
    "Cast",
    "Conv3D",
    "NonMaxSuppressionV3",
    "Where",
    "FusedBatchNormV3",
    "LogSoftmax",
    "Cumsum",
    "ReverseV2",
    "Einsum",
    "BatchToSpaceND",
    "Bincount",
)


@pytest.mark.parametrize(("op_type", "name"), FAMILIES.items())
def test_ops_belong_to_their_family(op_type: str, name: str) -> None:
    entry = family(op_type)
    assert entry is not None
    assert entry.name == name


@pytest.mark.parametrize("op_type", INFERENCE)
def test_ops_of_inference_belong_to_none(op_type: str) -> None:
    assert family(op_type) is None


def test_the_table_leaves_most_of_tensorflow_alone() -> None:
    names = op_names()
    free = [name for name in names if family(name) is None]
    assert 0.25 < len(free) / len(names) < 0.75


# -- findings


def test_a_finding_tells_the_way_to_an_output() -> None:
    model = read_model("""
        graph @main(%text: string[]) {
          %numbers = tf.StringToNumber(%text) {out_type = f32} : f32[*]
          %relu = tf.Relu(%numbers) {T = f32} : f32[*]
          %exp = tf.Exp(%relu) {T = f32} : f32[*]
          return %exp
        }""")
    (finding,) = strip(model)
    assert finding.code == "MC219"
    assert dict(finding.evidence)["way to the output"] == "numbers > relu > exp > output"


def test_text_that_only_a_check_prints_is_no_finding() -> None:
    model = read_model("""
        graph @main(%x: f32[2]) {
          %text = tf.AsString(%x) {T = f32} : string[*]
          %message, %^message = tf.StringJoin(%text) {N = 1} : string[*], control
          %^print = tf.PrintV2(%message) {end = "", output_stream = "stdout"} : control
          %y = tf.Relu(%x, %^print) {T = f32} : f32[*]
          return %y
        }""")
    assert strip(model) == []
    assert kinds(model) == ["input", "tf.Relu", "return"]


def test_many_ops_of_a_family_are_one_finding() -> None:
    ops = "\n".join(f"%g{i + 1} = tf.ReluGrad(%g{i}, %g0) {{T = f32}} : f32[*]" for i in range(50))
    model = read_model(f"graph @main(%g0: f32[2]) {{ {ops} return %g50 }}")
    (finding,) = strip(model)
    assert "and 49 more" in finding.message
    assert dict(finding.evidence)["ops"].endswith("and 30 more")


def test_nested_graphs_are_stripped_and_reported_too() -> None:
    model = read_model("""
        graph @main(%p: bool[], %x: f32[2]) {
          %y = tf.If(%p, %x) {Tcond = bool, Tin = [f32], Tout = [f32]} graph @then(%a: f32[2]) {
            %copy = tf.Identity(%a) {T = f32} : f32[*]
            %grad = tf.ReluGrad(%copy, %copy) {T = f32} : f32[*]
            return %grad
          } graph @else(%a: f32[2]) {
            %copy, %^copy = tf.Identity(%a) {T = f32} : f32[*], control
            return %copy, %^copy
          } : f32[*]
          return %y
        }""")
    (finding,) = strip(model)
    assert finding.code == "MC206"
    branch = next(op for op in model.graph if op.graphs)
    assert [[op.kind for op in graph] for graph in branch.graphs] == [
        ["input", "tf.ReluGrad", "return"],
        ["input", "return"],
    ]
    assert len(branch.graphs[1].outputs) == 1


def test_optimizers_have_effects() -> None:
    model = read_model("""
        graph @main(%x: f32[2]) {
          %step = tf.ApplyGradientDescent(%x, %x, %x) {T = f32} : f32[*]
          %relu = tf.Relu(%x) {T = f32} : f32[*]
          return %step, %relu
        }""")
    assert [has_effect(op) for op in model.graph] == [False, True, False, False]


# -- dropout

RANDOM = """
  %dims = const dense<[2]> : i32[1]
  %random = tf.RandomUniform(%dims) {T = i32, dtype = f32} : f32[*]
  %rate = const dense<0.75> : f32[]
  %keep = const dense<0.25> : f32[]
  %four = const dense<4.0> : f32[]
  %zero = const dense<0.0> : f32[]
  %zeros = tf.ZerosLike(%x) {T = f32} : f32[*]
"""

DROPOUTS = {
    "mirrored select": """
      %mask = tf.Less(%random, %rate) {T = f32} : bool[*]
      %scaled = tf.Mul(%four, %x) {T = f32} : f32[*]
      %y = tf.SelectV2(%mask, %zeros, %scaled) {T = f32} : f32[*]""",
    "negated mask": """
      %drop = tf.Less(%random, %rate) {T = f32} : bool[*]
      %mask = tf.LogicalNot(%drop) : bool[*]
      %scaled = tf.RealDiv(%x, %keep) {T = f32} : f32[*]
      %y = tf.SelectV2(%mask, %scaled, %zero) {T = f32} : f32[*]""",
    "kept share on the left": """
      %mask = tf.Greater(%keep, %random) {T = f32} : bool[*]
      %ones = tf.Cast(%mask) {SrcT = bool, DstT = f32, Truncate = false} : f32[*]
      %scaled = tf.RealDiv(%x, %keep) {T = f32} : f32[*]
      %y = tf.Mul(%ones, %scaled) {T = f32} : f32[*]""",
    "scaled afterwards": """
      %mask = tf.GreaterEqual(%random, %rate) {T = f32} : bool[*]
      %ones = tf.Cast(%mask) {SrcT = bool, DstT = f32, Truncate = false} : f32[*]
      %some = tf.Mul(%x, %ones) {T = f32} : f32[*]
      %y = tf.Mul(%some, %four) {T = f32} : f32[*]""",
    "floor": """
      %sum = tf.AddV2(%random, %keep) {T = f32} : f32[*]
      %mask = tf.Floor(%sum) {T = f32} : f32[*]
      %scaled = tf.RealDiv(%x, %keep) {T = f32} : f32[*]
      %y = tf.Mul(%scaled, %mask) {T = f32} : f32[*]""",
}

NO_DROPOUTS = {
    "a scale of the dropped share": """
      %mask = tf.GreaterEqual(%random, %rate) {T = f32} : bool[*]
      %scaled = tf.Mul(%x, %rate) {T = f32} : f32[*]
      %y = tf.SelectV2(%mask, %scaled, %zero) {T = f32} : f32[*]""",
    "no zeros": """
      %mask = tf.GreaterEqual(%random, %rate) {T = f32} : bool[*]
      %scaled = tf.Mul(%x, %four) {T = f32} : f32[*]
      %y = tf.SelectV2(%mask, %scaled, %x) {T = f32} : f32[*]""",
    "no scale": """
      %mask = tf.GreaterEqual(%random, %rate) {T = f32} : bool[*]
      %y = tf.SelectV2(%mask, %x, %zero) {T = f32} : f32[*]""",
    "a limit that is data": """
      %mask = tf.GreaterEqual(%random, %x) {T = f32} : bool[*]
      %scaled = tf.Mul(%x, %four) {T = f32} : f32[*]
      %y = tf.SelectV2(%mask, %scaled, %zero) {T = f32} : f32[*]""",
    "a normal distribution": """
      %normal = tf.RandomStandardNormal(%dims) {T = i32, dtype = f32} : f32[*]
      %mask = tf.GreaterEqual(%normal, %rate) {T = f32} : bool[*]
      %scaled = tf.Mul(%x, %four) {T = f32} : f32[*]
      %y = tf.SelectV2(%mask, %scaled, %zero) {T = f32} : f32[*]""",
}


@pytest.mark.parametrize("ops", DROPOUTS.values(), ids=DROPOUTS)
def test_dropout_is_found_in_every_form(ops: str) -> None:
    model = read_model(f"graph @main(%x: f32[2]) {{ {RANDOM} {ops} return %y }}")
    assert [finding.code for finding in strip(model)] == ["MC222"]
    assert kinds(model) == ["input", "return"]


@pytest.mark.parametrize("ops", NO_DROPOUTS.values(), ids=NO_DROPOUTS)
def test_other_noise_is_kept(ops: str) -> None:
    model = read_model(f"graph @main(%x: f32[2]) {{ {RANDOM} {ops} return %y }}")
    assert [finding.code for finding in strip(model)] == ["MC216"]
    assert len(kinds(model)) > 4
