"""A set of recordings on the disk: a folder with a file for each conversation, or one file of one test.

This room decides where the next recording goes and how a new set takes the place of an old one. What stands already and was
not written by a recorder, or cannot be read, is left alone. It must not know what a recording says, nor who records.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from mockserver.adapters import disk
from mockserver.adapters.lock import locked
from mockserver.core.errors import Problem, RuleFileError
from mockserver.core.recordings.capture import Capture
from mockserver.core.recordings.editing import appended, beside, is_recorded, listed, without
from mockserver.core.recordings.writing.naming import stem_of
from mockserver.core.recordings.writing.text import new_file
from mockserver.core.rulefiles.rulefile import parse

MOST_IN_FILE: Final = 50
"""Recordings of one file in a folder; the next ones go into another file, so that adding one stays quick."""

SUFFIX: Final = disk.SUFFIXES[0]
_STAGE: Final = ".new-"


@dataclass(frozen=True, slots=True)
class Place:
    """Where one recording goes: its file, what stands there ("" for a new file), and its number in it."""

    path: Path
    stem: str
    number: int
    text: str

    def text_with(self, entry: str, match: Mapping[str, Any]) -> str:
        """Return the file's text with this entry in it; `match` is what a new file says may differ."""
        return appended(self.text, entry) if self.text else new_file(entry, match=match)


@dataclass(frozen=True, slots=True)
class _Standing:
    """What stands in a file: its text ("" for a new one), the names of its rules, whether a recorder wrote any of them."""

    text: str = ""
    names: tuple[str, ...] = ()
    ours: bool = True

    @classmethod
    def of(cls, text: str) -> _Standing:
        rules = listed(text)
        names = tuple(str(rule.get("name", "")) if isinstance(rule, dict) else "" for rule in rules)
        return cls(text, names, any(map(is_recorded, rules)))


