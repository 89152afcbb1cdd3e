"""Which engine executes a model: the one that was asked for, else the fastest that takes it, and the reasons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from modelc.diagnostics.diagnostic import Diagnostic, ModelcError, fail, finding
from modelc.execute.engine import ENGINES, NO_TAPS, Engine, Runner, Taps, candidates, choose
from modelc.execute.execution import start
from modelc.execute.numpy_engine import ENGINE as NUMPY
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.ir.types import F32, tensor


def model() -> Model:
    graph = Graph()
    (x,) = graph.append(Op("input", (), {"names": ("x",)}, (tensor(F32, 2),))).results
    y = graph.append(Op("ge.Relu", (x,), {}, (tensor(F32, 2),), name="y")).result
    graph.append(Op("return", (y,), {"names": ("y",)}))
    return Model(graph)


def fast(*, installed: bool = True, obstacles: Sequence[Diagnostic] = (), broken: bool = False) -> Engine:
    def prepare(model: Model, taps: Taps = NO_TAPS) -> Runner:
        if broken:
            raise fail("MC605", "the session cannot be made")
        return NUMPY.prepare(model, taps)

    return Engine("fast", lambda: "fast 1.0", lambda: installed, "speed", lambda model: obstacles, prepare, rank=99)


@pytest.fixture(autouse=True)
def _catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ENGINES, "names", lambda: ["fast", "numpy"])


def use(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
    monkeypatch.setattr(ENGINES, "get", {"fast": engine, "numpy": NUMPY}.__getitem__)


def test_the_fastest_is_taken_where_nothing_stands_against_it(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, fast())
    execution = start("", model())
    assert (execution.engine, execution.title, execution.notes) == ("fast", "fast 1.0", ())
    assert execution.run({"x": np.array([-1, 2], np.float32)})["y"].tolist() == [0, 2]
    assert [engine.name for engine in candidates()] == ["fast", "numpy"]


@pytest.mark.parametrize(
    ("engine", "note"),
    [
        (fast(installed=False), "fast was not used: it is not installed"),
        (
            fast(obstacles=[finding("MC602", f"`{name}` is unknown") for name in "ab"]),
            "fast was not used: `a` is unknown, and 1 more",
        ),
        (fast(broken=True), "fast was not used: the session cannot be made"),
    ],
)
def test_a_slower_one_is_taken_where_it_must_be_and_the_reason_is_said(
    monkeypatch: pytest.MonkeyPatch, engine: Engine, note: str
) -> None:
    use(monkeypatch, engine)
    execution = start("", model())
    assert execution.engine == "numpy"
    assert execution.title.startswith("modelc (numpy ")
    assert execution.notes == (note,)


@pytest.mark.parametrize(
    ("engine", "code"),
    [
        (fast(installed=False), "MC606"),
        (fast(obstacles=[finding("MC602", "`a` is unknown")]), "MC602"),
        (fast(broken=True), "MC605"),
    ],
)
def test_the_one_that_was_asked_for_is_taken_or_nothing(
    monkeypatch: pytest.MonkeyPatch, engine: Engine, code: str
) -> None:
    use(monkeypatch, engine)
    with pytest.raises(ModelcError) as error:
        start("fast", model())
    assert [each.code for each in error.value.diagnostics] == [code]
    assert start("numpy", model()).notes == ()
    assert choose("numpy", model()) is NUMPY
