"""A recorded answer as the `reply` of a rule, for people to review and to edit.

This room decides which kind of reply says what came: output items, an error, or plain HTTP. A reply is taken only if it is
composed into what was recorded; what is not understood stays plain HTTP. It must not know the exact bytes' file or YAML.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import orjson

from mockserver.core.headers import JSON_TYPE, STREAM_TYPE
from mockserver.core.messages import Json
from mockserver.core.recordings.capture import Capture
from mockserver.core.recordings.replaying import json_object
from mockserver.core.recordings.writing.keptheaders import kept, one_line
from mockserver.core.recordings.writing.requests import as_value
from mockserver.core.recordings.writing.responses import response_reply
from mockserver.core.rulefiles.errorform import BODILESS, read_error, read_http
from mockserver.core.rulefiles.forms import WRONG
from mockserver.core.rules.equality import equal

MOST_JSON: Final = 32_768
"""Bytes of a JSON body that is written in the rule; a longer one stands in the exact file alone."""
MOST_TEXT: Final = 4_096
"""The same of any other text."""


def reply_of(capture: Capture, keep_headers: Collection[str] = ()) -> dict[str, Json]:
    """Return the `reply` of a rule for this answer. `keep_headers` names headers to keep besides the usual ones."""
    made = response_reply(capture) or _error(capture)
    kind = "" if made is None else _content_type(capture)
    made = made or _http(capture)
    headers = {**({"content-type": kind} if kind else {}), **kept(capture.headers, keep_headers)}
    if headers:
        made["headers"] = headers
    return made


def _content_type(capture: Capture) -> str:
    """Return the content type beside output or an error, "" where it is the usual one."""
    usual = STREAM_TYPE if capture.is_stream else JSON_TYPE
    given = _given_type(capture)
    return given if given != usual[1].decode() else ""


def _given_type(capture: Capture) -> str:
    return next((one_line(value) for name, value in capture.headers if name == "content-type"), "")


def gives_body(reply: Mapping[str, Json], body: bytes) -> bool:
    """Say whether such a reply, an error or plain HTTP, answers with these very bytes."""
    if "error" in reply:
        error = read_error(reply["error"], _silent, ())
        return error is not WRONG and orjson.dumps(error.body) == body
    if "http" in reply:
        answer = read_http(reply["http"], _silent, ())
        return answer is not WRONG and answer.body == body
    return False


def _silent(path: tuple[str | int, ...], message: str, hint: str = "") -> None:
    pass


# Errors and everything else

_OF_ERROR: Final = ("type", "code", "param", "message")


def _error(capture: Capture) -> dict[str, Json] | None:
    """Return an error in the provider's shape, None for anything else, even if it looks like one."""
    document = json_object(capture.body) if 400 <= capture.status < 600 else None
    told = None if document is None else document.get("error")
    if not isinstance(told, dict) or capture.is_stream:
        return None
    made: dict[str, Json] = {"status": capture.status, **{key: told[key] for key in _OF_ERROR if key in told}}
    error = _unless_wrong(read_error, made)
    if error is None or not equal(error.body, document):
        return None
    return {"error": made}


def _http(capture: Capture) -> dict[str, Json]:
    """Return any answer as it is over HTTP; with its body where that is short and comes back as it was."""
    given: dict[str, Json] = {"status": capture.status}
    kind = _given_type(capture)
    body = _http_body(capture)
    if body is not None:
        given["body"] = body
    plain = _unless_wrong(read_http, given)
    if kind and (plain is None or ("content-type", kind) not in plain.headers):
        given = {"status": capture.status, "headers": {"content-type": kind}, **given}
    return {"http": given}


def _http_body(capture: Capture) -> Json:
    """Return what can stand as `body`, None where the exact file has it alone."""
    body = capture.body
    if not body or capture.status in BODILESS:
        return None
    if len(body) <= MOST_JSON:
        found, value = as_value(body)
        if found and value is not None and not isinstance(value, str):
            return value
    if len(body) > MOST_TEXT:
        return None
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return text if all(char.isprintable() or char in "\t\r\n" for char in text) else None


def _unless_wrong(read: Callable[..., Any], value: Json) -> Any:
    """Return what a form reads of a value, None where it finds a mistake in it."""
    mistakes: list[str] = []

    def report(path: tuple[str | int, ...], message: str, hint: str = "") -> None:
        mistakes.append(message)

    found = read(value, report, ())
    return None if found is WRONG or mistakes else found
