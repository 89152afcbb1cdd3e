"""What `inspect` prints of models that are no artifacts."""

from __future__ import annotations

from importlib.resources import files

import pytest

from modelc.cli.main import main
from modelc.cli.outline import outline


def test_each_kind_of_content_has_its_form() -> None:
    text = outline(
        {
            "file": "a.pb",
            "nothing": "",
            "none": [],
            "count": 0,
            "inputs": [{"name": "image", "dtype": "float32", "shape": [1, None, "n"]}],
            "op_counts": {"tf.Relu": 12, "tf.Add": 3},
            "functions": ["f", "g"],
            "more": {"tags": ["a", "b"], "empty": {}, "inner": {"x": {"y": 1}}, "list": [{"z": True}, {"z": False}]},
        }
    )
    assert text.splitlines() == [
        *("file   a.pb", "count  0", ""),
        *("inputs", "  image  float32[1, ?, n]", ""),
        *("ops by kind", "  12  tf.Relu", "   3  tf.Add", ""),
        *("functions", "  f", "  g", ""),
        *("more", "  tags  a, b", "  inner", "    x", "      y  1", "  list", "    z  True", "    z  False"),
    ]


def test_signatures_are_a_tree(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(files("modelc.data").joinpath("digits"))]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("    serving_default")
    assert lines[start : start + 5] == [
        *("    serving_default", "      inputs", "        image  f32[?, 8, 8, 1]"),
        *("      outputs", "        probabilities  f32[?, 10]"),
    ]
    assert not any("__saved_model_init_op" in line or "{" in line for line in lines)
