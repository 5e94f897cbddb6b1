"""Sessions under `/_mock`: created, told of, reset, judged, ended.

This room decides what may be done to a session as a whole. It must not know what happens inside one.
"""

from __future__ import annotations

import asyncio
import itertools
from functools import partial
from typing import Any

from starlette.requests import Request as Asked
from starlette.responses import PlainTextResponse, Response

from mockserver.adapters.asgi import DEFAULT_SESSION
from mockserver.adapters.control import bodies, options, testimony
from mockserver.adapters.control.answers import Refused, answer, told_problems
from mockserver.adapters.control.rules import FIRST, Rules, understood
from mockserver.adapters.control.served import Served, named
from mockserver.core.errors import SettingError
from mockserver.core.journal import Journal
from mockserver.core.rulefiles.rulefile import RuleFile
from mockserver.core.rules.book import RuleBook
from mockserver.core.sessions import Session, misnamed


class Sessions:
    """The routes of sessions as wholes."""

    def __init__(self, served: Served, rules: Rules) -> None:
        self.served = served
        self.rules = rules
        self._numbers = itertools.count(1)

    async def list(self, asked: Asked) -> Response:
        """Tell every open session, the longest idle first, and how many were dropped for room."""
        sessions = self.served.engine.sessions
        found = [session for name in sessions.names if (session := sessions.peek(name)) is not None]
        return answer({"sessions": [self.served.about(each, asked) for each in found], "dropped": sessions.dropped})

    async def create(self, asked: Asked) -> Response:
        """Begin a session; one of that name must not be open."""
        return await self._begin(asked, "")

    async def put(self, asked: Asked) -> Response:
        """Begin a session of this name; one that is open is forgotten."""
        name = named(asked)
        why = misnamed(name)
        if why:
            raise Refused(400, f"Invalid session: {why}.")
        return await self._begin(asked, name)

    async def read(self, asked: Asked) -> Response:
        """Tell one session."""
        return answer(self.served.about(self.served.session(asked), asked))

    async def end(self, asked: Asked) -> Response:
        """End a session: from now on its name is refused. One that has ended already stays so."""
        name, sessions = named(asked), self.served.engine.sessions
        if name == DEFAULT_SESSION:
            raise Refused(409, "The default session cannot be ended: clients that name none use it. Reset it instead.")
        if not sessions.has_ended(name):
            self.served.session(asked)
            sessions.end(name)
        return answer({"ended": name})

    async def reset(self, asked: Asked) -> Response:
        """Forget what happened in a session; its rules, options and clock stay."""
        session = self.served.session(asked)
        session.reset()
        return answer(self.served.about(session, asked))

    async def report(self, asked: Asked) -> Response:
        """Judge a session: 200 when it is clean, 409 when it is not, with the text that says why."""
        session = self.served.session(asked)
        if self.served.report is None:
            raise Refused(501, "This server judges no sessions.")
        words = (word.strip() for part in asked.query_params.getlist("allow") for word in part.split(","))
        strict = asked.query_params.get("strict", "0") not in ("", "0", "false")
        try:
            # A long journal takes its time: it is judged beside the loop, so that no timed stream waits.
            judge = partial(self.served.report, allow=list(filter(None, words)), strict=strict)
            clean, text = await asyncio.to_thread(judge, session.snapshot())
        except SettingError as error:
            raise Refused(400, f"Invalid query: {error}") from None
        status = 200 if clean else 409
        if "application/json" in asked.headers.get("accept", ""):
            return answer({"session": session.name, "clean": clean, "report": text}, status)
        return PlainTextResponse(text if text.endswith("\n") else f"{text}\n", status)

    async def judge(self, asked: Asked) -> Response:
        """Judge a session together with what its test says: 200 with the verdict, whatever it is."""
        return await self._judged(asked, self.served.session(asked))

    async def overdue(self, asked: Asked) -> Response:
        """Judge what came too late for sessions of an alias, and nothing else."""
        nobody = self.served.engine.sessions.late.snapshot()
        nobody.journal = Journal(0)
        return await self._judged(asked, nobody)

    async def _judged(self, asked: Asked, session: Session) -> Response:
        report = self.served.report
        if report is None:
            raise Refused(501, "This server judges no sessions.")
        read = await bodies.filled(testimony.FORM, "testimony", asked)
        said = testimony.heard(read, session, self.served)
        judge = partial(report, allow=read.get("allow", ()), strict=read.get("strict", False), said=said)
        try:
            # Judged is what there was when it was asked for, in a thread: see `report`.
            judged = session.snapshot()
            clean, text = await asyncio.to_thread(judge, judged)
        except SettingError as error:
            raise Refused(400, f"Invalid testimony: {error}") from None
        last = max((entry.number for entry in said.late), default=read.get("late", 0))
        told = {"session": session.name, "clean": clean, "report": text, "judged": judged.journal.total, "late": last}
        return answer(told)

    async def _begin(self, asked: Asked, name: str) -> Response:
        """Begin a session as it was asked for; `name` is the one in the path, "" where the body names it."""
        sessions = self.served.engine.sessions
        wanted = await bodies.filled(options.form(self.served.now), "session", asked)
        if name and wanted.get("name", name) != name:
            raise Refused(400, f"Invalid session: the body calls it '{wanted['name']}', the path '{name}'.")
        rules = None
        if wanted.get("rules") is not None:
            rules = await understood(wanted["rules"], wanted.get("file", FIRST))
        # From here on nothing waits: no other request can take the name.
        called = name or wanted.get("name") or self._free()
        if not name and sessions.peek(called) is not None:
            raise Refused(409, f"The session '{called}' is open. PUT /_mock/sessions/NAME begins it afresh.")
        session = self._made(called, wanted, rules)
        return answer(
            {**self.served.about(session, asked), "problems": told_problems(rules.problems if rules else ())}, 201
        )

    def _made(self, name: str, wanted: Any, rules: RuleFile | None) -> Session:
        sessions = self.served.engine.sessions
        session = sessions.begin(name, options.chosen(wanted, sessions.options))
        session.frozen = wanted.get("now")
        session.origin = wanted.get("origin", name)
        if wanted.get("speed"):
            session.hurry = False  # who asks for a pace wants it kept, even where time stands still
        if "hurry" in wanted:
            session.hurry = None if wanted["hurry"] == options.CLOCK else wanted["hurry"]
        if self.served.examples and not wanted.get("examples", True):
            session.found(RuleBook(()))
        if rules is not None:
            self.rules.furnish(session, rules)
        return session

    def _free(self) -> str:
        """Return a name that nobody has used: counted, so that the same calls give the same names."""
        sessions = self.served.engine.sessions
        names = (f"session-{number}" for number in self._numbers)
        return next(name for name in names if sessions.peek(name) is None and not sessions.has_ended(name))
