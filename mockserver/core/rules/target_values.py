"""What each target reads from a request: one small function a target, ABSENT where there is nothing.

This room decides which value a condition is tested on. It must not know matchers or rule files. An optional field that is
sent as null counts as not sent: some clients spell out every field they leave unset.

Readers are shared: one function for one name, so that a value is read once for all the rules that look at it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import orjson

from mockserver.core.messages import ABSENT, Json, Request

Read: TypeAlias = Callable[[Request], Json]


@functools.lru_cache(maxsize=1024)
def field(name: str) -> Read:
    """Read a top-level field of the body."""

    def read(request: Request) -> Json:
        value = request.fields.get(name)
        return ABSENT if value is None else value

    return read


@functools.lru_cache(maxsize=1024)
def header(name: str) -> Read:
    """Read a header; the name's case does not matter."""
    lower = name.lower()
    return lambda request: request.headers.get(lower, ABSENT)


@functools.lru_cache(maxsize=1024)
def query(name: str) -> Read:
    """Read a parameter of the query."""
    return lambda request: request.query.get(name, ABSENT)


@functools.lru_cache(maxsize=1024)
def metadata(name: str) -> Read:
    """Read one entry of `metadata`, as text: the API's own type for it, though some clients send numbers."""

    def read(request: Request) -> Json:
        pairs = request.fields.get("metadata")
        value = pairs.get(name) if isinstance(pairs, dict) else None
        if isinstance(value, str):
            return value
        if value is None:
            return ABSENT
        return value if isinstance(value, (dict, list)) else orjson.dumps(value).decode()

    return read


def method(request: Request) -> Json:
    """Read the HTTP method."""
    return request.method


def path(request: Request) -> Json:
    """Read the path, without session prefix and query."""
    return request.path


def stream(request: Request) -> Json:
    """Read whether a stream is asked for; absent and null are false."""
    return request.stream


def conversation(request: Request) -> Json:
    """Read the conversation's id, given as a string or as an object with an `id`."""
    value = request.fields.get("conversation")
    if isinstance(value, dict):
        value = value.get("id")
    return ABSENT if value is None else value


def said(request: Request) -> Json:
    """Read the last user message in the tail; absent right after a tool output."""
    text = request.conversation.said
    return ABSENT if text is None else text


def user(request: Request) -> Json:
    """Read the newest user message, wherever it stands."""
    text = request.conversation.user
    return ABSENT if text is None else text


def transcript(request: Request) -> Json:
    """Read all message and tool-output text."""
    return request.conversation.transcript


def turn(request: Request) -> Json:
    """Read the number of this turn, from 1."""
    return request.conversation.turn


def tools(request: Request) -> Json:
    """Read the names of the tools: `name`, else `server_label`, else `type`."""
    given = request.fields.get("tools")
    if not isinstance(given, list):
        return ABSENT
    return [_name(tool, "name", "server_label", "type") for tool in given if isinstance(tool, dict)]


def tool_choice(request: Request) -> Json:
    """Read the tool choice: the string, or the object's `name`, else its `type`; absent is `auto`."""
    given = request.fields.get("tool_choice")
    if given is None:
        return "auto"
    return _name(given, "name", "type") if isinstance(given, dict) else given


def format_type(request: Request) -> Json:
    """Read the type of `text.format`; absent is `text`."""
    given = _format(request).get("type")
    return "text" if given is None else given


def format_name(request: Request) -> Json:
    """Read the name of `text.format`."""
    given = _format(request).get("name")
    return ABSENT if given is None else given


def _format(request: Request) -> Mapping[str, Any]:
    text = request.fields.get("text")
    given = text.get("format") if isinstance(text, dict) else None
    return given if isinstance(given, dict) else _NOTHING


def _name(given: Mapping[str, Any], *keys: str) -> Json:
    return next((given[key] for key in keys if given.get(key) is not None), None)


_NOTHING: Final[Mapping[str, Any]] = {}
