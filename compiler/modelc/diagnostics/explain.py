"""Explanations: one page for every code, with an example that a test runs."""

from __future__ import annotations

from difflib import get_close_matches
from importlib.resources import files

from modelc.diagnostics.codes import CODES
from modelc.diagnostics.diagnostic import Fix, fail


def explanation(code_or_name: str) -> str:
    """Return the page about a code or name, as `code_of` takes them."""
    return page(code_of(code_or_name))


def code_of(code_or_name: str) -> str:
    """Return a code given as `MC203` or as its name `input-rank`, in either case.

    Raises:
        ModelcError: There is no such code; the finding names the nearest ones.
    """
    wanted = code_or_name.strip()
    names = {entry.name: code for code, entry in CODES.items()}
    code = wanted.upper() if wanted.upper() in CODES else names.get(wanted.lower())
    if code is None:
        raise fail("MC413", f"there is no finding called `{wanted}`", fixes=[_nearest(wanted, names)])
    return code


def page(code: str) -> str:
    """Return the page about `code`, which exists."""
    return files("modelc.diagnostics").joinpath(f"explanations/{code}.md").read_text("utf-8").rstrip()


def meaning(code: str) -> str:
    """Return the first paragraph of the page about `code`: what it means, on one line."""
    paragraphs = page(code).split("\n\n")
    return " ".join(paragraphs[1].split())


def _nearest(wanted: str, names: dict[str, str]) -> Fix:
    near = get_close_matches(wanted.lower(), list(names), 3, 0.5) or get_close_matches(
        wanted.upper(), list(CODES), 3, 0.5
    )
    shown = [f"{names[name]} {name}" if name in names else f"{name} {CODES[name].name}" for name in near]
    return Fix(f"did you mean {' or '.join(shown)}?" if shown else "list them all: modelc explain")
