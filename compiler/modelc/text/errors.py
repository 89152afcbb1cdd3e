"""From places in a text to findings that point at them; what lark raises never gets past this module."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from modelc.diagnostics.diagnostic import Diagnostic, finding

if TYPE_CHECKING:
    from lark import Lark
    from lark.exceptions import UnexpectedInput

WIDTH = 100  # characters of a line that an excerpt shows
SHOWN = 12  # expected things that are listed


def excerpt(text: str, offset: int, length: int = 1) -> str:
    """Return the line of `text` that holds `offset`, and carets under `length` characters of it."""
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    end = len(text) if end < 0 else end
    left = max(start, min(offset - WIDTH // 2, end - WIDTH))
    line = text[left : min(end, left + WIDTH)].replace("\t", " ").rstrip("\r")
    return f"{line}\n{' ' * (offset - left)}{'^' * max(1, min(length, left + len(line) - offset))}"


def position(text: str, offset: int) -> tuple[int, int]:
    """Return line and column, both from 1, of `offset`."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def text_finding(
    code: str, text: str, offset: int, problem: str, *, length: int = 1, file: str = "", notes: Iterable[str] = ()
) -> Diagnostic:
    """Return a finding about one place of a text, with an excerpt as its evidence; in a file, with line and column."""
    if file:
        line, column = position(text, offset)
        problem = f"{line}:{column}: {problem}"
    return finding(code, problem, file=file, evidence=[("text", excerpt(text, offset, length))], notes=notes)


def syntax_finding(
    code: str, text: str, error: UnexpectedInput, parser: Lark, english: Mapping[str, str], *, file: str = ""
) -> Diagnostic:
    """Return the finding for a syntax error, with the expected terminals under their English names."""
    token = getattr(error, "token", None)
    at_end = token is not None and token.type == "$END"
    offset = len(text.rstrip()) if at_end else error.pos_in_stream or 0
    expected: Iterable[str] = getattr(error, "expected", None) or getattr(error, "allowed", None) or ()
    found = "the end" if at_end else f"`{_shown(str(token) if token is not None else text[offset : offset + 1])}`"
    names = sorted({_english(name, parser, english) for name in expected})
    wanted = f"expected {_either(names)}, " if names else ""
    length = 1 if at_end or token is None else len(token)
    return text_finding(code, text, offset, f"{wanted}found {found}", length=length, file=file)


def _shown(text: str) -> str:
    line = text.partition("\n")[0]
    return line if len(line) <= 40 else f"{line[:37]}..."


def _english(name: str, parser: Lark, english: Mapping[str, str]) -> str:
    if name in english:
        return english[name]
    if name == "$END":
        return "the end"
    return f"`{parser.get_terminal(name).pattern.value}`"


def _either(names: list[str]) -> str:
    if len(names) > SHOWN:
        names = [*names[:SHOWN], "something else"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
