"""Same rules, requests, seed and clock: the same bytes, ids and offsets, whatever order requests arrive in."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.engine import Engine
from tests.core.asking import Answered, ask, engine

RULES = """
rules:
  - name: by header
    when: {any_of: [{headers: {X-Case: one}}, {headers: {x-case: two}}]}
    reply: {text: a b, timing: {every: 10ms, jitter: 5ms}}
  - {name: by query, when: {query: {v: "2"}}, reply: {text: by query}}
  - {name: tenant, when: {input: tenant}, reply: {text: "for {{ headers.x-tenant }}"}}
  - name: tool
    when: {input: {contains: weather}}
    reply: {output: [{reasoning: hm}, {function_call: {name: f, arguments: {}}}]}
  - {name: literal, when: {input: literal}, reply: {events: [created, in_progress, {output_text.delta: Hi}, completed]}}
  - {name: error, when: {input: error}, reply: {error: server_error}}
  - {name: auto, when: {input: auto}, reply: {auto: true}}
otherwise: {text: one two three, timing: {first: 5ms, every: 10ms, jitter: 3ms}}
"""

REQUESTS: list[dict[str, Any]] = [
    {"said": said, "stream": stream, "session": session}
    for said in ("weather", "literal", "error", "auto", "other", "")
    for stream in (False, True)
    for session in ("default", "s2")
] + [
    {"said": "same", "headers": {"x-case": "one"}},
    {"said": "same", "headers": {"x-case": "two"}},
    {"said": "same"},
    {"said": "same", "query": {"v": "2"}},
    {"said": "tenant", "headers": {"x-tenant": "a"}},
    {"said": "tenant", "headers": {"x-tenant": "b"}},
    {"said": "same", "path": "/v1/other"},
    {"said": "same", "model": 1},
]


def told(answered: Answered) -> tuple[Any, ...]:
    """Return all that a client sees of an answer: status, headers, and each piece with its offset."""
    return (*answered.steps, *sorted(answered.headers.items()))


def heard(answering: Engine, order: list[int]) -> dict[int, Counter[tuple[Any, ...]]]:
    """Ask in this order; return what each request was told, a repeated one as many times as it was made."""
    found: dict[int, Counter[tuple[Any, ...]]] = {}
    for index in order:
        found.setdefault(index, Counter())[told(ask(answering, **REQUESTS[index]))] += 1
    return found


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, len(REQUESTS) - 1), max_size=25), st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(order: list[int], chance: random.Random) -> None:
    shuffled = order.copy()
    chance.shuffle(shuffled)
    assert heard(engine(RULES), order) == heard(engine(RULES), shuffled)


def test_the_other_way_round_nothing_changes() -> None:
    order = list(range(len(REQUESTS))) * 2
    assert heard(engine(RULES), order) == heard(engine(RULES), order[::-1])


@pytest.mark.parametrize("noise", [{"user-agent": "a"}, {"x-stainless-retry-count": "1"}, {"host": "127.0.0.1:999"}])
def test_headers_that_no_rule_looks_at_change_nothing(noise: Mapping[str, str]) -> None:
    assert told(ask(engine(RULES), headers=noise)) == told(ask(engine(RULES)))


def test_each_request_has_ids_of_its_own() -> None:
    """A repeated one too; another seed gives others."""
    asked = engine(RULES)
    answers = [ask(asked, said).json["id"] for said in ("a", "a", "b", "a")]
    assert len(set(answers)) == 4
    assert ask(engine(RULES, seed=1), "a").json["id"] not in answers
    assert ask(engine(RULES), "a", session="x").json["id"] not in answers


def test_the_clock_decides_times_alone() -> None:
    first, later = (ask(engine(RULES), now=now).json for now in (1e9, 2e9))
    assert (first["created_at"], later["created_at"]) == (1_000_000_000, 2_000_000_000)
    assert first["id"] == later["id"]
