"""Bodies and headers as other tools keep them, back to what was on the wire with content encodings undone.

This room decides how a stored body is read, what kind it is where nothing says so, and into which pieces it falls. It
must not know where in a file it stood.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

import orjson

from mockserver.core import sse
from mockserver.core.forwarding.encodings import can_undo
from mockserver.core.forwarding.headers import HOP_BY_HOP
from mockserver.core.recordings.capture import STREAM_TYPE, Piece
from mockserver.core.recordings.imports.documents import GZIP, unpacked
from mockserver.core.recordings.imports.taken import UnusableError
from mockserver.core.recordings.imports.urls import is_hidden

Pairs: TypeAlias = tuple[tuple[str, str], ...]

PASSING: Final = frozenset({"content-encoding", "content-length", *(name.decode() for name in HOP_BY_HOP)})
"""Headers that say how bytes travelled, not what they are."""

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""What no header can carry; line breaks are seen to."""
_STREAM: Final = re.compile(rb"(?:\xef\xbb\xbf)?(?:event|data|id|retry)?:")


def raw(value: Any) -> bytes:
    """Return the bytes of a stored body.

    It may be text, bytes, a mapping that holds one of them as `string` or base64 text as `base64_string`, or None. Raises
    `UnusableError` for anything else.
    """
    match value:
        case None:
            return b""
        case bytes():
            return value
        case str():
            try:
                return value.encode()
            except UnicodeEncodeError:
                raise UnusableError("its body holds half of a surrogate pair, which no bytes stand for") from None
        case {"base64_string": str() as text}:
            return unbase64(text)
        case {"encoding": "base64", "string": str() as text}:
            return unbase64(text)
        case {"string": inner} if not isinstance(inner, Mapping):
            return raw(inner)
        case {} if not value:
            return b""
        case _:
            raise UnusableError(f"its body is a {type(value).__name__}, where text was expected")


def unbase64(text: str) -> bytes:
    """Return the bytes that base64 text stands for; line breaks do not matter. Raises `UnusableError`."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise UnusableError("its body is said to be base64 and is not") from None


def json_text(value: Any) -> bytes:
    """Return a body that was kept as data as compact JSON. Raises `UnusableError` for what JSON cannot hold."""
    try:
        return orjson.dumps(value)
    except (TypeError, orjson.JSONEncodeError) as error:
        raise UnusableError(f"its body is kept as data that JSON cannot hold: {error}") from None


def pairs(value: Any) -> Iterator[tuple[str, str]]:
    """Yield headers as they were stored, names in lower case, hidden values left out.

    `value` maps names to a value or a list of them, or lists `{name, value}`. Raises `UnusableError` for anything else.
    """
    rows: list[tuple[Any, Any]] = []
    match value:
        case None:
            pass
        case Mapping():
            rows = [
                (name, each) for name, held in value.items() for each in (held if isinstance(held, list) else [held])
            ]
        case list():
            for row in value:
                match row:
                    case {"name": name, "value": held}:
                        rows.append((name, held))
                    case [name, held]:
                        rows.append((name, held))
                    case _:
                        raise UnusableError("its headers are no names with values")
        case _:
            raise UnusableError("its headers are no names with values")
    for name, held in rows:
        text = _header_text(held)
        if isinstance(name, str) and _NAME.fullmatch(name) and not (text and is_hidden(text)):
            # A line break would end the header; browsers join repeated headers by one.
            yield from ((name.lower(), line.strip()) for line in text.splitlines() or [""])


def _header_text(held: Any) -> str:
    match held:
        case None:
            return ""
        case bytes():
            return held.decode("latin-1")
        case str() | int() | float() if not _CONTROL.search(str(held)):
            return str(held)
        case _:
            raise UnusableError(f"{held!r} is no value of a header")


def answer(headers: Any, body: bytes) -> tuple[Pairs, bytes, tuple[str, ...]]:
    """Return headers and body of an answer with encodings undone, and what was inferred of them.

    Tools store a decoded body under a header that speaks of the encoded one, so the bytes decide. Raises `UnusableError`
    for an encoding that is not known here.
    """
    found = list(pairs(headers))
    encodings = [
        part.strip().lower() for name, value in found if name == "content-encoding" for part in value.split(",")
    ]
    plain = decoded(body, encodings)
    kept = [pair for pair in found if pair[0] not in (*PASSING, "content-type")]
    kinds = [pair for pair in found if pair[0] == "content-type" and pair[1]]
    kept[:0] = kinds[:1]  # an answer has one
    notes: tuple[str, ...] = ()
    if plain and not kinds:
        kind = _kind(plain)
        if kind:
            kept.insert(0, ("content-type", kind))
            notes = ("its content type was told from its body",)
    return tuple(kept), plain, notes


def decoded(body: bytes, encodings: list[str]) -> bytes:
    """Undo content encodings, the last first, as far as the bytes are in them. Raises `UnusableError`."""
    encodings = [each for each in encodings if each not in ("", "identity")]
    if not encodings and body.startswith(GZIP):  # the header that says so was redacted or dropped
        encodings = ["gzip"]
    for encoding in reversed(encodings):
        if not can_undo([encoding]):
            if not _is_text(body):
                raise UnusableError(
                    f"its body is still compressed ({encoding}); record it with the tool's decompression "
                    "(vcrpy: decode_compressed_response=True)"
                )
        elif encoding == "deflate" or body.startswith(GZIP):
            body = _unpacked(body, encoding)
    return body


def pieces(body: bytes, headers: Pairs) -> tuple[Piece, ...]:
    """Return a body that was kept as one: the frames of an event stream, else one piece, all at offset 0."""
    if not body:
        return ()
    kind = next((value for name, value in headers if name == "content-type"), "")
    if kind.partition(";")[0].strip().lower() == STREAM_TYPE:
        return tuple([Piece(0.0, frame.raw) for frame in sse.decode(body)])
    return (Piece(0.0, body),)


def _kind(body: bytes) -> str:
    if _STREAM.match(body):
        return f"{STREAM_TYPE}; charset=utf-8"
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return "text/plain; charset=utf-8" if _is_text(body) else ""
    return "application/json"


def _is_text(body: bytes) -> bool:
    try:
        return "\0" not in body.decode()
    except UnicodeDecodeError:
        return False


def _unpacked(body: bytes, encoding: str) -> bytes:
    try:
        return unpacked(body, encoding)
    except ValueError as error:
        if encoding == "deflate" and _is_text(body):  # nothing tells packed bytes from others but that they unpack
            return body
        raise UnusableError(f"its body is broken compressed data: {error}") from None
