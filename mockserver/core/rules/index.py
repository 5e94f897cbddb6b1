"""Finding the rules that could answer without trying them all.

This room decides which rules are looked up by a value and which are tried one by one. It must not know what the order of
the rules means, nor change it: with or without the look-up the same candidates come out, in the same order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Generic, Protocol, TypeVar

from mockserver.core.messages import Request
from mockserver.core.rules.conditions import ENDPOINT, Condition


class Conditioned(Protocol):
    """Whatever has pure conditions: a rule."""

    @property
    def conditions(self) -> tuple[Condition, ...]: ...


Entry = TypeVar("Entry", bound=Conditioned)
Verdict = Callable[[Request], bool]
Read = Callable[[Request], Any]
Check = tuple[Read | None, Callable[[Any], bool]]
"""A verdict on a value that a reader gives, or (None) on the request itself."""

_UNREAD: Final = object()


class Index(Generic[Entry]):
    """Entries in their order, found by the most telling equality among their conditions.

    The equality that the fewest entries share decides in which bucket an entry lies: rules that all name one path but
    different models are looked up by model. The endpoint that a rule does not name is not tested here.
    """

    __slots__ = ("_buckets", "_entries", "_rest")

    def __init__(self, entries: Iterable[Entry], *, lookup: bool = True) -> None:
        given = tuple(entries)
        shared = Counter(
            equality for entry in given for condition in entry.conditions if (equality := _key(condition)) is not None
        )
        reads: dict[str, Read] = {}
        buckets: dict[str, dict[str, list[int]]] = {}
        rest: list[int] = []
        rows: list[tuple[Entry, tuple[Check, ...]]] = []
        for order, entry in enumerate(given):
            keyed = [condition for condition in entry.conditions if _key(condition) is not None] if lookup else []
            chosen = min(keyed, key=lambda condition: shared[_key(condition) or ("", "")], default=None)
            if chosen is None or chosen.equality is None or chosen.read is None:
                rest.append(order)
            else:
                target, value = chosen.equality
                reads.setdefault(target, chosen.read)
                buckets.setdefault(target, {}).setdefault(value, []).append(order)
            rows.append(
                (entry, tuple(_check(each) for each in entry.conditions if each is not chosen and each is not ENDPOINT))
            )
        self._entries = rows
        self._rest = tuple(rest)
        self._buckets: tuple[tuple[Read, Mapping[str, list[int]]], ...] = tuple(
            (reads[target], by_value) for target, by_value in buckets.items()
        )

    def candidates(self, request: Request) -> Iterator[Entry]:
        """Yield, in order, the entries whose conditions all hold; the endpoint that goes without saying is left out."""
        orders: Iterable[int] = self._rest
        found: list[int] = []
        seen: dict[Read, Any] = {}  # conditions that share a reader share what it read
        for read, by_value in self._buckets:
            value = seen[read] = read(request)
            if isinstance(value, str) and value in by_value:
                found += by_value[value]
        if found:
            orders = sorted((*self._rest, *found)) if self._rest or len(self._buckets) > 1 else found
        for order in orders:
            entry, checks = self._entries[order]
            for reader, holds in checks:
                if reader is None:
                    value = request
                else:
                    value = seen.get(reader, _UNREAD)
                    if value is _UNREAD:
                        value = seen[reader] = reader(request)
                if not holds(value):
                    break
            else:
                yield entry


def verdict(condition: Condition) -> Verdict:
    """Return the fast verdict of a condition, made from its test where it has none."""
    if condition.holds is not None:
        return condition.holds
    test = condition.test
    return lambda request: not test(request)


def _check(condition: Condition) -> Check:
    if condition.read is not None and condition.accepts is not None:
        return condition.read, condition.accepts
    return None, verdict(condition)


def _key(condition: Condition) -> tuple[str, str] | None:
    return condition.equality if condition.read is not None else None
