"""What all tests share: options, a test per golden case, and a check of every artifact that any test writes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import viewer
from golden_case import GOLDEN, golden_cases

from modelc.frontends.soundness import findings
from modelc_backends.files.writer import write_atomically
from modelc_backends.om import backend
from modelc_backends.om.conformance import check

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
    config.addinivalue_line("markers", "nonsense: writes graphs that no model is, which nothing need accept")


LARGEST_SHOWN = 1 << 22  # bytes
_unchecked: list[bool] = [False]  # of the test that runs


def pytest_runtest_setup(item: pytest.Item) -> None:
    _unchecked[0] = item.get_closest_marker("nonsense") is not None


@pytest.fixture(scope="session", autouse=True)
def everything_written_conforms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hold every `.om` and `.air` that a test writes in this process against all checks, and open it in Netron."""
    folder = tmp_path_factory.mktemp("written")

    def write_and_check(stream: Any, path: Path, outside: Any = None) -> str:
        digest = write_atomically(stream, path, outside)
        if not _unchecked[0]:
            assert [problem.message for problem in findings(path, check(path))] == []
            if path.suffix == ".om" and stream.nbytes < LARGEST_SHOWN:
                shutil.copy(path, folder / f"{digest}.om")
        return digest

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend, "write_atomically", write_and_check)
        yield
    written = list(folder.glob("*.om"))
    if written and viewer.IS_INSTALLED:
        viewer.prepare(folder)
        assert [shown for shown in viewer.show(folder, written, "--names") if not shown.get("graphs")] == []
