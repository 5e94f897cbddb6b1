"""What clients did: tries of one call, waits, how streams were read."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from openai import APIConnectionError, AsyncOpenAI, InternalServerError, OpenAI

from mockserver.core.journal import Entry
from mockserver.core.messages import EMPTY, Ending, Exchange, Link, Request
from mockserver.core.timeline import Head, Timeline
from mockserver.testing.behaviour import RETRY_COUNT, Clients, calls
from mockserver.testing.received import ReceivedRequest
from mockserver.testing.server import MockServer
from tests.testing.asks import opened, post


class Story:
    """Exchanges made up, one after the other: when each came, how long it took, what it was answered."""

    def __init__(self) -> None:
        self.requests: list[ReceivedRequest] = []

    def add(
        self,
        at: float,
        status: int = 200,
        *,
        body: str = "a",
        count: int | None = None,
        took: float = 0.0,
        end: Any = "complete",
        stream: bool = False,
        link: Link | None = None,
        sent: tuple[float, ...] = (),
        headers: Mapping[str, str] = EMPTY,
    ) -> Story:
        given = {} if count is None else {RETRY_COUNT: str(count)}
        request = Request("POST", "/v1/responses", headers=given, body=orjson.dumps({"input": body}))
        answer = Timeline((Head(0, status, tuple((k.encode(), v.encode()) for k, v in headers.items())),))
        kind = "stream" if stream else "json" if status == 200 else "error"
        exchange = Exchange(request, 0.0, status, kind, answer=answer)  # type: ignore[arg-type]
        ending = None if end is None else Ending(end, took * 1000, 0, sent, at, link)
        self.requests.append(ReceivedRequest(Entry(len(self.requests) + 1, exchange, ending)))
        return self

    @property
    def clients(self) -> Clients:
        return calls(self.requests)

    @property
    def shape(self) -> list[list[int]]:
        """The numbers of the requests of each call."""
        return [[attempt.request.number for attempt in call.attempts] for call in self.clients]


def test_requests_that_differ_are_calls_of_their_own() -> None:
    assert Story().add(1, 500, body="a").add(2, 500, body="b").shape == [[1], [2]]


def test_the_client_s_own_count_tells_which_try_it_is() -> None:
    story = Story().add(1, 500, count=0).add(2, 500, count=1).add(3, count=2)
    assert story.shape == [[1, 2, 3]]
    assert story.clients[0].retries == 2
    assert story.clients[0].statuses == (500, 500, 200)


def test_two_clients_that_ask_the_same_at_the_same_time_are_told_apart() -> None:
    story = Story().add(1, 500, count=0, took=1).add(1.1, 500, count=0, took=1)
    story.add(3, 500, count=1).add(3.1, count=1).add(4, count=2)
    assert [len(call.attempts) for call in story.clients] == [3, 2]


def test_without_a_count_the_same_again_after_a_failure_is_a_try() -> None:
    """After an answer that was fine, or one that no retry mends, it is a new call."""
    assert Story().add(1, 429).add(2, 503).add(3).shape == [[1, 2, 3]]
    assert Story().add(1).add(2).shape == [[1], [2]]
    assert Story().add(1, 400).add(2).shape == [[1], [2]]
    assert Story().add(1, stream=True, end="cut").add(2, stream=True).shape == [[1, 2]]


def test_an_app_that_tries_again_with_a_new_call_of_its_client_is_seen_too() -> None:
    """Such as by a retrying decorator: the client then counts from 0 again."""
    assert Story().add(1, 500, count=0).add(2, count=0).shape == [[1, 2]]
    assert Story().add(1, 500, count=0, took=2).add(2, count=0).shape == [[1], [2]]


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "2", "retry-after-ms": "1500"}, 1.5),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
        ({}, None),
    ],
)
def test_what_a_client_was_told_to_wait(headers: dict[str, str], told: float | None) -> None:
    assert Story().add(1, 429, headers=headers).clients[0].attempts[0].told_to_wait == told


def failure(assertion: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        assertion()
    return str(caught.value)


def test_backing_off_is_judged_from_the_end_of_the_answer() -> None:
    wait = {"retry-after": "1"}
    patient = Story().add(10, 429, took=0.5, headers=wait).add(11.5)
    assert patient.clients[0].waits == pytest.approx((1.0,))
    patient.clients.assert_backed_off()
    hasty = Story().add(10, 429, took=0.5, headers=wait).add(11.4)
    said = failure(hasty.clients.assert_backed_off)
    assert said.splitlines() == [
        "a client came back before it was asked to",
        "  <call of request 1: 429, told to wait 1 s | waited 0.9 s, 200>",
    ]


@pytest.mark.parametrize(
    "story", [Story(), Story().add(1), Story().add(1, 429, headers={"retry-after": "1"}), Story().add(1, 500).add(2)]
)
def test_where_nobody_came_back_after_being_told_to_wait_there_is_nothing_to_judge(story: Story) -> None:
    assert "no wait to judge" in failure(story.clients.assert_backed_off)


def test_how_a_stream_was_read() -> None:
    """What is seen: the client left, kept the connection, used it again, or ended it."""
    gone, gone_too, kept, used = Link(), Link(), Link(), Link()
    gone.ended = gone_too.ended = used.ended = "client"
    story = Story()
    story.add(1, body="left", stream=True, end="client_left")
    story.add(2, body="kept", stream=True, link=kept)
    story.add(3, body="used", stream=True, link=used).add(4, body="later", link=used)
    story.add(5, body="closed", stream=True, link=gone)
    story.add(6, body="paced", stream=True, link=gone_too, sent=(0.0, 50.0))
    story.add(7, body="ours", stream=True, end="reset")
    story.add(8, body="open", stream=True, end=None)
    assert [call.attempts[-1].reading for call in story.clients] == [
        "closed early", "to the end", "to the end", None, "closed", "to the end", "broken", "open",
    ]  # fmt: skip


def test_a_broken_stream_that_was_asked_for_again_was_reconnected() -> None:
    story = Story().add(1, stream=True, end="reset").add(2, stream=True)
    assert story.clients[0].reconnected
    story.clients.assert_read_to_end()
    given_up = Story().add(1, stream=True, end="reset")
    assert not given_up.clients[0].reconnected
    assert "stream broken" in failure(given_up.clients.assert_read_to_end)


def test_without_streams_there_is_nothing_to_have_read() -> None:
    assert "no client was sent a stream" in failure(Story().add(1).clients.assert_read_to_end)


def test_clients_are_like_a_list() -> None:
    clients = Story().add(1, body="a").add(2, body="b").clients
    assert len(clients) == len(clients[:1]) + 1 == 2
    assert repr(clients).count("<call of request") == 2


# --- with real clients


def test_the_official_client_backs_off_as_it_is_told(server: MockServer, client: OpenAI) -> None:
    """By real time, though the session's clock stands still."""
    server.when().reply(server.error("rate_limit_exceeded", retry_after=0.15), times=2).then("fine")
    assert client.responses.create(model="m", input="hi").output_text == "fine"
    [call] = server.clients
    assert call.statuses == (429, 429, 200)
    assert [attempt.told_to_wait for attempt in call.attempts] == [0.15, 0.15, None]
    assert all(0.15 <= wait < 0.4 for wait in call.waits)
    server.clients.assert_backed_off()


