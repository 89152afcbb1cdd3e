"""Lowering of convolutions and pooling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backends.onnx.arrays import floats, ints
from tests.backends.onnx.lowering_case import Case, check, check_case, known

PLANE: dict[str, Any] = {
    "data_format": "NHWC",
    "dilations": (1, 1, 1, 1),
    "pads": (1, 0, 0, 1),
    "strides": (1, 2, 1, 1),
}
VOLUME: dict[str, Any] = {"data_format": "NDHWC", "pads": (0, 0, 1, 1, 0, 1), "strides": (1, 1, 2, 1, 1)}
X = floats(2, 9, 8, 4)
CASES = [
    Case("Conv2D", (X, known(floats(3, 2, 4, 6), np.float32), floats(6)), PLANE),
    Case("Conv2D", (X, floats(3, 2, 2, 6)), PLANE | {"groups": 2, "dilations": (1, 2, 3, 1)}),
    Case("Conv2D", (X, floats(6, 4, 3, 2)), PLANE | {"filter_format": "NCHW"}),
    Case("Conv2D", (X.transpose(0, 3, 1, 2), floats(1, 1, 4, 6)), {"data_format": "NCHW", "strides": (1, 1, 2, 2)}),
    Case("DepthwiseConv2D", (X, known(floats(3, 2, 4, 3), np.float32)), PLANE),
    Case("DepthwiseConv2D", (X, floats(3, 2, 4, 1), floats(4)), PLANE),
    Case("Conv3D", (floats(1, 5, 6, 7, 2), floats(2, 3, 2, 2, 3)), VOLUME),
]
SPREAD = floats(1, 4, 4, 6)
TRANSPOSED: dict[str, Any] = {"data_format": "NHWC", "pads": (0, 1, 0, 1), "strides": (1, 2, 2, 1)}
CASES += [
    *(
        Case("Conv2DBackpropInput", (known([1, *size, 5]), floats(3, 3, 5, 6), SPREAD), TRANSPOSED)
        for size in ((8, 8), (9, 8))
    ),
    Case("Conv2DBackpropInput", (known([1, 8, 8, 4]), floats(3, 3, 2, 6), SPREAD), TRANSPOSED | {"groups": 2}),
    Case("Conv2DTranspose", (known([0, 0, 0, 0]), SPREAD, floats(3, 3, 5, 6), floats(5)), TRANSPOSED),
    Case("Deconvolution", (floats(1, 6, 4, 4), floats(6, 5, 3, 3), floats(5)), {"strides": (1, 1, 2, 2)}),
    Case(
        "DepthwiseConv2DBackpropInput",
        (known([1, 7, 8, 3]), floats(3, 2, 3, 2), SPREAD),
        {"data_format": "NHWC", "pads": (1, 1, 0, 1), "strides": (1, 2, 2, 1)},
    ),
]
POOL: dict[str, Any] = {"ksize": (1, 3, 3, 1), "strides": (1, 2, 2, 1)}
V2: dict[str, Any] = {"data_format": "NCHW", "ksize": (1, 1, 3, 3), "strides": (1, 1, 2, 2), "pads": (1, 1, 0, 1)}
Y = floats(1, 3, 8, 7)
CASES += [
    *(Case(kind, (X,), POOL | {"padding": mode}) for kind in ("MaxPool", "AvgPool") for mode in ("SAME", "VALID")),
    *(
        Case("MaxPool", (ints(9, 1, 7, 8, 3, dtype=each),), POOL | {"padding": "SAME"})
        for each in ("i4", "u1", "f2", "f8")
    ),
    Case("MaxPoolV2", (X, known([1, 2, 2, 1]), known([1, 2, 2, 1])), {"padding": "SAME"}),
    *(Case(kind, (Y,), V2 | {"ceil_mode": each}) for kind in ("MaxPoolV3", "AvgPoolV2") for each in (True, False)),
    *(Case("AvgPoolV2", (Y,), V2 | {"ceil_mode": each, "exclusive": False}) for each in (True, False)),
    Case("AvgPoolV2", (Y,), V2 | {"divisor_override": 5}),
    *(Case(kind, (Y,), V2 | {"global_pooling": True}) for kind in ("MaxPoolV3", "AvgPoolV2")),
    *(Case(kind, (Y,), V2 | {"ksize": (1, 1, 1, 1)}) for kind in ("MaxPoolV3", "AvgPoolV2")),
    Case(
        "MaxPool3D", (floats(1, 5, 6, 7, 2),), {"ksize": (1, 2, 2, 2, 1), "strides": (1, 2, 2, 2, 1), "padding": "SAME"}
    ),
    Case(
        "AvgPool3D", (floats(1, 5, 6, 7, 2),), {"ksize": (1, 2, 2, 2, 1), "strides": (1, 2, 1, 2, 1), "padding": "SAME"}
    ),
    Case("GlobalAveragePool", (Y,)),
    Case("GlobalAveragePool", (floats(2, 3),)),
    Case("AdaptiveAvgPool2d", (Y,), {"output_size": (3, 2)}),
    Case("AdaptiveAvgPool2d", (Y[0],), {"output_size": (-1, 7)}),
    Case("MaxPoolWithArgmax", (X,), POOL | {"padding": "SAME", "Targmax": 7}),
    Case("MaxPoolWithArgmax", (X,), POOL | {"padding": "VALID", "Targmax": 3}),
]


WEIGHTS = known(floats(3, 2, 4, 6), np.float32)
OPEN = [
    Case("Conv2D", (X, WEIGHTS, known(floats(6), np.float32)), PLANE, is_open=True),
    Case("DepthwiseConv2D", (X, WEIGHTS), PLANE, is_open=True),
    Case(
        "Conv2DTranspose",
        (known([0, 0, 0, 0]), SPREAD, known(floats(3, 3, 5, 6), np.float32)),
        TRANSPOSED,
        is_open=True,
    ),
    *(Case(kind, (X,), POOL | {"padding": "SAME"}, is_open=True) for kind in ("MaxPool", "AvgPool")),
    Case("AvgPoolV2", (Y,), V2 | {"exclusive": False}, is_open=True),
    Case("GlobalAveragePool", (Y,), is_open=True),
    Case("AdaptiveAvgPool2d", (Y,), {"output_size": (3, 2)}, is_open=True),
    Case("MaxPoolWithArgmax", (X,), POOL | {"padding": "SAME", "Targmax": 7}, is_open=True),
]


@pytest.mark.parametrize("case", [*CASES, *OPEN], ids=str)
def test_computes_the_same(case: Case) -> None:
    check_case(case)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_convolves_with_any_window(data: st.DataObject) -> None:
    kernel, strides, dilations = (data.draw(st.tuples(*[st.integers(1, most)] * 2)) for most in (3, 3, 2))
    pads = data.draw(st.tuples(*[st.integers(0, 2)] * 4))
    groups, per_group, results = (data.draw(st.integers(1, 3)) for _ in range(3))
    layout = data.draw(st.sampled_from(("NHWC", "NCHW")))
    dims = {"N": data.draw(st.integers(1, 2)), "H": 7, "W": 6, "C": groups * per_group}
    spatial = {"H": 0, "W": 1}
    check(
        "Conv2D",
        floats(*(dims[letter] for letter in layout)),
        known(floats(*kernel, per_group, groups * results), np.float32),
        data_format=layout,
        strides=tuple(strides[spatial[letter]] if letter in spatial else 1 for letter in layout),
        dilations=tuple(dilations[spatial[letter]] if letter in spatial else 1 for letter in layout),
        pads=pads,
        groups=groups,
    )


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_pools_with_any_window(data: st.DataObject) -> None:
    kernel, strides = (data.draw(st.tuples(*[st.integers(1, most)] * 2)) for most in (4, 3))
    check(
        data.draw(st.sampled_from(("MaxPoolV3", "AvgPoolV2"))),
        floats(1, 2, 7, 6),
        data_format="NCHW",
        ksize=(1, 1, *kernel),
        strides=(1, 1, *strides),
        padding_mode=data.draw(st.sampled_from(("SAME", "VALID", "CALCULATED"))),
        pads=tuple(data.draw(st.integers(0, extent - 1)) for extent in kernel for _ in range(2)),
        ceil_mode=data.draw(st.booleans()),
        exclusive=data.draw(st.booleans()),
    )
