"""Which URLs are the API's, what a hidden one must have been, and what `--base` selects."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver.adapters.asgi import read_query
from mockserver.core.recordings.imports.taken import UnusableError
from mockserver.core.recordings.imports.urls import Place, is_hidden, place, shown

HIDDEN = "**REDACTED**"


@pytest.mark.parametrize(
    ("url", "path", "upstream"),
    [
        ("https://api.openai.com/v1/responses", "/v1/responses", "https://api.openai.com/v1"),
        ("http://localhost:8080/v1/models", "/v1/models", "http://localhost:8080/v1"),
        ("https://openrouter.ai/api/v1/responses", "/v1/responses", "https://openrouter.ai/api/v1"),
        ("https://h/openai/v1/chat/completions", "/v1/chat/completions", "https://h/openai/v1"),
        ("https://h/v1/responses/resp_1/input_items", "/v1/responses/resp_1/input_items", "https://h/v1"),
        ("https://user:secret@h/v1/files/a%20b", "/v1/files/a b", "https://h/v1"),
    ],
)
def test_urls_of_the_api(url: str, path: str, upstream: str) -> None:
    assert place("POST", url, "", b"", b"") == Place(path, {}, upstream)


def test_the_query_is_kept() -> None:
    found = place("GET", "https://h/v1/models?limit=2&after=&q=a%26b", "", b"", b"")
    assert found.query == {"limit": "2", "after": "", "q": "a&b"}


def test_repeated_parameters_are_joined_as_in_a_request() -> None:
    found = place("GET", "https://h/v1/responses/resp_1?include=a&include=b&after=%F0%9F%91%8B", "", b"", b"")
    assert found.query == read_query(b"include=a&include=b&after=%F0%9F%91%8B") == {"include": "a, b", "after": "👋"}


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://example.com/", "no path of the API"),
        ("https://example.com/v1", "no path of the API"),
        ("https://example.com/v1/track", "/v1/track is no path of the API"),
        ("https://api.anthropic.com/v1/messages", "/v1/messages is no path of the API"),
        ("https://h/openai/deployments/x/responses", "no path of the API"),
    ],
)
def test_other_urls_are_refused(url: str, why: str) -> None:
    with pytest.raises(UnusableError, match=why):
        place("POST", url, "", b"", b"")


def test_a_base_selects_what_is_below_it_alone() -> None:
    base = "https://x.example/openai/deployments/y/"
    found = place("POST", "https://X.example/openai/deployments/y/responses?api-version=1", base, b"", b"")
    assert (found.path, found.query) == ("/v1/responses", {"api-version": "1"})
    for url in ("https://x.example/openai/deployments/yy/responses", "http://x.example/openai/deployments/y/responses"):
        with pytest.raises(UnusableError, match="not below --base"):
            place("POST", url, base, b"", b"")
    with pytest.raises(UnusableError, match="hidden"):
        place("POST", HIDDEN, base, b'{"model": "m", "input": "a"}', b"")


@pytest.mark.parametrize(
    "text", ["", "  ", "**REDACTED**", "REDACTED", "<redacted>", "[Filtered]", "xxxx", "***", "__MASKED__"]
)
def test_marks_of_a_redaction(text: str) -> None:
    assert is_hidden(text)


@pytest.mark.parametrize("text", ["https://h/v1/x", "redacted.example", "xx", "0", "gzip"])
def test_what_is_no_mark(text: str) -> None:
    assert not is_hidden(text)


@pytest.mark.parametrize(
    ("method", "asked", "answered", "path"),
    [
        ("POST", {"model": "m", "input": "a"}, {"object": "response", "id": "resp_1"}, "/v1/responses"),
        ("POST", {"model": "m", "input": "a"}, {"error": {"message": "no"}}, "/v1/responses"),
        ("POST", {"model": "m", "input": "a"}, {"object": "list", "data": [{"object": "embedding"}]}, "/v1/embeddings"),
        ("POST", {"model": "m", "input": "a"}, {"object": "response.compaction"}, "/v1/responses/compact"),
        ("POST", {"model": "m", "messages": []}, {"object": "chat.completion"}, "/v1/chat/completions"),
        ("POST", {"model": "m", "messages": []}, {"detail": "no"}, "/v1/chat/completions"),
        ("GET", None, {"object": "list", "data": [{"object": "model"}]}, "/v1/models"),
        ("GET", None, {"object": "model", "id": "gpt-5"}, "/v1/models/gpt-5"),
        ("GET", None, {"object": "response", "id": "resp_1"}, "/v1/responses/resp_1"),
        ("DELETE", None, {"object": "response.deleted", "id": "resp_1"}, "/v1/responses/resp_1"),
    ],
)
def test_a_hidden_url_is_told_from_the_bodies(method: str, asked: Any, answered: Any, path: str) -> None:
    given = b"" if asked is None else json.dumps(asked).encode()
    found = place(method, HIDDEN, "", given, json.dumps(answered).encode())
    assert (found.path, found.upstream) == (path, "")
    assert found.note.startswith(f"the URL is hidden; {method} {path} was told from the ")


def test_a_url_of_which_a_part_is_hidden() -> None:
    assert place("POST", f"https://{HIDDEN}/v1/responses", "", b"", b"").path == "/v1/responses"
    asked = b'{"model": "m", "input": "a"}'
    assert place("POST", f"https://api.openai.com/v1/{HIDDEN}", "", asked, b"").path == "/v1/responses"


@pytest.mark.parametrize(
    ("event", "path"),
    [
        ({"type": "response.created", "response": {"object": "response", "id": "resp_1"}}, "/v1/responses"),
        ({"object": "chat.completion.chunk", "choices": []}, "/v1/chat/completions"),
    ],
)
def test_a_stream_tells_by_its_first_event(event: Any, path: str) -> None:
    stream = f": hello\n\nevent: x\ndata: {json.dumps(event)}\n\n".encode()
    assert place("POST", HIDDEN, "", b"{}", stream).path == path


@pytest.mark.parametrize(
    ("method", "asked", "answered"),
    [
        ("GET", b"", b"\x89PNG"),
        ("POST", b"--boundary", b"{}"),
        ("POST", b'{"input": "a"}', b""),
        ("GET", b"", b'{"object": "response"}'),
    ],
)
def test_a_hidden_url_that_nothing_tells(method: str, asked: bytes, answered: bytes) -> None:
    with pytest.raises(UnusableError, match="neither body tells"):
        place(method, HIDDEN, "", asked, answered)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://user:secret@h/a?key=secret#b", "https://h/a"),
        (HIDDEN, f"({HIDDEN})"),
        ("", "(no URL)"),
        ("https://[broken", "https://[broken"),
        ("https://h/" + "a" * 200, "https://h/" + "a" * 69 + "…"),
    ],
)
def test_urls_in_messages_are_short_and_hold_no_secret(url: str, text: str) -> None:
    assert shown(url) == text
