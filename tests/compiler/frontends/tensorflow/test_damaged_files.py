"""Files cut short or changed anywhere: a finding or a model, never anything else."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelc.diagnostics.diagnostic import ModelcError, Sink
from modelc.frontends.frontend import LoadOptions
from modelc.frontends.tensorflow import graph_def, saved_model, sstable
from modelc.ir.blob import BlobError, MissingBlob
from modelc.ir.constants import to_array

ROUNDS = 150
FLOAT = {"T": "type: DT_FLOAT"}
SHAPE = "tensor_shape { dim { size: 400 } }"
CALL = {"Tin": "list { type: DT_FLOAT }", "Tout": "list { type: DT_FLOAT }", "f": "func { name: 'half' }"}
LIBRARY = """
    library { function {
        signature { name: "half" input_arg { name: "a" type: DT_FLOAT } output_arg { name: "r" type: DT_FLOAT } }
        node_def { name: "w" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "value" value {
            tensor { dtype: DT_FLOAT tensor_shape { dim { size: 300 } } float_val: 0.5 } } } }
        node_def { name: "m" op: "Mul" input: "a" input: "w:output:0" attr { key: "T" value { type: DT_FLOAT } } }
        ret { key: "r" value: "m:z:0" } } }
"""
NODES: list[Any] = [
    ("x", "Placeholder", (), {"dtype": "type: DT_FLOAT", "shape": "shape { dim { size: -1 } }"}),
    (
        "w",
        "Const",
        (),
        {"dtype": "type: DT_FLOAT", "value": f'tensor {{ dtype: DT_FLOAT {SHAPE} tensor_content: "{"abcd" * 400}" }}'},
    ),
    (
        "i",
        "Const",
        (),
        {
            "dtype": "type: DT_INT32",
            "value": f"tensor {{ dtype: DT_INT32 {SHAPE} int_val: [{', '.join(map(str, range(-9, 391)))}] }}",
        },
    ),
    ("f", "Cast", ("i",), {"SrcT": "type: DT_INT32", "DstT": "type: DT_FLOAT"}),
    ("s", "AddN", ("x", "w", "f"), {**FLOAT, "N": "i: 3"}),
    ("y", "PartitionedCall", ("s", "^f"), CALL),
    ("v", "VarHandleOp", (), {"dtype": "type: DT_FLOAT", "shape": "shape { dim { size: 3 } }"}),
    ("r", "ReadVariableOp", ("v",), {"dtype": "type: DT_FLOAT"}),
]


def damaged(source: random.Random, data: bytes) -> bytes:
    content = bytearray(data)
    if source.random() < 0.2:
        return bytes(content[: source.randrange(len(content))])
    for _ in range(source.choice((1, 1, 2, 8))):
        place = source.randrange(len(content))
        match source.randrange(4):
            case 0:
                content[place] = source.randrange(256)
            case 1:
                content[place] ^= 1 << source.randrange(8)
            case 2:
                del content[place : min(place + source.randrange(1, 20), len(content) - 1)]
            case _:
                content[place:place] = source.randbytes(source.randrange(1, 10))
    return bytes(content)


def survive(load: Any, path: Path) -> bool:
    """Read everything there is to read; whether it was a model with all of its variables."""
    try:
        model = load(path, LoadOptions(), Sink())
    except ModelcError:
        return False
    values = [op.attributes.get("value") for op in model.ops() if op.kind == "tf.VarHandleOp"]
    for op in model.ops():
        if op.kind == "const":
            try:
                to_array(op.attributes["value"], op.results[0].tensor)
            except BlobError:
                continue
    return not any(isinstance(value, MissingBlob) for value in values)


@pytest.mark.parametrize("name", ["model.pb", "model.pbtxt"])
@pytest.mark.parametrize("seed", range(3))
def test_frozen_graphs(graph_file: Callable[..., Path], name: str, seed: int) -> None:
    path = graph_file(NODES[:6], LIBRARY, name)
    assert survive(graph_def.load, path)
    data, source = path.read_bytes(), random.Random(seed)
    for _ in range(ROUNDS):
        path.write_bytes(damaged(source, data))
        survive(graph_def.load, path)


@pytest.mark.parametrize("file", ["saved_model.pb", "variables/variables.index"])
@pytest.mark.parametrize("checked", [True, False])
def test_saved_models(monkeypatch: pytest.MonkeyPatch, saved_model_folder: Path, file: str, checked: bool) -> None:
    if not checked:  # behind the checksums, which otherwise see all damage first
        monkeypatch.setattr(sstable, "matches", lambda data, checksum: True)
    assert survive(saved_model.load, saved_model_folder)
    path, source = saved_model_folder / file, random.Random(file)
    data = path.read_bytes()
    survivors = 0
    for _ in range(ROUNDS):
        path.write_bytes(damaged(source, data))
        survivors += survive(saved_model.load, saved_model_folder)
    assert survivors < ROUNDS


@pytest.fixture
def saved_model_folder(saved_model: Callable[..., Path], write_bundle: Callable[..., Path]) -> Path:
    meta = """signature_def { key: 'f' value {
        inputs { key: 'x' value { name: 'x:0' dtype: DT_FLOAT } }
        outputs { key: 'r' value { name: 'r:0' dtype: DT_FLOAT } }
        outputs { key: 's' value { name: 's:0' dtype: DT_FLOAT } } } }"""
    folder = saved_model([*NODES[:5], *NODES[6:]], meta)
    arrays = {"v": np.ones(3, np.float32)} | {f"v/{i}": np.ones(i, np.float32) for i in range(9)}
    write_bundle(folder / "variables" / "variables", arrays, 2)
    return folder
