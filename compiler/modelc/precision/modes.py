"""The precision modes of atc, and which ops of the target they concern. Data, not code: `data/precision.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

from modelc.diagnostics.diagnostic import Fix, fail
from modelc.ir.types import ELEMENTS, F16, Element

LOW, OPERANDS, WIDE, ORIGIN, LISTED = "low", "operands", "wide", "origin", "listed"
WHITE, BLACK = "white", "black"


@dataclass(frozen=True, slots=True)
class Mode:
    """One precision mode.

    Attributes:
        name: `force_fp16`.
        title: What it does, one line.
        low: The type that float32 is narrowed to.
        matrix: What becomes of ops that multiply matrices: one of the words that the data file explains.
        other: What becomes of all others.
        synonyms: Other names for it.
    """

    name: str
    title: str
    low: Element = F16
    matrix: str = ORIGIN
    other: str = ORIGIN
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpLists:
    """Which ops the modes speak of, by their type without the dialect.

    Attributes:
        matrix: Those that multiply matrices.
        white: Those that mixed precision narrows.
        black: Those that it leaves alone.
        becomes: What the Graph Engine turns an op into before kernels are chosen.
    """

    matrix: frozenset[str] = field(default_factory=frozenset[str])
    white: frozenset[str] = field(default_factory=frozenset[str])
    black: frozenset[str] = field(default_factory=frozenset[str])
    becomes: Mapping[str, str] = field(default_factory=dict[str, str])

    def color(self, name: str) -> str:
        """Return `white` or `black`, empty for an op on neither list; a form with attributes counts as its op."""
        for color, listed in ((WHITE, self.white), (BLACK, self.black)):
            if name in listed or f"{name}D" in listed:
                return color
        return ""


@cache
def modes() -> dict[str, Mode]:
    """Return the modes by name."""
    return {name: _mode(name, entry) for name, entry in _data()["modes"].items()}


def mode(name: str) -> Mode:
    """Return the mode called `name`, also by a name that it has in another option of atc.

    Raises:
        ModelcError: There is none.
    """
    for known in modes().values():
        if name == known.name or name in known.synonyms:
            return known
    listed = [*modes(), *(synonym for known in modes().values() for synonym in known.synonyms)]
    near = get_close_matches(name, listed, 1)
    hint = f"did you mean `{near[0]}`?" if near else f"choose one of {', '.join(modes())}"
    raise fail("MC406", f"there is no precision mode `{name}` that can be emulated", fixes=[Fix(hint)])


@cache
def op_lists(chip: str = "") -> OpLists:
    """Return the lists of the chip called `chip`; without one an op is white where any chip has it white."""
    found: dict[str, set[str]] = {WHITE: set(), BLACK: set()}
    for entry in _data()["lists"]:
        if not chip or chip in entry["chips"]:
            found[entry["color"]].update(entry["ops"])
    matrix = frozenset(_data()["matrix"]["ops"])
    return OpLists(matrix, frozenset(found[WHITE]), frozenset(found[BLACK] - found[WHITE]), _data()["becomes"])


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(files("modelc.data").joinpath("precision.toml").read_text("utf-8"))


def _mode(name: str, entry: dict[str, Any]) -> Mode:
    return Mode(
        name, entry["title"], ELEMENTS[entry["to"]], entry["matrix"], entry["other"], tuple(entry.get("names", ()))
    )
