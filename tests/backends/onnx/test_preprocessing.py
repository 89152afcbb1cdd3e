"""Lowering of the preprocessing of images."""

from __future__ import annotations

import numpy as np
import pytest
from tests.backends.onnx.arrays import Array, ints
from tests.backends.onnx.lowering_case import Case, check_case

from modelc.aipp.config import parse_config
from modelc.ir.attributes import Attribute

SIZE = "src_image_size_h: 8 src_image_size_w: 6"
CROP = "crop: true load_start_pos_h: 2 load_start_pos_w: 2 crop_size_h: 4 crop_size_w: 4"
RESIZE = "resize: true resize_output_h: 7 resize_output_w: 3"
NORMALIZE = "mean_chn_0: 104 mean_chn_1: 117 min_chn_2: 3.5 var_reci_chn_0: 0.5 var_reci_chn_2: 0.017"
PAD = "padding: true left_padding_size: 2 bottom_padding_size: 1 padding_value: 1.5"


def case(format_: str, text: str, images: Array, dtype: str = "float16", layout: str = "NHWC") -> Case:
    (aipp,) = parse_config(f"aipp_op {{ aipp_mode: static input_format: {format_} {SIZE} {text} }}")
    attributes: dict[str, Attribute] = {
        "aipp_config_path": aipp.text(),
        "modelc_channels": 1 if format_ == "YUV400_U8" else 3,
        "modelc_dtype": dtype,
        "modelc_layout": layout,
    }
    return Case("Aipp", (images,), attributes)


def pixels(*shape: int) -> Array:
    return ints(256, *shape, dtype=np.uint8)


CASES = [
    case("RGB888_U8", NORMALIZE, pixels(2, 8, 6, 3)),
    case("RGB888_U8", "rbuv_swap_switch: true", pixels(1, 8, 6, 3), "uint8"),
    case("RGB888_U8", f"{CROP} {RESIZE} {NORMALIZE} {PAD}", pixels(1, 3, 8, 6), layout="NCHW"),
    case("RGB888_U8", "csc_switch: true", pixels(1, 8, 6, 3)),
    case("XRGB8888_U8", "ax_swap_switch: true rbuv_swap_switch: true", pixels(1, 8, 6, 4)),
    case("YUV400_U8", CROP, pixels(1, 8, 6, 1)),
    case("YUV420SP_U8", f"csc_switch: true rbuv_swap_switch: true {CROP} {NORMALIZE}", pixels(2, 12, 6, 1)),
    case("YUV420SP_U8", f"csc_switch: true {RESIZE}", pixels(1, 12, 6, 1), "uint8", "NCHW"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.attributes["aipp_config_path"])
def test_computes_the_same(case: Case) -> None:
    check_case(case)
