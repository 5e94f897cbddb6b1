"""The response object echoes requests as the API does and is valid whatever was let through."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mockserver.core import usage
from mockserver.core.dialect import Dialect, Quirks
from mockserver.core.grammar.event_types import SCHEMA_TYPES
from mockserver.core.items.kinds import complete
from mockserver.core.response import at_moment, frame, snapshot
from tests.core.answering import asked, assert_valid_response, dialect, reply, request

MESSAGE = {"type": "message", "content": "four"}
REQUIRED_BY_PAGE = (
    *("id", "model", "object", "created_at", "output", "parallel_tool_calls"),
    *("tool_choice", "tools", "conversation", "usage"),
)
QUIRKY = Dialect(
    "quirky",
    Quirks(tool_choice_object=True, usage_null_until_end=True, conversation_always=False),
    SCHEMA_TYPES,
    lambda name: {},
)


def final(**fields: Any) -> dict[str, Any]:
    """Return the completed response to a request with these fields."""
    question = asked(**fields)
    return snapshot(question, reply(), status="completed", output=complete([MESSAGE], question))


@pytest.mark.parametrize("name", ["standard", "reference", "openai"])
@pytest.mark.parametrize("status", ["queued", "in_progress", "completed", "failed", "incomplete", "cancelled"])
def test_valid_in_every_status_and_dialect(name: str, status: str) -> None:
    """Schema and client accept each moment of a response, and the page's required fields are there."""
    question = asked(speaks=dialect(name), tools=[{"type": "function", "name": "f"}, {"type": "web_search"}])
    error = {"code": "server_error", "message": "broken"} if status == "failed" else None
    reason = "max_output_tokens" if status == "incomplete" else None
    made = snapshot(question, reply(), status=status, output=[], error=error, incomplete=reason)
    assert_valid_response(made, question.dialect)
    assert made["status"] == status
    if name != "openai":
        assert not [key for key in REQUIRED_BY_PAGE if made.get(key) is None]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("background", True),
        ("frequency_penalty", 0.5),
        ("instructions", "be brief"),
        ("instructions", [{"role": "system", "content": "be brief"}]),
        ("max_output_tokens", 99),
        ("max_tool_calls", 3),
        ("metadata", {"case": "a"}),
        ("model", "gpt-other"),
        ("parallel_tool_calls", False),
        ("presence_penalty", -1),
        ("previous_response_id", "resp_1"),
        ("prompt", {"id": "pmpt_1"}),
        ("prompt_cache_key", "key"),
        ("prompt_cache_retention", "24h"),
        ("safety_identifier", "someone"),
        ("store", False),
        ("temperature", 0.25),
        ("tool_choice", "none"),
        ("tool_choice", {"type": "function", "name": "f"}),
        ("top_logprobs", 5),
        ("top_p", 0.5),
        ("truncation", "auto"),
        ("user", "someone"),
    ],
)
def test_echoes(field: str, value: Any) -> None:
    """Fields that the API repeats come back as sent."""
    made = final(**{field: value})
    assert made[field] == value
    assert_valid_response(made, dialect())


DEFAULTS: dict[str, Any] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "service_tier": "default",
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}


@pytest.mark.parametrize("field", DEFAULTS)
def test_null_and_absent_mean_the_default(field: str) -> None:
    """Clients that send every optional field as null get the defaults of the API."""
    assert final()[field] == DEFAULTS[field]
    assert final(**{field: None})[field] == DEFAULTS[field]


@pytest.mark.parametrize("field", ["include", "context_management", "stream", "stream_options", "input", "moderation"])
def test_does_not_echo(field: str) -> None:
    """Some fields of a request never come back."""
    assert field not in final(**{field: ["x"]})


@pytest.mark.parametrize(
    "field", ["temperature", "tools", "text", "reasoning", "tool_choice", "metadata", "service_tier", "instructions"]
)
def test_wrong_types_that_were_let_through_leave_the_answer_valid(field: str) -> None:
    """With validation off the answer is still one that the API could give."""
    wrong = 7 if field != "temperature" else "hot"
    assert_valid_response(final(**{field: wrong}), dialect())


def test_empty_body_has_a_made_up_model() -> None:
    """A lenient server answers `{}` with a valid response."""
    question = asked(request({}))
    assert_valid_response(snapshot(question, reply(), status="completed", output=[]), dialect())


@pytest.mark.parametrize(
    ("field", "sent", "echoed"),
    [
        ("reasoning", {"effort": "low"}, {"effort": "low", "summary": None}),
        ("text", {"verbosity": "low"}, {"format": {"type": "text"}, "verbosity": "low"}),
        ("text", {"format": None}, {"format": {"type": "text"}, "verbosity": "medium"}),
        ("service_tier", "auto", "default"),
        ("service_tier", "fast", "priority"),
        ("service_tier", "flex", "flex"),
        ("prompt_cache_options", {"mode": "explicit"}, {"mode": "explicit", "ttl": "30m"}),
        (
            "tools",
            [{"type": "function", "name": "f", "strict": False}],
            [{"type": "function", "name": "f", "description": None, "parameters": None, "strict": False}],
        ),
    ],
)
def test_completes_what_it_echoes(field: str, sent: Any, echoed: Any) -> None:
    """The API shows what it made of a field, not only what was sent."""
    made = final(**{field: sent})
    assert made[field] == echoed
    assert_valid_response(made, dialect())


