"""The recorded request as a rule has it: verbatim, in the form that reads best and still gives the same bytes or value.

This room decides between JSON as YAML, text and base64. It must not know which conditions follow from it, nor what is
secret. Headers are never written.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

import orjson

from mockserver.core import endpoints
from mockserver.core.messages import Json, depth_exceeds
from mockserver.core.recordings.capture import Capture
from mockserver.core.recordings.writing.yamltext import lines
from mockserver.core.rulefiles.yamlsource import read

DEEPEST: Final = 90
"""Containers inside each other that are written as YAML; its reader takes a few more, and some are around the body."""


def request_of(capture: Capture) -> dict[str, Json]:
    """Return the `request` of a rule: method, path and query where they are not the usual ones, and the body if any.

    A `body` is JSON that comes back as the same value: keys in the same order, each once, 1 told from 1.0. Any other is
    `text`, or `base64` where it is no UTF-8.
    """
    made: dict[str, Json] = {}
    if capture.method != "POST":
        made["method"] = capture.method
    if capture.path != endpoints.RESPONSES:
        made["path"] = capture.path
    if capture.query:
        made["query"] = dict(capture.query)
    if capture.request_body:
        made.update(_body(capture.request_body))
    return made


def _body(body: bytes) -> Mapping[str, Json]:
    found, value = as_value(body)
    if found:
        return {"body": value}
    try:
        return {"text": body.decode()}
    except UnicodeDecodeError:
        return {"base64": b64encode(body).decode()}


def as_value(body: bytes) -> tuple[bool, Json]:
    """Return whether a JSON body can stand in YAML, and its value: read back, it is exactly what the body says."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False, None
    if depth_exceeds(value, body, DEEPEST):
        return False, None
    try:
        strict = json.loads(body, object_pairs_hook=_once)
    except ValueError:  # a key stands there twice
        return False, None
    source = read("\n".join(lines({"body": value})) + "\n")
    if source.problems or not identical(source.value, {"body": strict}):
        return False, None
    return True, value


def identical(one: Json, other: Json) -> bool:
    """Say whether two JSON values are the same to the letter: the order of keys and 1 or 1.0 included."""
    return json.dumps(one) == json.dumps(other)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key stands there twice")
    return made
