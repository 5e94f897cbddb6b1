"""The clock of a session under `/_mock`: read, frozen, advanced, released.

This room decides what may be asked of it. It must not know what happens at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from starlette.requests import Request as Asked
from starlette.responses import Response

from mockserver.adapters.control import bodies
from mockserver.adapters.control.answers import Refused, answer
from mockserver.adapters.control.served import Served
from mockserver.core.durations import moment
from mockserver.core.errors import Report
from mockserver.core.rulefiles.forms import TRUE, WAIT, WRONG, Form, Key, Leaf, Path

EXAMPLE: Final = '{"freeze": "2026-01-31T12:00:00Z"}, {"advance": "60s"} or {"release": true}'


def time_of_day(now: Callable[[], float]) -> Leaf:
    """Return a leaf for a moment, read to seconds since the epoch; shifts such as `+5m`, and `true`, start from `now`."""

    def read(value: Any, report: Report, path: Path) -> Any:
        if value is True:
            return now()
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            report(path, "expected a time such as 2026-01-31T12:00:00Z, seconds since 1970, +5m, or true for now")
            return WRONG
        try:
            return moment(value, now)
        except ValueError as error:
            report(path, str(error))
            return WRONG

    return Leaf(read, {})


def form(now: Callable[[], float]) -> Form:
    """Return what may be sent to a clock that shows `now`."""
    return Form(
        "a change of the clock",
        {
            "freeze": Key("Stop at this time; true: now.", time_of_day(now)),
            "advance": Key("Let a stopped clock go forward by this much.", WAIT),
            "release": Key("Follow the server's clock again.", TRUE),
        },
        example=EXAMPLE,
    )


class Clocks:
    """The routes of a session's clock."""

    def __init__(self, served: Served) -> None:
        self.served = served

    async def read(self, asked: Asked) -> Response:
        """Tell the time."""
        return answer(self.served.clock(self.served.session(asked)))

    async def change(self, asked: Asked) -> Response:
        """Freeze, advance or release; tell the time."""
        session = self.served.session(asked)
        now = form(lambda: session.now(self.served.now()))
        wanted = await bodies.filled(now, "change of the clock", asked)
        if len(wanted) != 1:
            raise Refused(400, f"A clock takes one change at a time: {EXAMPLE}.")
        self.served.still(session)
        if "freeze" in wanted:
            session.frozen = wanted["freeze"]
        elif "release" in wanted:
            session.frozen = None
        else:
            try:
                session.advance(wanted["advance"] / 1000)
            except ValueError as error:
                status = 409 if session.frozen is None else 400
                raise Refused(status, f"Cannot advance the clock: {error}.") from None
        return answer(self.served.clock(session))
