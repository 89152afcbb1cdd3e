"""The guide for pass authors: what it shows is what happens."""

from __future__ import annotations

import re
import shlex
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from modelc.cli.main import main

GUIDE = (Path(__file__).parents[1] / "docs" / "debugging.md").read_text("utf-8")
FENCE = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def pattern(line: str) -> str:
    """Return what matches a line of the guide: `...` stands for anything, a decimal number for any."""
    text = re.escape(" ".join(line.split())).replace(r"\.\.\.", ".*")
    return re.sub(r"(?<!\w)\d+\\\.\d+(?!\w)", r"[\\d.]+", text)


def test_the_guide_shows_what_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    shutil.copytree(Path(str(files("modelc.data").joinpath("digits"))), "digits")
    blocks = FENCE.findall(GUIDE)
    for name, text in [(name, text) for language, name, text in blocks if language == "python"]:
        Path(name).write_text(text, "utf-8")
    for text in [text for language, _, text in blocks if language == "console"]:
        command, *shown = text.splitlines()
        main(shlex.split(command.removeprefix("$ modelc ")))
        output = capsys.readouterr()
        said = [" ".join(line.split()) for line in (output.err + output.out).splitlines()]
        for line in shown:
            assert any(re.fullmatch(pattern(line), each) for each in said), line
    for name, text in [(name, text) for language, name, text in blocks if language == "mir"]:
        assert text in Path(name).read_text("utf-8")
