"""What is wrong with a session once a test is over: the misses, the rules that nobody needed, and whatever else went unseen.

This room decides what counts as wrong and which exchanges belong to one finding. It must not know how a finding reads
(`report`), pytest, or threads: it looks at a session that nobody changes meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from mockserver.core.errors import SettingError, nearest
from mockserver.core.journal import Entry
from mockserver.core.messages import Exchange, Raised, Unfilled, Untruth
from mockserver.core.rules.book import Nearest, Rule, RuleBook
from mockserver.core.sessions import Session

Kind: TypeAlias = Literal[
    "broken",
    "unfinished",
    "raised",
    "unrecorded",
    "miss",
    "exhausted",
    "violation",
    "untruth",
    "unfilled",
    "late",
    "unused",
]

ALLOWABLE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "miss": "a request that no rule matches",
        "exhausted": "a request to a rule whose replies are used up",
        "violation": "a request that breaks the schema",
        "untruth": "a reply that breaks the request's own schema",
        "unfilled": "a template look-up without a value",
        "late": "a request to a session that has ended",
        "unused": "a rule that answered nothing",
    }
)
"""What may be allowed by name, with what it is."""

MOST_ALIKE: Final = 1000
"""Exchanges kept for one finding; a loop that never stops makes many."""

_BAD_BODY: Final = frozenset({400, 405, 413, 415})
"""Statuses of refusals that are about the request itself, not about its key, its rate or an id that is not there."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    `entries` are the exchanges it is about, oldest first, all alike; `rule` and `place` (FILE:LINE) what it is about
    otherwise. `what` is its message where it brings one. `near` belongs to an unused rule: how far the nearest request
    was from it, and `instead` is the label of the rule that answered that one.
    """

    kind: Kind
    entries: tuple[Entry, ...] = ()
    rule: Rule | None = None
    place: str = ""
    what: str = ""
    near: Nearest | None = None
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """All findings on one session, the most telling first, and the exchanges they were drawn from."""

    session: str
    findings: tuple[Finding, ...]
    entries: tuple[Entry, ...]
    how: str = ""
    """How a miss is recorded: a line for people."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


@dataclass(frozen=True, slots=True)
class Made:
    """What a test brought: `rules` built in it, rules `loaded` from files, and where a `when()` was left `unfinished`."""

    rules: Sequence[Rule] = ()
    loaded: Sequence[Rule] = ()
    unfinished: Sequence[str] = ()
    unrecorded: Sequence[str] = ()
    """What is to be said of each exchange with the real API that could not be written down."""
    how: str = ""
    """How a miss is recorded: a line for people."""


def read_allowed(names: object, source: str) -> frozenset[str]:
    """Return what is allowed. `source` says where it stands. Raises `SettingError` for an unknown word."""
    listed = [names] if isinstance(names, str) else names
    if not isinstance(listed, (list, tuple, set, frozenset)):
        raise SettingError(f"{source}: expected a list such as ['miss'], got {names!r}")
    for name in listed:
        if name not in ALLOWABLE:
            like = nearest(str(name), ALLOWABLE)
            hint = f"; did you mean {like!r}?" if like else ""
            raise SettingError(f"{source}: expected {', '.join(ALLOWABLE)}, got {name!r}{hint}")
    return frozenset(listed)


def judge(
    session: Session,
    made: Made | None = None,
    *,
    allow: Collection[str] = (),
    strict: bool = False,
    late: Iterable[Entry] = (),
    broken: Iterable[str] = (),
    read: Collection[int] = (),
    after: int = 0,
) -> Verdict:
    """Return what is wrong with a session.

    `allow` names what is not; `strict` also asks for every rule from a file to be used. `late` are the requests that came
    for sessions that had ended, `broken` what we ourselves failed at, `read` the numbers of exchanges whose violations
    somebody has looked at. With `after`, only exchanges above that number are judged, and rules no more.
    """
    made = made or Made()
    entries = tuple(session.journal.entries(after=after))
    found = [Finding("broken", what=each) for each in broken]
    found += [Finding("unrecorded", what=each) for each in made.unrecorded]
    if not after:
        found += [Finding("unfinished", place=place) for place in made.unfinished]
    found += _joined(_of_exchange(entry, read) for entry in entries)
    found += _joined([Finding("late", (entry,), what=entry.exchange.request.session)] for entry in late)
    if not after:
        told = _blamed(each for each in found if each.kind not in allow)
        wanted = [rule for rule in (*made.rules, *(made.loaded if strict else ())) if rule.key not in told]
        found += _unused(wanted, session, entries)
    return Verdict(session.name, tuple(each for each in found if each.kind not in allow), entries, made.how)


