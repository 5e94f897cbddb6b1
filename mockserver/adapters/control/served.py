"""What the control application is about: the engine, its clock, and the session that a request means.

This room decides how a session is named: in the path after `/_mock/sessions/`, else by the prefix `/s/NAME`, else it is the
default one. It must not know what is done to it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import quote

from starlette.requests import Request as Asked

from mockserver.adapters.asgi import DEFAULT_SESSION, bounded
from mockserver.adapters.control.answers import Refused
from mockserver.core.engine import Engine
from mockserver.core.journal import Entry
from mockserver.core.rules.book import Rule
from mockserver.core.sessions import Session

GONE: Final = "session_ended"
UNKNOWN: Final = "unknown_session"


@dataclass(frozen=True, slots=True)
class Testimony:
    """What a test knows of a session that the session does not.

    `made` are the rules that the test wrote, `loaded` those that it took from files; `unfinished` says where a `when()` was
    left without a reply. `read` are the numbers of exchanges whose violations somebody has looked at, `late` the requests
    that came for sessions of the run which had ended; only exchanges above `after` are judged. `allowing` says how a finding
    is let pass, with `{}` for its name.
    """

    made: Sequence[Rule] = ()
    loaded: Sequence[Rule] = ()
    unfinished: Sequence[str] = ()
    read: Collection[int] = ()
    late: Sequence[Entry] = ()
    after: int = 0
    allowing: str = ""


class Report(Protocol):
    """Judges a session: whether it is clean, and the text that says so or why not.

    `allow` names findings that are let pass; with `strict` the server's rules have to be used too, or where a test has its
    say those that it took from files. Raises `SettingError` for a name that is none. Called in a thread, with a session that
    nobody changes.
    """

    def __call__(
        self, session: Session, *, allow: Sequence[str], strict: bool, said: Testimony | None = None
    ) -> tuple[bool, str]: ...


@dataclass(frozen=True, slots=True)
class Served:
    """One server: `now` is its time of day in seconds since the epoch, before any session freezes its own.

    `examples`: its rules are those that are served where none are given.
    """

    engine: Engine
    now: Callable[[], float]
    report: Report | None = None
    examples: bool = False

    def session(self, asked: Asked) -> Session:
        """Return the session that a request means. Raises `Refused` where there is none of that name.

        The default one is always there; another has to be created, or named by a request, first.
        """
        sessions = self.engine.sessions
        name = sessions.meant(named(asked))
        if name == DEFAULT_SESSION and not sessions.has_ended(name):
            return sessions.find(name)
        found = sessions.peek(name)
        if found is not None:
            return found
        if sessions.has_ended(name):
            raise Refused(410, f"The session '{name}' has ended.", code=GONE)
        raise Refused(
            404,
            f"There is no session '{name}'. A session begins with POST /_mock/sessions, or with the first request to "
            f"/s/{quote(name, safe='')}/v1.",
            code=UNKNOWN,
        )

    def still(self, session: Session) -> None:
        """Raise `Refused` when the session was ended or begun afresh while something was read for it."""
        if self.engine.sessions.peek(session.name) is not session:
            raise Refused(409, f"The session '{session.name}' ended or began afresh meanwhile.", code=GONE)

    def about(self, session: Session, asked: Asked) -> dict[str, Any]:
        """Return what is told of a session."""
        options, journal = session.options, session.journal
        return {
            "name": session.name,
            "base_url": f"{asked.url.scheme}://{asked.url.netloc}/s/{quote(session.name, safe='')}/v1",
            "requests": journal.count,
            "misses": journal.misses,
            "dropped": journal.dropped,
            "rules": len(session.rules) + len(session.otherwise),
            "clock": self.clock(session),
            "options": {
                "seed": options.seed,
                "speed": options.speed,
                "validate": options.validate,
                "lenient": options.lenient,
                "allow_params": sorted(options.allow_params),
                "on_miss": options.on_miss,
                "exhausted": options.exhausted,
                "journal": options.journal or 0,
            },
        }

    def clock(self, session: Session) -> dict[str, Any]:
        """Return what is told of a session's clock."""
        return {"now": session.now(self.now()), "frozen": session.frozen is not None}


def named(asked: Asked) -> str:
    """Return the name of the session that a request means."""
    given = asked.path_params.get("name") or asked.scope.get("mockserver.session") or DEFAULT_SESSION
    return bounded(str(given))
