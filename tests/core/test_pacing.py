"""Offsets: where each event of a stream stands, with a fake answer and no clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.draws import Draw
from mockserver.core.events import Event
from mockserver.core.pacing import first_offset, is_instant, offsets, stream, whole
from mockserver.core.timeline import Chunk, Finish, Head, Timing, coalesced

DRAW = Draw.of(0, "default", b"request", 1)


def event(name: str, item: int | None = None, delta: str | None = None, at: float | None = None) -> Event:
    data = {"type": name} if item is None else {"type": name, "output_index": item}
    return Event(name, data, delta, at)


def message(item: int, *deltas: str) -> list[Event]:
    return [
        event("response.output_item.added", item),
        event("response.content_part.added", item),
        *(event("response.output_text.delta", item, delta) for delta in deltas),
        event("response.output_text.done", item),
        event("response.content_part.done", item),
        event("response.output_item.done", item),
    ]


def answer(*items: list[Event]) -> list[Event]:
    opening = [event("response.created"), event("response.in_progress")]
    return [*opening, *(each for item in items for each in item), event("response.completed")]


def test_opening_frames_go_with_the_first_delta_and_closing_frames_with_the_last() -> None:
    """created and in_progress go out at once; the item waits for its first delta, the terminal for the last."""
    events = answer(message(0, "a", "b", "c"))
    assert offsets(events, Timing(first=300, every=25), 1, DRAW) == [0, 0, 300, 300, 300, 325, 350, 350, 350, 350, 350]


def test_an_item_without_deltas_goes_with_the_next_delta_else_the_previous() -> None:
    """A reasoning item before a message waits with it; one after it goes with the message's last delta."""
    silent = [event("response.output_item.added", 0), event("response.output_item.done", 0)]
    last = [event("response.output_item.added", 2), event("response.output_item.done", 2)]
    events = answer(silent, message(1, "a", "b"), last)
    got = offsets(events, Timing(first=100, every=10), 1, DRAW)
    assert got[2:4] == [100, 100]
    assert got[-3:] == [110, 110, 110]


def test_the_second_part_of_an_item_opens_with_its_own_first_delta() -> None:
    """Between two parts, done frames belong to the delta before and added frames to the delta after."""
    parts = [
        event("response.output_item.added", 0),
        event("response.content_part.added", 0),
        event("response.output_text.delta", 0, "a"),
        event("response.output_text.done", 0),
        event("response.content_part.done", 0),
        event("response.content_part.added", 0),
        event("response.output_text.delta", 0, "b"),
        event("response.output_item.done", 0),
    ]
    assert offsets(answer(parts), Timing(first=5, every=7), 1, DRAW) == [0, 0, 5, 5, 5, 5, 5, 12, 12, 12, 12]


def test_without_deltas_the_terminal_comes_at_first() -> None:
    """An answer that says nothing is due at `first`."""
    silent = [event("response.output_item.added", 0), event("response.output_item.done", 0)]
    assert offsets(answer(silent), Timing(first=40), 1, DRAW) == [0, 0, 40, 40, 40]


@pytest.mark.parametrize(
    ("timing", "deltas"),
    [
        (Timing(first=100, duration=400), [100, 200, 300, 400]),
        (Timing(duration=400), [100, 200, 300, 400]),
        (Timing(tokens_per_second=100), [0, 10, 20, 30]),
        (Timing(every=5), [0, 5, 10, 15]),
        (Timing(), [0, 0, 0, 0]),
    ],
)
def test_the_three_ways_to_pace(timing: Timing, deltas: list[float]) -> None:
    """`every`, `tokens_per_second` and `duration` place the deltas; the terminal goes with the last."""
    events = answer(message(0, "a", "b", "c", "d"))
    got = offsets(events, timing, 1, DRAW)
    assert got[4:8] == deltas
    assert got[-1] == deltas[-1]


def test_duration_places_the_terminal_even_after_a_single_delta() -> None:
    """`duration` promises the end."""
    got = offsets(answer(message(0, "a")), Timing(first=10, duration=90), 1, DRAW)
    assert (got[4], got[-1]) == (10, 90)


def test_speed_scales_every_offset_and_zero_is_instant() -> None:
    """2 is twice as fast, 0 all at once."""
    events = answer(message(0, "a", "b"))
    timing = Timing(first=100, every=50)
    assert offsets(events, timing, 2, DRAW)[-1] == 75
    assert set(offsets(events, timing, 0, DRAW)) == {0.0}
    assert is_instant(timing, 0)
    assert not is_instant(timing, 2)
    assert is_instant(Timing(), 1)
    assert first_offset(timing, 4) == 25


def test_an_offset_of_its_own_wins_and_holds_back_what_follows() -> None:
    """A literal `at` is absolute; later events never go before it."""
    events = [event("response.created"), event("x.delta", 0, "a"), event("x.delta", 0, "b", at=120), event("x.done", 0)]
    assert offsets(events, Timing(), 1, DRAW) == [0, 0, 120, 120]


@given(
    texts=st.lists(st.lists(st.text(max_size=3), max_size=6), max_size=4),
    first=st.none() | st.floats(0, 1000),
    gap=st.one_of(
        st.builds(lambda every: {"every": every}, st.floats(0, 100)),
        st.builds(lambda rate: {"tokens_per_second": rate}, st.floats(0.5, 1000)),
        st.builds(lambda span: {"duration": 1000 + span}, st.floats(0, 1000)),
    ),
    jitter=st.floats(0, 50),
    speed=st.sampled_from([0, 0.5, 1, 3]),
)
def test_offsets_never_decrease_and_are_repeatable(
    texts: list[list[str]], first: float | None, gap: dict[str, float], jitter: float, speed: float
) -> None:
    """Whatever the answer and the pacing: ordered, not negative, the same each time, the end where it was promised."""
    events = answer(*(message(index, *deltas) for index, deltas in enumerate(texts)))
    timing = Timing(first=first, jitter=jitter, **gap)  # type: ignore[arg-type]  # one of three float keywords
    got = offsets(events, timing, speed, DRAW)
    assert got == sorted(got)
    assert got[0] >= 0
    assert got == offsets(events, timing, speed, DRAW)
    if speed and "duration" in gap:
        assert got[-1] == pytest.approx(gap["duration"] / speed, abs=0.002)


def test_a_stream_is_headers_frames_and_an_end() -> None:
    """Each event is one chunk; chunks due together become one write of whole frames."""
    events = answer(message(0, "a", "b"))
    made = stream(events, Timing(every=10), 1, DRAW, Head(0, 200, ()), done_marker=True)
    assert isinstance(made.steps[0], Head)
    assert isinstance(made.steps[-1], Finish)
    chunks = [step for step in made.steps if isinstance(step, Chunk)]
    assert len(chunks) == len(events) + 1
    merged = [step for step in coalesced(made).steps if isinstance(step, Chunk)]
    assert [(chunk.at, chunk.events) for chunk in merged] == [(0, 5), (10, 5)]
    assert b"".join(chunk.data for chunk in merged) == b"".join(chunk.data for chunk in chunks)
    assert merged[-1].data.endswith(b"data: [DONE]\n\n")


def test_a_whole_answer_comes_at_its_moment() -> None:
    """Head, body and end share one offset."""
    assert {step.at for step in whole(Head(75.0, 200, ()), b"{}").steps} == {75.0}
