"""The clock of a session, moved by the test.

This room decides which ways there are to say a time in Python. It must not know servers; whoever made it says how the
session is reached.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeAlias

from mockserver.core.durations import moment
from mockserver.core.errors import MockServerError, SettingError

Moment: TypeAlias = str | float | datetime
"""A time of day: `"2026-01-31T12:00:00Z"`, a datetime (UTC unless it says otherwise), seconds since 1970, or `"+5m"`."""


class Hands(Protocol):
    """What moves the clock of a session, wherever that is. `time` gives its time of day, and whether it stands still."""

    def time(self) -> tuple[float, bool]: ...
    def freeze(self, at: float | None) -> None: ...
    def advance(self, seconds: float) -> None: ...


class ClockError(MockServerError, ValueError):
    """A clock cannot be moved so."""


class Clock:
    """A session's time of day: frozen until a test moves or releases it.

    While it stands still nothing takes time: streams are planned as ever (`offsets`) and sent at once, limits refill
    only by `advance`. Released, time is the machine's and answers take their time.
    """

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    @property
    def now(self) -> float:
        """The session's time of day, in seconds since the epoch."""
        return self._hands.time()[0]

    @property
    def time(self) -> datetime:
        """The same as a datetime in UTC."""
        return datetime.fromtimestamp(self.now, UTC)

    @property
    def frozen(self) -> bool:
        """Whether it stands still."""
        return self._hands.time()[1]

    def advance(self, seconds: float | timedelta) -> None:
        """Let a frozen clock go forward. Raises `ClockError`, a `ValueError`, for a running one and for going back."""
        given = seconds.total_seconds() if isinstance(seconds, timedelta) else float(seconds)
        try:
            self._hands.advance(given)
        except ValueError as error:
            raise ClockError(str(error)) from None

    def freeze(self, at: Moment | None = None) -> None:
        """Stop the clock, at the given time or at its present one; `"+5m"` counts from the present one."""
        self._hands.freeze(self.now if at is None else read_moment(at, lambda: self.now, "clock.freeze"))

    def release(self) -> None:
        """Follow the machine's clock from now on."""
        self._hands.freeze(None)

    def __repr__(self) -> str:
        return f"<clock {self.time.isoformat()} {'frozen' if self.frozen else 'running'}>"


def read_moment(given: Moment, now: Callable[[], float], what: str) -> float:
    """Return seconds since the epoch. Raises `SettingError`, beginning with `what`, for anything that is no time."""
    if isinstance(given, datetime):
        given = given.replace(tzinfo=given.tzinfo or UTC).timestamp()
    try:
        return moment(given, now)
    except ValueError as error:
        raise SettingError(f"{what}: {error}") from None