class RecordingSet:
    """The recordings of a `folder`, or of one `file` in it. With `replaces` the new ones are put in place at the end."""

    def __init__(self, folder: Path, file: str | None = None, *, replaces: bool = False) -> None:
        self.folder = folder
        self.file = file
        self.replaces = replaces
        self.replaced = False
        """Whether a new set stands in the old one's place."""
        self._stage: Path | None = None
        self._shunned: set[Path] = set()

    def __str__(self) -> str:
        return disk.shown(self.folder / self.file if self.file else self.folder)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to replay: no rule file in the folder, or not this one."""
        if self.file is not None:
            return not (self.folder / self.file).exists()
        return not (self.folder.is_dir() and disk.rule_files(self.folder))

    def prepare(self) -> None:
        """Make the folder. Raises `OSError`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.replaces and self._stage is None:
            for left in self.folder.glob(f"{_STAGE}*"):
                if _is_left_behind(left):
                    shutil.rmtree(left, ignore_errors=True)
            self._stage = Path(tempfile.mkdtemp(dir=self.folder, prefix=f"{_STAGE}{os.getpid()}-"))

    def final(self, path: Path) -> Path:
        """Return where a file will stand in the end."""
        return self.folder / path.name

    def place(self, capture: Capture, tell: Callable[[str], None]) -> Place:
        """Return where this recording goes. Hold the folder's lock.

        A file that cannot be read is told and left alone: another one is taken, or (a set of one file) `RuleFileError` is
        raised. Raises `OSError`.
        """
        if self.file is not None:
            stem = self.file.removesuffix(SUFFIX)
            return self._at(stem, self._standing(self.folder / self.file))
        base = stem_of(capture)
        for stem in _numbered(base):
            path = self._named(stem + SUFFIX)
            try:
                standing = self._standing(path)
            except RuleFileError as error:
                if path not in self._shunned:
                    self._shunned.add(path)
                    tell(f"{error}; it is left as it is, and recordings go into another file")
                continue
            if path.name != stem + SUFFIX or not standing.ours:
                continue  # a name that differs in its case only, or somebody's own rules
            if len(standing.names) < MOST_IN_FILE:
                return self._at(stem, standing)
        raise AssertionError("there is always another name")

    def finish(self, *, clean: bool) -> str:
        """Put a new set in the place of the old one, if it is `clean`; return what to tell, "" for nothing.

        Raises `OSError`; each file is whole even then.
        """
        if not self.replaces:
            return ""
        if self._stage is None:
            return f"nothing was recorded: {self} stays as it is"
        stage, self._stage = self._stage, None
        try:
            if not any(path.name.endswith(SUFFIX) for path in stage.iterdir()):
                return f"nothing was recorded: {self} stays as it is"
            if not clean:
                return f"not everything could be recorded: {self} stays as it is"
            with locked(self.folder):
                self._swap(stage)
            self.replaced = True
            return f"{self} is replaced"
        finally:
            shutil.rmtree(stage, ignore_errors=True)

    # --- where things stand

    def _at(self, stem: str, standing: _Standing) -> Place:
        folder = self._stage or self.folder
        names = [*standing.names, *(path.name for path in folder.iterdir())]
        taken = re.compile(rf"{re.escape(stem)}[ .]([0-9]+)(?:\..*)?", re.IGNORECASE)
        numbers = [int(found[1]) for name in names if (found := taken.fullmatch(name))]
        return Place(folder / (stem + SUFFIX), stem, 1 + max(numbers, default=0), standing.text)

    def _named(self, name: str) -> Path:
        """Return the file of that name, whatever the case of its letters; where there is none, where it would stand."""
        for path in self.folder.iterdir():
            if path.name.casefold() == name.casefold():
                return path
        return self.folder / name

    def _standing(self, path: Path) -> _Standing:
        """Return what a recording is to be added to. Raises `RuleFileError` for a file with mistakes."""
        if self._stage is not None and (staged := self._stage / path.name).exists():
            return _Standing.of(_read(staged))
        if not path.exists():
            return _Standing()
        found = _Standing.of(_usable(path))
        return replace(_Standing.of(without(found.text, is_recorded)), ours=found.ours) if self.replaces else found

    # --- replacing

    def _swap(self, stage: Path) -> None:
        new = {path.name for path in stage.iterdir()}
        old = list(self._old())
        for path in sorted(stage.iterdir(), key=lambda path: path.name.endswith(SUFFIX)):
            os.replace(path, self.folder / path.name)  # bytes first, then the rules that name them
        for path, text, files in old:
            if path.name not in new:
                left = without(text, is_recorded)
                if listed(left):
                    disk.write_whole(path, left)
                else:
                    path.unlink()
            for name in files - new:
                (self.folder / name).unlink(missing_ok=True)

    def _old(self) -> Iterator[tuple[Path, str, set[str]]]:
        """Yield the files with recordings: path, text, and the files that they name. Unreadable ones are left alone."""
        paths = [self.folder / self.file] if self.file else sorted(self.folder.glob(f"*{SUFFIX}"))
        for path in filter(Path.is_file, paths):
            try:
                text = _usable(path)
            except RuleFileError:
                continue
            rules = [rule for rule in listed(text) if is_recorded(rule)]
            names = {name for rule in rules for name in beside(rule)}
            if rules:
                yield path, text, {name for name in names if Path(name).name == name}


def _is_left_behind(stage: Path) -> bool:
    """Say whether the process that put a new set together there is no more."""
    process = stage.name.removeprefix(_STAGE).partition("-")[0]
    if sys.platform == "win32" or not process.isdecimal():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # it lives, and is somebody else's
    return False


def _numbered(stem: str) -> Iterator[str]:
    yield stem
    number = 2
    while True:
        yield f"{stem}-{number}"
        number += 1


def _usable(path: Path) -> str:
    """Return the text of a file without mistakes. Raises `RuleFileError` with all of them, `OSError`."""
    text = _read(path)
    errors = [each for each in parse(text, disk.shown(path)).problems if each.severity == "error"]
    if errors:
        raise RuleFileError(errors)
    return text


def _read(path: Path) -> str:
    """Return a file's text. Raises `RuleFileError` for one that is no UTF-8, `OSError`."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RuleFileError([Problem(f"not UTF-8 text (byte {error.start + 1})", disk.shown(path))]) from None
