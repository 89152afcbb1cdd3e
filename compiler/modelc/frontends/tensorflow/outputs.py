"""What a graph without signatures gives back: the outputs that the user names, else the ones that nobody reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import IntEnum
from pathlib import Path
from typing import Any

from modelc.diagnostics.diagnostic import Diagnostic, Fix, ModelcError, fail, finding
from modelc.dialects.tf import result_types
from modelc.frontends.tensorflow.attributes import AttributeReader
from modelc.frontends.tensorflow.graph import Output
from modelc.frontends.tensorflow.order import Ref, Scope, arrange, graph_ref
from modelc.frontends.tensorflow.tensor import TensorError
from modelc.ir.blob import BlobError
from modelc.ir.opdef import InferenceError
from modelc.ir.types import TensorType

PLACEHOLDERS = frozenset({"Placeholder", "PlaceholderV2"})
_FEEDS = PLACEHOLDERS | {"PlaceholderWithDefault"}
_SEARCHED = 20_000

# Ops that are run for what they do, or that no model gives back.
_EFFECTS = re.compile(
    "NoOp|ControlTrigger|Assert|Print|PrintV2|.*Summary(V2)?|MergeSummary|Save(V2|Slices)?|Restore(V2|Slice)?"
    "|ShardedFile(name|spec)|MergeV2Checkpoints|Assign.*|.*Scatter(Add|Sub|Mul|Div|Min|Max|Update|NdUpdate|NdAdd|NdSub)"
    "|.*Initialized(Op)?|DestroyResourceOp|(Resource)?(Sparse)?Apply[A-Z].*|CountUpTo|Timestamp|Variable(V2)?"
    "|VarHandleOp|.*Queue.*|.*Dataset.*|.*Iterator.*|.*Reader.*|Placeholder.*|LookupTable.*|InitializeTable.*"
)
# Ops whose unread results are by-products of control flow.
_SWITCHES = frozenset({"Switch", "RefSwitch"})
_BRANCHES = _SWITCHES | {"Exit", "RefExit", "LoopCond"}
# Ops of which only the first result is what they compute.
_FIRST_ONLY = frozenset({"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"})


class _Rank(IntEnum):
    """How likely a node is meant as an output; one less likely for a by-product."""

    FROM_INPUTS = 0
    FROM_STATE = 2
    CONSTANT = 4
    EFFECT = 6


def named_outputs(text: str, nodes: Mapping[str, Any], known: Mapping[str, Ref]) -> list[Output]:
    """Return the outputs that `--out-nodes` names, as `node:0;other:0`; the `:0` may be left out.

    The public name of an output is its node's, with `:1` behind it for any result but the first.

    Args:
        text: What the user wrote.
        nodes: The nodes of the graph.
        known: Outputs that have names of their own.

    Raises:
        ModelcError: With every name that is not in the graph, and the nearest that are.
    """
    outputs: dict[str, Output] = {}
    findings: list[Diagnostic] = []
    for item in filter(None, map(str.strip, text.split(";"))):
        ref = known.get(item) or graph_ref(item)
        if ref.is_control or ref.node not in nodes:
            findings.append(_unknown(item, ref.node, [*known, *nodes]))
        name = item if item in known else str(ref)
        outputs[name] = Output(name, ref)
    if findings:
        raise ModelcError(*findings)
    if not outputs:
        raise fail("MC406", f"`{text}` names no output", fixes=[Fix("write `node:0;other:0`")])
    return list(outputs.values())


def _unknown(item: str, node: str, names: list[str]) -> Diagnostic:
    near = get_close_matches(node, names[:_SEARCHED], 3)
    near = near or [name for name in names if name.rpartition("/")[2] == node][:3]
    return finding(
        "MC115",
        f"there is no node `{node}` in the graph",
        evidence=[("nearest names", ", ".join(near))] if near else [],
        fixes=[Fix(f"replace `{item}` by an existing node", f'--out-nodes "{name}"') for name in near],
    )


def default_outputs(nodes: Mapping[str, Any], path: Path) -> list[Output]:
    """Return every result of the nodes that no other node reads, as far as a model would give them back.

    Nodes that compute something from the inputs come first; by-products of loops, nodes that depend on no input,
    constants, and ops run for their effects are taken only where there is nothing better.

    Raises:
        ModelcError: MC114 when there is no such node, MC109 when that is because the nodes form a cycle.
    """
    read, waited = _read_names(nodes)
    fed = _downstream(nodes, (name for name, node in nodes.items() if node.op in _FEEDS))
    free = _downstream(nodes, (name for name, node in nodes.items() if node.op != "Const" and not node.input))
    lesser = waited | _about_branches(nodes)
    best: dict[int, list[str]] = {}
    for name, node in nodes.items():
        if name not in read:
            best.setdefault(_rank(node, name in lesser, name in fed, name in free), []).append(name)
    for rank in sorted(best):
        outputs = [output for name in best[rank] for output in _results(nodes[name], path)]
        if outputs:
            return outputs
    arrange(Scope("", nodes, graph_ref), map(Ref, nodes))
    raise fail(
        "MC114",
        "nothing in the graph can serve as an output" if nodes else "the graph has no nodes",
        fixes=[Fix("name the nodes that are the outputs", '--out-nodes "NODE:0"')],
    )


def _rank(node: Any, lesser: bool, fed: bool, free: bool) -> int:
    if _EFFECTS.fullmatch(node.op):
        return _Rank.EFFECT
    rank = _Rank.FROM_INPUTS if fed else _Rank.FROM_STATE if free else _Rank.CONSTANT
    return rank + lesser


def _about_branches(nodes: Mapping[str, Any]) -> set[str]:
    """Return the nodes that only tell which branch is taken, or belong to the making of branches and loops."""
    switches = [node for node in nodes.values() if node.op in _SWITCHES]
    telling = {graph_ref(text).node for node in switches for text in node.input[1:2]} | {node.name for node in switches}
    return {
        name
        for name, node in nodes.items()
        if node.op in _BRANCHES or (node.op == "Identity" and node.input and graph_ref(node.input[0]).node in telling)
    }


def _read_names(nodes: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """Return the nodes whose results are read, and those that others wait for."""
    read: set[str] = set()
    waited: set[str] = set()
    for node in nodes.values():
        for text in node.input:
            ref = graph_ref(text)
            (waited if ref.is_control else read).add(ref.node)
    return read, waited


def _downstream(nodes: Mapping[str, Any], sources: Iterable[str]) -> set[str]:
    """Return `sources` and every node that they flow into."""
    readers: dict[str, list[str]] = {}
    for name, node in nodes.items():
        for text in node.input:
            if not text.startswith("^"):
                readers.setdefault(graph_ref(text).node, []).append(name)
    reached = set(sources)
    pending = list(reached)
    while pending:
        for name in readers.get(pending.pop(), ()):
            if name not in reached:
                reached.add(name)
                pending.append(name)
    return reached


def _results(node: Any, path: Path) -> list[Output]:
    """Return every tensor that a node gives; an op of which nothing is known gives one."""
    if node.op in PLACEHOLDERS:
        return []
    try:
        found = result_types(node.op, AttributeReader(path).read(node.op, node.attr))
    except (TensorError, BlobError, InferenceError):
        found = None
    if found is None or node.op in _FIRST_ONLY:
        return [Output(node.name, Ref(node.name))]
    types = [type_ for _, group in found for type_ in group]
    refs = [Ref(node.name, "", place) for place, type_ in enumerate(types) if isinstance(type_, TensorType)]
    return [Output(str(ref), ref) for ref in refs]
