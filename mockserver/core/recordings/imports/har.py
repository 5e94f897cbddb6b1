"""HAR 1.2 files of browsers and proxies as captures.

This room decides where in an entry things stand and what its timings mean. It must not know how a body is decoded or what
a URL means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from mockserver.core.errors import Problem
from mockserver.core.recordings.capture import Capture, Piece
from mockserver.core.recordings.imports import bodies, urls
from mockserver.core.recordings.imports.documents import Document
from mockserver.core.recordings.imports.taken import LeftOut, Spot, Taken, Taking, UnreadableError, UnusableError

_FORM: Final = "application/x-www-form-urlencoded"
_BODILESS: Final = frozenset({204, 205, 304})


def is_har(value: Any) -> bool:
    """Say whether a document is a HAR file."""
    return isinstance(value, Mapping) and isinstance(value.get("log"), Mapping)


def take(document: Document, base: str = "") -> Taking:
    """Return the exchanges of a HAR file in the order in which they were sent. `base` selects as `urls.place` says.

    Raises `UnreadableError` where there is no list of entries.
    """
    entries = document.value["log"].get("entries")
    if not isinstance(entries, list):
        raise UnreadableError(Problem("a list of entries was expected", document.file, key="log.entries"))
    taking = Taking("har")
    for number, entry in enumerate(entries, 1):
        spot = Spot(number)
        try:
            taking.taken.append(_taken(spot, entry, base))
        except UnusableError as error:
            taking.left_out.append(LeftOut(spot, _what(entry), str(error)))
    taking.taken.sort(key=lambda each: each.capture.arrived)  # browsers list some entries by when they ended
    return taking


def _taken(spot: Spot, entry: Any, base: str) -> Taken:
    request, response = _part(entry, "request"), _part(entry, "response")
    method, url = request.get("method"), request.get("url")
    if not isinstance(method, str) or not isinstance(url, str):
        raise UnusableError("its request has no method or no url")
    if entry.get("_webSocketMessages") is not None or url.startswith(("ws:", "wss:")):
        raise UnusableError("messages over WebSocket are not imported")
    place = urls.place(method.upper(), url, base, b"", b"")
    if method.upper() == "OPTIONS":
        raise UnusableError("a browser's preflight request, not the client's own")
    status = response.get("status")
    if not isinstance(status, int) or isinstance(status, bool) or not 200 <= status <= 599:
        raise UnusableError(f"it has no answer ({_failure(entry, response) or f'status {status!r}'})")
    asked_headers: dict[str, str] = {}
    for name, text in bodies.pairs(request.get("headers")):
        asked_headers[name] = f"{asked_headers[name]}, {text}" if name in asked_headers else text
    headers, body, notes = bodies.answer(response.get("headers"), _content(response, status))
    why = _failure(entry, response)
    capture = Capture(
        method.upper(),
        place.path,
        status,
        headers,
        bodies.pieces(body, headers),
        query=place.query,
        request_headers=asked_headers,
        request_body=_asked(request),
        end="partial" if why else "complete",
        why=why,
        arrived=_seconds(entry.get("startedDateTime")),
        upstream=place.upstream,
        timed=False,
    )
    return Taken(spot, _timed(capture, entry.get("timings")), notes)


def _part(entry: Any, name: str) -> Mapping[str, Any]:
    part = entry.get(name) if isinstance(entry, Mapping) else None
    if not isinstance(part, Mapping):
        raise UnusableError(f"it has no {name}")
    return part


def _what(entry: Any) -> str:
    request = entry.get("request") if isinstance(entry, Mapping) else None
    if not isinstance(request, Mapping):
        return "an entry without a request"
    return f"{request.get('method', '?')} {urls.shown(str(request.get('url', '')))}"


def _failure(entry: Mapping[str, Any], response: Mapping[str, Any]) -> str:
    """Return why the exchange broke off, as browsers and proxies note it; "" where nothing says so."""
    for part in (response, entry):
        for name in ("_error", "_errorText", "_abort", "_aborted"):
            if part.get(name):
                return part[name] if isinstance(part[name], str) else "aborted"
    return ""


def _asked(request: Mapping[str, Any]) -> bytes:
    """Return the request's body. Raises `UnusableError` where only parts of a form were kept."""
    data = request.get("postData")
    if not isinstance(data, Mapping):
        return b""
    text, params = data.get("text"), data.get("params")
    if isinstance(text, str) and (text or not params):
        return bodies.unbase64(text) if data.get("encoding") == "base64" else bodies.raw(text)
    kind = str(data.get("mimeType", "")).partition(";")[0].strip().lower()
    if isinstance(params, list) and kind == _FORM and all(isinstance(row, Mapping) for row in params):
        fields = [(str(row.get("name", "")), str(row.get("value", ""))) for row in params]
        return urlencode([(bodies.raw(name), bodies.raw(value)) for name, value in fields]).encode()
    if params:
        raise UnusableError("its request is a form of which only the fields were saved, not the bytes")
    return b""


def _content(response: Mapping[str, Any], status: int) -> bytes:
    """Return the answer's body. Raises `UnusableError` where it was not saved."""
    content = response.get("content")
    content = content if isinstance(content, Mapping) else {}
    text = content.get("text")
    if isinstance(text, str):
        return bodies.unbase64(text) if content.get("encoding") == "base64" else bodies.raw(text)
    size = content.get("size")
    if status in _BODILESS or size == 0:
        return b""
    raise UnusableError("its answer's body was not saved; export the HAR with content (sanitized or not)")


def _timed(capture: Capture, timings: Any) -> Capture:
    """Return the capture with the times of head and end, where the file has them and the body came as one."""
    timings = timings if isinstance(timings, Mapping) else {}
    wait, receive = _milliseconds(timings.get("wait")), _milliseconds(timings.get("receive"))
    if wait is None or receive is None or len(capture.pieces) > 1 or capture.is_stream:
        return capture
    end = round(wait + receive, 3)
    pieces = tuple([Piece(end, piece.data) for piece in capture.pieces])
    return replace(capture, pieces=pieces, head_at=round(wait, 3), ended_at=end, timed=True)


def _milliseconds(value: Any) -> float | None:
    """Return a timing; None for -1, which says that it does not apply, and for what is no number."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
        return float(value)
    return None


def _seconds(at: Any) -> float:
    try:
        return datetime.fromisoformat(at).timestamp() if isinstance(at, str) else 0.0
    except (ValueError, OverflowError):
        return 0.0
