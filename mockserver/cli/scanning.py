"""Secrets on disk, for `check`: which files are read, and how a finding reads.

This room decides both. It must not know what a secret looks like, and never shows one.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mockserver.core.errors import Problem

if TYPE_CHECKING:
    from mockserver.adapters.disk import RuleSet


@dataclass(frozen=True, slots=True)
class Scanned:
    """What was found in `files`. Of the problems those without a line say that something could not be read."""

    files: tuple[Path, ...]
    problems: tuple[Problem, ...]


def scan_paths(paths: Sequence[Path]) -> Scanned:
    """Look for secrets in files of any kind, and in all files of folders but hidden ones."""
    return _scan(list(dict.fromkeys(_walked(paths))))


def scan_recordings(rules: RuleSet) -> Scanned:
    """Look for secrets in the recordings of a set: their rule files and their exact bytes. A missing file is told already."""
    holding = {recording.place.rpartition(":")[0] for recording in rules.recordings}
    from mockserver.adapters.disk import shown

    return _scan([*(path for path in rules.files if shown(path) in holding), *sorted(filter(Path.exists, rules.exact))])


def _walked(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for base, folders, names in os.walk(path, followlinks=False):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            yield from (Path(base, name) for name in sorted(names) if not name.startswith("."))


def _scan(files: Collection[Path]) -> Scanned:
    from mockserver.adapters.besides import Besides
    from mockserver.adapters.disk import shown
    from mockserver.core.recordings.secrets.scanning import ALLOW, Finding, scan, unmeant

    besides = Besides(lambda path: None, shown)
    findings: list[Finding] = []
    problems: list[Problem] = []
    for path in files:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            problems.append(Problem("there is no such file or folder", shown(path)))
        except OSError as error:
            problems.append(Problem(f"cannot be read: {error.strerror or error}", shown(path)))
        else:
            findings += scan(content, shown(path), besides.customs(path))
    hint = f"take it out; if it is no secret, say so on the line or above it: # {ALLOW}"
    problems += [
        Problem(f"looks like a secret ({found.kind}): {found.shown}", found.file, found.line, found.column, hint=hint)
        for found in unmeant(findings)
    ]
    return Scanned(tuple(files), (*besides.problems, *problems))
