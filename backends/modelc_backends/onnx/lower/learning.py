"""Lowering of what learning from tables needs: buckets, packed comparisons, confusion matrices."""

from __future__ import annotations

from modelc.ir.op import Value
from modelc.ir.types import F32, I32, I64
from modelc_backends.onnx.lower.gather import scattered
from modelc_backends.onnx.lower.making import filled
from modelc_backends.onnx.lower.site import Site
from modelc_backends.onnx.lower.table import Lowered, lowers


@lowers("BoostedTreesBucketize")
def _buckets(site: Site) -> Lowered:
    half = len(site.inputs) // 2
    return [_bucket(site, *each) for each in zip(site.inputs[:half], site.inputs[half:], strict=True)]


def _bucket(site: Site, values: Value, bounds: Value) -> Value:
    """Return how many bounds lie below each value, at most all but one; a NaN lies above all."""
    below = site.onnx("Not", site.onnx("GreaterOrEqual", bounds, site.unsqueeze(values, (1,))))
    found = site.onnx("ReduceSum", site.cast(below, I32), site.constant([1]), keepdims=0)
    return site.onnx("Min", found, site.constant(max(0, site.dims(bounds)[0] - 1), I32))


@lowers("CompareAndBitpack")
def _bitpack(site: Site) -> Lowered:
    x, threshold = site.inputs
    if site.element(x).family != "bool":
        x = site.onnx("Greater", x, site.reshape(threshold, ()))
    *rest, last = site.dims(x)
    bits = site.reshape(site.cast(x, I32), (*rest, last // 8, 8))
    weights = site.constant([1 << place for place in reversed(range(8))], I32, "bits")
    return site.onnx("ReduceSum", site.onnx("Mul", bits, weights), site.constant([-1]), keepdims=0)


@lowers("ConfusionMatrix")
def _confusion(site: Site) -> Lowered:
    result, weights = site.op.result.tensor, site.given(2)
    assert result.element is not None
    counted = F32 if result.element.family == "float" else I32
    classes = [site.unsqueeze(site.cast(value, I64), (1,)) for value in site.inputs[:2]]
    places = site.onnx("Concat", *classes, axis=1)
    if weights is None:
        weights = site.constant([1] * site.dims(site.inputs[0])[0], counted)
    shares = site.cast(site.cast(weights, result.element), counted)
    empty = filled(site, site.constant(0, counted), site.constant(result.dims))
    return scattered(site, empty, places, shares, "add")


@lowers("AllCandidateSampler")
def _all_candidates(site: Site) -> Lowered:
    """Return all classes, each of which is expected once."""
    (count,), *expected = (site.dims(result) for result in site.op.results)
    ones = [filled(site, site.constant(1, F32), site.constant(dims)) for dims in expected]
    return [site.onnx("Range", site.constant(0), site.constant(count), site.constant(1)), *ones]
