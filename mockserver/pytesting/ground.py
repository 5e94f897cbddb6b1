"""The ground that tests stand on: a server with a session for each, in this process (`own`) or elsewhere (`shared`).

This room decides what a run needs of it. It must not know hooks, nor when a test begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mockserver.core.recordings.modes import Mode
    from mockserver.pytesting.wishes import Places, Wishes
    from mockserver.testing.server import MockServer


class Ground(Protocol):
    """A server for the tests of this process. Nothing heavy is loaded before `serve`."""

    @property
    def base_url(self) -> str:
        """What a client is given that means the running test's session, whichever that is."""

    @property
    def serves(self) -> bool:
        """Whether it has been asked for."""

    def serve(self) -> None:
        """Make it ready. Raises `MockServerError` for rules, settings or a server that cannot be used: every time."""

    def open(self, name: str, wishes: Wishes, places: Places, mode: Mode) -> MockServer:
        """Begin a session for a test; from now on it is the running one. `mode` says what becomes of its recordings."""

    def leave(self, server: MockServer, *, fine: bool) -> None:
        """End it: requests are nobody's until the next one. `fine` says that the test has passed."""

    def mark(self) -> None:
        """What came too late until now is not the coming test's to hear of."""

    def astir(self) -> bool:
        """Say whether something came too late since then."""

    def judge(self, server: MockServer, after: int) -> tuple[bool, str, int]:
        """Judge what came to a session above that number, and too late: fine or not, the report, the last number."""

    def overdue(self, allow: frozenset[str]) -> str:
        """Return the report on what came too late in a test that has no session, "" when nothing is wrong with it."""

    def close(self) -> None:
        """Give back what was taken."""


def opened(host: object, name: str, wishes: Wishes, places: Places, mode: Mode) -> MockServer:
    """Return a server for one test: a session of the host, by this name."""
    from mockserver.testing.server import MockServer

    made = MockServer(
        wishes.rules,
        host=host,  # type: ignore[arg-type]  # either kind
        session=name,
        base=places.test,
        allow=wishes.allow,
        strict=wishes.strict,
        check=False,
        recording=places.recording(wishes.recording),
        record=mode if wishes.recording else "none",
        **wishes.options,
    )
    made.how_to_record = how(recorded=bool(wishes.recording))
    return made.start()


def how(*, recorded: bool) -> str:
    """Say how what the real API answers is recorded for a test, which may be marked for it."""
    from mockserver.expiry import in_ci

    again = "pytest --mockserver-record=new" + (", where CI is not set" if in_ci() else "")
    return again if recorded else f"@pytest.mark.mockserver(recording=True), then {again}"
