"""Errors as the official client meets them over a socket: its own exception classes, keys, limits, how long to wait."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import openai
import pytest

from mockserver.adapters.asgi import App
from mockserver.adapters.clock import SystemClock
from mockserver.adapters.disk import load_dialect, load_rules
from mockserver.adapters.server import Server, bind
from mockserver.core.catalogue import ERRORS
from mockserver.core.engine import Engine
from tests.live import Live

CLASSES: Final[dict[int, type[openai.APIStatusError]]] = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
    503: openai.InternalServerError,
}
"""The client's own classes; other statuses are plain `APIStatusError`."""


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Any]:
    """Serve a rule file, its limits and keys too; the time of day stands still unless told otherwise."""
    with contextlib.ExitStack() as stack:

        def start(text: str, now: float | None = 1_700_000_000.0, **options: Any) -> Live:
            file = tmp_path / "a.mock.yaml"
            file.write_text(text, encoding="utf-8")
            rules = load_rules([file])
            engine = Engine(rules.book, load_dialect("standard"), limits=rules.limits, auth_keys=rules.auth_keys)
            server = stack.enter_context(Server(App(engine, SystemClock(now)), bind()))
            return Live(server.url, engine)

        yield start


def client(live: Live, key: str = "any", url: str = "", **options: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=url or live.base_url, api_key=key, max_retries=0, **options)


def test_every_error_is_the_client_s_own_exception(serve: Any) -> None:
    rules = "".join(f"  - {{when: {{model: {name}}}, reply: {{error: {name}}}}}\n" for name in ERRORS)
    live = serve(f"rules:\n{rules}")
    with client(live) as asking:
        for name, entry in ERRORS.items():
            for stream in (False, True):
                with pytest.raises(CLASSES.get(entry.status, openai.APIStatusError)) as raised:
                    asking.responses.create(model=name, input="x", stream=stream)
                assert type(raised.value) is CLASSES.get(entry.status, type(raised.value))
                assert raised.value.status_code == entry.status
                assert (raised.value.code, raised.value.type, raised.value.param) == (
                    entry.code,
                    entry.type,
                    entry.param,
                )
                assert raised.value.request_id is not None
                assert ("retry-after" in raised.value.response.headers) == (entry.status in (429, 503))


def test_an_error_of_ones_own(serve: Any) -> None:
    live = serve(
        "otherwise: {error: {status: 409, type: odd, code: clash, param: input, message: Not twice.}, headers: {x-a: b}}"
    )
    with client(live) as asking, pytest.raises(openai.ConflictError, match="Not twice") as raised:
        asking.responses.create(model="m", input="x")
    assert (raised.value.type, raised.value.code, raised.value.param) == ("odd", "clash", "input")
    assert raised.value.response.headers["x-a"] == "b"


def test_keys(serve: Any) -> None:
    """A missing and a wrong key each get the provider's 401; without keys set any or none is fine."""
    live = serve("auth: {keys: [sk-right]}\notherwise: {text: ok}")
    with client(live, "sk-right") as asking:
        assert asking.responses.create(model="m", input="x").output_text == "ok"
    with client(live, "sk-wrong-and-long-enough") as asking, pytest.raises(openai.AuthenticationError) as raised:
        asking.responses.create(model="m", input="x")
    assert (raised.value.code, raised.value.type) == ("invalid_api_key", "invalid_request_error")
    assert "sk-wrong-and" not in raised.value.message
    bare = httpx2.post(f"{live.base_url}/responses", json={"model": "m", "input": "x"})
    assert (bare.status_code, bare.json()["error"]["code"]) == (401, None)
    assert httpx2.get(f"{live.base_url}/models").status_code == 401
    open_to_all = serve("otherwise: {text: ok}")
    assert httpx2.post(f"{open_to_all.base_url}/responses", json={"model": "m", "input": "x"}).status_code == 200


