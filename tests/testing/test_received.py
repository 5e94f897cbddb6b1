"""What a test is shown of a request: typed, immutable, short, without secrets."""

from __future__ import annotations

import copy
import json
import operator
import pickle
from typing import Any

import pytest
import yaml
from openai import OpenAI

from mockserver.testing.frozen import FrozenDict, FrozenList, freeze, thaw
from mockserver.testing.received import Requests
from mockserver.testing.redaction import redacted
from mockserver.testing.redaction import yaml as to_yaml
from mockserver.testing.server import MockServer
from tests.testing.asks import post

TOOLS = [
    {"type": "function", "name": "get_weather", "parameters": {"type": "object", "properties": {}}},
    {"type": "web_search"},
]
LOOP: list[dict[str, Any]] = [
    {"role": "user", "content": "the weather?"},
    {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c1", "output": "18 degrees"},
]


def test_what_was_asked(server: MockServer, client: OpenAI) -> None:
    server.when().reply("hello")
    client.responses.create(
        model="gpt-5",
        input="hi",
        instructions="Be brief.",
        tools=TOOLS,  # type: ignore[arg-type]  # plain dicts, as people write them
        metadata={"case": "1"},
        extra_headers={"X-Case": "7"},
        extra_query={"q": "1"},
    )
    request = server.last_request
    assert (request.number, request.method, request.path) == (1, "POST", "/v1/responses")
    assert (request.model, request.input_text, request.user_text) == ("gpt-5", "hi", "hi")
    assert (request.instructions, request.stream, request.turn) == ("Be brief.", False, 1)
    assert request.tools == ["get_weather", "web_search"]
    assert request.metadata == {"case": "1"}
    assert request.query == {"q": "1"}
    assert request.headers["X-Case"] == request.headers["x-case"] == "7"
    assert request.headers.get("nothing") is None
    assert json.loads(request.content) == request.body
    assert request.session == server.session_name


def test_what_became_of_it(server: MockServer) -> None:
    rule = server.when().reply("one two")
    post(server.base_url, {"stream": True})
    request = server.last_request
    assert (request.status, request.kind, request.rule, request.place) == (200, "stream", rule.place, rule.place)
    assert (request.ended, request.miss, request.violations, request.notes) == ("complete", "", (), ())
    assert len(request.offsets) == len(request.sent) > 5
    assert request.duration is not None
    assert request.received is not None
    assert request.reply_text == "one two"
    assert request.usage["total_tokens"] > 0
    assert request.reply_headers["content-type"].startswith("text/event-stream")
    assert request.response is not None
    assert request.response["status"] == "completed"


def test_the_stored_chain_counts_as_it_did_for_the_rules(server: MockServer, client: OpenAI) -> None:
    server.when().reply("hello")
    first = client.responses.create(model="m", input="first")
    client.responses.create(model="m", input=[], previous_response_id=first.id)
    request = server.last_request
    assert request.previous_response_id == first.id
    assert (request.user_text, request.turn, request.transcript) == ("first", 2, "first\nhello")
    server.assert_called(times=1, turn=2)


def test_tool_outputs_and_calls(server: MockServer) -> None:
    server.when(turn=1).reply(server.function_call("get_weather", {"city": "Paris"}, call_id="c1"))
    server.when(turn=2).reply("18 °C")
    post(server.base_url, {"tools": TOOLS, "stream": True})
    post(server.base_url, {"tools": TOOLS, "input": LOOP})
    [call] = server.requests[0].tool_calls
    assert call == ("get_weather", {"city": "Paris"}, "c1", "function_call")
    assert server.last_request.tool_outputs == (("get_weather", "18 degrees", "c1"),)
    assert server.last_request.input_text is None


@pytest.mark.parametrize(
    ("sent", "seen"), [(b"", None), (b"{not json", "{not json"), (b"[1]", [1]), (b"\xff", "\ufffd")]
)
def test_a_body_that_is_no_object(server: MockServer, sent: bytes, seen: Any) -> None:
    """Shown as far as it goes; nothing raises."""
    post(server.base_url, sent)
    request = server.last_request
    assert request.body == seen
    assert (request.model, request.input_text, request.tools, request.stream) == (None, None, [], False)
    assert request.to_yaml()
    assert repr(request)


def test_nothing_of_it_can_be_changed(server: MockServer) -> None:
    server.otherwise("x")
    post(server.base_url, {"metadata": {"a": "1"}, "tools": TOOLS})
    request = server.last_request
    with pytest.raises(AttributeError, match="cannot be changed"):
        request.model = "other"  # type: ignore[misc]
    with pytest.raises(AttributeError, match="cannot be changed"):
        del request.model
    for change in (
        lambda: request.body["metadata"].update(b="2"),
        lambda: request.body.pop("model"),
        lambda: request.body["tools"].append(1),
        request.tools.sort,
        lambda: operator.setitem(request.metadata, "a", "2"),  # type: ignore[call-overload]
        request.response.clear,  # type: ignore[union-attr]
    ):
        with pytest.raises(TypeError, match="cannot be changed"):
            change()
    request.query.clear()  # type: ignore[attr-defined]
    assert request.body["model"] == "m"


def test_a_printed_request_is_one_short_line_without_secrets(server: MockServer) -> None:
    server.when(input=server.contains("x" * 10)).reply("ok")
    post(server.base_url, {"input": "x" * 5000}, authorization="Bearer sk-verysecret123")
    post(server.base_url, {"input": LOOP})
    first, second = map(repr, server.requests)
    assert len(first) < 250
    assert first.startswith('<request 1: POST /v1/responses m "xxx')
    assert first.endswith("-> 200 json " + server.handles[0].place + " complete>")
    assert 'get_weather="18 degrees" -> 404 miss complete>' in second
    assert "verysecret" not in repr(server.requests[0].headers)
    assert "Bearer ***" in repr(server.requests[0].headers)
    assert server.requests[0].headers["Authorization"] == "Bearer sk-verysecret123"


def test_requests_are_like_a_list(server: MockServer) -> None:
    server.otherwise("x")
    for each in "abc":
        post(server.base_url, {"input": each})
    requests = server.requests
    assert len(requests) == 3
    assert requests[-1] == server.last_request == requests[2]
    assert requests[1:] == [requests[1], requests[2]]
    assert requests[0] != requests[1]
    assert isinstance(requests[:2], Requests)
    assert requests[1] in requests
    assert len({requests[0], server.requests[0]}) == 1
    assert repr(requests[:2]).count("\n") == 1
    with pytest.raises(IndexError, match=r"no request \[5\], 3 requests came"):
        requests[5]
    assert Requests() == []
    assert not Requests()


# --- snapshots


def test_a_snapshot_is_the_same_in_every_run_and_has_no_secrets(server: MockServer, client: OpenAI) -> None:
    server.otherwise("x")
    client.responses.create(
        model="gpt-5",
        input="line one\nline two sk-abcdefgh12345",
        tools=[
            {
                "type": "mcp",
                "server_label": "s",
                "server_url": "https://example.com",
                "authorization": "hush",
                "headers": {"X-Api-Key": "hush", "Accept": "text/plain"},
            }
        ],
        extra_headers={"X-Case": "7"},
        extra_query={"api_key": "hush"},
    )
    written = server.last_request.to_yaml(headers=["x-case", "Authorization", "nothing"])
    assert "hush" not in written
    assert "|-\n    line one\n    line two ***" in written
    assert yaml.safe_load(written) == {
        "method": "POST",
        "path": "/v1/responses",
        "query": {"api_key": "***"},
        "headers": {"authorization": "Bearer ***", "x-case": "7"},
        "body": {
            "model": "gpt-5",
            "input": "line one\nline two ***",
            "tools": [
                {
                    "type": "mcp",
                    "server_label": "s",
                    "server_url": "https://example.com",
                    "authorization": "***",
                    "headers": {"X-Api-Key": "***", "Accept": "text/plain"},
                }
            ],
        },
    }
    assert "x-stainless" not in server.requests.to_yaml()


def test_yaml_repeats_equal_values_and_keeps_odd_text() -> None:
    """No anchors; text that a block could not hold is quoted."""
    same = {"a": [1]}
    value = {"one": same, "two": same, "blank": "a \nb", "many": "a\nb\n", "uni": "ü", "no": "no"}
    written = to_yaml(value)
    assert "&" not in written
    assert yaml.safe_load(written) == value


def test_redaction_leaves_the_rest_alone() -> None:
    value = {"a": [1, None, True, {"password": "x", "note": "Bearer abcdefghij"}], "api_key": 3, "headers": ["x"]}
    assert redacted(value) == {
        "a": [1, None, True, {"password": "***", "note": "***"}],
        "api_key": 3,
        "headers": ["x"],
    }


# --- frozen JSON


def test_frozen_json_behaves_like_plain_json_but_for_changes() -> None:
    plain = {"a": [1, {"b": None}], "c": "d"}
    frozen = freeze(plain)
    assert frozen == plain
    assert repr(frozen) == repr(plain)
    assert json.dumps(frozen) == json.dumps(plain)
    for copied in (copy.deepcopy(frozen), pickle.loads(pickle.dumps(frozen)), thaw(frozen)):
        assert copied == plain
        copied["a"].append(2)
        copied["e"] = 1
    assert type(copy.copy(frozen)) is dict
    assert type(copy.copy(frozen["a"])) is list
    assert frozen == plain


@pytest.mark.parametrize("kind", [FrozenDict, FrozenList])
def test_every_way_to_change_is_refused(kind: type[Any]) -> None:
    """Every method that a plain one changes itself by."""
    base = dict if kind is FrozenDict else list
    reading = {"copy", "get", "items", "keys", "values", "fromkeys", "count", "index"}
    changing = {name for name in vars(base) if not name.startswith("_")} - reading
    changing |= {"__setitem__", "__delitem__"} | ({"__ior__"} if base is dict else {"__iadd__", "__imul__"})
    for name in changing:
        with pytest.raises(TypeError, match="cannot be changed"):
            getattr(kind(), name)()
