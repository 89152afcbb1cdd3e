"""The parser of command lines."""

from __future__ import annotations

import argparse
from typing import Never


class UsageError(Exception):
    """The command line does not parse.

    Attributes:
        parser: The one that refused it.
    """

    def __init__(self, parser: argparse.ArgumentParser, problem: str) -> None:
        super().__init__(problem)
        self.parser = parser


class Parser(argparse.ArgumentParser):
    """Raises instead of printing, so that mistakes are reported as all findings are."""

    def error(self, message: str) -> Never:
        """Raise UsageError."""
        raise UsageError(self, message)
