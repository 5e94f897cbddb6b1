"""Secrets in files: what stands on disk and should not, each with its line and column.

This room decides how a file's content is read and what is no secret although it looks like one. It must not open files,
nor know how what it finds is printed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from mockserver.core.recordings import exactfile
from mockserver.core.recordings.attachments import is_media
from mockserver.core.recordings.customs import Customs
from mockserver.core.recordings.secrets import bodies
from mockserver.core.recordings.secrets.finder import Finder
from mockserver.core.recordings.secrets.spellings import Extract, from_bytes

ALLOW: Final = "mockserver: allow secret"
"""The comment that says of its line, or of the line below it, that what looks like a secret there is none."""

_PIECE: Final = re.compile(rb"@ [0-9.]+ ([0-9]+)\n")
_EVENTS: Final = re.compile(rb"\s{0,8}(?:event|data|id|retry)?:(?![/])")
_FAKE: Final = re.compile(
    r"example|dummy|fake|mock|placeholder|redacted|your[-_]|x{4}|\.{3}|0{6}|1{6}|123456|abcdef", re.IGNORECASE
)
"""What a made-up key holds and a real one does not, but by a chance of one in many millions."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What looks like a secret. `line` and `column` count from 1, columns in characters; `shown` gives little away."""

    file: str
    line: int
    column: int
    kind: str
    shown: str
    text: str
    """The secret itself: to be compared, never to be shown."""
    allowed: bool = False
    """Whether a comment says that it is none."""


def scan(content: bytes | str, file: str, customs: Customs | None = None) -> tuple[Finding, ...]:
    """Return what looks like a secret in a file, in order: in a rule file, a file of exact bytes, or any other.

    `customs` are those of its folder: their patterns and e-mail addresses are looked for too. Evidently made-up keys are
    left out; in pictures and sounds there is nothing to be read.
    """
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    if is_media(data):
        return ()
    inside = _inside(data)
    stream = file.endswith(".sse") or (inside is not None and _EVENTS.match(inside.data) is not None)
    body = data if inside is None else inside.data
    customs = customs or Customs()
    edits = bodies.edits(body, Finder.of(customs, scanning=True), stream=stream)
    theirs = {pattern.name for pattern in customs.redact.patterns}
    found = []
    for edit in edits:
        text = from_bytes(body[edit.start : edit.end])
        if not edit.by or not edit.kind or (edit.kind not in theirs and _FAKE.search(text)):
            continue
        start = edit.start if inside is None else inside.origin(edit.start)
        line_start = data.rfind(b"\n", 0, start) + 1
        found.append(
            Finding(
                file,
                data.count(b"\n", 0, start) + 1,
                len(from_bytes(data[line_start:start])) + 1,
                edit.kind,
                f"{text[: 4 if len(text) >= 16 else 1]}…",
                text,
                _is_allowed(data, line_start, start),
            )
        )
    return tuple(found)


def unmeant(findings: Collection[Finding]) -> Iterator[Finding]:
    """Yield the findings that no comment allows: one allows the same text in all files that were scanned with it."""
    allowed = {finding.text for finding in findings if finding.allowed}
    for finding in findings:
        if finding.text not in allowed:
            yield finding


def _inside(data: bytes) -> Extract | None:
    """Return the bytes within a timed container, and where they stand in it; None for another file."""
    if not exactfile.is_timed(data):
        return None
    found, starts, origins = bytearray(), [], []
    piece = _PIECE.search(data)
    while piece is not None:
        end = piece.end() + int(piece[1])
        starts.append(len(found))
        origins.append(piece.end())
        found += data[piece.end() : end]
        piece = _PIECE.match(data, end + 1)
    return Extract(bytes(found), starts, origins) if starts else None


def _is_allowed(data: bytes, line_start: int, start: int) -> bool:
    end = data.find(b"\n", start)
    above = data.rfind(b"\n", 0, max(line_start - 1, 0)) + 1
    return any(
        ALLOW.encode() in line and b"#" in line
        for line in (data[line_start : end if end >= 0 else len(data)], data[above:line_start])
    )
