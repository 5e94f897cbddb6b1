"""What was taken from another tool's file: captures or rules, what was left out and why, and what was guessed.

This room decides the words in which a reader of a format reports. It must not know any format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from mockserver.core.errors import MockServerError, Problem
from mockserver.core.recordings.capture import Capture

Format: TypeAlias = Literal["vcr", "har", "aimock"]


class UnreadableError(MockServerError):
    """A file that cannot be imported at all. `problems` says why, each with its place."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class UnknownFormatError(UnreadableError):
    """A file that is readable data, but of no format that is known here."""


class UnusableError(ValueError):
    """One exchange that cannot become a recording; the message says why, in words for whoever recorded it."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an exchange stands in its file: the `number`-th (from 1) and, where it is known, the `line` (else 0)."""

    number: int
    line: int = 0

    def __str__(self) -> str:
        return f"{self.number} (line {self.line})" if self.line else str(self.number)


@dataclass(frozen=True, slots=True)
class Taken:
    """One exchange of the file, and what had to be guessed or changed to make a capture of it."""

    spot: Spot
    capture: Capture
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ruled:
    """One hand-written answer of the file, as the mapping of a rule, and what of it has no equivalent."""

    spot: Spot
    rule: Mapping[str, Any]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One exchange that was not taken: what it was (`GET https://…`) and why."""

    spot: Spot
    what: str
    why: str


@dataclass(slots=True)
class Taking:
    """Everything of one file, in its order; a reader adds to it as it goes."""

    format: Format
    taken: list[Taken] = field(default_factory=list)
    rules: list[Ruled] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What is to be said of the file as a whole."""

    @property
    def size(self) -> int:
        """How many exchanges or answers were found."""
        return len(self.taken) + len(self.rules) + len(self.left_out)
