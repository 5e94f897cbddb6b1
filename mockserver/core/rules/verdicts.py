"""A verdict on one value and its explanation: what every matcher is made of.

This room decides that an explanation is made from the verdict alone, so that the two cannot disagree. It must not know a
single matcher, nor where values come from.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from mockserver.core.errors import Report
from mockserver.core.messages import ABSENT, Json
from mockserver.core.rules.conditions import HOLDS, Mismatch, Mismatches


@dataclass(frozen=True, slots=True)
class Matcher:
    """A compiled matcher. Calling it gives the mismatches, () when the value is accepted; `holds` is the verdict alone."""

    holds: Callable[[Json], bool]
    mismatches: Callable[[Json], Mismatches]

    def __call__(self, value: Json) -> Mismatches:
        return self.mismatches(value)


@dataclass(frozen=True, slots=True)
class Site:
    """Where a matcher stands while it is compiled.

    `label` is its name in mismatches. `text` says that the value is always text: numbers in the rule are then read as
    text, and comparisons read the text as a number. `patterns` collects the patterns that have to match, for `{{ match }}`.
    """

    report: Report
    path: tuple[str | int, ...]
    label: str
    text: bool = False
    patterns: list[re.Pattern[str]] | None = None

    def wrong(self, message: str, hint: str = "") -> Matcher:
        """Report a mistake here; what stands in for the matcher accepts nothing."""
        self.report(self.path, message, hint)
        return NEVER

    def below(self, *steps: str | int) -> Site:
        """Return the site of a nested value."""
        label = self.label
        for step in steps:
            label += f"[{step}]" if isinstance(step, int) else f".{step}"
        return replace(self, path=(*self.path, *steps), label=label.lstrip("."))

    def without_patterns(self) -> Site:
        """Return the same site where a match says nothing about the whole value."""
        return replace(self, patterns=None)


def leaf(label: str, expected: Any, holds: Callable[[Json], bool], why: Callable[[Json], str] | None = None) -> Matcher:
    """Make a matcher of a verdict; `why` words what the expected and found values do not say by themselves."""

    def mismatches(value: Json) -> Mismatches:
        if holds(value):
            return HOLDS
        return (Mismatch(label, expected, value, why(value) if why and value is not ABSENT else ""),)

    return Matcher(holds, mismatches)


def all_hold(parts: list[Matcher]) -> Matcher:
    """Join matchers that all must hold."""
    if len(parts) == 1:
        return parts[0]
    verdicts = tuple(part.holds for part in parts)
    tests = tuple(part.mismatches for part in parts)

    def holds(value: Json) -> bool:
        for verdict in verdicts:  # noqa: SIM110 - a plain loop is faster than a generator here
            if not verdict(value):
                return False
        return True

    def mismatches(value: Json) -> Mismatches:
        found: Mismatches = HOLDS
        for test in tests:
            found += test(value)
        return found

    return Matcher(holds, mismatches)


NEVER: Final = leaf("", None, lambda value: False)
"""Stands in for a matcher that could not be compiled."""


_KINDS: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (bool, "a boolean"),
    ((int, float), "a number"),
    (str, "text"),
    (list, "a list"),
    (dict, "an object"),
)


def kind(value: Any) -> str:
    """Name the type of a JSON value for people: `text`, `a number`, `null`, `nothing` for ABSENT."""
    for types, word in _KINDS:
        if isinstance(value, types):
            return word
    return "null" if value is None else "nothing"


def shown(value: Any) -> str:
    """Return a value as it reads in a mistake, shortened."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
