"""`modelc profiles`: list the rule profiles, or show one."""

from __future__ import annotations

import argparse
from typing import cast

from modelc.cli.exit_codes import FINE
from modelc.cli.output import emit_json
from modelc.frontends.frontend import Json
from modelc.profiles import DEFAULT, Profile, profile, profiles
from modelc.tables import table


def run(options: argparse.Namespace) -> int:
    """List or show; returns the exit code."""
    chosen = [profile(options.name)] if options.name else list(profiles().values())
    if options.format == "json":
        documents = [_document(each) for each in chosen]
        emit_json(documents[0] if options.name else documents)
    elif options.name:
        print(_text(chosen[0]))
    else:
        print(table([(f"{p.name}{' (default)' if p.name == DEFAULT else ''}", p.title) for p in chosen]))
    return FINE


def _document(chosen: Profile) -> dict[str, Json]:
    rules = {check: {**limit.values, "source": limit.source} for check, limit in chosen.rules.items()}
    return {
        "name": chosen.name,
        "title": chosen.title,
        "default": chosen.name == DEFAULT,
        "rules": cast("Json", rules),
    }


def _text(chosen: Profile) -> str:
    rules = [("rule", "limits", "source")]
    for check, limit in chosen.rules.items():
        limits = ", ".join(f"{name} = {value}" for name, value in limit.values.items())
        rules.append((check, limits, limit.source))
    return f"{chosen.name}: {chosen.title}\n\n{table(rules)}"
