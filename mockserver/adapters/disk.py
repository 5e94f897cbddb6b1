"""The disk: where our data files are, reading rule files and dialects, and writing whole files safely.

This room alone knows where things stand: in a checkout at its root, in a wheel under the package, so that an editable
install never serves a stale copy. It must not know what a rule or a schema means.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import orjson

from mockserver.adapters.besides import Besides
from mockserver.core.dialect import Dialect, Quirks
from mockserver.core.errors import Problem, RuleFileError, SettingError, nearest
from mockserver.core.grammar.event_types import EVENTS
from mockserver.core.limits import Limit
from mockserver.core.rulefiles.recordingform import Recording
from mockserver.core.rulefiles.rulefile import RuleFile, parse
from mockserver.core.rules.book import RuleBook

SUFFIXES: Final = (".mock.yaml", ".mock.yml")

_PACKAGE: Final = Path(__file__).resolve().parent.parent

Stamp: TypeAlias = tuple[int, int, int]
"""What changes when a file does (modification time in nanoseconds, size, inode) or a folder's list of rule files."""


def data(kind: str) -> Path:
    """Return the folder of our `schemas` or `fixtures`."""
    root = _PACKAGE.parent
    checkout = root / kind
    if checkout.is_dir() and (root / "pyproject.toml").is_file():
        return checkout
    return _PACKAGE / "data" / kind


def rule_schema_path() -> Path:
    """Return where the JSON Schema of rule files stands."""
    return data("schemas") / "rule-file.json"


