"""The default pipelines, as the text that `--passes` takes."""

from __future__ import annotations

_FROZEN = "inline-functions,resolve-control-flow,freeze,strip-training-ops,prune"
_SOURCE = f"{_FROZEN},fix-shapes"

# To the canonical dialect, and no rule of any device asked.
LOWERING = f"{_SOURCE},lower-tf,infer-types,insert-aipp"

# What artifacts for a device are written from: simplified, and checked against the rules of the profile and the
# kernels of the chip, where one is named.
TARGET = f"{_SOURCE},check-source,lower-tf,infer-types,simplify,narrow-types,insert-aipp,check-target,missing-kernel"

# What files for other runtimes are written from: simplified, and no rule of any device asked. They take dimensions that
# are not known, and batch normalization as one op.
ONNX = (
    f"{_FROZEN},fix-shapes{{open=true}},lower-tf,infer-types,simplify{{split-batch-norm=false}},insert-aipp,"
    "lower-to-onnx,cancel-transposes"
)
