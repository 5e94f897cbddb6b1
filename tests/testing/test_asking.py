"""Asking what happened: assertions and how they fail, waiting, totals."""

from __future__ import annotations

import asyncio
import re
import threading
import time
import traceback
from typing import Any
from unittest.mock import ANY

import pytest
from openai import AsyncOpenAI

from mockserver import RuleError, contains, equals, function_call, glob, include
from mockserver.testing.server import MockServer
from tests.testing.asks import in_background, opened, post

TOOLS = [{"type": "function", "name": "get_weather", "parameters": {"type": "object", "properties": {}}}]


@pytest.fixture
def asked(server: MockServer) -> MockServer:
    """A session that was asked three things."""
    server.when(input="rain?").reply("Wet.", name="wet")
    server.otherwise("Dry.")
    for model, said in (("gpt-5", "rain?"), ("gpt-5", "sun?"), ("gpt-4", "wind?")):
        post(server.base_url, {"model": model, "input": said, "metadata": {"n": "1"}})
    return server


# --- assert_called


def test_what_was_called(asked: MockServer) -> None:
    """The same conditions as `when`; what fits is returned."""
    assert asked.assert_called() == asked.requests
    assert asked.assert_called(model="gpt-5") == asked.requests[:2]
    asked.assert_called(times=1, input=contains("rain"), metadata={"n": ANY})
    asked.assert_called(times=2, input=lambda said: "n" in said and said != "rain?")
    asked.assert_called(times=0, model="gpt-3")
    asked.assert_called(input=re.compile("^s"), any_of=[{"model": "a"}, {"model": glob("gpt-*")}])
    asked.assert_called(body={"$.metadata.n": "1"})


def failure(assertion: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        assertion()
    return str(caught.value)


def test_a_failure_shows_the_nearest_request(asked: MockServer) -> None:
    said = failure(lambda: asked.assert_called(model="gpt-5", input=contains("snow")))
    lines = said.splitlines()
    assert lines[0] == "expected a request with model='gpt-5', input=contains('snow'); 3 requests came and none fits"
    assert lines[1].startswith("  nearest: request ")
    assert lines[2] == '    FAIL  input.contains: expected "snow", found "sun?"'
    assert lines[3] == "    ok    model"
    assert [line[:13] for line in lines[-3:]] == ["    request 1", "    request 2", "    request 3"]


def test_a_failure_shows_a_diff_of_json(asked: MockServer) -> None:
    said = failure(lambda: asked.assert_called(body={"$.metadata": equals({"n": "2"})}))
    assert '-  "n": "2"' in said
    assert '+  "n": "1"' in said


def test_a_failure_by_number_shows_those_that_came(asked: MockServer) -> None:
    more = failure(lambda: asked.assert_called(times=1, model="gpt-5")).splitlines()
    assert more[0] == "expected a request with model='gpt-5', got 2"
    assert len(more) == 3
    fewer = failure(lambda: asked.assert_called(times=3, model="gpt-5")).splitlines()
    assert fewer[0] == "expected 3 requests with model='gpt-5', got 2"
    assert 'FAIL  model: expected "gpt-5", found "gpt-4"' in "\n".join(fewer)


def test_a_failure_where_nothing_came_says_so(server: MockServer) -> None:
    assert failure(server.assert_called) == "expected a request to POST /v1/responses; no request came"
    assert failure(lambda: server.last_request) == "no request came to this session"
    server.assert_not_called()
    server.assert_called(times=0)


def test_a_failure_shows_no_secret(server: MockServer) -> None:
    post(server.base_url, authorization="Bearer sk-verysecret123")
    said = failure(lambda: server.assert_called(headers={"authorization": "Bearer other"}))
    assert "verysecret" not in said


def test_pytest_sees_the_test_s_own_line_and_nothing_of_ours(asked: MockServer) -> None:
    """Every frame of ours is hidden."""
    asked.when(model="half")
    for assertion in (
        lambda: asked.assert_called(model="x"),
        lambda: asked.assert_called(in_order=[{"model": "x"}]),
        asked.assert_not_called,
        lambda: asked.wait_for(9, timeout=0.01),
        asked.clients.assert_backed_off,
        asked.clients.assert_read_to_end,
        asked.check,
    ):
        with pytest.raises(AssertionError) as caught:
            assertion()
        ours = [
            frame
            for frame, _ in traceback.walk_tb(caught.value.__traceback__)
            if "/mockserver/testing/" in frame.f_code.co_filename
        ]
        assert ours
        assert all("__tracebackhide__" in frame.f_locals for frame in ours)


def test_in_order(asked: MockServer) -> None:
    """One after the other, others between them or not; rules stand for what they answered."""
    wet = asked.handles[0]
    found = asked.assert_called(in_order=[{"input": "rain?"}, {"model": "gpt-4"}])
    assert [request.number for request in found] == [1, 3]
    asked.assert_called(in_order=[wet, {"input": "sun?"}])
    asked.assert_called(in_order=[{"input": "rain?"}, {"input": "sun?"}], model="gpt-5")
    asked.assert_called(in_order=[])
    said = failure(lambda: asked.assert_called(in_order=[{"model": "gpt-4"}, {"input": "rain?"}]))
    assert said.startswith("expected a request with input='rain?' after request 3, as 2 of 2 in order")
    said = failure(lambda: asked.assert_called(in_order=[wet, wet]))
    assert said.startswith("expected a request answered by tests/testing/test_asking.py:")
    assert '"wet" after request 1' in said
    said = failure(lambda: asked.assert_called(in_order=[{"input": "snow?"}], model="gpt-4"))
    assert 'FAIL  input: expected "snow?", found "wind?"' in said


def test_what_was_not_called(asked: MockServer) -> None:
    asked.assert_not_called(model="gpt-3")
    said = failure(lambda: asked.assert_not_called(model="gpt-4"))
    assert said.startswith("expected no request with model='gpt-4', got 1\n  request 3")
    assert failure(asked.assert_not_called).startswith("expected no request, got 3")


def test_a_wrong_question_is_told(server: MockServer) -> None:
    with pytest.raises(TypeError, match="did you mean `model`"):
        server.assert_called(modle="x")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="did you mean `input`"):
        server.assert_called(in_order=[{"imput": "x"}])  # type: ignore[list-item]
    with pytest.raises(RuleError, match="cannot be asked of a request"):
        server.assert_called(hit=2)
    with pytest.raises(TypeError, match="repeat the entry"):
        server.assert_called(times=2, in_order=[{"model": "m"}])


