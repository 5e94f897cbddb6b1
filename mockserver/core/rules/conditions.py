"""Conditions as values: one test of a request each, and why it did not hold.

This room only holds the words that matchers, targets, rules and misses share. It must not know how a test is made or what
a rule answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from mockserver.core.messages import Request


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Why one condition did not hold. `path` is the condition as written, e.g. `input.contains` or `body.$.tools[0].name`."""

    path: str
    expected: Any
    found: Any
    """The value found, `ABSENT` when there was none."""
    message: str = ""


Mismatches: TypeAlias = tuple[Mismatch, ...]

HOLDS: Final[Mismatches] = ()
"""What a test returns when it holds: always this one empty tuple."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One pure test of a request.

    `test` returns no mismatches when it holds. `equality` is `(target, value)` when the condition is a plain equality on a
    string, so that the book can index it: target such as `model`, `input`, `headers.x-case`, `metadata.case`; `read` then
    gives the string to look up. The other fields are conveniences, each of which may be left out:

    `holds` is the verdict alone, fast. `accepts` is the verdict on what `read` gives, and `spec` is the test in
    canonical words: two conditions with one `spec` (not "") are the same test. Both let `check` compare rules. `near` is a
    first guess, from 0 to 1, of how close a request comes that fails, with a memo of what has been read of that request.
    `remedy` is what to write so that it holds, "" where nothing should be.
    """

    path: str
    test: Callable[[Request], Mismatches]
    equality: tuple[str, str] | None = None
    read: Callable[[Request], Any] | None = None
    holds: Callable[[Request], bool] | None = None
    accepts: Callable[[Any], bool] | None = None
    spec: str = ""
    near: Callable[[Request, dict[str, Any]], float] | None = None
    remedy: Callable[[Request], str] | None = None


@dataclass(frozen=True, slots=True)
class ClaimCondition:
    """A test of what the session counts or remembers: `hit` (of an integer) or `state.NAME` (of text or ABSENT)."""

    path: str
    key: str
    """"hit", or the state name."""
    kind: Literal["hit", "state"]
    test: Callable[[Any], Mismatches]


def _endpoint(request: Request) -> Mismatches:
    if request.method == "POST" and request.path == "/v1/responses":
        return HOLDS
    return (Mismatch("endpoint", "POST /v1/responses", f"{request.method} {request.path}"),)


ENDPOINT: Final = Condition(
    "endpoint", _endpoint, holds=lambda request: request.method == "POST" and request.path == "/v1/responses"
)
"""What a rule means that names neither `method` nor `path`. The book knows it by identity and tests it once a request."""
