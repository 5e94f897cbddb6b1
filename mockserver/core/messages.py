"""What was asked and what was sent back, as values.

This room decides how a request looks to every other room: parsed once, headers without case, absent told apart from
null. It must not know rules, schemas, sockets or what the answer will be.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import orjson

from mockserver.core.conversation import Conversation
from mockserver.core.timeline import Timeline

if TYPE_CHECKING:
    from mockserver.core.rules.misses import Missed

Json: TypeAlias = Any
"""A JSON value as `orjson.loads` gives it."""

MAX_DEPTH: Final = 128
"""Deeper nesting of a body is refused: validators recurse."""


class Absent(enum.Enum):
    """The type of `ABSENT`: a value that is not there, as opposed to null."""

    VALUE = "absent"

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False


ABSENT: Final = Absent.VALUE

EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


class Request:
    """One HTTP request, already inside its session.

    `path` has neither session prefix nor query; header names are lower-case (repeated headers joined by ", ").
    `history` holds the items stored for `previous_response_id`, oldest first: earlier input and output items.

    Read from the body when first asked for: `json`, the body as JSON, ABSENT where there is none or it is malformed;
    `malformed`, why a body that is there cannot be read, "" when it can; `fields`, the top-level fields, empty when the
    body is no JSON object; `conversation`, the stored chain and this request's input.
    """

    __slots__ = (
        "body",
        "conversation",
        "fields",
        "headers",
        "history",
        "json",
        "malformed",
        "method",
        "path",
        "query",
        "session",
    )

    json: Json
    malformed: str
    fields: Mapping[str, Json]
    conversation: Conversation

    def __init__(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] = EMPTY,
        query: Mapping[str, str] = EMPTY,
        body: bytes = b"",
        session: str = "default",
        history: Sequence[Mapping[str, Json]] = (),
    ) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.query = query
        self.body = body
        self.session = session
        self.history = history

    def __getattr__(self, name: str) -> Any:
        """Fill in what is read from the body. Python asks here only while a slot is empty: later reads cost nothing."""
        if name == "conversation":
            self.conversation = Conversation(self.history, self.fields.get("input"))
        elif name in _READ:
            self._read()
        else:
            raise AttributeError(name)
        return object.__getattribute__(self, name)

    def _read(self) -> None:
        self.json, self.malformed = _parsed(self.body) if self.body else (ABSENT, "")
        self.fields = self.json if isinstance(self.json, dict) else EMPTY

    @property
    def stream(self) -> bool:
        """Whether an event stream is asked for: the body's flag alone decides, never the `Accept` header."""
        return self.fields.get("stream") is True

    def unread(self) -> Request:
        """Return the same request, nothing read from its body yet, without its stored chain: to keep in numbers.

        What was read weighs far more than the bytes, and a chain holds every item of a whole conversation.
        """
        return Request(
            self.method,
            self.path,
            headers=self.headers,
            query=self.query,
            body=self.body,
            session=self.session,
        )

    def following(self, history: Sequence[Mapping[str, Json]]) -> Request:
        """Return the same request after `history`; the parsed body is shared."""
        request = self.unread()
        request.history = history
        request.json, request.malformed, request.fields = self.json, self.malformed, self.fields
        return request

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.path} session={self.session!r} {len(self.body)} bytes>"


_READ: Final = ("json", "malformed", "fields")


def _parsed(body: bytes) -> tuple[Json, str]:
    """Return the JSON of a body and "", or ABSENT and why it is malformed."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return ABSENT, str(error)
    if depth_exceeds(document, body, MAX_DEPTH):
        return ABSENT, f"nested deeper than {MAX_DEPTH} levels"
    return document, ""


def depth_exceeds(document: Json, text: bytes, limit: int) -> bool:
    """Say whether `document`, parsed from `text`, is nested deeper than `limit` containers."""
    if text.count(b"[") + text.count(b"{") <= limit:
        return False
    level = [document]
    for _ in range(limit):
        below: list[Json] = []
        for node in level:
            if isinstance(node, dict):
                below.extend(child for child in node.values() if isinstance(child, (dict, list)))
            elif isinstance(node, list):
                below.extend(child for child in node if isinstance(child, (dict, list)))
        if not below:
            return False
        level = below
    return True


End: TypeAlias = Literal["complete", "cut", "reset", "stalled", "client_left", "failed"]
"""How an exchange ended: whole; by a fault (`cut`, `reset`, `stalled`); by the client; by an error of ours."""


Kind: TypeAlias = Literal["json", "stream", "error", "http", "miss", "rejection", "builtin", "forwarded"]
"""What an answer was: a response in one of its two encodings, an error or `http` reply, an answer without a rule, or the
upstream's answer."""


class Link:
    """One connection of a client. `ended` says who ended it, "" while it is open; the adapters keep that up to date."""

    __slots__ = ("ended",)

    def __init__(self) -> None:
        self.ended: Literal["", "client", "server"] = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """What the player saw. Offsets are milliseconds from the arrival of the request."""

    end: End
    duration_ms: float
    bytes_sent: int
    sent_at: tuple[float, ...] = ()
    received: float = 0.0
    """When the whole request was there: seconds of the server's clock that only moves forward, 0 when unknown."""
    link: Link | None = field(default=None, compare=False, repr=False)
    """The connection it came by, None where there was none to see."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Where a request body breaks the schema, in the provider's words. `param` may be None, `path` locates it in full."""

    message: str
    code: str | None
    param: str | None
    path: tuple[str | int, ...] = ()


class Untruth(str):
    """A note: the reply breaks the request's own `json_schema` or a tool's `parameters`."""

    __slots__ = ()


class Unfilled(str):
    """A note: a template look-up had no value."""

    __slots__ = ()


class Raised(str):
    """A note: a function that was to make the answer raised an exception."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Passed:
    """What a forwarded request got, known at its end: the status and how many events; 0 where no answer began.

    `notes` say what went wrong on the way; `answer` is what was sent, where the session keeps answers.
    """

    status: int
    events: int = 0
    notes: tuple[str, ...] = ()
    answer: Timeline | None = None
    kind: Kind = "forwarded"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request with what was planned for it. How it ended is told to the journal when it has."""

    request: Request
    arrived: float
    """Seconds since the epoch by the session's clock."""
    status: int
    kind: Kind
    rule: str = ""
    """Name of the rule that answered, "" for none."""
    place: str = ""
    """FILE:LINE of that rule."""
    events: int = 0
    planned: tuple[float, ...] = ()
    """Planned offset of each event, in milliseconds."""
    miss: str = ""
    """The miss as told to the client, "" when something matched."""
    violations: tuple[Violation, ...] = ()
    notes: tuple[str, ...] = field(default=())
    """Things a person should know; an `Untruth`, an `Unfilled` and a `Raised` fail a test, other notes do not."""
    missed: Missed | None = field(default=None, compare=False, repr=False)
    """A miss in parts, to be explained in full; kept for the first misses of a session alone, since it is heavy."""
    answer: Timeline | None = field(default=None, compare=False, repr=False)
    """What was to be sent, at its planned offsets; kept where the session's options ask for it."""
