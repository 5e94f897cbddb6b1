"""A server that runs elsewhere, for the tests of one process: its sessions are reached by the control API.

This room decides how the sessions of a run are named so that no other run can meet them, and how a server that cannot be used
is told: one line. It must not know tests or what is asked of a session.
"""

from __future__ import annotations

import contextlib
import itertools
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit

from mockserver.control import Control, ControlError, Verdict
from mockserver.core.errors import SettingError
from mockserver.core.sessions import LONGEST_NAME
from mockserver.testing.rulesets import RuleSets

if TYPE_CHECKING:
    from mockserver.adapters.disk import RuleSet
    from mockserver.testing.server import MockServer
    from mockserver.testing.sharing.seat import SharedSeat
    from mockserver.testing.terms import Terms

NEEDED: Final = 2
"""The revision of the control API that has what is asked for here."""


class SharedHost:
    """A `mockserver serve` at a URL, and the alias under which this process has its sessions there.

    A URL that names a session (`http://HOST:PORT/s/app/v1`) takes that name for the alias: it is what an app that was started
    before the tests was given. Else the alias is one that nobody else has; `who` stands in it, to be recognised.
    `below` are rule files and folders that every session stands on.
    """

    def __init__(self, url: str, token: str = "", *, who: str = "", below: Sequence[str | Path] = ()) -> None:
        try:
            self.control = Control(url, token)
        except ControlError as error:
            raise SettingError(str(error)) from None
        self.owner = secrets.token_hex(4)
        self.alias = named(url) or "-".join(filter(None, (who, self.owner)))
        self.below = tuple(Path(path) for path in below)
        self._sets = RuleSets()
        self._numbers = itertools.count(1)

    @property
    def url(self) -> str:
        """Where it is, `http://HOST:PORT`."""
        return self.control.url

    @property
    def base_url(self) -> str:
        """What a client is given that means whichever session the alias stands for."""
        return f"{self.url}/s/{quote(self.alias, safe='')}/v1"

    def meet(self) -> None:
        """Make sure that the server can be used, and take the alias. Raises `SettingError`, in one line."""
        try:
            health = self.control.health()
            if health.get("status") != "ok" or int(health.get("control", 1)) < NEEDED:
                version = health.get("version", "?")
                raise SettingError(
                    f"the mockserver at {self.url} is too old ({version}) for tests to share: upgrade it"
                )
            self.control.alias(self.alias, owner=self.owner)
        except ControlError as error:
            hint = " (set MOCKSERVER_TOKEN to what it prints at its start)" if error.status in (401, 403) else ""
            where = "" if self.url in str(error) else f"the mockserver at {self.url} refuses: "
            raise SettingError(" ".join(f"{where}{error}{hint}".split())) from None

    def read(self, paths: Sequence[Path]) -> RuleSet:
        """Return the rules of these files and folders, read here; see `RuleSets.read`."""
        return self._sets.read(paths)

    def sit(self, name: str | None, terms: Terms) -> SharedSeat:
        """Begin a session on these terms, for a test."""
        from mockserver.testing.sharing.seat import SharedSeat

        name = name or f"test-{next(self._numbers)}"
        end = name[-max(1, LONGEST_NAME - len(self.alias) - 1) :]  # where names that are long are told apart
        return SharedSeat(self, f"{self.alias}.{end}", name, terms)

    # --- the alias

    def mean(self, session: str | None) -> None:
        """Let the alias stand for this session, or for nobody's."""
        self.control.alias(self.alias, session, self.owner)

    def late(self) -> int:
        """Return the number of the last request that came too late for a session of the alias."""
        return self.control.means(self.alias).late

    def judge(self, server: MockServer, *, after: int, late: int) -> Verdict:
        """Return the verdict on a session here, with what came above this number too late for others of the alias."""
        said = testimony({**server.terms(), "after": after, "late": late, "alias": self.alias})
        return self.control.session(server.session_name).judge(**said, unfinished=list(server.made.unfinished))

    def overdue(self, *, late: int, allow: Sequence[str]) -> Verdict:
        """Return the verdict on what came above this number too late, and on nothing else."""
        return self.control.overdue(self.alias, late=late, allow=list(allow))

    def stop(self) -> None:
        """Give the alias back. The server goes on, or is gone already."""
        with contextlib.suppress(ControlError):
            self.control.unalias(self.alias)


def testimony(terms: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a verdict goes by as it is sent."""
    return {name: sorted(value) if isinstance(value, (set, frozenset)) else value for name, value in terms.items()}


def named(url: str) -> str:
    """Return the name of the session that a URL names, "" for none."""
    path = urlsplit(url if "//" in url else f"http://{url}").path
    start, prefix, rest = path.partition("/s/")
    return unquote(rest.partition("/")[0]) if prefix and not start else ""
