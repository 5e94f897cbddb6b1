"""What a rule answers, before a request makes it concrete.

This room holds the values that `rulefile` builds and `engine` performs; shorthand is already resolved into the kinds
below. It must not know YAML, requests or bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from mockserver.core.faults import Fault
from mockserver.core.messages import EMPTY, Request
from mockserver.core.recordings.capture import End, Piece
from mockserver.core.templates import Template
from mockserver.core.timeline import INSTANT, Timing


@dataclass(frozen=True, slots=True)
class Output:
    """Output items. `items` renders to a list of item objects, each with a `type`; ids and status may be missing."""

    items: Template


@dataclass(frozen=True, slots=True)
class LiteralEvent:
    """One entry of an `events` list.

    `type` is the full event type; `fields` what the author wrote (with `fill`, the rest is completed); `raw` is data sent
    verbatim. `at` is an offset in milliseconds or None. `place` is FILE:LINE for reports. `written` tells how much an
    author left to us: a `short` name or one-key shorthand is completed and completed around, a `long` entry (`type` and
    fields) is completed alone, an `exact` one (`type` and `data`) is sent as it stands.
    """

    type: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    raw: str | None = None
    at: float | None = None
    place: str = ""
    written: Literal["short", "long", "exact"] = "short"


@dataclass(frozen=True, slots=True)
class Events:
    """A literal event sequence."""

    entries: tuple[LiteralEvent, ...]
    fill: bool = True


@dataclass(frozen=True, slots=True)
class Error:
    """An HTTP error with the provider's JSON body. `name` is the catalogue's, "" for a custom one.

    `of_model` is the message with `{model}` where the model of the request belongs, "" where it belongs nowhere.
    """

    status: int
    body: Mapping[str, Any]
    name: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    of_model: str = ""


@dataclass(frozen=True, slots=True)
class Http:
    """Any status, headers and body."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Auto:
    """Whatever satisfies the request: a forced tool call, a schema-valid instance, or fixed text."""


@dataclass(frozen=True, slots=True)
class Forward:
    """The upstream's answer."""


@dataclass(frozen=True, slots=True)
class Computed:
    """What a function makes of the request; only Python can say it, never a rule file.

    `function` returns a reply of another kind with all its modifiers. What it raises has a message for people.
    """

    function: Callable[[Request], Reply]


@dataclass(frozen=True, slots=True)
class Exact:
    """A recorded answer, byte for byte. Offsets are milliseconds from the arrival of the request.

    `stream` says that the body is an event stream, `asked_stream` that the request asked for one. `readable` is the same
    answer as people read it: it answers where another encoding is asked for.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    """As recorded, the content type among them."""
    head_at: float
    pieces: tuple[Piece, ...]
    ended_at: float
    end: End
    stream: bool
    readable: Kind
    asked_stream: bool
    made: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)
    """What `replaying` has read of the bytes, kept for the next time."""


Kind: TypeAlias = Output | Events | Error | Http | Auto | Forward | Computed | Exact


@dataclass(frozen=True, slots=True)
class Failed:
    """End as `response.failed` after `after` deltas (None: after all of them)."""

    code: str
    message: str
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """One kind and its modifiers.

    `calls` names the function tools that a turn waits for. `usage` and `response` are deep-merged over what is made.
    `retry_after` is milliseconds. `speed` None means the server's.
    """

    kind: Kind
    failed: Failed | None = None
    incomplete: str | None = None
    usage: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    response: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    headers: tuple[tuple[str, str], ...] = ()
    retry_after: float | None = None
    timing: Timing = INSTANT
    speed: float | None = None
    faults: tuple[Fault, ...] = ()
    set_state: Mapping[str, str | None] = field(default_factory=lambda: EMPTY)
    allow_invalid: bool = False
    place: str = ""
    calls: tuple[str, ...] = ()