@pytest.mark.parametrize(
    ("per", "first", "same", "other"),
    [
        ("key", {"key": "a"}, {"key": "a", "model": "o"}, {"key": "b"}),
        ("model", {"model": "a"}, {"model": "a", "key": "o"}, {"model": "b"}),
        ("session", {"session": "a"}, {"session": "a", "model": "o"}, {"session": "b"}),
        ("all", {}, {"key": "b", "model": "c", "session": "d"}, None),
    ],
)
def test_limits_by_key_model_session_and_all(serve: Any, per: str, first: Any, same: Any, other: Any) -> None:
    live = serve(f"limits: {{requests: 1, per: {per}}}\notherwise: {{text: ok}}")

    def ask(key: str = "k", model: str = "m", session: str = "s") -> httpx2.Response:
        return httpx2.post(
            f"{live.session_url(session)}/responses",
            json={"model": model, "input": "x"},
            headers={"authorization": f"Bearer {key}"},
        )

    assert ask(**first).status_code == 200
    refused = ask(**same)
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    headers = refused.headers
    assert (headers["retry-after"], headers["retry-after-ms"]) == ("60", "60000")
    assert (headers["x-ratelimit-limit-requests"], headers["x-ratelimit-remaining-requests"]) == ("1", "0")
    assert headers["x-ratelimit-reset-requests"] == "1m0s"
    if other is not None:
        assert ask(**other).status_code == 200


def test_a_limit_of_tokens(serve: Any) -> None:
    live = serve("limits: {tokens: 10}\notherwise: {text: ok}")
    with client(live) as asking:
        answer = asking.responses.with_raw_response.create(model="m", input="x" * 24)
        assert answer.headers["x-ratelimit-remaining-tokens"] == "4"
        with pytest.raises(openai.RateLimitError) as raised:
            asking.responses.create(model="m", input="x" * 24)
    assert (raised.value.type, raised.value.code) == ("tokens", "rate_limit_exceeded")
    assert raised.value.response.headers["retry-after"] == "12"


def test_an_injected_rate_limit_does_not_contradict_itself(serve: Any) -> None:
    """Whoever is told that the limit is reached reads in the headers that nothing is left of it, and when it is back."""
    live = serve("""
rules:
  - {when: {input: requests}, reply: {error: rate_limit_exceeded, retry_after: 2500ms}}
  - {when: {input: tokens}, reply: {error: token_rate_limit_exceeded}}
""")
    with client(live) as asking:
        for what, reset in (("requests", "2.5s"), ("tokens", "1s")):
            with pytest.raises(openai.RateLimitError) as raised:
                asking.responses.create(model="gpt-5", input=what)
            headers = raised.value.response.headers
            assert headers[f"x-ratelimit-remaining-{what}"] == "0"
            assert headers[f"x-ratelimit-reset-{what}"] == reset
            assert f"limit {headers[f'x-ratelimit-limit-{what}']}." in raised.value.message


def test_a_message_names_the_model_that_was_asked_for(serve: Any) -> None:
    live = serve("""
rules:
  - {when: {input: limit}, reply: {error: rate_limit_exceeded}}
  - {when: {input: own}, reply: {error: {name: model_not_found, model: other}}}
  - {when: {input: words}, reply: {error: {name: model_not_found, message: "mock-0 is away"}}}
otherwise: {error: model_not_found}
""")
    told = {}
    with client(live) as asking:
        for said in ("limit", "own", "words", "x"):
            with pytest.raises(openai.APIStatusError) as raised:
                asking.responses.create(model="gpt-77", input=said)
            told[said] = raised.value.message
    assert "Rate limit reached for gpt-77 on requests" in told["limit"]
    assert "`other`" in told["own"]
    assert "mock-0 is away" in told["words"]
    assert "The model `gpt-77` does not exist" in told["x"]


def test_the_client_s_own_retries_wait_as_they_are_told(serve: Any) -> None:
    live = serve("rules: [{replies: [{error: rate_limit_exceeded, times: 2, retry_after: 20ms}, {text: ok}]}]")
    with openai.OpenAI(base_url=live.base_url, api_key="any", max_retries=2) as asking:
        assert asking.responses.create(model="m", input="x").output_text == "ok"
    sent = [entry.exchange.status for entry in live.engine.sessions.find("default").journal.entries()]
    assert sent == [429, 429, 200]


def test_a_miss_is_told_once(serve: Any) -> None:
    """The client does not retry it."""
    live = serve("rules: [{when: {model: other}, reply: {text: hi}}]")
    with (
        openai.OpenAI(base_url=live.base_url, api_key="any", max_retries=2) as asking,
        pytest.raises(openai.NotFoundError, match='expected "other", found "m"') as raised,
    ):
        asking.responses.create(model="m", input="x")
    assert raised.value.code == "no_matching_rule"
    assert len(list(live.engine.sessions.find("default").journal.entries())) == 1
