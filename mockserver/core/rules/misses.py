"""A miss in words: why no rule answered, which came nearest, and what to write so that one does.

This room decides what a person is told. It must not know how nearness is measured, nor colours or terminals. Secrets are
masked and everything is bounded: the text goes into an error message, a log and a test report.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from mockserver.core import endpoints
from mockserver.core.messages import ABSENT, EMPTY, Json, Request
from mockserver.core.rules.book import Mismatch, Nearest, RuleReport
from mockserver.core.rules.showing import is_secret, show, show_pair, without_secrets, yaml_text

MOST_LINES: Final = 10
"""Lines of one part of a block."""

MOST_BRIEF: Final = 900
"""Characters of the one-line form."""

_SAID: Final = 60
"""Characters of the user's text that a suggested rule looks for."""

_MODEL: Final = 100
"""Characters of a model's name above which a suggested rule leaves it out."""


@dataclass(frozen=True, slots=True)
class Missed:
    """A miss with what it takes to explain it in full. It holds the request with all that was read from it."""

    request: Request
    nearest: Nearest | None


def describe(request: Request, nearest: Nearest | None) -> str:
    """Return the block for the log and for a failing test: reason, what was asked, the nearest rules, how to fix it."""
    parts: list[tuple[str, Iterable[str]]] = [("asked:", asked(request, nearest))]
    if nearest is not None:
        parts.append((f"{nearest_word(nearest)}: {nearest.report.rule.label}", verdicts(nearest.report)))
        parts += [(f"next: {each.rule.label}: {why(each, 1)}", ()) for each in nearest.others]
        parts += [(f"fix: {each}", ()) for each in advice(request, nearest.report)]
    if request.path != endpoints.RESPONSES:
        parts.append((f"fix: {endpoints.advice(request.path)}", ()))
    parts.append(("fix: add a rule", suggestion(request)))
    return "\n".join((reason(request, nearest), *_indented(parts)))


def brief(request: Request, nearest: Nearest | None) -> str:
    """Return the one line for the error message: the reason, then the nearest rule and its mismatches."""
    line = f"{reason(request, nearest)}."
    if nearest is not None:
        line += f" {nearest_word(nearest).capitalize()}: {nearest.report.rule.label}: {why(nearest.report, 3)}."
        if nearest.report.rule.alike:
            line += "".join(f" Fix: {each}." for each in advice(request, nearest.report))
    return line if len(line) <= MOST_BRIEF else f"{line[: MOST_BRIEF - 1]}…"


def tell(mismatch: Mismatch) -> str:
    """Return one mismatch in words: the condition as written, what was expected, what was found."""
    if is_secret(mismatch.path):
        found = "nothing" if mismatch.found is ABSENT else "another value"
        return f"{mismatch.path}: found {found} (not shown: it may be a secret)"
    if mismatch.message and mismatch.found is ABSENT:
        return f"{mismatch.path}: {mismatch.message}"
    expected, found = show_pair(mismatch.expected, mismatch.found)
    note = f" ({show(mismatch.message).strip(chr(34))})" if mismatch.message else ""
    return f"{mismatch.path}: expected {expected}, found {found}{note}"


def verdicts(report: RuleReport) -> Iterator[str]:
    """Yield a line for every condition of a rule: whether it holds, and each mismatch of one that does not."""
    if report.exhausted:
        yield f"used up  {report.exhausted}"
    for condition in sorted(report.conditions, key=lambda condition: condition.ok is not False):
        if condition.ok is False:
            yield from (f"fails    {tell(mismatch)}" for mismatch in condition.mismatches)
        else:
            yield f"{'holds  ' if condition.ok else 'unknown'}  {condition.path}"


def suggestion(request: Request) -> list[str]:
    """Return the lines of a rule that would answer this request, to be pasted into a rule file."""
    answer = "{text: ok}" if endpoints.is_create(request) else "{http: {status: 200}}"
    return ["rules:", f"  - when: {_flow(fitting(request))}", f"    reply: {answer}"]


def fitting(request: Request) -> dict[str, Json]:
    """Return conditions, as a rule has them, that hold for this request and show none of its secrets."""
    if not endpoints.is_create(request):
        return {"method": request.method, "path": request.path}
    return {**_model(request), **_said(request)}


def _flow(value: Json) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_flow(each)}' for key, each in value.items())}}}"
    return yaml_text(value)


