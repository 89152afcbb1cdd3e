"""Origins: where ops came from, kept through rewrites and bounded."""

from __future__ import annotations

from modelc.ir.origin import LIMIT, NOWHERE, Origin, SourceNode, merge

CONV = Origin.of("tensorflow", "conv", "Conv2D")
NORM = Origin.of("tensorflow", "bn", "FusedBatchNormV3")


def test_an_origin_is_named_after_its_first_node() -> None:
    assert CONV.name == "conv"
    assert NOWHERE.name == ""
    assert str(merge([CONV, NORM])) == "conv (Conv2D), bn (FusedBatchNormV3)"


def test_merging_keeps_every_node_once_and_in_order() -> None:
    merged = merge([CONV, NORM, CONV], "fold")
    assert merged.nodes == (
        SourceNode("tensorflow", "conv", "Conv2D"),
        SourceNode("tensorflow", "bn", "FusedBatchNormV3"),
    )
    assert merged.rules == ("fold",)
    assert merge([]) == NOWHERE


def test_rules_are_added_at_the_end_but_not_twice_in_a_row() -> None:
    origin = CONV.through("lower-tf").through("lower-tf").through("").through("fold")
    assert origin.rules == ("lower-tf", "fold")
    assert origin.nodes == CONV.nodes


def test_origins_stay_bounded() -> None:
    many = merge(Origin.of("tensorflow", f"n{i}", "Add") for i in range(1000))
    assert len(many.nodes) == LIMIT
    assert many.name == "n0"
    for index in range(1000):
        many = many.through(f"rule{index % 7}")
    assert len(many.rules) == LIMIT
    assert many.rules[-1] == "rule5"
    assert len(merge([many, Origin((), tuple(f"r{i}" for i in range(200)))], "last").rules) == LIMIT
