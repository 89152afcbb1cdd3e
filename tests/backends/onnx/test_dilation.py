"""Lowering of the dilation of images."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backends.onnx.arrays import floats
from tests.backends.onnx.lowering_case import check

SAME = {"strides": (1, 1, 1, 1), "rates": (1, 1, 1, 1)}


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i4", "u1"])
def test_dilates_any_elements(dtype: str) -> None:
    check("Dilation2D", floats(1, 4, 5, 2, dtype=dtype), floats(2, 3, 2, dtype=dtype), **SAME)


@settings(max_examples=15)
@given(st.data())
def test_dilates_by_any_window(data: st.DataObject) -> None:
    channels_last = data.draw(st.booleans())
    numbers = {name: data.draw(st.tuples(*[st.integers(1, 2)] * 2)) for name in ("strides", "rates")}
    attributes = {name: (1, *pair, 1) if channels_last else (1, 1, *pair) for name, pair in numbers.items()}
    kernel = data.draw(st.tuples(*[st.integers(1, 3)] * 2))
    check(
        "Dilation2D",
        floats(*((2, 6, 7, 3) if channels_last else (2, 3, 6, 7))),
        floats(*kernel, 3),
        data_format="NHWC" if channels_last else "NCHW",
        padding_mode=data.draw(st.sampled_from(("SAME", "VALID", "CALCULATED"))),
        pads=data.draw(st.tuples(*[st.integers(0, 1)] * 4)),
        **attributes,
    )
