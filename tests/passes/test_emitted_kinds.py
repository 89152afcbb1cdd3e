"""Every kind of op that a lowering, a rewrite or a pass can create can be typed and executed, or the code says why not.

The kinds are collected from the sources of the passes and from the tables they lower by.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest

from modelc.dialects import ge
from modelc.dialects.ge.attribute_forms import FORMS
from modelc.dialects.ge.unexecuted import unexecuted
from modelc_passes.lower_tf.longtail import counterparts
from modelc_passes.shared.policy import REJECT, family

PASSES = Path(str(files("modelc_passes")))
REGISTERS, MAKERS = "lowers", frozenset({"ge", "many", "build", "value", "values"})


def _names(node: ast.AST) -> Iterator[str]:
    """Yield the canonical kinds that strings in a tree name, without the types that a lowering is registered for."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == REGISTERS:
        return
    if isinstance(node, ast.Compare):
        return  # of the type that is lowered
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in ast.iter_child_nodes(node):
        yield from _names(child)


def _is_maker(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MAKERS


def _by_functions() -> Iterator[str]:
    """Yield the kinds that modules of lowerings name: those they build, in calls and in tables."""
    for path in sorted(PASSES.glob("lower_*/*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        if any(map(_is_maker, ast.walk(tree))):
            yield from (name.removeprefix("ge.") for name in _names(tree))


def _by_passes() -> Iterator[str]:
    """Yield the kinds that calls of the other passes build."""
    for path in sorted(PASSES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if _is_maker(node):
                assert isinstance(node, ast.Call)
                yield from (name.removeprefix("ge.") for name in _names(node) if name.startswith("ge."))


@cache
def emitted() -> frozenset[str]:
    """Return the kinds, without their prefix, that the passes can create."""
    found = {*_by_functions(), *_by_passes(), *counterparts().values(), *FORMS}
    return frozenset(kind for kind in found if ge.find(kind) is not None)


def _is_refused(op_type: str) -> bool:
    """Whether the default pipeline refuses an op type before it is lowered, by its policy."""
    entry = family(op_type)
    return entry is not None and entry.action == REJECT


@cache
def refused() -> frozenset[str]:
    """Return the kinds that only op types which the default pipeline refuses are lowered to."""
    types: dict[str, list[str]] = {}
    for op_type, kind in counterparts().items():
        types.setdefault(kind, []).append(op_type)
    return frozenset(kind for kind, each in types.items() if all(map(_is_refused, each)))


def test_the_kinds_that_are_emitted_were_found() -> None:
    assert len(emitted()) > 400
    assert emitted() >= {"Conv2D", "BatchMatMulV2", "StatelessWhile", "Svd", "PadV2", "TransposeD", "DepthwiseConv2D"}


def test_every_lowering_by_data_names_a_kind_there_is() -> None:
    assert [kind for kind in counterparts().values() if ge.find(kind) is None] == []


@pytest.mark.parametrize("kind", sorted(emitted() - refused() - unexecuted().keys()))
def test_an_emitted_kind_can_be_typed_and_executed(kind: str) -> None:
    definition = ge.find(kind)
    assert definition is not None
    assert definition.infer is not None
    assert definition.evaluate is not None


def test_nothing_is_excused_that_can_be_executed_or_is_never_emitted() -> None:
    executed = {kind for kind in unexecuted() if (found := ge.find(kind)) is None or found.evaluate is not None}
    assert executed == set()
    assert unexecuted().keys() <= emitted()
    assert not unexecuted().keys() & refused()
