"""Secrets in streams and bodies: taken out however they are cut, escaped and repeated, and nothing else changed."""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core import sse
from mockserver.core.recordings.capture import Capture, Piece
from mockserver.core.recordings.secrets.redactor import Cleaned, Redactor

ALNUM = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
STREAM = (("content-type", "text/event-stream; charset=utf-8"),)
JSON = (("content-type", "application/json"),)
REDACTOR = Redactor()

keys = st.builds(
    lambda start, rest: f"{start}{rest}7Zq",
    st.sampled_from(["sk-", "sk-proj-", "hf_tok", "", "Az"]),
    st.text(ALNUM, min_size=30, max_size=60),
)
words = st.text(' abcdé😀"\\/\n{}<>%+', max_size=12)


def captured(body: bytes, headers: Any = JSON, key: str = "", cuts: Any = (), request: bytes = b"") -> Capture:
    """A capture with this answer in pieces that end at the cuts."""
    ends = sorted({min(cut, len(body)) for cut in cuts} | {len(body)})
    pieces, start = [], 0
    for number, end in enumerate(ends):
        if end > start:
            pieces.append(Piece(float(number), body[start:end]))
            start = end
    asked = {"authorization": f"Bearer {key}", "user-agent": "OpenAI/Python 3.54.0"} if key else {}
    return Capture(
        "POST", "/v1/responses", 200, headers, tuple(pieces), request_headers=asked, request_body=request, ended_at=9.0
    )


def split(text: str, cuts: list[int]) -> list[str]:
    """The text in parts that end at the cuts."""
    ends = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(ends)]


def spelt(value: Any, way: str) -> bytes:
    """JSON in one of several spellings."""
    text = json.dumps(value, ensure_ascii=way != "raw")
    if way == "slashes":
        text = text.replace("/", "\\/")
    if way == "codes":
        text = text.replace("-", "\\u002d").replace("_", "\\u005F").replace("7Z", "7\\u005a")
    return text.encode()


def stream(deltas: list[str], way: str, *, line_end: str = "\n", kind: str = "output_text") -> bytes:
    """The events of a text in deltas, with what repeats it."""
    owner = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    whole = "".join(deltas)
    events: list[dict[str, Any]] = [
        {"type": f"response.{kind}.delta", **owner, "delta": delta, "logprobs": [{"token": delta}]} for delta in deltas
    ]
    events.append(
        {"type": f"response.{kind}.done", **owner, "text": whole, "logprobs": [{"token": each} for each in deltas]}
    )
    events.append({"type": "response.completed", "response": {"output": [{"content": [{"text": whole}]}], "usage": {}}})
    return b"".join(
        f"event: {event['type']}{line_end}data: ".encode() + spelt(event, way) + 2 * line_end.encode()
        for event in events
    )


def told(cleaned: Cleaned) -> list[dict[str, Any]]:
    """The events of the cleaned answer."""
    return [json.loads(frame.data) for frame in sse.decode(cleaned.capture.body) if frame.data is not None]


ways = st.sampled_from(["raw", "ascii", "slashes", "codes"])


@settings(max_examples=150, deadline=None)
@given(keys, words, words, st.lists(st.integers(0, 200), max_size=6), ways, st.sampled_from(["\n", "\r\n"]), st.data())
def test_a_key_in_deltas_is_cut_out_of_all_of_them(
    key: str, before: str, after: str, cuts: list[int], way: str, line_end: str, data: st.DataObject
) -> None:
    """Events stay events, deltas still make up the text, and no form of the key is left, logprobs included."""
    deltas = split(f"{before} {key} {after}", cuts)
    body = stream(deltas, way, line_end=line_end)
    where = data.draw(st.lists(st.integers(0, len(body)), max_size=8))
    cleaned = REDACTOR.clean(captured(body, STREAM, key, where))
    assert cleaned.leaks == ()
    events = told(cleaned)
    assert len(events) == len(deltas) + 2
    text = events[-2]["text"]
    assert "".join(event["delta"] for event in events[:-2]) == text
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == text
    assert text.startswith(f"{before} <redacted:")
    assert text.endswith(f"> {after}")
    assert key not in "".join(each["token"] for event in events[:-1] for each in event["logprobs"])
    assert key.encode() not in cleaned.capture.body
    assert {found.kind for found in cleaned.found} <= {"api_key", "own_key", "huggingface_token"}


