"""Tests that only Python can say: a function of a value, or an object that compares itself.

This room decides that such a test is a matcher like any other: a value that is not there is not accepted, and a function
that raises has not accepted its value. It must not know where functions come from, nor how values are read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mockserver.core.messages import ABSENT, Json
from mockserver.core.rules.conditions import HOLDS, Mismatch, Mismatches
from mockserver.core.rules.verdicts import Matcher, Site


class Predicate:
    """A test of a JSON value, and how it reads where it is shown.

    No dataclass: the JSON encoder, which shows values and makes canonical words, would spell its fields out.
    """

    __slots__ = ("holds", "words")

    def __init__(self, holds: Callable[[Json], Any], words: str) -> None:
        self.holds = holds
        self.words = words

    def __repr__(self) -> str:
        return self.words


def of_predicate(predicate: Predicate, site: Site) -> Matcher:
    """Return the predicate as a matcher; it never raises."""
    ask = predicate.holds

    def holds(value: Json) -> bool:
        if value is ABSENT:
            return False
        try:
            return bool(ask(value))
        except Exception:  # told by `mismatches`
            return False

    def mismatches(value: Json) -> Mismatches:
        if value is ABSENT:
            return (Mismatch(site.label, predicate.words, value),)
        try:
            accepted = bool(ask(value))
        except Exception as error:
            return (Mismatch(site.label, predicate.words, value, f"raised {type(error).__name__}: {error}"),)
        return HOLDS if accepted else (Mismatch(site.label, predicate.words, value),)

    return Matcher(holds, mismatches)
