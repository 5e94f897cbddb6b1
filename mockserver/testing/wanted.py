"""What a test asks for: conditions on requests, as `when` takes them, tried on those that came.

This room decides which request comes nearest to what was asked for, and how both read. It must not know sessions or
servers, and counts nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mockserver import building
from mockserver.building.places import of_function
from mockserver.core.errors import RuleError
from mockserver.core.rules.book import Rule, RuleBook, RuleReport
from mockserver.testing.received import ReceivedRequest, Requests
from mockserver.testing.report import conditions as verdicts
from mockserver.words import Matcher

MOST_LISTED = 20
"""Requests listed in the message of an assertion, the newest of very many."""


class Wanted:
    """Conditions of one request. Raises what `when` raises for a misspelt or impossible one."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        when = building.compile_conditions(building.conditions(**given))
        if when.claims:
            raise RuleError(f"`{when.claims[0].path}` is counted while a rule answers; it cannot be asked of a request")
        self._given = dict(given)
        self._conditions = when.conditions
        self._book = RuleBook([Rule("", "", (), when.conditions)])

    def fits(self, request: ReceivedRequest) -> bool:
        """Say whether every condition holds."""
        return not any(condition.test(request.placed) for condition in self._conditions)

    def among(self, requests: Iterable[ReceivedRequest]) -> Requests:
        """Return the requests that fit."""
        return Requests(each for each in requests if self.fits(each))

    def words(self, count: int = 1) -> str:
        """Return what is asked for: `2 requests with model='gpt-5'`."""
        noun = {0: "no request", 1: "a request"}.get(count, f"{count} requests")
        given = ", ".join(f"{name}={_shown(value)}" for name, value in self._given.items())
        return f"{noun} with {given}" if given else f"{noun} to POST /v1/responses"

    def nearest(self, requests: Iterable[ReceivedRequest]) -> list[str]:
        """Return lines that show the request that came nearest, each condition with what was expected and found."""
        reports = [(self._report(request), request) for request in requests]
        if not reports:
            return []
        report, request = min(reports, key=lambda pair: pair[0].distance)
        return [f"  nearest: {request.line}", *(f"    {line}" for line in verdicts(report))]

    def _report(self, request: ReceivedRequest) -> RuleReport:
        return self._book.explain(request.placed)[0]


def listed(requests: Requests) -> list[str]:
    """Return lines that name the requests, one each."""
    left_out = len(requests) - MOST_LISTED
    more = [f"  ({left_out} earlier ones)"] if left_out > 0 else []
    return [*more, *(f"  {each.line}" for each in requests[-MOST_LISTED:])]


def _shown(value: Any) -> str:
    shown = of_function(value) if callable(value) and not isinstance(value, Matcher) else repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."
