"""Ops for learning without neural networks: buckets, packed comparisons, isotonic regression, fingerprints."""

from __future__ import annotations

import numpy as np

from modelc.dialects.ge import fingerprint
from modelc.dialects.ge.helpers import element, equal_dims, integer, mismatch, need_rank, operand
from modelc.dialects.ge.semantics import Array, Arrays, evaluates, infers
from modelc.ir.constants import numpy_dtype
from modelc.ir.op import Op
from modelc.ir.types import BOOL, F32, I32, U8, Dim, TensorType, Type

# -- buckets


def _features(op: Op) -> int:
    count = integer(op, "num_features", len(op.inputs) // 2)
    if len(op.inputs) != 2 * count:
        raise mismatch(op, f"needs {count} features and as many boundaries, not {len(op.inputs)} operands")
    return count


@infers("BoostedTreesBucketize")
def _infer_buckets(op: Op) -> list[Type]:
    count = _features(op)
    types = [operand(op, index) for index in range(2 * count)]
    return [TensorType(I32, need_rank(op, type_, 1, "values")) for type_ in types[:count]]


@evaluates("BoostedTreesBucketize")
def _buckets(op: Op, arrays: Arrays) -> list[Array]:
    count = _features(op)
    results = []
    for values, bounds in zip(arrays[:count], arrays[count:], strict=True):
        places = np.searchsorted(bounds, values, "left")
        results.append(np.clip(places, 0, max(0, len(bounds) - 1)).astype(np.int32))
    return results


# -- comparisons, eight to a byte


@infers("CompareAndBitpack")
def _infer_bitpack(op: Op) -> list[Type]:
    x = operand(op, 0)
    operand(op, 1)
    if x.shape is None:
        return [TensorType(U8, None)]
    if not x.shape or (isinstance(x.shape[-1], int) and x.shape[-1] % 8):
        raise mismatch(op, f"needs a multiple of 8 numbers along the last axis, not {x}")
    last = x.shape[-1]
    return [TensorType(U8, (*x.shape[:-1], last // 8 if isinstance(last, int) else None))]


@evaluates("CompareAndBitpack")
def _bitpack(op: Op, arrays: Arrays) -> list[Array]:
    x, threshold = arrays
    if not x.ndim or x.shape[-1] % 8:
        raise mismatch(op, f"needs a multiple of 8 numbers along the last axis, not {list(x.shape)}")
    above = x if x.dtype == np.bool_ else x > threshold.reshape(())
    return [np.packbits(above.astype(bool), axis=-1)]


# -- isotonic regression


@infers("IsotonicRegression")
def _infer_isotonic(op: Op) -> list[Type]:
    x = operand(op, 0)
    if x.shape is not None and len(x.shape) != 2:
        raise mismatch(op, f"needs rows of numbers, not {x}")
    return [x.with_element(element(op, "output_dtype", F32)), x.with_element(I32)]


def _pooled(row: Array) -> tuple[Array, Array]:
    """Return the closest row that does not ascend, and which run of equal numbers each belongs to."""
    runs: list[tuple[float, int]] = []  # mean and length
    for number in row.tolist():
        mean, length = float(number), 1
        while runs and runs[-1][0] <= mean:
            other, count = runs.pop()
            mean, length = (mean * length + other * count) / (length + count), length + count
        runs.append((mean, length))
    lengths = [length for _, length in runs]
    means = np.array([mean for mean, _ in runs], np.float64)
    return np.repeat(means, lengths), np.repeat(np.arange(len(runs)), lengths)


@evaluates("IsotonicRegression")
def _isotonic(op: Op, arrays: Arrays) -> list[Array]:
    x = arrays[0]
    output = np.empty(x.shape, numpy_dtype(element(op, "output_dtype", F32)))
    segments = np.empty(x.shape, np.int32)
    for index, row in enumerate(x):
        output[index], segments[index] = _pooled(row)
    return [output, segments]


# -- confusion matrices


_NAMES = {"float32": F32, "int32": I32, "uint8": U8, "bool": BOOL}


@infers("ConfusionMatrix")
def _infer_confusion(op: Op) -> list[Type]:
    labels, predictions = (need_rank(op, operand(op, index), 1, "classes") for index in range(2))
    equal_dims(op, labels[0], predictions[0], "numbers of labels and predictions")
    count: Dim = integer(op, "num_classes")
    named = op.attributes.get("dtype")
    return [TensorType(_NAMES.get(str(named), operand(op, 0).element), (count, count))]


@evaluates("ConfusionMatrix")
def _confusion(op: Op, arrays: Arrays) -> list[Array]:
    count = integer(op, "num_classes")
    labels, predictions = (array.astype(np.int64) for array in arrays[:2])
    for classes in (labels, predictions):
        if classes.size and not 0 <= classes.min() <= classes.max() < count:
            raise mismatch(op, f"has the class {classes.max()} among {count}")
    weights = arrays[2] if len(arrays) > 2 and arrays[2].dtype != object else np.ones(len(labels), np.int64)
    found = _NAMES.get(str(op.attributes.get("dtype")))
    result = np.zeros((count, count), arrays[0].dtype if found is None else numpy_dtype(found))
    np.add.at(result, (labels, predictions), weights.astype(result.dtype))
    return [result]


# -- fingerprints


@infers("Fingerprint")
def _infer_fingerprint(op: Op) -> list[Type]:
    x = operand(op, 0)
    operand(op, 1)
    rows = None if x.shape is None else x.shape[0] if x.shape else 1
    return [TensorType(U8, (rows, 8))]


@evaluates("Fingerprint")
def _fingerprint(op: Op, arrays: Arrays) -> list[Array]:
    x, method = arrays
    if method.reshape(-1)[0] != b"farmhash64":
        raise mismatch(op, f"hashes by {method.reshape(-1)[0]!r}, which is not farmhash64")
    if not x.ndim:
        raise mismatch(op, "has no rows in a scalar")
    rows = np.ascontiguousarray(x).reshape(len(x), -1)
    hashes = [fingerprint.farmhash64(row.tobytes()) for row in rows]
    return [np.array(hashes, "<u8").reshape(-1, 1).view(np.uint8).reshape(len(rows), 8)]
