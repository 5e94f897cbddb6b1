"""What a session remembers: a small protocol of atomic operations, and its in-memory form.

This room decides what counts as one atomic step. It must not know HTTP or files. The in-memory form is atomic because its
operations never yield: one event loop runs them one after the other.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, Protocol, TypeVar

from mockserver.core.messages import ABSENT, EMPTY
from mockserver.core.reply import Reply
from mockserver.core.rules.book import Mismatch, Rule, Series

Exhausted = Literal["miss", "repeat", "cycle"]
T = TypeVar("T")

EMPTY_SERIES: Final[Mapping[int, Series]] = MappingProxyType({})

MOST_RESPONSES: Final = 10_000
MOST_RESPONSE_BYTES: Final = 64 * 1024 * 1024
MOST_REQUESTS_COUNTED: Final = 100_000
MOST_BUCKETS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Claim:
    """A rule taken: which of its replies, the `hit` this was, and the session's state as the reply sees it.

    `state` is what stood before the reply's own `set_state`.
    """

    rule: Rule
    reply: Reply
    hit: int
    state: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the claim passed a candidate over: its failed claim conditions, or how many replies are used up (0: not that)."""

    rule: Rule
    mismatches: tuple[Mismatch, ...] = ()
    used_up: int = 0


@dataclass(frozen=True, slots=True)
class Remembered:
    """An answered response: its conversation, its input and output items, the id of what it continued, its weight in bytes."""

    conversation: str
    items: Callable[[], list[Mapping[str, Any]]]
    previous: str | None = None
    weight: int = 0


class State(Protocol):
    """One session's memory. Every call is one atomic step; a shared store can stand behind the same calls."""

    def occurrence(self, digest: bytes) -> int:
        """Count a request with this digest; return which one it is, from 1."""
        ...

    def claim(
        self,
        candidates: Iterable[Rule],
        turn: Callable[[Rule], int],
        exhausted: Exhausted,
        series: Mapping[int, Series] = EMPTY_SERIES,
    ) -> Claim | tuple[Refusal, ...]:
        """Take the first candidate that holds, or say why each was passed over.

        Each visited rule's `hit` goes up by one; later candidates stay untouched. `turn` gives the index of the reply of a
        rule with turns; `exhausted` is for rules that leave it open. Of a `series` each answers in its turn, once; a
        recording whose turn it is not is not visited.
        """
        ...

    def remember(self, response_id: str, response: Remembered) -> None:
        """Keep a response, dropping the oldest beyond the bounds."""
        ...

    def recall(self, response_id: str) -> Remembered | None:
        """Return a kept response, None when it was never kept or was dropped."""
        ...

    def history(self, response_id: str) -> list[Mapping[str, Any]]:
        """Return every kept item of the chain that ends in this response, oldest first."""
        ...

    def take(self, key: Hashable, step: Callable[[Any], tuple[Any, T]]) -> T:
        """Replace the bucket under `key` (None at first) by what `step` makes of it; return the step's result."""
        ...


