"""Answers that are no response objects, as people write them: the provider's errors, and anything over HTTP.

This room decides what may stand under `error` and `http`. It must not know when they are answered, nor what the
catalogue's errors are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

import orjson

from mockserver.core import catalogue
from mockserver.core.errors import Report, nearest
from mockserver.core.items.fields import described
from mockserver.core.messages import Json
from mockserver.core.reply import Error, Http
from mockserver.core.rulefiles.forms import (
    ANYTHING,
    HEADERS,
    LINE,
    TEXT,
    TEXT_OR_NULL,
    WRONG,
    Form,
    Key,
    Leaf,
    Path,
    Wrong,
    whole,
)

ERROR: Final = Form(
    "an error",
    MappingProxyType(
        {
            "name": Key("A name from the catalogue; the other keys then change its values.", LINE),
            "status": Key("The HTTP status.", whole("an HTTP status from 400 to 599", 400, 599)),
            "type": Key("The error's type, such as invalid_request_error.", TEXT),
            "code": Key("The error's code, or null.", TEXT_OR_NULL),
            "param": Key("The parameter at fault, or null.", TEXT_OR_NULL),
            "message": Key("The error's message.", TEXT),
        }
    ),
    elsewhere={"headers": "beside `error`", "retry_after": "beside `error`"},
    example="error: {status: 418, code: teapot, message: No coffee here.}",
)


def _fields(entry: catalogue.Entry) -> Mapping[str, Key]:
    doc = "Fills this word in the message of a catalogue error."
    return {name: Key(doc, Leaf(ANYTHING.read, {"type": ["string", "number"]})) for name in entry.fields}


def read_error(value: Json, report: Report, path: Path) -> Error | Wrong:
    """Return the error written as `value`: a catalogue name, or a mapping that changes one or makes its own."""
    name = value.get("name") if isinstance(value, dict) else value
    entry: catalogue.Entry | None = None
    if isinstance(name, str):
        entry = catalogue.ERRORS.get(name)
        if entry is None:
            close = nearest(name, catalogue.ERRORS)
            hint = f"did you mean `{close}`?" if close else "`mockserver list errors` names them all;"
            at = path if isinstance(value, str) else (*path, "name")
            report(at, f"unknown error `{name}`", f"{hint} for one of your own write `status` and `message`")
            return WRONG
    elif not isinstance(value, dict):
        report(path, f"expected an error's name or a mapping, got {described(value)}", f"write e.g. `{ERROR.example}`")
        return WRONG
    if isinstance(value, str):
        return catalogue.error(value)
    form = ERROR if entry is None else replace(ERROR, keys={**_fields(entry), **ERROR.keys})
    read = form.read(value, report, path)
    if read is WRONG:
        return WRONG
    read.pop("name", None)
    if entry is not None and isinstance(name, str):
        return catalogue.error(name, **read)
    if "status" not in read:
        if "status" not in value:
            report(path, "an error needs a `name` from the catalogue or a `status`", f"write e.g. `{ERROR.example}`")
        return WRONG
    return catalogue.custom(**read)


# Anything over HTTP

BODILESS: Final = (204, 304)

HTTP: Final = Form(
    "an HTTP answer",
    MappingProxyType(
        {
            "status": Key("The HTTP status.", whole("an HTTP status from 200 to 599", 200, 599)),
            "headers": Key("Its headers, by name.", HEADERS),
            "body": Key("Its body: text as it is, anything else as compact JSON.", ANYTHING),
        }
    ),
    required=("status",),
    example="http: {status: 200, body: {ok: true}}",
)


def read_http(value: Json, report: Report, path: Path) -> Http | Wrong:
    """Return the HTTP answer written as `value`. A body without a content type gets the one its YAML type suggests."""
    read = HTTP.read(value, report, path)
    if read is WRONG or "status" not in read:
        return WRONG
    headers: tuple[tuple[str, str], ...] = read.get("headers", ())
    body = b""
    if read.get("body") is not None:
        given = read["body"]
        body = given.encode() if isinstance(given, str) else orjson.dumps(given)
        kind = "text/plain; charset=utf-8" if isinstance(given, str) else "application/json"
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers = (("content-type", kind), *headers)
    if body and read["status"] in BODILESS:
        report((*path, "body"), f"an answer with status {read['status']} has no body")
    return Http(read["status"], headers, body)
