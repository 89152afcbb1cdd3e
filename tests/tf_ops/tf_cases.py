"""All tables of ops, and the op types that no table holds."""

import tf_cases_draw
import tf_cases_image
import tf_cases_index
import tf_cases_math
import tf_cases_nn
import tf_cases_shape

TABLES = (tf_cases_draw, tf_cases_image, tf_cases_index, tf_cases_math, tf_cases_nn, tf_cases_shape)

_FUSED = "an optimizer makes it, and its kernel takes only what that optimizer writes"
_GONE = "TensorFlow no longer has a kernel for it"
_COMPILED = "another compiler's op, without a kernel on a CPU"

UNTESTED: dict[str, str] = {
    "BoostedTreesBucketize": _GONE,
    "DebugIdentityV3": "the kernel crashes outside of TensorFlow's debugger",
    "TopK": _GONE,
    "XlaEinsum": _COMPILED,
    "XlaOptimizationBarrier": _COMPILED,
    "_FusedBatchNormEx": _FUSED,
    "_FusedConv2D": _FUSED,
    "_FusedDepthwiseConv2dNative": _FUSED,
    "_FusedMatMul": _FUSED,
}