@pytest.mark.parametrize(
    ("choice", "echoed"),
    [
        ("auto", {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]}),
        ("required", {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]}),
        ("none", {"type": "allowed_tools", "mode": "auto", "tools": []}),
        ({"type": "function", "name": "f"}, {"type": "function", "name": "f"}),
    ],
)
def test_tool_choice_as_an_object(choice: Any, echoed: Any) -> None:
    """A client whose types have no plain string gets the object that means the same."""
    tools = [{"type": "function", "name": "f", "parameters": {}}]
    question = asked(speaks=dialect("reference"), tools=tools, tool_choice=choice)
    made = snapshot(question, reply(), status="completed", output=[])
    assert made["tool_choice"] == echoed
    assert_valid_response(made, question.dialect)


def test_usage_is_an_object_from_the_start_and_adds_up() -> None:
    """Zero before the end, then an estimate whose total is its sum, with every detail."""
    question = asked(input="12345678", instructions="1234")
    output = complete([MESSAGE, {"type": "reasoning", "summary": ["12345"]}], question)
    begun = snapshot(question, reply(), status="in_progress", output=[])["usage"]
    assert begun == usage.usage(0, 0)
    ended = snapshot(question, reply(), status="completed", output=output)["usage"]
    assert ended == {
        "input_tokens": 3,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 6,
    }


def test_usage_counts_the_stored_chain() -> None:
    """What a previous response holds is read again."""
    alone = request(input="1234")
    chained = alone.following([{"role": "user", "content": [{"type": "input_text", "text": "12345678"}]}])
    assert usage.input_tokens(alone) == 1
    assert usage.input_tokens(chained) == 3
    assert usage.input_tokens(request({})) == 1


@pytest.mark.parametrize(
    ("status", "expected"), [("queued", True), ("in_progress", True), ("failed", True), ("completed", False)]
)
def test_usage_null_until_the_end(status: str, expected: bool) -> None:
    """The live service counts only what it finished."""
    made = snapshot(asked(speaks=QUIRKY), reply(usage={"input_tokens": 1}), status=status, output=[])
    assert (made["usage"] is None) is expected


def test_usage_of_a_reply_is_merged_and_the_total_follows() -> None:
    """An author's numbers win in every snapshot; a total that was not written is their sum."""
    given = {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 4}}
    made = snapshot(asked(), reply(usage=given), status="in_progress", output=[])["usage"]
    assert made["total_tokens"] == 10
    assert made["input_tokens_details"] == {"cached_tokens": 4, "cache_write_tokens": 0}
    made = snapshot(asked(), reply(usage={"total_tokens": 7}), status="completed", output=[])["usage"]
    assert made["total_tokens"] == 7
    made = snapshot(asked(), reply(usage={"input_tokens": None}), status="completed", output=[])["usage"]
    assert made["input_tokens"] is None


def test_response_of_a_reply_is_merged_deeply() -> None:
    """Mappings merge, null and everything else replace, and the request's own values are not changed."""
    question = asked(metadata={"kept": "1", "lost": "2"})
    given = {"metadata": {"lost": None, "new": "3"}, "service_tier": None, "billing": {"payer": "developer"}}
    made = snapshot(question, reply(response=given), status="completed", output=[])
    assert made["metadata"] == {"kept": "1", "lost": None, "new": "3"}
    assert made["service_tier"] is None
    assert made["billing"] == {"payer": "developer"}
    assert question.request.fields["metadata"] == {"kept": "1", "lost": "2"}
    assert snapshot(question, reply(), status="completed", output=[])["metadata"] == {"kept": "1", "lost": "2"}


def test_conversation_is_always_there_or_only_when_used() -> None:
    """The page requires it; the live service shows it when the request named one."""
    assert final()["conversation"] == {"id": "conv_made_up"}
    assert "conversation" not in snapshot(asked(speaks=QUIRKY), reply(), status="completed", output=[])
    used = snapshot(asked(speaks=QUIRKY, conversation="conv_1"), reply(), status="completed", output=[])
    assert used["conversation"] == {"id": "conv_made_up"}


def test_times_and_ids_are_those_of_the_session() -> None:
    """Whole seconds of its clock, completed only when it is, and one id for one request."""
    made = final()
    assert (made["created_at"], made["completed_at"]) == (1_700_000_000, 1_700_000_000)
    assert made["id"].startswith("resp_")
    assert len(made["id"]) == len("resp_") + 48
    begun = snapshot(asked(), reply(), status="in_progress", output=[])
    assert begun["completed_at"] is None
    assert begun["id"] == made["id"]


def test_snapshots_share_one_frame() -> None:
    """What composition does in two steps is what `snapshot` does in one."""
    question = asked(temperature=0.5)
    told = at_moment(frame(question), question, reply(), status="completed", output=[])
    assert told == snapshot(question, reply(), status="completed", output=[])


@pytest.mark.parametrize(
    "fields",
    [
        {"instructions": [None]},
        {"tool_choice": {}},
        {"temperature": False},
        {"truncation": "sometimes", "text": {"format": 5}, "reasoning": {"effort": []}},
        {"tools": [{"type": "function"}, {}], "prompt": {}, "metadata": {"a": 1}},
        {"prompt_cache_options": {"mode": 1}, "service_tier": "x", "user": "y", "top_p": "z"},
    ],
)
def test_nonsense_that_was_let_through_is_not_said_back(fields: dict[str, Any]) -> None:
    """With validation off or warning: the answer is valid all the same, and what made sense is still echoed."""
    question = replace(asked(**fields, max_output_tokens=77), sound=False)
    made = snapshot(question, reply(), status="completed", output=complete([MESSAGE], question))
    assert question.dialect.schema("response").violations(made) == ()
    assert made["max_output_tokens"] == 77
