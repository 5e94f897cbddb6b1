"""Predicates as matchers: what is not there fails, what raises does not hold, and both are told."""

from __future__ import annotations

from typing import Any

import pytest

from mockserver.core.messages import ABSENT
from mockserver.core.rules.conditions import Mismatch
from mockserver.core.rules.matchers import Matcher, compile_matcher
from mockserver.core.rules.predicates import Predicate
from mockserver.core.rules.targets import compile_when
from tests.core.reporting import refuse

LONG = Predicate(lambda value: len(value) > 3, "is_long")


def matcher(spec: Any) -> Matcher:
    return compile_matcher(spec, refuse, ("input",))


def test_a_predicate_is_a_matcher() -> None:
    long = matcher(LONG)
    assert (long.holds("abcd"), long("abcd")) == (True, ())
    assert (long.holds("abc"), long("abc")) == (False, (Mismatch("input", "is_long", "abc"),))


def test_what_is_not_there_fails_and_the_predicate_is_not_asked() -> None:
    anything = matcher(Predicate(lambda value: True, "anything"))
    assert (anything.holds(ABSENT), anything(ABSENT)) == (False, (Mismatch("input", "anything", ABSENT),))
    assert not matcher({"not": LONG})(ABSENT)


def test_what_raises_does_not_hold_and_says_so() -> None:
    long = matcher(LONG)
    told = Mismatch("input", "is_long", 3, "raised TypeError: object of type 'int' has no len()")
    assert (long.holds(3), long(3)) == (False, (told,))


@pytest.mark.parametrize(
    ("spec", "good", "bad"),
    [
        ({"not": LONG}, "abc", "abcd"),
        ({"any_of": [LONG, "a"]}, "a", "b"),
        ({"all_of": [LONG, {"contains": "a"}]}, "abcd", "bcde"),
        ({"include": LONG}, ["a", "abcd"], ["a"]),
        ({"length": Predicate(lambda size: size % 2 == 0, "even")}, "ab", "abc"),
    ],
)
def test_predicates_stand_inside_other_matchers(spec: Any, good: Any, bad: Any) -> None:
    assert matcher(spec).holds(good)
    assert not matcher(spec).holds(bad)


@pytest.mark.parametrize("target", ["turn", "hit", "tools", "model", "input"])
def test_targets_take_predicates_and_do_not_count_two_as_the_same(target: str) -> None:
    when = compile_when({target: LONG}, refuse, ())
    assert [condition.spec for condition in when.conditions] == [""] * len(when.conditions)
    assert repr(LONG) == "is_long"
