"""Lowering of what models of sound begin with: spectrograms, and coefficients of their logarithms on the mel scale."""

from __future__ import annotations

import math

import numpy as np

from modelc.dialects.ge.fourier import FLOOR, frames, mel_cosines, mel_filters
from modelc.dialects.ge.helpers import flag
from modelc.ir.types import F64
from modelc_backends.onnx.lower.site import Site
from modelc_backends.onnx.lower.table import Lowered, lowers


@lowers("AudioSpectrogram")
def _spectrogram(site: Site) -> Lowered:
    x = site.cast(site.transpose(site.inputs[0], (1, 0)), F64)
    size, step, length = frames(site.op)
    starts = np.arange(0, max(0, site.dims(x)[1] - size + 1), step)
    pieces = site.onnx("Gather", x, site.constant(starts[:, None] + np.arange(size), part="places"), axis=1)
    window = 0.5 - 0.5 * np.cos(2 * math.pi / size * np.arange(size))
    pieces = site.unsqueeze(site.onnx("Mul", pieces, site.constant(window, F64, "window")), (3,))
    spectrum = site.onnx("DFT", pieces, site.constant(length), site.constant(2), onesided=1)
    powers = site.onnx("ReduceSumSquare", spectrum, site.constant([-1]), keepdims=0)
    return powers if flag(site.op, "magnitude_squared", False) else site.onnx("Sqrt", powers)


@lowers("Mfcc")
def _mfcc(site: Site) -> Lowered:
    spectra = site.cast(site.inputs[0], F64)
    rate = float(site.needed(1, "the rate of its samples").reshape(()))
    filters = mel_filters(site.op, site.dims(spectra)[-1], rate)
    energies = site.onnx("MatMul", site.onnx("Sqrt", spectra), site.constant(filters, F64, "filters"))
    logs = site.onnx("Log", site.onnx("Max", energies, site.constant(FLOOR, F64)))
    return site.onnx("MatMul", logs, site.constant(mel_cosines(site.op), F64, "cosines"))
