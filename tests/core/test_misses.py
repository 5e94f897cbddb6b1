"""What a miss tells, and that the rule it suggests would answer."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.messages import ABSENT, Request
from mockserver.core.rules.book import Nearest, RuleBook, Standing
from mockserver.core.rules.conditions import Mismatch
from mockserver.core.rules.misses import MOST_BRIEF, brief, describe, suggestion, tell
from mockserver.core.rules.targets import compile_when
from tests.core.reporting import refuse
from tests.core.test_rules import Refused, ask, rule


def nearest(book: RuleBook, request: Request) -> Nearest:
    found = book.nearest(request)
    assert found is not None
    return found


def test_the_block_gives_reason_request_nearest_and_fix() -> None:
    """In this order, each part on lines of its own."""
    book = RuleBook(
        [
            rule("9", {"model": "o4"}),
            rule("4", {"model": {"glob": "gpt-*"}, "input": {"contains": "weather"}, "metadata": {"case": "a"}}),
        ]
    )
    request = ask({"model": "gpt-5", "input": "wether in Paris?", "metadata": {"case": "a", "other": "unseen"}})
    assert describe(request, nearest(book, request)).splitlines() == [
        "No rule matches POST /v1/responses",
        "  asked:",
        '    model: "gpt-5"',
        '    input: "wether in Paris?"',
        '    metadata.case: "a"',
        '  nearest: f.mock.yaml:4 "4"',
        '    fails    input.contains: expected "weather", found "wether in Paris?"',
        "    holds    model",
        "    holds    metadata.case",
        '  next: f.mock.yaml:9 "9": model: expected "o4", found "gpt-5"',
        "  fix: add a rule",
        "    rules:",
        '      - when: {model: gpt-5, input: {contains: "wether in Paris?"}}',
        "        reply: {text: ok}",
    ]


def test_the_line_names_the_nearest_rule_and_its_mismatches() -> None:
    """The error message holds all that a client's user needs."""
    book = RuleBook([rule("4", {"model": "a", "stream": True, "input": "x", "user": "y"})])
    request = ask({"model": "b", "input": "z"})
    assert brief(request, nearest(book, request)) == (
        'No rule matches POST /v1/responses. Nearest: f.mock.yaml:4 "4": model: expected "a", found "b"; '
        'stream: expected true, found false; input: expected "x", found "z"; and 1 more.'
    )


def test_no_rules() -> None:
    """Said as it is, with a first rule to write."""
    assert brief(ask({"model": "m"}), None) == "No rule matches POST /v1/responses: there are no rules."
    assert "when: {model: m}" in describe(ask({"model": "m"}), None)


def test_a_used_up_rule_is_told_apart_from_a_mismatch() -> None:
    """With the number of replies, and what to do."""
    used = rule("4", {"model": "m"}, times=(3,))
    found = RuleBook([used]).nearest(ask({"model": "m"}), [Refused(used, used_up=3)])
    block = describe(ask({"model": "m"}), found)
    assert "used up" in block.splitlines()[0]
    assert "used up  all 3 replies used" in block
    assert "exhausted: repeat" in block
    assert "all 3 replies used" in brief(ask({"model": "m"}), found)


def test_conditions_that_were_not_evaluated_are_told_as_such() -> None:
    """`explain` without a session does not know hits."""
    book = RuleBook([rule("4", {"hit": 2})])
    assert "unknown  hit" in describe(ask({}), nearest(book, ask({})))
    [report] = book.explain(ask({}), lambda each: Standing(hit=1))
    assert "fails    hit: expected 2, found 1" in describe(ask({}), Nearest(report))


