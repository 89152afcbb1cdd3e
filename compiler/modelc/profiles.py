"""Profiles: which rules a generation of the target's tools enforces, with which limits. Data, not code."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from modelc.diagnostics.diagnostic import Fix, fail


@dataclass(frozen=True, slots=True)
class Limit:
    """One rule as a profile applies it.

    Attributes:
        values: Limits by name: `max-rank = 4`, `dtypes = ["float32", ...]`.
        source: Where the rule was published.
    """

    values: dict[str, object] = field(default_factory=dict[str, object], hash=False)
    source: str = ""

    def integer(self, name: str, default: int) -> int:
        """Return a numeric limit."""
        value = self.values.get(name, default)
        return value if isinstance(value, int) else default

    def names(self, name: str) -> frozenset[str]:
        """Return a limit that is a list of names."""
        value = self.values.get(name, ())
        return frozenset(map(str, value)) if isinstance(value, list | tuple) else frozenset()


@dataclass(frozen=True, slots=True)
class Profile:
    """The rules of one generation of the target's tools.

    Attributes:
        name: `modelarts-c32`.
        title: What it stands for, one line.
        rules: The rules that apply, by the name of the check that enforces them.
    """

    name: str
    title: str = ""
    rules: dict[str, Limit] = field(default_factory=dict[str, Limit], hash=False)

    def rule(self, check: str) -> Limit | None:
        """Return the limits of the rule that `check` enforces, None where the profile does not have it."""
        return self.rules.get(check)


DEFAULT = "modelarts-c32"
NO_RULES = Profile("none", "no rules")


@cache
def profiles() -> dict[str, Profile]:
    """Return every built-in profile by name, from the data file `data/profiles.toml`."""
    table = tomllib.loads(files("modelc.data").joinpath("profiles.toml").read_text("utf-8"))
    return {name: _profile(name, entry) for name, entry in table.items()}


def _profile(name: str, entry: dict[str, object]) -> Profile:
    rules = entry.get("rules", {})
    limits = {
        check: Limit({k: v for k, v in values.items() if k != "source"}, str(values.get("source", "")))
        for check, values in (rules.items() if isinstance(rules, dict) else ())
    }
    return Profile(name, str(entry.get("title", "")), limits)


def profile(name: str) -> Profile:
    """Return the profile called `name`; raises ModelcError for one that does not exist."""
    found = profiles().get(name)
    if found is None:
        known = ", ".join(profiles())
        raise fail("MC410", f"there is no profile `{name}`", fixes=[Fix(f"choose one of {known}")])
    return found
