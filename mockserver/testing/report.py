"""A verdict in words: what a failing test shows.

This room decides how a finding reads: the reason in its first line, then what it takes to mend it, and whose trouble it is:
the test author's ("in the test"), the app's ("in the app") or ours ("in mockserver itself"). It must not know how findings
are made. Only what rules look at is shown, long values are cut and secrets are masked.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Any, Final

import orjson

from mockserver.core import endpoints
from mockserver.core.journal import Entry
from mockserver.core.messages import Request
from mockserver.core.rules import misses
from mockserver.core.rules.book import Mismatch, RuleReport
from mockserver.core.rules.showing import is_secret, show, without_secrets
from mockserver.core.sessions import NOBODY
from mockserver.testing.verdict import ALLOWABLE, Finding, Kind, Verdict

MARKER: Final = '@pytest.mark.mockserver(allow=["{}"])'

MOST_FINDINGS: Final = 5
"""Findings told in full; of the others only the first line."""

MOST_LINES: Final = 14
"""Lines of one part of a finding."""

MOST_EXCHANGES: Final = 30

MOST_JSON: Final = 20_000
"""Characters of a JSON value up to which differences are shown line by line."""

MOST_WIDE: Final = 120

MOST_MESSAGE: Final = 600
"""Characters of a message that a finding brings."""


def report(verdict: Verdict, allowing: str = MARKER) -> str:
    """Return the whole text of a verdict: its findings, then its exchanges. `allowing` says how a finding is let pass."""
    findings = verdict.findings
    lines: list[str] = []
    for number, finding in enumerate(findings, 1):
        count = f" ({number} of {len(findings)})" if len(findings) > 1 else ""
        lines.append(f"mockserver{count}: {head(finding)}")
        if number <= MOST_FINDINGS:
            lines += [f"  {line}" for line in _TELLERS[finding.kind](finding)]
            if verdict.how and finding.kind in ("miss", "exhausted"):
                lines.append(f"  or record what the real API answers: {verdict.how}")
            if finding.kind in ALLOWABLE:
                lines.append(f"  to let it pass: {allowing.format(finding.kind)}")
    return "\n".join(lines + (list(exchanges(verdict)) if verdict.session else []))


def head(finding: Finding) -> str:
    """Return a finding in one line, with whose trouble it is."""
    line = _HEADS[finding.kind](finding)
    times = len(finding.entries)
    return line if times < 2 or finding.kind == "unused" else f"{line} ({times} times)"


def exchanges(verdict: Verdict) -> Iterator[str]:
    """Yield the exchanges of a test, one line each, the newest of very many."""
    if not verdict.entries:
        yield "(no request came to the test's session)"
        return
    yield "exchanges of this test:"
    left_out = len(verdict.entries) - MOST_EXCHANGES
    if left_out > 0:
        yield f"  ({left_out} earlier ones)"
    width = len(str(verdict.entries[-1].number))
    for entry in verdict.entries[-MOST_EXCHANGES:]:
        yield f"  {entry.number:>{width}}  {exchange(entry)}"


def exchange(entry: Entry) -> str:
    """Return one exchange in one line."""
    made, ending = entry.exchange, entry.ending
    words = [made.request.method, show(made.request.path, 80)[1:-1], str(made.status), made.kind]
    if made.place:
        words.append(made.place)
    if made.rule and made.rule != made.place:
        words.append(show(made.rule, 60))
    if made.events:
        words.append(f"{made.events}ev")
    words.append(ending.end if ending is not None else "open")
    return " ".join(words)


def python_rule(request: Request) -> str:
    """Return the Python line of a rule that would answer this request, to be pasted into a test."""
    conditions = ", ".join(f"{name}={_python(value)}" for name, value in misses.fitting(request).items())
    answer = '"ok"' if endpoints.is_create(request) else "mockserver.http(200)"
    return f"mockserver.when({conditions}).reply({answer})"


def _python(value: Any) -> str:
    if isinstance(value, Mapping) and value.keys() == {"contains"}:
        return f"mockserver.contains({_python(value['contains'])})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_python(key)}: {_python(each)}' for key, each in value.items())}}}"
    return orjson.dumps(value).decode() if isinstance(value, str) and value.isprintable() else repr(value)


# --- first lines ------------------------------------------------------------------------------------------------------


def _missed(finding: Finding) -> str:
    missed = finding.entries[0].exchange.missed
    if missed is None:
        return finding.entries[0].exchange.miss.partition("\n")[0].replace("No rule", "no rule", 1)
    return misses.reason(missed.request, missed.nearest).replace("No rule", "no rule", 1)


def _exhausted(finding: Finding) -> str:
    missed = finding.entries[0].exchange.missed
    why = missed.nearest.report.exhausted if missed is not None and missed.nearest is not None else "used up"
    return f"a request came once too often: {_label(finding)} has no reply left ({why})"


def _line(text: str) -> str:
    """Return a message on one line, cut, without secrets."""
    line = without_secrets(" ".join(text.splitlines()))
    return line if len(line) <= MOST_MESSAGE else f"{line[: MOST_MESSAGE - 1]}…"


def _for_tests(message: str) -> str:
    """Return a violation with the way out that a test has: no command line starts its server."""
    return _FLAG.sub(r'allow_params=["\1"] lets it through', message)


_FLAG: Final = re.compile(r"mockserver: --allow-param (\S+) lets it through")


def _late(finding: Finding) -> str:
    if finding.what.endswith(NOBODY):
        return "in the test: a request came to mockserver, and this test does not use it"
    return f"in the app: a request came for the session {finding.what}, which has ended"


def _label(finding: Finding) -> str:
    return finding.rule.label if finding.rule is not None else finding.place


_HEADS: Final[Mapping[Kind, Callable[[Finding], str]]] = MappingProxyType(
    {
        "broken": lambda finding: f"in mockserver itself: {finding.what.partition(chr(10))[0]}",
        "unfinished": lambda finding: f"in the test: the when() at {finding.place} has no reply",
        "raised": lambda finding: f"in the test: {_line(finding.what)}",
        "unrecorded": lambda finding: f"in the recording: {_line(finding.what)}",
        "miss": _missed,
        "exhausted": _exhausted,
        "violation": lambda finding: f"in the app: it sent an invalid request: {_for_tests(_line(finding.what))}",
        "untruth": lambda finding: (
            f"in the test: the reply of {finding.place} is not what was asked for: {_line(finding.what)}"
        ),
        "unfilled": lambda finding: (
            f"in the test: the reply of {finding.place} cannot be filled in: {_line(finding.what)}"
        ),
        "late": _late,
        "unused": lambda finding: f"in the test: {_label(finding)} answered nothing",
    }
)


# --- what follows -----------------------------------------------------------------------------------------------------


def _of_broken(finding: Finding) -> Iterator[str]:
    yield from _some(finding.what.splitlines()[1:], most=40)
    yield "this is a fault of mockserver, neither of the test nor of the app; please report it"


def _of_unfinished(_: Finding) -> Iterator[str]:
    yield 'end it with .reply("..."), or take it out'


def _of_raised(finding: Finding) -> Iterator[str]:
    yield from _numbers(finding)
    yield "the app got a 500 for it; mend the function"


def _of_unrecorded(_: Finding) -> Iterator[str]:
    yield "the app has had its answer; mend what is in the way, and record again"


def _of_miss(finding: Finding) -> Iterator[str]:
    missed = finding.entries[0].exchange.missed
    if missed is None:  # one of very many
        yield from _some(finding.entries[0].exchange.miss.splitlines()[1:])
        return
    request, nearest = missed.request, missed.nearest
    yield f"new in request {finding.entries[0].number}:"
    yield from _indented(misses.asked(request, nearest))
    if nearest is not None:
        yield f"nearest {'recording' if nearest.report.rule.alike else 'rule'}: {nearest.report.rule.label}"
        yield from _indented(conditions(nearest.report))
        if nearest.report.rule.alike:
            yield from misses.advice(request, nearest.report)
        yield from (f"next: {each.rule.label}: {misses.why(each, 1)}" for each in nearest.others[:1])
    if request.path != endpoints.RESPONSES:
        yield endpoints.advice(request.path)
    yield "if the app is right to ask this, add a rule to the test"
    yield f"    {python_rule(request)}"
    yield "or to a rule file"
    yield from (f"  {line}" for line in misses.suggestion(request)[1:])


def conditions(report: RuleReport) -> Iterator[str]:
    """Yield a line for each condition of a rule, those that failed first, with expected and found; JSON as a diff."""
    for condition in sorted(report.conditions, key=lambda condition: condition.ok is not False):
        if condition.ok is False:
            for mismatch in condition.mismatches:
                yield from _failed(mismatch)
        else:
            yield f"{'ok   ' if condition.ok else '?    '} {condition.path}"
    if report.exhausted:
        yield f"FAIL  {report.exhausted}"


def _failed(mismatch: Mismatch) -> Iterator[str]:
    sides = (mismatch.expected, mismatch.found)
    if is_secret(mismatch.path) or not all(isinstance(side, (dict, list)) for side in sides):
        yield f"FAIL  {misses.tell(mismatch)}"
        return
    yield f"FAIL  {mismatch.path}: {mismatch.message or 'differs'} (- expected, + found)"
    expected, found = (_laid_out(side) for side in sides)
    lines = (line for line in difflib.unified_diff(expected, found, n=1, lineterm="") if line[:3] not in ("---", "+++"))
    yield from (f"      {line}" for line in _some(line for line in lines if not line.startswith("@@")))


def _laid_out(value: Any) -> list[str]:
    """Return JSON on several lines, each of them cut, without secrets."""
    text = show(value, MOST_JSON)
    try:
        whole = orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONDecodeError:  # too long, or no JSON
        return [show(value)]
    return [line if len(line) <= MOST_WIDE else f"{line[: MOST_WIDE - 1]}…" for line in whole.splitlines()]


def _of_exhausted(finding: Finding) -> Iterator[str]:
    missed = finding.entries[0].exchange.missed
    yield from _numbers(finding)
    if missed is not None:
        yield from _indented(misses.asked(missed.request, missed.nearest))
    yield 'give that rule more replies, `times=`, or exhausted="repeat"'


def _of_violation(finding: Finding) -> Iterator[str]:
    yield from _numbers(finding)
    refused = any(entry.exchange.status != 200 for entry in finding.entries)
    yield f"the service would refuse it{', and so did mockserver' if refused else ''}; mend the request in the app"


def _of_untruth(finding: Finding) -> Iterator[str]:
    yield from _numbers(finding)
    yield "mend the reply; the service promises what the request's schema says"


def _of_unfilled(finding: Finding) -> Iterator[str]:
    yield from _numbers(finding)
    yield "mend the look-up, or answer with a rule that needs none"


def _of_late(finding: Finding) -> Iterator[str]:
    for entry in finding.entries[:3]:
        request = entry.exchange.request
        said = request.unread().conversation.said
        yield f"{request.method} {show(request.path, 80)[1:-1]}{'' if said is None else f': {show(said)}'}"
    if finding.what.endswith(NOBODY):
        yield "give the test the `mockserver` fixture; if it should not ask at all, an earlier test left something running"
    else:
        yield "that test left something running (a thread, a task, a client in a loop); wait for it there"


def _of_unused(finding: Finding) -> Iterator[str]:
    if finding.near is not None and finding.entries:
        number = finding.entries[0].number
        if finding.instead:
            yield f"request {number} fits it, but {finding.instead} answered that: it comes first"
        else:
            yield f"nearest request: {number}"
            yield from _indented(conditions(finding.near.report))
    if finding.rule is not None and finding.rule.alike:
        yield "take the recording out, or record the set again in mode rewrite"
    else:
        yield "take the rule out, or say that it may stay unused: optional=True"


_TELLERS: Final[Mapping[Kind, Callable[[Finding], Iterator[str]]]] = MappingProxyType(
    {
        "broken": _of_broken,
        "unfinished": _of_unfinished,
        "raised": _of_raised,
        "unrecorded": _of_unrecorded,
        "miss": _of_miss,
        "exhausted": _of_exhausted,
        "violation": _of_violation,
        "untruth": _of_untruth,
        "unfilled": _of_unfilled,
        "late": _of_late,
        "unused": _of_unused,
    }
)


def _numbers(finding: Finding) -> Iterator[str]:
    numbers = [str(entry.number) for entry in finding.entries]
    more = f" and {len(numbers) - 10} more" if len(numbers) > 10 else ""
    yield f"request{'s' if len(numbers) > 1 else ''} {', '.join(numbers[:10])}{more}"


def _indented(lines: Iterable[str]) -> Iterator[str]:
    yield from (f"  {line}" for line in _some(lines))


def _some(lines: Iterable[str], most: int = MOST_LINES) -> Iterator[str]:
    each = iter(lines)
    yield from islice(each, most)
    if next(each, None) is not None:
        yield "…"
