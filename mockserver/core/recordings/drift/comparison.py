"""Drift: whether the API still answers in the form that was recorded.

This room decides when two answers differ in structure, when only in what the model chose to do, and when an answer says
nothing about either. It must not know how a request is sent again, nor how a difference is printed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal, TypeAlias

import orjson

from mockserver.core.messages import ABSENT, MAX_DEPTH, Json, depth_exceeds
from mockserver.core.recordings.capture import Capture
from mockserver.core.recordings.drift.eventorder import Seen, events_of, order_differences, order_of
from mockserver.core.recordings.drift.shape import Difference, Shape, shape_differences
from mockserver.core.recordings.writing.keptheaders import KEPT_BY_START, is_kept
from mockserver.core.rules.showing import NOTHING, show

State: TypeAlias = Literal["same", "behaviour", "drift", "unchecked"]

_UNDONE: Final = frozenset({"queued", "in_progress"})
_PASSING: Final = frozenset({"server_error", "rate_limit_exceeded", "slow_down", "server_is_overloaded"})
"""Codes of failures that may be gone a minute later."""

_LOST: Final = frozenset({"previous_response_not_found", "conversation_not_found"})
_CALLS: Final = frozenset({"function_call", "custom_tool_call", "mcp_call"})
_UPSTREAM_FAULTS: Final = (408, 409, 425, 429)
_MOST_TYPES: Final = 3
"""How many event types a place names before it counts the others."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one recording: its differences, or why it could not be checked."""

    differences: tuple[Difference, ...] = ()
    why: str = ""

    @property
    def state(self) -> State:
        """`drift` where the structure differs, `behaviour` where only the model chose otherwise."""
        if self.why:
            return "unchecked"
        kinds = {each.kind for each in self.differences}
        return "drift" if "structure" in kinds else "behaviour" if kinds else "same"


def result(recorded: Capture, now: Capture) -> Result:
    """Return what two answers to the same request say."""
    why = obstacle(recorded, now)
    return Result(why=why) if why else Result(differences(recorded, now))


def hindrance(recorded: Capture) -> str:
    """Return why it is of no use to send a recorded request again, "" where it is."""
    if recorded.end != "complete":
        return f"the recording is not whole: {_ending(recorded)}"
    if _is_passing(recorded.status):
        return f"a {recorded.status} was recorded, which cannot be provoked again"
    return ""


def obstacle(recorded: Capture, now: Capture) -> str:
    """Return why two answers cannot be compared, "" where they can."""
    if recorded.end != "complete":
        return hindrance(recorded)
    if now.end != "complete":
        return _ending(now)
    if now.status in (401, 403) and recorded.status != now.status:
        return f"{now.status}: the key is not accepted{_said(now)}"
    if now.status // 100 == 3 and recorded.status // 100 != 3:
        place = next((value for name, value in now.headers if name == "location"), "")
        return f"{now.status}: redirected{f' to {place}' if place else ''}, and redirects are not followed"
    if recorded.status != now.status:
        if _is_passing(now.status):
            return f"{now.status}: the upstream would not answer now{_said(now)}"
        if _is_passing(recorded.status):
            return hindrance(recorded)
        if _error(now).get("code") in _LOST:
            return f"{now.status}: what an earlier request stored is not there{_said(now)}"
    return _outcome_obstacle(recorded, now)


def _is_passing(status: int) -> bool:
    return status >= 500 or status in _UPSTREAM_FAULTS


def _ending(capture: Capture) -> str:
    words = {
        "partial": "the client left before the end",
        "cut": "the upstream ended the connection within the body",
        "reset": "the connection broke within the body",
        "timeout": "the upstream went silent",
        "unreachable": "the upstream gave no answer",
        "complete": "",
    }
    return f"{words[capture.end]}{f' ({capture.why})' if capture.why else ''}"


def _outcome_obstacle(recorded: Capture, now: Capture) -> str:
    """Return why the outcome of a response is none to compare: it failed by chance, or is still under way."""
    before, after = _outcome(recorded), _outcome(now)
    if before == after:
        return ""
    for state, words in ((after, "it failed now"), (before, "a failure was recorded, which cannot be provoked again")):
        if state[0] == "failed" and state[1] in _PASSING:
            return f"{words}: {state[1]}"
    if (before[0] in _UNDONE) != (after[0] in _UNDONE) and after[0] and before[0]:
        return f"the response was `{before[0]}` when it was recorded and is `{after[0]}` now"
    return ""


def _outcome(capture: Capture) -> tuple[str, str]:
    """Return how a response ended and by which error code; "" for either where the answer does not say."""
    body: Json = ABSENT
    if capture.is_stream:
        for event in reversed(events_of(capture.body)):
            if event.type == "error":
                return "failed", _code(event.data.get("error", event.data))
            if isinstance(event.data.get("response"), dict):
                body = event.data["response"]
                break
    else:
        body = _json(capture)
    if not isinstance(body, dict) or body.get("object") != "response":
        return "", ""
    return str(body.get("status", "")), _code(body.get("error"))


def _code(error: Json) -> str:
    return str(error.get("code") or "") if isinstance(error, dict) else ""


def differences(recorded: Capture, now: Capture) -> tuple[Difference, ...]:
    """Return how two whole answers to the same request differ, () where they do not.

    Words, ids, times and counts are no differences; of headers only those count that a recorder keeps.
    """
    found = list(_head_differences(recorded, now))
    if not found or found[0].where not in ("status", "content type"):
        found += _body_differences(recorded, now)
    return tuple(dict.fromkeys(found))


