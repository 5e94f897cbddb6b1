"""Equality is JSON's: an equivalence, told apart by canonical bytes and by differences alike."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.messages import ABSENT
from mockserver.core.rules.equality import canonical, differences, equal

NUMBERS = st.sampled_from([0, -0.0, 0.0, 1, 1.0, True, False, 2**53, float(2**53), 2**70, 0.1, -1, 1e300])
JSON = st.recursive(
    st.none() | NUMBERS | st.sampled_from(["", "a", "1", "é"]),
    lambda child: st.lists(child, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c"]), child, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (1, 1.0, True),
        (0.0, -0.0, True),
        (True, 1, False),
        (False, 0, False),
        (None, False, False),
        ("1", 1, False),
        ([1, [2]], [1.0, [2]], True),
        ([1], [1, 1], False),
        ([True], [1], False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1.0}, True),
        ({"a": None}, {}, False),
        ({"a": True}, {"a": 1}, False),
        ([], {}, False),
        ("", None, False),
        (None, ABSENT, False),
        (2**64, float(2**64), True),
        (2**70, 2**70 + 1, False),
    ],
)
def test_equality_is_jsons(left: Any, right: Any, same: bool) -> None:
    """Numbers by value, booleans apart from numbers, objects without order."""
    assert equal(left, right) is same
    assert equal(right, left) is same


@given(JSON, JSON, JSON)
@settings(max_examples=100, deadline=None)
def test_it_is_an_equivalence(one: Any, two: Any, three: Any) -> None:
    """Reflexive, symmetric and transitive."""
    assert equal(one, one)
    assert equal(one, two) == equal(two, one)
    if equal(one, two) and equal(two, three):
        assert equal(one, three)


@given(JSON, JSON)
@settings(max_examples=100, deadline=None)
def test_differences_and_bytes_say_the_same(one: Any, two: Any) -> None:
    """No difference, equal bytes and equality are one thing."""
    same = equal(one, two)
    assert (not list(differences(one, two))) is same
    if all(abs(number) < 2**63 for number in _numbers([one, two])):
        assert (canonical(one) == canonical(two)) is same


def test_differences_name_the_place() -> None:
    """Missing, extra and changed values, each with its location."""
    expected = {"a": [1, 2], "b": {"c": True}, "d": 1}
    found = {"a": [1], "b": {"c": 1}, "e": 2}
    assert list(differences(expected, found)) == [
        (("a", 1), 2, ABSENT),
        (("b", "c"), True, 1),
        (("d",), 1, ABSENT),
        (("e",), ABSENT, 2),
    ]


def test_numbers_that_no_request_holds_equal_only_themselves() -> None:
    """YAML has infinities and long integers; the encoder has not, and must not make them null."""
    values: list[Any] = [float("nan"), float("inf"), -float("inf"), 2**64, 2**65, None]
    assert len({canonical(value) for value in values}) == len(values)


def _numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for child in value for number in _numbers(child)]
    return [value] if isinstance(value, (int, float)) else []


@pytest.mark.parametrize("text", ["null", "call_3e8", "at 1.0", ":1.0", ":null", "[1e5"])
def test_words_that_look_like_numbers_change_nothing(text: str) -> None:
    """A digest is the same whether such a text stands beside a number or not."""
    assert canonical({"a": text, "b": 1}) == canonical({"a": text, "b": 1.0})
    assert canonical({"a": text, "b": 2**63}) == canonical({"a": text, "b": float(2**63)})
    assert canonical(text) != canonical([text])
