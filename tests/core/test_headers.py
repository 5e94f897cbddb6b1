"""Headers of every answer."""

from __future__ import annotations

import re

from mockserver.core.draws import Draw
from mockserver.core.headers import JSON_TYPE, answer_headers, header_text, shared_headers

DRAW = Draw.of(0, "default", b"request", 1)


def test_the_provider_headers_and_ours() -> None:
    """An id and a processing time that are the same in every run, the constants, the rule and the session."""
    shared = shared_headers("a.mock.yaml:3 hi", "s1", (("X-Extra", "1"),))
    headers = dict(answer_headers(JSON_TYPE, DRAW, shared, 12) + shared)
    assert re.fullmatch(rb"req_[0-9a-f]{32}", headers[b"x-request-id"])
    assert headers[b"openai-processing-ms"].isdigit()
    assert headers[b"openai-version"] == b"2020-10-01"
    assert headers[b"content-length"] == b"12"
    assert headers[b"x-mock-rule"] == b"a.mock.yaml:3 hi"
    assert headers[b"x-mock-session"] == b"s1"
    assert headers[b"x-extra"] == b"1"


def test_a_stream_has_no_length() -> None:
    """Without a length there is no content-length, without a rule no x-mock-rule."""
    shared = shared_headers("", "s")
    names = [name for name, _ in answer_headers(None, DRAW, shared) + shared]
    assert b"content-length" not in names
    assert b"content-type" not in names
    assert b"x-mock-rule" not in names


def test_header_values_cannot_break_the_header() -> None:
    """Line ends and letters beyond ASCII are percent-encoded."""
    assert header_text("größe\r\nx: y") == b"gr%C3%B6%C3%9Fe%0D%0Ax: y"


def test_an_author_s_header_replaces_ours() -> None:
    """Each name is sent once, whoever set it."""
    limits = tuple((f"x-ratelimit-{n}", "1") for n in range(6))
    given = (*limits, ("OpenAI-Version", "2030-01-01"), ("x-request-id", "req_mine"))
    shared = shared_headers("a", "s", given)
    headers = answer_headers(JSON_TYPE, DRAW, shared, 2) + shared
    assert len({name for name, _ in headers}) == len(headers)
    assert dict(headers)[b"openai-version"] == b"2030-01-01"
    assert dict(headers)[b"x-request-id"] == b"req_mine"
