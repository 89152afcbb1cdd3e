"""Kinds that no CPU can execute are declared ones, and a finding says why."""

from __future__ import annotations

import pytest

from modelc.cli.main import main
from modelc.dialects.ge import find
from modelc.dialects.ge.unexecuted import unexecuted
from modelc.execute.evaluator import obstacles
from modelc.text.reader import read_model


def test_every_kind_is_declared_once() -> None:
    assert len(unexecuted()) > 40
    assert [kind for kind in unexecuted() if find(kind) is None] == []


def test_the_finding_says_why() -> None:
    model = read_model("graph @main(%x: f32[2]) { %y = ge.NPUGetFloatStatus(%x) : f32[2] return %y }")
    (found,) = obstacles(model.graph)
    assert found.code == "MC602"
    assert list(found.notes) == ["ge.NPUGetFloatStatus reads or sets registers of a device"]


def test_the_explanation_of_the_op_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ops", "FileConstant"]) == 0
    assert capsys.readouterr().out.endswith("no\nit takes its data from a file or a queue\n")
