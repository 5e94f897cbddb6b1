"""Whole replies as functions, and the faults that can befall them.

This room decides their Python names and arguments; Python takes times in seconds. It must not know which values make
sense: `core.rulefiles` does, and reports the rest when a rule is built.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from mockserver.core.errors import RuleError
from mockserver.words.items import text
from mockserver.words.spelling import spelled
from mockserver.words.values import UNSET, After, Answer, Fault, Item, Seconds, Unset, duration, given

Reason: TypeAlias = Literal["max_output_tokens", "content_filter"]
"""Why a response ends incomplete."""

Event: TypeAlias = str | Mapping[str, Any]
"""One entry of `events`: a name, or a mapping; `at` in it is seconds from the arrival of the request."""


@spelled
def error(
    name: str | None = None,
    *,
    status: int | None = None,
    type: str | None = None,  # noqa: A002 - the API's name
    code: str | Unset | None = UNSET,
    param: str | Unset | None = UNSET,
    message: str | None = None,
    fields: Mapping[str, str | float] | None = None,
    retry_after: Seconds | None = None,
) -> Answer:
    """An HTTP error in the provider's shape: a name of the catalogue, changed by the rest, or one of your own.

    `retry_after` is what the client is told to wait, in seconds; `fields` fill the words in a catalogue error's message.

    Example: `mockserver.when().reply(error("rate_limit_exceeded", retry_after=0.1), times=2).then("ok")`
    """
    told = {**(fields or {}), **given(status=status, type=type, message=message)}
    told |= {key: value for key, value in (("code", code), ("param", param)) if value is not UNSET}
    spec: dict[str, Any] = {"error": name if name is not None and not told else {**given(name=name), **told}}
    if retry_after is not None:
        spec["retry_after"] = duration(retry_after, "error(retry_after=)")
    return Answer(spec)


@spelled
def http(
    status: int = 200,
    body: Any = None,
    *,
    headers: Mapping[str, Any] | None = None,
    retry_after: Seconds | None = None,
) -> Answer:
    """Any status, headers and body, for any path; text is sent as it is, anything else as compact JSON.

    Example: `mockserver.when(path="/v1/models").reply(http(200, {"data": []}))`
    """
    if isinstance(body, (bytes, bytearray)):
        try:
            body = body.decode()
        except UnicodeDecodeError as wrong:
            raise RuleError(f"http(body=): expected text or JSON; these bytes are no UTF-8 ({wrong.reason})") from None
    spec: dict[str, Any] = {"http": {"status": status, **given(headers=headers, body=body)}}
    if retry_after is not None:
        spec["retry_after"] = duration(retry_after, "http(retry_after=)")
    return Answer(spec)


@spelled
def events(*entries: Event, fill: bool = True) -> Answer:
    """A literal stream of events; short names and one-key shorthands are completed unless `fill=False`.

    Example: `mockserver.when().reply(events("created", "in_progress", {"at": 0.1, "output_text.delta": "Hi"}, "completed"))`
    """
    spec: dict[str, Any] = {"events": [_entry(each) for each in entries]}
    return Answer(spec if fill else {**spec, "fill": False})


def _entry(entry: Event) -> Event:
    if isinstance(entry, Mapping) and "at" in entry:
        return {**entry, "at": duration(entry["at"], "events(), `at`")}
    return entry


@spelled
def auto() -> Answer:
    """Whatever satisfies the request: a forced tool call, a valid instance of its schema, or fixed text.

    Example: `mockserver.when(text_format="json_schema").reply(auto())`
    """
    return Answer({"auto": True})


@spelled
def failed(*items: str | Item, code: str | None = None, message: str | None = None, after: int | None = None) -> Answer:
    """A response that ends with `response.failed`, after so many deltas of these items (all unless given).

    Example: `mockserver.when().reply(failed("half an answer", message="The model broke.", after=3))`
    """
    return Answer({**_items(items), "failed": given(code=code, message=message, after=after)})


@spelled
def incomplete(*items: str | Item, reason: Reason = "max_output_tokens") -> Answer:
    """A response that ends with `response.incomplete`, after these items.

    Example: `mockserver.when().reply(incomplete("Once upon a", reason="max_output_tokens"))`
    """
    return Answer({**_items(items), "incomplete": reason})


def _items(items: tuple[str | Item, ...]) -> dict[str, Any]:
    return {"output": [text(each) if isinstance(each, str) else each for each in items]}


# Faults


@spelled
def delay(seconds: Seconds, *, after: After | None = None, before: str | None = None) -> Fault:
    """Send everything after this place later.

    Example: `mockserver.when().reply("slow", faults=[delay(2)])`
    """
    return Fault({"delay": {"time": duration(seconds, "delay()"), **_place(after, before)}})


@spelled
def stall(seconds: Seconds | None = None, *, after: After | None = None, before: str | None = None) -> Fault:
    """Send nothing more, for this long or until the client leaves.

    Example: `mockserver.when().reply("one two three", faults=[stall(after={"deltas": 2})])`
    """
    time = {} if seconds is None else {"time": duration(seconds, "stall()")}
    return Fault({"stall": {**time, **_place(after, before)}})


@spelled
def cut(*, after: After | None = None, before: str | None = None) -> Fault:
    """Close the connection cleanly (FIN) without the end of the answer.

    Example: `mockserver.when().reply("one two three", faults=[cut(before="response.completed")])`
    """
    return Fault({"cut": _place(after, before)})


@spelled
def reset(*, after: After | None = None, before: str | None = None) -> Fault:
    """Reset the connection (RST) once what came before has arrived.

    Example: `mockserver.when().reply("one two three", faults=[reset(after={"deltas": 2})])`
    """
    return Fault({"reset": _place(after, before)})


def _place(after: After | None, before: str | None) -> dict[str, Any]:
    made: dict[str, Any] = given(before=before)
    if after is not None:
        place: dict[str, Any] = {**after}
        if "time" in place:
            place["time"] = duration(place["time"], "after={'time': }")
        made["after"] = place
    return made
