"""A recorded response as an author would write it: output items, how it ended, usage, and what else clients act on.

This room decides that, and takes it only if the core composes it into what was recorded. It must not know errors, headers
or YAML, nor where the exact bytes are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from mockserver.core import composition, endpoints
from mockserver.core.dialect import Dialect, Quirks
from mockserver.core.draws import Draw
from mockserver.core.events import Event
from mockserver.core.grammar.event_types import EVENTS, SCHEMA_TYPES, TERMINALS
from mockserver.core.items.kinds import complete
from mockserver.core.messages import EMPTY, Json, Request
from mockserver.core.pacing import DONE_FRAME
from mockserver.core.progress import output_so_far
from mockserver.core.recordings.capture import Capture
from mockserver.core.recordings.replaying import json_object
from mockserver.core.recordings.writing.eventlist import event_list
from mockserver.core.recordings.writing.itemspelling import Item, UnspeakableError, covers, item_of, spelt
from mockserver.core.reply import Reply
from mockserver.core.response import Asked
from mockserver.core.rulefiles.replyform import Standing, read_reply
from mockserver.core.sse import decode

SEEN: Final = ("service_tier", "metadata", "previous_response_id", "conversation")
"""Further fields of a response that clients act on; written where they are not what the request says anyway."""

ENDS: Final[Mapping[str, str]] = MappingProxyType({"partial": "cut", "cut": "cut", "timeout": "cut", "reset": "reset"})
"""The fault that ends an answer as a recording ended."""

_DONE: Final = DONE_FRAME.removeprefix(b"data: ").strip().decode()
_CLOSING: Final = 16
"""Events that may follow what was told last: it is closed, then the response ends."""
_OUTPUT_DONE: Final = "response.output_item.done"


def model_of(capture: Capture) -> str:
    """Return the model that an answer names, "" where it names none."""
    response = _final(capture)[0]
    model = None if response is None else response.get("model")
    return model if isinstance(model, str) else ""


def response_reply(capture: Capture) -> dict[str, Json] | None:
    """Return an answer with a response in it as `output` and what goes with it, None where that would not be true."""
    if capture.status != 200 or capture.path != endpoints.RESPONSES or capture.method != "POST":
        return None
    asked = _asker(capture)
    if asked.request.stream != capture.is_stream:
        return None  # whoever edits such a reply would get the other encoding
    response, events = _final(capture)
    if response is None:
        return None
    try:
        if response.get("status") == "in_progress" and events:
            return _broken_off(capture, response, events, asked)
        if any(event.type == "error" for event in events):
            return event_list(response, events, asked)
        output = response["output"]
        if not output and any(event.type == _OUTPUT_DONE for event in events):
            output = output_so_far(events)  # some servers tell the items in the stream alone
        return _whole(response, output, asked)
    except (UnspeakableError, KeyError, TypeError, AttributeError, IndexError):
        return None  # no response as the API has them


def _whole(response: Mapping[str, Json], output: Sequence[Item], asked: Asked) -> dict[str, Json] | None:
    made: dict[str, Json] = {"output": [spelt(item, asked) for item in output]}
    match response["status"]:
        case "completed":
            pass
        case "incomplete":
            made["incomplete"] = response["incomplete_details"]["reason"]
            made["output"] = _ending_early(output, made, asked)
        case "failed":
            made["failed"] = {"code": response["error"]["code"], "message": response["error"]["message"]}
        case _:
            return None
    made["response"] = {key: response[key] for key in ("id", "model") if key in response}
    for key in SEEN:
        if key in response and not covers(_composed(made, asked).get(key), response[key]):
            made["response"][key] = response[key]
    usage = response.get("usage")
    if usage is not None:
        made["usage"] = _usage(made, usage, asked)
    wanted = {**{key: response[key] for key in _COMPARED if response.get(key) is not None}, "output": output}
    if not covers(_composed(made, asked), wanted):
        return None
    return {key: made[key] for key in _ORDER if key in made}


_COMPARED: Final = ("id", "model", "status", "error", "incomplete_details", "usage")
_ORDER: Final = ("output", "failed", "incomplete", "usage", "response", "faults")


def _ending_early(output: Sequence[Item], made: Mapping[str, Json], asked: Asked) -> list[Json]:
    """Return the spelling of items of an incomplete response: that the last one is incomplete goes without saying."""
    entries: list[Json] = list(made["output"])
    if output and output[-1].get("status") == "incomplete":
        short = spelt({**output[-1], "status": "completed"}, asked)
        found = _composed({**made, "output": [*entries[:-1], short]}, asked).get("output")
        if covers(found, list(output)):
            entries[-1] = short
    return entries


def _usage(made: Mapping[str, Json], usage: Mapping[str, Json], asked: Asked) -> dict[str, Json]:
    """Return the numbers of tokens that have to be written: the rest is made of them."""
    told: dict[str, Json] = {key: usage[key] for key in ("input_tokens", "output_tokens") if key in usage}
    found = _composed({**made, "usage": told}, asked).get("usage")
    for key, value in usage.items():
        there = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(value, Mapping):
            below = there if isinstance(there, Mapping) else EMPTY
            # What is counted is said even if it is what would be made up: that changes with the text.
            parts = {name: each for name, each in value.items() if each or name not in below or each != below[name]}
            if parts:
                told[key] = parts
        elif value != there:
            told[key] = value
    return {key: told[key] for key in usage if key in told}


def _composed(made: Mapping[str, Json], asked: Asked) -> Mapping[str, Any]:
    """Return the final response that such a reply gives; empty where it is no reply."""
    reply, items = _read(made, asked)
    return EMPTY if reply is None else composition.final_response(items, reply, asked)


def _read(made: Mapping[str, Json], asked: Asked) -> tuple[Reply | None, list[Item]]:
    """Return a reply and its items, complete. Text with `{{` in it is read as it stands, as in every recording."""
    mistakes: list[str] = []

    def report(path: tuple[str | int, ...], message: str, hint: str = "") -> None:
        mistakes.append(message)

    reply = read_reply({**made, "output": []}, Standing(lambda path: "", recorded=True), report, ())
    items = [item_of(entry, asked) for entry in made["output"]]
    found = [item for item in items if item is not None]
    if reply is None or mistakes or len(found) < len(items):
        return None, []
    return reply, [*complete(found, asked)]


def _broken_off(
    capture: Capture, response: Mapping[str, Json], events: Sequence[Event], asked: Asked
) -> dict[str, Json] | None:
    """Return a stream that ended early as the output so far and the fault that ends it at the same state of things."""
    fault = ENDS.get(capture.end)
    output = output_so_far(events)
    if fault is None or any(event.type not in EVENTS for event in events):
        return None  # what an unheard-of event adds is not known; a whole response says all there is
    made: dict[str, Json] = {
        "output": [spelt(_finished(item), asked) for item in output],
        "response": {key: response[key] for key in ("id", "model") if key in response},
    }
    reply, items = _read(made, asked)
    if reply is None:
        return None
    told = composition.compose(items, reply, asked).events
    near = range(max(2, len(told) - _CLOSING), len(told))
    counts = [count for count in near if _same_state(told[:count], events, output)]
    if not counts:
        return None
    count = next((count for count in counts if told[count - 1].type == events[-1].type), counts[0])
    return {**made, "faults": [{fault: {"after": {"events": count}}}]}


def _finished(item: Item) -> Item:
    return {**item, "status": "completed"} if "status" in item else item


def _same_state(told: Sequence[Event], events: Sequence[Event], output: Sequence[Item]) -> bool:
    """Say whether a client knows as much after either: the same items, as far as they were told, closed or open."""
    if sum(event.type == _OUTPUT_DONE for event in told) != sum(event.type == _OUTPUT_DONE for event in events):
        return False
    return covers(output_so_far(told), list(output))


# What came


def _final(capture: Capture) -> tuple[Mapping[str, Json] | None, list[Event]]:
    """Return the response as last told, None where there is none or the answer is malformed; and the events of a stream.

    One that is still `in_progress` is that of a stream without its end.
    """
    if not capture.is_stream:
        document = json_object(capture.body) if capture.end in ("complete", "partial") else None
        return (document, []) if document is not None and document.get("object") == "response" else (None, [])
    events: list[Event] = []
    for frame in decode(capture.body):
        if frame.data is None or not frame.complete:
            continue
        data = json_object(frame.data)
        if data is None and frame.data == _DONE:
            continue
        if data is None or (events and events[-1].type in TERMINALS):
            return None, []
        kind = str(data.get("type", frame.event))
        row = EVENTS.get(kind)
        delta = data.get(row.delta) if row is not None and row.delta else None
        events.append(Event(kind, data, delta if isinstance(delta, str) else None))
    told = [
        event for event in events if isinstance(event.data, Mapping) and isinstance(event.data.get("response"), dict)
    ]
    if not told or events[-1].type == "error":
        return None, []
    last = told[-1].data
    assert isinstance(last, Mapping)
    response = last["response"]
    return (response if events[-1].type in TERMINALS else {**response, "status": "in_progress"}), events


def _asker(capture: Capture) -> Asked:
    """Return whoever asked, in the plainest dialect: what a dialect adds is not what is compared."""
    request = Request(capture.method, capture.path, query=capture.query, body=capture.request_body)
    dialect = Dialect("any", Quirks(conversation_always=False), SCHEMA_TYPES, _no_schemas)
    meant = request.fields.get("conversation")
    conversation = meant.get("id") if isinstance(meant, dict) else meant
    return Asked(request, Draw.of(0, "", b"", 1), dialect, capture.arrived, str(conversation), sound=True)


def _no_schemas(name: str) -> Mapping[str, Any]:
    raise KeyError(name)
