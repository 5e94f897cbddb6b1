"""Headers on their way through: which of the client's go to the upstream, which of the upstream's come back.

This room decides that by RFC 9110 (section 7.6.1: what belongs to one connection is not passed on). It must not know what
the bodies are. Repeated headers stay repeated, in their order.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mockserver.core.timeline import Headers

HOP_BY_HOP: Final = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
        b"trailer", b"transfer-encoding", b"upgrade",
    }
)  # fmt: skip
"""Headers of one connection. Those that `connection` names count as well."""

_REQUEST_ONLY: Final = frozenset({b"host", b"content-length", b"expect", b"accept-encoding"})
"""What is said anew to the upstream: it is another host, it gets the whole body at once, and encoded bodies are not asked
for, since they would be undone again."""
_OURS: Final = b"x-mock-"
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


def upwards(headers: Iterable[tuple[bytes, bytes]], method: str, host: str, length: int) -> list[tuple[bytes, bytes]]:
    """Return what the upstream at `host` is sent of a request's headers; its body has `length` bytes."""
    kept = _end_to_end(headers)
    told = [(b"host", host.encode()), *(pair for pair in kept if pair[0] not in _REQUEST_ONLY)]
    told.append((b"accept-encoding", b"identity"))
    if length or method in _WITH_BODY:
        told.append((b"content-length", b"%d" % length))
    return told


def downwards(
    headers: Iterable[tuple[bytes, bytes]], status: int, *, undone: bool = False
) -> tuple[tuple[bytes, bytes], ...]:
    """Return what the client gets of the answer's headers, with lower-case names.

    `undone` says that the body's content encoding is undone; then neither it nor a length is true any more.
    """
    kept = _end_to_end(headers)
    dropped = set()
    if undone:
        dropped |= {b"content-encoding", b"content-length"}
    if status == 204 or any(name.lower() == b"transfer-encoding" for name, _ in headers):
        dropped.add(b"content-length")
    return tuple(pair for pair in kept if pair[0] not in dropped)


def under(headers: Headers, ours: Headers) -> Headers:
    """Return the upstream's headers with ours, which take the place of those of the same name."""
    named = {name for name, _ in ours}
    return (*(pair for pair in headers if pair[0] not in named), *ours)


def codings(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, ...]:
    """Return the content encodings of a body in the order in which they were applied."""
    listed = b",".join(value for name, value in headers if name.lower() == b"content-encoding")
    found = (each.strip().lower() for each in listed.decode("latin-1").split(","))
    return tuple(each for each in found if each not in ("", "identity"))


def _end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    pairs = [(name.lower(), value) for name, value in headers]
    named = b",".join(value for name, value in pairs if name == b"connection")
    hop = HOP_BY_HOP | {each.strip().lower() for each in named.split(b",")}
    return [pair for pair in pairs if pair[0] not in hop and not pair[0].startswith(_OURS)]
