"""Rules that can never answer are found, and only those."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest

from mockserver.core.reply import Auto, Reply
from mockserver.core.rules.book import Rule
from mockserver.core.rules.conditions import ENDPOINT, HOLDS, ClaimCondition, Condition
from mockserver.core.rules.hiding import hidden

ANSWER = Reply(Auto())


def condition(path: str, spec: str, accepts: Callable[[Any], bool] | None = None) -> Condition:
    return Condition(path, lambda request: HOLDS, spec=spec, accepts=accepts)


def equal(target: str, value: str) -> Condition:
    return Condition(
        target,
        lambda request: HOLDS,
        equality=(target, value),
        spec=f"{target} = {value}",
        accepts=lambda found: bool(found == value),
    )


def rule(
    name: str,
    *conditions: Condition,
    times: int | None = None,
    exhausted: Literal["miss", "repeat", "cycle"] | None = None,
    hit: bool = False,
    turns: bool = False,
) -> Rule:
    claims = (ClaimCondition("hit", "hit", "hit", lambda value: HOLDS),) if hit else ()
    return Rule(name, "f:1", ((ANSWER, times),), (ENDPOINT, *conditions), claims, exhausted, turns)


GPT = condition("model.glob", "model glob gpt-*", lambda value: str(value).startswith("gpt-"))
RAIN = condition("input.contains", "input contains rain", lambda value: "rain" in str(value))

CASES: list[tuple[str, Rule, Rule, bool]] = [
    ("no condition hides all", rule("a"), rule("b", GPT), True),
    ("the same condition", rule("a", GPT), rule("b", GPT), True),
    ("fewer of the same", rule("a", GPT), rule("b", GPT, RAIN), True),
    ("more conditions hide less", rule("a", GPT, RAIN), rule("b", GPT), False),
    ("another condition", rule("a", GPT), rule("b", RAIN), False),
    ("an equality inside a pattern", rule("a", GPT), rule("b", equal("model", "gpt-5")), True),
    ("an equality outside a pattern", rule("a", GPT), rule("b", equal("model", "o4")), False),
    ("an equality of another target", rule("a", GPT), rule("b", equal("input", "gpt-5")), False),
    ("a target with a longer name", rule("a", GPT), rule("b", equal("mod", "gpt-5")), False),
    ("two equalities", rule("a", equal("model", "x")), rule("b", equal("model", "y")), False),
    ("one that counts", rule("a", hit=True), rule("b"), False),
    ("one that runs out", rule("a", times=2), rule("b"), False),
    ("one that runs out and repeats", rule("a", times=2, exhausted="repeat"), rule("b"), True),
    ("one that runs out and cycles", rule("a", times=2, exhausted="cycle"), rule("b"), True),
    ("turns", rule("a", times=1, turns=True), rule("b"), True),
    ("a hidden rule that counts", rule("a"), rule("b", hit=True), True),
]


@pytest.mark.parametrize(("first", "second", "hides"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_what_hides_what(first: Rule, second: Rule, hides: bool) -> None:
    found = [(each.rule.name, each.by.name) for each in hidden((first, second))]
    assert found == ([("b", "a")] if hides else [])


def test_a_hidden_rule_is_told_once_by_the_first_that_hides_it() -> None:
    found = [(each.rule.name, each.by.name) for each in hidden((rule("a"), rule("b"), rule("c")))]
    assert found == [("b", "a"), ("c", "a")]


def test_a_rule_for_another_path_is_not_hidden_by_one_for_responses() -> None:
    elsewhere = Rule("b", "f:2", ((ANSWER, None),), (equal("path", "/v1/other"),))
    assert list(hidden((rule("a"), elsewhere))) == []
