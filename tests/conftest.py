"""What all tests share: the option that rewrites golden files, and a test per golden case."""

from __future__ import annotations

import os

import pytest
from golden_case import GOLDEN, golden_cases

# TensorFlow reads these when it is first imported, by whichever test comes first; without oneDNN its results
# are those of its own kernels.
os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": "-1"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite what golden files expect")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "golden_case" not in metafunc.fixturenames:
        return
    cases = [case for path in sorted(GOLDEN.rglob("*.mir")) for case in golden_cases(path)]
    for marker in metafunc.definition.iter_markers("law"):
        cases = [case for case in cases if case.obeys(*marker.args)]
    metafunc.parametrize("golden_case", cases, ids=[case.name for case in cases])


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "law(name): holds for golden cases that do not except it")
