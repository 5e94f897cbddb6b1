"""Frames out are the bytes in, however they are cut; what they say follows the standard."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.events import Event
from mockserver.core.sse import Decoder, Frame, decode, encode

quick = settings(max_examples=100, deadline=None)


def test_an_event_is_two_lines_and_a_blank_one() -> None:
    """LF only, one line of compact JSON, event equals the type."""
    event = Event("response.created", {"type": "response.created", "sequence_number": 0, "text": "a\nb é"})
    assert encode(event) == (
        b'event: response.created\ndata: {"type":"response.created","sequence_number":0,"text":"a\\nb \xc3\xa9"}\n\n'
    )


def test_a_string_is_sent_verbatim() -> None:
    """Data as a string is not encoded again."""
    assert encode(Event("error", '{"broken": ')) == b'event: error\ndata: {"broken": \n\n'


WHAT_LINES_MEAN: list[tuple[str, bytes, dict[str, Any]]] = [
    ("an event", b"event: a\ndata: b\n\n", {"event": "a", "data": "b"}),
    ("no event name", b"data: b\n\n", {"event": "message", "data": "b"}),
    ("an empty event name", b"event:\ndata: b\n\n", {"event": "message", "data": "b"}),
    ("no space", b"event:a\ndata:b\n\n", {"event": "a", "data": "b"}),
    ("two spaces", b"data:  b\n\n", {"data": " b"}),
    ("lines joined", b"data: a\ndata:\ndata: b\n\n", {"data": "a\n\nb"}),
    ("a field without colon", b"data\n\n", {"data": ""}),
    ("no data", b"event: a\n\n", {"event": "a", "data": None}),
    ("an unknown field", b"datum: a\ndata: b\n\n", {"data": "b"}),
    ("names are case-sensitive", b"Data: a\n\n", {"data": None}),
    ("a comment", b": ping\n\n", {"comments": ("ping",), "data": None}),
    ("an empty comment", b":\ndata: a\n\n", {"comments": ("",), "data": "a"}),
    ("an id", b"id: 7\ndata: a\n\n", {"id": "7", "data": "a"}),
    ("an id that clears", b"id\n\n", {"id": ""}),
    ("an id with NUL", b"id: a\0b\n\n", {"id": None}),
    ("a retry", b"retry: 1500\n\n", {"retry": 1500}),
    ("a retry that is no number", b"retry: 1.5\n\n", {"retry": None}),
    ("a retry in other digits", "retry: \u0661\n\n".encode(), {"retry": None}),
    ("a retry too long to mean anything", b"retry: " + b"9" * 5000 + b"\n\n", {"retry": None}),
    ("a byte order mark", b"\xef\xbb\xbfdata: a\n\n", {"data": "a"}),
    ("a byte order mark too late", b"\n\xef\xbb\xbfdata: a\n\n", {"data": None}),
    ("broken UTF-8", b"data: \xff\xe2\x82\n\n", {"data": "��"}),
    ("CRLF", b"event: a\r\ndata: b\r\n\r\n", {"event": "a", "data": "b"}),
    ("CR", b"event: a\rdata: b\r\r", {"event": "a", "data": "b"}),
    ("line ends mixed", b"event: a\rdata: b\n\r\n", {"event": "a", "data": "b"}),
    ("a line separator is no line end", "data: a\u2028b\x0bc\x85\n\n".encode(), {"data": "a\u2028b\x0bc\x85"}),
]


@pytest.mark.parametrize(
    ("wire", "said"), [case[1:] for case in WHAT_LINES_MEAN], ids=[case[0] for case in WHAT_LINES_MEAN]
)
def test_what_lines_mean(wire: bytes, said: dict[str, Any]) -> None:
    """Each rule of the standard, one frame each."""
    frame = decode(wire)[-1]
    assert {key: getattr(frame, key) for key in said} == said
    assert frame.complete


def test_every_blank_line_ends_a_frame() -> None:
    """Also those before, between and after events, so that no byte is lost."""
    assert [frame.raw for frame in decode(b"\n\r\ndata: a\n\n\n")] == [b"\n", b"\r\n", b"data: a\n\n", b"\n"]


def test_a_frame_comes_with_its_last_byte() -> None:
    """No later than that: a live stream must not lag one event behind."""
    decoder = Decoder()
    wire = b"data: a\r\n\r\n"
    seen = [decoder.feed(wire[index : index + 1]) for index in range(len(wire))]
    assert [len(frames) for frames in seen] == [0] * 10 + [1]
    assert decoder.close() == []


def test_a_lone_carriage_return_waits_for_the_next_byte() -> None:
    """It may be the first half of CRLF."""
    decoder = Decoder()
    assert decoder.feed(b"data: a\r\r") == []
    assert [frame.raw for frame in decoder.feed(b"d")] == [b"data: a\r\r"]
    assert [frame.complete for frame in decoder.close()] == [False]
    decoder = Decoder()
    assert decoder.feed(b"data: a\r\n\r") == []
    assert [frame.raw for frame in decoder.close()] == [b"data: a\r\n\r"]


@pytest.mark.parametrize("rest", [b"data: b", b"data: b\n", b"data: b\r", b"event: x\ndata: b"])
def test_what_lacks_its_blank_line_is_kept_and_marked(rest: bytes) -> None:
    """Bytes are never lost, but no client would see that event."""
    *_, last = decode(b"data: a\n\n" + rest)
    assert last.raw == rest
    assert last.data == "b"
    assert not last.complete


def test_nothing_makes_no_frames() -> None:
    """Neither an empty stream nor closing twice."""
    decoder = Decoder()
    assert decoder.feed(b"") == decoder.close() == decoder.close() == []


lines = st.one_of(
    st.sampled_from(
        [b"", b"data: x", b"data", b"event: y", b": c", b"id: 1", b"retry: 5", b"\xef\xbb\xbf", b"\xe2\x82"]
    ),
    st.binary(max_size=6),
)
wires = st.lists(st.tuples(lines, st.sampled_from([b"\n", b"\r", b"\r\n", b"\n\n", b""])), max_size=12).map(
    lambda pairs: b"".join(line + end for line, end in pairs)
)


@quick
@given(wires, st.data())
def test_frames_do_not_depend_on_chunks_and_lose_no_byte(wire: bytes, data: st.DataObject) -> None:
    """Any cut gives the same frames, whose bytes joined are the stream."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=6)))
    decoder = Decoder()
    frames: list[Frame] = []
    for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        frames += decoder.feed(wire[start:end])
    frames += decoder.close()
    bytewise = Decoder()
    by_byte = [frame for index in range(len(wire)) for frame in bytewise.feed(wire[index : index + 1])]
    by_byte += bytewise.close()
    assert frames == decode(wire) == by_byte
    assert b"".join(frame.raw for frame in frames) == wire


@quick
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["response.created", "error", "response.output_text.delta"]),
            st.dictionaries(st.text(max_size=5), st.text(max_size=10) | st.integers(0, 99) | st.none(), max_size=3),
        ),
        max_size=5,
    )
)
def test_what_is_encoded_is_decoded(events: list[tuple[str, dict[str, Any]]]) -> None:
    """One frame an event, with its type and the same JSON."""
    wire = b"".join(encode(Event(name, data)) for name, data in events)
    frames = decode(wire)
    assert [(frame.event, orjson.loads(frame.data or "")) for frame in frames] == events
    assert [frame.raw for frame in frames] == [encode(Event(name, data)) for name, data in events]


def test_a_long_line_in_small_chunks_costs_linear_time() -> None:
    """One search over each byte, whatever the chunks."""
    decoder = Decoder()
    for _ in range(20_000):
        assert decoder.feed(b"data: 0123456789" * 4) == []
    (frame,) = decoder.feed(b"\n\n")
    assert len(frame.raw) == 20_000 * 64 + 2
