"""Whether a preprocessing fits the inputs of a model, and the pass that puts it into the graph."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from modelc.aipp.config import parse_config
from modelc.aipp.emulate import preprocess
from modelc.aipp.fit import fit
from modelc.cli.main import main
from modelc.diagnostics.diagnostic import Diagnostic, ModelcError, Sink
from modelc.dialects.lookup import op_def
from modelc.driver import Settings, compile_model
from modelc.execute.arrays import read_arrays, write_arrays
from modelc.execute.evaluator import evaluate
from modelc.execute.preprocessing import preprocessed
from modelc.frontends.frontend import LoadOptions
from modelc.frontends.load import load
from modelc.ir.model import Model
from modelc.ir.verify import Level, verify
from modelc.pipeline.facts import implied
from modelc.pipeline.passes import PassContext
from modelc.text.reader import read_model
from modelc_passes.insert_aipp import InsertAipp

DIGITS = Path(str(files("modelc.data").joinpath("digits")))
RGB = "input_format: RGB888_U8"
NV12 = "input_format: YUV420SP_U8"
NHWC = "graph @main(%x: f32[2, 8, 6, 3]) {\n  %y = ge.Relu(%x) : f32[2, 8, 6, 3]\n  return %y\n}\n"


def model(text: str) -> Model:
    found = read_model(text)
    found.facts = implied(found)
    return found


def config(*settings: str) -> str:
    return "\n".join(f"aipp_op {{ aipp_mode: static {each} }}" for each in settings)


def refused(text: str, graph: str, *, on_device: bool = False) -> list[Diagnostic]:
    with pytest.raises(ModelcError) as caught:
        fit(parse_config(text), model(graph).graph, on_device=on_device)
    return list(caught.value.diagnostics)


def inserted(tmp_path: Path, text: str, graph: str) -> tuple[Model, Sink]:
    path = tmp_path / "aipp.cfg"
    path.write_text(text, "utf-8")
    found, context = model(graph), PassContext()
    InsertAipp(str(path)).run(found, context)
    return found, context.sink


# -- what fits


@pytest.mark.parametrize(
    ("settings", "images"),
    [
        (RGB, "u8[2, 8, 6, 3]"),
        (NV12, "u8[2, 12, 6, 1]"),
        (f"{RGB} src_image_size_h: 8 src_image_size_w: 6", "u8[2, 8, 6, 3]"),
        (f"{RGB} padding: true top_padding_size: 1 left_padding_size: 2", "u8[2, 7, 4, 3]"),
        (
            f"{RGB} src_image_size_h: 20 src_image_size_w: 30 crop: true crop_size_h: 8 crop_size_w: 6",
            "u8[2, 20, 30, 3]",
        ),
        ("input_format: XRGB8888_U8 ax_swap_switch: true", "u8[2, 8, 6, 4]"),
    ],
)
def test_images_take_the_place_of_the_input(settings: str, images: str, tmp_path: Path) -> None:
    found, sink = inserted(tmp_path, config(settings), NHWC)
    assert not sink.errors
    assert [str(value.type) for value in found.graph.inputs] == [images]
    assert [op.kind for op in found.graph] == ["input", "ge.Aipp", "ge.Cast", "ge.Relu", "return"]
    assert str(found.graph.outputs[0].type) == "f32[2, 8, 6, 3]"
    assert not verify(found.graph, Level.TYPES, op_def)


def test_bytes_and_halves_need_no_cast(tmp_path: Path) -> None:
    for element in ("u8", "f16"):
        found, _ = inserted(tmp_path, config(RGB), NHWC.replace("f32", element))
        assert [op.kind for op in found.graph] == ["input", "ge.Aipp", "ge.Relu", "return"]


def test_the_input_is_named_or_counted(tmp_path: Path) -> None:
    text = "graph @main(%a: f32[4], %b: f32[1, 8, 6, 3]) {\n  return %a, %b\n}\n"
    for which in ('related_input_name: "b"', 'related_input_name: "b:0"', "related_input_rank: 1"):
        found, sink = inserted(tmp_path, config(f"{RGB} {which}"), text)
        assert not sink.errors
        assert [str(value.type) for value in found.graph.inputs] == ["f32[4]", "u8[1, 8, 6, 3]"]


def test_evaluation_is_preprocessing_and_model(tmp_path: Path) -> None:
    text = config(f"{RGB} rbuv_swap_switch: true mean_chn_0: 100 var_reci_chn_1: 0.5")
    images = np.random.default_rng(1).integers(0, 256, (2, 3, 8, 6)).astype(np.uint8)
    found, _ = inserted(tmp_path, text, NHWC.replace("2, 8, 6, 3", "2, 3, 8, 6"))
    (result,) = evaluate(found.graph, {"x": images}).values()
    numbers = preprocess(parse_config(text)[0], images, 3, True, np.float16).astype(np.float32)
    assert np.array_equal(result, np.maximum(numbers, 0))
    assert np.array_equal(preprocessed(found.graph, {"x": images})["x"], numbers)


def test_a_resize_is_said_to_be_approximate(tmp_path: Path) -> None:
    settings = f"{RGB} src_image_size_h: 4 src_image_size_w: 4 resize: true resize_output_h: 8 resize_output_w: 6"
    _, sink = inserted(tmp_path, config(settings), NHWC)
    assert [d.code for d in sink] == ["MC722"]


def test_without_a_file_nothing_is_done() -> None:
    found = model(NHWC)
    before = found.edits
    InsertAipp().run(found, PassContext())
    assert found.edits == before


# -- what does not


@pytest.mark.parametrize(
    ("settings", "graph", "text"),
    [
        (f"{RGB} related_input_rank: 1", NHWC, "the model has 1 inputs"),
        (f'{RGB} related_input_name: "z"', NHWC, "no input `z`"),
        (RGB, NHWC.replace("2, 8, 6, 3", "n, 8, 6, 3"), "of known size"),
        (RGB, NHWC.replace("2, 8, 6, 3", "8, 6, 3"), "of known size"),
        (RGB, NHWC.replace("f32", "i32"), "takes int32"),
        (f"{RGB} mean_chn_0: 1", NHWC.replace("f32", "u8"), "would turn into float16"),
        (RGB, NHWC.replace("6, 3", "6, 4"), "gives images of 3 channels"),
        ("input_format: XRGB8888_U8", NHWC, "gives images of 4 channels"),
        (f"{RGB} src_image_size_h: 9 src_image_size_w: 6", NHWC, "come out as 9x6, the model takes 8x6"),
        (f"{RGB} crop: true crop_size_h: 8 crop_size_w: 6", NHWC, "own size must be given"),
        (
            f"{RGB} src_image_size_h: 9 src_image_size_w: 6 crop: true load_start_pos_h: 2 crop_size_h: 8 "
            "crop_size_w: 6",
            NHWC,
            "smaller than what is cropped",
        ),
        (NV12, NHWC.replace("8, 6", "7, 6"), "even size"),
        (f"{RGB} padding: true top_padding_size: 8", NHWC, "come out as"),
    ],
)
def test_misfits(settings: str, graph: str, text: str) -> None:
    (found,) = refused(config(settings), graph)
    assert found.code == "MC721"
    assert text in found.message


def test_one_input_is_preprocessed_once() -> None:
    (found,) = refused(config(RGB, RGB), NHWC)
    assert (found.code, "twice" in found.message) == ("MC721", True)


@pytest.mark.parametrize(
    "text",
    [
        "aipp_op { aipp_mode: dynamic max_src_image_size: 1000 }",
        config("input_format: RAW16"),
        config(f"{RGB} single_line_mode: true"),
    ],
)
def test_what_only_a_device_does(text: str) -> None:
    (found,) = refused(text, NHWC)
    assert found.code == "MC723"


def test_a_device_takes_parameters_at_run_time() -> None:
    (dynamic,) = parse_config("aipp_op { aipp_mode: dynamic max_src_image_size: 1000 }")
    assert fit([dynamic], model(NHWC).graph, on_device=True) == ([], [])
    (found,) = refused(
        "aipp_op { aipp_mode: dynamic max_src_image_size: 1000 related_input_rank: 3 }", NHWC, on_device=True
    )
    assert found.code == "MC721"


# -- from source to artifact

GREY = config("input_format: YUV400_U8 src_image_size_h: 8 src_image_size_w: 8 var_reci_chn_0: 0.0625")


@pytest.mark.parametrize("target", ["om", "air"])
def test_an_artifact_holds_its_preprocessing(target: str, tmp_path: Path) -> None:
    (tmp_path / "a.cfg").write_text(GREY, "utf-8")
    output = tmp_path / f"out.{target}"
    settings = Settings(target=target, batch_size=1, insert_op_conf=tmp_path / "a.cfg")
    compile_model(DIGITS, output, settings).require()
    compile_model(DIGITS, tmp_path / "plain.om", Settings(batch_size=1)).require()
    image = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 1)).astype(np.uint8)
    graph = load(output, LoadOptions(), Sink()).graph
    plain = load(tmp_path / "plain.om", LoadOptions(), Sink()).graph
    expected = evaluate(plain, {"image": (image / np.float32(16)).astype(np.float32)})["probabilities"]
    assert np.array_equal(evaluate(graph, {"image": image})["probabilities"], expected)
    assert np.array_equal(preprocessed(graph, {"image": image})["image"], image / np.float32(16))


def test_a_source_is_run_with_preprocessing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.cfg").write_text(GREY, "utf-8")
    image = np.full((1, 8, 8, 1), 128, np.uint8)
    write_arrays(tmp_path / "image.npz", {"image": image})
    write_arrays(tmp_path / "numbers.npz", {"image": np.full((1, 8, 8, 1), 8, np.float32)})
    common = ["run", str(DIGITS), "--batch-size", "1"]
    images = ["--insert-op-conf", str(tmp_path / "a.cfg"), "--inputs", str(tmp_path / "image.npz")]
    assert main([*common, *images, "-o", str(tmp_path / "a.npz")]) == 0
    assert main([*common, "--inputs", str(tmp_path / "numbers.npz"), "-o", str(tmp_path / "b.npz")]) == 0
    first, second = (read_arrays(tmp_path / name)["probabilities"] for name in ("a.npz", "b.npz"))
    assert np.array_equal(first, second)


def test_a_description_that_does_not_fit_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.cfg").write_text(config(RGB), "utf-8")
    output = tmp_path / "out.om"
    words = ["compile", str(DIGITS), "--batch-size", "1", "-o", str(output)]
    assert main([*words, "--insert-op-conf", str(tmp_path / "a.cfg")]) == 1
    assert "error[MC721]" in capsys.readouterr().err
    assert not output.exists()