def _blamed(found: Iterable[Finding]) -> set[tuple[str, str]]:
    """Return the keys of rules that a miss is told of already: that they are unused is the same trouble again."""
    missed = [entry.exchange.missed for finding in found for entry in finding.entries[:1]]
    return {each.nearest.report.rule.key for each in missed if each is not None and each.nearest is not None}


def _of_exchange(entry: Entry, read: Collection[int]) -> Iterator[Finding]:
    exchange = entry.exchange
    if entry.ending is not None and entry.ending.end == "failed":
        yield Finding("broken", (entry,), what="it could not send the answer to this request")
    if exchange.miss:
        rule = _used_up(exchange)
        yield Finding("exhausted", (entry,), rule, rule.place) if rule else Finding("miss", (entry,))
    if entry.number not in read:
        for violation in exchange.violations:
            yield Finding("violation", (entry,), what=violation.message)
        if exchange.kind == "rejection" and exchange.status in _BAD_BODY and not exchange.violations:
            yield Finding("violation", (entry,), what=next(iter(exchange.notes), ""))
    for note in exchange.notes:
        if isinstance(note, Untruth):
            yield Finding("untruth", (entry,), place=exchange.place, what=str(note))
        elif isinstance(note, Unfilled):
            yield Finding("unfilled", (entry,), place=exchange.place, what=str(note))
        elif isinstance(note, Raised):
            yield Finding("raised", (entry,), place=exchange.place, what=str(note))


def _used_up(exchange: Exchange) -> Rule | None:
    """Return the rule that would have answered, had its replies not been used up."""
    nearest = exchange.missed.nearest if exchange.missed is not None else None
    return (
        nearest.report.rule if nearest is not None and nearest.report.exhausted and not nearest.report.failed else None
    )


def _joined(found: Iterable[Iterable[Finding]]) -> list[Finding]:
    """Make one finding of those that are alike: a client that retries commits the same thing again and again."""
    alike: dict[tuple[object, ...], list[Finding]] = {}
    for each in found:
        for finding in each:
            request = finding.entries[0].exchange.request
            asked = (request.method, request.path, request.body) if finding.kind in ("miss", "exhausted") else ()
            alike.setdefault((finding.kind, finding.place, finding.what, asked), []).append(finding)
    return [
        Finding(
            first.kind,
            tuple(entry for each in group[:MOST_ALIKE] for entry in each.entries),
            first.rule,
            first.place,
            first.what,
        )
        for group in alike.values()
        for first in group[:1]
    ]


def _unused(rules: Iterable[Rule], session: Session, entries: Sequence[Entry]) -> Iterator[Finding]:
    for rule in rules:
        if not rule.optional and not session.state.used(rule):
            near = _nearest(rule, entries)
            entry, found = near if near is not None else (None, None)
            answered = entry is not None and found is not None and found.report.ok
            yield Finding(
                "unused",
                () if entry is None else (entry,),
                rule,
                rule.place,
                near=found,
                instead=_answerer(entry.exchange) if entry is not None and answered else "",
            )


def _nearest(rule: Rule, entries: Sequence[Entry]) -> tuple[Entry, Nearest] | None:
    """Return the request that came nearest to this rule, and how near."""
    book = RuleBook([rule])
    best: tuple[Entry, Nearest] | None = None
    for entry in entries:
        found = book.nearest(entry.exchange.request.unread())
        if found is not None and (best is None or found.report.distance < best[1].report.distance):
            best = (entry, found)
    return best


def _answerer(exchange: Exchange) -> str:
    if not exchange.place or exchange.rule == exchange.place:
        return exchange.place or exchange.rule
    return f'{exchange.place} "{exchange.rule}"'
