"""Rule files as tests load them, again and again: parsed once, and anew when one has changed.

This room decides nothing but that. It must not know sessions or servers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mockserver.adapters.disk import RuleSet


class RuleSets:
    """What was read, by the paths that it was read from."""

    def __init__(self) -> None:
        self._sets: dict[tuple[Path, ...], RuleSet] = {}

    def read(self, paths: Sequence[Path]) -> RuleSet:
        """Return the rules of these files and folders; parsed again only when one has changed.

        Mistakes are told in the set's `problems`.
        """
        from mockserver.adapters import disk

        key = tuple(paths)
        found = self._sets.get(key)
        if found is None or disk.stamps(found) != found.stamps:
            found = self._sets[key] = disk.read_rules(key)
        return found
