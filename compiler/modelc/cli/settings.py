"""From the options of a command line to the settings of a compilation."""

from __future__ import annotations

import argparse
from dataclasses import fields

from modelc.driver import Settings
from modelc.frontends.frontend import LoadOptions


def settings(options: argparse.Namespace) -> Settings:
    """Return the settings that options stand for; those that a command does not have stay at their default."""
    given = vars(options)
    return Settings(
        **{field.name: given[field.name] for field in fields(Settings) if field.name in given},
        tags=tuple(given.get("tag", ())),
        plugins=tuple(given.get("plugin", ())),
        fix=not given.get("no_fix", False),
    )


def loading(options: argparse.Namespace) -> LoadOptions:
    """Return what options say about reading a source."""
    return settings(options).for_loading()
