"""`modelc profiles`: list the rule profiles, or show one."""

from __future__ import annotations

import argparse

from modelc.cli.output import table
from modelc.profiles import DEFAULT, profile, profiles


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help="the profile to show (list all)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """List or show; returns the exit code."""
    if not options.name:
        rows = [(f"{p.name}{' (default)' if p.name == DEFAULT else ''}", p.title) for p in profiles().values()]
        print(table(rows))
        return 0
    chosen = profile(options.name)
    rules = [("rule", "limits", "source")]
    for check, limit in chosen.rules.items():
        limits = ", ".join(f"{name} = {value}" for name, value in limit.values.items())
        rules.append((check, limits, limit.source))
    print(f"{chosen.name}: {chosen.title}\n\n{table(rules)}")
    return 0
