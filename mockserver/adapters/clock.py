"""The clock: what time it is, and waking whoever waits for a moment.

This room decides how waiting is done on the event loop: everyone due in the same millisecond shares one timer. It must not
know what is waited for. Times of day are seconds since the epoch; moments are seconds of a clock that only moves forward.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import time
from typing import Protocol


class Clock(Protocol):
    """What the player needs of time; tests bring one that they move by hand."""

    def now(self) -> float:
        """Return the time of day, in seconds since the epoch. It may stand still."""
        ...

    def monotonic(self) -> float:
        """Return the present moment, in seconds. Only differences mean anything."""
        ...

    def wake(self, waiter: asyncio.Future[None], when: float) -> None:
        """Resolve `waiter` once `monotonic()` has reached `when`, unless it is done by then. Never early."""
        ...


class SystemClock:
    """The machine's clock. `frozen` (seconds since the epoch) stops the time of day; waiting still takes its time."""

    def __init__(self, frozen: float | None = None) -> None:
        self.frozen = frozen
        self.monotonic = time.monotonic
        self._due: dict[int, list[asyncio.Future[None]]] = {}
        self._ticks: list[int] = []
        self._timer: asyncio.TimerHandle | None = None
        self._armed = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def now(self) -> float:
        """Return the frozen time of day, or the machine's."""
        return time.time() if self.frozen is None else self.frozen

    def wake(self, waiter: asyncio.Future[None], when: float) -> None:
        """See `Clock.wake`. Moments are rounded up to the millisecond, and each millisecond has one timer."""
        loop = waiter.get_loop()
        if loop is not self._loop:
            # A clock outlives the loop of a server that was stopped; whoever waited there is gone.
            self._loop, self._timer, self._ticks, self._due = loop, None, [], {}
        tick = math.ceil(when * 1000)
        waiters = self._due.get(tick)
        if waiters is not None:
            waiters.append(waiter)
            return
        self._due[tick] = [waiter]
        heapq.heappush(self._ticks, tick)
        if self._timer is None or tick < self._armed:
            self._arm(loop, tick)

    def _arm(self, loop: asyncio.AbstractEventLoop, tick: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        # Whole milliseconds, rounded up: a loop that rounds to the nearest would wake us early, again and again.
        delay = math.ceil(tick - self.monotonic() * 1000) / 1000
        self._armed = tick
        self._timer = loop.call_later(max(delay, 0.0), self._fire, loop)

    def _fire(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        ticks, due = self._ticks, self._due
        reached = math.floor(self.monotonic() * 1000)
        while ticks and ticks[0] <= reached:
            for waiter in due.pop(heapq.heappop(ticks)):
                if not waiter.done():
                    waiter.set_result(None)
        if ticks:
            self._arm(loop, ticks[0])
