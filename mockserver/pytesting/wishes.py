"""What a test wishes of its session: rule files, options, what may pass. Read from ini, fixture and markers, and merged.

This room decides what may be wished for, which wish wins, and how a wrong one reads: always one line. It must not know
servers or sessions. A wish further in wins over one further out: ini, then `mockserver_config`, then the markers of module,
class and function; rule files and what is allowed add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mockserver.core.errors import SettingError, nearest
from mockserver.pytesting.names import KEYWORDS, OPTIONS, RULES


@dataclass(frozen=True, slots=True)
class Places:
    """Where relative paths start: beside the test, then at the root of the run."""

    test: Path
    root: Path
    test_id: str = ""

    def recording(self, wish: bool | str) -> Path | None:
        """Return the file of the test's recordings, None where it has none. `wish` is True, or a path seen from it."""
        if not wish:
            return None
        from mockserver.adapters.recordingset import SUFFIX
        from mockserver.core.recordings.writing.naming import set_of

        return self.test / (f"{set_of(self.test_id)}{SUFFIX}" if wish is True else wish)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is wished for, read and checked. `options` holds those that were given, by name."""

    rules: tuple[Path, ...] = ()
    strict: bool = False
    allow: frozenset[str] = frozenset()
    options: Mapping[str, Any] = field(default_factory=dict)
    recording: bool | str = False
    """Whether the test has recordings of its own, or the file that they are in."""

    def with_(self, given: Mapping[str, Any], source: str, places: Places) -> Wishes:
        """Return these wishes with those further in laid over them. Raises `SettingError`, in one line, for a wrong one.

        `source` is what comes before a name in messages: `mockserver_`, or `mockserver_config: `.
        """
        known = (RULES, *KEYWORDS)
        for name in given:
            if name not in known:
                like = nearest(str(name), known)
                hint = f"did you mean {like!r}?" if like else f"there are {', '.join(KEYWORDS)}"
                raise SettingError(f"{source}there is no {name!r}; {hint}")
        return replace(
            self,
            rules=(*self.rules, *(_path(each, source, places) for each in _paths(given.get(RULES, ()), source))),
            strict=_switch(given["strict"], f"{source}strict") if "strict" in given else self.strict,
            allow=self.allow | _allowed(given.get("allow", ()), f"{source}allow"),
            options={**self.options, **read_options(given, source)},
            recording=_recording(given["recording"], f"{source}recording") if "recording" in given else self.recording,
        )


def read_options(given: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Return the options among `given`, checked. Raises `SettingError`; `source` comes before the option's name."""
    wanted = [name for name in OPTIONS if name in given]
    if not wanted:
        return {}
    from mockserver.settings import SETTINGS

    read: dict[str, Any] = {}
    for name in wanted:
        value = given[name]
        if value is None and name == "now":  # the real time
            read[name] = None
            continue
        try:
            read[name] = SETTINGS[name].parse(value)
        except (ValueError, TypeError) as error:
            raise SettingError(f"{source}{name}: {error}") from None
    return read


def _recording(value: Any, source: str) -> bool | str:
    if not isinstance(value, (bool, str, Path)) or value == "":
        raise SettingError(f"{source}: expected True, False or the path of a rule file, got {value!r}")
    return value if isinstance(value, bool) else str(value)


def _switch(value: Any, source: str) -> bool:
    if not isinstance(value, bool):
        raise SettingError(f"{source}: expected True or False, got {value!r}")
    return value


def _allowed(names: Any, source: str) -> frozenset[str]:
    if names == () or names == []:
        return frozenset()
    from mockserver.testing.verdict import read_allowed

    return read_allowed(names, source)


def _paths(given: Any, source: str) -> Iterable[Any]:
    if isinstance(given, (str, Path)):
        return (given,)
    if isinstance(given, (list, tuple)):
        return given
    raise SettingError(f"{source}rules: expected paths of rule files, got {given!r}")


def _path(given: Any, source: str, places: Places) -> Path:
    """Return where a rule file or folder stands."""
    if not isinstance(given, (str, Path)) or not str(given):
        raise SettingError(f"{source}rules: expected the path of a rule file, got {given!r}")
    starts = list(dict.fromkeys((places.test, places.root)))
    for start in starts:
        if (start / given).exists():
            return start / given
    like = nearest(Path(given).name, [name for start in starts for name in _names((start / given).parent)])
    hint = f"; did you mean {Path(given).with_name(like).as_posix()!r}?" if like else ""
    where = " nor in ".join(str(start) for start in starts)
    neither = "neither in " if len(starts) > 1 else "in "
    raise SettingError(f"{source}rules: there is no {str(given)!r} {neither}{where}{hint}")


def _names(folder: Path) -> list[str]:
    try:
        return [each.name for each in folder.iterdir()]
    except OSError:
        return []
