"""Faults on timelines: the place is exact, what comes before it stays whole."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.faults import FAULTS, Fault, Place, strike
from mockserver.core.rulefiles.faultform import compile_fault
from mockserver.core.timeline import Chunk, Cut, Finish, Head, Reset, Stall, Step, Timeline

STREAM = Timeline(
    (
        Head(0, 200, ()),
        Chunk(0, b"created", 1, "response.created"),
        Chunk(10, b"one ", 1, "response.output_text.delta", "one "),
        Chunk(20, b"two ", 1, "response.output_text.delta", "two "),
        Chunk(30, b"three", 1, "response.output_text.delta", "three"),
        Chunk(30, b"completed", 1, "response.completed"),
        Finish(30),
    )
)
JSON = Timeline((Head(5, 200, ()), Chunk(5, b'{"a": 1}'), Finish(5)))


def sent(timeline: Timeline) -> bytes:
    return b"".join(step.data for step in timeline.steps if isinstance(step, Chunk))


@pytest.mark.parametrize(
    ("place", "before", "at"),
    [
        (Place(), b"", 0),
        (Place("events", 0), b"", 0),
        (Place("events", 2), b"createdone ", 10),
        (Place("deltas", 2), b"createdone two ", 20),
        (Place("text", "two"), b"createdone two ", 20),
        (Place("text", "e t"), b"createdone two ", 20),
        (Place("bytes", 0), b"", 0),
        (Place("bytes", 9), b"createdon", 10),
        (Place("bytes", 11), b"createdone ", 10),
        (Place("time", 15.0), b"createdone ", 15),
        (Place("before", "response.completed"), b"createdone two three", 30),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["cut", "reset", "stall"])
def test_what_comes_before_the_place_is_sent_and_nothing_after(
    name: str, place: Place, before: bytes, at: float
) -> None:
    """Every place of a stream, for every fault that ends one."""
    struck, notes = strike(STREAM, (Fault(name, place),))
    assert sent(struck) == before
    ending: dict[str, Step] = {"cut": Cut(at), "reset": Reset(at), "stall": Stall(at)}
    assert struck.steps[-1] == ending[name]
    assert notes == ()


def test_delay_moves_everything_after_its_place() -> None:
    """Bytes stay, offsets shift, order holds; a stall with a time does the same."""
    for name in ("delay", "stall"):
        struck, _ = strike(STREAM, (Fault(name, Place("deltas", 1), 500.0),))
        assert sent(struck) == sent(STREAM)
        assert [step.at for step in struck.steps] == [0, 0, 10, 520, 530, 530, 530]


def test_faults_stack_in_order() -> None:
    """A delay and then a cut after a time: the cut sees the delayed offsets."""
    struck, _ = strike(STREAM, (Fault("delay", Place("events", 1), 100.0), Fault("cut", Place("time", 50.0))))
    assert sent(struck) == b"created"
    assert struck.steps[-1] == Cut(50)


@pytest.mark.parametrize(
    "place",
    [Place("events", 1), Place("deltas", 1), Place("text", "a"), Place("before", "response.completed")],
    ids=str,
)
def test_a_json_answer_has_no_event_places(place: Place) -> None:
    """It takes byte and time places; anything else is left alone and said."""
    struck, notes = strike(JSON, (Fault("reset", place),))
    assert struck == JSON
    assert len(notes) == 1
    assert "never struck" in notes[0]


def test_a_json_answer_takes_byte_and_time_places() -> None:
    """Half of the body, or nothing before its time."""
    assert sent(strike(JSON, (Fault("cut", Place("bytes", 4)),))[0]) == b'{"a"'
    struck, _ = strike(JSON, (Fault("reset", Place("time", 2.0)),))
    assert struck.steps == (Reset(2.0),)


@pytest.mark.parametrize(
    "place",
    [Place("events", 9), Place("deltas", 9), Place("text", "nine"), Place("bytes", 999), Place("time", 99.0)],
    ids=str,
)
def test_a_place_that_is_never_reached_is_said(place: Place) -> None:
    """The answer goes out whole and a note tells why."""
    struck, notes = strike(STREAM, (Fault("cut", place),))
    assert struck == STREAM
    assert notes == (f"fault cut {place} never struck: the answer has no such place",)


@given(st.integers(0, 40), st.sampled_from(sorted(FAULTS)))
def test_byte_places_are_exact(count: int, name: str) -> None:
    """Exactly `count` bytes come before the fault, whatever the frames."""
    total = len(sent(STREAM))
    struck, notes = strike(STREAM, (Fault(name, Place("bytes", count), 10.0 if name == "delay" else None),))
    if count > total:
        assert notes
    elif name == "delay":
        assert sent(struck) == sent(STREAM)
    else:
        assert sent(struck) == sent(STREAM)[:count]


def compiled(value: Any) -> tuple[Fault | None, list[str]]:
    problems: list[str] = []

    def report(path: tuple[str | int, ...], message: str, hint: str = "") -> None:
        problems.append(f"{'.'.join(map(str, path))}: {message}" + (f" ({hint})" if hint else ""))

    return compile_fault(value, report, ("faults", 0)), problems


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("cut", Fault("cut")),
        ({"reset": {"after": {"deltas": 3}}}, Fault("reset", Place("deltas", 3))),
        ({"delay": "300ms"}, Fault("delay", Place(), 300.0)),
        (
            {"delay": {"time": "1s", "before": "completed"}},
            Fault("delay", Place("before", "response.completed"), 1000.0),
        ),
        ({"stall": {"after": {"text": "two"}}}, Fault("stall", Place("text", "two"))),
        ({"stall": {"time": "2s", "after": {"time": "10ms"}}}, Fault("stall", Place("time", 10.0), 2000.0)),
        ({"cut": {"after": {"bytes": 512}}}, Fault("cut", Place("bytes", 512))),
    ],
)
def test_spellings(written: Any, fault: Fault) -> None:
    """What an author writes and what it means."""
    assert compiled(written) == (fault, [])


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"rest": None}, "faults.0.rest: unknown fault `rest` (did you mean `reset`?)"),
        ({"delay": 300}, "faults.0.delay.time: a time needs a unit; did you mean `300ms`?"),
        ("delay", "faults.0.delay: fault `delay` needs a time (write e.g. `delay: 300ms`)"),
        (
            {"cut": "1s"},
            "faults.0.cut.time: fault `cut` takes no time (for a place in time write `after: {time: 300ms}`)",
        ),
        ({"cut": {"after": {"delta": 1}}}, "faults.0.cut.after: expected one of events, deltas, text, bytes, time"),
        ({"cut": {"after": {"events": -1}}}, "faults.0.cut.after.events: expected a whole number of events, 0 or more"),
        ({"cut": {"after": {"text": 3}}}, "faults.0.cut.after.text: expected the text that must have been sent"),
        (
            {"cut": {"before": "complete"}},
            "faults.0.cut.before: unknown event `complete` (did you mean `completed`?)",
        ),
        ({"cut": {"before": "xyz"}}, "unknown event `xyz` (`mockserver list events` names them all)"),
        ({"cut": {"aftr": 1}}, "faults.0.cut.aftr: unknown key `aftr` of fault `cut` (did you mean `after`?)"),
        ({"cut": {"before": "completed", "after": {"events": 1}}}, "a fault strikes at one place"),
        ({"cut": {"when": 1}}, "faults.0.cut.when: unknown key `when` of fault `cut`"),
        ([], "faults.0: expected one fault by name"),
    ],
)
def test_mistakes(written: Any, message: str) -> None:
    """What an author gets told."""
    _, problems = compiled(written)
    assert len(problems) == 1
    assert message in problems[0]
