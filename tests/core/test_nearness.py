"""What is nearer to what."""

from __future__ import annotations

from typing import Any

import pytest

from mockserver.core.messages import ABSENT
from mockserver.core.rules.conditions import Mismatch
from mockserver.core.rules.nearness import EXHAUSTED, closeness, cost, weight

ORDERED: list[tuple[Any, Any, Any]] = [
    # a value, one that is nearer to it, one that is farther
    ("gpt-5", "GPT-5", "gpt-5-mini"),
    ("gpt-5", "gpt-5-mini", "claude"),
    ("weather in Paris", "what is the Paris weather", "what is the time"),
    ("gpt-5", "claude", ABSENT),
    (["a", "gpt-5"], "gpt-4", "x"),
    ("get_weather", ["get_time", "get_weathers"], ["zzz"]),
    (1, 2, "1"),
    ("a", "", ABSENT),
]


@pytest.mark.parametrize(("expected", "nearer", "farther"), ORDERED)
def test_some_values_are_nearer(expected: Any, nearer: Any, farther: Any) -> None:
    """Never as near as a value that is equal, never farther than one that is not there."""
    assert 1.0 > closeness(expected, nearer) >= closeness(expected, farther) >= 0.0
    assert cost((Mismatch("x", expected, nearer),)) <= cost((Mismatch("x", expected, farther),)) or nearer == ""


def test_one_condition_always_costs_less_than_two() -> None:
    """However near the two come; and being used up costs less than any."""
    nearest, farthest = cost((Mismatch("x", "a", "A"),)), cost((Mismatch("x", "a", ABSENT),))
    assert EXHAUSTED < nearest < farthest <= 2 * nearest


def test_more_differences_cost_more() -> None:
    """Two recordings of one conversation: the one with fewer differences is meant."""
    one = Mismatch("body.equals.$.a", 1, 2)
    assert cost((one,)) < cost((one, one)) < cost((one,) * 5) < 1.0


def test_the_endpoint_weighs_most() -> None:
    """A rule for another path is hardly what was meant."""
    assert weight("endpoint") == weight("path.glob") > weight("model") > weight("hit.lte") == weight("state.a")
