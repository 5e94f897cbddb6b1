"""Rules and the book that holds them in order: which rules could answer, or which came nearest.

This room decides order and candidates. It must not count anything (`state` does) or know YAML.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, TypeAlias

from mockserver.core.messages import ABSENT, EMPTY, Json, Request
from mockserver.core.reply import Reply
from mockserver.core.rules import nearness
from mockserver.core.rules.conditions import ENDPOINT, HOLDS, ClaimCondition, Condition, Mismatch, Mismatches
from mockserver.core.rules.index import Index, verdict

__all__ = [
    "ENDPOINT",
    "HOLDS",
    "ClaimCondition",
    "Condition",
    "ConditionReport",
    "Mismatch",
    "Mismatches",
    "Nearest",
    "Refused",
    "Rule",
    "RuleBook",
    "RuleReport",
    "Standing",
]


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions and what to answer.

    `replies` pairs each reply with how often it answers (None: for ever). With `turns` the replies are the turns, chosen
    by the conversation. `place` is FILE:LINE; `key` is (file, name), under which hits are counted across reloads.
    """

    name: str
    place: str
    replies: tuple[tuple[Reply, int | None], ...]
    conditions: tuple[Condition, ...] = ()
    claims: tuple[ClaimCondition, ...] = ()
    exhausted: Literal["miss", "repeat", "cycle"] | None = None
    turns: bool = False
    priority: int = 0
    optional: bool = False
    allow_invalid: bool = False
    key: tuple[str, str] = ("", "")
    groups: Callable[[Request], Mapping[str, str]] | None = field(default=None)
    """The regex groups of this rule's `matches` conditions, for `{{ match }}`."""
    headers: frozenset[str] = frozenset()
    """The names of the request headers that its conditions and templates look at, in lower case."""
    alike: str = ""
    """What recordings have in common that no request can tell apart; "" for a rule that is no recording."""

    @property
    def label(self) -> str:
        """The rule as people find it: FILE:LINE, then its name where it has one."""
        if not self.place or self.name == self.place:
            return self.name
        return f'{self.place} "{self.name}"' if self.name else self.place


