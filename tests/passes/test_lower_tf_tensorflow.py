"""Every lowering against TensorFlow: one graph that holds all cases is run by both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelc.diagnostics.diagnostic import Sink
from modelc.dialects.ge.run import run_graph
from modelc.frontends.frontend import LoadOptions
from modelc.frontends.load import load
from modelc.ir.model import Model
from modelc.pipeline.facts import FROZEN, INFERENCE_ONLY, INLINED
from modelc.pipeline.passes import PassContext
from modelc_passes.infer_types import InferTypes
from modelc_passes.lower_tf.lower import LowerTf
from modelc_passes.simplify import Simplify

FEEDS = {
    "image": (2, 9, 8, 4),
    "planes": (2, 4, 9, 8),
    "volume": (1, 5, 6, 7, 2),
    "matrix": (5, 6),
    "rows": (3, 5, 6),
    "heads": (2, 3, 4, 5),
    "positive": (3, 4),
    "vector": (6,),
}
INTEGERS = {"ids": (3, 5), "long_ids": (3, 5)}
RNG = np.random.default_rng(11)

Tensors = Mapping[str, Any]
Case = Callable[[Any, Any, Tensors], Any]
CASES: dict[str, Case] = {}


def case(function: Case) -> Case:
    CASES[function.__name__] = function
    return function


def cases(**functions: Case) -> None:
    CASES.update(functions)


def normal(*shape: int) -> Any:
    import tensorflow as tf

    return tf.constant(RNG.normal(size=shape).astype("f4"))


# -- convolutions and products

for padding, stride, dilation in [
    ("SAME", 1, 1),
    ("SAME", 2, 1),
    ("SAME", 3, 1),
    ("VALID", 2, 1),
    ("SAME", 1, 2),
    ("VALID", 1, 3),
]:
    CASES[f"conv2d_{padding.lower()}_{stride}_{dilation}"] = lambda tf, raw, t, p=padding, s=stride, d=dilation: (
        raw.Conv2D(  # type: ignore[misc]
            input=t["image"], filter=normal(3, 2, 4, 6), strides=[1, s, s, 1], padding=p, dilations=[1, d, d, 1]
        )
    )
    if dilation > 1:  # TensorFlow's own kernel has no dilated form; it makes one of SpaceToBatchND, below
        continue
    CASES[f"depthwise_{padding.lower()}_{stride}"] = lambda tf, raw, t, p=padding, s=stride: raw.DepthwiseConv2dNative(  # type: ignore[misc]
        input=t["image"], filter=normal(3, 2, 4, 2), strides=[1, s, s, 1], padding=p
    )
cases(
    depthwise_dilated=lambda tf, raw, t: tf.nn.depthwise_conv2d(
        t["image"], normal(3, 2, 4, 2), [1, 1, 1, 1], "SAME", dilations=[2, 2]
    ),
    conv2d_explicit=lambda tf, raw, t: raw.Conv2D(
        input=t["image"],
        filter=normal(3, 2, 4, 6),
        strides=[1, 2, 1, 1],
        padding="EXPLICIT",
        explicit_paddings=[0, 0, 2, 1, 0, 1, 0, 0],
    ),
    conv2d_groups=lambda tf, raw, t: tf.nn.conv2d(t["image"], normal(3, 3, 2, 6), 1, "SAME"),
    conv1d=lambda tf, raw, t: tf.nn.conv1d(t["rows"], normal(3, 6, 4), 2, "SAME"),
    conv3d=lambda tf, raw, t: tf.nn.conv3d(t["volume"], normal(2, 3, 3, 2, 4), [1, 1, 2, 1, 1], "SAME"),
    conv2d_transposed=lambda tf, raw, t: tf.nn.conv2d_transpose(t["image"], normal(3, 3, 5, 4), [2, 18, 16, 5], 2),
    conv2d_transposed_valid=lambda tf, raw, t: tf.nn.conv2d_transpose(
        t["image"], normal(4, 2, 5, 4), [2, 20, 16, 5], 2, padding="VALID"
    ),
    conv3d_transposed=lambda tf, raw, t: tf.nn.conv3d_transpose(
        t["volume"], normal(2, 2, 2, 3, 2), [1, 10, 12, 14, 3], 2
    ),
    separable=lambda tf, raw, t: tf.nn.separable_conv2d(
        t["image"], normal(3, 3, 4, 2), normal(1, 1, 8, 3), [1, 1, 1, 1], "SAME"
    ),
    dilation2d=lambda tf, raw, t: tf.nn.dilation2d(
        t["image"], normal(3, 3, 4), [1, 1, 1, 1], "SAME", "NHWC", [1, 2, 2, 1]
    ),
    atrous=lambda tf, raw, t: raw.BatchToSpaceND(
        input=raw.Conv2D(
            input=raw.SpaceToBatchND(input=t["image"], block_shape=[2, 2], paddings=[[2, 3], [2, 2]]),
            filter=normal(3, 3, 4, 3),
            strides=[1, 1, 1, 1],
            padding="VALID",
        ),
        block_shape=[2, 2],
        crops=[[0, 1], [0, 0]],
    ),
    bias=lambda tf, raw, t: tf.nn.bias_add(t["image"], normal(4)),
    bias_nchw=lambda tf, raw, t: tf.nn.bias_add(t["planes"], normal(4), data_format="NCHW"),
    batch_norm=lambda tf, raw, t: (
        raw.FusedBatchNormV3(
            x=t["image"],
            scale=normal(4),
            offset=normal(4),
            mean=normal(4),
            variance=tf.exp(normal(4)),
            epsilon=0.01,
            is_training=False,
        ).y
    ),
    matmul=lambda tf, raw, t: tf.matmul(t["matrix"], normal(6, 3)),
    matmul_transposed=lambda tf, raw, t: tf.matmul(t["matrix"], normal(3, 5), transpose_a=True, transpose_b=True),
    batch_matmul=lambda tf, raw, t: tf.matmul(t["heads"], normal(2, 3, 5, 7)),
    batch_matmul_adjoint=lambda tf, raw, t: tf.matmul(t["heads"], normal(3, 6, 4), adjoint_a=True, adjoint_b=True),
    batch_matmul_mixed=lambda tf, raw, t: tf.matmul(t["rows"], normal(6, 2)),
    batch_matmul_of_matrices=lambda tf, raw, t: raw.BatchMatMulV2(x=t["matrix"], y=normal(6, 2)),
)
EQUATIONS = {
    "bqhd,bkhd->bhqk": ("heads", (2, 6, 4, 5)),
    "bhqk,bkhd->bqhd": ("heads", (2, 5, 3, 7)),
    "abc,cd->abd": ("rows", (6, 4)),
    "abc,cde->abde": ("rows", (6, 2, 4)),
    "abcd,cde->abe": ("heads", (4, 5, 6)),
    "ij,jk->ki": ("matrix", (6, 3)),
    "ij,ij->": ("matrix", (5, 6)),
    "ij,ij->ij": ("matrix", (5, 6)),
    "i,j->ij": ("vector", (4,)),
    "ij,j->i": ("matrix", (6,)),
    "...ij,jk->...ik": ("heads", (5, 2)),
    "abcd,ab->cd": ("heads", (2, 3)),
    "cd,abc->abd": ("matrix", (2, 3, 5)),
    "abc,acd->abd": ("rows", (3, 6, 2)),
    "abc,dbc->ad": ("rows", (4, 5, 6)),
    "bhld,lrd->bhlr": ("heads", (4, 9, 5)),
    "ab,cd->acbd": ("matrix", (2, 3)),
}
for equation, (name, shape) in EQUATIONS.items():
    CASES[f"einsum_{equation}"] = lambda tf, raw, t, e=equation, n=name, s=shape: raw.Einsum(
        inputs=[t[n], normal(*s)], equation=e
    )  # type: ignore[misc]
cases(
    einsum_transpose=lambda tf, raw, t: raw.Einsum(inputs=[t["rows"]], equation="abc->cab"),
    einsum_sum=lambda tf, raw, t: raw.Einsum(inputs=[t["rows"]], equation="abc->b"),
    einsum_diagonal=lambda tf, raw, t: raw.Einsum(inputs=[t["matrix"][:, :5]], equation="ii->i"),
)

# -- pooling, activations, normalization

cases(
    max_pool_same=lambda tf, raw, t: tf.nn.max_pool2d(t["image"], 3, 2, "SAME"),
    max_pool_valid=lambda tf, raw, t: tf.nn.max_pool2d(t["image"], [2, 3], [1, 2], "VALID"),
    max_pool_explicit=lambda tf, raw, t: tf.nn.max_pool2d(t["image"], 3, 2, [[0, 0], [1, 0], [1, 1], [0, 0]]),
    max_pool_v2=lambda tf, raw, t: raw.MaxPoolV2(
        input=t["image"], ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="VALID"
    ),
    max_pool_argmax=lambda tf, raw, t: list(tf.nn.max_pool_with_argmax(t["image"], 2, 2, "VALID")),
    max_pool_3d=lambda tf, raw, t: tf.nn.max_pool3d(t["volume"], 2, 2, "VALID"),
    avg_pool_same=lambda tf, raw, t: tf.nn.avg_pool2d(t["image"], 3, 2, "SAME"),
    avg_pool_valid=lambda tf, raw, t: tf.nn.avg_pool2d(t["image"], 3, 1, "VALID"),
    avg_pool_3d=lambda tf, raw, t: tf.nn.avg_pool3d(t["volume"], 2, 2, "SAME"),
    softmax=lambda tf, raw, t: tf.nn.softmax(t["heads"]),
    softmax_vectors=lambda tf, raw, t: tf.nn.softmax(t["matrix"]),
    log_softmax=lambda tf, raw, t: tf.nn.log_softmax(t["rows"]),
    leaky_relu=lambda tf, raw, t: tf.nn.leaky_relu(t["matrix"], 0.3),
    lrn=lambda tf, raw, t: tf.nn.local_response_normalization(t["image"], 2, 1.5, 0.3, 0.6),
    l2_loss=lambda tf, raw, t: tf.nn.l2_loss(t["matrix"]),
    cross_entropy=lambda tf, raw, t: tf.nn.softmax_cross_entropy_with_logits(tf.nn.softmax(normal(5, 6)), t["matrix"]),
    sparse_cross_entropy=lambda tf, raw, t: tf.nn.sparse_softmax_cross_entropy_with_logits(
        [1, 0, 5, 2, 3], t["matrix"]
    ),
    top_k=lambda tf, raw, t: list(tf.math.top_k(t["rows"], 3)),
    in_top_k=lambda tf, raw, t: tf.math.in_top_k([1, 0, 5, 2, 3], t["matrix"], 3),
)
for op in (
    "Relu",
    "Relu6",
    "Elu",
    "Selu",
    "Sigmoid",
    "Tanh",
    "Softplus",
    "Softsign",
    "Erf",
    "Erfc",
    "Abs",
    "Neg",
    "Sign",
    "Square",
    "Exp",
    "Expm1",
    "Floor",
    "Ceil",
    "Round",
    "Rint",
    "Sin",
    "Cos",
    "Tan",
    "Sinh",
    "Cosh",
    "Asinh",
    "Atan",
    "IsNan",
    "IsInf",
    "IsFinite",
):
    CASES[f"unary_{op}"] = lambda tf, raw, t, o=op: getattr(raw, o)(
        **{"features" if "features" in getattr(raw, o).__wrapped__.__code__.co_varnames else "x": t["matrix"]}
    )  # type: ignore[misc]
for op in ("Sqrt", "Rsqrt", "Reciprocal", "Inv", "Log", "Log1p", "Acosh"):
    CASES[f"positive_{op}"] = lambda tf, raw, t, o=op: getattr(raw, o)(x=t["positive"] + (1.0 if o == "Acosh" else 0.0))  # type: ignore[misc]
for op in ("Asin", "Acos", "Atanh"):
    CASES[f"small_{op}"] = lambda tf, raw, t, o=op: getattr(raw, o)(x=tf.tanh(t["matrix"]) * 0.9)  # type: ignore[misc]
for op in (
    "AddV2",
    "Add",
    "Sub",
    "Mul",
    "Div",
    "RealDiv",
    "Maximum",
    "Minimum",
    "SquaredDifference",
    "FloorDiv",
    "FloorMod",
    "Mod",
    "TruncateMod",
    "Atan2",
    "DivNoNan",
    "Equal",
    "NotEqual",
    "Less",
    "LessEqual",
    "Greater",
    "GreaterEqual",
    "ApproximateEqual",
    "Xdivy",
):
    CASES[f"binary_{op}"] = lambda tf, raw, t, o=op: getattr(raw, o)(
        x=t["matrix"], y=normal(5, 6) if o == "ApproximateEqual" else normal(6)
    )  # type: ignore[misc]
for op in ("Add", "Mul", "FloorDiv", "FloorMod", "TruncateDiv", "TruncateMod", "Maximum"):
    CASES[f"integer_{op}"] = lambda tf, raw, t, o=op: getattr(raw, o)(x=t["ids"], y=tf.constant([3, -2, 7, 2, 5]))  # type: ignore[misc]
for op in ("BitwiseAnd", "BitwiseOr", "BitwiseXor"):
    CASES[f"bits_{op}"] = lambda tf, raw, t, o=op: getattr(raw, o)(x=t["ids"], y=tf.constant([3, 1, 7, 2, 5]))  # type: ignore[misc]
cases(
    invert=lambda tf, raw, t: raw.Invert(x=t["ids"]),
    power=lambda tf, raw, t: tf.pow(t["positive"], [0.5, 1.0, 2.0, -1.0]),
    xlogy=lambda tf, raw, t: raw.Xlogy(x=t["positive"], y=t["positive"] + 1.0),
    logical=lambda tf, raw, t: tf.logical_or(
        tf.logical_and(t["matrix"] > 0.0, t["matrix"] < 1.0), tf.logical_not(t["matrix"] > -1.0)
    ),
    add_n=lambda tf, raw, t: tf.add_n([t["matrix"], normal(5, 6), normal(5, 6)]),
    add_n_of_one=lambda tf, raw, t: raw.AddN(inputs=[t["matrix"]]),
    accumulate=lambda tf, raw, t: raw.AccumulateNV2(inputs=[t["matrix"], normal(5, 6)], shape=[5, 6]),
    select_rows=lambda tf, raw, t: raw.Select(condition=[True, False, True], x=t["rows"], y=-t["rows"]),
    select_same=lambda tf, raw, t: raw.Select(condition=t["matrix"] > 0.0, x=t["matrix"], y=-t["matrix"]),
    select_v2=lambda tf, raw, t: tf.where(t["matrix"] > 0.0, t["matrix"], 0.5),
    clip=lambda tf, raw, t: raw.ClipByValue(t=t["matrix"], clip_value_min=-0.5, clip_value_max=0.7),
    cast_int=lambda tf, raw, t: tf.cast(t["matrix"] * 3.0, tf.int32),
    cast_bool=lambda tf, raw, t: tf.cast(t["ids"], tf.bool),
    cast_half=lambda tf, raw, t: tf.cast(tf.cast(t["matrix"], tf.float16), tf.float32),
    cumsum=lambda tf, raw, t: tf.cumsum(t["rows"], 1, exclusive=True, reverse=True),
    cumsum_long_axis=lambda tf, raw, t: raw.Cumsum(x=t["rows"], axis=tf.constant(-1, tf.int64)),
    cumprod=lambda tf, raw, t: tf.math.cumprod(t["rows"], 0),
)

# -- shapes

cases(
    reshape=lambda tf, raw, t: tf.reshape(t["rows"], [5, -1, 2]),
    reshape_long=lambda tf, raw, t: tf.reshape(t["rows"], tf.constant([15, 6], tf.int64)),
    flatten_by_shape=lambda tf, raw, t: tf.reshape(
        t["heads"], tf.stack([tf.shape(t["heads"])[0], tf.reduce_prod(tf.shape(t["heads"])[1:])])
    ),
    squeeze=lambda tf, raw, t: tf.squeeze(tf.reshape(t["matrix"], [1, 5, 1, 6]), [2]),
    squeeze_all=lambda tf, raw, t: tf.squeeze(tf.reshape(t["matrix"], [1, 5, 1, 6])),
    expand=lambda tf, raw, t: tf.expand_dims(t["matrix"], -2),
    transpose=lambda tf, raw, t: tf.transpose(t["heads"], [2, 0, 3, 1]),
    broadcast_to=lambda tf, raw, t: tf.broadcast_to(t["vector"], [4, 6]),
    tile=lambda tf, raw, t: tf.tile(t["matrix"], [2, 3]),
    shape=lambda tf, raw, t: raw.Shape(input=t["rows"], out_type=tf.int64) + tf.cast(t["ids"][0, 0], tf.int64),
    shape_n=lambda tf, raw, t: raw.ShapeN(input=[t["rows"], t["matrix"]]),
    size_and_rank=lambda tf, raw, t: [raw.Size(input=t["rows"]), raw.Rank(input=t["rows"])],
    zeros_and_ones=lambda tf, raw, t: tf.concat(
        [raw.ZerosLike(x=t["matrix"]), raw.OnesLike(x=t["matrix"]), t["matrix"]], 0
    ),
    fill=lambda tf, raw, t: raw.Fill(dims=raw.Shape(input=t["matrix"]), value=2.5) + t["matrix"],
    fill_with_input=lambda tf, raw, t: raw.Fill(dims=[2, 3], value=t["vector"][0]),
    range_of_constants=lambda tf, raw, t: raw.Range(start=1, limit=7, delta=1) + tf.cast(t["vector"], tf.int32),
    linspace=lambda tf, raw, t: raw.LinSpace(start=0.0, stop=1.0, num=6) + t["vector"],
    pack=lambda tf, raw, t: tf.stack([t["matrix"], normal(5, 6)], 1),
    unpack=lambda tf, raw, t: tf.unstack(t["rows"], axis=1),
    concat=lambda tf, raw, t: tf.concat([t["matrix"], normal(2, 6)], 0),
    concat_v1=lambda tf, raw, t: raw.Concat(concat_dim=1, values=[t["matrix"], normal(5, 2)]),
    split=lambda tf, raw, t: tf.split(t["rows"], 3, 2),
    split_sizes=lambda tf, raw, t: tf.split(t["rows"], [1, -1, 2], 2),
    strided_slice=lambda tf, raw, t: t["heads"][:, ::-1, 1, tf.newaxis, 1:4:2],
    strided_slice_ellipsis=lambda tf, raw, t: t["heads"][..., -2],
    slice=lambda tf, raw, t: tf.slice(t["rows"], [0, 1, 2], [2, -1, 3]),
    pad=lambda tf, raw, t: tf.pad(t["matrix"], [[1, 0], [2, 3]]),
    pad_v2=lambda tf, raw, t: raw.PadV2(
        input=t["matrix"], paddings=tf.constant([[1, 0], [2, 3]], tf.int64), constant_values=1.5
    ),
    mirror_pad=lambda tf, raw, t: tf.pad(t["matrix"], [[1, 2], [2, 3]], "REFLECT"),
    symmetric_pad=lambda tf, raw, t: tf.pad(t["matrix"], [[1, 2], [2, 3]], "SYMMETRIC"),
    space_to_batch=lambda tf, raw, t: raw.SpaceToBatch(
        input=t["image"][:, :8], paddings=[[0, 0], [0, 0]], block_size=2
    ),
    batch_to_space=lambda tf, raw, t: raw.BatchToSpace(
        input=tf.tile(t["image"], [2, 1, 1, 1]), crops=[[1, 0], [0, 1]], block_size=2
    ),
    space_to_depth=lambda tf, raw, t: tf.nn.space_to_depth(t["image"][:, :8], 2),
    depth_to_space=lambda tf, raw, t: tf.nn.depth_to_space(t["image"], 2),
    reverse=lambda tf, raw, t: tf.reverse(t["rows"], [0, -1]),
    reverse_sequence=lambda tf, raw, t: tf.reverse_sequence(t["rows"], [2, 5, 1], seq_axis=1, batch_axis=0),
    roll=lambda tf, raw, t: tf.roll(t["rows"], [1, -2], [0, 2]),
    passing=lambda tf, raw, t: raw.Snapshot(
        input=raw.StopGradient(input=raw.CheckNumerics(tensor=t["matrix"], message="m"))
    ),
    identity_n=lambda tf, raw, t: raw.IdentityN(input=[t["matrix"], t["vector"]]),
    ensure_shape=lambda tf, raw, t: tf.ensure_shape(t["matrix"], [None, 6]) * 2.0,
    default=lambda tf, raw, t: tf.compat.v1.placeholder_with_default(t["matrix"], [5, 6]) * 2.0,
    broadcast_args=lambda tf, raw, t: tf.broadcast_to(t["vector"], raw.BroadcastArgs(s0=[4, 1], s1=[6])),
    permuted_vector=lambda tf, raw, t: tf.reshape(t["image"], raw.DataFormatVecPermute(x=[2, 9, 8, 4])),
)

# -- indices, reductions, images

cases(
    gather=lambda tf, raw, t: raw.GatherV2(params=normal(4, 3), indices=t["ids"], axis=0),
    gather_long=lambda tf, raw, t: tf.gather(normal(4, 3), t["long_ids"]),
    gather_axis=lambda tf, raw, t: tf.gather(t["rows"], [1, 0, 3], axis=1),
    gather_batch=lambda tf, raw, t: tf.gather(t["rows"], t["ids"], axis=1, batch_dims=1),
    gather_v1=lambda tf, raw, t: raw.Gather(params=normal(4, 3), indices=t["ids"]),
    gather_nd=lambda tf, raw, t: tf.gather_nd(t["rows"], [[0, 1], [2, 4]]),
    one_hot=lambda tf, raw, t: tf.one_hot(t["ids"], 4, on_value=2.0, off_value=-1.0, axis=1),
    scatter_nd=lambda tf, raw, t: tf.scatter_nd([[1], [4]], t["matrix"][:2], [5, 6]),
    tensor_scatter=lambda tf, raw, t: tf.tensor_scatter_nd_update(t["matrix"], [[1], [4]], normal(2, 6)),
    tensor_scatter_add=lambda tf, raw, t: tf.tensor_scatter_nd_add(t["matrix"], [[1], [4]], normal(2, 6)),
    segment_sum=lambda tf, raw, t: tf.math.unsorted_segment_sum(t["matrix"], [0, 2, 0, 1, 2], 4),
    band=lambda tf, raw, t: tf.linalg.band_part(t["rows"], 1, -1),
    diagonal=lambda tf, raw, t: tf.linalg.diag_part(t["rows"][:, :, :5]),
    matrix_diagonal=lambda tf, raw, t: tf.linalg.diag(t["vector"]),
    invert_permutation=lambda tf, raw, t: tf.transpose(t["heads"], tf.math.invert_permutation([2, 0, 3, 1])),
    arg_max=lambda tf, raw, t: tf.argmax(t["rows"], 1),
    arg_max_int=lambda tf, raw, t: tf.argmax(t["rows"], -1, tf.int32),
    arg_min=lambda tf, raw, t: tf.argmin(t["rows"], 2, tf.int32),
    euclidean=lambda tf, raw, t: tf.math.reduce_euclidean_norm(t["rows"], [0, 2]),
    reduce_all=lambda tf, raw, t: tf.reduce_all(t["rows"] > -1.5, 1),
    reduce_any=lambda tf, raw, t: tf.reduce_any(t["rows"] > 1.5, [0, 1], keepdims=True),
    reduce_nothing=lambda tf, raw, t: raw.Sum(input=t["rows"], axis=tf.constant([], tf.int32)),
    reduce_long_axes=lambda tf, raw, t: raw.Mean(input=t["heads"], axis=tf.constant([1, -1], tf.int64), keep_dims=True),
    reduce_everything=lambda tf, raw, t: tf.reduce_max(t["rows"]),
    crop_and_resize=lambda tf, raw, t: tf.image.crop_and_resize(
        t["image"], [[0.1, 0.2, 0.8, 0.9], [0.0, 0.0, 1.2, 1.0]], [0, 1], [3, 4]
    ),
    patches=lambda tf, raw, t: tf.image.extract_patches(t["image"], [1, 3, 2, 1], [1, 2, 2, 1], [1, 1, 1, 1], "SAME"),
    suppression=lambda tf, raw, t: raw.NonMaxSuppressionV3(
        boxes=[[0.0, 0.0, 1.0, 1.0], [0.0, 0.1, 1.0, 1.1], [0.0, 2.0, 1.0, 3.0], [0.0, 2.1, 1.0, 3.1]],
        scores=t["positive"][0],
        max_output_size=3,
        iou_threshold=0.5,
        score_threshold=-10.0,
    ),
    fake_quantization=lambda tf, raw, t: tf.quantization.fake_quant_with_min_max_args(t["matrix"], -1.0, 1.5),
    fake_quantization_of_channels=lambda tf, raw, t: tf.quantization.fake_quant_with_min_max_vars_per_channel(
        t["image"], -tf.exp(normal(4)), tf.exp(normal(4))
    ),
    nested_resize=lambda tf, raw, t: tf.image.resize(t["image"], tf.shape(t["image"])[1:3] * 2, method="nearest"),
)
for op in ("Sum", "Mean", "Max", "Min", "Prod"):
    CASES[f"reduce_{op}"] = lambda tf, raw, t, o=op: getattr(raw, o)(
        input=t["rows"], axis=[0, -1], keep_dims=o == "Max"
    )  # type: ignore[misc]
for method in ("ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic"):
    for mode in ({}, {"align_corners": True}, {"half_pixel_centers": True}):
        CASES[f"{method}_{'_'.join(mode)}"] = lambda tf, raw, t, m=method, k=mode: getattr(raw, m)(
            images=t["image"], size=[13, 5], **k
        )  # type: ignore[misc]


# -- control flow


@case
def branch(tf: Any, raw: Any, t: Tensors) -> Any:
    return tf.cond(tf.reduce_sum(t["matrix"]) > 0.0, lambda: t["matrix"] * 2.0, lambda: tf.nn.relu(t["matrix"]))


@case
def switch_case(tf: Any, raw: Any, t: Tensors) -> Any:
    branches = [lambda: t["matrix"], lambda: -t["matrix"], lambda: tf.reshape(t["matrix"], [5, 6]) * 3.0]
    return tf.switch_case(t["ids"][0, 0], branches)


@case
def loop(tf: Any, raw: Any, t: Tensors) -> Any:
    def body(i: Any, x: Any) -> Any:
        return i + 1, tf.matmul(x, normal(6, 6)) * 0.3 + 1.0

    return tf.while_loop(lambda i, x: i < t["ids"][0, 0] + 2, body, [0, t["matrix"]])[1]


@case
def growing_loop(tf: Any, raw: Any, t: Tensors) -> Any:
    invariants = [tf.TensorShape([]), tf.TensorShape([None, 6])]
    body = lambda i, x: (i + 1, tf.concat([x, x[:1] * 0.5], 0))  # noqa: E731
    return tf.while_loop(lambda i, x: i < 3, body, [0, t["matrix"]], shape_invariants=invariants)[1]


# -- running them


class Outcome:
    """What TensorFlow computed, and the model that was lowered from the same graph."""

    def __init__(self, folder: Path) -> None:
        self.expected: dict[str, list[Any]] = {}
        self.feeds: dict[str, Any] = {}
        self._build(folder / "model.pb")
        self.sink = Sink()
        self.lowered = self._load(folder / "model.pb")
        self.simplified = self._load(folder / "model.pb")
        InferTypes().run(self.simplified, PassContext(sink=self.sink))
        context = PassContext(sink=self.sink, depth=1)
        Simplify().run(self.simplified, context)

    def _build(self, path: Path) -> None:
        import tensorflow as tf

        rng = np.random.default_rng(5)
        self.feeds = {name: rng.standard_normal(shape).astype("f4") for name, shape in FEEDS.items()}
        self.feeds["positive"] = np.abs(self.feeds["positive"]) + 0.1
        self.feeds |= {name: rng.integers(0, 4, shape).astype("i4") for name, shape in INTEGERS.items()}
        self.feeds["long_ids"] = self.feeds["long_ids"].astype("i8")
        outputs: dict[str, list[Any]] = {}
        with tf.Graph().as_default() as graph, tf.compat.v1.Session() as session:
            tensors = {k: tf.compat.v1.placeholder(v.dtype, v.shape, name=k) for k, v in self.feeds.items()}
            for index, (name, build) in enumerate(CASES.items()):
                with tf.name_scope(f"case{index}"):
                    built = build(tf, tf.raw_ops, tensors)
                    parts = built if isinstance(built, list | tuple) else [built]
                    outputs[name] = [tf.identity(part, name=f"result{i}") for i, part in enumerate(parts)]
            feeds = {tensors[name]: value for name, value in self.feeds.items()}
            self.expected = session.run(outputs, feeds)
            self.names = {name: [part.op.name for part in parts] for name, parts in outputs.items()}
            path.write_bytes(graph.as_graph_def(add_shapes=False).SerializeToString())

    def _load(self, path: Path) -> Model:
        outputs = ";".join(f"{name}:0" for names in self.names.values() for name in names)
        model = load(path, LoadOptions(out_nodes=outputs), self.sink)
        model.facts |= {INLINED, FROZEN, INFERENCE_ONLY}
        LowerTf().run(model, PassContext(sink=self.sink))
        model.facts |= LowerTf.gives
        return model

    def computed(self, model: Model) -> dict[str, Any]:
        arrays = [self.feeds[name.partition(":")[0]] for name in model.graph.input_names]
        return dict(zip(model.graph.output_names, run_graph(model.graph, arrays), strict=True))


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return Outcome(tmp_path_factory.mktemp("lowering"))


@pytest.fixture(scope="module")
def numbers(outcome: Outcome) -> dict[str, dict[str, Any]]:
    return {"lowered": outcome.computed(outcome.lowered), "simplified": outcome.computed(outcome.simplified)}


def test_everything_is_lowered(outcome: Outcome) -> None:
    assert [f"{item.code} {item.message}" for item in outcome.sink.errors] == []
    assert {op.kind for op in outcome.lowered.ops() if op.dialect == "tf"} == set()


@pytest.mark.parametrize("stage", ["lowered", "simplified"])
@pytest.mark.parametrize("name", CASES)
def test_case(name: str, stage: str, outcome: Outcome, numbers: dict[str, dict[str, Any]]) -> None:
    found = numbers[stage]
    for node, expected in zip(outcome.names[name], outcome.expected[name], strict=True):
        result = next(array for key, array in found.items() if key.partition(":")[0] == node)
        assert result.dtype == expected.dtype
        np.testing.assert_allclose(result, expected, rtol=2e-4, atol=2e-5)
