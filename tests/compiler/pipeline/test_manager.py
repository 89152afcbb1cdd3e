"""The pass manager: options from text, order from facts, fixpoints, instruments."""

from dataclasses import dataclass
from typing import ClassVar

import pytest

from modelc.diagnostics.diagnostic import ModelcError
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.ir.types import F32, tensor
from modelc.pipeline import manager
from modelc.pipeline.instruments import BrokenPassError, Recorder, Verifier
from modelc.pipeline.passes import Pass, PassContext, option
from modelc.pipeline.registry import PASSES


def small_model() -> Model:
    graph = Graph()
    x = graph.append(Op("input", (), {"names": ("x",)}, (tensor(F32, 2),), name="x")).result
    y = graph.append(Op("ge.Relu", (x,), {}, (tensor(F32, 2),), name="y")).result
    graph.append(Op("return", (y,), {"names": ("y",)}))
    return Model(graph)


@dataclass(frozen=True)
class Boil(Pass):
    """Rename the relu until it is hot."""

    name: ClassVar[str] = "test-boil"
    needs: ClassVar[frozenset[str]] = frozenset({"cold"})
    gives: ClassVar[frozenset[str]] = frozenset({"hot"})
    degrees: int = option(3, "how hot", flag="degrees")
    label: str = option("", "what to call it")
    stir: bool = option(False, "whether to stir")

    def run(self, model: Model, context: PassContext) -> None:
        value = model.graph.outputs[0]
        heat = int(value.name.removeprefix("y") or 0)
        model.graph.set_name(value, f"y{min(heat + 1, self.degrees)}")


@dataclass(frozen=True)
class Break(Pass):
    """Leave a graph that no longer is one."""

    name: ClassVar[str] = "test-break"

    def run(self, model: Model, context: PassContext) -> None:
        model.graph.set_name(model.graph.outputs[0], "touched")
        model.graph.outputs[0].readers.clear()


@pytest.fixture(autouse=True)
def _passes() -> None:
    for kind in (Boil, Break):
        PASSES.add(kind.name, kind, "tests")


def parse_one(text: str) -> Pass:
    (work,) = manager.parse(text)
    return work


def test_options_are_parsed_by_their_type() -> None:
    assert parse_one('test-boil{degrees=5 label="a,b" stir=true}') == Boil(5, "a,b", True)


def test_a_pass_prints_as_the_text_that_makes_it() -> None:
    work = Boil(degrees=7, label='say "hi"')
    assert parse_one(work.spec()) == work
    assert Boil().spec() == "test-boil"


def test_settings_feed_only_options_that_the_text_left_alone() -> None:
    assert Boil().with_settings({"degrees": 9}) == Boil(9)
    assert Boil(4).with_settings({"degrees": 9}) == Boil(4)


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("test-boli", "MC401", "test-boil"),
        ("test-boil{heat=3}", "MC402", "degrees"),
        ("test-boil{degrees=warm}", "MC402", "whole number"),
        ("test-boil{degrees=", "MC406", ""),
    ],
)
def test_errors_point_into_the_text_and_help(text: str, code: str, words: str) -> None:
    with pytest.raises(ModelcError) as caught:
        manager.parse(text)
    diagnostic = caught.value.diagnostics[0]
    assert diagnostic.code == code
    assert words in " ".join([*(fix.text for fix in diagnostic.fixes), str(diagnostic.evidence)])


def test_all_wrong_passes_are_reported_at_once() -> None:
    with pytest.raises(ModelcError) as caught:
        manager.parse("nonesuch,test-boil{heat=3}")
    assert [d.code for d in caught.value.diagnostics] == ["MC401", "MC402"]


def test_a_missing_fact_is_refused_before_anything_runs() -> None:
    model = small_model()
    with pytest.raises(ModelcError, match="needs the fact `cold`"):
        manager.run(model, [Boil()], PassContext())
    assert model.graph.outputs[0].name == "y"


def test_a_missing_fact_names_the_pass_that_gives_it() -> None:
    with pytest.raises(ModelcError) as caught:
        manager.check_order(manager.parse("lower-tf"), {"lifted"})
    assert any("inline-functions" in fix.text or "freeze" in fix.text for fix in caught.value.diagnostics[0].fixes)


def test_facts_follow_the_passes() -> None:
    model = small_model()
    model.facts.add("cold")
    manager.run(model, [Boil()], PassContext())
    assert model.facts == {"cold", "hot"}


def test_a_fixpoint_ends_when_nothing_changes() -> None:
    model = small_model()
    model.facts.add("cold")
    manager.run(model, manager.parse("fixpoint(test-boil{degrees=5})"), PassContext())
    assert model.graph.outputs[0].name == "y5"


def test_a_fixpoint_without_end_names_its_passes() -> None:
    model = small_model()
    model.facts.add("cold")
    with pytest.raises(ModelcError, match="test-boil"):
        manager.run(model, manager.parse("fixpoint(test-boil{degrees=1000})"), PassContext())


def test_the_recorder_counts_edits_and_nesting() -> None:
    model, recorder = small_model(), Recorder()
    model.facts.add("cold")
    manager.run(model, manager.parse("fixpoint(test-boil)"), PassContext(instruments=(recorder,)))
    names = [(record.name, record.depth, record.edits) for record in recorder.records]
    assert names == [("fixpoint", 0, 3), *[("test-boil", 1, 1)] * 3, ("test-boil", 1, 0)]


def test_the_verifier_names_the_pass_that_broke_the_graph() -> None:
    with pytest.raises(BrokenPassError, match="test-break"):
        manager.run(small_model(), [Break()], PassContext(instruments=(Verifier(),)))
