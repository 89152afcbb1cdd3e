"""`modelc passes`: list the passes, or explain one."""

from __future__ import annotations

import argparse
import inspect
from pathlib import Path

from modelc.cli.output import table
from modelc.pipeline.passes import Check, Pass, format_option
from modelc.pipeline.registry import PASSES, load_plugin


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help="the pass to explain (list all)")
    parser.add_argument(
        "--plugin", action="append", default=[], type=Path, metavar="FILE.py", help="load a plugin file"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """List or explain; returns the exit code."""
    for plugin in options.plugin:
        load_plugin(plugin)
    print(_explain(PASSES.get(options.name)) if options.name else _list())
    return 0


def _list() -> str:
    rows = []
    for name in PASSES.names():
        kind = PASSES.get(name)
        rows.append((name, "check" if issubclass(kind, Check) else "pass", PASSES.owner(name), kind.help()))
    return table([("name", "kind", "from", "what it does"), *rows])


def _explain(kind: type[Pass]) -> str:
    lines = [kind.name, "", inspect.getdoc(kind) or "", ""]
    for label, facts in (("needs", kind.needs), ("gives", kind.gives), ("breaks", kind.breaks)):
        if facts:
            lines.append(f"{label:<8}{', '.join(sorted(facts))}")
    for name, (_, default, help_) in kind.options().items():
        lines.append(f"option  {name} = {format_option(default)}: {help_}")
    return "\n".join(lines)
