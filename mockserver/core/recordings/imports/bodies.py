"""Bodies and headers as other tools keep them, back to what was on the wire with content encodings undone.

This room decides how a stored body is read, what kind it is where nothing says so, and into which pieces it falls. It must
not know where in a file it stood.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

import orjson

from mockserver.core import sse
from mockserver.core.recordings.capture import STREAM_TYPE, Piece
from mockserver.core.recordings.imports.documents import GZIP, MOST_BYTES
from mockserver.core.recordings.imports.taken import UnusableError
from mockserver.core.recordings.imports.urls import is_hidden

Pairs: TypeAlias = tuple[tuple[str, str], ...]

PASSING: Final = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that say how bytes travelled, not what they are (RFC 9110 section 7.6.1), and lengths and encodings."""

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
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
        text = held.decode("latin-1") if isinstance(held, bytes) else "" if held is None else str(held)
        if isinstance(name, str) and _NAME.fullmatch(name) and not (text and is_hidden(text)):
            yield name.lower(), text


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
    kept = [(name, value) for name, value in found if name not in PASSING]
    notes: tuple[str, ...] = ()
    if plain and not any(name == "content-type" for name, _ in kept):
        kind = _kind(plain)
        if kind:
            kept.insert(0, ("content-type", kind))
            notes = ("its content type was told from its body",)
    return tuple(kept), plain, notes


def decoded(body: bytes, encodings: list[str]) -> bytes:
    """Undo content encodings, the last first, as far as the bytes are in them. Raises `UnusableError`."""
    for encoding in reversed(encodings):
        match encoding:
            case "gzip" | "x-gzip":
                body = _inflated(body, 31) if body.startswith(GZIP) else body
            case "deflate":
                body = _deflated(body)
            case "" | "identity":
                pass
            case _:
                if not _is_text(body):
                    raise UnusableError(
                        f"its body is still compressed ({encoding}); record it with the tool's decompression "
                        "(vcrpy: decode_compressed_response=True)"
                    )
    if not encodings and body.startswith(GZIP):  # the header that says so was redacted or dropped
        return _inflated(body, 31)
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


def _inflated(body: bytes, bits: int) -> bytes:
    unpacker = zlib.decompressobj(bits)
    try:
        plain = unpacker.decompress(body, MOST_BYTES)
    except zlib.error as error:
        raise UnusableError(f"its body is broken compressed data: {error}") from None
    if not unpacker.eof:
        why = "is too big unpacked" if unpacker.unconsumed_tail else "is compressed data that ends early"
        raise UnusableError(f"its body {why}")
    return plain


def _deflated(body: bytes) -> bytes:
    """Undo `deflate`: zlib's form as the standard has it, or the bare one that some servers send."""
    for bits in (15, -15):
        try:
            return _inflated(body, bits)
        except UnusableError:
            continue
    if _is_text(body):
        return body
    raise UnusableError("its body is broken compressed data (deflate)")
