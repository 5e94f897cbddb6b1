"""Answers made ahead are the very bytes that would be made for each request."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.adapters.disk import load_dialect
from mockserver.core import composition
from mockserver.core.canned import Canned, can
from mockserver.core.draws import Draw
from mockserver.core.faults import Fault
from mockserver.core.items.kinds import complete
from mockserver.core.items.sketches import sketches_for
from mockserver.core.messages import Request
from mockserver.core.reply import Auto, Failed, Output, Reply
from mockserver.core.response import Asked
from mockserver.core.sse import encode
from mockserver.core.templates import compile_template
from mockserver.core.timeline import Timing

DIALECTS = {name: load_dialect(name) for name in ("standard", "reference")}

OUTPUT: list[Any] = [
    {"reasoning": ["First.", "Then."]},
    {"message": {"text": 'Über alles: "quoted" ~gap~ \x7f words', "annotations": []}},
    {"function_call": {"name": "f", "arguments": {"a": 1}}},
    {"web_search_call": "news"},
    {"type": "local_shell_call", "call_id": "call_9", "action": {"type": "exec", "command": ["ls"], "env": {}}},
    {"mcp_list_tools": {"server_label": "docs", "tools": []}},
    {"image_generation_call": "aGk="},
]


def report(path: tuple[str | int, ...], message: str, hint: str = "") -> None:
    raise AssertionError(f"{path}: {message} {hint}")


def reply(kind: str, value: Any, **modifiers: Any) -> Reply:
    template = compile_template(sketches_for(kind, value, report, ()), report, ())
    return Reply(Output(template), **modifiers)


def asked(fields: dict[str, Any], dialect: str, nth: int) -> Asked:
    body = orjson.dumps(fields)
    return Asked(
        Request("POST", "/v1/responses", body=body), Draw.of(3, "s", body, nth), DIALECTS[dialect], 1.7e9, "conv_1"
    )


REPLIES = {
    "text": reply("text", "one two three"),
    "output": reply("output", OUTPUT),
    "refusal": reply("refusal", "no"),
    "json": reply("json", {"a": [1, 2]}),
    "call": reply("call", {"f": {"x": 1}, "g": {}}),
    "incomplete": reply("text", "one two", incomplete="max_output_tokens"),
    "failed": reply("text", "one two three", failed=Failed("server_error", "broke", 2)),
    "failed at once": reply("text", "one", failed=Failed("server_error", "broke", 0)),
    "overrides": reply(
        "text", "x", usage={"input_tokens": 5}, response={"service_tier": "flex", "metadata": {"k": None}}
    ),
    "timed": reply("text", "one two three", timing=Timing(first=20, every=10)),
    "nothing": reply("output", []),
}
REQUESTS = st.fixed_dictionaries(
    {"model": st.sampled_from(["m", "größer"]), "input": st.text(max_size=20)},
    optional={
        "background": st.booleans(),
        "metadata": st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
        "instructions": st.none() | st.text(max_size=5),
        "temperature": st.none() | st.floats(0, 2),
        "tools": st.just([{"type": "function", "name": "f"}]),
        "tool_choice": st.sampled_from(["auto", "required", {"type": "function", "name": "f"}]),
        "text": st.just({"format": {"type": "json_object"}}),
        "conversation": st.just({"id": "conv_1"}),
    },
)


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
@pytest.mark.parametrize("name", sorted(REPLIES))
@settings(max_examples=15, deadline=None)
@given(fields=REQUESTS, nth=st.integers(1, 3))
def test_the_bytes_are_those_of_the_plain_way(name: str, dialect: str, fields: dict[str, Any], nth: int) -> None:
    """Stream and JSON, ids and echoes included, for any request."""
    made, given_reply = asked(fields, dialect, nth), REPLIES[name]
    kind = can(given_reply, made.dialect)
    assert kind is not None
    canned = Canned(kind, given_reply, made.dialect, 1.0, background=fields.get("background") is True)
    plain = composition.compose(complete(kind.items.tree, made), given_reply, made)
    writes, response_id, output = canned.stream(made)
    assert b"".join(writes) == b"".join(encode(event) for event in plain.events)
    assert sum(write.events for write in canned.writes) == len(plain.events) == len(canned.planned)
    whole, same_id, same_output = canned.whole(made)
    assert whole == orjson.dumps(plain.response)
    assert response_id == same_id == plain.response["id"]
    assert output == same_output == orjson.dumps(plain.response["output"])


def test_what_differs_from_request_to_request_is_not_made_ahead() -> None:
    """Templates, drawn jitter, faults and other kinds."""
    dialect = DIALECTS["standard"]
    assert can(reply("text", "{{ model }}"), dialect) is None
    assert can(reply("text", "x", timing=Timing(every=5, jitter=1)), dialect) is None
    assert can(reply("text", "x", faults=(Fault("cut"),)), dialect) is None
    assert can(Reply(Auto()), dialect) is None
