"""The roster: the rules that a test gives its session, in the order in which it gave them.

This room decides in which order they are asked, how those of one line are told apart, and that a rule keeps what it has
counted when it is given more replies. It must not know how a session is reached, nor what a rule answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from mockserver import building
from mockserver.building import Draft
from mockserver.core.errors import RuleError
from mockserver.core.rules.book import Rule as CoreRule
from mockserver.testing.asked import AskedRequest
from mockserver.testing.handle import Rule, When
from mockserver.testing.received import Requests

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Place:
    """One draft with the rule made of it, or the rules of some files. `number` is the draft's for good."""

    number: int = 0
    draft: Draft | None = None
    rule: CoreRule | None = None
    files: tuple[Path, ...] = ()
    loaded: tuple[CoreRule, ...] = ()
    otherwise: tuple[CoreRule, ...] = ()


def arranged(places: Sequence[Place]) -> tuple[list[CoreRule], list[CoreRule]]:
    """Return the rules in order, recordings after all others, and those for whatever no other answers: the test's own
    before those of files."""
    rules: list[CoreRule] = []
    recordings: list[CoreRule] = []
    own: list[CoreRule] = []
    filed: list[CoreRule] = []
    for place in places:
        if place.rule is not None:
            (own if place.draft is not None and place.draft.otherwise else rules).append(place.rule)
        for rule in place.loaded:
            (recordings if rule.alike else rules).append(rule)
        filed += place.otherwise
    return [*rules, *recordings], [*own, *filed]


class Ground(Protocol):
    """The session that the rules are for, as this room sees it."""

    def call(self, step: Callable[[], T], /) -> T:
        """Call a step where no two run at once, and return what it returns."""

    def publish(self, places: Sequence[Place]) -> None:
        """Put all of these to work in place of what was there. Raises `RuleError` for what cannot be."""

    def used(self, rule: CoreRule) -> int:
        """Return how often a rule has answered."""


class Roster:
    """What a test has said so far, for a session."""

    def __init__(self, ground: Ground, requests: Callable[[], Requests]) -> None:
        self._call = ground.call
        self._ground = ground
        self._requests = requests
        self._places: list[Place] = []
        self._count = 0

    # --- what a test says

    def when(self, conditions: Mapping[str, Any]) -> When:
        """Begin a rule. Raises `TypeError` for a misspelt condition, `RuleError` for an impossible one."""
        draft = Draft(building.conditions(**conditions))
        building.compile_conditions(draft.conditions, draft.place)
        self._call(lambda: self._places.append(self._numbered(draft)))
        return When(draft, self)

    def otherwise(self, parts: Sequence[Any], keywords: Any) -> Rule:
        """Give the answer for whatever no rule does, in place of the one given before."""
        draft = Draft(otherwise=True, optional=True)

        def step() -> Rule:
            before = [place for place in self._places if place.draft is not None and place.draft.otherwise]
            self._places.append(self._numbered(draft))
            made = When(draft, self).reply(*parts, **keywords)
            for place in before:
                self._places.remove(place)
            self._ground.publish(self._places)
            return made

        return self._call(step)

    def load(self, rules: Iterable[CoreRule], otherwise: Iterable[CoreRule], files: Sequence[Path] = ()) -> None:
        """Add the rules of files; those that are there already stay where they are."""

        def step() -> None:
            known = {rule.key for place in self._places for rule in (*place.loaded, *place.otherwise)}
            fresh = tuple(rule for rule in rules if rule.key not in known)
            rest = tuple(each for each in otherwise if each.key not in known)
            self._places.append(Place(files=tuple(files), loaded=fresh, otherwise=rest))
            self._ground.publish(self._places)

        self._call(step)

    # --- what there is

    @property
    def drafts(self) -> list[Draft]:
        """Every rule built in Python, finished or not."""
        return [place.draft for place in self._places if place.draft is not None]

    @property
    def handles(self) -> list[Rule]:
        """A handle for every rule built in Python that has a reply."""
        return [Rule(place.draft, self) for place in self._places if place.draft is not None and place.rule is not None]

    @property
    def rules(self) -> list[CoreRule]:
        """The rules built in Python, as the session has them."""
        return [place.rule for place in self._places if place.rule is not None]

    @property
    def loaded(self) -> list[CoreRule]:
        """The rules that came from files."""
        return [rule for place in self._places for rule in place.loaded]

    @property
    def unfinished(self) -> list[str]:
        """FILE:LINE of each `when` that has no reply."""
        return [place.draft.place for place in self._places if place.draft is not None and place.rule is None]

    # --- what a handle asks

    def adopt(self, draft: Draft) -> None:
        """See `Home.adopt`."""

        def step() -> None:
            at = next(index for index, place in enumerate(self._places) if place.draft is draft)
            made = self._compiled(draft, at)
            before, self._places[at].rule = self._places[at].rule, made
            try:
                self._ground.publish(self._places)
            except BaseException:
                self._places[at].rule = before
                raise

        self._call(step)

    def forget(self, draft: Draft) -> None:
        """See `Home.forget`."""

        def step() -> None:
            self._places = [place for place in self._places if place.draft is not draft]

        self._call(step)

    def label(self, draft: Draft) -> str:
        """See `Home.label`."""
        rule = self._rule(draft)
        return draft.place if rule is None else rule.label

    def uses(self, draft: Draft) -> int:
        """See `Home.uses`."""
        rule = self._rule(draft)
        return 0 if rule is None else self._ground.used(rule)

    def answered(self, draft: Draft) -> Requests:
        """See `Home.answered`."""
        rule = self._rule(draft)
        if rule is None:
            return Requests()
        return Requests(each for each in self._requests() if (each.place, each.rule) == (rule.place, rule.name))

    def _rule(self, draft: Draft) -> CoreRule | None:
        return next((place.rule for place in self._places if place.draft is draft), None)

    def _numbered(self, draft: Draft) -> Place:
        self._count += 1
        return Place(self._count, draft)

    def _compiled(self, draft: Draft, at: int) -> CoreRule:
        others = [other for other in self.drafts if other is not draft]
        if draft.name and any(other.name == draft.name for other in others):
            raise RuleError(f"{draft.place}: another rule is called {draft.name!r} (answers are counted by name)")
        made = draft.compile(self._places[at].number, AskedRequest)
        earlier = [place.draft for place in self._places[:at] if place.draft is not None]
        same = sum(other.place == draft.place and not other.name for other in earlier)
        # A loop, or a line that says two: told apart where FILE:LINE alone does not.
        return replace(made, name=f"#{same + 1}") if same and not draft.name else made
