"""What was asked and what happened: a bounded list of exchanges.

This room decides what is kept and for how long, and how it is asked for. It must not know where exchanges come from.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from typing import Final

from mockserver.core.messages import Ending, Exchange
from mockserver.core.timeline import Chunk

MOST_BYTES: Final = 64 * 1024 * 1024
EVENT_BYTES: Final = 64
"""What an event's two offsets are taken to weigh."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One exchange in the journal. `ending` is None while it goes on."""

    number: int
    exchange: Exchange
    ending: Ending | None = None


class Journal:
    """The newest exchanges, at most `most` of them and `most_bytes` of what is kept. Numbers go on from 1 for ever."""

    def __init__(self, most: int | None = 1000, most_bytes: int = MOST_BYTES) -> None:
        self.most = most
        self.dropped = 0
        self.total = 0
        self.misses = 0
        self._most_bytes = most_bytes
        self._bytes = 0
        self._before = 0
        self._exchanges: OrderedDict[int, Exchange] = OrderedDict()
        self._endings: dict[int, Ending] = {}

    def open(self, exchange: Exchange) -> int:
        """Note an exchange as it begins; return its number."""
        self.total = number = self.total + 1
        if exchange.miss:
            self.misses += 1
        if self.most:
            self._exchanges[number] = exchange
            self._bytes += weight(exchange)
            while len(self._exchanges) > self.most or (self._bytes > self._most_bytes and len(self._exchanges) > 1):
                gone, oldest = self._exchanges.popitem(last=False)
                self._endings.pop(gone, None)
                self._bytes -= weight(oldest)
                self.dropped += 1
        return number

    def close(self, number: int, ending: Ending) -> None:
        """Note how an exchange ended. One that was dropped meanwhile stays dropped."""
        if number in self._exchanges:
            self._endings[number] = ending

    def amend(self, number: int, exchange: Exchange) -> None:
        """Put in place of an exchange what is known of it by now. One that was dropped meanwhile stays dropped."""
        before = self._exchanges.get(number)
        if before is not None:
            self._exchanges[number] = exchange
            self._bytes += weight(exchange) - weight(before)

    def entries(self, *, after: int = 0, misses: bool = False) -> Iterator[Entry]:
        """Yield the kept entries with a number above `after`, oldest first; with `misses`, only those."""
        for number, exchange in self._exchanges.items():
            if number > after and (exchange.miss or not misses):
                yield Entry(number, exchange, self._endings.get(number))

    @property
    def weight(self) -> int:
        """About how many bytes the kept exchanges hold."""
        return self._bytes

    @property
    def count(self) -> int:
        """How many exchanges began since the journal did, or was cleared: kept ones, dropped ones and all."""
        return self.total - self._before

    def copy(self) -> Journal:
        """Return a journal with the same entries, to be read while this one goes on."""
        made = copy(self)
        made._exchanges, made._endings = self._exchanges.copy(), self._endings.copy()
        return made

    def clear(self) -> None:
        """Forget every entry and what was counted; numbers go on, and how an older exchange ends is not noted."""
        self._exchanges.clear()
        self._endings.clear()
        self._bytes = 0
        self._before = self.total
        self.dropped = self.misses = 0


def weight(exchange: Exchange) -> int:
    """Return about how many bytes an exchange holds that a client or an author decides about."""
    request = exchange.request
    headers = sum(map(len, request.headers.values())) if request.headers else 0
    passed = 0
    if exchange.kind == "forwarded" and exchange.answer is not None:
        passed = sum(len(step.data) for step in exchange.answer.steps if isinstance(step, Chunk))
    return len(request.body) + len(request.path) + headers + exchange.events * EVENT_BYTES + passed
