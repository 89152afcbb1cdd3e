"""Everything that is executed here either has a lowering to ONNX or a reason not to."""

from __future__ import annotations

from modelc.dialects.ge import find, kinds
from modelc.dialects.ge.attribute_forms import FORMS
from modelc_backends.onnx.lower.missing import MISSING
from modelc_backends.onnx.lower.table import op_types


def executed() -> set[str]:
    found = {kind: find(kind) for kind in kinds()}
    names = {kind for kind, definition in found.items() if definition is not None and definition.evaluate is not None}
    return {FORMS[kind].base if kind in FORMS else kind for kind in names}


def test_what_has_no_lowering_has_a_reason() -> None:
    assert executed() - set(op_types()) == set(MISSING)


def test_reasons_are_clauses_that_follow_a_name() -> None:
    for reason in set(MISSING.values()):
        assert reason[0].islower()
        assert not reason.endswith(".")
