"""The verdict on a session, as a test can ask for it: as findings, as text, or as a failure.

This room decides how it is asked for. It must not know what is wrong with a session (`verdict`) or how that reads (`report`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final

from mockserver.testing.seat import Seat
from mockserver.testing.verdict import Made, Verdict, read_allowed

if TYPE_CHECKING:
    from mockserver.testing.sharing.seat import SharedSeat

ALLOWING: Final = 'MockServer(allow=["{}"])'
"""How a finding is let pass where there is no marker."""


class Judging(ABC):
    """What a test can ask of the verdict on its session. `allow` and `strict` are what holds unless it says otherwise."""

    allow: frozenset[str]
    strict: bool

    @property
    @abstractmethod
    def made(self) -> Made:
        """What the test brought to its session."""

    @abstractmethod
    def written(self) -> None:
        """Wait until what is recorded is on the disk."""

    @property
    @abstractmethod
    def seen(self) -> Collection[int]:
        """The numbers of the requests whose violations somebody has looked at."""

    @property
    @abstractmethod
    def _here(self) -> Seat: ...

    @property
    @abstractmethod
    def _seat(self) -> Seat | SharedSeat: ...

    def verdict(self, *, allow: Collection[str] = (), strict: bool | None = None, **more: Any) -> Verdict:
        """Return what is wrong with the session, in findings; `allow` is added to what may be. See `verdict.judge`."""
        return self._here.verdict(self.made, **self.terms(allow, strict), **more)

    def report(self, *, allow: Collection[str] = ()) -> str:
        """Return what is wrong and the exchanges so far, for people."""
        self.written()
        return self._seat.report(self.made, ALLOWING, **self.terms(allow))[1]

    def check(self, *, allow: Collection[str] = ()) -> None:
        """Raise `AssertionError` with the report unless nothing is wrong."""
        __tracebackhide__ = True
        self.written()
        fine, told = self._seat.report(self.made, ALLOWING, **self.terms(allow))
        if not fine:
            raise AssertionError(told)

    def terms(self, allow: Collection[str] = (), strict: bool | None = None) -> dict[str, Any]:
        """Return what a verdict on this session goes by; `allow` is added to what may be."""
        return {
            "allow": self.allow | read_allowed(tuple(allow), "allow"),
            "strict": self.strict if strict is None else strict,
            "read": self.seen,
        }