def test_a_client_that_hammers_is_seen(server: MockServer) -> None:
    server.when().reply(server.error("rate_limit_exceeded", retry_after=5), times=2).then("fine")
    for _ in range(3):
        post(server.base_url)
    assert "told to wait 5 s" in failure(server.clients.assert_backed_off)


def test_a_client_that_gives_up_is_one_try(server: MockServer) -> None:
    server.when().reply(server.error("server_error"))
    with OpenAI(**server.client_kwargs, max_retries=0) as client, pytest.raises(InternalServerError):
        client.responses.create(model="m", input="hi")
    assert [call.retries for call in server.clients] == [0]


def test_a_stream_read_to_the_end_by_the_official_client(server: MockServer, client: OpenAI) -> None:
    server.when().reply("one two three")
    assert list(client.responses.create(model="m", input="hi", stream=True))
    server.clients.assert_read_to_end()


def test_an_instant_stream_left_by_the_official_client(server: MockServer, client: OpenAI) -> None:
    """All of it was sent at once; that the connection was not kept gives it away, at once."""
    server.when().reply("one two three")
    for _ in range(10):
        with client.responses.create(model="m", input="hi", stream=True) as stream:
            next(iter(stream))
    assert "stream closed" in failure(server.clients.assert_read_to_end)
    assert all(call.attempts[-1].reading == "closed" for call in server.clients)


def test_a_paced_stream_left_by_the_official_client(server: MockServer) -> None:
    with MockServer(host=server.host, speed=1, check=False) as paced, OpenAI(**paced.client_kwargs) as client:
        paced.when().reply("one two three", timing={"every": "80ms"})
        with client.responses.create(model="m", input="hi", stream=True) as stream:
            next(iter(stream))
        paced.wait_for(1, ended=True)
        assert paced.clients[0].attempts[0].reading == "closed early"
        assert "pace the reply" not in failure(paced.clients.assert_read_to_end)


async def test_the_official_async_client(server: MockServer) -> None:
    server.when(stream=False).reply(server.error("server_error"), times=1).then("fine")
    server.when().reply("one two three")
    async with AsyncOpenAI(**server.client_kwargs) as client:
        await client.responses.create(model="m", input="hi")
        async with await client.responses.create(model="m", input="hi", stream=True) as stream:
            async for _ in stream:
                pass
        server.clients.assert_read_to_end()
        assert [call.retries for call in server.clients] == [1, 0]


def test_a_broken_stream_is_not_the_client_s_fault_if_it_asks_again(server: MockServer, client: OpenAI) -> None:
    server.when().reply("one two", faults=[server.reset(after={"deltas": 1})], times=1).then("fine")
    with pytest.raises(APIConnectionError):
        list(client.responses.create(model="m", input="hi", stream=True))
    assert list(client.responses.create(model="m", input="hi", stream=True))
    [call] = server.clients
    assert call.reconnected
    server.clients.assert_read_to_end()


def test_a_connection_closed_right_after_the_end_is_not_taken_for_granted(server: MockServer) -> None:
    """Read or not cannot be seen then, and the failure says how to see more."""
    server.when().reply("one two three")
    with opened(server.base_url, {"stream": True}) as answer:
        answer.read()
    assert "`timing=` and `speed=1`" in failure(server.clients.assert_read_to_end)


def test_the_time_of_a_session_does_not_matter(server: MockServer, client: OpenAI) -> None:
    server.clock.freeze("1999-01-01T00:00:00Z")
    server.when().reply(server.error("server_error", retry_after=0.05), times=1).then("fine")
    began = time.monotonic()
    client.responses.create(model="m", input="hi")
    assert 0.05 <= server.clients[0].waits[0] <= time.monotonic() - began
