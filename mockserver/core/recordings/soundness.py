"""What a person should know of recordings that can be used: broken off, too old, not what the API would send.

This room decides which of that is worth telling. It must not know the clock, files, or how problems are printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from mockserver.core.errors import Problem
from mockserver.core.grammar.sequence import check
from mockserver.core.recordings.replaying import events_of, json_object
from mockserver.core.reply import Error, Exact, Http
from mockserver.core.rulefiles.recordingform import Recording
from mockserver.core.rules.book import Rule

DAY: Final = 86_400
"""Seconds."""

_ENDED: Final = {
    "partial": "the client left before the end",
    "cut": "the upstream ended the connection within the answer",
    "reset": "the connection was reset within the answer",
    "timeout": "the upstream went silent within the answer",
    "unreachable": "the upstream gave no answer, this one is ours",
}


def broken_off(recordings: Iterable[Recording]) -> Iterator[Problem]:
    """Yield a warning for each recording that is not a whole answer of the upstream."""
    for each in recordings:
        told = _ENDED.get(each.recorded.end)
        if told is not None:
            why = f" ({each.recorded.why})" if each.recorded.why else ""
            yield _problem(
                each.place, f"recorded in part: {told}{why}", "record it again, unless that is what it is for"
            )


def outdated(recordings: Iterable[Recording], now: float, *, strict: bool) -> Iterator[Problem]:
    """Yield each recording that is older than its folder allows: an error where `strict`, else a warning.

    `now` is seconds since the epoch. One that does not say when it was made is as old as can be.
    """
    for each in recordings:
        if each.max_age is None:
            continue
        hint = "record it again, or change `max_age` in recordings.yaml"
        at = each.recorded.at
        if at is None:
            told = f"nobody knows how old this recording is; it may be {_days(each.max_age)}"
        elif now - at > each.max_age * DAY:
            told = f"this recording is {_days(int((now - at) // DAY))} old; it may be {_days(each.max_age)}"
        else:
            continue
        yield _problem(each.place, told, hint, error=strict)


def illegal(rules: Iterable[Rule]) -> Iterator[Problem]:
    """Yield a warning for each recorded stream that breaks the event grammar: it was really sent, and clients may stumble."""
    for rule in rules:
        for reply, _ in rule.replies:
            kind = reply.kind
            if not isinstance(kind, Exact) or isinstance(kind.readable, (Error, Http)):
                continue
            if kind.stream and kind.end == "complete":
                yield from _grammar(kind, rule)


def _grammar(kind: Exact, rule: Rule) -> Iterator[Problem]:
    documents = []
    for event in events_of(kind.pieces):
        document = json_object(event.data)
        if document is None:
            yield _problem(rule.place, f"an event of the recorded stream is no JSON object: {event.data[:60]!r}")
            return
        documents.append(document)
    found = check(documents)
    if found:
        more = f" ({len(found) - 1} more)" if len(found) > 1 else ""
        yield _problem(
            rule.place, f"the recorded stream is not legal: {found[0]}{more}", "it was sent so; it is kept so"
        )


def _problem(place: str, message: str, hint: str = "", *, error: bool = False) -> Problem:
    file, _, line = place.rpartition(":")
    return Problem(
        message, file, int(line) if line.isdigit() else 0, hint=hint, severity="error" if error else "warning"
    )


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
