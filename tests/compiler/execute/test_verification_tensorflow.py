"""Models of TensorFlow, compared with their artifacts tensor by tensor; one op is made wrong and must be named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tf_models import MODELS

from modelc.driver import Settings, compile_model
from modelc.execute.per_op import NOT_FETCHED, NOT_GIVEN, OTHER_SHAPE
from modelc.execute.verification import Request, Verification, verify
from modelc.frontends.frontend import LoadOptions

pytest.importorskip("tensorflow")
SCRIPT = Path(__file__).parents[2] / "models" / "tf_models.py"
# How many tensors there are to compare, at least
COMPARED = {"keras_export": 12, "stripped_defaults": 12, "frozen": 12, "nested_functions": 9}
SPOIL = '''
from dataclasses import dataclass
from typing import ClassVar

from modelc.pipeline.passes import GraphPass


@dataclass(frozen=True)
class Spoil(GraphPass):
    """Let one op compute something else."""

    name: ClassVar[str] = "spoil"

    def run_on(self, graph, context):
        op = next(op for op in graph if op.kind == "{right}")
        op.kind = "{wrong}"
'''


@pytest.fixture(scope="module", name="models")
def _models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the models and what they compile to."""
    folder = tmp_path_factory.mktemp("models")
    command = [sys.executable, str(SCRIPT), str(folder), *COMPARED]
    subprocess.run(command, check=True, capture_output=True)
    for name in COMPARED:
        case = MODELS[name]
        settings = Settings(input_shape=case.input_shape, batch_size=case.batch_size, signature=case.signature)
        compile_model(case.path(folder, name), folder / f"{name}.om", settings).require()
    return folder


def verified(models: Path, name: str, request: Request, artifact: str = "") -> Verification:
    path = models / (artifact or f"{name}.om")
    return verify(MODELS[name].path(models, name), path, LoadOptions(), request)


@pytest.mark.parametrize("name", COMPARED)
def test_every_tensor_that_survives_is_compared_by_one_process(
    models: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []

    class Counted(subprocess.Popen[str]):
        def __init__(self, command: list[str], **options: Any) -> None:
            started.append(command)
            super().__init__(command, **options)

    monkeypatch.setattr(subprocess, "Popen", Counted)
    found = verified(models, name, Request(per_op=True, seeds=(0, 1)))
    assert len(started) == 1
    assert found.equal
    assert found.oracle.startswith("TensorFlow ")
    assert found.oracle_note == ""
    assert found.inputs == "generated, seeds 0 to 1"
    assert found.per_op is not None
    assert found.per_op.problem == ""
    assert len(found.per_op.tensors) >= COMPARED[name]
    assert not {NOT_FETCHED, NOT_GIVEN, OTHER_SHAPE} & set(found.per_op.unpaired)
    assert found.per_op.beyond == []


@pytest.mark.parametrize(
    ("oracle", "right", "wrong", "source_op"),
    [
        ("tensorflow", "ge.Relu6", "ge.Abs", "Relu6"),
        ("modelc", "ge.Elu", "ge.Abs", "Elu"),
        ("modelc", "ge.Sigmoid", "ge.Tanh", "Sigmoid"),
    ],
)
def test_the_op_that_is_wrong_is_named_first(models: Path, oracle: str, right: str, wrong: str, source_op: str) -> None:
    plugin, spoiled = models / "spoil.py", "spoiled.mir"
    plugin.write_text(SPOIL.replace("{right}", right).replace("{wrong}", wrong))
    command = [sys.executable, "-m", "modelc", "opt", str(models / "keras_export.om"), "--plugin", str(plugin)]
    subprocess.run([*command, "--passes", "spoil", "-o", str(models / spoiled)], check=True, capture_output=True)
    found = verified(models, "keras_export", Request(per_op=True, oracle=oracle), spoiled)
    assert not found.equal
    assert found.per_op is not None
    first = found.per_op.first_divergence
    assert first is not None
    assert (first.source_op, first.artifact_op) == (source_op, wrong)
    assert found.per_op.culprit == found.per_op.worst == first
    assert first.artifact in dict(found.findings()[0].evidence)["op to look at"]


def test_batches_of_any_size_find_the_same(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = Request(per_op=True, oracle="modelc", engine="numpy")
    whole = verified(models, "frozen", request).per_op
    monkeypatch.setattr("modelc.execute.per_op.BUDGET", 1)
    assert verified(models, "frozen", request).per_op == whole
