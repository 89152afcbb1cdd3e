"""Models of third parties: all are read, or refused with a finding, and have the inputs that they should."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from modelc.diagnostics.diagnostic import ModelcError, Sink
from modelc.frontends.frontend import LoadOptions
from modelc.frontends.tensorflow import graph_def, saved_model
from modelc.ir.types import TensorType

CORPUS = Path(os.environ.get("MODELC_CORPUS") or Path(__file__).parents[5] / "shared" / "corpus")
KINDS = ("tf_savedmodel", "tf_metagraph", "tf_graphdef", "tf_graphdef_cut", "tf_graphdef_lifted")
READABLE = (
    "compile",
    "needs_shape",
    "strip_then_compile",
    "no_inputs",
    "op_support",
    "reject_conv3d",
    "reject_dynamic",
)
READERS = (saved_model.FRONTEND, graph_def.FRONTEND)
EVERY = 12  # of the many small graphs, one in so many

# The signature gives no shape and the graph another one than the corpus notes.
DISPUTED = frozenset({"fea1d874a24c31ff"})

if not (CORPUS / "cases.jsonl").is_file():
    pytest.skip("the corpus is not here", allow_module_level=True)


def cases() -> list[dict[str, Any]]:
    with (CORPUS / "cases.jsonl").open(encoding="utf-8") as lines:
        found = [case for case in map(json.loads, lines) if case["kind"] in KINDS]
    special = [case for case in found if case["kind"] == "tf_savedmodel" or "adversarial" in case["model"]]
    return special + [case for case in found if case not in special][::EVERY]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["id"])
def test_third_party_models(case: dict[str, Any]) -> None:
    path = CORPUS / case["model"]
    head = b"" if path.is_dir() else path.read_bytes()[:4096]
    reader = max(READERS, key=lambda reader: reader.recognizes(path, head))
    if case["expected"] not in READABLE:
        with suppress(ModelcError):
            reader.load(path, LoadOptions(), Sink())
        return
    graph = reader.load(path, LoadOptions(), Sink()).graph
    types = dict(zip(graph.input_names, (value.type for value in graph.inputs), strict=True))
    for stated in case.get("inputs", ()):
        found = types.get(stated["name"])
        if isinstance(found, TensorType) and found.element is not None and case["id"] not in DISPUTED:
            assert found.element.numpy == stated["dtype"].replace("string", "object")
            assert found.shape is None or list(found.shape) == stated["shape"]
