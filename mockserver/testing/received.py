"""A received request: what was asked, what was answered, how it ended. And the list of them.

This room decides what the outcome of a request is called in Python. It must not know servers, threads or assertions. Times
are seconds; offsets count from the arrival of the request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, SupportsIndex, overload

from mockserver.core.journal import Entry
from mockserver.core.messages import End, Ending, Exchange, Kind, Link, Violation
from mockserver.testing import redaction
from mockserver.testing.asked import AskedRequest, Headers, History
from mockserver.testing.frozen import freeze
from mockserver.testing.sent import Sent, ToolCall


class ReceivedRequest(AskedRequest):
    """A request and what became of it. Nothing of it can be changed."""

    __slots__ = ("_entry", "_on_violations")

    _entry: Entry
    _on_violations: Callable[[int], None] | None

    def __init__(
        self, entry: Entry, history: History | None = None, on_violations: Callable[[int], None] | None = None
    ) -> None:
        """View a journal entry. `on_violations` is told the number when somebody looks at its violations."""
        # A copy: the journal keeps bytes, what is read from them weighs far more.
        super().__init__(entry.exchange.request.unread(), history)
        self._fix(_entry=entry, _on_violations=on_violations)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ReceivedRequest):
            return NotImplemented
        return self._exchange is other._exchange

    def __hash__(self) -> int:
        return id(self._exchange)

    def __repr__(self) -> str:
        return f"<{self.line}>"

    @property
    def line(self) -> str:
        """The request in one line: what was asked, what was answered, how it ended."""
        answered = f"{self.status} {self.kind}" + (f" {self.place}" if self.place else "")
        return f"request {self.number}: {self._words} -> {answered} {self.ended or 'open'}"

    @property
    def number(self) -> int:
        """Which request of its session this is, from 1."""
        return self._entry.number

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        return self._exchange.status

    @property
    def kind(self) -> Kind:
        """What the answer was: json, stream, error, http, miss, rejection, builtin or forwarded."""
        return self._exchange.kind

    @property
    def rule(self) -> str | None:
        """The name of the rule that answered: its own, else FILE:LINE; None when none did."""
        return self._exchange.rule or None

    @property
    def place(self) -> str | None:
        """FILE:LINE of the rule that answered, None when none did."""
        return self._exchange.place or None

    @property
    def time(self) -> float:
        """The session's time of day when it arrived, in seconds since the epoch."""
        return self._exchange.arrived

    @property
    def offsets(self) -> tuple[float, ...]:
        """When each event of the stream was planned to be sent, in seconds, whether or not the clock stood still.

        Of a forwarded stream nothing is planned: when it was really sent.
        """
        return tuple([round(at / 1000, 9) for at in self.offsets_ms])

    @property
    def offsets_ms(self) -> tuple[float, ...]:
        """The same in milliseconds."""
        return self._exchange.planned

    @property
    def sent(self) -> tuple[float, ...]:
        """When each event was really sent, in seconds; () while the exchange goes on."""
        return tuple([at / 1000 for at in self._ending.sent_at]) if self._ending is not None else ()

    @property
    def ended(self) -> End | None:
        """How the exchange ended: complete, cut, reset, stalled, client_left or failed; None while it goes on."""
        return self._ending.end if self._ending is not None else None

    @property
    def duration(self) -> float | None:
        """How long the exchange really took, in seconds; None while it goes on."""
        return self._ending.duration_ms / 1000 if self._ending is not None else None

    @property
    def received(self) -> float | None:
        """The real moment it was received, on a clock that only moves forward; None while the exchange goes on.

        Only differences mean anything. It is real even when the session's clock stands still.
        """
        return (self._ending.received or None) if self._ending is not None else None

    @property
    def link(self) -> Link | None:
        """The connection it came by, None while the exchange goes on. Requests of one connection have the same."""
        return self._ending.link if self._ending is not None else None

    @property
    def miss(self) -> str:
        """Why no rule answered, as told to the client; "" when one did."""
        return self._exchange.miss

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Where the body breaks the API's schema. Looking at them says that the test knows of them."""
        if self._on_violations is not None:
            self._on_violations(self.number)
        return self._exchange.violations

    @property
    def notes(self) -> tuple[str, ...]:
        """What else a person should know of the answer."""
        return self._exchange.notes

    # --- the answer

    @property
    def response(self) -> Mapping[str, Any] | None:
        """The response object as the client got it last; None for an error or where answers are not kept."""
        found: Mapping[str, Any] | None = self._once("response", lambda: freeze(self._sent.response))
        return found

    @property
    def reply_text(self) -> str:
        """The text of the answer's messages; of a stream that broke off, what was to be sent of it."""
        return self._sent.text

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls that the answer asks the app for."""
        return self._sent.calls

    @property
    def usage(self) -> Mapping[str, Any]:
        """The token counts of the answer, {} where there are none."""
        found: Mapping[str, Any] = freeze(self._sent.usage)
        return found

    @property
    def reply_headers(self) -> Headers:
        """The headers of the answer."""
        return Headers(self._sent.headers)

    @property
    def _exchange(self) -> Exchange:
        return self._entry.exchange

    @property
    def _ending(self) -> Ending | None:
        return self._entry.ending

    @property
    def _sent(self) -> Sent:
        sent: Sent = self._once("sent", lambda: Sent(self._exchange.answer))
        return sent


class Requests(Sequence[ReceivedRequest]):
    """Received requests, oldest first: indexed, sliced, counted and compared like a list, and never changed."""

    __slots__ = ("_all",)

    def __init__(self, requests: Iterable[ReceivedRequest] = ()) -> None:
        self._all = tuple(requests)

    @overload
    def __getitem__(self, index: SupportsIndex) -> ReceivedRequest: ...
    @overload
    def __getitem__(self, index: slice) -> Requests: ...
    def __getitem__(self, index: SupportsIndex | slice) -> ReceivedRequest | Requests:
        __tracebackhide__ = True
        if isinstance(index, slice):
            return Requests(self._all[index])
        try:
            return self._all[index]
        except IndexError:
            raise IndexError(f"there is no request [{int(index)}], {told(len(self._all))} came") from None

    def __len__(self) -> int:
        return len(self._all)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Requests, list, tuple)):
            return NotImplemented
        return list(self._all) == list(other)

    __hash__ = None  # type: ignore[assignment]  # compares like a list

    def __repr__(self) -> str:
        return "[" + ",\n ".join(map(repr, self._all)) + "]"

    def to_yaml(self, *, headers: Iterable[str] = ()) -> str:
        """Return all of them as one YAML list; see `ReceivedRequest.to_yaml`."""
        wanted = tuple(headers)
        return redaction.yaml([each.snapshot(headers=wanted) for each in self._all])


def told(count: int) -> str:
    """Return a count in words: `no request`, `1 request`, `2 requests`."""
    return {0: "no request", 1: "1 request"}.get(count, f"{count} requests")
