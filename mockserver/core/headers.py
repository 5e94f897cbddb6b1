"""Response headers: the provider's, and ours that say what answered.

This room decides which headers an answer carries. It must not know why the answer is what it is.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from urllib.parse import quote

from mockserver.core.draws import Draw
from mockserver.core.timeline import Headers

JSON_TYPE: Final = (b"content-type", b"application/json")
STREAM_TYPE: Final = (b"content-type", b"text/event-stream; charset=utf-8")

SAME_ALWAYS: Final[Headers] = (
    (b"openai-version", b"2020-10-01"),
    (b"openai-organization", b"mock-organization"),
    (b"openai-project", b"mock-project"),
)

_OURS: Final = 11
"""How many headers `shared_headers` gives when nobody adds any: the constants, ours, the six of the rate limits."""

Pairs = tuple[tuple[str, str], ...]

_VISIBLE: Final = "".join(chr(code) for code in range(0x20, 0x7F))


def answer_headers(
    content_type: tuple[bytes, bytes] | None, draw: Draw, shared: Headers, length: int | None = None
) -> Headers:
    """Return the headers that are one answer's own; `length` in bytes unless it is streamed.

    The id and the processing time are drawn, so that a repeated run sends the same ones. Where an author's header, among
    the `shared` ones of `shared_headers`, has the name of one of these, theirs counts.
    """
    token = draw.hex("x-request-id", 34)
    own: Headers = (
        (b"x-request-id", b"req_" + token[:32].encode()),
        (b"openai-processing-ms", b"%d" % (10 + int(token[32:], 16))),
    )
    if length is not None:
        own = ((b"content-length", b"%d" % length), *own)
    if content_type is not None:
        own = (content_type, *own)
    if len(shared) > _OURS:
        named = {name for name, _ in shared}
        own = tuple([pair for pair in own if pair[0] not in named])
    return own


@lru_cache(maxsize=4096)  # rules times sessions; the same few again and again
def shared_headers(rule: str, session: str, extra: Pairs = ()) -> Headers:
    """Return the headers that do not change from request to request: the provider's constants, ours, and `extra`."""
    return own_headers(rule, session, extra, SAME_ALWAYS)


def own_headers(rule: str, session: str, extra: Pairs = (), below: Headers = ()) -> Headers:
    """Return the headers that say which rule answered, "" for none, and in which session, after those `below`.

    `extra` ones, an author's, take the place of any of the same name.
    """
    ours = [*below, (b"x-mock-session", header_text(session))]
    if rule:
        ours.append((b"x-mock-rule", header_text(rule)))
    given = [(name.lower().encode("latin-1"), header_text(value)) for name, value in extra]
    named = {name for name, _ in given}
    return (*(pair for pair in ours if pair[0] not in named), *given)


def over(below: Pairs, above: Pairs) -> Pairs:
    """Return the headers of two sources as one: what `above` names is dropped from `below`."""
    if not above or not below:
        return above or below
    named = {name.lower() for name, _ in above}
    return (*(pair for pair in below if pair[0].lower() not in named), *above)


def header_text(value: str) -> bytes:
    """Return a value as a header can carry it: visible ASCII as it is, everything else percent-encoded."""
    return quote(value, safe=_VISIBLE).encode()
