"""Findings as text, in one of several styles."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from modelc.diagnostics.diagnostic import Diagnostic
from modelc.diagnostics.renderers.concise import render_concise
from modelc.diagnostics.renderers.document import render_json
from modelc.diagnostics.renderers.github import render_github
from modelc.diagnostics.renderers.html import render_html
from modelc.diagnostics.renderers.sarif import render_sarif
from modelc.diagnostics.renderers.text import render_text

Renderer = Callable[[Sequence[Diagnostic], Sequence[Diagnostic], str, bool], str]

STYLES: dict[str, Renderer] = {
    "text": render_text,
    "concise": render_concise,
    "json": render_json,
    "sarif": render_sarif,
    "github": render_github,
    "html": render_html,
}


def render(
    style: str, findings: Sequence[Diagnostic], consequences: Sequence[Diagnostic], source: str, color: bool
) -> str:
    """Return findings in one of the styles, empty where there is nothing to say.

    Args:
        style: One of `STYLES`.
        findings: What to show, in this order.
        consequences: Findings that only follow from those; they are counted, not shown.
        source: What the user compiled.
        color: Whether the text goes to a terminal that shows colours; lines are then wrapped to its width.
    """
    return STYLES[style](findings, consequences, source, color)
