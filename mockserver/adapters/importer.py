"""Bringing another tool's file in: read it, take the secrets out, write rules and exact bytes into a folder.

This room decides which names the new files get and that nothing standing is overwritten. It must not know any format
(`core.recordings.imports` does), what a recording looks like, or how a report is printed.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mockserver.adapters import disk
from mockserver.adapters.lock import locked
from mockserver.adapters.storing import store
from mockserver.core.errors import Problem
from mockserver.core.messages import EMPTY
from mockserver.core.recordings.imports import formats
from mockserver.core.recordings.imports.handwritten import rule_file
from mockserver.core.recordings.imports.taken import Format, LeftOut, Taken, Taking, UnknownFormatError, UnreadableError
from mockserver.core.recordings.secrets.redactor import Redactor
from mockserver.core.recordings.writing import naming
from mockserver.core.recordings.writing.proof import prove
from mockserver.core.recordings.writing.text import new_file
from mockserver.core.recordings.writing.written import Written, compose

SUFFIXES: Final = (".yaml", ".yml", ".json", ".har")
"""What the files in a folder must end in to be looked at, before `.gz` if they are packed."""
PACKED: Final = ".gz"
MOST_TOLD: Final = 3
"""Places of one leak that are told."""


@dataclass(slots=True)
class Brought:
    """What became of one file. `into` is the rule file it became, None where there is none; `problems` say why not."""

    source: Path
    format: Format | None = None
    size: int = 0
    """Exchanges or fixtures that the file holds."""
    imported: int = 0
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What was guessed, changed or lost; once for each exchange that it is true of."""
    redacted: int = 0
    """Secrets replaced."""
    into: Path | None = None
    problems: tuple[Problem, ...] = ()
    is_foreign: bool = False
    """It is data of another kind than these formats."""

    @property
    def is_whole(self) -> bool:
        """Whether everything in the file was imported."""
        return not self.left_out and not self.problems


class Importer:
    """Writes what other tools recorded `into` a folder, a rule file for each of their files.

    `base` selects exchanges by the base URL they went to, `match` says what may differ in requests, and with `dry` nothing
    is written.
    """

    def __init__(
        self,
        into: Path,
        *,
        base: str = "",
        match: Mapping[str, Any] = EMPTY,
        redactor: Redactor | None = None,
        dry: bool = False,
    ) -> None:
        self.into = into
        self._base = base
        self._match = match
        self._redactor = redactor or Redactor()
        self._dry = dry
        self._standing = frozenset(_stems(os.listdir(into))) if into.is_dir() else frozenset()
        self._taken: set[str] = set()
        """Stems of this run."""

    def bring(self, source: Path) -> Brought:
        """Import one file. Raises `OSError` where the folder cannot be written to."""
        brought = Brought(source)
        name = disk.shown(source)
        try:
            data = source.read_bytes()
        except OSError as error:
            brought.problems = (Problem(f"cannot be read: {error.strerror or error}", name),)
            return brought
        try:
            taking = formats.take(data, name, self._base)
        except UnreadableError as error:
            brought.problems = error.problems
            brought.is_foreign = isinstance(error, UnknownFormatError)
            return brought
        brought.format, brought.size = taking.format, taking.size
        brought.left_out += taking.left_out
        stem = stem_of(source)
        if stem.casefold() in self._standing and (taking.taken or taking.rules):
            there = disk.shown(self.into / stem)
            brought.problems = (
                Problem(
                    f"files called {there}.* are there already", name, hint="remove them, or choose another --into"
                ),
            )
            return brought
        stem = naming.unique(stem, self._taken)
        self._taken.add(stem)
        files = self._rules(taking, source, brought) if taking.rules else self._recordings(taking, stem, brought)
        if files:
            brought.into = self.into / f"{stem}{disk.SUFFIXES[0]}"
            if not self._dry:
                self._write(brought.into, *files)
        return brought

    def _rules(self, taking: Taking, source: Path, brought: Brought) -> tuple[str, Sequence[Written]]:
        brought.imported = taking.size - len(taking.left_out)
        brought.notes += taking.notes
        brought.notes += [note for ruled in taking.rules for note in ruled.notes]
        return rule_file(taking.rules, source.name, taking.notes), ()

    def _recordings(self, taking: Taking, stem: str, brought: Brought) -> tuple[str, Sequence[Written]] | None:
        brought.notes += taking.notes
        recordings: list[Written] = []
        for taken in taking.taken:
            made = self._recording(taken, stem, len(recordings) + 1, brought)
            if isinstance(made, Written):
                recordings.append(made)
                brought.notes += taken.notes
            else:
                brought.left_out.append(LeftOut(taken.spot, f"{taken.capture.method} {taken.capture.path}", made))
        brought.left_out.sort(key=lambda each: each.spot.number)
        brought.imported = len(recordings)
        if not recordings:
            return None
        first, *rest = recordings
        return "".join([new_file(first.text, match=self._match), *(each.text for each in rest)]), recordings

    def _recording(self, taken: Taken, stem: str, number: int, brought: Brought) -> Written | str:
        """Return one recording, or why it cannot be written."""
        cleaned = self._redactor.clean(taken.capture)
        if cleaned.leaks:
            places = "; ".join(str(leak) for leak in cleaned.leaks[:MOST_TOLD])
            return f"it would still hold the request's own key: {places}"
        written = compose(cleaned.capture, stem=stem, number=number)
        differs = prove(written, cleaned.capture)
        if differs:
            return f"what was written does not replay as it came: {differs}"
        brought.redacted += cleaned.replaced
        return written

    def _write(self, path: Path, text: str, recordings: Sequence[Written]) -> None:
        """Write the files beside it, then the rule file that names them; where that fails, none of them is left.

        Raises `OSError`, also for a file that another process has written since this one looked.
        """
        beside = {name: content for each in recordings for name, content in each.beside.items()}
        self.into.mkdir(parents=True, exist_ok=True)
        with locked(self.into):
            for each in (*map(path.with_name, beside), path):
                if each.exists():
                    raise FileExistsError(errno.EEXIST, f"{disk.shown(each)} has just been written by somebody else")
            store(path, text, beside)


def sources(paths: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    """Yield files to import, and whether each was named: of folders those below that may be of a known format, in order."""
    for path in paths:
        if path.is_dir():
            yield from ((each, False) for each in sorted(path.rglob("*")) if _may_be_one(each) and each.is_file())
        else:
            yield path, True


def _may_be_one(path: Path) -> bool:
    name = path.name.removesuffix(PACKED)
    return name.endswith(SUFFIXES) and not name.endswith(disk.SUFFIXES)


def stem_of(path: Path) -> str:
    """Return what a file's recordings are called: its name, in letters that every file system takes.

    A cassette that is called like its test gets the name under which that test's recordings are looked for.
    """
    name = path.name.removesuffix(PACKED)
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    return naming.set_of(f"any.py::{name}").rpartition("/")[2].strip("-.") or "imported"


def _stems(names: Sequence[str]) -> Iterator[str]:
    """Yield every beginning, up to a dot, of the names in a folder, without case."""
    for name in names:
        parts = name.casefold().split(".")
        for count in range(1, len(parts) + 1):
            yield ".".join(parts[:count])
