"""`modelc passes`: list the passes, or explain one."""

from __future__ import annotations

import argparse
import inspect

from modelc.cli.exit_codes import FINE
from modelc.cli.output import emit_json
from modelc.frontends.frontend import Json
from modelc.pipeline.passes import Check, Pass, format_option
from modelc.pipeline.registry import PASSES, load_plugin
from modelc.tables import table


def run(options: argparse.Namespace) -> int:
    """List or explain; returns the exit code."""
    for plugin in options.plugin:
        load_plugin(plugin)
    if options.format == "json":
        one = _document(PASSES.get(options.name)) if options.name else None
        emit_json(one or [_document(PASSES.get(name)) for name in PASSES.names()])
    else:
        print(_explain(PASSES.get(options.name)) if options.name else _list())
    return FINE


def _document(kind: type[Pass]) -> dict[str, Json]:
    return {
        "name": kind.name,
        "kind": _kind(kind),
        "from": PASSES.owner(kind.name),
        "help": kind.help(),
        "needs": sorted(kind.needs),
        "gives": sorted(kind.gives),
        "breaks": sorted(kind.breaks),
        "options": [
            {"name": name, "type": type_.__name__, "default": format_option(default), "help": help_}
            for name, (type_, default, help_) in kind.options().items()
        ],
    }


def _kind(kind: type[Pass]) -> str:
    return "check" if issubclass(kind, Check) else "pass"


def _list() -> str:
    kinds = [PASSES.get(name) for name in PASSES.names()]
    rows = [(kind.name, _kind(kind), PASSES.owner(kind.name), kind.help()) for kind in kinds]
    return table([("name", "kind", "from", "what it does"), *rows])


def _explain(kind: type[Pass]) -> str:
    lines = [f"{kind.name} ({_kind(kind)} of {PASSES.owner(kind.name)})", "", inspect.getdoc(kind) or "", ""]
    for label, facts in (("needs", kind.needs), ("gives", kind.gives), ("breaks", kind.breaks)):
        if facts:
            lines.append(f"{label:<8}{', '.join(sorted(facts))}")
    for name, (_, default, help_) in kind.options().items():
        lines.append(f"option  {name} = {format_option(default)}: {help_}")
    return "\n".join(lines).rstrip()
