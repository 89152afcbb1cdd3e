"""Preprocessing of images on the command line: recorded by `compile`, done by `run`, foreseen by the contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from modelc.cli.main import main

# The mean of each channel, of images of 4 by 4 pixels.
MODEL = """graph @main(%image: f32[1, 4, 4, 3]) {
  %axes = const dense<[1, 2]> : i32[2]
  %means = ge.ReduceMean(%image, %axes) {keep_dims = false} : f32[1, 3]
  return %means
}
"""
CONFIG = """
aipp_op {
  aipp_mode: static
  related_input_rank: 0
  input_format: RGB888_U8
  src_image_size_w: 8
  src_image_size_h: 6
  crop: true
  load_start_pos_w: 2
  load_start_pos_h: 1
  crop_size_w: 4
  crop_size_h: 4
  rbuv_swap_switch: true
  mean_chn_0: 10
  mean_chn_1: 20
  mean_chn_2: 30
  var_reci_chn_0: 0.5
  var_reci_chn_1: 0.25
  var_reci_chn_2: 0.125
}
"""


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NDArray[np.uint8]:
    monkeypatch.chdir(tmp_path)
    Path("model.mir").write_text(MODEL, "utf-8")
    Path("aipp.cfg").write_text(CONFIG, "utf-8")
    pixels = np.random.default_rng(0).integers(0, 256, (1, 6, 8, 3)).astype(np.uint8)
    np.savez("images.npz", image=pixels)
    return pixels


def by_hand(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The same in plain numpy, in the 16 bits that a chip gives."""
    cut = pixels[:, 1:5, 2:6, ::-1].astype(np.float64)
    return ((cut - [10, 20, 30]) * [0.5, 0.25, 0.125]).astype(np.float16).astype(np.float32)


def outputs(path: str) -> Any:
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}


@pytest.mark.parametrize("target", ["om", "air"])
def test_an_artifact_takes_images_and_computes_the_same(target: str, images: NDArray[np.uint8]) -> None:
    artifact = f"net.{target}"
    assert main(["compile", "model.mir", "-o", artifact, "--target", target, "--insert-op-conf", "aipp.cfg"]) == 0
    assert main(["run", artifact, "--inputs", "images.npz", "-o", "ours.npz"]) == 0
    np.savez("prepared.npz", image=by_hand(images))
    assert main(["run", "model.mir", "--inputs", "prepared.npz", "-o", "theirs.npz"]) == 0
    ours, theirs = outputs("ours.npz"), outputs("theirs.npz")
    np.testing.assert_allclose(ours["means"], theirs["means"], rtol=1e-6)
    assert np.ptp(ours["means"]) > 1, "channels differ, so that their order shows"


def test_a_source_runs_with_preprocessing_too(images: NDArray[np.uint8]) -> None:
    assert main(["run", "model.mir", "--inputs", "images.npz", "-o", "out.npz", "--insert-op-conf", "aipp.cfg"]) == 0
    np.testing.assert_allclose(outputs("out.npz")["means"], by_hand(images).mean((1, 2)), rtol=1e-6)


def test_what_is_recorded_is_what_the_graph_engine_records(
    images: NDArray[np.uint8], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["compile", "model.mir", "-o", "net.om", "--insert-op-conf", "aipp.cfg", "--io-contract", "c.json"]
    assert main(words) == 0
    capsys.readouterr()
    assert main(["inspect", "net.om", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["inputs"] == [{"name": "image", "dtype": "uint8", "shape": [1, 6, 8, 3]}]
    (aipp,) = [op for op in document["graph"][0]["op"] if op["type"] == "Aipp"]
    recorded = {pair["key"]: pair["value"] for pair in aipp["attr"]}
    config = json.loads(recorded["aipp_config_path"]["s"])
    assert (config["aipp_mode"], config["input_format"], config["crop_size_w"]) == ("static", "RGB888_U8", 4)
    (taken,) = json.loads(Path("c.json").read_text("utf-8"))["inputs"]
    assert (taken["ge_dtype"], taken["layout"], taken["nbytes"]) == ("DT_UINT8", "NHWC", 6 * 8 * 3)
    assert main(["inspect", "--check", "net.om"]) == 0


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("crop_size_w: 4", "crop_size_w: 5", "MC721"),
        ("related_input_rank: 0", "related_input_rank: 1", "MC721"),
        ("aipp_mode: static", "aipp_mode: dynamic max_src_image_size: 999", "MC723"),
        ("crop: true", "corp: true", "MC720"),
    ],
)
def test_what_does_not_fit_is_refused(
    old: str, new: str, code: str, images: NDArray[np.uint8], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("aipp.cfg").write_text(CONFIG.replace(old, new), "utf-8")
    assert main(["compile", "model.mir", "-o", "net.om", "--insert-op-conf", "aipp.cfg"]) == 1
    assert f"error[{code}]" in capsys.readouterr().err
    assert not Path("net.om").exists()
