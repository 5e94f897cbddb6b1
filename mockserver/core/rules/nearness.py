"""How far a rule is from a request, as a number: the sum of what its failing conditions cost.

This room decides what counts as near: one failing condition is nearer than two, text that almost fits nearer than text
that has nothing in common, the wrong endpoint is far. It must not know rules or how a miss is told.
"""

from __future__ import annotations

from typing import Any, Final

from mockserver.core.messages import ABSENT
from mockserver.core.rules.conditions import Mismatches

EXHAUSTED: Final = 0.25
"""What it costs a rule that would have answered when its replies are used up: less than any condition."""

UNKNOWN: Final = 0.75
"""What a failing condition is thought to cost before its mismatches are looked at."""

_WEIGHTS: Final = {"endpoint": 4.0, "method": 4.0, "path": 4.0, "hit": 0.5, "state": 0.5}
_LOOK: Final = 200
"""Characters of a text that are compared; the rest hardly changes the order."""


def weight(path: str) -> float:
    """Return how much a condition matters, by the target that its path starts with."""
    return _WEIGHTS.get(path.partition(".")[0], 1.0)


def cost(mismatches: Mismatches) -> float:
    """Return what a failing condition costs before its weight: from 0.5 (almost held) to 1."""
    close = sum(closeness(mismatch.expected, mismatch.found) for mismatch in mismatches)
    count = len(mismatches) or 1
    return 1.0 - 0.5 * close / (count * count)


def closeness(expected: Any, found: Any) -> float:
    """Return how alike two values are, from 0 (nothing in common, or nothing found) to nearly 1."""
    if found is ABSENT:
        return 0.0
    if isinstance(found, str):
        if isinstance(expected, str):
            return _alike(expected, found)
        if isinstance(expected, list):
            return max((_alike(one, found) for one in expected[:50] if isinstance(one, str)), default=0.1)
        return 0.1
    if isinstance(found, list) and isinstance(expected, str):
        return 0.9 * max((_alike(expected, one) for one in found[:50] if isinstance(one, str)), default=0.1)
    return 0.4 if type(expected) is type(found) else 0.1


def _alike(expected: str, found: str) -> float:
    left, right = expected[:_LOOK].casefold(), found[:_LOOK].casefold()
    if left == right:
        return 0.95
    if not left or not right:
        return 0.0
    return 0.9 * max(_ends(left, right), _words(left, right))


def _ends(left: str, right: str) -> float:
    """Return the share of the longer text that is a common beginning or a common end."""
    shorter = min(len(left), len(right))
    head = next((at for at in range(shorter) if left[at] != right[at]), shorter)
    rest = shorter - head
    tail = next((at for at in range(rest) if left[-1 - at] != right[-1 - at]), rest)
    return (head + tail) / max(len(left), len(right))


def _words(expected: str, found: str) -> float:
    """Return the share of the expected words that were found, in any order."""
    wanted = set(expected.split())
    return len(wanted & set(found.split())) / len(wanted) if wanted else 0.0
