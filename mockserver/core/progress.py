"""Output items in the middle of their stream: the events sent so far, read back into items.

This room decides what an output looks like when its events stop early. It must not know why they stopped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from mockserver.core.events import Event
from mockserver.core.grammar.item_rows import ITEM_ROWS, Parts, Text
from mockserver.core.items.kinds import KINDS, UNKNOWN

_OPENED: Final = "response.output_item.added"
_CLOSED: Final = "response.output_item.done"


def _parts() -> dict[str, Parts]:
    """Return the step of each event type that opens or closes a part."""
    steps = (step for row in ITEM_ROWS.values() for step in row.steps)
    return {name: step for step in steps if isinstance(step, Parts) for name in (step.added, step.done)}


def _deltas() -> dict[str, tuple[Text, Parts | None]]:
    """Return where the text of each delta type goes: into the item, or into a part of it."""
    found: dict[str, tuple[Text, Parts | None]] = {}
    for row in ITEM_ROWS.values():
        for step in row.steps:
            if isinstance(step, Text):
                found[step.delta] = (step, None)
            elif isinstance(step, Parts):
                found.update({text.delta: (text, step) for text in step.texts.values()})
    return found


_PARTS: Final = _parts()
_DELTAS: Final = _deltas()
_ANNOTATED: Final = "response.output_text.annotation.added"


def output_so_far(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Return the items that these events have told of, in output order.

    A closed item is the one its done event held. An open one holds the text sent so far and is `incomplete`, or still
    `in_progress` where its type cannot be incomplete. Events with verbatim data are passed over.
    """
    items: dict[int, dict[str, Any]] = {}
    closed: set[int] = set()
    for event in events:
        data = event.data
        if isinstance(data, str) or not isinstance(index := data.get("output_index"), int):
            continue
        if event.type in (_OPENED, _CLOSED):
            items[index] = dict(data["item"])
            if event.type == _CLOSED:
                closed.add(index)
        elif index in items:
            _take(items[index], event.type, data)
    for index in items.keys() - closed:
        item = items[index]
        if "incomplete" in KINDS.get(item["type"], UNKNOWN).statuses:
            item["status"] = "incomplete"
    return [items[index] for index in sorted(items)]


def _take(item: dict[str, Any], name: str, data: Mapping[str, Any]) -> None:
    if step := _PARTS.get(name):
        parts = list(item.get(step.field) or ())
        parts[data[step.index] :] = [dict(data["part"])]
        item[step.field] = parts
    elif place := _DELTAS.get(name):
        text, step = place
        holder = item if step is None else item[step.field][data[step.index]]
        for key in text.path[:-1]:
            holder[key] = holder = dict(holder[key])
        holder[text.path[-1]] += data["delta"]
    elif name == _ANNOTATED:
        part = item["content"][data["content_index"]]
        part["annotations"] = [*part["annotations"], data["annotation"]]
