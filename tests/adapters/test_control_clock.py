"""The clock under `/_mock`: frozen, advanced, released; what was planned is told, and nothing waits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.adapters.controlling import NOON, Controlled, controlled


@pytest.fixture(scope="module")
def lasting() -> Iterator[Controlled]:
    with controlled("otherwise: {text: one two three, timing: {first: 30s, every: 10s}}") as served:
        yield served


@pytest.fixture
def server(lasting: Controlled) -> Controlled:
    """A server whose session `s` has just begun."""
    lasting.done("PUT", "/sessions/s")
    return lasting


CLOCK = "/sessions/s/clock"


def test_freeze_advance_release(server: Controlled) -> None:
    """Of one session; the others go on."""
    assert server.done("GET", CLOCK) == {"now": NOON, "frozen": False}
    assert server.done("POST", CLOCK, {"freeze": "2026-01-31T13:00:00Z"}) == {"now": NOON + 3600, "frozen": True}
    assert server.done("POST", CLOCK, {"advance": "60s"}) == {"now": NOON + 3660, "frozen": True}
    assert server.done("POST", CLOCK, {"advance": "1.5m"}) == {"now": NOON + 3750, "frozen": True}
    assert server.done("GET", "/clock") == {"now": NOON, "frozen": False}
    assert server.done("POST", CLOCK, {"release": True}) == {"now": NOON, "frozen": False}


@pytest.mark.parametrize(
    ("given", "shown"),
    [(True, NOON), (5, 5.0), (0, 0.0), ("+5m", NOON + 300), ("-30s", NOON - 30), ("2026-01-31T12:00:00", NOON)],
)
def test_a_clock_is_frozen_at_any_moment(server: Controlled, given: Any, shown: float) -> None:
    assert server.done("POST", CLOCK, {"freeze": given}) == {"now": shown, "frozen": True}


def test_a_shift_starts_from_what_the_session_s_clock_shows(server: Controlled) -> None:
    server.done("POST", CLOCK, {"freeze": 1000})
    assert server.done("POST", CLOCK, {"freeze": "+5m"})["now"] == 1300


def test_a_frozen_session_sends_at_once_and_tells_what_was_planned(server: Controlled) -> None:
    """A minute of stream takes no time; its answer carries the frozen date."""
    server.done("POST", CLOCK, {"freeze": 1_000_000})
    began = time.monotonic()
    status, told = server.tell("POST", "/s/s/v1/responses", {"model": "m", "input": "x"}, root="")
    assert (status, told["created_at"]) == (200, 1_000_000)
    server.tell("POST", "/s/s/v1/responses", {"model": "m", "input": "x", "stream": True}, root="")
    assert time.monotonic() - began < 5
    entry = server.done("GET", "/sessions/s/requests?kind=stream")["requests"][0]
    assert max(entry["planned_ms"]) == 50_000
    assert max(entry["sent_ms"]) < 5000


def test_a_limit_s_window_passes_without_waiting(server: Controlled) -> None:
    """One a minute, a minute later another."""
    server.done("POST", CLOCK, {"freeze": True})
    server.done("PUT", "/sessions/s/rules", {"limits": {"requests": 1}, "rules": []})
    assert [server.ask(session="s")[0] for _ in range(2)] == [200, 429]
    server.done("POST", CLOCK, {"advance": "60s"})
    assert server.ask(session="s")[0] == 200


def test_a_clock_that_is_put_back_does_not_turn_the_journal_round(server: Controlled) -> None:
    """Page by page nothing is left out."""
    for moment in (3000, 1000, 2000):
        server.done("POST", CLOCK, {"freeze": moment})
        server.ask(session="s")
    page = server.done("GET", "/sessions/s/requests?limit=1&after=0")
    numbers = [entry["number"] for entry in page["requests"]]
    while page["requests"]:
        page = server.done("GET", f"/sessions/s/requests?limit=1&after={page['next']}")
        numbers += [entry["number"] for entry in page["requests"]]
    assert numbers == [1, 2, 3]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "one change at a time"),
        ("", "one change at a time"),
        ({"freeze": 5, "advance": "1s"}, "one change at a time"),
        ({"freze": 5}, "did you mean `freeze`"),
        ({"freeze": "soon"}, "2026-01-31T12:00:00Z"),
        ({"freeze": False}, "or true for now"),
        ({"freeze": None}, "or true for now"),
        ({"freeze": "+5"}, "such as +5m"),
        ({"freeze": -1}, "such as +5m"),
        ({"freeze": 1e12}, "1970 to 9999"),
        ({"freeze": "-99999999m"}, "1970 to 9999"),
        ({"advance": 60}, "did you mean `60s`"),
        ({"advance": "-5s"}, "25ms"),
        ({"release": False}, "`true`"),
        ([], "a change of the clock"),
    ],
)
def test_a_senseless_change_is_told_and_changes_nothing(server: Controlled, body: Any, word: str) -> None:
    server.done("POST", CLOCK, {"freeze": 77})
    assert word in server.refused(400, "POST", CLOCK, body)
    assert server.done("GET", CLOCK) == {"now": 77.0, "frozen": True}


def test_a_running_clock_cannot_be_advanced(server: Controlled) -> None:
    assert "freeze it first" in server.refused(409, "POST", CLOCK, {"advance": "1s"})


def test_a_clock_stops_before_the_year_10000(server: Controlled) -> None:
    server.done("POST", CLOCK, {"freeze": "9999-12-31T23:59:00Z"})
    assert "9999" in server.refused(400, "POST", CLOCK, {"advance": "1m"})
    assert server.ask(session="s")[0] == 200
