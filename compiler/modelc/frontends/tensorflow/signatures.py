"""Which meta graph and which signature of a SavedModel are meant, and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from modelc.diagnostics.diagnostic import Fix, Sink, fail, finding
from modelc.dialects.tf import type_of_element
from modelc.frontends.tensorflow.graph import Input, Output
from modelc.frontends.tensorflow.order import graph_ref
from modelc.frontends.tensorflow.tensor import ELEMENT_OF, TensorError, dtype_name, shape_of
from modelc.ir.types import TensorType, Type

SERVE = "serve"
DEFAULT = "serving_default"
_INTERNAL = "__saved_model_"  # signatures that initialize or train
_LISTED = 20
_MODERN = 22
MOST_ELEMENTS = (1 << 31) - 1  # of an input


def meta_graph(saved_model: Any, tags: Sequence[str]) -> Any:
    """Return the meta graph with these tags; by default the one for serving, else the only one.

    Raises:
        ModelcError: There is none; the finding lists those that there are.
    """
    graphs = list(saved_model.meta_graphs)
    if not graphs:
        raise fail("MC105", "the SavedModel holds no graph", fixes=[Fix("export the model again")])
    wanted = set(tags) or {SERVE}
    exact = [graph for graph in graphs if set(graph.meta_info_def.tags) == wanted]
    if exact:
        return exact[0]
    if not tags:
        serving = [graph for graph in graphs if SERVE in graph.meta_info_def.tags]
        if serving or len(graphs) == 1:
            return (serving or graphs)[0]
    available = [",".join(sorted(graph.meta_info_def.tags)) for graph in graphs]
    raise fail(
        "MC108",
        f"no meta graph of the SavedModel has the tags {', '.join(f'`{tag}`' for tag in sorted(wanted))}",
        evidence=[("available", "; ".join(available[:_LISTED]) or "none")],
        fixes=[Fix("choose the tags of one of them", f"--tag {each}") for each in available[:_LISTED] if each],
    )


def signature_key(signatures: Mapping[str, Any], wanted: str, sink: Sink) -> str:
    """Return the key of the signature to compile; a choice among several is noted in `sink`.

    Raises:
        ModelcError: There is no such signature; the finding lists those that there are.
    """
    usable = sorted(key for key in signatures if not key.startswith(_INTERNAL) and signatures[key].outputs)
    if wanted in signatures:
        return wanted
    if wanted or not usable:
        raise _unknown(wanted, usable)
    chosen = DEFAULT if DEFAULT in usable else usable[0]
    if len(usable) > 1:
        others = [key for key in usable if key != chosen]
        sink.add(
            finding(
                "MC120",
                f"compiling signature `{chosen}`, one of {len(usable)}",
                evidence=[("available", ", ".join(usable[:_LISTED]))],
                fixes=[Fix("compile another signature", f"--signature {key}") for key in others[:3]],
            )
        )
    return chosen


def _unknown(wanted: str, usable: Sequence[str]) -> Exception:
    if not usable:
        return fail(
            "MC107",
            "the SavedModel has no signature that can be called",
            fixes=[Fix("save the model with signatures: `tf.saved_model.save(model, folder, signatures=function)`")],
        )
    near = get_close_matches(wanted, usable, 3) or usable[:3]
    return fail(
        "MC107",
        f"the SavedModel has no signature `{wanted}`",
        evidence=[("available", ", ".join(usable[:_LISTED]))],
        fixes=[Fix("choose an existing signature", f"--signature {key}") for key in near],
    )


def inputs_of(signature: Any, nodes: Mapping[str, Any]) -> list[Input]:
    """Return the inputs of a signature, sorted by key as TensorFlow flattens them."""
    return [_input(key, signature.inputs[key], nodes) for key in sorted(signature.inputs)]


def outputs_of(signature: Any) -> list[Output]:
    """Return the outputs of a signature, sorted by key as TensorFlow flattens them."""
    outputs = []
    for key in sorted(signature.outputs):
        info = signature.outputs[key]
        _require_dense(f"output `{key}`", info)
        outputs.append(Output(key, graph_ref(info.name)))
    return outputs


def _input(key: str, info: Any, nodes: Mapping[str, Any]) -> Input:
    _require_dense(f"input `{key}`", info)
    ref = graph_ref(info.name)
    return Input(ref, key, input_type(f"input `{key}`", info, nodes.get(ref.node)))


def input_type(title: str, info: Any | None, node: Any | None, producer: int = _MODERN) -> Type:
    """Return the type of an input, from the signature's TensorInfo, else from its placeholder.

    Args:
        title: What to call the input in messages.
        info: What a signature says of it.
        node: The placeholder.
        producer: The version of the graph format that the graph was written in.

    Raises:
        ModelcError: Its shape or element type is malformed.
    """
    try:
        placeholder = TensorType(None) if node is None else placeholder_type(node, producer)
        number = info.dtype if info is not None else 0 if node is None else node.attr["dtype"].type
        shape = shape_of(info.tensor_shape) if info is not None and info.HasField("tensor_shape") else None
    except TensorError as error:
        raise fail("MC105", f"the shape of {title} is damaged: {error}") from None
    element = ELEMENT_OF.get(number)
    if element is None:
        what = f"the element type {dtype_name(number)}" if number else "no element type"
        raise fail("MC201", f"{title} has {what}")
    type_ = type_of_element(element, placeholder.shape if shape is None else shape)
    if isinstance(type_, TensorType) and type_.is_static and type_.size > MOST_ELEMENTS:
        raise fail("MC118", f"{title} is declared as {type_}, of more than {MOST_ELEMENTS} elements")
    return type_


def placeholder_type(node: Any, producer: int = _MODERN) -> TensorType:
    """Return what a Placeholder says of its value; raises TensorError for a malformed shape.

    Up to version 21 of the graph format, a scalar's shape also meant an unknown one.
    """
    shape = None
    if "shape" in node.attr:
        shape = shape_of(node.attr["shape"].shape)
    if shape == () and 0 < producer < _MODERN:
        shape = None
    noted = list(node.attr["_output_shapes"].list.shape) if "_output_shapes" in node.attr else []
    if shape is None and len(noted) == 1:
        shape = shape_of(noted[0])
    return TensorType(ELEMENT_OF.get(node.attr["dtype"].type), shape)


def _require_dense(title: str, info: Any) -> None:
    kind = info.WhichOneof("encoding")
    if kind in ("coo_sparse", "composite_tensor"):
        raise fail(
            "MC302",
            f"{title} of the signature is a {'sparse' if kind == 'coo_sparse' else 'composite'} tensor",
            fixes=[Fix("export a signature that takes and gives dense tensors")],
        )
    if not info.name:
        raise fail("MC110", f"{title} of the signature names no tensor", fixes=[Fix("export the model again")])
