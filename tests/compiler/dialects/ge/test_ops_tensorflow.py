"""Every op type of TensorFlow that is lowered, on random operands, against TensorFlow."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import tf_cases
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tf_harness import CASES, hold_against_tensorflow

from modelc.dialects.ge.unexecuted import unexecuted
from modelc.dialects.tf.registry import op_def
from modelc_passes.lower_tf.longtail import counterparts
from modelc_passes.lower_tf.table import op_types
from modelc_passes.shared.policy import REJECT, family

EXAMPLES = int(os.environ.get("MODELC_OP_EXAMPLES", "6"))


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("tensorflow")
    return tmp_path_factory.mktemp("ops")


@pytest.mark.parametrize("op_type", sorted(CASES))
def test_an_op_computes_what_tensorflow_does(op_type: str, folder: Path, tf: Any) -> None:
    compared = []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def examine(data: st.DataObject) -> None:
        call = data.draw(CASES[op_type].calls)
        compared.append(hold_against_tensorflow(op_type, call, folder))

    examine()
    assert any(compared), f"TensorFlow computed none of {len(compared)} calls of {op_type}"


def _lowered() -> set[str]:
    """Return the op types of TensorFlow that are lowered, and that the default pipeline does not refuse."""
    known = {op_type for op_type in {*op_types(), *counterparts()} if op_def(op_type) is not None}
    entries = {op_type: family(op_type) for op_type in known}
    return {op_type for op_type, entry in entries.items() if entry is None or entry.action != REJECT}


def test_every_op_type_that_is_lowered_is_tested_or_the_table_says_why_not() -> None:
    without = {op_type for op_type in _lowered() if counterparts().get(op_type) in unexecuted()}
    assert _lowered() - without - CASES.keys() - tf_cases.UNTESTED.keys() == set()
    assert not tf_cases.UNTESTED.keys() & CASES.keys()
    assert tf_cases.UNTESTED.keys() <= _lowered()
