"""Leaks: places in a cleaned capture that would still give away the request's own key.

This room decides how hard a key is looked for before anything is written: in every string alone, in what events spell
together, and within encodings of encodings. It must not know how secrets are taken out.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import orjson

from mockserver.core.messages import ABSENT, Json
from mockserver.core.recordings import streamparts
from mockserver.core.recordings.capture import Capture
from mockserver.core.recordings.ownkeys import OwnKeys
from mockserver.core.recordings.spellings import from_bytes, plain
from mockserver.core.rules.jsonpath import Location, spell

_ENCODED: Final = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}", re.ASCII)
_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2}){8,}", re.ASCII)
_COMPRESSED: Final = (b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda")
_DEEPEST: Final = 3
"""Encodings within encodings that are undone."""
_SHORT: Final = 4096
"""Characters of base64 up to which all ways are tried in which it may be aligned."""
_MOST: Final = 1 << 20
"""Bytes that are unpacked at most of something compressed, and characters of something encoded that are undone."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A place that holds the request's own key in a form such as `base64`; both are for people."""

    form: str
    place: str

    def __str__(self) -> str:
        return f"{self.place} ({self.form})"


def leaks(capture: Capture, own: OwnKeys) -> tuple[Leak, ...]:
    """Return every place of a cleaned capture where an own key can still be read."""
    found: dict[str, Leak] = {}
    for place, text in _texts(capture):
        if place not in found:
            form = _form(text, own, 0)
            if form:
                found[place] = Leak(form, place)
    return tuple(found.values())


def _form(text: str, own: OwnKeys, depth: int) -> str:
    """Return in which form a text holds a key, "" when it does not."""
    for hit in own.hits(text) if own.may_stand_in(text) else ():
        return hit.form
    if depth == _DEEPEST:
        return ""
    for name, inner in _decoded(text):
        form = _form(inner, own, depth + 1)
        if form:
            return name if form == "as it is" else f"{form} within {name}"
    return ""


def _decoded(text: str) -> Iterator[tuple[str, str]]:
    """Yield what the encoded stretches of a text say, and the encoding's name."""
    flat = plain(text)
    for found in _ENCODED.finditer(flat):
        run = found[0].rstrip("=").replace("-", "+").replace("_", "/")
        # Letters before it may belong to the run without being part of what was encoded.
        for skipped in range(4) if len(run) <= _SHORT else range(len(run) <= _MOST):
            tail = run[skipped:]
            tail = tail[: len(tail) - (len(tail) % 4 == 1)]
            yield from _unpacked("base64", base64.b64decode(tail + "=" * (-len(tail) % 4)))
    for found in _HEX.finditer(flat):
        if len(found[0]) <= _MOST:
            yield from _unpacked("hex", bytes.fromhex(found[0]))


def _unpacked(name: str, data: bytes) -> Iterator[tuple[str, str]]:
    yield name, from_bytes(data)
    for text in _decompressed(data):
        yield f"compressed {name}", text


def _decompressed(data: bytes) -> Iterator[str]:
    """Yield what gzip or zlib data hold; nothing for other data."""
    if data.startswith(_COMPRESSED):
        try:
            yield from_bytes(zlib.decompressobj(47).decompress(data, _MOST))
        except zlib.error:
            return


def _texts(capture: Capture) -> Iterator[tuple[str, str]]:
    """Yield every text of a capture that is written, and its place, the most telling places first."""
    yield "request path", capture.path
    for name, value in capture.query.items():
        yield f"query, {name}", f"{name}={value}"
    for name, value in capture.request_headers.items():
        yield f"request header {name}", value
    for name, value in capture.headers:
        yield f"answer, header {name}", f"{name}: {value}"
    yield "how it ended", capture.why
    yield "upstream URL", capture.upstream
    yield from _of_body("request body", capture.request_body)
    body = capture.body
    if capture.is_stream:
        yield from _of_stream(body)
    yield from _of_body("answer", body)


def _of_body(place: str, body: bytes) -> Iterator[tuple[str, str]]:
    for location, text in _strings(_document(body), ()):
        yield f"{place}, {spell(location)}", text
    yield place, from_bytes(body)
    for text in _decompressed(body):
        yield f"{place}, decompressed", text


def _of_stream(body: bytes) -> Iterator[tuple[str, str]]:
    """Yield the strings of each event, then those that stand at the same place in several events, joined."""
    together: defaultdict[tuple[Json, Location], list[tuple[int, str]]] = defaultdict(list)
    raw: list[str] = []
    for part in streamparts.parts(body):
        if part.document is ABSENT:
            raw.append(part.frame.data or "")
            yield f"answer, {part.label}", from_bytes(part.frame.raw)
            continue
        kind = part.document.get("type") if isinstance(part.document, dict) else None
        for location, text in _strings(part.document, ()):
            together[kind if isinstance(kind, str) else "", location].append((part.number, text))
            yield f"answer, {part.label}, {spell(location)}", text
    for (kind, location), each in together.items():
        if len(each) > 1:
            span = f"events {each[0][0]} to {each[-1][0]} joined" + (f" ({kind})" if kind else "")
            yield f"answer, {span}, {spell(location)}", "".join([text for _, text in each])
    yield "answer, data of events joined", "".join(raw)


def _document(body: bytes) -> Json:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return ABSENT


def _strings(value: Json, location: Location) -> Iterator[tuple[Location, str]]:
    if isinstance(value, str):
        yield location, value
    elif isinstance(value, dict):
        for name, child in value.items():
            yield (*location, name), str(name)
            yield from _strings(child, (*location, name))
    elif isinstance(value, list):
        for at, child in enumerate(value):
            yield from _strings(child, (*location, at))
