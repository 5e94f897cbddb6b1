"""A refusal is told once, in the log and the journal too: as violations, as a miss, or as a note with its message."""

from __future__ import annotations

import pytest

from mockserver.core.messages import Request
from tests.core.asking import NOW, engine

JSON = {"content-type": "application/json", "authorization": "Bearer right"}


@pytest.mark.parametrize(
    ("request_", "kind", "note"),
    [
        (Request("POST", "/v1/responses", headers={**JSON, "authorization": "Bearer wrong"}), "rejection", "API key"),
        (Request("POST", "/v1/responses", headers=JSON, body=b"{"), "rejection", "could not be read as JSON"),
        (Request("POST", "/v1/responses", headers=JSON), "rejection", "is empty"),
        (Request("GET", "/v1/responses", headers=JSON), "rejection", "Allowed: POST"),
        (Request("POST", "/responses", headers=JSON), "miss", "Did you mean /v1/responses?"),
        (Request("POST", "/v1/responses", headers=JSON, body=b'{"model":"m","input":"x","n":1}'), "rejection", ""),
        (Request("POST", "/v1/responses", headers=JSON, body=b'{"model":"m","input":"x"}'), "miss", ""),
    ],
)
def test_a_refusal_is_told_once(request_: Request, kind: str, note: str) -> None:
    play = engine("rules: [{when: {model: other}, reply: {text: hi}}]\nauth: {keys: [right]}").answer(request_, NOW)
    exchange = play.exchange
    assert exchange.kind == kind
    assert [note in each for each in exchange.notes] == ([True] if note else [])
    assert bool(note or exchange.violations or exchange.miss)


def test_a_body_that_is_too_large_is_told_why() -> None:
    play = engine("otherwise: {text: hi}").too_large(Request("POST", "/v1/responses", headers=JSON), 5, NOW)
    assert play.exchange.notes == ("The request body is larger than 5 bytes.",)
