"""The player against a clock moved by hand: what is sent when, and how it is said to have ended."""

from __future__ import annotations

import asyncio
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.adapters.player import perform
from mockserver.core.messages import Ending
from mockserver.core.timeline import Chunk, Cut, Finish, Head, Raw, Reset, Stall, Step, Timeline
from tests.adapters.doubles import FakeClock, Script


def play(*steps: Step, clock: FakeClock | None = None, line: Script | None = None) -> tuple[Script, Ending, FakeClock]:
    clock, line = clock or FakeClock(), line or Script()
    ending = asyncio.run(perform(Timeline(steps), line, clock, clock.moment))
    return line, ending, clock


def event(at: float, data: bytes) -> Chunk:
    return Chunk(at, data, 1, "tick")


HEAD = Head(0, 200, ())


def test_an_instant_answer_takes_no_timer() -> None:
    """Head, body and end at 0: nothing waits, and the end travels with the body."""
    line, ending, clock = play(HEAD, Chunk(0, b"{}"), Finish(0))
    assert line.calls == [("begin", 200), ("body", b"{}", False)]
    assert clock.waits == []
    assert ending == Ending("complete", 0.0, 2, received=1000.0)


def test_whole_frames_due_together_leave_in_one_write() -> None:
    line, ending, _ = play(HEAD, event(0, b"a"), event(0, b"b"), event(0, b"c"), Finish(0))
    assert line.calls[1:] == [("body", b"abc", False)]
    assert ending.sent_at == (0.0, 0.0, 0.0)


def test_pieces_of_a_frame_are_never_merged() -> None:
    """A split is what somebody asked for: chunks that hold no whole event stay writes of their own."""
    line, _, _ = play(HEAD, event(0, b"a"), Chunk(0, b"b1"), Chunk(0, b"b2"), event(0, b"c"), Finish(0))
    assert line.calls[1:] == [("body", b"a", True), ("body", b"b1", True), ("body", b"b2", True), ("body", b"c", False)]


def test_each_timed_event_is_sent_at_its_own_time() -> None:
    line, ending, clock = play(HEAD, event(20, b"a"), event(40, b"b"), Finish(40))
    assert line.calls == [("begin", 200), ("flush",), ("body", b"a", True), ("body", b"b", False)]
    assert [round((when - 1000) * 1000) for when in clock.waits] == [20, 40]
    assert [round(at) for at in ending.sent_at] == [20, 40]


def test_the_head_does_not_wait_for_the_body() -> None:
    """A client must see the status before the first timed event."""
    line, _, _ = play(HEAD, event(500, b"a"), Finish(500))
    assert line.calls[:2] == [("begin", 200), ("flush",)]


def test_a_late_event_never_shifts_the_next() -> None:
    """30 ms late at 20: what was due meanwhile goes along, the rest keeps its planned time."""
    _, ending, clock = play(
        HEAD, *[event(at, b"x") for at in (20, 40, 60, 80)], Finish(80), clock=FakeClock(lateness=[0.030])
    )
    assert [round((when - 1000) * 1000) for when in clock.waits] == [20, 60, 80]
    assert [round(at) for at in ending.sent_at] == [50, 50, 60, 80]


def test_lateness_does_not_add_up_over_a_long_stream() -> None:
    steps = [event(20.0 * number, b"x") for number in range(1, 501)]
    _, ending, _ = play(HEAD, *steps, Finish(10_000), clock=FakeClock(lateness=[0.004] * 501))
    late = [sent - step.at for sent, step in zip(ending.sent_at, steps, strict=True)]
    assert max(late) < 4.001
    assert min(late) > 3.999


@pytest.mark.parametrize(("step", "end"), [(Cut(0), "cut"), (Reset(0), "reset")])
def test_a_broken_end_comes_after_what_stands_before_it(step: Step, end: str) -> None:
    line, ending, _ = play(HEAD, event(0, b"a"), step)
    assert line.calls == [("begin", 200), ("body", b"a", True), (end,)]
    assert ending.end == end


def test_an_end_that_is_due_later_is_awaited() -> None:
    line, ending, clock = play(HEAD, event(0, b"a"), Finish(100))
    assert line.calls[1:] == [("body", b"a", True), ("body", b"", False)]
    assert len(clock.waits) == 1
    assert ending.duration_ms == pytest.approx(100)


def test_raw_bytes_go_past_the_framing() -> None:
    line, ending, _ = play(HEAD, Raw(0, b"garbage"), Cut(0))
    assert line.calls == [("begin", 200), ("raw", b"garbage"), ("cut",)]
    assert ending.bytes_sent == 7


def test_a_client_that_left_gets_nothing_more() -> None:
    line, ending, _ = play(
        HEAD, *[event(at, b"x") for at in (10, 20, 30, 40)], Finish(40), line=Script(leave_after=4)
    )  # head, flush and two events
    assert [call[0] for call in line.calls] == ["begin", "flush", "body", "body"]
    assert ending.end == "client_left"
    assert len(ending.sent_at) == 2


async def test_a_stall_lasts_until_the_client_leaves() -> None:
    from mockserver.adapters.line import Line

    gone = asyncio.Event()

    async def receive() -> dict[str, str]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(_: object) -> None:
        pass

    line = Line(receive, send)
    playing = asyncio.create_task(perform(Timeline((HEAD, event(0, b"a"), Stall(0))), line, FakeClock(), 1000.0))
    await asyncio.sleep(0.01)
    assert not playing.done()
    gone.set()
    assert (await playing).end == "stalled"
    line.close()


CHUNKS = st.lists(
    st.tuples(st.floats(0, 50, allow_nan=False), st.binary(min_size=1, max_size=5), st.integers(0, 1)), max_size=20
)


@settings(max_examples=100)
@given(CHUNKS, st.lists(st.floats(0, 0.1), max_size=20))
def test_every_byte_is_sent_once_in_order_and_never_early(
    parts: list[tuple[float, bytes, int]], lateness: list[float]
) -> None:
    offsets = list(accumulate(gap for gap, _, _ in parts))
    chunks = [Chunk(at, data, events) for at, (_, data, events) in zip(offsets, parts, strict=True)]
    line, ending, _ = play(HEAD, *chunks, Finish(offsets[-1] if offsets else 0), clock=FakeClock(lateness))
    bodies = [call for call in line.calls if call[0] == "body"]
    assert b"".join(bytes(call[1]) for call in bodies) == b"".join(chunk.data for chunk in chunks)  # type: ignore[call-overload]  # the calls hold bytes
    assert [call[2] for call in bodies] == [True] * (len(bodies) - 1) + [False]
    planned = [chunk.at for chunk in chunks if chunk.events]
    assert all(sent >= at - 1e-6 for sent, at in zip(ending.sent_at, planned, strict=True))
    assert list(ending.sent_at) == sorted(ending.sent_at)
    assert ending.bytes_sent == sum(len(chunk.data) for chunk in chunks)
