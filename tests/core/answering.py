"""What the tests of answers share: dialects from the built schemas, requests, and checks against the official client."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from mockserver.core.dialect import Dialect, Quirks
from mockserver.core.draws import Draw
from mockserver.core.events import Event
from mockserver.core.grammar.event_types import SCHEMA_TYPES
from mockserver.core.grammar.sequence import check
from mockserver.core.messages import Request
from mockserver.core.reply import Output, Reply
from mockserver.core.response import Asked
from mockserver.core.templates import Template

SCHEMAS = Path(__file__).parents[2] / "schemas"
CLIENT_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


@cache
def dialect(name: str = "standard") -> Dialect:
    """Return a shipped dialect, read from the schemas in the checkout."""
    facts = json.loads((SCHEMAS / name / "dialect.json").read_text())
    return Dialect(
        name,
        Quirks(**facts["quirks"]),
        frozenset(facts["events"]),
        lambda schema: json.loads((SCHEMAS / name / f"{schema}.json").read_text()),
    )


def request(body: Mapping[str, Any] | None = None, **fields: Any) -> Request:
    """Return a request with this body; a model and an input are there unless `body` is given whole."""
    whole = {"model": "gpt-test", "input": "hello", **fields} if body is None else body
    return Request("POST", "/v1/responses", body=orjson.dumps(whole))


def asked(given: Request | None = None, speaks: Dialect | None = None, **fields: Any) -> Asked:
    """Return a request ready to be answered at a fixed time by a fixed seed."""
    made = request(**fields) if given is None else given
    return Asked(made, Draw.of(0, "default", made.body, 1), speaks or dialect(), 1_700_000_000.25, "conv_made_up")


def reply(**modifiers: Any) -> Reply:
    """Return a reply with these modifiers; its items are handed in beside it."""
    return Reply(Output(Template([])), **modifiers)


def assert_valid_response(response: Mapping[str, Any], speaks: Dialect) -> None:
    """The response is valid by the dialect's schema and, strictly, by the official client's type."""
    assert speaks.schema("response").violations(response) == ()
    Response.model_validate_json(orjson.dumps(response), strict=True)


def assert_legal(events: Sequence[Event], speaks: Dialect) -> None:
    """Each event is valid by schema and by the client's strict types, and together they are one legal stream."""
    documents = [orjson.loads(orjson.dumps(event.data)) for event in events]
    assert check(documents, types=speaks.event_types) == ()
    assert [document["sequence_number"] for document in documents] == list(range(len(events)))
    for event, document in zip(events, documents, strict=True):
        assert event.type == document["type"]
        assert event.type in speaks.event_types
        assert speaks.schema(f"events/{event.type}").violations(document) == (), event.type
        if event.type in SCHEMA_TYPES:  # the client does not know what only live traffic has
            CLIENT_EVENT.validate_json(orjson.dumps(document), strict=True)


class Mistakes:
    """A report that keeps what it is told."""

    def __init__(self) -> None:
        self.found: list[tuple[tuple[str | int, ...], str, str]] = []

    def __call__(self, path: tuple[str | int, ...], message: str, hint: str = "") -> None:
        self.found.append((path, message, hint))
