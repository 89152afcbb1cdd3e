"""The profiles are data: complete, and each generation of tools takes at least what the one before took."""

from __future__ import annotations

from itertools import pairwise

import pytest

from modelc.diagnostics.diagnostic import ModelcError
from modelc.profiles import DEFAULT, Limit, profile, profiles


def test_the_default_is_the_strictest() -> None:
    assert next(iter(profiles())) == DEFAULT


@pytest.mark.parametrize("name", list(profiles()))
def test_every_profile_and_rule_says_where_it_comes_from(name: str) -> None:
    rules = profile(name)
    assert rules.name == name
    assert rules.title
    for check, limit in rules.rules.items():
        assert limit.source, check
        assert "http" not in limit.source


@pytest.mark.parametrize(("older", "newer"), list(pairwise(profiles())))
def test_newer_tools_take_at_least_as_much(older: str, newer: str) -> None:
    before, after = profile(older).rules, profile(newer).rules
    assert after.keys() <= before.keys()
    for check, limit in after.items():
        assert before[check].names("dtypes") <= limit.names("dtypes")
        assert before[check].names("refused") >= limit.names("refused")
        assert before[check].integer("max-rank", 0) <= limit.integer("max-rank", 0)


def test_a_profile_that_does_not_exist_is_answered_with_those_that_do() -> None:
    with pytest.raises(ModelcError) as caught:
        profile("cann-9")
    assert caught.value.diagnostics[0].code == "MC410"
    assert "cann-8" in caught.value.diagnostics[0].fixes[0].text


def test_limits_of_another_kind_count_as_absent() -> None:
    limit = Limit({"max-rank": "four", "dtypes": "float32"})
    assert limit.integer("max-rank", 4) == 4
    assert limit.names("dtypes") == frozenset()
