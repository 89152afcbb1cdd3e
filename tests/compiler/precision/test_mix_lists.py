"""Changes to the lists of mixed precision, as atc takes them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.compiler.precision.graphs import graph_of

from modelc.diagnostics.diagnostic import ModelcError
from modelc.precision.assess import Request, assess, setting_of
from modelc.precision.mix_lists import changed
from modelc.precision.modes import OpLists

LISTS = OpLists(white=frozenset({"Conv2D", "MatMulV2"}), black=frozenset({"Pow", "ReduceMeanD"}))


def colors(tmp_path: Path, document: object) -> dict[str, str]:
    path = tmp_path / "mix.json"
    path.write_text(json.dumps(document), "utf-8")
    lists = changed(LISTS, path)
    return {op: lists.color(op) for op in ("Conv2D", "MatMulV2", "Pow", "ReduceMean", "Exp")}


def test_what_is_not_mentioned_stays(tmp_path: Path) -> None:
    expected = {"Conv2D": "white", "MatMulV2": "white", "Pow": "black", "ReduceMean": "black", "Exp": ""}
    assert colors(tmp_path, {}) == expected


def test_ops_move_between_the_lists(tmp_path: Path) -> None:
    document = {
        "black-list": {"to-add": ["MatMulV2"], "to-remove": ["Pow"]},
        "white-list": {"to-add": ["Exp"], "to-remove": ["MatMulV2"]},
        "gray-list": {"to-add": ["ReduceMean"]},
    }
    expected = {"Conv2D": "white", "MatMulV2": "black", "Pow": "", "ReduceMean": "", "Exp": "white"}
    assert colors(tmp_path, document) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is no JSON"),
        ("[]", "must be an object"),
        ('{"blacklist": {}}', "has `blacklist` where there can be black-list, white-list, gray-list"),
        ('{"black-list": []}', "must have an object as `black-list`"),
        ('{"black-list": {"add": []}}', "has `add` where there can be to-add, to-remove"),
        ('{"black-list": {"to-add": [1]}}', "must have a list of types of ops as `to-add` of the black-list"),
        (
            '{"black-list": {"to-add": ["Exp"]}, "white-list": {"to-add": ["Exp"]}}',
            "adds `Exp` to the black-list and to the white-list",
        ),
        ('{"black-list": {"to-add": ["Exp"], "to-remove": ["Exp"]}}', "and removes it from there"),
    ],
)
def test_a_file_that_is_wrong_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "mix.json").write_text(text, "utf-8")
    with pytest.raises(ModelcError) as caught:
        changed(LISTS, tmp_path / "mix.json")
    (finding,) = caught.value.diagnostics
    assert finding.code == "MC406"
    assert problem in finding.message


def test_changes_decide_what_is_narrowed(tmp_path: Path) -> None:
    graph = graph_of("  %y = ge.Exp(%x) : f32[1]\n  return %y", "%x: f32[1]")
    (tmp_path / "mix.json").write_text('{"white-list": {"to-add": ["Exp"]}}', "utf-8")
    inputs = {"x": np.array([20], np.float32)}
    assert assess(setting_of(graph, Request("allow_mix_precision")), inputs).equal
    request = Request("allow_mix_precision", mix_list=tmp_path / "mix.json")
    assert [loss.op.name for loss in assess(setting_of(graph, request), inputs).overflowing] == ["y"]