def _head_differences(recorded: Capture, now: Capture) -> Iterator[Difference]:
    fails = recorded.status >= 400 or now.status >= 400
    if recorded.status != now.status if fails else recorded.status // 100 != now.status // 100:
        yield Difference("status", _status(recorded), _status(now))
        return
    if recorded.content_type != now.content_type:
        yield Difference("content type", recorded.content_type or NOTHING, now.content_type or NOTHING)
        return
    before, after = ({name for name, _ in each.headers if is_kept(name)} for each in (recorded, now))
    for name in sorted(before - after):
        yield Difference(f"header {name}", "there", NOTHING)
    for start in KEPT_BY_START:
        if any(name.startswith(start) for name in before):  # else they were not recorded
            for name in sorted(each for each in after - before if each.startswith(start)):
                yield Difference(f"header {name}", NOTHING, "there")


def _status(capture: Capture) -> str:
    error = _error(capture)
    words = [show(error[name])[1:-1] for name in ("type", "code") if isinstance(error.get(name), str)]
    return " ".join([str(capture.status), *words])


def _error(capture: Capture) -> Mapping[str, Json]:
    """Return the error object of an answer, empty where it has none."""
    body = _json(capture)
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def _said(capture: Capture) -> str:
    message = _error(capture).get("message")
    return f": {show(message)}" if isinstance(message, str) else ""


def _json(capture: Capture) -> Json:
    try:
        document: Json = orjson.loads(capture.body)
    except orjson.JSONDecodeError:
        return ABSENT
    return ABSENT if depth_exceeds(document, capture.body, MAX_DEPTH) else document


def _body_differences(recorded: Capture, now: Capture) -> Iterator[Difference]:
    if recorded.is_stream:
        yield from _stream_differences(events_of(recorded.body), events_of(now.body))
        return
    before, after = _json(recorded), _json(now)
    if before is ABSENT or after is ABSENT:
        forms = [
            "JSON" if value is not ABSENT else "other content" if each.body else NOTHING
            for value, each in ((before, recorded), (after, now))
        ]
        if forms[0] != forms[1]:
            yield Difference("body", forms[0], forms[1])
        return
    yield from _chosen_differences(_items(before), _items(after))
    yield from _without_outcome(list(shape_differences(Shape().note(before), Shape().note(after))), "")


def _stream_differences(recorded: Sequence[Seen], now: Sequence[Seen]) -> Iterator[Difference]:
    yield from _chosen_differences(_streamed_items(recorded), _streamed_items(now))
    yield from order_differences(order_of(recorded), order_of(now))
    before, after = _shapes(recorded), _shapes(now)
    found: list[tuple[str, Difference]] = []
    for name, shape in before.items():
        if name in after:
            each = list(shape_differences(shape, after[name]))
            found += [(name, difference) for difference in _without_outcome(each, "response.")]
    yield from _gathered(found)


def _shapes(events: Sequence[Seen]) -> dict[str, Shape]:
    found: dict[str, Shape] = {}
    for event in events:
        found.setdefault(event.type, Shape()).note(event.data, event.type)
    return found


_ITEM_KINDS: Final = ("kinds of output", "kinds of response.output", "kinds of item")


def _without_outcome(found: list[Difference], within: str) -> list[Difference]:
    """Drop what follows from another outcome of the model's: other items, why it ended early, that it did not complete."""
    told = [each for each in found if each.kind == "structure" or each.where not in _ITEM_KINDS]
    if not any(each.where == f"{within}status" for each in told):
        return told
    followers = tuple(f"{within}{name}" for name in ("incomplete_details", "completed_at", "error"))
    return [each for each in told if not each.where.startswith(followers)]


def _gathered(found: Sequence[tuple[str, Difference]]) -> Iterator[Difference]:
    """Yield each difference once with the types of all events that show it."""
    rows: dict[Difference, list[str]] = {}
    for name, each in found:
        path = re.sub(
            r"^item\b", "response.output", re.sub(r"^kinds of item\b", "kinds of response.output", each.where)
        )
        rows.setdefault(Difference(path, each.recorded, each.now, each.kind), []).append(name)
    for each, names in rows.items():
        shown = ", ".join(names[:_MOST_TYPES])
        more = f" and {len(names) - _MOST_TYPES} more" if len(names) > _MOST_TYPES else ""
        yield Difference(f"{shown}{more}: {each.where}", each.recorded, each.now, each.kind)


def _streamed_items(events: Sequence[Seen]) -> list[Mapping[str, Json]]:
    done = [event.data.get("item") for event in events if event.type == "response.output_item.done"]
    if done:
        return [item for item in done if isinstance(item, dict)]
    responses = [event.data.get("response") for event in events if "response" in event.data]
    return _items(responses[-1]) if responses else []


def _items(body: Json) -> list[Mapping[str, Json]]:
    """Return the output items of a response object."""
    output = body.get("output") if isinstance(body, dict) else None
    return [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []


def _chosen_differences(
    recorded: Sequence[Mapping[str, Json]], now: Sequence[Mapping[str, Json]]
) -> Iterator[Difference]:
    """Yield how the model chose otherwise: other items in another order, other tools called."""
    before, after = _chosen(recorded), _chosen(now)
    if before != after:
        yield Difference("output", ", ".join(before) or NOTHING, ", ".join(after) or NOTHING, "behaviour")


def _chosen(items: Sequence[Mapping[str, Json]]) -> list[str]:
    """Return the items in words; how often it thought in between does not count."""
    words = []
    for item in items:
        kind = str(item.get("type", ""))
        named = kind in _CALLS and isinstance(item.get("name"), str)
        words.append(f"{kind} {show(item['name'])[1:-1]}" if named else kind)
    return [word for word, run in groupby(words) for word in ([word] if word == "reasoning" else run)]
