"""The terms of a session: what a test asks for when it begins one.

This room decides what time does in it, and how a wrong setting reads. It must not know servers.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any, Final

from mockserver.core.errors import SettingError
from mockserver.core.options import Options
from mockserver.settings import SETTINGS
from mockserver.testing.clock import Moment, read_moment

NOW: Final = "2026-01-01T00:00:00Z"
"""Where a session's clock stands unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a session is begun with. `frozen` is its time of day (None: the machine's), `hurry` as `Session` has it."""

    options: Options
    frozen: float | None = None
    hurry: bool | None = None

    @classmethod
    def read(cls, now: Moment | None, speed: float | None, **settings: Any) -> Terms:
        """Read what a test asks for. Raises `SettingError` for a value that makes no sense.

        Without a speed answers are sent at once, as long as the clock stands still or the machine's was asked for; with
        one above 0 they take their time. They are planned at speed 1 at least, so that offsets tell something.
        """
        read = {name: _read(name, value) for name, value in settings.items()}
        pace = None if speed is None else _read("speed", speed)
        frozen = None if now is None else read_moment(now, time.time, "MockServer(now=)")
        hurry = not pace if pace is not None else (True if frozen is None else None)
        return cls(Options(**read, speed=pace or 1.0, keep_answers=True), frozen, hurry)

    def forwarding(self, upstream: str) -> Terms:
        """Return these terms for a session whose requests and keys the real API at `upstream` judges, in real time."""
        return replace(
            self,
            options=replace(self.options, on_miss="forward", validate="off", upstream=upstream, auth_keys=()),
            frozen=None,
        )


def _read(name: str, value: Any) -> Any:
    try:
        return SETTINGS[name].parse(value)
    except ValueError as error:
        raise SettingError(f"MockServer({name}=): {error}") from None
