"""Origins: where an op came from, in the names of the user's own model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

LIMIT = 64  # source nodes kept per op: enough for any fusion, bounded for pathological graphs


@dataclass(frozen=True, slots=True)
class SourceNode:
    """One node of a source model.

    Attributes:
        framework: `tensorflow`, `onnx`, `caffe` or `om`.
        name: The node's name in the source file.
        op_type: The framework's name of the operation, `Conv2D`.
    """

    framework: str
    name: str
    op_type: str


@dataclass(frozen=True, slots=True)
class Origin:
    """The source nodes an op computes, first the one it stands for, and the rules that made it.

    Attributes:
        nodes: Source nodes, most telling first.
        rules: Names of passes and rules, oldest first.
    """

    nodes: tuple[SourceNode, ...] = ()
    rules: tuple[str, ...] = ()

    @classmethod
    def of(cls, framework: str, name: str, op_type: str) -> Origin:
        """Return the origin of an op lifted from one source node."""
        return cls((SourceNode(framework, name, op_type),))

    @property
    def name(self) -> str:
        """The first source node's name, or an empty text."""
        return self.nodes[0].name if self.nodes else ""

    def through(self, rule: str) -> Origin:
        """Return this origin with `rule` added as the latest."""
        if not rule or (self.rules and self.rules[-1] == rule):
            return self
        return Origin(self.nodes, (*self.rules[-LIMIT + 1 :], rule))

    def __str__(self) -> str:
        return ", ".join(f"{node.name} ({node.op_type})" for node in self.nodes)


NOWHERE = Origin()


def merge(origins: Iterable[Origin], rule: str = "") -> Origin:
    """Return the union of `origins` in order, made by `rule`."""
    nodes: dict[SourceNode, None] = {}
    rules: dict[str, None] = {}
    for origin in origins:
        nodes.update(dict.fromkeys(origin.nodes))
        rules.update(dict.fromkeys(origin.rules))
    return Origin(tuple(nodes)[:LIMIT], tuple(rules)[-LIMIT:]).through(rule)
