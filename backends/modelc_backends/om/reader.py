"""Readers of `.om` and `.air` as sources: graphs of the canonical dialect, with the constants left in the file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from modelc.diagnostics.diagnostic import Sink
from modelc.frontends.frontend import Frontend, LoadOptions
from modelc.ir.graph import Graph
from modelc.ir.model import Model, Source
from modelc.ir.types import TensorType
from modelc.pipeline.facts import FIXED_INPUTS, FROZEN, GE, INFERENCE_ONLY, INLINED, RESOLVED, TYPED
from modelc_backends.om.attributes import decode
from modelc_backends.om.conformance import check
from modelc_backends.om.container import Container, model_def, open_air, open_om
from modelc_backends.om.describe import describe_air, describe_om
from modelc_backends.om.lift import lift
from modelc_backends.om.listing import listing

# a ModelDef begins with its name, a version, and the version of the tool; no other kind of model does
_MODEL_DEF: Final = re.compile(rb"\x0a(?P<length>[\x01-\x7f])(?P<rest>.*)", re.DOTALL)
_DETAILS: Final = {
    "framework": "framework_type",
    "tool": "atc_version",
    "chip": "soc_version",
    "modelc": "modelc_version",
}


def recognizes_om(path: Path, head: bytes) -> int:
    """Return how sure it is that a file is an `.om` of whatever family."""
    if head.startswith(b"IMOD"):
        return 100
    if head.startswith(b"PICO"):
        return 80
    return 60 if path.suffix == ".om" and head else 0


def recognizes_air(path: Path, head: bytes) -> int:
    """Return how sure it is that a file is an `.air`."""
    match = _MODEL_DEF.match(head)
    if match:
        length = match["length"][0]
        name, rest = match["rest"][:length], match["rest"][length:]
        if name.isascii() and name.decode("ascii").isprintable() and re.match(rb"\x10.\x1a.\d+\.\d+", rest, re.DOTALL):
            return 90
    return 60 if path.suffix == ".air" and head else 0


def load_om(path: Path, options: LoadOptions, sink: Sink) -> Model:
    """Read the graph of an `.om`; raises ModelcError with everything that is wrong with the file."""
    container = open_om(path)
    title = "compiled .om" if container.is_compiled else "graph-only .om"
    return _load(container, "om", title)


def load_air(path: Path, options: LoadOptions, sink: Sink) -> Model:
    """Read the graph of an `.air`; raises ModelcError with everything that is wrong with the file."""
    return _load(open_air(path), "air", ".air")


def _load(container: Container, framework: str, title: str) -> Model:
    first, *others = container.models()
    definition = model_def(first)
    graph = lift(first, definition, [(each, model_def(each, definition)) for each in others])
    source = Source(framework, container.path, title, tuple(_details(container, definition)))
    # a compiled graph describes memory on a device; nothing that holds of a model is promised of it
    return Model(graph, source=source, facts=set() if container.is_compiled else _facts(graph))


def _details(container: Container, definition: Any) -> list[tuple[str, str]]:
    details = [("model", definition.name)]
    for title, name in _DETAILS.items():
        value = decode(definition.attr[name]) if name in definition.attr else None
        if value:
            details.append((title, str(value)))
    if len(container.tables) > 1:
        details.append(("models", f"{len(container.tables)}, the first holds the others"))
    return details


def _facts(graph: Graph) -> set[str]:
    facts = {GE, INLINED, RESOLVED, FROZEN, INFERENCE_ONLY}
    types = [value.type for value in graph.inputs]
    if all(isinstance(type_, TensorType) and type_.is_static for type_ in types):
        facts.add(FIXED_INPUTS)
    if all(
        value.type.element is not None
        for each in graph.walk()
        for op in each
        for value in op.results
        if isinstance(value.type, TensorType)
    ):
        facts.add(TYPED)
    return facts


FRONTEND_OM = Frontend("om", "Ascend offline model", recognizes_om, load_om, describe_om, listing, check)
FRONTEND_AIR = Frontend(
    "air", "Ascend intermediate representation", recognizes_air, load_air, describe_air, listing, check
)
