"""How a server, or one session of it, behaves whatever the rules say.

This room holds the values; it must not know where they were set (flags, a marker, a request to the control API).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mockserver.core.state import Exhausted


@dataclass(frozen=True, slots=True)
class Options:
    """The settings that decide answers. `speed` scales timing (0: at once); `journal` is how many exchanges are kept."""

    seed: int = 0
    speed: float = 1.0
    validate: Literal["enforce", "warn", "off"] = "enforce"
    lenient: bool = False
    allow_params: frozenset[str] = frozenset()
    on_miss: Literal["error", "auto", "forward"] = "error"
    upstream: str = ""
    """The base URL of the real API that requests can be forwarded to, "" where there is none."""
    exhausted: Exhausted = "repeat"
    auth_keys: tuple[str, ...] = ()
    journal: int | None = 1000
    """None keeps none."""
    keep_answers: bool = False
    """Whether the journal keeps what was to be sent, too: tests ask for it, a server under load must not."""
