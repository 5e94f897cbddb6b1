"""One capture written down: the rule that people review, and the files beside it.

This room decides what a recording consists of and when it needs exact bytes. It must not know files, nor what is secret:
what comes in here may be written.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from mockserver.core.messages import EMPTY, Json
from mockserver.core.recordings import exactfile
from mockserver.core.recordings.attachments import detached
from mockserver.core.recordings.capture import Capture
from mockserver.core.recordings.writing.naming import exact_name
from mockserver.core.recordings.writing.readable import gives_body, reply_of
from mockserver.core.recordings.writing.requests import request_of
from mockserver.core.recordings.writing.responses import model_of
from mockserver.core.recordings.writing.text import entry_text
from mockserver.core.rulefiles.recordingform import TIMED, exact_digest
from mockserver.core.rules.equality import digest

MOST_OF_NOTE: Final = 120
"""Characters of what is noted of a client, or of why an answer ended."""


@dataclass(frozen=True, slots=True)
class Written:
    """A recording: the rule as a value and as the text of a list entry (`text.entry_text`), its exact file if any."""

    name: str
    entry: Mapping[str, Json]
    text: str
    exact_name: str | None
    exact: bytes
    """The content of the exact file, b"" where there is none."""
    attachments: Mapping[str, bytes] = field(default_factory=lambda: EMPTY)
    """The files with long values, by their names; other recordings may have some of them too."""

    @property
    def beside(self) -> dict[str, bytes]:
        """All files that stand beside the rule file, by their names."""
        return {**({self.exact_name: self.exact} if self.exact_name else {}), **self.attachments}


def compose(capture: Capture, *, stem: str, number: int, keep_headers: Collection[str] = ()) -> Written:
    """Write a capture down as the rule `<stem> <number>` and, where the rule alone would answer otherwise, its bytes.

    Long base64 in it goes into files of its own. `keep_headers` names headers of the answer to keep besides the usual ones.
    Raises `ValueError` for offsets that are none.
    """
    reply = reply_of(capture, keep_headers)
    name = f"{stem} {number}"
    long = detached({"request": request_of(capture), "reply": reply}, stem)
    entry: dict[str, Json] = {"name": name, **long.value}
    file = exact_name(capture, stem, number) if _needs_exact(capture, reply) else None
    exact = b""
    if file is not None:
        exact = exactfile.encode(capture) if file.endswith(TIMED) else capture.body
        entry["exact"] = file
    if long.files:
        entry["files"] = {each: exact_digest(content) for each, content in long.files.items()}
    entry["recorded"] = _recorded(capture, reply, exact if file is not None else None)
    return Written(name, entry, entry_text(entry), file, exact, long.files)


def _needs_exact(capture: Capture, reply: Mapping[str, Json]) -> bool:
    """Say whether the rule alone would not answer as recorded: other bytes, or another ending."""
    if capture.end not in ("complete", "unreachable") or capture.is_stream:
        return True
    return not gives_body(reply, capture.body)


def _recorded(capture: Capture, reply: Mapping[str, Json], exact: bytes | None) -> dict[str, Json]:
    made: dict[str, Json] = {}
    if capture.arrived:
        made["at"] = datetime.fromtimestamp(int(capture.arrived), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    told = {"upstream": capture.upstream, "model": model_of(capture), "client": _client(capture)}
    made.update({key: value for key, value in told.items() if value})
    if capture.timed:
        made["first"] = _milliseconds(capture.head_at)
        made["duration"] = _milliseconds(capture.ended_at)
    if capture.end != "complete":
        made["end"] = capture.end
    if capture.why:
        made["why"] = _noted(capture.why)
    made["reply"] = digest(reply)
    if exact is not None:
        made["exact"] = exact_digest(exact)
    return made


def _client(capture: Capture) -> str:
    """Return the client's name and version as it tells them, "" where it does not."""
    agent = capture.request_headers.get("user-agent", "")
    version = capture.request_headers.get("x-stainless-package-version", "")
    if version and version not in agent:
        agent = f"{agent or capture.request_headers.get('x-stainless-lang', 'client')} {version}"
    return _noted(agent)


def _noted(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MOST_OF_NOTE else f"{line[: MOST_OF_NOTE - 1]}…"


def _milliseconds(offset: float) -> str:
    return f"{offset:.3f}".rstrip("0").rstrip(".") + "ms"
