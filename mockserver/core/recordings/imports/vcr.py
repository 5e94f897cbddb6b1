"""Cassettes of vcrpy, and of the tools whose cassettes look alike, as captures.

This room decides where in a cassette things stand: its layouts, its forms of requests and responses. It must not know how
a body is decoded or what a URL means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from itertools import zip_longest
from typing import Any, Final, TypeAlias

from mockserver.core.errors import Problem
from mockserver.core.recordings.capture import Capture
from mockserver.core.recordings.imports import bodies, urls
from mockserver.core.recordings.imports.documents import Document
from mockserver.core.recordings.imports.taken import LeftOut, Spot, Taken, Taking, UnreadableError, UnusableError
from mockserver.core.rulefiles.yamlplaces import Path

Stored: TypeAlias = tuple[Path, Any, Any, Any]
"""One exchange: where it stands, the request, the response, when it was recorded."""

_LISTS: Final = ("interactions", "http_interactions")
_REBUILT: Final = "its {} is kept as data: the bytes were rebuilt as compact JSON"


def is_cassette(value: Any) -> bool:
    """Say whether a document has one of the layouts of a cassette."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(row, Mapping) and {"request", "response"} <= set(row) for row in value)
    if not isinstance(value, Mapping):
        return False
    return any(name in value for name in _LISTS) or {"requests", "responses"} <= set(value)


def take(document: Document, base: str = "") -> Taking:
    """Return what a cassette holds, in its order. `base` selects exchanges as `urls.place` says.

    Raises `UnreadableError` where the file as a whole has another form.
    """
    taking = Taking("vcr")
    for number, (path, request, response, at) in enumerate(_stored(document), 1):
        spot = Spot(number, document.line(*path))
        try:
            taking.taken.append(_taken(spot, request, response, at, base))
        except UnusableError as error:
            taking.left_out.append(LeftOut(spot, _what(request), str(error)))
    return taking


def _stored(document: Document) -> Iterator[Stored]:
    value = document.value
    if isinstance(value, list):
        raise UnreadableError(
            Problem(
                "a cassette of vcrpy before version 1, whose requests have another form",
                document.file,
                document.line(0),
                hint="convert it with `python -m vcr.migration PATH`",
            )
        )
    for name in _LISTS:
        if name in value:
            rows = _list(document, name)
            for index, row in enumerate(rows):
                if isinstance(row, Mapping):
                    yield (name, index), row.get("request"), row.get("response"), row.get("recorded_at")
                else:
                    yield (name, index), None, None, None
            return
    requests, responses = _list(document, "requests"), _list(document, "responses")
    for index, (request, response) in enumerate(zip_longest(requests, responses)):
        yield ("requests" if index < len(requests) else "responses", index), request, response, None


def _list(document: Document, name: str) -> list[Any]:
    rows = document.value[name]
    if rows is None:
        return []
    if isinstance(rows, list):
        return rows
    raise UnreadableError(Problem("a list of exchanges was expected", document.file, document.line(name), key=name))


def _taken(spot: Spot, request: Any, response: Any, at: Any, base: str) -> Taken:
    if not isinstance(request, Mapping):
        raise UnusableError("it has no request")
    if not isinstance(response, Mapping):
        raise UnusableError("it has no response")
    notes: list[str] = []
    asked_headers: dict[str, str] = {}
    for name, text in bodies.pairs(request.get("headers")):
        asked_headers[name] = f"{asked_headers[name]}, {text}" if name in asked_headers else text
    asked = bodies.decoded(_body(request, "request", notes), _encodings(asked_headers))
    headers, body, told = bodies.answer(response.get("headers"), _body(response, "answer", notes))
    method = request.get("method")
    if not isinstance(method, str) or not method:
        raise UnusableError("its request has no method")
    place = urls.place(method.upper(), _url(request), base, asked, body)
    notes += [place.note] if place.note else []
    capture = Capture(
        method.upper(),
        place.path,
        _status(response),
        headers,
        bodies.pieces(body, headers),
        query=place.query,
        request_headers=asked_headers,
        request_body=asked,
        arrived=_seconds(at),
        upstream=place.upstream,
        timed=False,
    )
    return Taken(spot, capture, (*notes, *told))


def _encodings(headers: Mapping[str, str]) -> list[str]:
    return [part.strip().lower() for part in headers.get("content-encoding", "").split(",")]


def _url(request: Mapping[str, Any]) -> str:
    url = request.get("uri", request.get("url"))
    return url if isinstance(url, str) else ""


def _what(request: Any) -> str:
    if not isinstance(request, Mapping):
        return "an exchange without a request"
    method = request.get("method")
    return f"{method if isinstance(method, str) else '?'} {urls.shown(_url(request))}"


def _body(message: Mapping[str, Any], side: str, notes: list[str]) -> bytes:
    """Return a message's body as stored; `content` is how older vcrpy kept the answers that httpx got."""
    if "parsed_body" in message and message.get("body") is None:
        notes.append(_REBUILT.format(f"{side}'s body"))
        return bodies.json_text(message["parsed_body"])
    return bodies.raw(message["body"] if "body" in message else message.get("content"))


def _status(response: Mapping[str, Any]) -> int:
    status = response.get("status", response.get("status_code"))
    if isinstance(status, Mapping):
        status = status.get("code")
    if isinstance(status, int) and not isinstance(status, bool) and 200 <= status <= 599:
        return status
    raise UnusableError(f"its answer has no status between 200 and 599 (it has {status!r})")


def _seconds(at: Any) -> float:
    """Return when it was recorded as seconds since the epoch, 0 where nothing says so in a known form."""
    if not isinstance(at, str):
        return 0.0
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return parse(at).timestamp()
        except (ValueError, OverflowError, TypeError):
            continue
    return 0.0
