"""What answers carry, over a real socket: headers, ids, modifiers, kinds of reply in both encodings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.live import Live, serving

RULES = """
rules:
  - {when: {input: author's id}, reply: {text: "Hello.", response: {id: resp_mine, metadata: {a: b}}}}
  - when: {previous_response_id: resp_mine, transcript: {contains: "Hello."}}
    reply: {text: "turn {{ turn }}"}
  - when: {input: author's headers}
    reply: {text: hi, headers: {X-RateLimit-Remaining-Requests: "0", x-request-id: req_mine, openai-version: "1"}}
  - {when: {input: wait by header}, reply: {error: rate_limit_exceeded, headers: {Retry-After: "7"}}}
  - {when: {input: wait}, reply: {error: rate_limit_exceeded, retry_after: 1500ms}}
  - {when: {input: default wait}, reply: {error: rate_limit_exceeded}}
  - {when: {input: no wait}, reply: {error: server_is_overloaded, speed: 0}}
  - {when: {input: server error}, reply: {error: server_error}}
  - {when: {input: anything}, reply: {http: {status: 203, headers: {x-a: "1"}, body: {a: 1}}}}
  - {when: {input: text}, reply: {text: hi}}
otherwise: {error: model_not_found}
"""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    file = tmp_path_factory.mktemp("rules") / "a.mock.yaml"
    file.write_text(RULES, encoding="utf-8")
    with serving(Path(file)) as live:
        yield live


@pytest.fixture(scope="module")
def client() -> Iterator[httpx2.Client]:
    with httpx2.Client(verify=False) as client:
        yield client


def ask(client: httpx2.Client, live: Live, said: Any, **fields: Any) -> httpx2.Response:
    return client.post(f"{live.base_url}/responses", json={"model": "gpt-5", "input": said, **fields})


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_a_response_goes_on_by_the_id_its_author_gave_it(client: httpx2.Client, live: Live, stream: bool) -> None:
    assert "resp_mine" in ask(client, live, "author's id", stream=stream).text
    assert "turn 2" in ask(client, live, "And then?", previous_response_id="resp_mine").text


def test_each_header_is_sent_once_and_the_author_s_counts(client: httpx2.Client, live: Live) -> None:
    headers = ask(client, live, "author's headers").headers
    assert len(headers.multi_items()) == len({name.lower() for name, _ in headers.multi_items()})
    assert headers["x-ratelimit-remaining-requests"] == "0"
    assert (headers["x-request-id"], headers["openai-version"]) == ("req_mine", "1")


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("wait by header", [("retry-after", "7")]),
        ("wait", [("retry-after", "2"), ("retry-after-ms", "1500")]),
        ("default wait", [("retry-after", "1"), ("retry-after-ms", "1000")]),
        ("no wait", [("retry-after", "1"), ("retry-after-ms", "10")]),
        ("server error", []),
    ],
)
def test_how_long_a_client_is_told_to_wait(
    client: httpx2.Client, live: Live, said: str, wait: list[tuple[str, str]]
) -> None:
    headers = ask(client, live, said).headers
    assert [(name, value) for name, value in headers.multi_items() if name.startswith("retry-after")] == wait


ALWAYS = (
    "x-request-id",
    "openai-processing-ms",
    "openai-version",
    "openai-organization",
    "openai-project",
    *(f"x-ratelimit-{what}-{of}" for what in ("limit", "remaining", "reset") for of in ("requests", "tokens")),
    "x-mock-session",
)


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("POST", "/v1/responses", '{"model": "m", "input": "text"}'),
        ("POST", "/v1/responses", '{"model": "m", "input": "text", "stream": true}'),
        ("POST", "/v1/responses", '{"model": "m", "input": "anything"}'),
        ("POST", "/v1/responses", '{"model": "m", "input": "default wait"}'),
        ("POST", "/v1/responses", '{"model": "m", "input": "no such"}'),
        ("POST", "/v1/responses", "{"),
        ("POST", "/v1/responses", '{"model": 1, "input": "text"}'),
        ("GET", "/v1/responses", ""),
        ("GET", "/v1/models", ""),
        ("POST", "/v1/chat/completions", "{}"),
    ],
)
def test_the_provider_s_headers_are_on_every_answer(
    client: httpx2.Client, live: Live, method: str, path: str, content: str
) -> None:
    sent = {"content-type": "application/json"}
    headers = client.request(method, live.url + path, content=content, headers=sent).headers
    assert [name for name in ALWAYS if name not in headers] == []
    assert len(headers.multi_items()) == len({name.lower() for name, _ in headers.multi_items()})


def test_a_request_for_a_path_that_nobody_serves_is_a_miss(client: httpx2.Client, live: Live) -> None:
    """An app that swallows the 404 is found out all the same; a browser's favicon is none of ours."""
    url = live.session_url("astray")
    assert client.post(f"{url}/embeddings", json={}).json()["error"]["code"] == "unknown_url"
    assert client.get(live.session_url("astray").removesuffix("/v1") + "/favicon.ico").status_code == 404
    first, second = [entry.exchange for entry in live.engine.sessions.find("astray").journal.entries()]
    assert (first.kind, second.kind) == ("miss", "rejection")
    assert "No rule matches POST /v1/embeddings" in first.miss
    assert 'when: {method: POST, path: "/v1/embeddings"}' in first.miss
