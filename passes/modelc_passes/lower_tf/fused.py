"""Lowering of the ops that TensorFlow's own graph optimizer makes by fusing others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from modelc.ir.attributes import Attribute
from modelc.ir.op import Value
from modelc_passes.lower_tf.nn import batch_norm
from modelc_passes.lower_tf.site import Site, UnsupportedFormError
from modelc_passes.lower_tf.table import Lowered, lowering, lowers

_ACTIVATIONS: dict[str, tuple[str, dict[str, Attribute]]] = {
    "Relu": ("Relu", {}),
    "Relu6": ("Relu6", {}),
    "Elu": ("Elu", {"alpha": 1.0, "scale": 1.0, "input_scale": 1.0}),
    "Tanh": ("Tanh", {}),
    "Sigmoid": ("Sigmoid", {}),
}


def _bias(site: Site, value: Value, arguments: list[Value]) -> Value:
    return site.ge("BiasAdd", value, arguments.pop(0), data_format=site.text("data_format", "NHWC"))


def _batch_norm(site: Site, value: Value, arguments: list[Value]) -> Value:
    parameters = [arguments.pop(0) for _ in range(4)]
    attributes: dict[str, Attribute] = {
        "epsilon": site.number("epsilon", 0.0001),
        "data_format": site.text("data_format", "NHWC"),
        "is_training": False,
    }
    return site.many("BatchNorm", value, *parameters, **attributes)[0]


def _add(site: Site, value: Value, arguments: list[Value]) -> Value:
    return site.ge("Add", value, arguments.pop(0))


def _leaky_relu(site: Site, value: Value, arguments: list[Value]) -> Value:
    return site.ge("LeakyRelu", value, negative_slope=site.number("leakyrelu_alpha", 0.2))


_STEPS: dict[str, tuple[int, Callable[[Site, Value, list[Value]], Value]]] = {
    "BiasAdd": (1, _bias),
    "FusedBatchNorm": (4, _batch_norm),
    "Add": (1, _add),
    "LeakyRelu": (0, _leaky_relu),
}


def _apply(site: Site, value: Value, steps: Sequence[object], arguments: list[Value]) -> Value:
    for step in steps:
        name = str(step)
        if name in _ACTIVATIONS:
            kind, attributes = _ACTIVATIONS[name]
            value = site.ge(kind, value, **attributes)
            continue
        needed, function = _STEPS.get(name, (0, None))
        if function is None or len(arguments) < needed:
            raise UnsupportedFormError(f"fuses {name}, which is not known as a part of it")
        value = function(site, value, arguments)
    return value


@lowers("_FusedConv2D", "_FusedDepthwiseConv2dNative", "_FusedMatMul")
def _fused(site: Site) -> Lowered:
    base = {"_FusedConv2D": "Conv2D", "_FusedMatMul": "MatMul"}.get(site.op_type, "DepthwiseConv2dNative")
    function = lowering(base)
    steps = site.op.attributes.get("fused_ops", ())
    if function is None or not isinstance(steps, tuple):
        raise UnsupportedFormError("does not say what it fuses")
    if site.text("filter_format", "HWIO") != "HWIO":
        raise UnsupportedFormError(f"has filters in the layout {site.text('filter_format')}, supported is HWIO")
    arguments = list(site.inputs[2:])
    site.inputs = site.inputs[:2]
    result = function(site)
    assert isinstance(result, Value)
    return _apply(site, result, steps, arguments)


@lowers("_FusedBatchNormEx")
def _fused_batch_norm(site: Site) -> Lowered:
    side = site.inputs[5:]
    results = batch_norm(site)
    assert not isinstance(results, Value)
    value = results[0]
    assert value is not None
    if side:
        value = site.ge("Add", value, side[0])
    activation = site.text("activation_mode", "Identity")
    steps = () if activation == "Identity" else (activation,)
    return [_apply(site, value, steps, []), *results[1:]]
