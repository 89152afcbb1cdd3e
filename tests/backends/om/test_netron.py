"""What is written opens in Netron, and Netron's own schema decodes it to the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import viewer

from modelc_backends.om.backend import OM

pytestmark = pytest.mark.skipif(not viewer.IS_INSTALLED, reason="needs node and the package netron")


@pytest.fixture(scope="module")
def netron(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("netron")
    viewer.prepare(folder)
    return folder


@pytest.fixture
def show(netron: Path, tmp_path: Path) -> Callable[[Any], Any]:
    def opened(model: Any) -> Any:
        (shown,) = viewer.show(netron, [OM.write(model, tmp_path / "model.om").path])
        return shown

    return opened


def test_what_does_not_open_is_told(netron: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.om"
    path.write_bytes(bytes(300))
    (shown,) = viewer.show(netron, [path])
    assert shown["error"] == "Netron takes this for another format."


def test_a_model_opens_with_its_names_types_and_constants(make_classifier: Any, show: Any) -> None:
    shown = show(make_classifier())
    (graph,) = shown["graphs"]
    assert graph["name"] == "classifier"
    assert [node["type"] for node in graph["nodes"]] == [
        *("Data", "Conv2D", "Relu", "MaxPool", "ConcatV2", "Reshape", "MatMulV2", "Split", "Cast", "NetOutput"),
    ]
    conv = graph["nodes"][1]
    assert conv["name"] == "conv"
    assert [values for _, values in conv["inputs"]] == [
        [["image:0", "float32[1,8,8,3]", False]],
        [["conv/kernel:0", "float32[3,3,3,4]", True]],
        [["conv/bias:0", "float32[4]", True]],
    ]
    assert graph["nodes"][-1]["inputs"][0][1][0][0] == "dense:0"


def test_nested_graphs_are_graphs_of_their_own(make_branches: Any, show: Any) -> None:
    shown = show(make_branches())
    assert [graph["name"] for graph in shown["graphs"]] == ["branches", "then", "else", "loop_cond", "loop_body"]


def test_the_message_says_the_same_by_the_other_schema(make_classifier: Any, show: Any) -> None:
    message = show(make_classifier())["message"]
    ops = {op["name"]: op for op in message["graph"][0]["op"]}
    conv, cast, kernel = ops["conv"], ops["as_int"], ops["conv/kernel"]
    assert conv["input"] == ["image:0", "conv/kernel:0", "conv/bias:0"]
    assert [desc["layout"] for desc in conv["input_desc"]] == ["NHWC", "HWCN", "ND"]
    assert conv["attr"]["strides"]["list"] | {"i": [1, 1, 1, 1], "val_type": 2} == conv["attr"]["strides"]["list"]
    assert cast["attr"]["dst_type"]["i"] == 3  # the number attributes use
    assert cast["output_desc"][0]["dtype"] == 7  # the number descriptors use
    tensor = kernel["attr"]["value"]["t"]
    assert tensor["desc"]["shape"]["dim"] == [3, 3, 3, 4]
    assert len(tensor["data"]) == 2 * 4 * 108
    assert message["attr"]["target_type"]["s"] == b"MINI".hex()
    assert [op.get("id", 0) for op in message["graph"][0]["op"]] == list(range(16))
