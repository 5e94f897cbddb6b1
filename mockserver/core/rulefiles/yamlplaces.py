"""Where things stand in a text, and how a path into a value is written.

This room decides nothing but the counting: lines and columns from 1, as editors count. It must not know YAML.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeAlias

Path: TypeAlias = tuple[str | int, ...]

_NAME: Final = re.compile(r"[^\W\d][\w-]*\Z")


class Mark(Protocol):
    """One place in the text as the YAML parser counts, from 0. It is kept as it comes: few are ever looked at."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...
    @property
    def index(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Place:
    """A mark of our own."""

    line: int = 0
    column: int = 0
    index: int = 0


START: Final = Place()
"""The beginning of the text."""


class Entry(NamedTuple):
    """Where one entry of a mapping or list stands: its key (in a list the value), and start and end of its value."""

    key: Mark
    start: Mark = START
    end: Mark = START


NOWHERE: Final = Entry(START)


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
