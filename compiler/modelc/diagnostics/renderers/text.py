"""Findings for people at a terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Sequence

from modelc.diagnostics.diagnostic import Diagnostic, Fix, Severity
from modelc.diagnostics.renderers.words import closing, lines, made_of, place, safe

_COLORS = {Severity.ERROR: "1;31", Severity.WARNING: "1;33", Severity.NOTE: "1;36"}
_BAR, _BOLD, _FLAG = "34", "1", "32"
_NARROWEST = 40


def render_text(findings: Sequence[Diagnostic], consequences: Sequence[Diagnostic], source: str, color: bool) -> str:
    """Return every finding with its evidence and ways out, and a closing line.

    With `color`, which stands for a terminal, lines are also wrapped to its width.
    """
    if not findings:
        return ""
    page = _Page(source, color)
    blocks = ["\n".join(page.block(diagnostic)) for diagnostic in findings]
    codes = sorted({diagnostic.code for diagnostic in findings})
    more = f"`modelc explain {codes[0]}` tells more"
    if codes[1:]:
        more = f"`modelc explain CODE` tells more about {', '.join(codes)}"
    return "\n\n".join(
        [*blocks, "\n".join([*page.wrapped("", closing(findings, consequences)), *page.wrapped("", more)])]
    )


class _Page:
    """How one report is laid out."""

    def __init__(self, source: str, color: bool) -> None:
        self._source = source
        self._color = color
        self._width = max(_NARROWEST, shutil.get_terminal_size().columns) if color else 0

    def block(self, diagnostic: Diagnostic) -> Iterator[str]:
        """Yield the lines of one finding."""
        yield from self._head(diagnostic)
        where = place(diagnostic, self._source)
        if where:
            yield from self._after(" --> ", where)
        evidence = [(safe(what), value) for what, value in diagnostic.evidence if value]
        if evidence:
            yield self._paint("  |", _BAR)
            label = max(len(what) for what, _ in evidence) + 2
            for what, value in evidence:
                yield from self._exhibit(f"{what}:".ljust(label), value)
            yield self._paint("  |", _BAR)
        for note in self._notes(diagnostic):
            yield from self._after("  = note: ", note)
        for fix in diagnostic.fixes:
            yield from self._after("  = help: ", safe(fix.text) + self._flag(fix))

    def wrapped(self, prefix: str, text: str, following: str | None = None) -> list[str]:
        """Return `text` behind `prefix`, wrapped where there is a width; `following` leads the other lines."""
        if not self._width:
            return [prefix + text]
        following = " " * len(prefix) if following is None else following
        room = max(_NARROWEST // 2, self._width - len(prefix))
        parts = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
        return [prefix + parts[0], *(following + part for part in parts[1:])]

    def _head(self, diagnostic: Diagnostic) -> Iterator[str]:
        title = f"{diagnostic.severity.value}[{diagnostic.code}]"
        first, *others = self.wrapped(f"{title}: ", safe(diagnostic.message), "  ")
        yield self._paint(title, _COLORS[diagnostic.severity]) + self._paint(first[len(title) :], _BOLD)
        yield from (self._paint(line, _BOLD) for line in others)

    def _after(self, mark: str, text: str) -> Iterator[str]:
        first, *others = self.wrapped(mark, text)
        yield self._paint(mark, _BAR) + self._painted_flag(first[len(mark) :])
        yield from (self._painted_flag(line) for line in others)

    def _exhibit(self, label: str, value: str) -> Iterator[str]:
        bar = self._paint("  | ", _BAR)
        for index, line in enumerate(lines(value)):
            for text in self.wrapped("    " + (label if index == 0 else " " * len(label)), line):
                yield bar + text[4:].rstrip()

    def _notes(self, diagnostic: Diagnostic) -> Iterator[str]:
        parts = made_of(diagnostic)
        if parts:
            yield f"it stands for {safe(parts)}"
        yield from map(safe, diagnostic.notes)
        if diagnostic.accepted_by:
            yield f"accepted under {', '.join(diagnostic.accepted_by)}"

    def _flag(self, fix: Fix) -> str:
        return f": {safe(fix.flag)}" if fix.flag else ""

    def _painted_flag(self, line: str) -> str:
        text, colon, flag = line.partition(": --")
        return f"{text}: {self._paint(f'--{flag}', _FLAG)}" if colon and self._color else line

    def _paint(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self._color and text else text