def rule_schema_url() -> str:
    """Return the same place as a `file://` URL, for the first line of a rule file and for editors."""
    return rule_schema_path().as_uri()


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new one and nothing between.

    Text is UTF-8 with its line ends as given. Raises `OSError`.
    """
    payload = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".new")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        # A temporary file is private; this one takes the place of one that others may read.
        os.chmod(name, stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name itself survive a crash, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def dialect_names() -> list[str]:
    """Return the names of the dialects we ship, in order."""
    return sorted(path.parent.name for path in data("schemas").glob("*/dialect.json"))


def load_dialect(name: str) -> Dialect:
    """Return a dialect: one of ours by name, or a user's by the path of its folder.

    Schemas are read when they are first asked for. Raises `SettingError` where there is no such dialect or it cannot be
    read.
    """
    known = dialect_names()
    folder = data("schemas") / name if name in known else Path(name)
    try:
        about = orjson.loads((folder / "dialect.json").read_bytes())
    except FileNotFoundError:
        like = nearest(name, known)
        hint = f"; did you mean {like}?" if like else ""
        raise SettingError(
            f"no dialect is called {name!r}{hint} (there are {', '.join(known)}, or give a folder with a dialect.json)"
        ) from None
    except (OSError, orjson.JSONDecodeError) as error:
        raise SettingError(f"dialect {name}: cannot read {folder / 'dialect.json'}: {error}") from error
    if not isinstance(about, dict):
        raise SettingError(f"dialect {name}: {folder / 'dialect.json'} must hold a JSON object")
    quirks = about.get("quirks", {})
    names = {field.name for field in fields(Quirks)}
    for quirk in quirks:
        if quirk not in names:
            like = nearest(quirk, names)
            raise SettingError(
                f"dialect {name}: no quirk is called {quirk!r}" + (f"; did you mean {like!r}?" if like else "")
            )
    # A description without a stream leaves nothing out: streams are those of the API.
    events = about.get("events") or [path.stem for path in (folder / "events").glob("*.json")] or EVENTS

    def load(schema: str) -> Mapping[str, Any]:
        path = folder.joinpath(*schema.split("/")).with_name(schema.rsplit("/", 1)[-1] + ".json")
        try:
            document = orjson.loads(path.read_bytes())
        except (OSError, orjson.JSONDecodeError) as error:
            raise SettingError(f"dialect {name}: cannot read the schema {schema!r}: {error}") from error
        if not isinstance(document, dict):
            raise SettingError(f"dialect {name}: {path} must hold a JSON object")
        return document

    return Dialect(str(about.get("name", folder.name)), Quirks(**quirks), frozenset(events), load)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All rules of some paths. `files` are those read, `stamps` what they and their folders looked like just before."""

    book: RuleBook
    files: tuple[Path, ...]
    stamps: Mapping[Path, Stamp]
    problems: tuple[Problem, ...] = ()
    limits: tuple[Limit, ...] = ()
    auth_keys: tuple[str, ...] = ()
    recordings: tuple[Recording, ...] = ()
    exact: frozenset[Path] = frozenset()
    """The exact files that recordings name, by their real paths."""

    @property
    def size(self) -> str:
        """How much there is, in words."""
        rules, files = len(self.book.rules), len(self.files)
        return f"{rules} rule{'s' * (rules != 1)} from {files} file{'s' * (files != 1)}"

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that keep the set from being used."""
        return tuple(problem for problem in self.problems if problem.severity == "error")


def load_rules(paths: Iterable[str | Path]) -> RuleSet:
    """Read rule files and folders of them. Raises `RuleFileError` with every mistake when there is one."""
    rules = read_rules(paths)
    if rules.errors:
        raise RuleFileError(rules.problems)
    return rules


def read_rules(paths: Iterable[str | Path]) -> RuleSet:
    """Read what can be read and report the rest in `problems`; never raises for what stands in a file or is missing."""
    reading = _Reading()
    for path in paths:
        reading.walk(Path(path))
    parsed = reading.parsed
    return RuleSet(
        RuleBook(
            [rule for file in parsed for rule in file.rules],
            [file.otherwise for file in parsed if file.otherwise is not None],
        ),
        tuple(reading.files),
        reading.stamps,
        (*reading.problems, *reading.besides.problems),
        tuple(limit for file in parsed for limit in file.limits),
        tuple(dict.fromkeys(key for file in parsed for key in file.auth)),
        tuple(each for file in parsed for each in file.recordings),
        frozenset(reading.besides.exact),
    )


def stamps(rules: RuleSet) -> dict[Path, Stamp]:
    """Return what the files and folders of a set look like now; compare with its `stamps`."""
    return {path: _listing(rule_files(path)) if os.path.isdir(path) else _stamp(path) for path in rules.stamps}


def rule_files(folder: Path) -> list[Path]:
    """Return the rule files in a folder and below, in natural order (2 before 10). Hidden folders are left out."""
    found = []
    for base, folders, names in os.walk(folder, followlinks=False):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(base, name) for name in names if name.endswith(SUFFIXES) and not name.startswith(".")]

    def place(path: Path) -> tuple[object, ...]:
        # With its suffix `hello` would come after `hello-2`, which a recorder wrote later.
        bare = path.relative_to(folder).with_suffix("").with_suffix("")
        return [_natural(part) for part in bare.parts], path

    return sorted(found, key=place)


def shown(path: Path) -> str:
    """Return a path as people know it: from the working folder where it is below it, with forward slashes."""
    try:
        return path.absolute().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.as_posix()


class _Reading:
    """Files as they are read: each once, an included one after the file that names it."""

    def __init__(self) -> None:
        self.parsed: list[RuleFile] = []
        self.problems: list[Problem] = []
        self.files: list[Path] = []
        self.stamps: dict[Path, Stamp] = {}
        self.besides = Besides(self._note, shown)
        self._seen: set[Path] = set()

    def walk(self, path: Path, named_by: tuple[Path, ...] = (), place: Problem | None = None) -> None:
        """Read a file, or the rule files in a folder. `named_by` are the files that led here, `place` where it is named."""
        if os.path.isdir(path):
            found = rule_files(path)
            self.stamps[path] = _listing(found)
            if not found:
                self._complain(path, "no rule files (NAME.mock.yaml) in this folder", place)
            for file in found:
                if _real(file) not in named_by:  # a folder may include the very file that names it
                    self.read(file, named_by, place)
        elif place is not None and not path.name.endswith(SUFFIXES):
            self._complain(path, "only rule files (NAME.mock.yaml) can be included", place)
        else:
            self.read(path, named_by, place)

    def read(self, path: Path, named_by: tuple[Path, ...] = (), place: Problem | None = None) -> None:
        """Read one file and what it includes."""
        real = _real(path)
        if real in named_by:
            chain = " -> ".join(shown(each) for each in (*named_by[named_by.index(real) :], real))
            self._complain(path, f"includes itself: {chain}", place)
            return
        if real in self._seen:
            return
        self._seen.add(real)
        self.files.append(path)
        self._note(path)
        text = self._text(path, place)
        if text is None:
            return
        # Only recordings have customs; a file without one does without the look upwards.
        customs = self.besides.customs(path) if "request" in text else None
        file = parse(text, shown(path), self.besides.reader(path), customs)
        self.parsed.append(file)
        self.problems.extend(file.problems)
        for each in file.include:
            here = Problem("", shown(path), each.line, each.column, key="include")
            self.walk(path.parent / each.path, (*named_by, real), here)

    def _note(self, path: Path) -> None:
        self.stamps.setdefault(path, _stamp(path))

    def _text(self, path: Path, place: Problem | None) -> str | None:
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                self._complain(path, "no regular file", place)
                return None
            return path.read_bytes().decode("utf-8-sig")
        except FileNotFoundError:
            self._complain(path, "there is no such file or folder", place, _like(path))
        except UnicodeDecodeError as error:
            self._complain(path, f"not UTF-8 text (byte {error.start + 1})", place)
        except OSError as error:
            self._complain(path, f"cannot be read: {error.strerror or error}", place)
        return None

    def _complain(self, path: Path, message: str, place: Problem | None, hint: str = "") -> None:
        """Note what is wrong with a file or folder, at the place that names it, if one does."""
        problem = (
            Problem(message, shown(path)) if place is None else replace(place, message=f"{shown(path)}: {message}")
        )
        self.problems.append(replace(problem, hint=hint))


def _like(path: Path) -> str:
    """Return a hint that names what stands in the same folder and is called nearly so."""
    try:
        like = nearest(path.name, [name for name in os.listdir(path.parent) if name != path.name])
    except OSError:
        return ""
    return f"did you mean `{shown(path.with_name(like))}`?" if like else ""


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Return a sort key that reads digits as numbers and letters without case."""
    return [
        (0, int(part), part) if part.isdecimal() else (1, 0, part.casefold())
        for part in re.split(r"([0-9]+)", name)
        if part
    ]


def _real(path: Path) -> Path:
    """Return where a path leads; `Path.resolve` would raise for links that lead in a ring."""
    return Path(os.path.realpath(path))


def _stamp(path: Path) -> Stamp:
    try:
        about = path.stat()
    except OSError:
        return (0, 0, 0)
    return (about.st_mtime_ns, about.st_size, about.st_ino)


def _listing(files: Sequence[Path]) -> Stamp:
    return (0, len(files), zlib.crc32("\0".join(map(str, files)).encode()))
