"""What clients did: which requests belong to one call, how long they waited, whether they read what they were sent.

This room decides that from what the journal noted, by real time even where the session's clock stands still. It must not
know sessions or servers.

A call is a request and what followed it of the same bytes to the same place: official clients count their tries in a
header; without it, the same request again after an answer that failed is the next try.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NoReturn, SupportsIndex, TypeAlias, overload

from mockserver.core.recordings.capture import STREAM_TYPE
from mockserver.testing.received import ReceivedRequest

RETRY_COUNT: Final = "x-stainless-retry-count"
"""The header in which official clients say which try this is, from 0."""

RETRIED: Final = frozenset({408, 409, 429})
"""Statuses below 500 after which a client may try again."""

SLACK: Final = 0.002
"""Seconds that a wait may seem shorter than it was: clocks are read on two threads."""

Reading: TypeAlias = Literal["to the end", "closed early", "closed", "broken", "open"]
"""How a client read a stream.

`closed early`: it left before the end was sent. `closed`: all was sent at once, and then it ended the connection; whether
it had read the end by then cannot be seen. `broken`: we broke the stream. `open`: it goes on.
"""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a call. Times are seconds."""

    request: ReceivedRequest
    told_to_wait: float | None
    """What the answer asked the client to wait, by `retry-after-ms` or `retry-after`."""
    waited: float | None
    """How long the client really waited after the answer before, None for the first try."""
    reading: Reading | None
    """How it read the stream, None where the answer was none."""

    @property
    def status(self) -> int:
        """The HTTP status that it got."""
        return self.request.status

    @property
    def failed(self) -> bool:
        """Whether a client may try again after this: an error of the kind that passes, or a broken answer."""
        if self.status in RETRIED or self.status >= 500:
            return True
        return self.request.ended in ("cut", "reset", "stalled", "failed", "client_left")

    def __str__(self) -> str:
        words = [] if self.waited is None else [f"waited {self.waited:.3g} s"]
        words += [str(self.status)]
        words += [] if self.told_to_wait is None else [f"told to wait {self.told_to_wait:g} s"]
        words += [] if self.reading is None else [f"stream {self.reading}"]
        return ", ".join(words)


@dataclass(frozen=True, slots=True)
class ClientCall:
    """One call of a client: its tries, oldest first."""

    attempts: tuple[Attempt, ...]

    @property
    def retries(self) -> int:
        """How often it tried again."""
        return len(self.attempts) - 1

    @property
    def waits(self) -> tuple[float, ...]:
        """How long it waited before each further try, in seconds."""
        return tuple(each.waited for each in self.attempts[1:] if each.waited is not None)

    @property
    def statuses(self) -> tuple[int, ...]:
        """The HTTP status of each try."""
        return tuple(each.status for each in self.attempts)

    @property
    def reconnected(self) -> bool:
        """Whether it asked again after a stream that had begun and came to no end."""
        return any(each.reading in ("broken", "closed early") for each in self.attempts[:-1])

    @property
    def read_to_end(self) -> bool:
        """Whether the last stream was read to its end, as far as that can be seen."""
        return self.attempts[-1].reading in (None, "to the end")

    @property
    def too_early(self) -> tuple[Attempt, ...]:
        """The tries that came sooner than the answer before had asked for."""
        return tuple(
            after
            for before, after in zip(self.attempts, self.attempts[1:], strict=False)
            if before.told_to_wait is not None
            and after.waited is not None
            and after.waited < before.told_to_wait - SLACK
        )

    def __repr__(self) -> str:
        first = self.attempts[0].request
        return f"<call of request {first.number}: {' | '.join(map(str, self.attempts))}>"


class Clients(Sequence[ClientCall]):
    """Every call that clients made, in the order of their first tries."""

    __slots__ = ("_calls",)

    def __init__(self, calls: Iterable[ClientCall] = ()) -> None:
        self._calls = tuple(calls)

    @overload
    def __getitem__(self, index: SupportsIndex) -> ClientCall: ...
    @overload
    def __getitem__(self, index: slice) -> Clients: ...
    def __getitem__(self, index: SupportsIndex | slice) -> ClientCall | Clients:
        return Clients(self._calls[index]) if isinstance(index, slice) else self._calls[index]

    def __len__(self) -> int:
        return len(self._calls)

    def __repr__(self) -> str:
        return "[" + ",\n ".join(map(repr, self._calls)) + "]"

    def assert_backed_off(self) -> None:
        """Assert that clients which were told to wait and came back had waited as long as they were told.

        Fails as well when nobody who was told to wait came back: then nothing was seen.
        """
        __tracebackhide__ = True
        early = [(call, each) for call in self for each in call.too_early]
        if early:
            _fail("a client came back before it was asked to", (call for call, _ in early))
        if not any(before.told_to_wait is not None for call in self for before in call.attempts[:-1]):
            _fail("no client came back after being told to wait, so there is no wait to judge", self)

    def assert_read_to_end(self) -> None:
        """Assert that every client read its stream to the end; one that we broke must have been asked for again.

        A stream that is sent at once can be left without our seeing it. What is seen then is that the client ended the
        connection instead of keeping it, and that fails: pace the reply (`speed=1` and `timing=`) to see more.
        """
        __tracebackhide__ = True
        streams = [call for call in self if any(each.reading is not None for each in call.attempts)]
        if not streams:
            _fail("no client was sent a stream", self)
        unread = [call for call in streams if not call.read_to_end]
        if unread:
            unsure = any(call.attempts[-1].reading == "closed" for call in unread)
            hint = (
                "a stream sent at once may have been read before the client closed; to see it, pace the reply: "
                "`timing=` and `speed=1`"
            )
            _fail("a client did not read its stream to the end", unread, hint if unsure else "")


