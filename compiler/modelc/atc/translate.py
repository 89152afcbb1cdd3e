"""A command line of atc as one of modelc, with what becomes of each option."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from modelc.atc.options import AtcOption, bad_value, options, unknown_option
from modelc.atc.rules import FRAMEWORKS, PROFILES, Given, conflicts, profiles
from modelc.atc.words import CommandLine, read_command
from modelc.diagnostics.diagnostic import Diagnostic, Fix, Severity, finding
from modelc.frontends.load import FRONTENDS

RULES: Final = "cann-8"  # the rule profile of the tools that atc belongs to
_READERS: Final = {"0": "caffe", "5": "onnx"}
_SHOWN: Final = 4  # commands proposed for profiles of shapes
_UNDONE: Final = {"5": "turning text dumps of graphs into JSON", "30": "compiling for a chip of the small kind"}


@dataclass(frozen=True, slots=True)
class Meaning:
    """One option as it was given.

    Attributes:
        option: The option.
        value: Its value.
    """

    option: AtcOption
    value: str


@dataclass(slots=True)
class Translation:
    """What a command line of atc comes to.

    Attributes:
        meanings: Every known option that was given.
        words: The command of modelc, without its name; empty where there is none.
        document: The file that the JSON document of the command goes to, None where it is printed.
        findings: Everything that is wrong.
    """

    meanings: list[Meaning] = field(default_factory=list[Meaning])
    words: list[str] = field(default_factory=list[str])
    document: Path | None = None
    findings: list[Diagnostic] = field(default_factory=list[Diagnostic])

    @property
    def ok(self) -> bool:
        """Whether the command can be run."""
        return bool(self.words) and not any(d.severity is Severity.ERROR for d in self.findings)


def translate(words: Sequence[str], atc: str | None = None) -> Translation:
    """Return what a command line of atc comes to.

    Args:
        words: The command line, as words or as one text, with or without the name of the program.
        atc: The program that will build kernels, empty to look for it, None for no kernels.

    Raises:
        ModelcError: A quote is opened and never closed.
    """
    line = read_command(words)
    known = {name: value for name, value in line.options.items() if name in options()}
    result = Translation([Meaning(options()[name], value) for name, value in known.items()])
    result.findings = [*line.findings, *_unknown(line), *_values(result.meanings), *conflicts(known)]
    result.findings += [*_framework(known), *_dropped(known), *_missing(known, atc)]
    _command(result, known, atc)
    return result


# -- findings


def _unknown(line: CommandLine) -> Iterator[Diagnostic]:
    return (unknown_option(name) for name in line.options if name not in options())


def _values(meanings: Sequence[Meaning]) -> Iterator[Diagnostic]:
    for meaning in meanings:
        problem = bad_value(meaning.option, meaning.value)
        if problem is not None:
            yield problem


def _framework(given: Given) -> Iterator[Diagnostic]:
    number = given.get("framework", "")
    reader = _READERS.get(number)
    if reader is not None and reader not in FRONTENDS.names():
        yield finding(
            "MC713",
            f"`--framework={number}` is {FRAMEWORKS[number]}, a kind of source that is not read yet",
            fixes=[Fix("give a TensorFlow SavedModel or frozen graph, or an .air")],
        )
    mode = given.get("mode", "0")
    if mode in _UNDONE:
        yield finding("MC714", f"`--mode={mode}`, {_UNDONE[mode]}, is not done here", severity=Severity.ERROR)


def _dropped(given: Given) -> Iterator[Diagnostic]:
    for name, value in given.items():
        option = options()[name]
        if option.dropped:
            fixes = _one_each(given, name, value) if name in PROFILES else ()
            problem = f"`--{name}` asks for what is not done here: {option.note}"
            yield finding("MC714", problem, severity=Severity(option.dropped), fixes=fixes)


def _one_each(given: Given, name: str, value: str) -> Iterator[Fix]:
    """Yield one shape for each of the first profiles."""
    for numbers in profiles(name, value)[:_SHOWN]:
        shape = _filled(given.get("input_shape", ""), numbers)
        yield Fix(f"for profile {','.join(numbers)}, leave `--{name}` out", f'--input_shape="{shape}"')


def _filled(shapes: str, numbers: Sequence[str]) -> str:
    """Return shapes with numbers in place of -1: one after the other, over again where there are fewer."""
    count = iter(range(shapes.count("-1")))
    return re.sub(r"-1(?=\s*(?:[,;]|$))", lambda _: numbers[next(count, 0) % len(numbers)], shapes)


def _missing(given: Given, atc: str | None) -> Iterator[Diagnostic]:
    """What atc would insist on and modelc does without."""
    if given.get("mode", "0") not in ("0", "3"):
        return
    wanted = ["framework"] if given.get("mode", "0") == "3" else ["framework", "output"]
    if given.get("mode", "0") == "0" and atc is None:
        wanted.append("soc_version")
    for name in wanted:
        if name not in given:
            problem = f"`--{name}` is not given; atc needs it, modelc does without"
            yield finding("MC712", problem, severity=Severity.NOTE)


# -- the command


def _command(result: Translation, given: Given, atc: str | None) -> None:
    mode = given.get("mode", "0")
    source = given.get("model", "")
    if mode == "1":
        shown = given.get("om") or source
        result.words = ["inspect", shown, "--format", "json"] if shown else []
        result.document = Path(given["json"]) if given.get("json") else None
    elif mode == "6":
        result.words = ["inspect", given["om"]] if given.get("om") else []
    elif mode == "3" and source:
        result.words = ["check", source, *_compiling(given), "--format", "json"]
        result.document = Path(given.get("check_report") or options()["check_report"].default)
    elif mode == "0" and source:
        output = given.get("output", "")
        placed = ["-o", output if output.endswith(".om") else f"{output}.om"] if output else []
        result.words = ["compile", source, *placed, *_compiling(given), *_handed_on(given, atc)]


def _compiling(given: Given) -> list[str]:
    words = ["--profile", RULES]
    shapes = ";".join(filter(None, (given.get("input_shape", ""), _range(given.get("input_shape_range", "")))))
    for flag, value in (
        ("--input-shape", shapes),
        ("--out-nodes", given.get("out_nodes", "")),
        ("--insert-op-conf", given.get("insert_op_conf", "")),
    ):
        words += [flag, value] if value else []
    return words


def _range(text: str) -> str:
    """Return `name:[1~8,3]` without the brackets, as `--input_shape` takes it."""
    return re.sub(r"[\[\]]", "", text)


def _handed_on(given: Given, atc: str | None) -> list[str]:
    if atc is None:
        return []
    words = [f"--atc={atc}"] if atc else ["--atc"]
    if "soc_version" in given:
        words += ["--soc-version", given["soc_version"]]
    for name, value in given.items():
        if options()[name].handed_on and name != "soc_version":
            words += ["--atc-option", f"{name}={value}"]
    return words
