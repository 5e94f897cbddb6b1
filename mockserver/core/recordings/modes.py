"""Record modes: what is replayed, what is recorded, and what becomes of recordings that stand already.

This room decides what a mode means for one set of recordings. It must not know where a set is kept or how it is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args

from mockserver.core.errors import nearest

Mode: TypeAlias = Literal["none", "once", "new", "all", "rewrite"]

MODES: Final[tuple[Mode, ...]] = get_args(Mode)

ALIASES: Final = MappingProxyType({"new_episodes": "new"})
"""Names that other recorders have for the same."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does with one set: answer from it, ask the upstream for the rest and note that, drop what stood there."""

    replays: bool
    records: bool
    replaces: bool = False


def read_mode(text: str, known: Sequence[Mode] = MODES) -> Mode:
    """Return the mode of that name among those `known`. Raises `ValueError` with these and the nearest."""
    given = text.strip().lower()
    given = ALIASES.get(given, given)
    for mode in known:
        if given == mode:
            return mode
    like = nearest(given, (*known, *ALIASES))
    hint = f"; did you mean {like}?" if like else ""
    raise ValueError(f"expected {', '.join(known[:-1])} or {known[-1]}, got {text!r}{hint}")


def plan(mode: Mode, *, empty: bool) -> Plan:
    """Return what `mode` means for a set that is `empty` or not when the run begins."""
    match mode:
        case "none":
            return Plan(replays=True, records=False)
        case "once":
            return Plan(replays=False, records=True) if empty else Plan(replays=True, records=False)
        case "new":
            return Plan(replays=True, records=True)
        case "all":
            return Plan(replays=False, records=True)
        case "rewrite":
            return Plan(replays=False, records=True, replaces=True)
