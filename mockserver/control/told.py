"""What a server tells, as values.

This room decides their shapes. It must not know how they were asked for. A newer server may tell more than is read here.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Answer:
    """What was to be sent: headers in their order, and the whole body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what became of it. Offsets and durations are milliseconds; `ended` is None while it goes on.

    What follows `note_kinds` is told where whole exchanges are asked for.
    """

    number: int
    time: float
    session: str
    method: str
    path: str
    status: int
    kind: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    """The JSON value; what is no JSON, as text."""
    rule: str = ""
    place: str = ""
    events: int = 0
    planned_ms: tuple[float, ...] = ()
    sent_ms: tuple[float, ...] | None = None
    ended: str | None = None
    duration_ms: float | None = None
    miss: str = ""
    violations: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    note_kinds: tuple[str, ...] = ()
    """For each note `untruth`, `unfilled`, `raised`, or "" for one that fails no test."""
    content: bytes = b""
    """The request's body as it came."""
    answer: Answer | None = None
    """What was to be sent, where the session keeps answers."""
    received: float = 0.0
    """When the whole request was there, in seconds of the server's clock that only moves forward; 0 while it goes on."""
    link: int = 0
    """Tells the connections of one session apart; 0 while it goes on."""
    link_ended: str = ""
    """Who ended the connection, `client` or `server`; "" while it is open."""

    def __repr__(self) -> str:
        return f"<Exchange {self.number} {self.method} {self.path} {self.status} {self.kind} {self.rule!r}>"


class Page(tuple[Exchange, ...]):
    """Exchanges, oldest first. `next` is what to give as `after` to go on from here."""

    next: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a session and how often it was reached and answered. `own`: the session's, not the server's."""

    name: str
    place: str
    own: bool
    optional: bool
    priority: int
    hits: int
    answered: int


@dataclass(frozen=True, slots=True)
class Clock:
    """A session's time of day, in seconds since the epoch, and whether it stands still."""

    now: float
    frozen: bool


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session as the server tells it. `rules` counts its own."""

    name: str
    base_url: str
    requests: int
    misses: int
    dropped: int
    rules: int
    clock: Clock
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """The verdict on a session: whether it is clean, and the text that says why not."""

    clean: bool
    text: str

    def __bool__(self) -> bool:
        return self.clean

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Alias:
    """A name that means a session. `late` is the number of the last request that came too late for one of its own."""

    name: str
    session: str
    late: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a test is told of its session: whether it is clean, the report, and the numbers up to which it was judged."""

    clean: bool
    text: str
    judged: int
    late: int


def known(kind: type, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is told of the fields of a value."""
    return {each.name: told[each.name] for each in fields(kind) if each.name in told}


def exchange(told: Mapping[str, Any]) -> Exchange:
    """Return one entry of the journal."""
    found = known(Exchange, told)
    lists: dict[str, Any] = {name: tuple(found[name]) for name in _LISTS if found.get(name) is not None}
    content, sent = b64decode(found.get("content", "")), found.get("answer")
    answer = sent and Answer(
        sent["status"], tuple((name, each) for name, each in sent["headers"]), b64decode(sent["body"])
    )
    return Exchange(**{**found, **lists, "content": content, "answer": answer})


_LISTS: Final = ("planned_ms", "sent_ms", "violations", "notes", "note_kinds")


def info(told: Mapping[str, Any]) -> SessionInfo:
    """Return what is told of a session."""
    return SessionInfo(**{**known(SessionInfo, told), "clock": clock(told["clock"])})


def clock(told: Mapping[str, Any]) -> Clock:
    """Return what is told of a clock."""
    return Clock(**known(Clock, told))


def alias(told: Mapping[str, Any]) -> Alias:
    """Return what is told of an alias."""
    return Alias(**known(Alias, told))


def verdict(told: Mapping[str, Any]) -> Verdict:
    """Return a verdict."""
    return Verdict(told["clean"], told["report"], told["judged"], told["late"])


def rules(told: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Return the rules that are told."""
    return tuple(Rule(**known(Rule, each)) for each in told["rules"])
