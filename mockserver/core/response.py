"""The response object: what the request echoes, what a dialect requires, what the reply adds.

This room decides every field of a response but `output`. It must not know events or pacing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mockserver.core.dialect import Dialect
from mockserver.core.draws import Draw
from mockserver.core.messages import Request
from mockserver.core.reply import Reply


@dataclass(frozen=True, slots=True)
class Asked:
    """One request with all that an answer may draw on. `now` is seconds since the epoch by the session's clock."""

    request: Request
    draw: Draw
    dialect: Dialect
    now: float
    conversation: str
    """The conversation id: the request's own, its chain's, or one made up."""


def snapshot(
    asked: Asked,
    reply: Reply,
    *,
    status: str,
    output: Sequence[Mapping[str, Any]],
    error: Mapping[str, Any] | None = None,
    incomplete: str | None = None,
) -> dict[str, Any]:
    """Return the response object at one moment of its life (`in_progress`, `completed`, ...)."""
    raise NotImplementedError
