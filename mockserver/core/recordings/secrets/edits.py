"""Changes to a body in place: some stretches of its bytes replaced, everything else and the cuts between pieces kept.

This room decides how changes come together and where a piece ends afterwards. It must not know why something is changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mockserver.core.recordings.capture import Piece


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the bytes `start:end` by `by`. `kind` and `place` are for people: what is taken out, and where it stood."""

    start: int
    end: int
    by: bytes
    kind: str
    place: str


def settled(edits: Iterable[Edit]) -> list[Edit]:
    """Return edits in order; of overlapping ones the first and longest counts, and takes all of their bytes."""
    kept: list[Edit] = []
    for edit in sorted(edits, key=lambda each: (each.start, -each.end)):
        if kept and edit.start < kept[-1].end:
            kept[-1] = replace(kept[-1], end=max(kept[-1].end, edit.end))
        else:
            kept.append(edit)
    return kept


def edited(body: bytes, edits: Sequence[Edit]) -> bytes:
    """Return the body with settled edits made."""
    parts: list[bytes] = []
    at = 0
    for edit in edits:
        parts += (body[at : edit.start], edit.by)
        at = edit.end
    return b"".join([*parts, body[at:]])


def edited_pieces(pieces: Sequence[Piece], edits: Sequence[Edit]) -> tuple[Piece, ...]:
    """Return the pieces with settled edits of the joined body made: each goes where its first byte stood.

    A piece of which nothing is left is left out.
    """
    if not edits:
        return tuple(pieces)
    made: list[Piece] = []
    start = number = 0
    for piece in pieces:
        end = start + len(piece.data)
        parts: list[bytes] = []
        at = start
        if number and edits[number - 1].end > at:
            at = min(edits[number - 1].end, end)
        while number < len(edits) and edits[number].start < end:
            edit = edits[number]
            parts += (piece.data[at - start : edit.start - start], edit.by)
            at = min(edit.end, end)
            number += 1
        parts.append(piece.data[at - start :])
        data = b"".join(parts)
        if data or not piece.data:
            made.append(replace(piece, data=data))
        start = end
    return tuple(made)
