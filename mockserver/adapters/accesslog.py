"""The access log: one line per exchange on a text stream, a miss with its whole explanation.

This room decides how an exchange reads in a log, and that neither a slow reader nor a dead one ever holds up an answer.
It must not show header values, bodies or query strings: secrets stand there. Times are local times of day.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Literal, TextIO

import orjson

from mockserver.core.messages import Ending, Exchange

Format = Literal["text", "json", "off"]

PAUSE: Final = 0.05
"""Seconds for which lines are gathered before they are written."""

MOST_WAITING: Final = 10_000
"""Lines kept while the reader is slow; more are dropped, counted and said."""


class AccessLog:
    """Call it with each exchange and its ending. Lines are written by a thread of its own; `close` writes the rest."""

    def __init__(self, stream: TextIO, form: Format = "text", pause: float = PAUSE) -> None:
        self._stream = stream
        self._render: Callable[[Exchange, Ending], str] = as_json if form == "json" else as_text
        self._off = form == "off"
        self._pause = pause
        self._waiting: deque[tuple[Exchange, Ending]] = deque()
        self._dropped = 0
        self._awake = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def __call__(self, exchange: Exchange, ending: Ending) -> None:
        """Note one exchange. Cheap, and it never waits."""
        if self._off:
            return
        if len(self._waiting) >= MOST_WAITING:
            self._dropped += 1
            return
        self._waiting.append((exchange, ending))
        if not self._awake.is_set():
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="mockserver-log", daemon=True)
                self._thread.start()
            self._awake.set()

    def close(self, patience: float = 1.0) -> None:
        """Write what waits and stop; a reader that takes nothing for `patience` seconds loses it."""
        self._closed.set()
        self._awake.set()
        if self._thread is not None:
            self._thread.join(patience)

    def _run(self) -> None:
        while True:
            self._awake.wait()
            self._closed.wait(self._pause)
            self._awake.clear()
            try:
                self._write()
            except (OSError, ValueError):  # the reader is gone; a log must not end the server
                self._off = True
                return
            if self._closed.is_set() and not self._waiting:
                return

    def _write(self) -> None:
        while self._waiting:
            lines = [self._render(*self._waiting.popleft()) for _ in range(min(100, len(self._waiting)))]
            if self._dropped:
                lines.append(f"({self._dropped} more requests were not logged: whoever reads this log is too slow)\n")
                self._dropped = 0
            self._stream.write("".join(lines))
            self._stream.flush()
            # A breath between batches: formatting must not hold up the streams that the event loop times.
            time.sleep(0)


def as_text(exchange: Exchange, ending: Ending) -> str:
    """Return the line for people, and the explanation of a miss under it."""
    request = exchange.request
    words = [
        _clock(exchange.arrived),
        _printable(request.session),
        _printable(request.method),
        _printable(request.path),
        str(exchange.status) if exchange.status else "-",
        exchange.kind,
    ]
    if exchange.place:
        words.append(exchange.place)
    if exchange.rule and exchange.rule != exchange.place:
        words.append(f'"{_printable(exchange.rule)}"')
    if exchange.events:
        cut_short = ending.end != "complete" and len(ending.sent_at) < exchange.events
        words.append(f"{len(ending.sent_at)}/{exchange.events}ev" if cut_short else f"{exchange.events}ev")
    words.append(f"{ending.duration_ms:.0f}ms")
    words.append(ending.end)
    notes = [f"  {_printable(violation.message)}\n" for violation in exchange.violations]
    # Why something was refused stands alone, like a violation; other notes come beside an answer.
    word = "" if exchange.kind == "rejection" else "note: "
    notes += [f"  {word}{_printable(note)}\n" for note in exchange.notes]
    if exchange.miss:
        notes += [f"  {_printable(line)}\n" for line in exchange.miss.splitlines()]
    return " ".join(words) + "\n" + "".join(notes)


def as_json(exchange: Exchange, ending: Ending) -> str:
    """Return one JSON object on one line, for machines."""
    request = exchange.request
    entry = {
        "time": exchange.arrived,
        "session": request.session,
        "method": request.method,
        "path": request.path,
        "status": exchange.status,
        "kind": exchange.kind,
        "rule": exchange.rule,
        "place": exchange.place,
        "events": exchange.events,
        "duration_ms": round(ending.duration_ms, 3),
        "ended": ending.end,
        "miss": exchange.miss,
        "violations": [violation.message for violation in exchange.violations],
        "notes": exchange.notes,
    }
    return orjson.dumps(entry).decode() + "\n"


def _clock(moment: float) -> str:
    try:
        return f"{time.strftime('%H:%M:%S', time.localtime(moment))}.{int(moment * 1000) % 1000:03d}"
    except (OverflowError, ValueError, OSError):  # a time outside what this system's calendar knows
        return f"{moment:.3f}"


def _printable(text: str) -> str:
    """Return text that cannot break the line, the log or the terminal; what a client sends is not ours."""
    return text if text.isprintable() else text.encode("unicode_escape").decode()