class Refused(Protocol):
    """What a claim says about a candidate that it passed over: failed claim conditions, or how many replies are used up."""

    @property
    def rule(self) -> Rule: ...
    @property
    def mismatches(self) -> Mismatches: ...
    @property
    def used_up(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand for one rule in a session, as far as the claim cares.

    `hit` is what the rule's `hit` is (or would be) for this request, None when unknown; `exhausted` says why it cannot
    answer any more, such as "all 3 replies used", "" when it can.
    """

    hit: int | None = None
    state: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    exhausted: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """Where a recording stands among those that no request can tell apart: its place from 0, and how many there are."""

    position: int
    size: int


Standings: TypeAlias = Callable[[Rule], Standing]
"""Tells how things stand for a rule, without changing anything."""


@dataclass(frozen=True, slots=True)
class ConditionReport:
    """What became of one condition. `ok` None: not evaluated, because what it depends on is not known."""

    path: str
    ok: bool | None
    mismatches: Mismatches = HOLDS


@dataclass(frozen=True, slots=True)
class RuleReport:
    """What became of every condition of one rule. `distance` is 0 when it could answer, else how far it is from that."""

    rule: Rule
    conditions: tuple[ConditionReport, ...]
    exhausted: str
    distance: float

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against this rule."""
        return not self.exhausted and all(condition.ok is not False for condition in self.conditions)

    @property
    def failed(self) -> tuple[ConditionReport, ...]:
        """The conditions that do not hold."""
        return tuple(condition for condition in self.conditions if condition.ok is False)


@dataclass(frozen=True, slots=True)
class Nearest:
    """The rule that came nearest, and those that came next."""

    report: RuleReport
    others: tuple[RuleReport, ...] = ()


_LOOKED_AT: Final = 32
"""Rules whose distance is measured in full on a miss; the others are too far by a first estimate."""


class RuleBook:
    """Rules in the order in which they are asked.

    That order is: higher `priority` first, then as given; each file's `otherwise` after all other rules, whatever its
    priority. A rule that names neither `method` nor `path` carries `ENDPOINT` among its conditions.
    """

    __slots__ = ("_abroad", "_home", "headers", "models", "otherwise", "ruled", "rules", "series")

    def __init__(self, rules: Iterable[Rule], otherwise: Iterable[Rule] = ()) -> None:
        self.ruled: tuple[Rule, ...] = tuple(sorted(rules, key=lambda rule: -rule.priority))
        """The rules before any `otherwise`."""
        self.otherwise: tuple[Rule, ...] = tuple(otherwise)
        self.rules: tuple[Rule, ...] = (*self.ruled, *self.otherwise)
        """All of them, in order."""
        self.models: tuple[str, ...] = tuple(
            dict.fromkeys(
                each.equality[1] for each in _conditions(self.rules) if each.equality and each.equality[0] == "model"
            )
        )
        """The models that rules ask for by name, in order."""
        self.headers: tuple[str, ...] = tuple(sorted(frozenset().union(*(rule.headers for rule in self.rules))))
        """The request headers that some rule looks at."""
        self.series: Mapping[int, Series] = _series(self.rules)
        """The place of each recording in its series, by the identity of its rule; empty without recordings."""
        self._home = Index(self.rules)
        self._abroad = Index(rule for rule in self.rules if not any(each is ENDPOINT for each in rule.conditions))

    @classmethod
    def of(cls, server: Iterable[Rule], session: Iterable[Rule] = (), otherwise: Iterable[Rule] = ()) -> RuleBook:
        """Return a session's book: of the same priority its own rules come before the server's; `otherwise` last."""
        return cls((*session, *server), otherwise)

    def candidates(self, request: Request) -> Iterator[Rule]:
        """Yield, in order, the rules whose pure conditions hold. Lazy: what the claim does not ask for is not tested."""
        home = not ENDPOINT.test(request)
        return (self._home if home else self._abroad).candidates(request)

    def explain(self, request: Request, standings: Standings | None = None) -> tuple[RuleReport, ...]:
        """Report every rule, in order, with every condition. Nothing is claimed; `standings` tells what a claim would see."""
        return tuple(_report(rule, request, standings(rule) if standings else None) for rule in self.rules)

    def nearest(self, request: Request, refused: Iterable[Refused] = (), others: int = 2) -> Nearest | None:
        """Return the rule that came nearest to answering, and `others` more; None when there are no rules.

        `refused` is what the claim said about the candidates that it passed over. Ties go to the rule with more conditions
        that hold, then to the earlier one.
        """
        looked_at = self.rules
        if len(looked_at) > _LOOKED_AT:
            seen: dict[str, Json] = {}
            looked_at = tuple(sorted(looked_at, key=lambda rule: _estimate(rule, request, seen))[:_LOOKED_AT])
        passed = {id(each.rule): each for each in refused}
        reports = [
            _report(rule, request, refused=passed.get(id(rule)), series=self.series.get(id(rule))) for rule in looked_at
        ]
        order = {id(rule): at for at, rule in enumerate(self.rules)}
        reports.sort(key=lambda report: (round(report.distance, 3), -_held(report), order[id(report.rule)]))
        return Nearest(reports[0], tuple(reports[1 : 1 + others])) if reports else None


def _series(rules: Iterable[Rule]) -> Mapping[int, Series]:
    together: dict[str, list[Rule]] = {}
    for rule in rules:
        if rule.alike:
            together.setdefault(rule.alike, []).append(rule)
    return {
        id(rule): Series(position, len(alike)) for alike in together.values() for position, rule in enumerate(alike)
    }


def _conditions(rules: Iterable[Rule]) -> Iterator[Condition]:
    for rule in rules:
        yield from rule.conditions


def _report(
    rule: Rule,
    request: Request,
    standing: Standing | None = None,
    refused: Refused | None = None,
    series: Series | None = None,
) -> RuleReport:
    reports: list[ConditionReport] = []
    distance = 0.0
    for condition in rule.conditions:
        mismatches = condition.test(request)
        if mismatches or condition is not ENDPOINT:
            reports.append(ConditionReport(condition.path, not mismatches, mismatches))
    reports.extend(_claim_report(claim, standing, refused) for claim in rule.claims)
    for report in reports:
        if report.ok is False:
            distance += nearness.weight(report.path) * nearness.cost(report.mismatches)
    exhausted = standing.exhausted if standing is not None else _used_up(refused, series)
    return RuleReport(rule, tuple(reports), exhausted, distance + nearness.EXHAUSTED * bool(exhausted))


def _claim_report(claim: ClaimCondition, standing: Standing | None, refused: Refused | None) -> ConditionReport:
    if standing is not None and (claim.kind == "state" or standing.hit is not None):
        mismatches = claim.test(standing.hit if claim.kind == "hit" else standing.state.get(claim.key, ABSENT))
    elif refused is not None:
        mismatches = tuple(each for each in refused.mismatches if f"{each.path}.".startswith(f"{claim.path}."))
    else:
        return ConditionReport(claim.path, None)
    return ConditionReport(claim.path, not mismatches, mismatches)


def _used_up(refused: Refused | None, series: Series | None) -> str:
    if refused is None or not refused.used_up:
        return ""
    if series is not None:
        return f"already played ({series.size} of {series.size})"
    count = sum(times for _, times in refused.rule.replies if times is not None)
    return "its only reply is used" if count == 1 else f"all {count} replies used"


def _estimate(rule: Rule, request: Request, seen: dict[str, Json]) -> float:
    """Return about how far a rule is, from verdicts and plain equalities alone: cheap enough for every rule of a book.

    `seen` keeps what has been read of this request, by target.
    """
    distance = 0.0
    for condition in rule.conditions:
        share = nearness.UNKNOWN
        if condition.equality is not None and condition.read is not None:
            target, value = condition.equality
            if target not in seen:
                seen[target] = condition.read(request)
            if seen[target] == value:
                continue
            if condition.near is not None:
                share = 1.0 - 0.5 * condition.near(request, seen)
            elif condition.accepts is not None:
                share = 1.0 - 0.5 * nearness.closeness(value, seen[target])
        elif verdict(condition)(request):
            continue
        distance += nearness.weight(condition.path) * share
    return distance


def _held(report: RuleReport) -> int:
    return sum(condition.ok is True for condition in report.conditions)