# --- waiting


def test_waiting_for_work_in_the_background(server: MockServer) -> None:
    server.otherwise("x")
    begun = threading.Event()

    def work() -> None:
        begun.wait()
        for each in ("a", "b", "c"):
            post(server.base_url, {"input": each})

    worker = in_background(work)
    begun.set()
    assert [request.input_text for request in server.wait_for(1, input=contains("c"))] == ["c"]
    assert len(server.wait_for(3, ended=True)) == 3
    worker.join()
    assert server.session.journal.watchers == []  # type: ignore[attr-defined]


def test_waiting_in_vain(server: MockServer) -> None:
    """It ends when the time is over, and says what came instead."""
    post(server.base_url, {"input": "other"})
    began = time.monotonic()
    said = failure(lambda: server.wait_for(2, timeout=0.05, input="this"))
    assert time.monotonic() - began < 1
    assert said.startswith("waited 0.05 s for 2 requests with input='this'; 0 came")
    assert 'FAIL  input: expected "this", found "other"' in said
    assert server.session.journal.watchers == []  # type: ignore[attr-defined]


def test_waiting_for_the_end_of_an_exchange(server: MockServer) -> None:
    """A request that came is not yet one that was answered."""
    server.when().reply("one two", faults=[server.stall(after={"deltas": 1})])
    with opened(server.base_url, {"stream": True}):
        assert server.wait_for(1)[0].ended is None
        assert "; 0 of 1 ended" in failure(lambda: server.wait_for(1, timeout=0.05, ended=True))
    assert server.wait_for(1, ended=True)[0].ended == "stalled"


async def test_waiting_in_a_coroutine(server: MockServer) -> None:
    """The loop that does the work goes on."""
    server.otherwise("x")
    async with AsyncOpenAI(**server.client_kwargs) as client:
        task = asyncio.create_task(client.responses.create(model="m", input="a"))
        assert len(await server.wait_for_async(1, ended=True)) == 1
        await task
    with pytest.raises(AssertionError, match=r"waited 0\.05 s for 2 requests to POST"):
        await server.wait_for_async(2, timeout=0.05)


async def test_waiting_so_that_the_loop_is_blocked_tells_a_way_out(server: MockServer) -> None:
    with pytest.raises(AssertionError, match=r"await mockserver\.wait_for_async"):
        server.wait_for(1, timeout=0.01)


def test_waiting_after_the_end(server: MockServer) -> None:
    post(server.base_url)
    server.close()
    assert len(server.wait_for(1)) == 1
    assert "waited" in failure(lambda: server.wait_for(2, timeout=0.01))


# --- totals


def test_totals(server: MockServer) -> None:
    """Calls as they were sent, outputs once however often a conversation is sent again, tokens of all answers."""
    usage = {"input_tokens": 10, "output_tokens": 4, "output_tokens_details": {"reasoning_tokens": 3}}
    server.when(turn=1).reply(function_call("get_weather", {}, call_id="c1"), usage=usage)
    server.when(turn=2).reply(function_call("get_time", {}, call_id="c2"), usage=usage)
    server.when(turn=3, tools=include("get_weather")).reply("done", usage=usage)
    items: list[dict[str, Any]] = [{"role": "user", "content": "go"}]
    for call_id, name, output in (("c1", "get_weather", "18"), ("c2", "get_time", "noon")):
        post(server.base_url, {"input": items, "tools": TOOLS, "stream": True})
        items.append({"type": "function_call", "call_id": call_id, "name": name, "arguments": "{}"})
        items.append({"type": "function_call_output", "call_id": call_id, "output": output})
    for _ in range(2):
        post(server.base_url, {"input": items, "tools": TOOLS})
    post(server.base_url, {"input": "a miss", "temperature": "hot"})
    assert server.tool_calls == ["get_weather", "get_time"]
    assert [(each.name, each.output) for each in server.tool_outputs] == [("get_weather", "18"), ("get_time", "noon")]
    assert server.usage.input_tokens == 40
    assert server.usage.output_tokens == 16
    assert server.usage.reasoning_tokens == 12
    assert server.usage.cached_tokens == 0