class MemoryState:
    """The in-memory form of `State`. Bounded by count and bytes; `dropped` counts what was forgotten for room."""

    def __init__(self) -> None:
        self.values: Mapping[str, str] = EMPTY
        self.dropped = 0
        self._hits: dict[tuple[str, str], int] = {}
        self._used: dict[tuple[str, str], int] = {}
        self._played: dict[str, int] = {}
        self._occurrences: OrderedDict[bytes, int] = OrderedDict()
        self._responses: OrderedDict[str, Remembered] = OrderedDict()
        self._response_bytes = 0
        self._buckets: OrderedDict[Hashable, Any] = OrderedDict()

    @property
    def weight(self) -> int:
        """About how many bytes the kept responses hold."""
        return self._response_bytes

    def occurrence(self, digest: bytes) -> int:
        """See `State.occurrence`. Forgets the requests seen longest ago beyond the bound."""
        counts = self._occurrences
        count = counts[digest] = counts.get(digest, 0) + 1
        if count > 1:
            counts.move_to_end(digest)
        elif len(counts) > MOST_REQUESTS_COUNTED:
            counts.popitem(last=False)
            self.dropped += 1
        return count

    def hits(self, rule: Rule) -> int:
        """Return how often the claim reached this rule."""
        return self._hits.get(rule.key, 0)

    def used(self, rule: Rule) -> int:
        """Return how often this rule has answered."""
        return self._used.get(rule.key, 0)

    def claim(
        self,
        candidates: Iterable[Rule],
        turn: Callable[[Rule], int],
        exhausted: Exhausted,
        series: Mapping[int, Series] = EMPTY_SERIES,
    ) -> Claim | tuple[Refusal, ...]:
        """See `State.claim`."""
        refusals: list[Refusal] = []
        for rule in candidates:
            key = rule.key
            place = series.get(id(rule)) if rule.alike else None
            if place is not None:
                played = self._played.get(rule.alike, 0)
                due = position(place.size, played, rule.exhausted or exhausted)
                if due != place.position:
                    if due is None:
                        refusals.append(Refusal(rule, used_up=played))
                    continue
            hit = self._hits[key] = self._hits.get(key, 0) + 1
            if rule.claims:
                mismatches = self.check(rule, hit)
                if mismatches:
                    refusals.append(Refusal(rule, mismatches))
                    continue
            used = self._used.get(key, 0)
            if place is not None:
                index: int | None = 0
                self._played[rule.alike] = played + 1
            else:
                index = turn(rule) if rule.turns else reply_index(rule, used, exhausted)
            if index is None:
                refusals.append(Refusal(rule, used_up=used))
                continue
            self._used[key] = used + 1
            reply = rule.replies[index][0]
            claim = Claim(rule, reply, hit, self.values)
            if reply.set_state:
                self._set(reply.set_state)
            return claim
        return tuple(refusals)

    def check(self, rule: Rule, hit: int) -> tuple[Mismatch, ...]:
        """Return the mismatches of a rule's claim conditions for this `hit`, changing nothing."""
        found: tuple[Mismatch, ...] = ()
        for condition in rule.claims:
            found += condition.test(hit if condition.kind == "hit" else self.values.get(condition.key, ABSENT))
        return found

    def _set(self, changes: Mapping[str, str | None]) -> None:
        values = {**self.values, **changes}
        self.values = MappingProxyType({name: value for name, value in values.items() if value is not None})

    def remember(self, response_id: str, response: Remembered) -> None:
        """See `State.remember`."""
        replaced = self._responses.pop(response_id, None)
        if replaced is not None:
            self._response_bytes -= replaced.weight
        self._responses[response_id] = response
        self._response_bytes += response.weight
        while len(self._responses) > MOST_RESPONSES or self._response_bytes > MOST_RESPONSE_BYTES:
            _, oldest = self._responses.popitem(last=False)
            self._response_bytes -= oldest.weight
            self.dropped += 1

    def recall(self, response_id: str) -> Remembered | None:
        """See `State.recall`."""
        return self._responses.get(response_id)

    def history(self, response_id: str) -> list[Mapping[str, Any]]:
        """See `State.history`."""
        chain: list[Remembered] = []
        seen: set[str] = set()
        link: str | None = response_id
        while link is not None and link not in seen:
            seen.add(link)
            found = self._responses.get(link)
            if found is None:
                break
            chain.append(found)
            link = found.previous
        return [item for found in reversed(chain) for item in found.items()]

    def take(self, key: Hashable, step: Callable[[Any], tuple[Any, T]]) -> T:
        """See `State.take`."""
        bucket, result = step(self._buckets.get(key))
        self._buckets[key] = bucket
        if len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
            self.dropped += 1
        return result


def position(size: int, played: int, exhausted: Exhausted) -> int | None:
    """Return which of a series of `size` is due after `played` answers, None when all are played and it does not go on."""
    if played < size:
        return played
    match exhausted:
        case "miss":
            return None
        case "repeat":
            return size - 1
        case "cycle":
            return played % size


def reply_index(rule: Rule, used: int, exhausted: Exhausted) -> int | None:
    """Return which reply of `rule` is due after `used` answers, None when all are used up and it does not go on."""
    left = used
    for index, (_, times) in enumerate(rule.replies):
        if times is None or left < times:
            return index
        left -= times
    match rule.exhausted or exhausted:
        case "miss":
            return None
        case "repeat":
            return len(rule.replies) - 1
        case "cycle":
            return reply_index(rule, used % (used - left), "repeat")
