"""Everything that is executed here either has a lowering to ONNX or a reason not to."""

from __future__ import annotations

import onnx_engines
import pytest

from modelc.dialects.ge import find, kinds
from modelc.dialects.ge.attribute_forms import FORMS
from modelc_backends.onnx.lower.missing import MISSING, reason
from modelc_backends.onnx.lower.table import op_types
from modelc_backends.onnx.lower_to_onnx import lower


def executed() -> set[str]:
    found = {kind: find(kind) for kind in kinds()}
    names = {kind for kind, definition in found.items() if definition is not None and definition.evaluate is not None}
    return {FORMS[kind].base if kind in FORMS else kind for kind in names}


def test_what_has_no_lowering_has_a_reason() -> None:
    assert executed() - set(op_types()) == set(MISSING)


def test_reasons_are_clauses_that_follow_a_name() -> None:
    for clause in set(MISSING.values()):
        assert clause[0].islower()
        assert not clause.endswith(".")


@pytest.mark.parametrize("kind", ["FFT", "PadD"])
def test_the_reason_is_reported_of_an_op(kind: str) -> None:
    model = onnx_engines.model_of(f"""graph @main(%x: c64[4]) {{
  %y = ge.{kind}(%x) : c64[4]
  return %y
}}""")
    (finding,) = lower(model)
    assert finding.message == f"`y` (ge.{kind}) {reason(kind) or 'lacks what its canonical form is made from'}"
