"""Where things stand in a text, and how a path into a value is written.

This room decides nothing but the counting: lines and columns from 1, as editors count. It must not know YAML.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, TypeAlias

Path: TypeAlias = tuple[str | int, ...]

_NAME: Final = re.compile(r"[^\W\d][\w-]*\Z")


class Span(NamedTuple):
    """A stretch of the text: line and column of its start (from 1), indexes of its start and end (from 0)."""

    line: int
    column: int
    start: int
    end: int


START: Final = Span(1, 1, 0, 0)


class Entry(NamedTuple):
    """Where one entry of a mapping or list stands; in a list the key is the value."""

    key: Span
    value: Span


def line_column(text: str, index: int) -> tuple[int, int]:
    """Return line and column, from 1, of a character."""
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


def dotted(path: Path) -> str:
    """Return a path as people write it: `rules[2].when.body["$.tools[0]"]`."""
    parts: list[str] = []
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif _NAME.match(step):
            parts.append(f".{step}" if parts else step)
        else:
            parts.append(f'["{step}"]')
    return "".join(parts)
