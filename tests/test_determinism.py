"""The same model and the same options give the same bytes: in every process, from every folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

BUNDLED = Path(str(files("modelc.data").joinpath("digits")))


def compiled(folder: Path, seed: str, target: str) -> dict[str, Any]:
    """Compile a copy of the bundled model in a process of its own; returns the command's document."""
    shutil.copytree(BUNDLED, folder / "digits")
    words = ["compile", "digits", "--batch-size", "2", "--target", target, "-o", f"out.{target}", "--format", "json"]
    done = subprocess.run(
        [sys.executable, "-m", "modelc", *words],
        cwd=folder,
        env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.mark.parametrize("target", ["om", "air"])
def test_bytes_depend_on_the_model_only(tmp_path: Path, target: str) -> None:
    folders = [tmp_path / "here", tmp_path / "a much longer name" / "there"]
    first, second = (compiled(folder, str(seed), target) for seed, folder in enumerate(folders, 1))
    written = [(folder / f"out.{target}").read_bytes() for folder in folders]
    assert written[0] == written[1]
    assert str(tmp_path).encode() not in written[0]
    assert first["pipeline"] == second["pipeline"]
    assert [(each["name"], each["edits"]) for each in first["passes"]] == [
        (each["name"], each["edits"]) for each in second["passes"]
    ]
