"""Fixture files of aimock as rules: each condition and answer that has an equivalent, and what is said of the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver.core.recordings.imports import formats, handwritten
from mockserver.core.recordings.imports.taken import Taking, UnreadableError
from mockserver.core.rulefiles.rulefile import parse
from tests.core.asking import Answered, ask, engine

CALLED = [
    {"role": "user", "content": "weather in Paris?"},
    {"type": "function_call", "name": "get_weather", "call_id": "call_1", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "call_1", "output": '{"sky": "clear"}'},
]


def take(*fixtures: Any, **more: Any) -> Taking:
    return formats.take(json.dumps({"fixtures": fixtures, **more}).encode(), "a.json")


def text_of(taking: Taking) -> str:
    text = handwritten.rule_file(taking.rules, "a.json", taking.notes)
    assert parse(text, "a.mock.yaml").problems == ()
    return text


def reply(response: Any, **more: Any) -> dict[str, Any]:
    """The reply of a fixture that matches anything, and no word lost about it."""
    taking = take({"match": {}, "response": response, **more})
    assert not taking.left_out, taking.left_out
    text_of(taking)
    assert taking.rules[0].notes == ()
    found: dict[str, Any] = dict(taking.rules[0].rule["reply"])
    return found


def answered(taking: Taking, given: Any = "hello", **fields: Any) -> Answered:
    return ask(engine(text_of(taking)), given, **fields)


def matches(match: dict[str, Any], given: Any = "hello", **fields: Any) -> bool:
    """Whether a fixture with this match answers that request."""
    taking = take({"match": match, "response": {"content": "yes"}})
    assert not taking.left_out, taking.left_out
    return answered(taking, given, **fields).status == 200


# Conditions


@pytest.mark.parametrize(
    ("match", "yes", "no"),
    [
        ({"userMessage": "ell"}, {"given": "hello"}, {"given": "HELLO"}),
        ({"userMessage": "Paris"}, {"given": CALLED}, {"given": CALLED[1:]}),
        ({"model": "gpt-5"}, {"model": "gpt-5-2025-08-07"}, {"model": "gpt-5o"}),
        ({"model": "gpt-4.1"}, {"model": "gpt-4.1"}, {"model": "gpt-4x1"}),
        ({"systemMessage": "terse"}, {"instructions": "be terse"}, {"instructions": "be long"}),
        (
            {"systemMessage": ["terse", "kind"]},
            {
                "instructions": "terse",
                "given": [{"role": "developer", "content": [{"type": "input_text", "text": "kind"}]}],
            },
            {"instructions": "terse"},
        ),
        ({"systemMessage": "kind"}, {"given": [{"role": "system", "content": "be kind"}]}, {"given": "be kind"}),
        (
            {"toolName": "get"},
            {"tools": [{"type": "function", "name": "get", "parameters": None, "strict": None}]},
            {},
        ),
        ({"toolCallId": "call_1"}, {"given": CALLED}, {"given": "hello"}),
        ({"toolCallId": "call_1", "toolResultContains": "clear"}, {"given": CALLED}, {"given": CALLED[:2]}),
        ({"toolResultContains": "clear"}, {"given": CALLED}, {"given": [*CALLED[:2], {**CALLED[2], "output": "rain"}]}),
        ({"hasToolResult": True}, {"given": CALLED}, {}),
        ({"hasToolResult": False}, {}, {"given": CALLED}),
        ({"turnIndex": 0}, {}, {"given": CALLED}),
        ({"turnIndex": 1}, {"given": CALLED}, {}),
        ({"responseFormat": "json_object"}, {"text": {"format": {"type": "json_object"}}}, {}),
        ({"endpoint": "chat"}, {}, None),
        ({"userMessage": None}, {}, None),
        ({}, {}, None),
    ],
)
def test_conditions(match: dict[str, Any], yes: dict[str, Any], no: dict[str, Any] | None) -> None:
    assert matches(match, **yes)
    if no is not None:
        assert not matches(match, **no)


@pytest.mark.parametrize(
    ("match", "why"),
    [
        ({"inputText": "a"}, "nothing here matches like `inputText`"),
        ({"context": "a"}, "nothing here matches like `context`"),
        ({"userMesage": "a"}, "nothing here matches like `userMesage`; was `userMessage` meant?"),
        ({"userMessage": 1}, "`userMessage` is no text"),
        ({"endpoint": "image"}, "it answers another endpoint (image)"),
        ({"turnIndex": -1}, "`turnIndex` is no whole number from 0"),
        ({"hasToolResult": "yes"}, "`hasToolResult` is neither true nor false"),
        ({"systemMessage": []}, "`systemMessage` is no text or list of texts"),
        ({"sequenceIndex": "0"}, "`sequenceIndex` is no whole number"),
        ({"sequenceIndex": 1}, "a sequence must count 0, 1, 2 …; this one has 1"),
    ],
)
def test_a_condition_without_equivalent_leaves_the_fixture_out(match: dict[str, Any], why: str) -> None:
    """Without it the rule would answer what the fixture does not."""
    taking = take({"match": match, "response": {"content": "x"}})
    assert (taking.rules, [left.why for left in taking.left_out]) == ([], [why])


def test_the_first_that_matches_answers() -> None:
    taking = take(
        {"match": {"userMessage": "a"}, "response": {"content": "first"}},
        {"match": {"userMessage": "ab"}, "response": {"content": "second"}},
        {"match": {}, "response": {"content": "any"}},
    )
    assert [answered(taking, given).text for given in ("ab", "b")] == ["first", "any"]


def test_sequences_answer_once_each() -> None:
    taking = take(
        {"match": {"userMessage": "s", "sequenceIndex": 1}, "response": {"content": "two"}},
        {"match": {"userMessage": "s", "sequenceIndex": 0}, "response": {"content": "one"}},
        {"match": {}, "response": {"content": "rest"}},
    )
    made = engine(text_of(taking))
    assert [ask(made, "s").text for _ in range(4)] == ["one", "two", "rest", "rest"]
    assert [str(ruled.spot) for ruled in taking.rules] == ["1", "3"]


def test_a_sequence_that_stood_apart_says_so() -> None:
    parts = [{"match": {"sequenceIndex": index}, "response": {"content": str(index)}} for index in (0, 1)]
    taking = take(parts[0], {"match": {"userMessage": "x"}, "response": {"content": "x"}}, parts[1])
    assert taking.rules[0].notes == ("the fixtures of a sequence stood apart; together they stand where the first did",)


# Answers


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ({"content": "Hi"}, {"text": "Hi"}),
        ({"content": ""}, {"text": ""}),
        ({"content": {"a": [1]}}, {"json": {"a": [1]}}),
        (
            {"toolCalls": [{"name": "f", "arguments": {"a": 1}, "id": "call_9"}, {"name": "g", "arguments": "{}"}]},
            {
                "output": [
                    {"function_call": {"name": "f", "arguments": {"a": 1}, "call_id": "call_9"}},
                    {"function_call": {"name": "g", "arguments": "{}"}},
                ]
            },
        ),
        (
            {"content": "Hi", "toolCalls": [{"name": "f", "arguments": {}}]},
            {"output": [{"message": "Hi"}, {"function_call": {"name": "f", "arguments": {}}}]},
        ),
        (
            {
                "blocks": [{"type": "toolCall", "name": "f", "arguments": "{}"}, {"type": "text", "text": "Hi"}],
                "content": "no",
            },
            {"output": [{"function_call": {"name": "f", "arguments": "{}"}}, {"message": "Hi"}]},
        ),
        (
            {"content": "Hi", "reasoning": "hm", "webSearches": ["q"]},
            {"output": [{"reasoning": "hm"}, {"web_search_call": "q"}, {"message": "Hi"}]},
        ),
        (
            {
                "error": {"message": "slow", "type": "rate_limit_error", "code": "x", "param": None},
                "status": 429,
                "retryAfter": 2,
            },
            {
                "error": {"status": 429, "type": "rate_limit_error", "code": "x", "param": None, "message": "slow"},
                "retry_after": "2s",
            },
        ),
        ({"error": {"message": "broke"}}, {"error": {"status": 500, "message": "broke"}}),
        (
            {"content": "Hi", "id": "resp_7", "created": 1700000001, "model": "m", "finishReason": "stop"},
            {"text": "Hi", "response": {"id": "resp_7", "created_at": 1700000001, "model": "m"}},
        ),
        ({"content": "Hi", "finishReason": "length"}, {"text": "Hi", "incomplete": "max_output_tokens"}),
        (
            {"content": "Hi", "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}},
            {"text": "Hi", "usage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}},
        ),
        (
            {"content": "Hi", "usage": {"input_tokens": 3, "output_tokens_details": {"reasoning_tokens": 2}}},
            {"text": "Hi", "usage": {"input_tokens": 3, "output_tokens_details": {"reasoning_tokens": 2}}},
        ),
    ],
)
def test_answers(response: dict[str, Any], expected: dict[str, Any]) -> None:
    assert reply(response) == expected


@pytest.mark.parametrize(
    ("response", "why"),
    [
        ({"embedding": [0.1]}, "its answer is an embedding, which this API does not give"),
        ({"image": {"url": "x"}}, "its answer is an image, which this API does not give"),
        ({"audio": "x", "content": "Hi"}, "its answer is speech, which this API does not give"),
        ({"events": []}, "its answer is of a kind that has no equivalent (events)"),
        ({}, "its answer is of a kind that has no equivalent (empty)"),
        ({"blocks": [{"type": "image"}]}, "a block of type 'image' has no equivalent"),
        ({"toolCalls": [{"arguments": {}}]}, "a tool call has no name"),
        ({"error": {"message": "x"}, "status": 302}, "its error has no fields, or no status from 400 to 599"),
    ],
)
def test_another_answer_leaves_the_fixture_out(response: dict[str, Any], why: str) -> None:
    taking = take({"match": {}, "response": response})
    assert (taking.rules, [left.why for left in taking.left_out]) == ([], [why])


@pytest.mark.parametrize("text", ["{{ now }}", "{{{", "a {{{{ b", "}}"])
def test_nothing_becomes_a_template(text: str) -> None:
    assert answered(take({"match": {}, "response": {"content": text}})).text == text
    call = answered(take({"match": {}, "response": {"toolCalls": [{"name": "f", "arguments": {"a": text}}]}}))
    assert json.loads(call.json["output"][0]["arguments"]) == {"a": text}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"latency": 20}, {"timing": {"first": "20ms", "every": "20ms"}}),
        ({"latency": 0}, {}),
        ({"chunkSize": 7}, {"timing": {"chunk": 7}}),
        (
            {"streamingProfile": {"ttft": 200, "tps": 40, "jitter": 0.1}, "latency": 5},
            {"timing": {"first": "200ms", "every": "25ms", "jitter": "2.5ms"}},
        ),
        ({"disconnectAfterMs": 500}, {"faults": [{"reset": {"after": {"time": "500ms"}}}]}),
        ({"chaos": {"latencyMs": 30, "dropRate": 0}}, {"faults": [{"delay": "30ms"}]}),
        ({"metadata": {"systemHash": "x"}}, {}),
    ],
)
def test_options(options: dict[str, Any], expected: dict[str, Any]) -> None:
    assert reply({"content": "Hi"}, **options) == {"text": "Hi", **expected}


@pytest.mark.parametrize(
    ("fixture", "note"),
    [
        ({"response": {"content": "Hi", "systemFingerprint": "fp"}}, "`response.systemFingerprint` has no equivalent"),
        ({"response": {"content": "Hi", "usage": {"cost": 1}}}, "`usage.cost` has no equivalent"),
        ({"response": {"content": "Hi", "finishReason": "odd"}}, "finishReason 'odd' has no equivalent"),
        ({"openRouterProcessing": True}, "`openRouterProcessing` has no equivalent"),
        ({"chaos": {"dropRate": 0.5}}, "`chaos.dropRate` has no equivalent: faults here do not strike by chance"),
        ({"truncateAfterChunks": 3}, "truncateAfterChunks became a reset after that many events"),
        ({"recordedTimings": {"ttftMs": 5, "interChunkDelaysMs": [1, 3]}}, "recordedTimings became their mean gap"),
    ],
)
def test_what_got_lost_is_said_beside_the_rule(fixture: dict[str, Any], note: str) -> None:
    taking = take({"match": {}, "response": {"content": "Hi"}, **fixture})
    assert taking.rules[0].notes == (note,)
    assert f"  # Not as it was: {note}\n  - reply:" in text_of(taking)


def test_other_keys_of_the_file() -> None:
    taking = take({"match": {}, "response": {"content": "Hi"}}, mcpFakes=[], **{"$schema": "x"})
    assert taking.notes == ["`mcpFakes` has no equivalent"]
    assert text_of(taking).startswith(
        "# Imported by mockserver from a.json. Yours to edit.\n# Left behind: `mcpFakes` has no"
    )


@pytest.mark.parametrize(
    "fixture", [None, {}, {"match": {}}, {"match": "x", "response": {}}, {"response": {"content": "x"}}]
)
def test_broken_fixtures(fixture: Any) -> None:
    assert [left.why for left in take(fixture).left_out] == ["it has no `match` or no `response` mapping"]


def test_no_list_of_fixtures() -> None:
    with pytest.raises(UnreadableError, match="fixtures: a list of fixtures was expected"):
        formats.take(b'{"fixtures": {}}', "a.json")
