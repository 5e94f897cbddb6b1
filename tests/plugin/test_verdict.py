"""What counts as wrong with a session, and what may be allowed."""

from __future__ import annotations

from typing import Any

import pytest

from mockserver.core.errors import SettingError
from mockserver.core.messages import Request
from mockserver.testing.verdict import ALLOWABLE, Made, Verdict, judge, read_allowed
from tests.plugin.judging import World, rules

WEATHER = 'rules: [{when: {input: {contains: weather}}, reply: {text: "18"}}]'
ONCE = "rules: [{when: {model: gpt-5}, replies: [{text: a}]}]"
UNTRUE = "rules: [{reply: {text: no json at all}}]"
UNFILLED = 'rules: [{reply: {text: "{{ metadata.city }}"}}]'
FORMAT = {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}}


def kinds(verdict: Verdict) -> list[str]:
    return [finding.kind for finding in verdict.findings]


def miss() -> World:
    world = World(WEATHER)
    world.ask("weather")
    world.ask("time")
    return world


def exhausted() -> World:
    world = World(ONCE)
    world.ask()
    world.ask()
    return world


def violation() -> World:
    world = World()
    world.ask(colour="red")
    return world


def warned() -> World:
    world = World("rules: [{reply: {text: ok}}]", validate="warn")
    world.ask(colour="red")
    return world


def no_json() -> World:
    world = World()
    world.engine.answer(Request("POST", "/v1/responses", body=b"{", session="test_app"), 0.0)
    return world


def untruth() -> World:
    world = World(UNTRUE)
    world.ask(text=FORMAT)
    return world


def unfilled() -> World:
    world = World(UNFILLED)
    world.ask()
    return world


def unused() -> World:
    return World(WEATHER)


def clean() -> World:
    world = World(WEATHER)
    world.ask("weather")
    return world


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (miss, "miss"),
        (exhausted, "exhausted"),
        (violation, "violation"),
        (warned, "violation"),
        (no_json, "violation"),
        (untruth, "untruth"),
        (unfilled, "unfilled"),
        (unused, "unused"),
        (clean, None),
    ],
)
def test_each_trouble_is_found_alone_and_can_be_allowed(made: Any, kind: str | None) -> None:
    """By its own name and by no other."""
    world = made()
    brought = Made(rules=world.rules)
    assert kinds(judge(world.session, brought)) == ([kind] if kind else [])
    if kind:
        assert judge(world.session, brought, allow={kind}).ok
        assert not judge(world.session, brought, allow=set(ALLOWABLE) - {kind}).ok


def test_what_nobody_may_allow() -> None:
    """A `when()` without a reply, and a failure of ours."""
    world = World("rules: [{reply: {text: ok}}]")
    world.ask(end="failed")
    verdict = judge(world.session, Made(unfinished=["t.py:3"]), broken=["Traceback"], allow=ALLOWABLE)
    assert kinds(verdict) == ["broken", "unfinished", "broken"]


def test_rules_from_files_are_asked_for_under_strict_alone() -> None:
    """A rule file may serve many tests."""
    session = World().session
    loaded = Made(loaded=rules(WEATHER))
    assert judge(session, loaded).ok
    assert kinds(judge(session, loaded, strict=True)) == ["unused"]


def test_an_optional_rule_may_stay_unused() -> None:
    world = World("rules: [{when: {model: x}, optional: true, reply: {text: ok}}]")
    assert judge(world.session, Made(rules=world.rules), strict=True).ok


def test_alike_misses_are_one_finding() -> None:
    """A client in a loop asks the same thing again and again."""
    world = World(WEATHER)
    for said in ("a", "b", "a", "a"):
        world.ask(said)
    verdict = judge(world.session)
    assert [[entry.number for entry in finding.entries] for finding in verdict.findings] == [[1, 3, 4], [2]]


def test_a_rule_that_a_miss_just_missed_is_not_told_twice() -> None:
    """Unless the miss is allowed: then that the rule was never used is all there is to tell."""
    world = World(WEATHER)
    world.ask("wether")
    made = Made(rules=world.rules)
    assert kinds(judge(world.session, made)) == ["miss"]
    assert kinds(judge(world.session, made, allow={"miss"})) == ["unused"]


def test_a_violation_that_was_looked_at_is_no_finding() -> None:
    world = violation()
    assert not judge(world.session, read={2}).ok
    assert judge(world.session, read={1}).ok


def test_an_unused_rule_is_told_which_request_came_nearest() -> None:
    """And which rule answered one that fits it."""
    world = World(
        "rules:\n- {when: {model: gpt-5}, reply: {text: a}}\n- {when: {input: hi}, reply: {text: b}}\n"
        "- {when: {input: ho}, reply: {text: c}}"
    )
    world.ask("something else")
    world.ask("hi")
    hidden, far = judge(world.session, Made(rules=world.rules)).findings
    assert hidden.entries[0].number == 2
    assert hidden.instead == world.rules[0].label
    assert far.instead == ""
    assert far.near is not None
    assert [condition.path for condition in far.near.report.failed] == ["input"]


def test_late_requests_name_the_ended_session() -> None:
    world = World()
    world.engine.sessions.begin("gone")
    world.engine.sessions.end("gone")
    world.ask(session="gone")
    world.ask(session="gone")
    late = list(world.engine.sessions.late.journal.entries())
    [finding] = judge(world.session, late=late).findings
    assert (finding.kind, finding.what, len(finding.entries)) == ("late", "gone", 2)


def test_only_what_came_after_is_judged_when_asked() -> None:
    """Once the verdict was given, rules are not asked for again."""
    world = miss()
    assert judge(world.session, Made(rules=rules(ONCE), unfinished=["t.py:1"]), after=2).ok
    world.ask("again")
    assert kinds(judge(world.session, after=2)) == ["miss"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["mis"], "allow: expected miss, .* got 'mis'; did you mean 'miss'?"),
        (["crash"], "got 'crash'$"),
        (7, "expected a list"),
    ],
)
def test_a_wrong_word_is_told_in_one_line(given: Any, message: str) -> None:
    with pytest.raises(SettingError, match=message) as caught:
        read_allowed(given, "allow")
    assert "\n" not in str(caught.value)


def test_one_word_is_a_list_of_one() -> None:
    assert read_allowed("miss", "allow") == {"miss"}
