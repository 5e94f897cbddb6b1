"""A tape: the recordings of one test, played, and where its mode says so recorded.

This room decides what of a set a session stands on, and what of a recording a test is told. It must not know how requests
are passed on, nor pytest.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from mockserver.adapters import disk
from mockserver.adapters.recordingset import SUFFIX, RecordingSet
from mockserver.core.errors import SettingError
from mockserver.core.recordings.modes import Mode, Plan, plan, read_mode

if TYPE_CHECKING:
    from mockserver.adapters.recorder import Recorder
    from mockserver.core.recordings.capture import Capture
    from mockserver.core.sessions import Session

WHILE_RECORDING: Final = "while it records, the real API judges requests and answers them"


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
        self._recorder: Recorder | None = None

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

    def begin(self) -> None:
        """Be ready to record, if the mode is to. Raises `RuleFileError` for a `recordings.yaml` with mistakes."""
        if self.plan.records:
            from mockserver.adapters.besides import customs_of
            from mockserver.adapters.recorder import Recorder

            into = RecordingSet(self.path.parent, self.path.name, replaces=self.plan.replaces)
            self._recorder = Recorder(into, customs=customs_of(self.path.parent))

    def take(self, _: Session, capture: Capture) -> None:
        """Have an exchange with the upstream written."""
        if self._recorder is not None:
            self._recorder.take(capture)

    def lost(self) -> list[str]:
        """Wait until what was taken is written; return what is to be said of each exchange that could not be."""
        return [] if self._recorder is None else list(self._recorder.settle().failed)

    def end(self, *, fine: bool) -> None:
        """Put a replacing set in place, if all is `fine`; else the old one stays."""
        if self._recorder is not None:
            self._recorder.close(clean=fine)
