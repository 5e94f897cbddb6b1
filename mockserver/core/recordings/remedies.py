"""What to write so that a recording answers a request that differs from the recorded one in what changes from run to run.

This room decides which differences are of that kind, and the line that lets them pass. It must not know where that line is
shown. Where something else differs too it says nothing: a recording of another request should not answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations, islice
from typing import Final

from mockserver.core.messages import ABSENT, Json
from mockserver.core.recordings.customs import Match
from mockserver.core.rulefiles.written import flow
from mockserver.core.rules.equality import differences
from mockserver.core.rules.jsonpath import Location, spell
from mockserver.core.rules.masks import KINDS, Mask, compile_masks, masked

MOST: Final = 50
"""Differences above which two requests are not the same one with another date."""
MOST_FIELDS: Final = 2
"""Fields that are left out at most, those of a list counted once: more of them are another request."""
_LONGEST: Final = 50_000
"""Characters of a text that is searched for what may be masked."""

_OF_THE_RUN: Final = frozenset({"client_metadata", "metadata", "prompt_cache_key", "safety_identifier", "user"})
"""Fields at the top of a body that say who asks and why, not what."""
_VOLATILE: Final = re.compile(
    r"(?:^|[_-])(?:id|uuid|nonce|seed|timestamp|time|at|date|trace|session|run|span|port|pid|host|hostname)$",
    re.IGNORECASE,
)
_MEANT: Final = frozenset({"call_id", "conversation_id", "previous_response_id", "response_id"})
"""Ids that say what is continued: with another one it is another request."""
_ENCODING: Final = (("stream",), ("stream_options",))
"""Fields that say in which encoding an answer is wanted."""
_INDEX: Final = re.compile(r"\[\d+\]")


def remedy(expected: Json, found: Json) -> Match | None:
    """Return what has to be let differ for these two bodies to be the same; None where that would be going too far.

    Both are bodies as they were compared, less what may differ already.
    """
    found_differences = list(islice(differences(expected, found), MOST + 1))
    if not found_differences or len(found_differences) > MOST:
        return None
    kinds: set[str] = set()
    fields: set[str] = set()
    either: bool | None = None
    for at, wanted, value in found_differences:
        if at[:1] in _ENCODING:
            either = True
            continue
        masks = _masking(wanted, value)
        if masks is not None:
            kinds.update(masks)
        elif is_volatile(at):
            fields.add(_INDEX.sub("[*]", spell(at)))
        else:
            return None
    if len(fields) > MOST_FIELDS:
        return None
    return Match(tuple(sorted(fields)), tuple(kind for kind in KINDS if kind in kinds), either)


def is_volatile(at: Location) -> bool:
    """Say whether a field, by its place, is one that changes from run to run without changing what is asked."""
    names = [step for step in at if isinstance(step, str)]
    if not names or names[-1] in _MEANT:
        return False
    return names[0] in _OF_THE_RUN or _VOLATILE.search(names[-1]) is not None


def line(match: Match) -> str:
    """Return the `match` line of a rule file."""
    made: dict[str, Json] = {}
    if match.ignore:
        made["ignore"] = list(match.ignore)
    if match.mask:
        made["mask"] = list(match.mask)
    if match.either_encoding is not None:
        made["either_encoding"] = match.either_encoding
    return f"match: {_bare(flow(made))}"


def _bare(text: str) -> str:
    """Take the quotes from what reads as well without: kinds of text, and plain paths."""
    return re.sub(r'"([a-z]+|\$(?:\.\w+)+)"', r"\1", text, flags=re.ASCII)


_ORDER: Final = ("date", "uuid", "port", "path", "time")
"""Kinds by how little else looks like them: the end of an address and its port can be read as a time."""


def _masks() -> Iterator[tuple[tuple[str, ...], tuple[Mask, ...]]]:
    compiled = {kind: compile_masks(kind, _unheard, ()) for kind in KINDS}
    for count in range(1, len(KINDS) + 1):
        for kinds in combinations(_ORDER, count):
            yield kinds, tuple(mask for kind in kinds for mask in compiled[kind])


def _unheard(path: tuple[str | int, ...], message: str, hint: str = "") -> None:
    """Take a mistake; the kinds of our own table have none."""


_MASKS: Final = tuple(_masks())
"""Every choice of masks, small ones first."""


def _masking(wanted: Json, found: Json) -> tuple[str, ...] | None:
    """Return the fewest kinds of text without which two texts are the same, None where they differ in more than that."""
    if wanted is ABSENT or not isinstance(wanted, str) or not isinstance(found, str):
        return None
    if len(wanted) > _LONGEST or len(found) > _LONGEST:
        return None
    if masked(wanted, _MASKS[-1][1]) != masked(found, _MASKS[-1][1]):
        return None
    return next((kinds for kinds, masks in _MASKS if masked(wanted, masks) == masked(found, masks)), None)
