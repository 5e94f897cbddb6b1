"""What a test says, as it is sent to a server elsewhere: rules with their lines, files with their text.

This room decides what can be sent, and what is said of a rule that cannot: one that only this Python can carry out. It must
not know how it is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from mockserver.building import Draft
from mockserver.building.dumping import plain, unwritable
from mockserver.core.errors import RuleError
from mockserver.core.rules.book import Rule
from mockserver.testing.roster import Place

INSTEAD: Final = {
    "test": "say it with matchers: contains, glob, matches, one_of, gt, length, include, schema, exists, not_ ...",
    "function": "say it with look-ups such as {{ input }}, `turns`, or a rule for each case",
    "look-ups": "answer with the JSON alone, or as text",
}
"""What to write instead, by what keeps a rule from being sent."""

Part = dict[str, Any]


def parts(places: Sequence[Place]) -> list[Part]:
    """Return everything that a test has said, in order. Raises `RuleError` for what cannot be sent."""
    made: list[Part] = []
    files: dict[Path, None] = {}
    for place in places:
        if place.draft is not None and place.rule is not None:
            made.append(_said(place.draft, place.rule))
        new = [path for path in place.files if path not in files]
        files.update(dict.fromkeys(new))
        made += map(of_file, new)
    return made


def of_file(path: Path) -> Part:
    """Return a rule file as it is sent."""
    from mockserver.adapters import besides, disk

    return {"file": disk.shown(path)[-200:], "text": besides.whole_text(path)}


def _said(draft: Draft, rule: Rule) -> Part:
    mapping = draft.mapping()
    found = unwritable(mapping)
    if found is not None:
        raise RuleError(
            f"{draft.place}: on a shared server a rule cannot be Python, and {found.words} ({INSTEAD[found.what]})"
        )
    part = {"rule": plain(mapping), "place": rule.place, "name": rule.name, "key": rule.key[1]}
    return {**part, "otherwise": True} if draft.otherwise else part
