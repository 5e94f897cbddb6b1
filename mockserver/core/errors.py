"""Exceptions for people: whoever wrote a rule file, set a flag or fed us an API description.

This room decides how a mistake reads: where it is, what was wrong, what was expected, how to fix it. It must not know
about client-facing errors; those are values of `catalogue`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake at one place.

    `line` and `column` count from 1; 0 means unknown. `key` is a dotted path such as `rules[2].when.model`.
    """

    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    key: str = ""
    hint: str = ""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        head = ": ".join(part for part in (place, self.key, self.message) if part)
        return f"{head} ({self.hint})" if self.hint else head


class Report(Protocol):
    """Takes a mistake found while a rule file is compiled; compiling goes on, so that all mistakes come at once.

    `path` is where it stands, from the file's top: `("rules", 2, "when", "model")`. The caller knows lines and columns.
    """

    def __call__(self, path: tuple[str | int, ...], message: str, hint: str = "") -> None: ...


class MockServerError(Exception):
    """The common base; never raised itself."""

    def __init__(self, message: str) -> None:
        if type(self) is MockServerError:
            raise TypeError("raise one of the subclasses of MockServerError")
        super().__init__(message)


class SettingError(MockServerError):
    """A flag, environment variable or argument that makes no sense."""


class RuleFileError(MockServerError):
    """One or more rule files could not be used. `problems` holds every mistake found, in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class RuleError(MockServerError, ValueError):
    """A rule built in Python that cannot be used: one line for each mistake, with its place and key."""


class MisuseError(MockServerError, TypeError):
    """A call that cannot be meant, such as one with a misspelt keyword."""


class SchemaSourceError(MockServerError):
    """An API description or a JSON Schema that cannot be used."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word most like `word`, or None when nothing is close."""
    import difflib  # late: it takes longer than all the rest of this room, and most runs make no mistake

    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else None
