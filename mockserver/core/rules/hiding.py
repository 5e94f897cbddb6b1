"""Which rules can never answer, because an earlier one takes every request they would match.

This room decides what can be known without a request. It must not guess: it reports only rules that are hidden for sure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mockserver.core.rules.book import Rule
from mockserver.core.rules.conditions import ENDPOINT, Condition


@dataclass(frozen=True, slots=True)
class Hidden:
    """`rule` never answers: every request that it matches is taken by `by`, which comes first."""

    rule: Rule
    by: Rule


def hidden(rules: Sequence[Rule]) -> Iterator[Hidden]:
    """Yield each rule that an earlier one hides; `rules` in the order in which they are asked."""
    takers: list[Rule] = []
    for rule in rules:
        for taker in takers:
            if rule.alike and rule.alike == taker.alike:
                continue  # recordings of one request take turns
            if all(_implied(condition, rule.conditions) for condition in taker.conditions):
                yield Hidden(rule, taker)
                break
        if not rule.claims and _answers_for_ever(rule):
            takers.append(rule)


def _answers_for_ever(rule: Rule) -> bool:
    """Say whether a rule answers every request that it matches, however often it is asked."""
    return rule.turns or rule.exhausted in ("repeat", "cycle") or any(times is None for _, times in rule.replies)


def _implied(wanted: Condition, given: Sequence[Condition]) -> bool:
    """Say whether `wanted` holds for sure whenever all of `given` hold."""
    return any(_implies(one, wanted) for one in given)


def _implies(given: Condition, wanted: Condition) -> bool:
    if given is wanted or (given.spec != "" and given.spec == wanted.spec):
        return True
    if given.equality is None or wanted.accepts is None or wanted is ENDPOINT:
        return False
    target, value = given.equality
    return f"{wanted.path}.".startswith(f"{target}.") and wanted.accepts(value)