@settings(max_examples=100, deadline=None)
@given(st.lists(words, max_size=6), ways, st.lists(st.integers(0, 900), max_size=8))
def test_without_secrets_nothing_changes(deltas: list[str], way: str, cuts: list[int]) -> None:
    """The very same bytes in the very same pieces."""
    capture = captured(stream(deltas, way), STREAM, "sk-proj-Zq3dEf6hIjZq3dEf6hIj", cuts, request=spelt(deltas, way))
    cleaned = REDACTOR.clean(capture)
    assert cleaned.capture.pieces == capture.pieces
    assert cleaned.capture.request_body == capture.request_body
    assert (cleaned.found, cleaned.leaks) == ((), ())


def forms(key: str) -> list[str]:
    """The key in the forms in which it may come back."""
    raw = key.encode()
    encoded = [
        encode(b"xy"[:size] + raw + b"z").decode()
        for size in range(3)
        for encode in (base64.b64encode, base64.urlsafe_b64encode)
    ]
    return [
        key,
        quote(key, safe=""),
        "".join(f"%{ord(char):02x}" if number % 3 else char for number, char in enumerate(key)),
        raw.hex(),
        raw.hex().upper(),
        "".join(f"\\u{ord(char):04x}" for char in key),
        *encoded,
        base64.encodebytes(b"user:" + raw).decode(),
        quote(base64.b64encode(b"a" + raw).decode(), safe=""),
    ]


@settings(max_examples=100, deadline=None)
@given(keys, st.integers(0, 14), st.lists(st.integers(0, 200), max_size=6), st.booleans(), st.integers(0, 3))
def test_no_form_of_the_requests_own_key_is_left(
    key: str, number: int, cuts: list[int], streamed: bool, place: int
) -> None:
    """In an echoed body of one piece or several, as text or JSON; and in the request itself."""
    form = forms(key)[number % len(forms(key))]
    value: Any = [f"<{form}>", {"echo": {"a": [f"({form})"]}}, {f'x"{form}': 1}, {"encrypted_content": f"_{form}"}][
        place
    ]
    body = json.dumps(value).encode()
    cleaned = REDACTOR.clean(captured(body, JSON, key, cuts, request=body))
    assert cleaned.leaks == ()
    for left in (cleaned.capture.body, cleaned.capture.request_body):
        assert form not in json.dumps(json.loads(left))
        assert b"<redacted:" in left
    text = REDACTOR.clean(captured(f"it says {form}, does it".encode(), (("content-type", "text/plain"),), key, cuts))
    assert text.leaks == ()
    assert form.encode() not in text.capture.body
    assert text.capture.body.startswith(b"it says ")
    assert text.capture.body.endswith(b", does it")


def nested(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """JSON with names of secrets among others."""
    names = st.sampled_from(
        ["a", "text", "password", "api_key", "token", "x-api-key", "max_output_tokens", "logprobs", "id"]
    )
    return st.recursive(
        leaf, lambda each: st.lists(each, max_size=3) | st.dictionaries(names, each, max_size=3), max_leaves=8
    )


@settings(max_examples=150, deadline=None)
@given(
    nested(
        keys | words | st.integers(0) | st.none() | st.sampled_from(["Bearer abcdef123456789xyz", "hunter22", "test"])
    ),
    ways,
)
def test_an_incoming_request_is_redacted_as_the_recorded_one_was(value: Any, way: str) -> None:
    """Else a redacted condition would not match; and what is redacted is not redacted again."""
    source = spelt(value, way)
    cleaned = REDACTOR.clean(captured(b"", request=source)).capture.request_body
    document = json.loads(cleaned)
    assert REDACTOR.body(json.loads(source)) == document
    assert REDACTOR.body(document) == document
    assert REDACTOR.clean(captured(b"", request=cleaned)).capture.request_body == cleaned
