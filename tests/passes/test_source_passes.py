"""The passes on source graphs as a whole: nonsense ends in findings, and work grows as graphs do."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from modelc.diagnostics.diagnostic import Sink
from modelc.dialects.lookup import op_def
from modelc.ir.attributes import Attribute, ShapeAttribute, Symbol
from modelc.ir.blob import BytesBlob, MissingBlob
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.origin import Origin
from modelc.ir.types import BOOL, CONTROL, F32, I32, I64, RESOURCE, UNKNOWN, VARIANT, TensorType, Type, tensor
from modelc.ir.verify import Level, verify
from modelc.pipeline.passes import Pass, PassContext
from modelc.text.reader import read_model
from modelc_passes.fix_shapes import FixShapes
from modelc_passes.freeze import Freeze
from modelc_passes.inline_functions import InlineFunctions
from modelc_passes.prune import Prune
from modelc_passes.resolve_control_flow import ResolveControlFlow
from modelc_passes.strip_training_ops import StripTrainingOps


def pipeline() -> list[Pass]:
    shapes = "n3:2;in0:2"
    return [
        InlineFunctions(),
        ResolveControlFlow(input=shapes),
        Freeze(),
        StripTrainingOps(use_statistics=True),
        Prune(),
        FixShapes(shapes, 4),
    ]


# -- nonsense: ops with any number of operands and results of any type, and attributes of any kind

KINDS = (
    "Identity IdentityN Switch Merge RefSwitch Enter Exit NextIteration LoopCond If StatelessIf While Case NoOp Assert "
    "PartitionedCall StatefulPartitionedCall VarHandleOp ReadVariableOp AssignVariableOp VariableV2 Assign Print Less "
    "ResourceGather ResourceGatherNd VariableShape VarIsInitializedOp IsVariableInitialized PlaceholderWithDefault Add "
    "Placeholder LogicalNot LogicalAnd Equal Mul RealDiv RandomUniform GreaterEqual Floor Cast SelectV2 Pack Reshape "
    "StridedSlice Shape Fill Range GatherV2 Sum Squeeze Rank Size TensorListReserve TensorListSetItem TensorListStack "
    "TensorListGetItem TensorListFromTensor TensorListPushBack TensorListLength EmptyTensorList TensorArrayV3 _SwitchN "
    "TensorArrayWriteV3 TensorArrayReadV3 TensorArrayScatterV3 TensorArrayGatherV3 TensorArraySizeV3 FusedBatchNormV3 "
    "ApplyAdam EnsureShape Dropout ReluGrad DecodeJpeg StringJoin DisableCopyOnRead f0 f1 f2 Relu"
).split()
TYPES: list[Type] = [
    tensor(F32),
    tensor(F32, 2),
    TensorType(F32, None),
    tensor(BOOL),
    tensor(I32),
    RESOURCE,
    VARIANT,
    UNKNOWN,
]
FUNCTIONS: list[Attribute] = [Symbol("f0"), Symbol("f1"), Symbol("f2"), Symbol("nowhere"), 3]
ATTRIBUTES: dict[str, list[Attribute]] = {
    "T": [F32, BOOL, (F32, I32), (), "x"],
    **dict.fromkeys(("f", "cond", "body", "then_branch", "else_branch"), FUNCTIONS),
    "branches": [(Symbol("f0"), Symbol("f1")), (), "x"],
    "shape": [ShapeAttribute((2,)), ShapeAttribute(None), ShapeAttribute((None, 3)), 5],
    "dtype": [F32, I32, "x"],
    "value": [BytesBlob(bytes(8)), MissingBlob(8, "shard `x` is missing"), 3],
    "frame_name": ["a", "b", 1],
    "is_training": [True, False],
    "batch_dims": [0, 1, "x"],
    "out_type": [I64, "x"],
    "DstT": [I32, BOOL, "x"],
    "shared_name": ["v", "w", ""],
    "axis": [0, 9, "x"],
    "element_dtype": [F32, "x"],
    "shrink_axis_mask": [0, 1, "x"],
}


def nonsense(rng: random.Random, name: str, count: int) -> Graph:
    graph = Graph(name)
    names = [f"{rng.choice(['keras_learning_phase', 'in'])}{index}" for index in range(rng.randint(0, 3))]
    start = Op("input", (), {"names": tuple(names)}, tuple(rng.choice(TYPES) for _ in names))
    data = list(graph.append(start).results)
    orders: list[Value] = []
    for index in range(count):
        op = graph.append(_nonsense_op(rng, f"n{index}", data, orders))
        for value in op.results:
            (orders if value.type is CONTROL else data).append(value)
    outputs = [*rng.choices(data, k=2), *rng.sample(orders, min(1, len(orders)))] if data else []
    graph.append(Op("return", tuple(outputs), {"names": tuple(f"y{index}" for index in range(len(outputs)))}))
    return graph


def _nonsense_op(rng: random.Random, name: str, data: list[Value], orders: list[Value]) -> Op:
    waits = rng.sample(orders, min(len(orders), rng.choice([0, 0, 1, 2])))
    if rng.random() < 0.2:
        type_ = rng.choice([tensor(BOOL), tensor(I32), tensor(F32), tensor(I32, 2), tensor(F32, 0)])
        blob = BytesBlob(bytes(rng.choice([0, 1]) for _ in range(type_.nbytes)))
        op = Op("const", tuple(waits), {"value": blob}, (type_,), name=name)
    else:
        reads = rng.choices(data, k=rng.choice([0, 1, 1, 2, 2, 3, 4])) if data else []
        types = [rng.choice(TYPES) for _ in range(rng.choice([0, 1, 1, 2, 2, 3]))]
        types += [CONTROL] * (rng.random() < 0.3)
        attributes = {key: rng.choice(values) for key, values in ATTRIBUTES.items() if rng.random() < 0.5}
        op = Op(f"tf.{rng.choice(KINDS)}", (*reads, *waits), attributes, tuple(types), name=name)
    op.origin = Origin.of("tensorflow", name, op.kind)
    return op


@pytest.mark.parametrize("seed", range(40))
def test_nonsense_ends_in_findings_or_a_sound_graph(seed: int) -> None:
    for number in range(10):
        rng = random.Random(seed * 1000 + number)
        functions = {name: nonsense(rng, name, rng.randint(0, 10)) for name in ("f0", "f1", "f2")}
        model = Model(nonsense(rng, "main", rng.randint(3, 40)), functions)
        for work in pipeline():
            work.run(model, PassContext(Sink()))
            assert not [item.message for graph in model.graphs() for item in verify(graph, Level.LINKS, op_def)]


# -- growth


def conditions(count: int) -> str:
    lines = ["%v0 = tf.Identity(%x) {T = f32} : f32[*]"]
    for i in range(count):
        lines += [
            f"%f{i}, %t{i} = tf.Switch(%v{i}, %p) {{T = f32}} : f32[*], f32[*]",
            f"%a{i} = tf.Relu(%f{i}) {{T = f32}} : f32[*]",
            f"%v{i + 1}, %m{i}, %^m{i} = tf.Merge(%a{i}, %t{i}) {{N = 2, T = f32}} : f32[*], i32[], control",
        ]
    return "\n".join([*lines, _gated(f"%v{count}", [f"%^m{i}" for i in range(count)])])


def loops(count: int) -> str:
    lines = ["%v0 = tf.Identity(%x) {T = f32} : f32[*]"]
    for i in range(count):
        lines += [
            f'%e{i} = tf.Enter(%v{i}) {{T = f32, frame_name = "loop{i}"}} : f32[*]',
            f"%m{i}, %i{i} = tf.Merge(%e{i}, %n{i}) {{N = 2, T = f32}} : f32[*], i32[]",
            f"%s{i} = tf.VendorTest(%m{i}) : bool[*]",
            f"%c{i} = tf.LoopCond(%s{i}) : bool[]",
            f"%f{i}, %t{i} = tf.Switch(%m{i}, %c{i}) {{T = f32}} : f32[*], f32[*]",
            f"%a{i} = tf.Tanh(%t{i}) {{T = f32}} : f32[*]",
            f"%n{i} = tf.NextIteration(%a{i}) {{T = f32}} : f32[*]",
            f"%v{i + 1}, %^v{i + 1} = tf.Exit(%f{i}) {{T = f32}} : f32[*], control",
        ]
    return "\n".join([*lines, _gated(f"%v{count}", [f"%^v{i + 1}" for i in range(count)])])


def copies(count: int) -> str:
    lines = ["%v0 = tf.Identity(%x) {T = f32} : f32[*]"]
    lines += [f"%v{i + 1}, %^v{i + 1} = tf.StopGradient(%v{i}) {{T = f32}} : f32[*], control" for i in range(count)]
    return "\n".join([*lines, _gated(f"%v{count}", [f"%^v{i + 1}" for i in range(count)])])


def calls(count: int) -> str:
    lines = ["%v0, %^v0 = tf.Identity(%x) {T = f32} : f32[*], control"]
    lines += [
        f"%v{i + 1}, %^v{i + 1} = tf.StatefulPartitionedCall(%v{i}, %^v{i}) {{f = @f}} : f32[*], control"
        for i in range(count)
    ]
    return "\n".join([*lines, _gated(f"%v{count}", [f"%^v{i + 1}" for i in range(count)])])


def _gated(value: str, orders: list[str]) -> str:
    """Let the output wait for everything, as exports of Keras do."""
    return f"""%^gate = tf.NoOp({", ".join(orders)}) : control
        %y = tf.Identity({value}, %^gate) {{T = f32}} : f32[*]
        return %y"""


def edits(build: Callable[[int], str], count: int) -> int:
    model = read_model(f"""
        graph @main(%x: f32[2], %p: bool[]) {{ {build(count)} }}
        graph @f(%a: f32[*]) {{
          %noise, %^noise = tf.RandomStandardNormal(%a) : f32[*], control
          %add = tf.AddV2(%a, %noise) {{T = f32}} : f32[*]
          return %add, %^noise
        }}""")
    before = model.graph.edits
    for work in pipeline():
        work.run(model, PassContext(Sink()))
    return model.graph.edits - before


@pytest.mark.parametrize("build", [conditions, loops, copies, calls])
def test_edits_grow_as_the_graph_does(build: Callable[[int], str]) -> None:
    assert edits(build, 160) <= 2.2 * edits(build, 80)
