"""What pages of HTML share: their style, and texts that may come from anywhere."""

from __future__ import annotations

from functools import cache
from html import escape
from importlib.resources import files

from modelc.diagnostics.renderers.words import safe


@cache
def resource(package: str, name: str) -> str:
    """Return the text of a file that belongs to a package."""
    return files(package).joinpath(name).read_text("utf-8")


def style() -> str:
    """Return the style that all pages have."""
    return resource("modelc.diagnostics.renderers", "report.css")


def escaped(text: str) -> str:
    """Return `text` as it can stand in a page."""
    return escape(safe(text))


def marked(text: str) -> str:
    """Return `text` as it can stand in a page, with what stands between backquotes as code."""
    pieces = escaped(text).split("`")
    if len(pieces) % 2 == 0:
        return escaped(text)
    return "".join(f"<code>{piece}</code>" if index % 2 else piece for index, piece in enumerate(pieces))
