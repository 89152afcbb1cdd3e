"""Fourier transforms, and the spectra of sound that are made of them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from modelc.dialects.ge.helpers import flag, integer, mismatch, need_family, need_rank, number, operand
from modelc.dialects.ge.known import known_int
from modelc.dialects.ge.semantics import Array, Arrays, evaluates, infers
from modelc.ir.op import Op
from modelc.ir.types import ELEMENTS, F32, F64, Dim, TensorType, Type

C64, C128 = ELEMENTS["c64"], ELEMENTS["c128"]

# -- transforms of complex numbers

TRANSFORMS: dict[str, tuple[Callable[..., Array], int]] = {
    "FFT": (np.fft.fft, 1),
    "FFT2D": (np.fft.fft2, 2),
    "IFFT": (np.fft.ifft, 1),
    "IFFT2D": (np.fft.ifft2, 2),
}


def _need_axes(op: Op, x: TensorType, count: int) -> None:
    if x.rank is not None and x.rank < count:
        raise mismatch(op, f"needs at least {count} dimensions, not {x}")


@infers(*TRANSFORMS)
def _infer_transform(op: Op) -> list[Type]:
    x = operand(op, 0)
    need_family(op, x, "complex")
    _need_axes(op, x, TRANSFORMS[op.kind.removeprefix("ge.")][1])
    return [x]


@evaluates(*TRANSFORMS)
def _transform(op: Op, arrays: Arrays) -> list[Array]:
    x = arrays[0]
    if not x.size:
        return [x.copy()]
    return [TRANSFORMS[op.kind.removeprefix("ge.")][0](x.astype(np.complex128)).astype(x.dtype)]


# -- transforms of real numbers


def _length(op: Op, length: Dim) -> Dim:
    if isinstance(length, int) and length < 0:
        raise mismatch(op, f"cannot have the length {length}")
    return length


@infers("RFFT")
def _infer_real(op: Op) -> list[Type]:
    x, length = operand(op, 0), _length(op, known_int(op, 1))
    need_family(op, x, "float")
    _need_axes(op, x, 1)
    found = None if x.element is None else C128 if x.element == F64 else C64
    last = length // 2 + 1 if isinstance(length, int) and length else length
    return [TensorType(found, None if x.shape is None else (*x.shape[:-1], last if isinstance(last, int) else None))]


@infers("IRFFT")
def _infer_inverse_real(op: Op) -> list[Type]:
    x, length = operand(op, 0), _length(op, known_int(op, 1))
    need_family(op, x, "complex")
    _need_axes(op, x, 1)
    found = None if x.element is None else F64 if x.element == C128 else F32
    return [TensorType(found, None if x.shape is None else (*x.shape[:-1], length))]


def _cut(x: Array, extent: int) -> Array:
    """Return `x` with its last axis cut, or padded by zeros, to `extent`."""
    cut = x[..., :extent]
    return np.pad(cut, [(0, 0)] * (x.ndim - 1) + [(0, extent - cut.shape[-1])])


@evaluates("RFFT")
def _real(op: Op, arrays: Arrays) -> list[Array]:
    x, length = arrays[0], int(arrays[1].reshape(-1)[0])
    dtype = np.complex128 if x.dtype == np.float64 else np.complex64
    if not length or not x.size:
        return [np.zeros((*x.shape[:-1], length // 2 + 1 if length else 0), dtype)]
    return [np.fft.rfft(_cut(x, length).astype(np.float64)).astype(dtype)]


@evaluates("IRFFT")
def _inverse_real(op: Op, arrays: Arrays) -> list[Array]:
    x, length = arrays[0], int(arrays[1].reshape(-1)[0])
    dtype = np.float64 if x.dtype == np.complex128 else np.float32
    if not length or not x.size:
        return [np.zeros((*x.shape[:-1], length), dtype)]
    return [np.fft.irfft(_cut(x, length // 2 + 1).astype(np.complex128), length).astype(dtype)]


# -- sound


def frames(op: Op) -> tuple[int, int, int]:
    """Return the extent of a window, the step from one to the next, and the length of its transform."""
    size, step = integer(op, "window_size"), integer(op, "stride")
    if size < 2 or step < 1:
        raise mismatch(op, f"cannot cut windows of {size} in steps of {step}")
    return size, step, 1 << (size - 1).bit_length()


@infers("AudioSpectrogram")
def _infer_spectrogram(op: Op) -> list[Type]:
    x = operand(op, 0)
    samples, channels = need_rank(op, x, 2, "samples by channels")
    size, step, length = frames(op)
    count = max(0, (samples - size) // step + 1) if isinstance(samples, int) else None
    return [TensorType(F32, (channels, count, length // 2 + 1))]


@evaluates("AudioSpectrogram")
def _spectrogram(op: Op, arrays: Arrays) -> list[Array]:
    x = arrays[0].astype(np.float64)
    size, step, length = frames(op)
    starts = np.arange(0, max(0, len(x) - size + 1), step)
    window = 0.5 - 0.5 * np.cos(2 * math.pi / size * np.arange(size))
    pieces = x[starts[:, None] + np.arange(size)] * window[:, None]
    powers = np.square(np.abs(np.fft.rfft(pieces, length, axis=1)))
    if not flag(op, "magnitude_squared", False):
        powers = np.sqrt(powers)
    return [powers.transpose(2, 0, 1).astype(np.float32)]


FLOOR = 1e-12  # energies below it are taken for it, so that they have a logarithm


@infers("Mfcc")
def _infer_mfcc(op: Op) -> list[Type]:
    channels, frames, _ = need_rank(op, operand(op, 0), 3, "spectrograms")
    return [TensorType(F32, (channels, frames, integer(op, "dct_coefficient_count", 13)))]


def _mel(frequency: Array) -> Array:
    return np.asarray(1127.0 * np.log1p(frequency / 700.0))


def mel_filters(op: Op, bins: int, rate: float) -> Array:
    """Return what each bin of a spectrum gives to each of the triangular filters, [bins, filters]."""
    count = integer(op, "filterbank_channel_count", 40)
    low, high = number(op, "lower_frequency_limit", 20.0), number(op, "upper_frequency_limit", 4000.0)
    if count < 1 or not 0 <= low < high or bins < 2:
        raise mismatch(op, f"cannot divide the frequencies from {low} to {high} among {count} filters")
    edges = np.linspace(_mel(np.array(low)), _mel(np.array(high)), count + 2)
    width = 0.5 * rate / (bins - 1)
    start, end = int(1.5 + low / width), int(high / width)
    frequencies = np.arange(bins)
    mels = _mel(frequencies * width)[:, None]
    rising = (mels - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - mels) / (edges[2:] - edges[1:-1])
    weights = np.clip(np.minimum(rising, falling), 0.0, None)
    inside = (frequencies >= start) & (frequencies <= end)
    return np.where(inside[:, None], weights, 0.0)


def mel_cosines(op: Op) -> Array:
    """Return what the logarithm of each energy gives to each coefficient, [filters, coefficients]."""
    count, filters = integer(op, "dct_coefficient_count", 13), integer(op, "filterbank_channel_count", 40)
    if count > filters:
        raise mismatch(op, f"cannot make {count} coefficients of {filters} filters")
    angles = math.pi / filters * np.arange(count) * (np.arange(filters) + 0.5)[:, None]
    return np.asarray(math.sqrt(2.0 / filters) * np.cos(angles))


@evaluates("Mfcc")
def _mfcc(op: Op, arrays: Arrays) -> list[Array]:
    spectra = arrays[0].astype(np.float64)
    rate = float(arrays[1].reshape(())[()])
    energies = np.sqrt(spectra) @ mel_filters(op, spectra.shape[-1], rate)
    return [(np.log(np.maximum(energies, FLOOR)) @ mel_cosines(op)).astype(np.float32)]
