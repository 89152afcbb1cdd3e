"""`modelc ops`: list the ops of the canonical dialect, or explain one."""

from __future__ import annotations

import argparse
from difflib import get_close_matches

from modelc.diagnostics.diagnostic import Fix, fail
from modelc.dialects.lookup import DIALECTS, op_def
from modelc.ir.opdef import Mode, OpDef, Slot

CANONICAL = "ge"
_MARK = {Mode.REQUIRED: "", Mode.OPTIONAL: "?", Mode.DYNAMIC: "*"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help="the op to explain (list all with meaning)")
    parser.add_argument("--all", action="store_true", help="list also prototypes that are only written, not executed")
    parser.add_argument("--format", choices=("text", "markdown"), default="text", help="how to list them (text)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """List or explain; returns the exit code."""
    names = DIALECTS.get(CANONICAL).kinds()
    if options.name:
        name = options.name.removeprefix(f"{CANONICAL}.")
        definition = op_def(f"{CANONICAL}.{name}")
        if definition is None:
            near = ", ".join(get_close_matches(name, names, 3, 0.5)) or "`modelc ops --all`"
            raise fail("MC211", f"there is no op `{name}`", fixes=[Fix(f"did you mean {near}?")])
        print(_explain(definition))
        return 0
    print(page() if options.format == "markdown" else "\n".join(_signature(each) for each in _listed(options.all)))
    return 0


def page() -> str:
    """Return the page `docs/ops.md`: every op that is typed and executed, with its signature."""
    rows = [
        f"| `{each.kind}` | {_slots(each.operands)} | {_slots(each.results)} |" for each in _listed(everything=False)
    ]
    return "\n".join([_PAGE.format(count=len(rows)), *rows, ""])


_PAGE = """# The canonical dialect

{count} operators of Ascend's Graph Engine whose types are inferred here and which are executed here on the CPU.
`?` marks an optional operand, `*` one that stands for any number of values. `modelc ops NAME` shows attributes and
element types.

This page is made by `make docs`.

| op | operands | results |
|---|---|---|"""


def _listed(everything: bool) -> list[OpDef]:
    found = (op_def(f"{CANONICAL}.{name}") for name in DIALECTS.get(CANONICAL).kinds())
    return [each for each in found if each is not None and (everything or each.evaluate is not None)]


def _slots(slots: tuple[Slot, ...]) -> str:
    return ", ".join(f"{slot.name}{_MARK[slot.mode]}" for slot in slots)


def _signature(definition: OpDef) -> str:
    return f"{definition.kind}({_slots(definition.operands)}) -> {_slots(definition.results)}"


def _explain(definition: OpDef) -> str:
    lines = [_signature(definition), ""]
    for what, slots in (("operand", definition.operands), ("result", definition.results)):
        for slot in slots:
            lines.append(f"{what:<10}{slot.name:<16}{slot.mode.value:<10}{' '.join(sorted(slot.elements)) or 'any'}")
    for attribute in definition.attributes.values():
        default = "required" if attribute.required else f"= {attribute.default!r}"
        lines.append(f"attribute {attribute.name:<16}{attribute.kind:<10}{default}")
    lines += ["", f"traits: {', '.join(sorted(definition.traits)) or 'none'}"]
    lines.append(f"types are inferred: {_yes(definition.infer)}; executes on the CPU: {_yes(definition.evaluate)}")
    return "\n".join(lines)


def _yes(thing: object) -> str:
    return "no" if thing is None else "yes"
