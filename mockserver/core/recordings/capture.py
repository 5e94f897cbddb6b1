"""A capture: one exchange with the real API, as it was seen on the wire.

This room decides what is kept of an exchange. It must not know how that is written down, who took it (a proxy, an import)
or what of it is secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from mockserver.core.messages import EMPTY

STREAM_TYPE: Final = "text/event-stream"

End: TypeAlias = Literal["complete", "partial", "cut", "reset", "timeout", "unreachable"]
"""How it ended: whole; the client left before the end (`partial`); the upstream ended the connection within the body
(`cut` by FIN, `reset` by RST or a broken encoding); it went silent (`timeout`); it gave no answer at all (`unreachable`;
then the answer is ours)."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Body bytes as they came: a whole frame of an event stream, else what was read at once.

    `at` is milliseconds from the arrival of the request, three decimals. Content encodings are undone.
    """

    at: float
    data: bytes


@dataclass(frozen=True, slots=True)
class Capture:
    """One request and what the upstream answered. Offsets are milliseconds from the arrival of the request."""

    method: str
    path: str
    """As our own server sees it: `/v1/responses`, decoded, without session prefix and query."""
    status: int
    headers: tuple[tuple[str, str], ...]
    """End-to-end headers of the answer, lower-case names, without lengths and encodings."""
    pieces: tuple[Piece, ...] = ()
    query: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    request_headers: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    """Lower-case names. They hold the client's key: nothing of them is written but what `recorded` names."""
    request_body: bytes = b""
    head_at: float = 0.0
    """When the status line and headers were there."""
    ended_at: float = 0.0
    end: End = "complete"
    why: str = ""
    """How it ended in words, such as `connection refused`; "" where it ended well."""
    arrived: float = 0.0
    """When the request came: seconds since the epoch."""
    upstream: str = ""
    """The upstream's base URL, without user and password."""
    timed: bool = True
    """Whether the offsets mean anything; those of an import do not."""

    @property
    def body(self) -> bytes:
        """The whole body of the answer."""
        return b"".join([piece.data for piece in self.pieces])

    @property
    def content_type(self) -> str:
        """The media type of the answer in lower case, without parameters; "" where it has none."""
        return (
            next((value for name, value in self.headers if name == "content-type"), "")
            .partition(";")[0]
            .strip()
            .lower()
        )

    @property
    def is_stream(self) -> bool:
        """Whether the answer is an event stream, by its content type."""
        return self.content_type == STREAM_TYPE
