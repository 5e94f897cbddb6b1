"""The timed container gives back what it was given, reads well, and says where it is damaged."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings

from mockserver.core.recordings.capture import Capture, Piece
from mockserver.core.recordings.exactfile import Timed, decode, encode, is_timed
from tests.core.recorded import captures

CAPTURE = Capture(
    "POST", "/v1/responses", 200, (), (Piece(312.514, b"data: a\n\n"), Piece(2210.0, b"\xff")), head_at=312.401,
    ended_at=2210.114,
)  # fmt: skip
CONTENT = b"""mockserver exact 1
head 312.401
@ 312.514 9
data: a


@ 2210.000 1
\xff
end 2210.114
"""


@settings(max_examples=200, deadline=None)
@given(captures())
def test_what_is_written_is_read(capture: Capture) -> None:
    """Any bytes, any pieces, any offsets with three decimals."""
    assert decode(encode(capture)) == Timed(capture.head_at, capture.pieces, capture.ended_at)


def test_it_reads_well() -> None:
    """Each piece stands on lines of its own below its offset."""
    assert encode(CAPTURE) == CONTENT
    assert is_timed(CONTENT)
    assert not is_timed(b"data: a\n\n")


def test_an_answer_without_a_body_has_no_pieces() -> None:
    """Head and end are enough."""
    content = encode(Capture("GET", "/v1/models", 204, (), head_at=1.0, ended_at=1.0))
    assert content == b"mockserver exact 1\nhead 1.000\nend 1.000\n"
    assert decode(content) == Timed(1.0, (), 1.0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1: the file ends where mockserver exact 1 was expected"),
        (b"mockserver exact 2\n", "line 1: expected `mockserver exact 1`, found 'mockserver exact 2'"),
        (
            CONTENT.replace(b"\n", b"\r\n"),
            "line 1: the line ends were converted (git's autocrlf, or an editor); restore the file",
        ),
        (b"mockserver exact 1\nhead x\n", "line 2: expected `head OFFSET`, found 'head x'"),
        (
            CONTENT.replace(b"@ 2210", b"@2210"),
            "line 7: expected `@ OFFSET BYTES` or `end OFFSET`, found '@2210.000 1'; were there 9 bytes below line 3?",
        ),
        (
            CONTENT.replace(b"data: a", b"data: aa"),
            "line 6: expected `@ OFFSET BYTES` or `end OFFSET`, found ''; were there 9 bytes below line 3?",
        ),
        (CONTENT.replace(b" 9", b" 3"), "line 3: 3 bytes are announced, more follow before the line ends"),
        (CONTENT[:44], "line 3: 9 bytes are announced, only 0 are left"),
        (
            CONTENT.replace(b"@ 2210.000", b"@ 12.000"),
            "line 7: the offset 12.0 comes after 312.514: offsets never decrease",
        ),
        (CONTENT.replace(b"end 2210.114\n", b""), "line 9: the file ends where `end OFFSET` was expected"),
        (CONTENT + b"more\n", "line 10: nothing may follow the `end` line"),
    ],
)
def test_damage_is_told_with_its_line(content: bytes, message: str) -> None:
    """What was wrong, where, and what was expected."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        decode(content)


@pytest.mark.parametrize(
    ("capture", "message"),
    [
        (Capture("POST", "/", 200, (), head_at=-1.0), "-1.0 is no offset in milliseconds"),
        (Capture("POST", "/", 200, (), head_at=float("nan")), "nan is no offset in milliseconds"),
        (
            Capture("POST", "/", 200, (), (Piece(1.0, b""),), head_at=2.0),
            "the offset 1.0 comes after 2.0: offsets never decrease",
        ),
    ],
)
def test_what_could_not_be_read_is_not_written(capture: Capture, message: str) -> None:
    """Offsets are times that never decrease."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        encode(capture)
