"""When each part of an answer is due, and where faults strike: offsets planned by the whole engine, without waiting."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from mockserver.core.timeline import Chunk, Cut, Finish, Head, Reset, Stall
from tests.core.asking import Answered, ask, engine

FIVE = "one two three four five"


def answer(reply: dict[str, Any], *, stream: bool = True, **options: Any) -> Answered:
    return ask(engine(json.dumps({"rules": [{"reply": reply}]}), **options), stream=stream)


def due(answered: Answered, kind: str = ".delta") -> list[float]:
    """Return when the events whose type ends so are due, in milliseconds."""
    types = [event["type"] for event in answered.events]
    planned = answered.play.exchange.planned
    return [at for name, at in zip(types, planned, strict=True) if name.endswith(kind)]


@pytest.mark.parametrize(
    ("timing", "deltas"),
    [
        ({}, [0, 0, 0, 0, 0]),
        ({"first": "300ms"}, [300] * 5),
        ({"first": "300ms", "every": "25ms"}, [300, 325, 350, 375, 400]),
        ({"every": "1s"}, [0, 1000, 2000, 3000, 4000]),
        ({"first": "100ms", "tokens_per_second": 50}, [100, 120, 140, 160, 180]),
        ({"first": "100ms", "duration": "500ms"}, [100, 200, 300, 400, 500]),
        ({"duration": "1s"}, [200, 400, 600, 800, 1000]),
        ({"first": "10ms", "every": "10ms", "chunk": "whole"}, [10]),
        ({"every": "10ms", "chunk": 12}, [0, 10]),
        ({"every": "1ms", "chunk": "char"}, list(range(len(FIVE)))),
    ],
    ids=json.dumps,
)
def test_deltas_are_due_from_the_arrival_of_the_request(timing: dict[str, Any], deltas: list[float]) -> None:
    """Opening frames go with the first delta, closing ones and the end with the last; JSON waits as long."""
    made = answer({"text": FIVE, "timing": timing})
    assert due(made) == deltas
    assert due(made, ".created") + due(made, "response.in_progress") == [0, 0]
    assert due(made, "output_item.added") + due(made, "content_part.added") == [deltas[0]] * 2
    closing = [due(made, kind) for kind in ("text.done", "content_part.done", "output_item.done", "response.completed")]
    assert closing == [[deltas[-1]]] * 4
    assert made.end == answer({"text": FIVE, "timing": timing}, stream=False).end == deltas[-1]


def test_headers_of_a_stream_leave_at_once_and_those_of_json_with_the_body() -> None:
    timing = {"first": "1s"}
    stream, whole = answer({"text": "a", "timing": timing}), answer({"text": "a", "timing": timing}, stream=False)
    assert (stream.steps[0].at, whole.steps[0].at) == (0, 1000)


def test_jitter_is_drawn_within_its_bounds_and_the_same_in_every_run() -> None:
    reply = {"text": FIVE, "timing": {"first": "10ms", "every": "20ms", "jitter": "5ms"}}
    drawn = due(answer(reply))
    gaps = [later - earlier for earlier, later in pairwise(drawn)]
    assert all(15 <= gap <= 25 for gap in gaps)
    assert len(set(gaps)) > 1
    assert due(answer(reply)) == drawn != due(answer(reply, seed=1))
    assert answer(reply, stream=False).end >= 10 + 4 * 15


def test_without_a_delta_the_end_comes_at_first() -> None:
    made = answer({"output": [], "timing": {"first": "70ms", "every": "20ms"}})
    assert due(made, ".completed") == [70]


def test_an_item_without_deltas_goes_with_the_next_delta_else_the_previous() -> None:
    timing = {"first": "50ms", "every": "10ms"}
    first = answer({"output": [{"web_search_call": "q"}, {"message": "a b"}], "timing": timing})
    assert due(first, "output_item.done") == [50, 60]
    last = answer({"output": [{"message": "a b"}, {"web_search_call": "q"}], "timing": timing})
    assert due(last, "output_item.done") == [60, 60]


@pytest.mark.parametrize(("speed", "factor"), [(2, 0.5), (0.5, 2), (0, 0)])
def test_speed_scales_timing_the_server_s_or_the_reply_s_own(speed: float, factor: float) -> None:
    reply = {"text": FIVE, "timing": {"first": "100ms", "every": "10ms"}}
    wanted = [at * factor for at in (100, 110, 120, 130, 140)]
    assert due(answer(reply, speed=speed)) == wanted
    assert due(answer({**reply, "speed": speed}, speed=7)) == wanted
    assert answer(reply, stream=False, speed=speed).end == wanted[-1]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("reply", [{"error": "server_error"}, {"http": {"status": 200, "body": "x"}}])
def test_error_and_http_wait_first(reply: dict[str, Any], stream: bool) -> None:
    made = answer({**reply, "timing": {"first": "250ms", "every": "1s"}}, stream=stream)
    assert [step.at for step in made.steps] == [250, 250, 250]
    assert answer({**reply, "timing": {"first": "250ms"}}, stream=stream, speed=0).end == 0


EVENTS = [
    "created",
    "in_progress",
    {"output_text.delta": "Hel"},
    {"at": "120ms", "output_text.delta": "lo"},
    "completed",
]


def test_a_literal_event_s_own_offset_wins_and_nothing_comes_before_it() -> None:
    made = answer({"events": EVENTS})
    assert due(made) == [0, 120]
    assert due(made, ".completed") == [120]
    assert answer({"events": EVENTS}, stream=False).end == 120
    assert due(answer({"events": EVENTS}, speed=2)) == [0, 60]
    assert due(answer({"events": EVENTS}, speed=0)) == [0, 0]
    early = [*EVENTS[:4], {"at": "50ms", "completed": None}]
    assert due(answer({"events": early}), ".completed") == [120]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", [{"delay": "300ms"}, {"stall": {"time": "300ms"}}])
def test_speed_leaves_faults_alone(fault: dict[str, Any], stream: bool) -> None:
    """They take real time, even when the answer takes none."""
    reply = {"text": FIVE, "timing": {"every": "10ms"}, "faults": [fault]}
    made = answer(reply, stream=stream, speed=0)
    assert [step.at for step in made.steps] == [300] * len(made.steps)


def test_a_frozen_time_of_day_leaves_delays_alone_and_a_frozen_clock_does_not() -> None:
    """`--now` says what time it is, and time goes on; a session whose clock stands still waits for nothing."""
    asked = engine(
        json.dumps({"rules": [{"reply": {"text": FIVE, "timing": {"every": "1s"}, "faults": [{"delay": "9s"}]}}]})
    )
    first, second = ask(asked, stream=True, now=1e9), ask(asked, stream=True, now=1e9)
    assert first.end == second.end == 13_000
    assert first.events[-1]["response"]["created_at"] == 1_000_000_000
    asked.sessions.find("default").frozen = 2e9
    still = ask(asked, stream=True)
    assert still.end == 0
    assert still.events[-1]["response"]["completed_at"] == 2_000_000_000


ENDS = {"cut": Cut, "reset": Reset, "stall": Stall}


@pytest.mark.parametrize("fault", ENDS)
@pytest.mark.parametrize(
    ("place", "sent"),
    [
        (None, []),
        ({"after": {"events": 0}}, []),
        ({"after": {"events": 3}}, ["response.created", "response.in_progress", "response.output_item.added"]),
        ({"after": {"deltas": 2}}, ["one", " two"]),
        ({"after": {"text": "two thr"}}, ["one", " two", " three"]),
        ({"after": {"time": "25ms"}}, ["one", " two", " three"]),
        ({"before": "completed"}, ["one", " two", " three", " four", " five"]),
        ({"before": "response.output_text.done"}, ["one", " two", " three", " four", " five"]),
    ],
)
def test_what_comes_before_a_place_in_a_stream_is_sent_and_nothing_after(
    fault: str, place: Any, sent: list[str]
) -> None:
    struck = {fault: place} if place else fault
    made = answer({"text": FIVE, "timing": {"every": "10ms"}, "faults": [struck]})
    assert (made.status == 200) == (place is not None)
    told = [event.get("delta") if event["type"].endswith(".delta") else event["type"] for event in made.events]
    deltas = [each for each in told if each in ("one", " two", " three", " four", " five")]
    assert (deltas or told) == sent
    assert isinstance(made.steps[-1], ENDS[fault])
    assert not any(isinstance(step, Finish) for step in made.steps)
    assert made.play.exchange.notes == ()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("count", [0, 1, 57])
def test_bytes_are_exact_in_both_encodings(stream: bool, count: int) -> None:
    whole = answer({"text": FIVE}, stream=stream).body
    made = answer({"text": FIVE, "faults": [{"cut": {"after": {"bytes": count}}}]}, stream=stream)
    assert made.body == whole[:count]
    assert isinstance(made.steps[-1], Cut)


@pytest.mark.parametrize(
    ("place", "kinds"),
    [({"after": {"time": "5ms"}}, [Reset]), ({"after": {"bytes": 10}}, [Head, Chunk, Reset])],
)
def test_a_json_answer_takes_time_and_bytes(place: dict[str, Any], kinds: list[type]) -> None:
    reply = {"text": FIVE, "timing": {"every": "10ms"}, "faults": [{"reset": place}]}
    assert [type(step) for step in answer(reply, stream=False).steps] == kinds


@pytest.mark.parametrize(
    "place",
    [{"after": {"events": 2}}, {"after": {"deltas": 1}}, {"after": {"text": "one"}}, {"before": "completed"}],
    ids=json.dumps,
)
def test_a_place_that_json_has_not_is_said(place: dict[str, Any]) -> None:
    """The answer goes out whole, and the journal says that the fault never struck."""
    made = answer({"text": FIVE, "faults": [{"cut": place}]}, stream=False)
    assert made.json["status"] == "completed"
    [note] = made.play.exchange.notes
    assert "never struck" in str(note)


def test_delays_stack_and_a_cut_after_them_comes_later() -> None:
    faults = [{"delay": "100ms"}, {"delay": {"time": "1s", "after": {"deltas": 1}}}, {"cut": {"after": {"deltas": 2}}}]
    made = answer({"text": FIVE, "timing": {"every": "10ms"}, "faults": faults})
    assert made.steps[-1] == Cut(1110)
    assert made.steps[0].at == 100


def test_an_event_that_is_cut_in_the_middle_was_not_sent() -> None:
    """What counts as sent is whole: of a stream cut inside its third event two were."""
    frames = answer({"text": FIVE}).body.split(b"\n\n")
    place = len(b"\n\n".join(frames[:2])) + 2 + len(frames[2]) // 2
    made = answer({"text": FIVE, "timing": {"every": "1ms"}, "faults": [{"cut": {"after": {"bytes": place}}}]})
    assert sum(step.events for step in made.steps if isinstance(step, Chunk)) == 2
    late = answer({"text": FIVE, "faults": [{"delay": {"time": "5ms", "after": {"bytes": place}}}]})
    assert sum(step.events for step in late.steps if isinstance(step, Chunk)) == len(frames) - 1
