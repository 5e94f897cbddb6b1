"""Stands in for a server where only the building of rules is tested: `when(...).reply(...)` makes drafts, nothing serves.

The examples in docstrings run on it, and engines are made of its drafts.
"""

from __future__ import annotations

from typing import Any

from mockserver.adapters.disk import load_dialect
from mockserver.building import Draft, answer, conditions
from mockserver.core.engine import Engine
from mockserver.core.options import Options
from mockserver.core.rules.book import RuleBook


class Rehearsal:
    """Takes what a `MockServer` takes, and compiles every rule at once."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []

    def when(self, **keywords: Any) -> Rehearsal:
        self.drafts.append(Draft(conditions(**keywords)))
        return self

    def reply(self, *parts: Any, **keywords: Any) -> Rehearsal:
        self.drafts[-1].answers.append(answer(*parts, **keywords))
        self.drafts[-1].compile(len(self.drafts))
        return self

    then = reply

    def turns(self, *parts: Any) -> Rehearsal:
        self.drafts[-1].turns = True
        self.drafts[-1].answers.extend(answer(each) for each in parts)
        self.drafts[-1].compile(len(self.drafts))
        return self


def engine_of(*drafts: Draft, dialect: str = "standard", **options: Any) -> Engine:
    """Return an engine that answers by these drafts."""
    rules = [(draft.otherwise, draft.compile(index)) for index, draft in enumerate(drafts)]
    book = RuleBook([rule for last, rule in rules if not last], [rule for last, rule in rules if last])
    return Engine(book, load_dialect(dialect), Options(**options))
