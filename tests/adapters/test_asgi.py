"""The application without a server of ours: what plain ASGI can do, and how a request is read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.adapters.asgi import App, loggable, read_headers, read_query, split_session
from mockserver.adapters.clock import SystemClock
from mockserver.core.timeline import Cut, Raw, Reset, Stall, Timeline
from tests.adapters.doubles import FakeEngine, frame, stream


def scope(path: str = "/v1/responses", **more: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
        **more,
    }


async def ask(engine: FakeEngine, *parts: bytes | None, **settings: int) -> list[dict[str, Any]]:
    """Send body parts (None: the client leaves) and return what the application sent."""
    sent: list[dict[str, Any]] = []
    waiting = list(parts or (b"{}",))

    async def receive() -> dict[str, Any]:
        if not waiting:
            await asyncio.Event().wait()
        part = waiting.pop(0)
        if part is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part, "more_body": bool(waiting) and waiting[0] is not None}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    app = App(engine, SystemClock(), max_body=settings.get("max_body", 1000))
    await app(scope(), receive, send)
    return sent


async def test_a_stream_over_plain_asgi() -> None:
    sent = await ask(FakeEngine(lambda _: stream(2, every=5)))
    assert sent[0]["status"] == 200
    assert [message.get("body") for message in sent[1:]] == [frame(0), frame(1)]
    assert [message.get("more_body") for message in sent[1:]] == [True, False]


async def test_a_body_in_parts() -> None:
    engine = FakeEngine()
    await ask(engine, b"one ", b"two ", b"three")
    assert engine.requests[0].body == b"one two three"


async def test_a_body_in_parts_that_is_too_large() -> None:
    sent = await ask(FakeEngine(), b"x" * 600, b"x" * 600, b"x" * 600)
    assert sent[0]["status"] == 413


async def test_a_client_that_leaves_while_waiting_is_noticed() -> None:
    engine = FakeEngine(lambda _: stream(2, every=60_000))
    await asyncio.wait_for(ask(engine, b"{}", None), 2)
    assert engine.endings[0].end == "client_left"


async def test_a_client_that_never_asked_anything_whole() -> None:
    engine = FakeEngine()
    assert await ask(engine, None) == []
    assert engine.requests == []


@pytest.mark.parametrize(("step", "end"), [(Cut(0), "cut"), (Reset(0), "reset")])
async def test_a_broken_end_leaves_the_body_open(step: Cut | Reset, end: str) -> None:
    """Plain ASGI has no word for a reset; a body without an end is the nearest."""
    engine = FakeEngine(lambda _: stream(2, then=step))
    sent = await ask(engine)
    assert sent[-1]["more_body"] is True
    assert engine.endings[0].end == end


async def test_raw_bytes_go_into_the_body() -> None:
    sent = await ask(FakeEngine(lambda _: Timeline((Raw(0, b"raw"), Cut(0)))))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


async def test_nothing_is_left_running() -> None:
    engine = FakeEngine(lambda _: stream(1, then=Stall(0)))
    await asyncio.wait_for(ask(engine, b"{}", None), 2)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_without_a_control_application_the_life_span_is_answered() -> None:
    sent: list[str] = []
    waiting = ["lifespan.startup", "lifespan.shutdown"]

    async def receive() -> dict[str, str]:
        return {"type": waiting.pop(0)}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await App(FakeEngine(), SystemClock())({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_repeated_headers_are_joined() -> None:
    raw = [(b"accept", b"a"), (b"x", b"1"), (b"accept", b"b"), (b"y", b"\xe9")]
    assert read_headers(raw) == {"accept": "a, b", "x": "1", "y": "é"}


@settings(max_examples=50)
@given(st.lists(st.tuples(st.binary(max_size=3), st.binary(max_size=3)), max_size=8))
def test_no_header_is_lost(raw: Sequence[tuple[bytes, bytes]]) -> None:
    headers = read_headers(raw)
    for name in {name for name, _ in raw}:
        values = [value.decode("latin-1") for key, value in raw if key == name]
        assert headers[name.decode("latin-1")] == ", ".join(values)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"a=1&b=", {"a": "1", "b": ""}),
        (b"a=%20x+y", {"a": " x y"}),
        (b"include[]=a&include[]=b", {"include[]": "a, b"}),
        (b"\xff=%ff", {"ÿ": "�"}),
        (b"&&=&a", {"": "", "a": ""}),
    ],
)
def test_queries(raw: bytes, expected: dict[str, str]) -> None:
    assert read_query(raw) == expected


@settings(max_examples=50)
@given(st.text(min_size=1, max_size=8), st.text(max_size=8))
def test_any_session_name_fits_into_a_prefix(name: str, rest: str) -> None:
    from urllib.parse import quote

    name, rest = name.encode("utf-8", "replace").decode(), rest.encode("utf-8", "replace").decode()
    raw = f"/s/{quote(name, safe='')}/{quote(rest)}"
    assert split_session({"path": "ignored", "raw_path": raw.encode()}) == (f"/{rest}", name)


def test_client_text_in_a_log_is_one_printable_line() -> None:
    assert loggable("/a\nb\x1b") == "/a\\nb\\x1b"
    assert loggable("/über") == "/über"
