"""One session of a running server, by name.

This room decides what can be done with it from here. It must not know how the server is reached.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

from mockserver.control import told
from mockserver.control.server import Server, error_of, parsed
from mockserver.control.told import Clock, Page, Report, Rule, SessionInfo, Verdict

Rules: TypeAlias = str | Path | Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""The text of a rule file, a file to read, the same as a mapping, or a list of rules."""

Time: TypeAlias = str | float | datetime
"""A moment: `2026-01-31T12:00:00Z`, seconds since 1970, or `+5m`. UTC unless it says otherwise."""


class Session:
    """One session of a running server. As a context manager it is ended when left."""

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.name = name
        self._path = f"/sessions/{quote(name, safe='')}"

    def __repr__(self) -> str:
        return f"<Session {self.name!r} of {self.server.url}>"

    @property
    def base_url(self) -> str:
        """What a client of this session is given."""
        return f"{self.server.url}/s/{quote(self.name, safe='')}/v1"

    def info(self) -> SessionInfo:
        """Return what the server tells of it."""
        return told.info(self._call("GET"))

    def requests(
        self,
        *,
        misses: bool = False,
        rule: str = "",
        kind: str = "",
        status: int = 0,
        after: str | int = "",
        limit: int = 0,
        whole: bool = False,
    ) -> Page:
        """Return what was asked in it; see `Control.requests`."""
        return read_journal(self.server, self.name, misses, rule, kind, status, after, limit, whole)

    def rules(self) -> tuple[Rule, ...]:
        """Return every rule that can answer in it, in the order in which they are asked."""
        return told.rules(self._call("GET", "/rules"))

    def put_rules(self, rules: Rules) -> tuple[Rule, ...]:
        """Put rules in place of its own; return its own."""
        return self._send("PUT", rules)

    def add_rules(self, rules: Rules) -> tuple[Rule, ...]:
        """Add rules after its own; return its own."""
        return self._send("POST", rules)

    def clear_rules(self) -> None:
        """Take its own rules away."""
        self._call("DELETE", "/rules")

    def clock(self) -> Clock:
        """Return its time of day."""
        return told.clock(self._call("GET", "/clock"))

    def freeze(self, time: Time | None = None) -> Clock:
        """Stop its clock, now unless a time is given. Answers are planned as ever and sent at once."""
        return self._clock({"freeze": True if time is None else time_sent(time)})

    def advance(self, seconds: float | timedelta) -> Clock:
        """Let its stopped clock go forward."""
        by = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
        if not by >= 0:
            raise ValueError(f"a clock only goes forward, not by {by} s")
        return self._clock({"advance": f"{by:.6f}s"})

    def release(self) -> Clock:
        """Let its clock follow the server's again."""
        return self._clock({"release": True})

    def reset(self) -> None:
        """Forget its counts, journal, stored responses and state. Rules, options and clock stay."""
        self._call("POST", "/reset", body={})

    def report(self, *, allow: Sequence[str] = (), strict: bool = False) -> Report:
        """Return the verdict. `allow` names findings that are let pass, such as `miss` and `unused`.

        With `strict` the server's rules have to be used too.
        """
        query = {"allow": ",".join([allow] if isinstance(allow, str) else allow), "strict": "1" if strict else ""}
        query = {name: value for name, value in query.items() if value}
        status, answer = self.server.ask("GET", f"{self._path}/report", query)
        found = parsed(answer)
        if status not in (200, 409) or "report" not in found:
            raise error_of(status, answer)
        return Report(found["clean"], found["report"])

    def judge(self, **said: Any) -> Verdict:
        """Return the verdict of a test that knows more than the server: see the table of testimonies."""
        return told.verdict(self._call("POST", "/report", body=said))

    def assert_clean(self, *, allow: Sequence[str] = (), strict: bool = False) -> None:
        """Raise `AssertionError` with the report unless nothing is wrong."""
        found = self.report(allow=allow, strict=strict)
        if not found.clean:
            raise AssertionError(found.text)

    def end(self) -> None:
        """End it: from now on requests to it get 410."""
        self._call("DELETE")

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def _call(self, method: str, noun: str = "", query: Mapping[str, str] | None = None, body: Any = None) -> Any:
        return self.server.call(method, self._path + noun, query, body)

    def _send(self, method: str, rules: Rules) -> tuple[Rule, ...]:
        sent, file = rules_sent(rules)
        return told.rules(self._call(method, "/rules", {"file": file} if file else {}, sent))

    def _clock(self, change: Mapping[str, Any]) -> Clock:
        return told.clock(self._call("POST", "/clock", body=change))


def read_journal(
    server: Server,
    session: str,
    misses: bool,
    rule: str,
    kind: str,
    status: int,
    after: str | int,
    limit: int,
    whole: bool,
) -> Page:
    """Return a page of the journal of one session, or ("") of all."""
    asked = {"session": session, "misses": "1" if misses else "", "rule": rule, "kind": kind}
    asked |= {
        "status": str(status or ""),
        "after": str(after),
        "limit": str(limit or ""),
        "whole": "1" if whole else "",
    }
    found = server.call("GET", "/requests", {name: value for name, value in asked.items() if value})
    page = Page(told.exchange(each) for each in found["requests"])
    page.next = found["next"]
    return page


def rules_sent(rules: Rules | None) -> tuple[Any, str]:
    """Return what to send for rules, and the name of the file that they come from."""
    if isinstance(rules, Path):
        from mockserver.adapters.besides import whole_text  # imported late: few send files

        return whole_text(rules), rules.name
    if rules is None or isinstance(rules, str):
        return rules, ""
    return dict(rules) if isinstance(rules, Mapping) else [dict(rule) for rule in rules], ""


def time_sent(time: Time | None) -> str | float | None:
    """Return what to send for a moment."""
    return time.isoformat() if isinstance(time, datetime) else time
