"""A pasted command line as options: what a shell makes of it, and where quoting went wrong."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from modelc.diagnostics.diagnostic import Diagnostic, Fix, Severity, fail, finding

_CONTINUED = re.compile(r"\\\r?\n")
_BROKEN_CONTINUED = re.compile(r"\\[ \t]+\r?\n")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_OPTION = re.compile(r"--?(?P<name>[A-Za-z][\w-]*)(?:(?P<equals>=)(?P<value>.*))?", re.DOTALL)
_QUOTED = re.compile(r"""\\.|"(?:\\.|[^"\\])*"|'[^']*'""", re.DOTALL)
_ENDS = frozenset({"&&", "||", "|", "&", ">", ">>", "2>", "2>&1", "&>", "<"})
_TYPESET = {"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2018": "'", "\u2019": "'", "\u00a0": " ", "\u3000": " "}
_DASHES = {"\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "--", "\u2014": "--", "\u2212": "-"}
_LEADING = re.compile(f"(?<!\\S)[-{''.join(_DASHES)}]+(?=[A-Za-z])")


@dataclass(slots=True)
class CommandLine:
    """The options of a command line.

    Attributes:
        options: Value by name, in order; of an option given twice the last one.
        stray: Words that belong to no option.
        findings: What was wrong with the writing of it.
    """

    options: dict[str, str] = field(default_factory=dict[str, str])
    stray: list[str] = field(default_factory=list[str])
    findings: list[Diagnostic] = field(default_factory=list[Diagnostic])


def read_command(words: Sequence[str]) -> CommandLine:
    """Return the options of a command line, given as words or as one text that holds all of it.

    Raises:
        ModelcError: A quote is opened and never closed.
    """
    line = CommandLine()
    if len(words) == 1 and re.search(r"\s", words[0]):
        words = _split(words[0], line)
    words = [_straightened(word, line) for word in words]
    _take(_without_program(words), line)
    return line


def _split(text: str, line: CommandLine) -> list[str]:
    straight = _straightened(text, line)
    if _BROKEN_CONTINUED.search(straight):
        _report(line, "a blank stands behind a backslash at the end of a line, so the shell ends the command there")
    straight = _CONTINUED.sub(" ", _BROKEN_CONTINUED.sub(" ", straight))
    try:
        words = shlex.split(straight)
    except ValueError as error:
        raise fail(
            "MC715",
            f"the command line does not end where it should: {str(error).lower()}",
            evidence=[("line", _short(text))],
            fixes=[Fix("close every quote")],
        ) from None
    _check_semicolons(straight, line)
    end = next((index for index, word in enumerate(words) if word in _ENDS), len(words))
    return words[:end]


def _straightened(text: str, line: CommandLine) -> str:
    """Return `text` with the quotes and dashes a keyboard has."""
    straight = "".join(_TYPESET.get(char, char) for char in text)
    straight = _LEADING.sub(lambda match: _dashes(match[0]), straight)
    if straight != text:
        _report(line, "typographic quotes or dashes stand in the line, as word processors put them", _short(text))
    return straight


def _dashes(found: str) -> str:
    plain = "".join(_DASHES.get(char, char) for char in found)
    return found if plain == found else plain[:2]


def _check_semicolons(text: str, line: CommandLine) -> None:
    """Report a semicolon outside of quotes: the shell ends the command there."""
    bare = _QUOTED.sub(lambda match: "." * len(match[0]), text)
    at = bare.find(";")
    if at >= 0:
        shown = f"{_short(text[:at])[-60:]} | {_short(text[at:])[:60]}"
        _report(line, "a `;` outside of quotes ends the command in a shell", shown)


def _without_program(words: Sequence[str]) -> list[str]:
    """Return `words` without settings of the environment and the name of the program."""
    rest = list(words)
    while rest and _ASSIGNMENT.fullmatch(rest[0]) and not rest[0].startswith("-"):
        del rest[0]
    if rest and rest[0].rsplit("/", 1)[-1] in ("atc", "atc.bin"):
        del rest[0]
    return rest


def _take(words: Sequence[str], line: CommandLine) -> None:
    pending = list(reversed(words))
    while pending:
        word = pending.pop()
        match = _OPTION.fullmatch(word)
        if match is None:
            line.stray.append(word)
            _report(line, f"`{word}` belongs to no option", severity=Severity.ERROR)
            continue
        name, value = match["name"], match["value"]
        following = pending[-1] if pending else ""
        if not value and following and not _OPTION.fullmatch(following):
            pending.pop()
            if match["equals"] or following.startswith("="):
                shown = f"{word} | {following}"
                _report(line, f"a blank stands beside the `=` of `--{name}`, which splits it in two words", shown)
            value = following.removeprefix("=")
        _put(line, name, value or "")


def _put(line: CommandLine, name: str, value: str) -> None:
    if name in line.options and line.options[name] != value:
        _report(line, f"`--{name}` is given twice, as `{line.options[name]}` and as `{value}`; the last one counts")
    line.options[name] = value


def _report(line: CommandLine, problem: str, shown: str = "", severity: Severity | None = None) -> None:
    evidence = [("the shell sees", shown)] if shown else []
    fixes = [Fix('write options as `--name="value"`, with straight quotes and no blank beside the `=`')]
    line.findings.append(finding("MC715", problem, severity=severity, evidence=evidence, fixes=fixes))


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 120 else f"{flat[:117]}..."