def calls(requests: Iterable[ReceivedRequest]) -> Clients:
    """Return the calls that these requests, oldest first, were made by."""
    listed = list(requests)
    later = _links_used_later(listed)
    groups: list[list[ReceivedRequest]] = []
    for request in listed:
        group = _continued(request, groups)
        if group is None:
            groups.append([request])
        else:
            group.append(request)
    return Clients(ClientCall(tuple(_attempts(group, later))) for group in groups)


def _continued(request: ReceivedRequest, groups: Iterable[list[ReceivedRequest]]) -> list[ReceivedRequest] | None:
    """Return the call that this request is the next try of, None when it begins one."""
    count = _count(request)
    same = [group for group in groups if _same(group[-1], request)]
    if count:
        return next((group for group in same if _count(group[-1]) == count - 1), same[-1] if same else None)
    for group in reversed(same):
        last = _attempt(group[-1], None, kept=True)
        if last.failed and _is_over(group[-1], request):
            return group
    return None


def _same(one: ReceivedRequest, other: ReceivedRequest) -> bool:
    return (one.method, one.path, one.content) == (other.method, other.path, other.content)


def _is_over(before: ReceivedRequest, after: ReceivedRequest) -> bool:
    """Say whether the answer before had ended when this request came; two at the same time are two calls."""
    if before.received is None or before.duration is None:
        return False
    return after.received is None or after.received >= before.received + before.duration


def _count(request: ReceivedRequest) -> int | None:
    text = request.headers.get(RETRY_COUNT, "")
    return int(text) if text.isdecimal() else None


def _attempts(group: Sequence[ReceivedRequest], later: set[int]) -> Iterable[Attempt]:
    before: ReceivedRequest | None = None
    for request in group:
        waited = None
        if before is not None and None not in (request.received, before.received, before.duration):
            assert request.received is not None
            assert before.received is not None
            assert before.duration is not None
            waited = max(0.0, request.received - before.received - before.duration)
        yield _attempt(request, waited, kept=request.number in later)
        before = request


def _attempt(request: ReceivedRequest, waited: float | None, *, kept: bool) -> Attempt:
    return Attempt(request, _told(request), waited, _reading(request, kept) if _is_stream(request) else None)


def _is_stream(request: ReceivedRequest) -> bool:
    """Say whether the answer is a stream. Of one that is still being forwarded only the wish for a stream is known."""
    if request.kind != "forwarded":
        return request.kind == "stream"
    if request.ended is None:
        return request.stream
    return request.reply_headers.get("content-type", "").startswith(STREAM_TYPE)


def _told(request: ReceivedRequest) -> float | None:
    """Return the seconds that an answer asks to wait; the exact header counts before the whole seconds of the other."""
    if request.status < 400:
        return None
    headers = request.reply_headers
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        with contextlib.suppress(KeyError, ValueError):
            return float(headers[name]) / unit
    return None


def _reading(request: ReceivedRequest, kept: bool) -> Reading:
    """Return how a stream was read. `kept`: the client used the connection again, which it can only at its end."""
    match request.ended:
        case None:
            return "open"
        case "client_left":
            return "closed early"
        case "complete":
            link = request.link
            if kept or link is None or link.ended != "client" or len(set(request.sent)) > 1:
                return "to the end"
            return "closed"
        case _:
            return "broken"


def _links_used_later(requests: Sequence[ReceivedRequest]) -> set[int]:
    """Return the numbers of the requests whose connection carried another one afterwards."""
    last: dict[int, int] = {}
    found: set[int] = set()
    for request in requests:
        if request.link is not None:
            key = id(request.link)
            if key in last:
                found.add(last[key])
            last[key] = request.number
    return found


def _fail(message: str, calls: Iterable[ClientCall], hint: str = "") -> NoReturn:
    __tracebackhide__ = True
    lines = [f"  {call!r}"[:300] for call in calls]
    raise AssertionError("\n".join([message, *lines, *([f"  {hint}"] if hint else [])]))