def test_tool_outputs_are_part_of_what_was_asked() -> None:
    """After a tool output there is no input."""
    loop = [
        {"type": "function_call", "call_id": "c", "name": "get_weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "18"},
    ]
    request = ask({"model": "m", "input": loop})
    block = describe(request, None)
    assert 'tool_output: "get_weather" gave "18"' in block
    assert "tool_output: {name: get_weather}" in block


def test_malformed_bodies_are_told() -> None:
    """Nothing can match what cannot be read."""
    assert "body: not JSON" in describe(Request("POST", "/v1/responses", body=b"{"), None)


@pytest.mark.parametrize(
    ("mismatch", "words"),
    [
        (Mismatch("model", "a", ABSENT), 'model: expected "a", found nothing'),
        (Mismatch("body.$.a", {"gt": 1}, None), 'body.$.a: expected {"gt":1}, found null'),
        (Mismatch("input.contains", "a", ["a"], "a list"), 'input.contains: expected "a", found ["a"] (a list)'),
        (Mismatch("not", {}, ABSENT, "all of it holds"), "not: all of it holds"),
        (
            Mismatch("headers.Authorization", "x", "Bearer k"),
            "headers.Authorization: found another value (not shown: it may be a secret)",
        ),
        (
            Mismatch("query.api_key.glob", "x", ABSENT),
            "query.api_key.glob: found nothing (not shown: it may be a secret)",
        ),
        (Mismatch("input", "a", "my key is sk-proj-1234567890ab"), 'input: expected "a", found "my key is ***"'),
    ],
)
def test_a_mismatch_in_words(mismatch: Mismatch, words: str) -> None:
    """Absent is not null, and secrets stay untold."""
    assert tell(mismatch) == words


def test_long_texts_are_shown_where_they_part() -> None:
    """The first difference is what people look for."""
    told = tell(Mismatch("input", "x" * 5000 + "abc" + "y" * 500, "x" * 5000 + "adc" + "y" * 500))
    assert "xabc" in told
    assert "xadc" in told
    assert len(told) < 400


def test_no_key_reaches_the_texts() -> None:
    """Not from headers, not from the prompt, not from the rule."""
    secret = "sk-live-0123456789abcdef"
    book = RuleBook(
        [rule("4", {"headers": {"authorization": f"Bearer {secret}"}, "model": "m", "not": {"input": secret}})]
    )
    request = Request(
        "POST",
        "/v1/responses",
        headers={"authorization": f"Bearer {secret}"},
        body=orjson.dumps({"model": secret, "input": f"{secret}\nhello"}),
    )
    for text in (describe(request, nearest(book, request)), brief(request, nearest(book, request))):
        assert "0123456789abcdef" not in text


def test_texts_are_bounded() -> None:
    """However large the request and however many the conditions."""
    whens: Any = {"metadata": {f"k{number}": "v" * 1000 for number in range(50)}, "input": {"contains": "w" * 10_000}}
    book = RuleBook([rule(str(number), whens) for number in range(5)])
    request = ask(
        {"model": "m" * 10_000, "input": "z" * 1_000_000, "metadata": dict.fromkeys(whens["metadata"], "u" * 9999)}
    )
    found = nearest(book, request)
    assert len(brief(request, found)) <= MOST_BRIEF
    assert len(describe(request, found)) < 12_000


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=90)


@given(TEXT, TEXT)
@settings(max_examples=100, deadline=None)
def test_the_suggested_rule_would_answer(model: str, said: str) -> None:
    """Whatever was said, the lines are YAML whose conditions hold for the request that missed."""
    request = ask({"model": model, "input": said})
    [suggested] = yaml.safe_load("\n".join(suggestion(request)))["rules"]
    when = compile_when(suggested["when"], refuse, ())
    assert not [mismatch for condition in when.conditions for mismatch in condition.test(request)]


def test_the_suggestion_for_another_endpoint_names_it() -> None:
    """Method and path instead of model and input."""
    assert suggestion(Request("GET", "/v1/files"))[1] == '  - when: {method: GET, path: "/v1/files"}'


def test_another_path_is_told_what_it_probably_meant() -> None:
    told = describe(Request("POST", "/responses"), None).splitlines()
    assert "  fix: Did you mean /v1/responses? A client's base URL ends in /v1 here." in told
