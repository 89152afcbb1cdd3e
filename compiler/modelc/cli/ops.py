"""`modelc ops`: list the ops of the canonical dialect, or explain one."""

from __future__ import annotations

import argparse
from difflib import get_close_matches

from modelc.cli.exit_codes import FINE
from modelc.cli.output import emit_json
from modelc.diagnostics.diagnostic import Fix, fail
from modelc.dialects.ge.unexecuted import unexecuted
from modelc.dialects.lookup import DIALECTS, op_def
from modelc.frontends.frontend import Json
from modelc.ir.opdef import AttributeDef, Dialect, Mode, OpDef, Slot

CANONICAL = "ge"
_MARK = {Mode.REQUIRED: "", Mode.OPTIONAL: "?", Mode.DYNAMIC: "*"}


def run(options: argparse.Namespace) -> int:
    """List or explain; returns the exit code."""
    known = DIALECTS.get(CANONICAL)
    if options.name:
        definition = _named(options.name, known)
        if options.format == "json":
            emit_json(_document(definition))
        else:
            print(_explain(definition))
        return FINE
    shown = _listed(everything=options.all)
    if options.format == "json":
        emit_json([_document(definition) for definition in shown])
    else:
        print(page() if options.format == "markdown" else "\n".join(map(_signature, shown)))
    return FINE


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


def _named(given: str, known: Dialect) -> OpDef:
    name = given.removeprefix(f"{CANONICAL}.")
    definition = op_def(f"{CANONICAL}.{name}")
    if definition is None:
        near = ", ".join(get_close_matches(name, known.kinds(), 3, 0.5)) or "`modelc ops --all`"
        raise fail("MC211", f"there is no op `{name}`", fixes=[Fix(f"did you mean {near}?")])
    return definition


def _document(definition: OpDef) -> dict[str, Json]:
    return {
        "kind": definition.kind,
        "operands": _slot_documents(definition.operands),
        "results": _slot_documents(definition.results),
        "attributes": [
            {"name": each.name, "kind": each.kind, "required": each.required, "default": _default(each)}
            for each in definition.attributes.values()
        ],
        "traits": sorted(definition.traits),
        "inferred": definition.infer is not None,
        "executed": definition.evaluate is not None,
    }


def _slot_documents(slots: tuple[Slot, ...]) -> list[Json]:
    return [{"name": slot.name, "mode": slot.mode.value, "elements": sorted(slot.elements)} for slot in slots]


def _default(attribute: AttributeDef) -> Json:
    return None if attribute.default is None else repr(attribute.default)


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
    reason = unexecuted().get(definition.kind.removeprefix(f"{CANONICAL}."))
    if reason:
        lines.append(f"it {reason}")
    return "\n".join(lines)


def _yes(thing: object) -> str:
    return "no" if thing is None else "yes"
