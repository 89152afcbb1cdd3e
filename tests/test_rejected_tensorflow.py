"""Every model that must be refused, saved by TensorFlow: the codes, the exact report, exit code 1, and no file."""

from __future__ import annotations

import difflib
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rejected import REJECTED

from modelc.cli.main import main
from modelc_backends.pipelines import TARGET

if importlib.util.find_spec("tensorflow") is None:
    pytest.skip("needs tensorflow", allow_module_level=True)

REPORTS = Path(__file__).parent / "golden-reports"
BUILD = """
import json, sys
from pathlib import Path
from rejected import REJECTED
root, paths = Path(sys.argv[1]), {}
for name, build in REJECTED.items():
    (root / name).mkdir()
    paths[name] = str(build(root / name))
(root / "paths.json").write_text(json.dumps(paths))
"""

# Code by code what stands against each model; nothing else may be said of it.
EXPECTED: dict[str, set[str]] = {
    "dynamic_input": {"MC202"},
    "five_dimensional_input": {"MC203"},
    "reshape_to_five_dimensions": {"MC204"},
    "transpose_of_five_dimensions": {"MC204"},
    "zero_dimension_input": {"MC205"},
    "zero_dimension_inside": {"MC205"},
    "float64_input": {"MC201"},
    "int64_input": {"MC201"},
    "string_input": {"MC201", "MC219"},
    "convolution_3d": {"MC208"},
    "pooling_3d": {"MC208"},
    "quantized_uint8": {"MC207"},
    "training_step": {"MC206"},
    "gradient_output": {"MC206"},
    "training_batch_norm": {"MC210"},
    "surviving_batch_norm": {"MC209"},
    "written_variable": {"MC306"},
    "unknown_op": {"MC211"},
    "cycle": {"MC109"},
    "missing_node": {"MC110"},
    "duplicate_node": {"MC117"},
    "recursion": {"MC109"},
    "truncated_frozen": {"MC106"},
    "truncated_text": {"MC105"},
    "corrupt_frozen": {"MC105"},
    "empty_file": {"MC102"},
    "missing_file": {"MC101"},
    "plain_folder": {"MC104"},
    "empty_folder": {"MC104"},
    "truncated_saved_model": {"MC106"},
    "truncated_shard": {"MC112", "MC202"},
    "truncated_index": {"MC111", "MC202"},
    "corrupt_index": {"MC111", "MC202"},
    "missing_shard": {"MC112", "MC202"},
    "missing_variables": {"MC111", "MC202"},
}

# By default a batch normalization that nothing absorbs becomes arithmetic, which is allowed.
OPTIONS = {"surviving_batch_norm": ["--passes", TARGET.replace("simplify", "simplify{split-batch-norm=false}")]}

# What depends on the version of TensorFlow that wrote the file.
VARIABLE = [(r"\bbyte \d+", "byte N"), (r"(text of a \w+): .*", r"\1: ...")]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rejected")
    home = Path(__file__).parent / "models"
    subprocess.run([sys.executable, "-c", BUILD, str(folder)], check=True, capture_output=True, cwd=home)
    return folder


def normalized(report: str, models: Path) -> str:
    report = report.replace(str(models), "MODELS")
    for pattern, replacement in VARIABLE:
        report = re.sub(pattern, replacement, report)
    return report


def test_every_rejected_model_has_its_expectation() -> None:
    assert EXPECTED.keys() == REJECTED.keys()
    assert {path.stem for path in REPORTS.glob("*.txt")} == EXPECTED.keys()


@pytest.mark.parametrize("name", REJECTED)
def test_the_report(
    name: str,
    models: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    source = json.loads((models / "paths.json").read_text("utf-8"))[name]
    output = tmp_path / "model.om"
    status = main(["compile", source, "-o", str(output), *OPTIONS.get(name, [])])
    printed = capsys.readouterr()
    report = normalized(printed.err, models)
    assert status == 1
    assert printed.out == ""
    assert list(tmp_path.iterdir()) == []
    assert "Traceback" not in report
    assert set(re.findall(r"^error\[(MC\d+)\]", report, re.MULTILINE)) == EXPECTED[name]
    golden = REPORTS / f"{name}.txt"
    if request.config.getoption("--update-golden"):
        golden.write_text(report, "utf-8")
    expected = golden.read_text("utf-8")
    if report != expected:
        lines = difflib.unified_diff(expected.splitlines(), report.splitlines(), "expected", "came out", lineterm="")
        pytest.fail("\n".join([*lines, "accept it with: pytest --update-golden"]), pytrace=False)
