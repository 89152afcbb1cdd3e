"""The reader of `.mir` files."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path

from modelc.diagnostics.diagnostic import Fix, Sink, fail
from modelc.frontends.frontend import Frontend, LoadOptions
from modelc.ir.graph import Graph
from modelc.ir.model import Model, Source
from modelc.ir.op import Value
from modelc.pipeline.facts import implied
from modelc.text.reader import read_model
from modelc.text.specs import OutNode, parse_out_nodes

_BEGINNING = re.compile(rb'(?:\s|//[^\n]*\n)*graph\s+@[\w".>-]+\s*\(')


def _recognizes(path: Path, head: bytes) -> int:
    if _BEGINNING.match(head):
        return 95
    return 60 if head and path.suffix == ".mir" else 0


def _load(path: Path, options: LoadOptions, sink: Sink) -> Model:
    if options.signature or options.tags:
        raise fail(
            "MC107",
            f"`{path.name}` holds one graph, without signatures and tags to choose from",
            file=str(path),
            fixes=[Fix("leave out the signature and the tag")],
        )
    model = read_model(_text(path), str(path), path.parent)
    if model.source is None:
        model.source = Source("mir", path, "textual IR")
    model.facts = model.facts or implied(model)
    if options.out_nodes:
        _choose_outputs(model.graph, parse_out_nodes(options.out_nodes))
    return model


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise fail("MC101", f"`{path}` cannot be read: {error.strerror}", file=str(path)) from error
    except UnicodeDecodeError as error:
        raise fail("MC411", f"byte {error.start} is not part of a UTF-8 text", file=str(path)) from error


def _choose_outputs(graph: Graph, nodes: list[OutNode]) -> None:
    results: dict[str, tuple[Value, ...]] = {}
    for op in graph:
        results.setdefault(op.name, op.results)
    values = [_value(results, node) for node in nodes]
    graph.set_operands(graph.return_op, values)
    graph.set_attribute(graph.return_op, "names", tuple(f"{node.name}:{node.index}" for node in nodes))


def _value(results: dict[str, tuple[Value, ...]], node: OutNode) -> Value:
    found = results.get(node.name)
    if found is None:
        near = get_close_matches(node.name, results, 3, 0.5)
        fixes = [Fix(f"did you mean {' or '.join(f'`{name}`' for name in near)}?")] if near else []
        raise fail("MC115", f"there is no op `{node.name}`", fixes=fixes)
    if node.index >= len(found):
        raise fail("MC115", f"`{node.name}` has {len(found)} results, so there is no `{node.name}:{node.index}`")
    return found[node.index]


FRONTEND = Frontend("mir", "textual IR (.mir)", _recognizes, _load)
