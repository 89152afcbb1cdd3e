"""The options of atc as data: what each is for, and what becomes of it here."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Final

from modelc.diagnostics.diagnostic import Diagnostic, Fix, finding

DOES, RECORDS, NEEDS_CANN, OBSOLETE = "does", "records", "needs CANN", "obsolete"
STANCES: Final = (DOES, RECORDS, NEEDS_CANN, OBSOLETE)


@dataclass(frozen=True, slots=True)
class AtcOption:
    """One option of atc.

    Attributes:
        name: Its name, `input_shape`.
        stance: What becomes of it: one of STANCES.
        note: Why, or how, in a clause.
        values: What it may be set to, empty where that is not known.
        default: What atc takes when it is absent, empty where that is not known.
        is_path: Whether its value names a file or a folder.
        handed_on: Whether atc is given it for an `.air` that modelc made.
        dropped: Severity of what is reported because nothing here does what it asks for, empty where nothing is.
    """

    name: str
    stance: str
    note: str
    values: tuple[str, ...] = ()
    default: str = ""
    is_path: bool = False
    handed_on: bool = False
    dropped: str = ""


@cache
def options() -> dict[str, AtcOption]:
    """Return every option by name, from the data file `data/atc_options.toml`."""
    table = tomllib.loads(files("modelc.data").joinpath("atc_options.toml").read_text("utf-8"))
    return {name: _option(name, entry) for name, entry in table.items()}


def _option(name: str, entry: dict[str, object]) -> AtcOption:
    values = entry.get("values", [])
    stance = str(entry["stance"])
    return AtcOption(
        name,
        stance,
        str(entry["note"]),
        tuple(map(str, values)) if isinstance(values, list) else (),
        str(entry.get("default", "")),
        bool(entry.get("path", False)),
        bool(entry.get("hand-on", stance in (RECORDS, NEEDS_CANN))),
        str(entry.get("dropped", "")),
    )


def unknown_option(name: str) -> Diagnostic:
    """Return the finding about an option that atc does not have."""
    near = get_close_matches(name.replace("-", "_").lower(), list(options()), 3, 0.6)
    hint = f"did you mean {' or '.join(f'`--{each}`' for each in near)}?" if near else "leave it out"
    return finding("MC710", f"atc has no option `--{name}`", fixes=[Fix(hint)])


def bad_value(option: AtcOption, value: str) -> Diagnostic | None:
    """Return the finding about a value that an option does not take, None for one that it does."""
    if not option.values or value in option.values:
        return None
    near = get_close_matches(value.lower(), option.values, 1, 0.5)
    listed = ", ".join(option.values)
    hint = f"did you mean `{near[0]}`?" if near else f"choose one of {listed}"
    return finding(
        "MC711",
        f"`--{option.name}` cannot be `{value}`",
        evidence=[("takes", listed)],
        fixes=[Fix(hint, f"--{option.name}={near[0]}" if near else "")],
    )
