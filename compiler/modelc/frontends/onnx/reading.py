"""Reading ONNX files of the opset that modelc writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from modelc.diagnostics.diagnostic import Fix, Sink, fail
from modelc.dialects.onnx import OPSET
from modelc.frontends.frontend import Json, LoadOptions
from modelc.frontends.onnx.lift import FRAMEWORK, lift
from modelc.frontends.onnx.protos import parse
from modelc.frontends.wire import WireFile
from modelc.ir.model import Model, Source
from modelc.pipeline.facts import FROZEN, INLINED, ONNX

_VERSION: Final = b"\x08"  # a ModelProto begins with its `ir_version`
_NEXT: Final = b"\x12\x1a\x22\x28\x32\x3a\x42"  # the tags that may follow


def recognizes(path: Path, head: bytes) -> int:
    """Return how sure it is that a file is an ONNX model."""
    begins = len(head) > 2 and head[:1] == _VERSION and head[1] < 128 and head[2] in _NEXT
    if path.suffix == ".onnx" and head:
        return 80 if begins else 40
    return 60 if begins else 0


def load(path: Path, options: LoadOptions, sink: Sink) -> Model:
    """Read the graph of an ONNX file.

    Raises:
        ModelcError: Everything that is wrong with the file, or that it is of another opset.
    """
    proto = _parsed(path)
    versions = _opsets(proto)
    if versions.get("ai.onnx") != OPSET:
        stated = versions.get("ai.onnx")
        text = f"`{path.name}` is of opset {stated}" if stated else f"`{path.name}` states no opset"
        fix = Fix(f"convert it: `onnx.version_converter.convert_version(model, {OPSET})`")
        raise fail("MC713", f"{text}, files of opset {OPSET} are read", file=str(path), fixes=[fix])
    graph = lift(proto, path, _origin_framework(proto))
    details = (("opset", str(OPSET)), ("producer", f"{proto.producer_name} {proto.producer_version}".strip()))
    return Model(graph, source=Source(FRAMEWORK, path, "ONNX", details), facts={ONNX, INLINED, FROZEN})


def describe(path: Path) -> Mapping[str, Json]:
    """Return versions and metadata, and how many nodes of each op type there are.

    Raises:
        ModelcError: It cannot be read.
    """
    proto = _parsed(path)
    counts = Counter(node.op_type for node in proto.graph.node)
    return {
        "ir_version": proto.ir_version,
        "opsets": _opsets(proto),
        "metadata": {entry.key: entry.value for entry in proto.metadata_props},
        "nodes": {kind: counts[kind] for kind in sorted(counts)},
    }


def _parsed(path: Path) -> Any:
    with WireFile(path) as file:
        return parse(file)


def _opsets(proto: Any) -> dict[str, int]:
    return {each.domain or "ai.onnx": each.version for each in proto.opset_import}


def _origin_framework(proto: Any) -> str:
    """Return the framework of what modelc made the file from."""
    source = next((entry.value for entry in proto.metadata_props if entry.key == "source"), "")
    return str(source).partition(":")[0] or FRAMEWORK
