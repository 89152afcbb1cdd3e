"""The reader of `.mir` files as a frontend."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelc.diagnostics.diagnostic import ModelcError, Sink
from modelc.frontends.frontend import LoadOptions
from modelc.frontends.load import detect
from modelc.text.frontend import FRONTEND

TEXT = """// a comment
graph @main(%x: f32[2]) {
  %a, %_ = tf.Split(%x) : f32[1], f32[1]
  %b = tf.Relu(%a) : f32[1]
  return %b
}
"""


def write(path: Path, text: str = TEXT) -> Path:
    path.write_text(text, "utf-8")
    return path


def load(path: Path, **options: str) -> object:
    return FRONTEND.load(path, LoadOptions(**options), Sink())  # type: ignore[arg-type]  # only texts are given


def code(path: Path, **options: str) -> str:
    with pytest.raises(ModelcError) as caught:
        load(path, **options)
    return caught.value.diagnostics[0].code


def test_a_text_is_recognized_by_content_else_by_its_ending(tmp_path: Path) -> None:
    recognizes = FRONTEND.recognizes
    assert recognizes(Path("x.txt"), TEXT.encode()) > 90
    assert 0 < recognizes(Path("x.mir"), b"nonsense") < 90
    assert recognizes(Path("x.txt"), b"graphical") == 0
    assert recognizes(Path("x.mir"), b"") == 0
    assert detect(write(tmp_path / "model.anything")).name == "mir"


def test_a_model_without_a_history_has_the_file_as_its_source(tmp_path: Path) -> None:
    model = FRONTEND.load(write(tmp_path / "m.mir"), LoadOptions(), Sink())
    assert model.source is not None
    assert (model.source.framework, model.name) == ("mir", "m")
    again = FRONTEND.load(write(tmp_path / "m.mir", f'// source: onnx "/z.onnx" "ONNX"\n{TEXT}'), LoadOptions(), Sink())
    assert again.source is not None
    assert (again.source.framework, again.name) == ("onnx", "z")


def test_facts_are_those_of_the_text_else_what_its_ops_show(tmp_path: Path) -> None:
    assert FRONTEND.load(write(tmp_path / "m.mir"), LoadOptions(), Sink()).facts == {"lifted"}
    stated = write(tmp_path / "m.mir", f"// facts: inlined\n{TEXT}")
    assert FRONTEND.load(stated, LoadOptions(), Sink()).facts == {"inlined"}
    canonical = write(tmp_path / "m.mir", TEXT.replace("tf.", "ge."))
    assert "ge" in FRONTEND.load(canonical, LoadOptions(), Sink()).facts


def test_outputs_can_be_chosen(tmp_path: Path) -> None:
    model = FRONTEND.load(write(tmp_path / "m.mir"), LoadOptions(out_nodes="a:1;b"), Sink())
    assert [value.name for value in model.graph.outputs] == ["a:1", "b"]
    assert model.graph.output_names == ("a:1", "b:0")


def test_what_cannot_be_is_a_finding(tmp_path: Path) -> None:
    path = write(tmp_path / "m.mir")
    assert code(path, out_nodes="c:0") == "MC115"
    assert code(path, out_nodes="b:1") == "MC115"
    assert code(path, signature="serve") == "MC107"
    assert code(tmp_path / "absent.mir") == "MC101"
    (tmp_path / "bytes.mir").write_bytes(b"graph @m() {\xff}")
    assert code(tmp_path / "bytes.mir") == "MC411"
    assert code(write(tmp_path / "bad.mir", "graph")) == "MC411"