def reason(request: Request, nearest: Nearest | None) -> str:
    """Return why nothing answered, in one line without an end mark."""
    reason = f"No rule matches {request.method} {show(request.path).strip(chr(34))}"
    if nearest is None:
        return f"{reason}: there are no rules"
    if nearest.report.exhausted and not nearest.report.failed:
        if nearest.report.rule.alike:
            return f"{reason}: the recording that would answer was {nearest.report.exhausted}"
        return f"{reason}: the rule that would answer is used up"
    return reason


def is_of_its_endpoint(nearest: Nearest | None) -> bool:
    """Say whether the nearest rule is a recording of such an endpoint as is asked for, other than the one for responses."""
    if nearest is None or not nearest.report.rule.alike:
        return False
    failed = {condition.path for condition in nearest.report.failed}
    return "method" not in failed and any(condition.path == "path" for condition in nearest.report.rule.conditions)


def nearest_word(nearest: Nearest) -> str:
    """Return what the nearest rule is called: a recording, where it is one."""
    return "nearest recording" if nearest.report.rule.alike else "nearest"


def asked(request: Request, nearest: Nearest | None) -> Iterator[str]:
    """Yield what rules look at: always the model and what was said, then whatever the nearest rules test."""
    if request.malformed:
        yield f"body: not JSON: {show(request.malformed)}"
    shown = {"model", "input", "method", "path"}
    if request.fields.get("model") is not None:
        yield f"model: {show(request.fields['model'])}"
    conversation = request.conversation
    if conversation.said is not None:
        yield f"input: {show(conversation.said)}"
    for output in conversation.tail_outputs:
        name = conversation.call_name(output.get("call_id")) or output.get("call_id")
        yield f"tool_output: {show(name)} gave {show(output.get('output', ABSENT))}"
    for report in (nearest.report, *nearest.others) if nearest is not None else ():
        for condition in report.rule.conditions:
            if condition.read is not None and condition.accepts is not None and condition.path not in shown:
                shown.add(condition.path)
                value = condition.read(request)
                yield f"{condition.path}: {'not shown' if is_secret(condition.path) and value is not ABSENT else show(value)}"


def why(report: RuleReport, most: int) -> str:
    """Return the first `most` reasons against a rule in one line, and how many more there are."""
    reasons = [report.exhausted] if report.exhausted else []
    reasons += [tell(mismatch) for condition in report.failed for mismatch in condition.mismatches]
    if not reasons:
        return "its conditions hold; `hit` and `state` were not looked at"
    more = f"; and {len(reasons) - most} more" if len(reasons) > most else ""
    return "; ".join(reasons[:most]) + more


def advice(request: Request, report: RuleReport) -> Iterator[str]:
    """Yield what to do so that this rule answers this request the next time."""
    rule = report.rule
    if report.exhausted and rule.alike:
        yield "record it as often as it is asked, or replay with `exhausted: repeat`"
    elif report.exhausted:
        yield "give that rule more replies, `times`, or `exhausted: repeat`"
    elif rule.alike:
        failing = [each for each in rule.conditions if each.test(request)]
        line = failing[0].remedy(request) if len(failing) == 1 and failing[0].remedy is not None else ""
        if line:
            yield f"if that may differ: in {rule.key[0]} {line}"
        else:
            yield "if this request is new, record it"


def _model(request: Request) -> Mapping[str, Json]:
    model = request.fields.get("model")
    usable = isinstance(model, str) and len(model) <= _MODEL and without_secrets(model) == model
    return {"model": model} if usable else EMPTY


def _said(request: Request) -> Mapping[str, Json]:
    """Return the condition for what came last: the beginning of what was said, or the tools that have answered."""
    conversation = request.conversation
    said = (conversation.said or "").strip()
    line = said.splitlines()[0][:_SAID].strip() if said else ""
    outputs = conversation.tail_outputs
    if line and without_secrets(line) == line:
        return {"input": {"contains": line}}
    if not outputs:
        return EMPTY
    name = conversation.call_name(outputs[-1].get("call_id"))
    return {"tool_output": {"name": name} if name else {}}


def _indented(parts: Iterable[tuple[str, Iterable[str]]]) -> Iterator[str]:
    for head, lines in parts:
        yield f"  {head}"
        some = list(islice(lines, MOST_LINES + 1))
        yield from (f"    {line}" for line in some[:MOST_LINES])
        if len(some) > MOST_LINES:
            yield "    …"
