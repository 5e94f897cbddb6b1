"""The proof of a recording finds whatever would not replay as it came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mockserver.core.recordings import exactfile
from mockserver.core.recordings.capture import Capture, Piece
from mockserver.core.recordings.writing.proof import prove
from mockserver.core.recordings.writing.text import entry_text
from mockserver.core.recordings.writing.written import Written, compose
from mockserver.core.rulefiles.recordingform import exact_digest
from tests.core.capturing import captured, http

CAPTURE = captured({"text": "one two"}, stream=True)
PLAIN = http(b'{"a": 1}', headers=(("etag", "x"),))


def rewritten(made: Written, **changes: Any) -> Written:
    """Return the recording with other keys in its rule."""
    entry = {**made.entry, **changes}
    return replace(made, entry=entry, text=entry_text(entry))


def exact(made: Written, capture: Capture) -> Written:
    """Return the recording with the bytes of another capture."""
    content = exactfile.encode(capture)
    noted = {**made.entry["recorded"], "exact": exact_digest(content)}
    return replace(rewritten(made, recorded=noted), exact=content)


def test_what_was_written_is_proven() -> None:
    for capture in (
        CAPTURE,
        PLAIN,
        replace(PLAIN, method="GET", path="/v1/models", query={"a": "b"}, request_body=b""),
    ):
        assert prove(compose(capture, stem="a", number=1), capture) == ""


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (lambda made: replace(made, text=made.text.replace("    reply:", "    replay:")), "it is no rule file: "),
        (lambda made: replace(made, text="  - *x\n"), "it is no rule file: "),
        (lambda made: replace(made, exact=made.exact + b" "), "is not what was recorded"),
        (lambda made: replace(made, exact_name="other.sse"), "exact file missing"),
        (lambda made: rewritten(made, request={"body": {"input": "other"}}), "the recorded request is not answered by it"),
        (lambda made: rewritten(made, name="other"), "the recorded request is not answered by it"),
        (lambda made: rewritten(made, reply={"text": "edited"}), "the body "),
        (lambda made: exact(made, replace(CAPTURE, pieces=CAPTURE.pieces[:-1])), "bytes, recorded"),
        (lambda made: exact(made, replace(CAPTURE, pieces=(Piece(CAPTURE.head_at, b"?"), *CAPTURE.pieces[1:]))), "from byte 0"),
        (lambda made: exact(made, replace(CAPTURE, head_at=1.0)), "the head comes at 1 ms, recorded 150.25 ms"),
        (lambda made: exact(made, replace(CAPTURE, ended_at=9000.0)), "it ends at 9000 ms"),
        (
            lambda made: exact(made, replace(CAPTURE, pieces=(replace(CAPTURE.pieces[0], at=150.5), *CAPTURE.pieces[1:]))),
            "piece 1 has",
        ),
        (lambda made: exact(made, replace(CAPTURE, pieces=(Piece(200.5, CAPTURE.body),))), "in 1 pieces, recorded"),
        (lambda made: rewritten(made, recorded={**made.entry["recorded"], "end": "reset"}), "ends as a reset connection"),
    ],
)  # fmt: skip
def test_a_recording_that_would_replay_otherwise_is_not(broken: Callable[[Written], Written], told: str) -> None:
    assert told in prove(broken(compose(CAPTURE, stem="a", number=1)), CAPTURE)


def test_status_and_headers_are_compared() -> None:
    made = compose(PLAIN, stem="a", number=1)
    assert prove(made, replace(PLAIN, status=203)) == "status 200, recorded 203"
    assert prove(made, replace(PLAIN, headers=(("content-type", "text/plain"), ("etag", "y")))) == (
        "header content-type is application/json, recorded text/plain; header etag is x, recorded y"
    )
