"""YAML text to a plain value, with the place of every key and value.

This room decides what a file says before anyone asks what it means: only what JSON can hold, read the way people mean
it, within bounds, and every mistake with its line and column. It must not know rules or open files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from mockserver.core.errors import Problem
from mockserver.core.messages import Json
from mockserver.core.rulefiles.yamladvice import forbidden
from mockserver.core.rulefiles.yamlplaces import NOWHERE, Entry, Path, Place, dotted, line_column
from mockserver.core.rulefiles.yamlreader import Reader
from mockserver.core.rulefiles.yamlscalars import CONTAINERS, TAGS

__all__ = ["Source", "dotted", "read"]


@dataclass(frozen=True, slots=True)
class Source:
    """What was read. `value` is None for an empty file and for a `broken` one.

    Values brought in by an alias are one shared object; nothing in `value` may be changed.
    """

    text: str
    value: Json
    problems: tuple[Problem, ...] = ()
    broken: bool = False
    """The text is not YAML, or too much of it: there is no value to look at."""
    root: Entry = NOWHERE
    _entries: Mapping[int, Mapping[str | int, Entry]] = field(default_factory=dict, repr=False)

    def place(self, path: Path, snippet: str = "") -> tuple[int, int]:
        """Return line and column, from 1, of the key (in a list: the value) that `path` leads to.

        A path that goes further than the file gives the last entry that is there. A `snippet` of the value's text is
        looked for inside it and its own place is given.
        """
        entry = [self.root, *self._trail(path)][-1]
        if snippet:
            index = self.text.find(snippet, entry.start.index, entry.end.index)
            if index >= 0:
                return line_column(self.text, index)
        return entry.key.line + 1, entry.key.column + 1

    def known(self, path: Path) -> Path:
        """Return as much of `path` as the file has."""
        return path[: len(self._trail(path))]

    def _trail(self, path: Path) -> list[Entry]:
        trail: list[Entry] = []
        here = self.value
        for step in path:
            entry = self._entries.get(id(here), {}).get(step)
            if entry is None:
                break
            trail.append(entry)
            here = here[step]
        return trail


def read(
    text: str,
    file: str = "",
    *,
    tags: Mapping[str, Callable[[str], Any]] = TAGS,
    containers: Set[str] = CONTAINERS,
) -> Source:
    """Read one YAML document. Never raises: mistakes are in `problems`, in file order.

    `tags` and `containers` are the explicit tags that have a meaning: what each makes of a scalar, and those of mappings
    and lists that change nothing.
    """
    text = text.removeprefix("\ufeff")
    advice = forbidden(text)
    reader = Reader(text, file, tags, containers)
    if advice is not None:
        line, column = line_column(text, advice.index)
        reader.note(Place(line - 1, column - 1), advice.message)
        return Source(text, None, tuple(reader.problems), broken=True)
    broken = reader.run()
    problems = tuple(sorted(reader.problems, key=lambda problem: (problem.line, problem.column)))
    if broken:
        return Source(text, None, problems, broken=True)
    return Source(text, reader.root, problems, root=reader.root_entry, _entries=reader.entries)
