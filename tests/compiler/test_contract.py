"""The contract of an artifact: true of the artifact, complete in both directions, all or nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelc
from modelc.contract import io_contract, write_io_contract
from modelc.diagnostics.diagnostic import ModelcError
from modelc.driver import Compilation, Settings, compile_model

SOURCE = """// source: tensorflow "net" "SavedModel"

graph @main(%serving_x: f32[2, 4, 4, 3], %n: i64[2]) attributes {names = ["x", "n"]} {
  %w = const splat<"0000803f", 324> : f32[3, 3, 3, 12] loc(tensorflow "conv/kernel" VarHandleOp)
  %b = const splat<"0000803f", 12> : f32[12] loc(tensorflow "conv/bias" VarHandleOp)
  %y = ge.Conv2D(%serving_x, %w) {strides = ONES, pads = ONES} : f32[2, 4, 4, 12] loc(tensorflow "conv/Conv2D" Conv2D)
  %z = ge.BiasAdd(%y, %b) : f32[2, 4, 4, 12] loc(tensorflow "conv/BiasAdd" BiasAdd)
  %axis = const dense<1> : i32[]
  %s0, %s1 = ge.Split(%axis, %z) {num_split = 2} : f32[2, 2, 4, 12], f32[2, 2, 4, 12] loc(tensorflow "split" Split)
  return %s1, %n {names = ["second", "same"]}
}
""".replace("ONES", "[1, 1, 1, 1]")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "net.mir"
    path.write_text(SOURCE, "utf-8")
    return path


def compiled(source: Path, target: str = "om") -> Compilation:
    settings = Settings(target=target, profile="cann-8")
    return compile_model(source, source.with_name(f"out.{target}"), settings).require()


def rows(contract: dict[str, Any], what: str) -> list[dict[str, Any]]:
    found = contract[what]
    assert isinstance(found, list)
    return found


def test_inputs_and_outputs_are_described_in_order(source: Path) -> None:
    contract: dict[str, Any] = io_contract(compiled(source))
    assert contract["inputs"] == [
        {
            "index": 0,
            "name": "x",
            "dtype": "float32",
            "shape": [2, 4, 4, 3],
            "ge_dtype": "DT_FLOAT",
            "layout": "NHWC",
            "nbytes": 2 * 4 * 4 * 3 * 4,
            "op": "x",
            "source": "serving_x",
        },
        {
            "index": 1,
            "name": "n",
            "dtype": "int64",
            "shape": [2],
            "ge_dtype": "DT_INT64",
            "layout": "ND",
            "nbytes": 16,
            "op": "n",
            "source": "n",
        },
    ]
    second, same = contract["outputs"]
    assert (second["name"], second["source"], second["result"], second["layout"]) == ("second", "split", 1, "ND")
    assert (same["name"], same["op"], same["result"]) == ("same", "n", 0)


def test_provenance_goes_both_ways(source: Path) -> None:
    contract: dict[str, Any] = io_contract(compiled(source))
    by_op, by_source = contract["provenance"]["by_op"], contract["provenance"]["by_source"]
    fused = next(name for name, entry in by_op.items() if entry["type"] == "Conv2D")
    assert set(by_op[fused]["sources"]) == {"conv/Conv2D", "conv/BiasAdd"}
    assert by_source["conv/BiasAdd"] == {"type": "BiasAdd", "ops": [fused]}
    forth = {(op, node) for op, entry in by_op.items() for node in entry["sources"]}
    back = {(op, node) for node, entry in by_source.items() for op in entry["ops"]}
    assert forth == back


def test_the_page_about_it_describes_all_of_it(source: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "io-contract.md").read_text("utf-8")
    example = json.loads(page.partition("```json")[2].partition("```")[0])
    contract: dict[str, Any] = json.loads(json.dumps(io_contract(compiled(source))))
    assert list(contract) == list(example)
    for part in ("artifact", "source", "provenance"):
        assert list(contract[part]) == list(example[part])
    for what in ("inputs", "outputs"):
        assert {tuple(row) for row in contract[what]} == {tuple(example[what][0])}
    for direction in ("by_op", "by_source"):
        shown = next(iter(example["provenance"][direction].values()))
        assert {tuple(entry) for entry in contract["provenance"][direction].values()} == {tuple(shown)}
    described = re.findall(r"`([a-z_.]+)`", "".join(line for line in page.splitlines() if line.startswith("|")))
    fields = {*contract, *contract["inputs"][0], *contract["outputs"][0], "provenance.by_op", "provenance.by_source"}
    assert fields - {"modelc", "provenance"} <= set(described)


def test_an_op_of_no_source_node_has_none(source: Path) -> None:
    source.write_text(SOURCE.replace("%axis = const dense<1> : i32[]", "%axis = const dense<1> : i32[] loc()"), "utf-8")
    contract: dict[str, Any] = io_contract(compiled(source))
    assert contract["provenance"]["by_op"]["axis"] == {"type": "Const", "sources": []}


@pytest.mark.parametrize("target", ["om", "air", "mir"])
def test_every_name_in_it_stands_in_the_artifact(source: Path, target: str) -> None:
    compilation = compiled(source, target)
    assert compilation.artifact is not None
    contract: dict[str, Any] = io_contract(compilation)
    model = modelc.load(compilation.artifact.path)
    names = {op.name for op in model.ops()} | {value.name for value in model.graph.inputs}
    assert contract["provenance"]["by_op"].keys() <= names
    assert {row["op"] for what in ("inputs", "outputs") for row in rows(contract, what)} <= names
    assert [row["name"] for row in rows(contract, "outputs")] == list(model.graph.output_names)
    layouts = {row["layout"] for what in ("inputs", "outputs") for row in rows(contract, what)}
    assert layouts == ({None} if target == "mir" else {"NHWC", "ND"})
    assert contract["artifact"]["sha256"] == compilation.artifact.sha256


def test_sizes_are_those_of_the_arrays_that_a_run_takes_and_gives(source: Path) -> None:
    compilation = compiled(source)
    assert compilation.artifact is not None
    contract: dict[str, Any] = io_contract(compilation)
    given = {row["name"]: np.zeros(row["shape"], row["dtype"]) for row in rows(contract, "inputs")}
    assert all(given[row["name"]].nbytes == row["nbytes"] for row in rows(contract, "inputs"))
    made = modelc.run(compilation.artifact.path, given)
    for row in rows(contract, "outputs"):
        array = made[row["name"]]
        assert (array.nbytes, array.dtype.name, list(array.shape)) == (row["nbytes"], row["dtype"], row["shape"])


def test_an_artifact_made_of_an_artifact_names_the_ops_of_the_first(source: Path) -> None:
    first = compiled(source)
    assert first.artifact is not None
    again = compile_model(first.artifact.path, source.with_name("again.om"), Settings(profile="cann-8")).require()
    contract: dict[str, Any] = io_contract(again)
    assert contract["source"]["framework"] == "om"
    assert "conv/Conv2D" in contract["provenance"]["by_source"]


def test_unknown_extents_have_no_size(source: Path) -> None:
    text = "graph @main(%x: f32[n, 4], %y: f32[?, 4]) {\n  return %x, %y\n}\n"
    source.write_text(text, "utf-8")
    compilation = compile_model(source, source.with_name("out.mir"), Settings(target="mir", passes="infer-types"))
    contract: dict[str, Any] = io_contract(compilation.require())
    assert [(row["shape"], row["nbytes"]) for row in rows(contract, "inputs")] == [(["n", 4], None), ([None, 4], None)]


def test_the_same_artifact_gives_the_same_bytes(source: Path, tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        write_io_contract(compiled(source), tmp_path / name)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert json.loads((tmp_path / "a.json").read_text("utf-8"))["contract"] == 1


def test_what_cannot_be_written_leaves_nothing(source: Path, tmp_path: Path) -> None:
    compilation = compiled(source)
    before = set(tmp_path.iterdir())
    with pytest.raises(ModelcError) as caught:
        write_io_contract(compilation, tmp_path / "absent" / "contract.json")
    assert caught.value.diagnostics[0].code == "MC503"
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(ModelcError):
        write_io_contract(compilation, tmp_path / "folder.json")
    assert set(tmp_path.iterdir()) == before | {tmp_path / "folder.json"}


def test_without_an_artifact_there_is_no_contract(source: Path) -> None:
    with pytest.raises(ValueError, match="no artifact"):
        io_contract(compile_model(source, None, Settings(profile="cann-8")))


def test_python_writes_it_too(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "contract.json"
    compilation = modelc.compile(source, tmp_path / "net.om", profile="cann-8", io_contract=path)
    assert json.loads(path.read_text("utf-8")) == json.loads(json.dumps(io_contract(compilation)))
