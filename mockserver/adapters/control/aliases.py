"""Aliases under `/_mock`: names that mean another session, the one of the test that is running.

This room decides who may point one elsewhere. It must not know what the sessions are for. A client that is made once, before
any test, is given the alias; whoever runs the tests points it at one session after the other.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request as Asked
from starlette.responses import Response

from mockserver.adapters.asgi import DEFAULT_SESSION, bounded
from mockserver.adapters.control import bodies
from mockserver.adapters.control.answers import Refused, answer
from mockserver.adapters.control.options import NAME
from mockserver.adapters.control.served import Served
from mockserver.core.rulefiles.forms import Form, Key
from mockserver.core.sessions import MOST_ALIASES, NOBODY, misnamed

FORM = Form(
    "an alias",
    {
        "session": Key("The session that it means from now on; without one, requests to it are refused.", NAME),
        "owner": Key("Whose it is: another owner cannot take it while the session is open.", NAME),
    },
    example='{"session": "blue"}',
)


class Aliases:
    """The routes of aliases. Whose each is, is known here alone."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self._owners: dict[str, str] = {}

    async def read(self, asked: Asked) -> Response:
        """Tell what an alias means, and how many requests came too late for sessions of its own."""
        return answer(self._about(_name(asked)))

    async def put(self, asked: Asked) -> Response:
        """Let an alias mean a session, or nobody's."""
        name, sessions = _name(asked), self.served.engine.sessions
        wanted = await bodies.filled(FORM, "alias", asked)
        owner, held = wanted.get("owner", ""), self._owners.get(name, "")
        if held and held != owner and sessions.peek(sessions.meant(name)) is not None:
            raise Refused(409, f"The alias '{name}' is in use: another run of tests has it.", code="alias_in_use")
        target = wanted.get("session")
        if target is None:
            target = f"{name}.{NOBODY}"
            sessions.end(target)
        sessions.alias(name, target)
        self._owners[name] = owner
        if len(self._owners) > MOST_ALIASES:
            del self._owners[next(iter(self._owners))]
        return answer(self._about(name))

    async def end(self, asked: Asked) -> Response:
        """Let the name mean itself again."""
        name = _name(asked)
        self.served.engine.sessions.unalias(name)
        self._owners.pop(name, None)
        return answer({"ended": name})

    def _about(self, name: str) -> dict[str, Any]:
        sessions = self.served.engine.sessions
        return {"name": name, "session": sessions.meant(name), "late": late(self.served, name)}


def late(served: Served, alias: str) -> int:
    """Return the number of the last request that came to a session of this alias after its end, 0 for none."""
    numbers = [entry.number for entry in served.engine.sessions.late.journal.entries() if of(alias, entry)]
    return max(numbers, default=0)


def of(alias: str, entry: Any) -> bool:
    """Say whether an exchange belongs to a session of an alias: `ALIAS.ANYTHING`."""
    session: str = entry.exchange.request.session
    return session.startswith(f"{alias}.")


def _name(asked: Asked) -> str:
    name = bounded(str(asked.path_params["name"]))
    why = misnamed(name) or ("the default session is no alias" if name == DEFAULT_SESSION else "")
    if why:
        raise Refused(400, f"Invalid alias: {why}.")
    return name
