"""A recorded request as it stands in a rule file: what was sent, word for word.

This room decides what may stand under `request`. It must not know how requests are compared (`likeness`) or what answers
them.
"""

from __future__ import annotations

import base64
import binascii
import re
from types import MappingProxyType
from typing import Any, Final

import orjson

from mockserver.core.errors import Report
from mockserver.core.items.fields import described
from mockserver.core.messages import Json
from mockserver.core.recordings.likeness import Sent
from mockserver.core.rulefiles.forms import TEXT, WRONG, Form, Key, Leaf, Path, Wrong


def _read_method(value: Json, report: Report, path: Path) -> Any:
    if isinstance(value, str) and re.fullmatch(r"[A-Z]{1,20}", value):
        return value
    report(path, f"expected an HTTP method in capitals, got {described(value)}")
    return WRONG


def _read_path(value: Json, report: Report, path: Path) -> Any:
    if isinstance(value, str) and value.startswith("/"):
        return value
    report(path, f"expected a path that starts with /, got {described(value)}", "the query goes under `query`")
    return WRONG


def _read_query(value: Json, report: Report, path: Path) -> Any:
    if not isinstance(value, dict):
        report(path, f"expected parameters by name, got {described(value)}", "write e.g. `query: {limit: '2'}`")
        return WRONG
    for name, given in value.items():
        if not isinstance(given, str):
            report((*path, name), f"expected text, got {described(given)}", "quote it")
            return WRONG
    return value


def _read_base64(value: Json, report: Report, path: Path) -> Any:
    if TEXT.read(value, report, path) is WRONG:
        return WRONG
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        report(path, f"not base64: {error}")
        return WRONG


def _read_json(value: Json, report: Report, path: Path) -> Any:
    try:
        return orjson.dumps(value)
    except TypeError as error:
        report(path, f"this is nothing that JSON can say: {error}", "write the body as `text`, or as `base64`")
        return WRONG


BODIES: Final = ("body", "text", "base64")
"""The ways of writing a body; at most one of them stands in a request."""

REQUEST: Final = Form(
    "`request`",
    MappingProxyType(
        {
            "method": Key("The method; POST unless given.", Leaf(_read_method, {"type": "string"})),
            "path": Key("The path; /v1/responses unless given.", Leaf(_read_path, {"type": "string", "pattern": "^/"})),
            "query": Key(
                "The parameters of the query, all of them.",
                Leaf(_read_query, {"type": "object", "additionalProperties": {"type": "string"}}),
            ),
            "body": Key("The body, which is JSON.", Leaf(_read_json, {})),
            "text": Key("The body as text, where it is no JSON.", TEXT),
            "base64": Key("The body in base64, where it is no text.", Leaf(_read_base64, {"type": "string"})),
        }
    ),
    elsewhere=dict.fromkeys(("ignore", "mask", "either_encoding"), "inside `match`, at the file's top"),
    example="request: {body: {model: gpt-5, input: Hi}}",
)
REQUEST_SCHEMA: Final = {
    **REQUEST.schema,
    "allOf": [{"not": {"required": [one, other]}} for index, one in enumerate(BODIES) for other in BODIES[index + 1 :]],
}


def read_request(value: Json, report: Report, path: Path) -> Sent | Wrong:
    """Return the request written as `value`."""
    read = REQUEST.read(value, report, path)
    if read is WRONG:
        return WRONG
    given = [key for key in BODIES if key in value]
    if len(given) > 1:
        report((*path, given[1]), f"a body is written in one way; found {' and '.join(given)}")
    if len(read) < len(value) or len(given) > 1:
        return WRONG
    body: bytes | str = read.pop(given[0]) if given else b""
    read.pop("text", None)
    if isinstance(body, str):
        try:
            body = body.encode()
        except UnicodeEncodeError:
            report((*path, "text"), "this is no Unicode text", "write the body as `base64`")
            return WRONG
    return Sent(**read, body=body)
