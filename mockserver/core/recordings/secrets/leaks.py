"""Leaks: places in a cleaned capture that would still give away the request's own key.

This room decides how hard a key is looked for before anything is written: in every string alone, in what events spell
together, and within encodings of encodings. It must not know how secrets are taken out.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from mockserver.core.messages import ABSENT, Json
from mockserver.core.recordings.capture import Capture
from mockserver.core.recordings.secrets import streamparts
from mockserver.core.recordings.secrets.ownkeys import OwnKeys
from mockserver.core.recordings.secrets.spellings import from_bytes, plain
from mockserver.core.rules.jsonpath import Location, spell

_ENCODED: Final = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}", re.ASCII)
_HEX: Final = re.compile(r"[0-9a-fA-F]+", re.ASCII)
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

    def look(place: str, text: str) -> bool:
        form = _form(text, own)
        if form:
            found.setdefault(place, Leak(form, place))
        return bool(form)

    for place, text in _small_texts(capture):
        look(place, text)
    for place, body in (("request body", capture.request_body), ("answer", capture.body)):
        before = len(found)
        stream = list(streamparts.parts(body)) if place == "answer" and capture.is_stream else []
        texts = [from_bytes(body), *_decompressed(body)]
        if any(_form(text, own) for text in texts):
            # Only now is it worth while to look where exactly.
            for where, text in _event_texts(stream) if stream else _document_texts(body):
                look(f"{place}, {where}", text)
            if len(found) == before:
                for text in texts:
                    look(place, text)
        for where, text in _joined_texts(stream):
            look(f"{place}, {where}", text)
    return tuple(found.values())


def _form(text: str, own: OwnKeys, depth: int = 0) -> str:
    """Return in which form a text holds a key, "" when it does not."""
    for hit in own.hits(text):
        return hit.form
    if depth < _DEEPEST:
        for name, inner in _decoded(text, own.least).items():
            form = _form("\n".join(inner), own, depth + 1)
            if form:
                return name if form == "as it is" else f"{form} within {name}"
    return ""


def _decoded(text: str, least: int) -> dict[str, list[str]]:
    """Return what the encoded stretches of a text say, by encoding. Shorter ones than `least` characters are left out."""
    said: defaultdict[str, list[str]] = defaultdict(list)
    flat = plain(text)
    for found in dict.fromkeys(_ENCODED.findall(flat)):
        if not least <= len(found) <= _MOST:
            continue
        run = found.rstrip("=").replace("-", "+").replace("_", "/")
        # Letters before it may belong to the run without being part of what was encoded.
        for skipped in range(4) if len(run) <= _SHORT else (0,):
            tail = run[skipped:]
            tail = tail[: len(tail) - (len(tail) % 4 == 1)]
            data = base64.b64decode(tail + "=" * (-len(tail) % 4))
            said["base64"].append(from_bytes(data))
            said["compressed base64"] += _decompressed(data)
        if len(run) % 2 == 0 and _HEX.fullmatch(run):
            data = bytes.fromhex(run)
            said["hex"].append(from_bytes(data))
            said["compressed hex"] += _decompressed(data)
    return said


def _decompressed(data: bytes) -> Iterator[str]:
    """Yield what gzip or zlib data hold; nothing for other data."""
    if data.startswith(_COMPRESSED):
        try:
            yield from_bytes(zlib.decompressobj(47).decompress(data, _MOST))
        except zlib.error:
            return


def _small_texts(capture: Capture) -> Iterator[tuple[str, str]]:
    """Yield what is written of a capture besides the bodies, and its place."""
    yield "request path", capture.path
    for name, value in capture.query.items():
        yield f"query, {name}", f"{name}={value}"
    for name, value in capture.request_headers.items():
        yield f"request header {name}", value
    for name, value in capture.headers:
        yield f"answer, header {name}", f"{name}: {value}"
    yield "how it ended", capture.why
    yield "upstream URL", capture.upstream


def _document_texts(body: bytes) -> Iterator[tuple[str, str]]:
    for location, text in streamparts.strings(_document(body), ()):
        yield spell(location), text


def _event_texts(stream: Sequence[streamparts.Part]) -> Iterator[tuple[str, str]]:
    for part in stream:
        for location, text in streamparts.strings(part.document, ()):
            yield f"{part.label}, {spell(location)}", text
        for _, line in streamparts.other_lines(part.frame):
            yield part.label, from_bytes(line)
        if part.document is ABSENT:
            yield part.label, from_bytes(streamparts.data_of(part.frame).data)


def _joined_texts(stream: Sequence[streamparts.Part]) -> Iterator[tuple[str, str]]:
    """Yield the strings that stand at the same place in several events, joined; and the data that is no JSON, joined."""
    together: defaultdict[tuple[Json, Location], list[tuple[int, str]]] = defaultdict(list)
    for part in stream:
        if part.document is ABSENT:
            together["data", ()].append((part.number, part.frame.data or ""))
            continue
        kind = part.document.get("type") if isinstance(part.document, dict) else None
        for location, text in streamparts.strings(part.document, ()):
            together[kind if isinstance(kind, str) else "", location].append((part.number, text))
    for (kind, location), each in together.items():
        if len({text for _, text in each}) > 1:  # a name that all events repeat spells nothing
            span = f"events {each[0][0]} to {each[-1][0]} joined" + (f" ({kind})" if kind else "")
            yield f"{span}, {spell(location)}", "".join([text for _, text in each])


def _document(body: bytes) -> Json:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return ABSENT
