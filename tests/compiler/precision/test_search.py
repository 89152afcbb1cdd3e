"""The search: few ops that suffice, from few trials."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from modelc.ir.op import Op
from modelc.precision.search import Order, Search, search

OPS = [Op("ge.Relu", name=str(index)) for index in range(40)]


def found(needed: set[int], order: list[int], start: int = 0, runs: int = 64) -> Search:
    wanted = {OPS[index] for index in needed}
    return search(Order(tuple(OPS[index] for index in order), 0, start), lambda kept: wanted <= kept, runs)


@settings(deadline=None)
@given(needed=st.sets(st.integers(0, 39), min_size=1, max_size=5), order=st.permutations(range(40)), data=st.data())
def test_what_is_needed_is_found_whatever_the_order(needed: set[int], order: list[int], data: st.DataObject) -> None:
    result = found(needed, order, data.draw(st.integers(0, 40)), 1000)
    assert result.found
    assert result.is_least
    assert set(result.ops) == {OPS[index] for index in needed}


@settings(deadline=None)
@given(needed=st.sets(st.integers(0, 39), min_size=1), order=st.permutations(range(40)), runs=st.integers(1, 60))
def test_trials_are_bounded_and_the_result_suffices(needed: set[int], order: list[int], runs: int) -> None:
    result = found(needed, order, runs=runs)
    assert result.found
    assert result.runs <= runs
    assert {OPS[index] for index in needed} <= set(result.ops)


def test_a_good_order_takes_few_trials() -> None:
    assert found({0, 1, 2}, list(range(40)), start=3).runs <= 8


def test_nothing_is_found_where_nothing_suffices() -> None:
    result = search(Order(tuple(OPS)), lambda kept: False)
    assert result == Search(runs=1)


def test_there_may_be_nothing_to_try() -> None:
    assert search(Order(), lambda kept: True) == Search()
