"""Lowering of what models of sound begin with and end in."""

from __future__ import annotations

import numpy as np
import pytest
from tests.backends.onnx.arrays import floats
from tests.backends.onnx.lowering_case import Case, check_case, known

SOUND = (np.sin(np.arange(200) / 3)[:, None] * (1, 0.2) + floats(200, 2) / 50).astype(np.float32)
RATE = known(16000)

CASES = [
    *(
        Case("AudioSpectrogram", (SOUND,), {"window_size": size, "stride": step, "magnitude_squared": squared})
        for size, step, squared in ((32, 16, False), (25, 10, True), (200, 1, False))
    ),
    Case("AudioSpectrogram", (SOUND[:20],), {"window_size": 32, "stride": 16}),
    Case("Mfcc", (np.square(floats(2, 3, 257)), RATE)),
    Case(
        "Mfcc",
        (np.square(floats(1, 3, 129)), RATE),
        {
            "upper_frequency_limit": 6000.0,
            "lower_frequency_limit": 100.0,
            "filterbank_channel_count": 20,
            "dct_coefficient_count": 7,
        },
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_computes_the_same(case: Case) -> None:
    check_case(case)
