"""`{{ path }}` look-ups inside replies.

This room decides what a template may name and what it becomes. It must not evaluate anything: no expressions, no code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.core.messages import Json, Request


@dataclass(frozen=True, slots=True)
class Scope:
    """What look-ups see: the request, and what the claim knew. `match` gives regex groups, computed when asked for."""

    request: Request
    hit: int
    state: Mapping[str, str]
    match: Callable[[], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Compact:
    """Marks a value that becomes compact JSON text once its templates are filled in."""

    value: Any


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled JSON value. `constant` says that rendering needs no scope and gives the same value each time."""

    tree: Json
    constant: bool = True
