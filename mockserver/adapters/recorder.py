"""The recorder: takes what the upstream answered and writes it down, beside whoever is being answered.

This room decides when a recording counts as written, and that nothing standing is lost: what would leak, would not replay
or cannot be stored is told, never half written. It must not know what a recording looks like (`core.recordings`), nor
where requests come from. One thread writes, in the order in which exchanges ended.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mockserver.adapters import disk
from mockserver.adapters.lock import locked
from mockserver.adapters.recordingset import RecordingSet
from mockserver.adapters.storing import store
from mockserver.core.errors import RuleFileError
from mockserver.core.messages import EMPTY
from mockserver.core.recordings.capture import Capture
from mockserver.core.recordings.customs import Customs
from mockserver.core.recordings.secrets.redactor import Redactor
from mockserver.core.recordings.writing.proof import prove
from mockserver.core.recordings.writing.written import compose

MOST_TOLD: Final = 5
"""Places of one leak that are told."""


@dataclass(slots=True)
class Tally:
    """What became of the exchanges: how many were written, and what was said of each that was not."""

    written: int = 0
    failed: list[str] = field(default_factory=list)
    partial: int = 0
    """Written ones whose answer is not whole."""
    redacted: int = 0
    """Secrets replaced, all recordings together."""

    def __str__(self) -> str:
        parts = [f"{self.written} recorded"]
        if self.partial:
            parts.append(f"{self.partial} of them not whole")
        if self.redacted:
            parts.append(f"{self.redacted} secret{'s' * (self.redacted != 1)} replaced")
        if self.failed:
            parts.append(f"{len(self.failed)} NOT recorded")
        return ", ".join(parts)


class Recorder:
    """Writes captures into a set. `tell` gets one text for each, for people; it is called on the writer's thread.

    `match` is what a new file says may differ (`ignore`, `mask`); `keep_headers` names headers of answers to keep besides
    the usual ones. Close it: `close` waits until all is written.
    """

    def __init__(
        self,
        into: RecordingSet,
        *,
        customs: Customs | None = None,
        match: Mapping[str, Any] = EMPTY,
        keep_headers: Sequence[str] = (),
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.tally = Tally()
        self._into = into
        self._redactor = Redactor(customs or Customs())
        self._match = match
        self._keep_headers = tuple(keep_headers)
        self._tell = tell
        self._waiting: queue.SimpleQueue[Capture | str | threading.Event | None] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None

    def take(self, capture: Capture | str) -> None:
        """Have a capture written, or noted why there is none. Returns at once; never raises."""
        if self._writer is None:
            # A daemon: it waits for more until it is closed, and must not keep a process that forgot to alive for ever.
            self._writer = threading.Thread(target=self._run, name="mockserver recorder", daemon=True)
            self._writer.start()
        self._waiting.put(capture)

    def settle(self) -> Tally:
        """Wait until all that was taken is written; return what became of it so far."""
        if self._writer is not None:
            written = threading.Event()
            self._waiting.put(written)
            written.wait()
        return self.tally

    def close(self, *, clean: bool = True) -> Tally:
        """Wait until all is written and put a replacing set in place; return what became of it. Twice is fine.

        With `clean` False, or where something could not be written, a set that was to be replaced stays as it was.
        """
        if self._writer is not None:
            self._waiting.put(None)
            self._writer.join()
            self._writer = None
        try:
            told = self._into.finish(clean=clean and not self.tally.failed)
        except OSError as error:
            self._fail(f"the set {self._into} is not replaced: {self._why(error)}")
        else:
            if told:
                self._tell(told)
        return self.tally

    def _run(self) -> None:
        while (capture := self._waiting.get()) is not None:
            if isinstance(capture, threading.Event):
                capture.set()
                continue
            if isinstance(capture, str):
                self._fail(f"NOT recorded, {capture}")
                continue
            try:
                self._write(capture)
            except OSError as error:
                self._fail(f"NOT recorded, {_about(capture)}: {self._why(error)}")
            except RuleFileError as error:
                self._fail(
                    f"NOT recorded, {_about(capture)}: it belongs into a file with mistakes; mend or move it: {error}"
                )
            except Exception as error:  # an error of ours must not end the writing of what follows
                self._fail(f"NOT recorded, {_about(capture)}: an error of mockserver itself: {error!r}")

    def _write(self, capture: Capture) -> None:
        if not capture.status:
            self._tell(f"nothing to record, {capture.method} {capture.path}: {capture.why} before any answer")
            return
        cleaned = self._redactor.clean(capture)
        if cleaned.leaks:
            places = "; ".join(str(leak) for leak in cleaned.leaks[:MOST_TOLD])
            self._fail(f"NOT recorded, {_about(cleaned.capture)}: it would still hold the request's own key: {places}")
            return
        capture = cleaned.capture
        self._into.prepare()
        with locked(self._into.folder):
            place = self._into.place(capture, self._tell)
            written = compose(capture, stem=place.stem, number=place.number, keep_headers=self._keep_headers)
            differs = prove(written, capture)
            if differs:
                self._fail(f"NOT recorded, {_about(capture)}: what was written does not replay as it came: {differs}")
                return
            store(place.path, place.text_with(written.text, self._match), written.beside)
        self.tally.written += 1
        self.tally.partial += capture.end != "complete"
        self.tally.redacted += cleaned.replaced
        self._tell(
            f'recorded {disk.shown(self._into.final(place.path))} "{place.stem} {place.number}": {_about(capture)}'
        )

    def _why(self, error: OSError) -> str:
        where = disk.shown(Path(error.filename)) if isinstance(error.filename, str) else str(self._into)
        return f"cannot write {where}: {error.strerror or error}"

    def _fail(self, text: str) -> None:
        self.tally.failed.append(text)
        self._tell(text)


def _about(capture: Capture) -> str:
    ended = "" if capture.end == "complete" else f", {capture.end}{f': {capture.why}' if capture.why else ''}"
    return f"{capture.method} {capture.path} {capture.status}{ended}"
