"""An artifact that preprocesses images is compared with its source: it gets images, TensorFlow what comes of them."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelc.cli.main import main

pytest.importorskip("tensorflow")
DIGITS = str(files("modelc.data").joinpath("digits"))
CONFIG = """
aipp_op {
  aipp_mode: static
  input_format: YUV400_U8
  src_image_size_w: 8
  src_image_size_h: 8
  mean_chn_0: 3
  var_reci_chn_0: 0.0625
}
"""


@pytest.fixture
def artifact(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    (tmp_path / "aipp.cfg").write_text(CONFIG, "utf-8")
    path = tmp_path / "digits.om"
    words = ["compile", DIGITS, "--batch-size", "1", "-o", str(path), "--insert-op-conf", str(tmp_path / "aipp.cfg")]
    assert main(words) == 0
    capsys.readouterr()
    return path


def verify(artifact: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, Any]:
    code = main(["verify", DIGITS, str(artifact), "--format", "json", *options])
    return code, json.loads(capsys.readouterr().out)


def test_generated_images_are_preprocessed_for_the_source(artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document = verify(artifact, capsys)
    assert (code, document["equal"]) == (0, True)


def test_given_images_are_preprocessed_for_the_source(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", str(artifact), "--format", "json"]) == 0
    (taken,) = json.loads(capsys.readouterr().out)["inputs"]
    images: dict[str, Any] = {taken["name"]: np.random.default_rng(0).integers(0, 17, taken["shape"]).astype(np.uint8)}
    np.savez(tmp_path / "images.npz", **images)
    code, document = verify(artifact, capsys, "--inputs", str(tmp_path / "images.npz"))
    assert (code, document["equal"]) == (0, True)
