"""The watch: sees edited rule files and swaps the rules of a running engine.

This room decides when files count as changed, and that a bad edit leaves the last good set in place and is told once. It
must not know what a rule means. Reading and parsing happen in a thread; the loop only swaps.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

from mockserver.adapters import disk
from mockserver.adapters.disk import RuleSet
from mockserver.core.errors import Problem
from mockserver.core.limits import Limit
from mockserver.core.rules.book import RuleBook

LOG: Final = logging.getLogger("mockserver")

INTERVAL: Final = 0.5
SETTLE: Final = 0.05
"""Seconds between two looks at a changed file: an editor may still be writing, and half a file can be valid."""
MOST_LOOKS: Final = 20


class Ruled(Protocol):
    """The engine as this room sees it."""

    book: RuleBook
    limits: tuple[Limit, ...]
    auth_keys: tuple[str, ...]


def install(engine: Ruled, rules: RuleSet) -> None:
    """Put a set's rules, limits and keys in place of the engine's. What was counted stays: it goes by file and name."""
    engine.book, engine.limits, engine.auth_keys = rules.book, rules.limits, rules.auth_keys


class Watch:
    """Polls the files of a rule set. `tell` gets one text per reload and per bad edit; `objections` are what else keeps a set
    from being served.

    `run` goes on until it is cancelled; `look` is one poll.
    """

    def __init__(
        self,
        engine: Ruled,
        paths: Sequence[str | Path],
        rules: RuleSet,
        tell: Callable[[str], None] = LOG.warning,
        *,
        objections: Callable[[RuleSet], Sequence[Problem]] = lambda _: (),
        interval: float = INTERVAL,
        settle: float = SETTLE,
    ) -> None:
        self._engine = engine
        self._paths = tuple(paths)
        self._rules = rules
        self._tell = tell
        self._objections = objections
        self._interval = interval
        self._settle = settle

    async def run(self) -> None:
        """Poll for ever. A failure of ours is logged and polling goes on."""
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self.look()
            except Exception:
                LOG.exception("cannot look at the rule files")

    async def look(self) -> bool:
        """Look once; return whether new rules are in place."""
        found = await asyncio.to_thread(disk.stamps, self._rules)
        if found == self._rules.stamps:
            return False
        for _ in range(MOST_LOOKS):
            await asyncio.sleep(self._settle)
            found, before = await asyncio.to_thread(disk.stamps, self._rules), found
            if found == before:
                break
        # From here on this set's stamps are what is compared with, good or bad: a bad edit is told once.
        self._rules = await asyncio.to_thread(disk.read_rules, self._paths)
        objections = self._objections(self._rules)
        if self._rules.errors or objections:
            mistakes = "\n".join(f"  {problem}" for problem in (*self._rules.problems, *objections))
            self._tell(f"rules not reloaded, the last good ones stay:\n{mistakes}")
            return False
        install(self._engine, self._rules)
        warnings = "".join(f"\n  warning: {problem}" for problem in self._rules.problems)
        self._tell(f"rules reloaded: {self._rules.size}{warnings}")
        return True
