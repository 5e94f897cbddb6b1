"""A recorded stream as literal events: one that failed in a way that no output says, told by an `error` event.

This room decides when a list of events says what came, and is short enough to read. It must not know where the events were
taken from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mockserver.core.events import Event
from mockserver.core.grammar.event_types import TERMINALS
from mockserver.core.literals import literal
from mockserver.core.messages import Json
from mockserver.core.reply import Events
from mockserver.core.response import Asked
from mockserver.core.rulefiles.replyform import Standing, read_reply
from mockserver.core.rulefiles.written import spell

MOST: Final = 24
"""Events of a list that people read."""

_OF_RESPONSE: Final = ("id", "model", "status", "error", "incomplete_details")
"""What is compared of a response; the rest echoes the request, or repeats the events before."""
_ONE_TIME: Final = ("sequence_number", "obfuscation")


def event_list(response: Mapping[str, Json], events: Sequence[Event], asked: Asked) -> dict[str, Json] | None:
    """Return `events` and what goes with them, None where they are too many or would not become what came."""
    if len(events) > MOST or events[-1].type not in TERMINALS:
        return None
    named = {"response": {key: response[key] for key in ("id", "model") if key in response}}
    wanted = [_shown(event.data) for event in events]

    def becomes(entries: list[Any]) -> list[Mapping[str, Any]]:
        mistakes: list[str] = []

        def report(path: tuple[str | int, ...], message: str, hint: str = "") -> None:
            mistakes.append(message)

        reply = read_reply({"events": entries, **named}, Standing(lambda path: "", recorded=True), report, ())
        if reply is None or mistakes or not isinstance(reply.kind, Events):
            return []
        return [_shown(event.data) for event in literal.compose(reply.kind, reply, asked).events]

    entries = spell(wanted, [], becomes)
    if becomes(entries) != wanted or any("data" in entry for entry in entries if isinstance(entry, dict)):
        return None
    return {"events": entries, **named}


def _shown(data: Mapping[str, Any] | str) -> Mapping[str, Any]:
    """Return what is compared of an event."""
    if isinstance(data, str):
        return {}
    kept = {key: value for key, value in data.items() if key not in _ONE_TIME}
    response = kept.get("response")
    if isinstance(response, Mapping):
        kept["response"] = {key: response[key] for key in _OF_RESPONSE if key in response}
    return kept
