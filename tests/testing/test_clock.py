"""The clock of a session, moved by the test."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from mockserver.core.errors import SettingError
from mockserver.testing.server import MockServer
from tests.testing.asks import post

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_it_stands_still_until_it_is_moved(server: MockServer) -> None:
    clock = server.clock
    assert clock.frozen
    assert clock.time == START
    clock.advance(90)
    clock.advance(timedelta(minutes=1))
    assert clock.time == START + timedelta(seconds=150)
    assert clock.now == START.timestamp() + 150
    assert repr(clock) == "<clock 2026-01-01T00:02:30+00:00 frozen>"


def test_answers_carry_the_session_s_time(server: MockServer) -> None:
    server.otherwise("x")
    server.clock.advance(5)
    post(server.base_url)
    assert server.last_request.time == START.timestamp() + 5
    assert server.last_request.response is not None
    assert server.last_request.response["created_at"] == START.timestamp() + 5


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2030-05-05T00:00:00Z", datetime(2030, 5, 5, tzinfo=UTC)),
        (datetime(2030, 5, 5), datetime(2030, 5, 5, tzinfo=UTC)),  # noqa: DTZ001 - a naive one is UTC
        (datetime(2030, 5, 5, 2, tzinfo=timezone(timedelta(hours=2))), datetime(2030, 5, 5, tzinfo=UTC)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        ("+5m", START + timedelta(minutes=5)),
        (None, START),
    ],
)
def test_it_is_stopped_at_a_time(server: MockServer, at: Any, expected: datetime) -> None:
    server.clock.freeze(at)
    assert server.clock.time == expected


def test_released_it_is_the_machine_s_and_answers_take_their_time(server: MockServer) -> None:
    server.when().reply("one", timing={"first": "150ms"})
    server.clock.release()
    assert not server.clock.frozen
    assert abs(server.clock.now - time.time()) < 5
    began = time.monotonic()
    post(server.base_url, {"stream": True})
    assert time.monotonic() - began >= 0.15
    server.clock.freeze()
    began = time.monotonic()
    post(server.base_url, {"stream": True})
    assert time.monotonic() - began < 0.15


def test_what_it_cannot_do_is_told(server: MockServer) -> None:
    with pytest.raises(ValueError, match="only goes forward"):
        server.clock.advance(-1)
    with pytest.raises(SettingError, match=r"^clock\.freeze: expected a time"):
        server.clock.freeze("tomorrow")
    server.clock.release()
    with pytest.raises(ValueError, match="not frozen"):
        server.clock.advance(1)
