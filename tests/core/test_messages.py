"""Requests: parsed once, malformed told apart from absent, nesting bounded."""

from __future__ import annotations

import pytest

from mockserver.core.messages import ABSENT, Request, depth_exceeds


def post(body: bytes) -> Request:
    return Request("POST", "/v1/responses", body=body)


@pytest.mark.parametrize("body", [b"{", b'{"a": NaN}', b"\xff\xfe", b"[" * 100_000, b'{"a": 1} trailing', b"'a'"])
def test_malformed_bodies_say_why(body: bytes) -> None:
    """Each of these is no JSON, and none of them raises."""
    request = post(body)
    assert request.json is ABSENT
    assert request.malformed
    assert request.fields == {}


def test_an_empty_body_is_absent_but_not_malformed() -> None:
    """GET requests have none."""
    assert post(b"").json is ABSENT
    assert post(b"").malformed == ""


def test_null_is_not_absent() -> None:
    """A body of `null` is JSON."""
    assert post(b"null").json is None


@pytest.mark.parametrize(("depth", "fine"), [(128, True), (129, False), (900, False)])
def test_nesting_is_bounded(depth: int, fine: bool) -> None:
    """At most 128 containers inside each other."""
    request = post(b"[" * depth + b"]" * depth)
    assert (request.malformed == "") is fine
    mixed = post(b'{"a":[' * (depth // 2) + b"]}" * (depth // 2))
    assert (mixed.malformed == "") is (depth // 2 * 2 <= 128)


def test_wide_is_not_deep() -> None:
    """Thousands of brackets side by side, or inside a string, are fine."""
    assert post(b"[" + b",".join([b"[]"] * 5000) + b"]").malformed == ""
    assert post(b'"' + b"[" * 5000 + b'"').malformed == ""
    assert not depth_exceeds([], b"[" * 200, 128)


@pytest.mark.parametrize(
    ("body", "stream"),
    [(b'{"stream": true}', True), (b'{"stream": null}', False), (b"{}", False), (b'{"stream": 1}', False)],
)
def test_the_body_alone_decides_about_streaming(body: bytes, stream: bool) -> None:
    """Official clients send `Accept: application/json` with `stream: true`."""
    assert Request("POST", "/v1/responses", headers={"accept": "text/event-stream"}, body=body).stream is stream


def test_unread_is_the_same_request_read_again() -> None:
    """What was read is read again when asked for; what was stored before it is left behind."""
    request = post(b'{"input": "hi"}').following([{"role": "user", "content": "before"}])
    assert request.conversation.said == "hi"
    again = request.unread()
    assert not again.history
    assert again.json == request.json
    assert again.json is not request.json
    with pytest.raises(AttributeError, match="unheard"):
        _ = again.unheard


def test_following_shares_the_body() -> None:
    """The same request after a stored chain."""
    request = post(b'{"input": "hi"}')
    parsed = request.json
    after = request.following([{"role": "user", "content": "before"}])
    assert after.json is parsed
    assert after.conversation.transcript == "before\nhi"
    assert "POST /v1/responses" in repr(after)
