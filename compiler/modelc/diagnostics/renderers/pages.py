"""What pages of HTML share: their frame and style, and texts that may come from anywhere."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from typing import Final

from modelc.diagnostics.renderers.words import safe
from modelc.version import __version__

_PACKAGE: Final = "modelc.diagnostics.renderers"


@cache
def resource(package: str, name: str) -> str:
    """Return the text of a file that belongs to a package."""
    return files(package).joinpath(name).read_text("utf-8")


def page(subject: str, verdict: str, counts: str, cards: Iterable[str], *, is_ok: bool, style: str = "") -> str:
    """Return a page that needs nothing else.

    Args:
        subject: The file that it is about.
        verdict: What came out, in a few words.
        counts: What there is, in a few more.
        cards: The parts of the page, as HTML; empty ones are left out.
        is_ok: Whether the verdict is a good one.
        style: Rules of this page, behind those that all pages have.
    """
    return Template(resource(_PACKAGE, "page.html")).substitute(
        title=escaped(f"modelc: {subject}"),
        style=f"{resource(_PACKAGE, 'page.css')}{style}",
        state="ok" if is_ok else "rejected",
        verdict=escaped(verdict),
        source=escaped(subject),
        counts=escaped(counts),
        cards="\n".join(filter(None, cards)),
        version=escaped(__version__),
    )


def escaped(text: str) -> str:
    """Return `text` as it can stand in a page."""
    return escape(safe(text))


def marked(text: str) -> str:
    """Return `text` as it can stand in a page, with what stands between backquotes as code."""
    pieces = escaped(text).split("`")
    if len(pieces) % 2 == 0:
        return escaped(text)
    return "".join(f"<code>{piece}</code>" if index % 2 else piece for index, piece in enumerate(pieces))
