"""Rules and the book that holds them in order: which rules could answer, or which came nearest.

This room decides order and candidates. It must not count anything (`state` does) or know YAML.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mockserver.core.messages import Request
from mockserver.core.reply import Reply


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Why one condition did not hold. `path` is the condition as written, e.g. `input.contains` or `body.$.tools[0].name`."""

    path: str
    expected: Any
    found: Any
    """The value found, `ABSENT` when there was none."""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """One pure test of a request.

    `test` returns no mismatches when it holds. `equality` is `(target, value)` when the condition is a plain equality on a
    string, so that the book can index it: target such as `model`, `input`, `headers.x-case`, `metadata.case`.
    """

    path: str
    test: Callable[[Request], tuple[Mismatch, ...]]
    equality: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ClaimCondition:
    """A test of what the session counts or remembers: `hit` (of an integer) or `state.NAME` (of text or ABSENT)."""

    path: str
    key: str
    """"hit", or the state name."""
    kind: Literal["hit", "state"]
    test: Callable[[Any], tuple[Mismatch, ...]]


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions and what to answer.

    `replies` pairs each reply with how often it answers (None: for ever). With `turns` the replies are the turns, chosen
    by the conversation. `place` is FILE:LINE; `key` is (file, name), under which hits are counted across reloads.
    """

    name: str
    place: str
    replies: tuple[tuple[Reply, int | None], ...]
    conditions: tuple[Condition, ...] = ()
    claims: tuple[ClaimCondition, ...] = ()
    exhausted: Literal["miss", "repeat", "cycle"] | None = None
    turns: bool = False
    priority: int = 0
    optional: bool = False
    allow_invalid: bool = False
    key: tuple[str, str] = ("", "")
    groups: Callable[[Request], Mapping[str, str]] | None = field(default=None)
    """The regex groups of this rule's `matches` conditions, for `{{ match }}`."""
