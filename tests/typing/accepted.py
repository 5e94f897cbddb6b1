"""How people build rules, with every spelling the type checker must accept. Nobody runs this."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from unittest.mock import ANY

from openai import AsyncOpenAI, OpenAI

import mockserver as words
from mockserver import (
    Answer,
    Item,
    Matcher,
    MockServer,
    ReceivedRequest,
    Rule,
    RuleError,
    Timing,
    contains,
    delay,
    error,
    events,
    failed,
    function_call,
    glob,
    gt,
    http,
    include,
    json_text,
    matches,
    not_,
    reasoning,
    reset,
    text,
)
from mockserver.building import Conditions, Draft, answer, conditions, dump
from mockserver.testing.asked import AskedRequest

# Conditions

when: dict[str, Any] = conditions(
    model=glob("gpt-*"),
    input=contains("weather"),
    tools=include("get_weather"),
    body={"$.a.b": gt(3)},
    stream=True,
    metadata={"case": ANY},
    headers={"x-a": re.compile("a+")},
    instructions=lambda said: said.startswith("Be"),
    any_of=[{"model": "gpt-5"}, {"model": not_("gpt-4")}],
    not_={"input": matches("rain")},
    tool_output={"name": "get_weather", "data": {"$.degrees": gt(10)}},
)
kept: Conditions = {"model": "gpt-5", "turn": 2}
conditions(**kept)
matcher: Matcher = contains("rain", "snow")


# Answers


def reply(request: AskedRequest) -> str:
    return f"You said {request.input_text}"


def whole(request: AskedRequest) -> Answer:
    return error("server_error") if request.model == "gpt-4" else answer("fine")


def some(request: AskedRequest) -> list[str | Item]:
    return ["Well", function_call("f", {"model": request.model})]


made: Answer = answer("hi")
answer(text("Hi"), function_call("create_user", {"name": "Bob"}, call_id="c1"), reasoning("So."))
answer(error("rate_limit_exceeded", retry_after=0.1), times=2)
answer(error(status=418, code=None), headers={"x-a": "b"})
answer(reply)
answer(whole, timing=Timing(first=0.3, every=timedelta(milliseconds=25), chunk="char"))
answer(some)
answer(lambda request: request.input_text or "nothing")
answer(lambda request: [text("a"), json_text({"said": request.body})])
answer(events("created", {"at": 0.1, "output_text.delta": "Hi"}, "completed"))
answer(events=["created", "completed"], fill=False)
answer(json={"a": [1, 2]}, usage={"input_tokens": 3})
answer("one two", faults=[reset(after={"deltas": 1}), delay(0.5, before="response.completed"), "cut"])
answer("half", failed={"code": "server_error", "after": 3})
answer(failed("half", message="The model broke."), set_state={"step": "paid", "old": None})
answer(http(200, {"data": []}), retry_after=timedelta(seconds=1))
answer(call={"get_weather": {"city": "Paris"}}, incomplete="max_output_tokens")

# Drafts

draft = Draft(conditions(model="gpt-5"), [made], name="greeting", exhausted="cycle")
written: str = dump([draft])

# A server


def with_a_server(mockserver: MockServer) -> None:
    mockserver.when(input=contains("weather")).turns(function_call("get_weather", {"city": "Paris"}), text("18 °C"))
    rule: Rule = mockserver.when(**kept).reply("hi", name="greeting", optional=True)
    rule.then(lambda request: f"You said {request.input_text}")
    mockserver.when().reply(error("rate_limit_exceeded", retry_after=0.1), times=2).then("ok")
    mockserver.when(model=mockserver.glob("gpt-*")).reply(mockserver.text("fine"), timing=Timing(every=0.02))
    mockserver.otherwise("ok")
    request: ReceivedRequest = mockserver.requests[0]
    model: str | None = request.model
    assert rule.called == (model is not None)
    assert rule.call_count == len(rule.requests)
    mockserver.assert_called(times=2, model="gpt-5", input=contains("rain"))
    mockserver.assert_called(in_order=[rule, {"model": "gpt-5", "turn": 2}], stream=True)
    mockserver.assert_not_called(tools=include("delete_everything"))
    first: ReceivedRequest = mockserver.wait_for(1, timeout=2, ended=True, input="hi")[0]
    names: list[str] = [*first.tools, *mockserver.tool_calls, *(call.name for call in first.tool_calls)]
    offsets: tuple[float, ...] = first.offsets
    snapshot: str = mockserver.requests[1:].to_yaml(headers=["x-case"])
    tokens: int = mockserver.usage.total_tokens
    waits: tuple[float, ...] = mockserver.clients[0].waits
    mockserver.clients.assert_backed_off()
    mockserver.clock.advance(timedelta(seconds=5))
    mockserver.clock.freeze("2026-01-31T12:00:00Z")
    OpenAI(**mockserver.client_kwargs, max_retries=0)
    AsyncOpenAI(**mockserver.client_kwargs)
    assert all([names, offsets, snapshot, tokens, waits])


def without_pytest() -> None:
    with MockServer("rules/", now=None, speed=2, validate="warn", allow=["unused"]) as server:
        server.load("more.mock.yaml")
        server.check(allow=["miss"])


async def in_a_loop() -> None:
    async with MockServer() as server:
        await server.wait_for_async(2, model="gpt-5")


# The package itself

words.contains("a")
mistake: type[ValueError] = RuleError
