"""A server elsewhere for the tests of this process, shared with others: the ground of `--mockserver-url`.

This room decides when it is first spoken to, and that a server which cannot be used is told in one line. It must not know
tests.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mockserver.core.errors import MockServerError
from mockserver.pytesting.ground import opened

if TYPE_CHECKING:
    from mockserver.core.recordings.modes import Mode
    from mockserver.pytesting.wishes import Places, Wishes
    from mockserver.testing.server import MockServer
    from mockserver.testing.sharing.host import SharedHost

WORKER: Final = "PYTEST_XDIST_WORKER"


class Shared:
    """A `Ground`: an alias of its own on a server that others use too. `rules` are what every session stands on."""

    def __init__(self, url: str, rules: Sequence[Path]) -> None:
        from mockserver.settings import TOKEN
        from mockserver.testing.sharing.host import SharedHost

        worker = os.environ.get(WORKER, "")
        self._host: SharedHost = SharedHost(url, os.environ.get(TOKEN, ""), who=worker or "tests", below=rules)
        self._refused: MockServerError | None = None
        self._met = False
        self._late = 0

    @property
    def base_url(self) -> str:
        """See `Ground`."""
        return self._host.base_url

    @property
    def serves(self) -> bool:
        """See `Ground`."""
        return self._met

    def serve(self) -> None:
        """See `Ground`."""
        if self._refused is not None:
            raise self._refused
        if not self._met:
            try:
                self._host.meet()
            except MockServerError as error:
                self._refused = error
                raise
            self._met = True

    def open(self, name: str, wishes: Wishes, places: Places, mode: Mode) -> MockServer:
        """See `Ground`."""
        self.serve()
        server = opened(self._host, name, wishes, places, mode)
        try:
            self._host.mean(server.session_name)
        except BaseException:
            server.close()
            raise
        return server

    def leave(self, server: MockServer, *, fine: bool) -> None:
        """See `Ground`. A server that is gone was told of already; there is nothing to be left."""
        with contextlib.suppress(MockServerError):
            server.close(fine=fine)
            self._host.mean(None)

    def mark(self) -> None:
        """See `Ground`."""
        if self._met:
            self._late = self._host.late()

    def astir(self) -> bool:
        """See `Ground`."""
        return self._host.late() > self._late

    def judge(self, server: MockServer, after: int) -> tuple[bool, str, int]:
        """See `Ground`."""
        verdict = self._host.judge(server, after=after, late=self._late)
        self._late = verdict.late
        return verdict.clean, verdict.text, verdict.judged

    def overdue(self, allow: frozenset[str]) -> str:
        """See `Ground`."""
        verdict = self._host.overdue(late=self._late, allow=sorted(allow))
        self._late = verdict.late
        return "" if verdict.clean else verdict.text

    def close(self) -> None:
        """See `Ground`. A server that is gone has nothing to be given back."""
        if self._met:
            self._host.stop()
