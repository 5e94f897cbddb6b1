"""A tape: the recordings of one test, played, and where its mode says so recorded.

This room decides what of a set a session stands on, and what of a recording a test is told. It must not know how requests
are passed on, nor pytest.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mockserver.adapters import disk
from mockserver.adapters.recordingset import SUFFIX, RecordingSet
from mockserver.core.errors import MockServerError, SettingError
from mockserver.core.forwarding.address import Address
from mockserver.core.recordings.modes import Mode, Plan, plan, read_mode

if TYPE_CHECKING:
    from mockserver.adapters.recorder import Recorder
    from mockserver.core.recordings.capture import Capture
    from mockserver.core.sessions import Session
    from mockserver.testing.host import Host
    from mockserver.testing.seat import Seat
    from mockserver.testing.sharing.host import SharedHost
    from mockserver.testing.terms import Terms

PATIENCE: Final = 5.0
"""Seconds to wait for answers that a client has not read to their end."""


class RecordingError(MockServerError):
    """A set of recordings could not be put in the place of the old one, which stays."""


class RecordingWarning(UserWarning):
    """A recording is older than its folder allows."""


def at_hand(host: Host | SharedHost) -> Host:
    """Return the host, which can play recordings. Raises `SettingError` for one elsewhere."""
    from mockserver.testing.host import Host

    if not isinstance(host, Host):
        raise SettingError(
            "recording: a server in another process can neither play nor make this test's recordings; run it without "
            "--mockserver-url, or give it the file as rules, whose readable replies answer"
        )
    return host


def read_upstream(text: str) -> Address:
    """Return the base URL of the real API. Raises `SettingError` for text that is none."""
    try:
        return Address.read(text)
    except ValueError as error:
        raise SettingError(f"upstream: {error}") from None


def threaded(base: Path | None, recording: str | Path | None, record: str | Mode) -> Tape | None:
    """Return the tape for a file seen from `base`, None for no file. Raises `SettingError` as `Tape` does."""
    if recording is not None:
        return Tape((base or Path()) / recording, record)
    if record != "none":
        raise SettingError(f"record={record!r}: say into which file, recording='NAME{SUFFIX}'")
    return None


class Tape:
    """The set in the file `path`, used in this mode. Begin it before the first request and end it after the last.

    Raises `SettingError` for a mode or a name that is none.
    """

    def __init__(self, path: Path, mode: str | Mode = "none") -> None:
        if not path.name.endswith(SUFFIX):
            raise SettingError(f"recording: expected the path of a rule file, NAME{SUFFIX}, got {str(path)!r}")
        try:
            self.mode = read_mode(mode)
        except ValueError as error:
            raise SettingError(f"record: {error}") from None
        self.path = path
        self.plan: Plan = plan(self.mode, empty=not path.exists())
        self._made: set[Path] = set()
        self._into: RecordingSet | None = None
        self._recorder: Recorder | None = None
        self._told = 0

    @property
    def name(self) -> str:
        """The file as people know it."""
        return disk.shown(self.path)

    @property
    def is_missing(self) -> bool:
        """Whether there is nothing to play and nothing will be recorded."""
        return not self.plan.records and not self.path.exists()

    @property
    def played(self) -> tuple[Path, ...]:
        """The rule files that answer."""
        return (self.path,) if self.plan.replays and self.path.exists() else ()

    def terms(self, terms: Terms, host: Host, how: str) -> Terms:
        """Return the terms of a session with these recordings; `how` says how to record.

        A set that was begun on this host already (by another test, or by an earlier try of this one) is added to: it is
        neither complete nor to be replaced again. Raises `SettingError` where the session can have none.
        """
        self._made = host.sets_made
        if self.mode in ("once", "rewrite") and self.path.resolve() in self._made:
            self.plan = plan("new", empty=False)
        if self.is_missing:
            raise SettingError(
                f"there is no recording at {self.name}; record what the real API answers: {how}; "
                "a test that asks nothing needs none"
            )
        if not self.plan.records:
            return terms
        upstream = host.settings.upstream
        if upstream is None:
            raise SettingError(
                f"record={self.mode!r}: nobody said where the real API is; give MockServer an upstream='https://…/v1', "
                "or the settings of the host that it shares"
            )
        return terms.forwarding(str(upstream))

    def begin(self, host: Host, session: Session) -> None:
        """Be ready to record, if the mode is to. Raises `RuleFileError` for a `recordings.yaml` with mistakes."""
        if self.plan.records:
            from mockserver.adapters.besides import customs_of
            from mockserver.adapters.recorder import Recorder

            into = self._into = RecordingSet(self.path.parent, self.path.name, replaces=self.plan.replaces)
            recorder = self._recorder = Recorder(into, customs=customs_of(self.path.parent))
            if self.mode == "once":
                self._made.add(self.path.resolve())
            host.capture(session, lambda _, capture: recorder.take(_kept(capture, host)))

    def lost(self, seat: Seat) -> list[str]:
        """Wait until what was seen is written; return what is to be said of each exchange that could not be, once."""
        if self._recorder is None:
            return []
        seat.settle()
        ended, give_up = seat.until(lambda: all(entry.ending is not None for entry in seat.entries()))
        with contextlib.suppress(TimeoutError):
            ended.result(PATIENCE)
        give_up()
        failed = self._recorder.settle().failed
        told, self._told = self._told, len(failed)
        return failed[told:]

    def end(self, *, fine: bool) -> None:
        """Put a replacing set in place, if all is `fine`; else the old one stays. Raises `RecordingError` if it cannot."""
        if self._recorder is not None:
            failed = self._recorder.close(clean=fine).failed[self._told :]
            if self._into is not None and self._into.replaced:
                self._made.add(self.path.resolve())
            if fine and failed:
                raise RecordingError("; ".join(failed))


def _kept(capture: Capture | str, host: Host) -> Capture | str:
    """Return what is recorded of an exchange, or why nothing is.

    Nobody's answer is no fixture of a test: it would be played from then on, with the real API back. The moment is the
    machine's, however the test has set the clock.
    """
    if isinstance(capture, str):
        return capture
    if capture.end == "unreachable":
        return f"{capture.method} {capture.path}: no answer from {capture.upstream}: {capture.why}"
    return replace(capture, arrived=host.now() - capture.ended_at / 1000)
