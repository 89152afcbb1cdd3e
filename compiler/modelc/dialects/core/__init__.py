"""The ops that belong to every dialect: `input`, `const`, `absent`, `return`."""

from __future__ import annotations

from modelc.ir.opdef import PURE, AttributeDef, Dialect, Mode, OpDef, Slot

_OPS = {
    definition.kind: definition
    for definition in (
        OpDef(
            "input",
            results=(Slot("inputs", Mode.DYNAMIC),),
            attributes={"names": AttributeDef("names", "ListString")},
        ),
        OpDef(
            "const",
            results=(Slot("value"),),
            attributes={"value": AttributeDef("value", "Blob", required=True)},
            traits=frozenset({PURE}),
        ),
        OpDef("absent", results=(Slot("nothing"),), traits=frozenset({PURE})),
        OpDef(
            "return",
            operands=(Slot("outputs", Mode.DYNAMIC),),
            attributes={"names": AttributeDef("names", "ListString")},
        ),
    )
}

DIALECT = Dialect("core", _OPS.get, lambda: tuple(_OPS))
