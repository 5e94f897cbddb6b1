"""What stands beside rule files: exact bytes and long values of recordings, and the customs of their folder.

This room decides where these files may be: a recording's inside the folder of its rule file, wherever links lead; a
`recordings.yaml` in that folder or the nearest one above, up to where a project begins. It must not know what they mean.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Final

from mockserver.core.errors import Problem, RuleFileError
from mockserver.core.recordings import attachments, customs, exactfile
from mockserver.core.recordings.customs import Customs
from mockserver.core.recordings.editing import is_recorded, listed
from mockserver.core.rulefiles.recordingform import PLAIN, TIMED, exact_digest

PROJECT: Final = ("pyproject.toml", ".git")
"""What a project's folder holds: no customs are looked for above it."""


class Besides:
    """The files beside the rule files of one reading; each `recordings.yaml` is read once.

    `note` is told each path before it is read, so that a later change is seen; of one that is not there too. `shown` gives
    a path as people know it.
    """

    def __init__(self, note: Callable[[Path], None], shown: Callable[[Path], str]) -> None:
        self.exact: dict[Path, None] = {}
        """The files of recordings that were asked for, by their real paths."""
        self.problems: list[Problem] = []
        """Mistakes in customs."""
        self._note = note
        self._shown = shown
        self._customs: dict[Path, Customs] = {}

    def reader(self, rule_file: Path) -> Callable[[str], bytes]:
        """Return what reads files beside this rule file; it raises `OSError` for what is not there or not inside."""
        folder = rule_file.parent
        home = ""

        def read(name: str) -> bytes:
            nonlocal home
            path = folder / name
            self._note(path)
            home, real = home or os.path.realpath(folder), os.path.realpath(path)
            if os.path.commonpath([home, real]) != home:
                raise PermissionError(errno.EACCES, "it leads out of the folder of its rule file")
            self.exact[Path(real)] = None
            if not stat.S_ISREG(os.stat(real).st_mode):
                raise OSError(errno.EINVAL, "no regular file")
            return Path(real).read_bytes()

        return read

    def customs(self, rule_file: Path) -> Customs:
        """Return the customs of the folder that this rule file is in; those of everybody where nobody wrote any."""
        for folder in _upwards(rule_file.parent):
            path = folder / customs.FILE
            if path not in self._customs:
                self._note(path)
                if not path.is_file():
                    continue
                self._customs[path] = found = self._read(path)
                self.problems += found.problems
            return self._customs[path]
        return Customs()

    def _read(self, path: Path) -> Customs:
        name = self._shown(path)
        try:
            return customs.parse(path.read_bytes().decode("utf-8-sig"), name)
        except UnicodeDecodeError as error:
            problem = Problem(f"not UTF-8 text (byte {error.start + 1})", name)
        except OSError as error:
            problem = Problem(f"cannot be read: {error.strerror or error}", name)
        return Customs(file=name, problems=(problem,))


_NUMBERED: Final = re.compile(r"(.+)\.[0-9]+\.[a-z]+\Z")
_DIGESTED: Final = re.compile(rf"(.+)-([0-9a-f]{{{attachments.DIGITS}}})\.(?:{'|'.join(attachments.SUFFIXES)})\Z")


def stale(folders: Iterable[Path], named: Collection[Path], rule_files: Iterable[Path]) -> Iterator[Path]:
    """Yield the files of recordings in these folders and below that are not among those `named` (real paths), in order.

    Known by their first line or by the digest in their name, or called as ours are beside the rule file of that stem: other
    files may stand there for reasons of their own.
    """
    stems = {Path(os.path.realpath(path)).with_name(path.name.partition(".mock.y")[0]) for path in rule_files}
    for folder in folders:
        for base, below, names in os.walk(folder, followlinks=False):
            below[:] = sorted(name for name in below if not name.startswith("."))
            for name in sorted(names):
                path = Path(base, name)
                real = Path(os.path.realpath(path))
                if real not in named and _is_ours(path, real, stems):
                    yield path


def _is_ours(path: Path, real: Path, stems: Collection[Path]) -> bool:
    is_exact, digested = path.name.endswith((*TIMED, *PLAIN)), _DIGESTED.match(path.name)
    called = digested or (_NUMBERED.match(path.name) if is_exact else None)
    if called is not None and real.with_name(called[1]) in stems:
        return True
    try:
        if digested is not None:
            return exact_digest(path.read_bytes()).startswith(digested[2])
        if not path.name.endswith(TIMED):
            return False
        with path.open("rb") as file:
            return exactfile.is_timed(file.read(len(exactfile.FIRST_LINE)))
    except OSError:
        return False


def whole_text(rule_file: Path) -> str:
    """Return the text of a rule file with the long values in it that stand in files: for whoever does not have these.

    Raises `OSError`, and `UnicodeDecodeError` for what is no UTF-8.
    """
    text = rule_file.read_bytes().decode("utf-8-sig")
    if attachments.OPENS not in text:
        return text
    read = Besides(lambda path: None, Path.as_posix).reader(rule_file)
    found = [rule["files"] for rule in listed(text) if is_recorded(rule) and isinstance(rule.get("files"), dict)]
    whole: str = attachments.attached(text, {name: read(name) for files in found for name in files})
    return whole


def customs_of(folder: Path) -> Customs:
    """Return the customs of a folder, which need not be there yet. Raises `RuleFileError` for mistakes in them."""
    besides = Besides(lambda path: None, Path.as_posix)
    found = besides.customs(folder / customs.FILE)
    if besides.problems:
        raise RuleFileError(besides.problems)
    return found


def _upwards(folder: Path) -> Iterator[Path]:
    """Yield a folder and those above it, up to the one where a project begins."""
    here = Path(os.path.abspath(folder))
    for each in (here, *here.parents):
        yield each
        if any((each / name).exists() for name in PROJECT):
            return
