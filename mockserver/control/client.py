"""A running server from outside: its sessions, and what was asked of it.

This room decides what can be asked of a server as a whole. It must not know how it is reached.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

from mockserver.control import told
from mockserver.control.server import Server
from mockserver.control.session import Rules, Session, Time, read_journal, rules_sent, time_sent
from mockserver.control.told import Alias, Page, SessionInfo, Verdict


class Control:
    """A running server, by any of its URLs: the bare address, the base URL of a client, that of a session.

    `token` is needed from other machines; `timeout` is in seconds. Every method raises `ControlError` with what the server
    said where it refuses, and where none answers.
    """

    def __init__(self, url: str = "http://127.0.0.1:8080", token: str = "", *, timeout: float = 10.0) -> None:
        self.server = Server(url, token, timeout)

    @property
    def url(self) -> str:
        """The bare address, `http://HOST:PORT`."""
        return self.server.url

    def __repr__(self) -> str:
        return f"Control({self.url!r})"

    def health(self) -> Mapping[str, Any]:
        """Return `status` and `version`."""
        found: Mapping[str, Any] = self.server.call("GET", "/health")
        return found

    def requests(
        self,
        session: str = "",
        *,
        misses: bool = False,
        rule: str = "",
        kind: str = "",
        status: int = 0,
        after: str | int = "",
        limit: int = 0,
        whole: bool = False,
    ) -> Page:
        """Return what was asked, of all sessions unless one is named.

        `rule` is a name or FILE:LINE; `kind` one of json, stream, error, http, miss, rejection, builtin, forwarded. `limit`
        keeps the newest that many, or with `after` (a page's `next`) the next that many. `whole` asks for bytes and answers.
        """
        return read_journal(self.server, session, misses, rule, kind, status, after, limit, whole)

    def sessions(self) -> tuple[SessionInfo, ...]:
        """Return every open session, the longest idle first."""
        return tuple(told.info(each) for each in self.server.call("GET", "/sessions")["sessions"])

    def session(self, name: str = "default") -> Session:
        """Return a session by name. Nothing is asked yet: it need not be there."""
        return Session(self.server, name)

    def create_session(
        self,
        name: str = "",
        *,
        rules: Rules | None = None,
        now: Time | None = None,
        seed: int | None = None,
        speed: float | None = None,
        validate: Literal["enforce", "warn", "off"] | None = None,
        lenient: bool | None = None,
        allow_params: Sequence[str] | None = None,
        on_miss: Literal["error", "auto"] | None = None,
        exhausted: Literal["miss", "repeat", "cycle"] | None = None,
        auth_keys: Sequence[str] | None = None,
        journal: int | None = None,
        keep_answers: bool | None = None,
        hurry: bool | Literal["clock"] | None = None,
        origin: str | None = None,
        examples: bool | None = None,
        afresh: bool = False,
    ) -> Session:
        """Begin a session; without a name it gets a free one. What is left out is as the server has it.

        `now` freezes its clock. One of that name that is open is an error, or with `afresh` forgotten. `hurry` sends at once
        or takes its time whatever the clock does, or (`clock`) at once while it stands still; ids are drawn from `origin`;
        `examples=False` leaves out the rules that a server has which was given none.
        """
        sent, file = rules_sent(rules)
        given = {
            "name": name or None, "rules": sent, "file": file or None, "now": time_sent(now), "seed": seed, "speed": speed,
            "validate": validate, "lenient": lenient, "on_miss": on_miss, "exhausted": exhausted, "journal": journal,
            "keep_answers": keep_answers, "hurry": hurry, "origin": origin, "examples": examples,
            "allow_params": None if allow_params is None else list(allow_params),
            "auth_keys": None if auth_keys is None else list(auth_keys),
        }  # fmt: skip
        body = {key: value for key, value in given.items() if value is not None}
        if afresh and name:
            begun = self.server.call("PUT", f"/sessions/{quote(name, safe='')}", body=body)
        else:
            begun = self.server.call("POST", "/sessions", body=body)
        return Session(self.server, begun["name"])

    def alias(self, name: str, session: str | None = None, owner: str = "") -> Alias:
        """Let a name mean a session from now on, whatever that is; None: requests to it are refused.

        One that another owner holds for an open session cannot be taken.
        """
        body = {key: value for key, value in (("session", session), ("owner", owner or None)) if value is not None}
        return told.alias(self.server.call("PUT", f"/aliases/{quote(name, safe='')}", body=body))

    def means(self, name: str) -> Alias:
        """Return what a name means."""
        return told.alias(self.server.call("GET", f"/aliases/{quote(name, safe='')}"))

    def unalias(self, name: str) -> None:
        """Let a name mean itself again."""
        self.server.call("DELETE", f"/aliases/{quote(name, safe='')}")

    def overdue(self, alias: str, **said: Any) -> Verdict:
        """Return the verdict on what came too late for sessions of an alias, and on nothing else."""
        body = {"alias": alias, **said}
        return told.verdict(self.server.call("POST", f"/aliases/{quote(alias, safe='')}/report", body=body))
