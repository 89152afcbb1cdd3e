"""Every code has a page, and the example on the page gives that code."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelc.cli.main import main
from modelc.diagnostics.codes import CODES
from modelc.diagnostics.diagnostic import ModelcError, Sink
from modelc.diagnostics.explain import explanation, meaning, page
from modelc.pipeline import manager
from modelc.pipeline.facts import implied
from modelc.pipeline.passes import PassContext
from modelc.profiles import DEFAULT, profile
from modelc.text.reader import read_model

FENCE = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = re.compile(r"^run: (.*)$", re.MULTILINE)
NO_EXAMPLE = re.compile(r"^no example: \S.*$", re.MULTILINE)

# Codes that no small example can give; their pages say why.
WITHOUT_EXAMPLE = {
    *("MC305", "MC502", "MC503", "MC505", "MC506", "MC603", "MC604", "MC606", "MC607", "MC901"),
    *("MC702", "MC703", "MC704", "MC705", "MC706", "MC707", "MC708"),
}


# -- what a page may ask for before its command runs


def create_empty(folder: Path, name: str) -> None:
    (folder / name).touch()


def create_folder(folder: Path, name: str) -> None:
    (folder / name).mkdir()


def create_file(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"{text}\n", "utf-8")


def create_bytes(folder: Path, name: str, digits: str) -> None:
    (folder / name).write_bytes(bytes.fromhex(digits))


def create_copy(folder: Path, name: str) -> None:
    shutil.copytree(Path(str(files("modelc.data").joinpath("digits"))), folder / name)


def create_arrays(folder: Path, name: str, key: str, dtype: str, numbers: str) -> None:
    arrays: dict[str, Any] = {key: np.array(numbers.split(), dtype)}
    np.savez(folder / name, **arrays)


def remove(folder: Path, name: str) -> None:
    path = folder / name
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def cut(folder: Path, name: str, count: str) -> None:
    data = (folder / name).read_bytes()
    assert len(data) > int(count)
    (folder / name).write_bytes(data[: int(count)])


RECIPES: list[tuple[str, Callable[..., None]]] = [
    (r"create: empty file (\S+)", create_empty),
    (r"create: folder (\S+)", create_folder),
    (r"create: file (\S+) with (.+)", create_file),
    (r"create: bytes file (\S+) with ([0-9a-f ]+)", create_bytes),
    (r"create: copy of the bundled model as (\S+)", create_copy),
    (r"create: arrays (\S+) with (\w+): (\w+) ([0-9 ]+)", create_arrays),
    (r"remove: (\S+)", remove),
    (r"cut: (\S+) to (\d+) bytes", cut),
]


def follow(line: str, folder: Path) -> None:
    for pattern, recipe in RECIPES:
        match = re.fullmatch(pattern, line)
        if match:
            recipe(folder, *match.groups())
            return
    pytest.fail(f"no recipe for {line!r}", pytrace=False)


def prepare(text: str, folder: Path) -> None:
    for language, name, body in FENCE.findall(text):
        if name:
            (folder / name).write_text(body, "utf-8")
        elif language == "text":
            for line in body.splitlines():
                follow(line, folder)


# -- what comes out


def codes_of_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> set[str]:
    main(words)
    output = capsys.readouterr()
    assert "Traceback" not in output.err + output.out
    return set(re.findall(r"\[(MC\d{3})\]", output.err + output.out))


def codes_of_passes(pipeline: str, text: str) -> set[str]:
    sink = Sink()
    model = read_model(text)
    passes = manager.parse(pipeline)
    model.facts = implied(model).union(*(work.needs for work in passes))
    try:
        manager.run(model, passes, PassContext(sink, profile(DEFAULT)))
    except ModelcError as error:
        sink.extend(error.diagnostics)
    return {diagnostic.code for diagnostic in sink}


@pytest.mark.parametrize("code", sorted(CODES.keys() - WITHOUT_EXAMPLE))
def test_the_example_gives_the_code(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = page(code)
    (command,) = RUN.findall(text)
    monkeypatch.chdir(tmp_path)
    prepare(text, tmp_path)
    if command.startswith("modelc "):
        found = codes_of_command(shlex.split(command)[1:], capsys)
    else:
        (block,) = [body for language, _, body in FENCE.findall(text) if language == "mir"]
        found = codes_of_passes(command, block)
    assert code in found


@pytest.mark.parametrize("code", sorted(WITHOUT_EXAMPLE))
def test_a_page_without_example_says_why(code: str) -> None:
    assert NO_EXAMPLE.search(page(code))
    assert not RUN.search(page(code))


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_page_of_one_form(code: str) -> None:
    text = page(code)
    assert text.startswith(f"# {code}: {CODES[code].name}\n\n")
    titles = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert titles[-1] == "Example"
    assert "What to do" in titles
    assert meaning(code).endswith(".")
    assert len(meaning(code)) > 30
    assert max(map(len, re.sub(FENCE, "", text).splitlines())) <= 100 or "no example" in text


def test_there_is_no_page_without_a_code() -> None:
    folder = files("modelc.diagnostics").joinpath("explanations")
    assert {item.name for item in folder.iterdir()} == {f"{code}.md" for code in CODES}


@pytest.mark.parametrize("name", ["MC203", "mc203", "input-rank", "Input-Rank", " MC203 "])
def test_a_code_is_found_by_number_and_name(name: str) -> None:
    assert explanation(name).startswith("# MC203: input-rank")


@pytest.mark.parametrize(
    ("name", "hint"), [("inputrank", "MC203 input-rank"), ("MC2033", "MC203"), ("???", "modelc explain")]
)
def test_an_unknown_code_is_answered_with_near_ones(name: str, hint: str) -> None:
    with pytest.raises(ModelcError) as caught:
        explanation(name)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "MC413"
    assert hint in diagnostic.fixes[0].text
