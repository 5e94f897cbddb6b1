"""What was sent back, read from the answer that a session's journal keeps.

This room decides how headers, the response object and its text are found in an answer's bytes, whatever a fault made of
them. It must not know requests or sessions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import orjson

from mockserver.core import sse
from mockserver.core.timeline import Chunk, Head, Timeline
from mockserver.testing.frozen import freeze

TERMINAL: Final = ("response.completed", "response.incomplete", "response.failed")


class ToolCall(NamedTuple):
    """A call that the client was sent: its tool's name, its arguments as JSON (else as text), its id and item type."""

    name: str
    arguments: Any
    call_id: str
    type: str


class Sent:
    """One answer. Everything is read when first asked for; a stream that a fault broke gives what can be read of it."""

    def __init__(self, answer: Timeline | None) -> None:
        self._answer = answer
        self._response: Mapping[str, Any] | None = None
        self._events: list[Mapping[str, Any]] | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers by lower-case name, without those that the HTTP server adds."""
        head = self._answer.steps[0] if self._answer is not None and self._answer.steps else None
        if not isinstance(head, Head):
            return {}
        return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in head.headers + head.shared}

    @property
    def body(self) -> bytes:
        """The body's bytes."""
        steps = self._answer.steps if self._answer is not None else ()
        return b"".join([step.data for step in steps if isinstance(step, Chunk)])

    @property
    def events(self) -> list[Mapping[str, Any]]:
        """The data of each event of a stream that is a JSON object; [] for an answer that is none."""
        if self._events is None:
            self._events = list(self._read()) if self._is_stream else []
        return self._events

    @property
    def response(self) -> Mapping[str, Any] | None:
        """The response object as the client got it last: the whole of a JSON answer, or a stream's last snapshot."""
        if self._response is None:
            if self._is_stream:
                snapshots = [event["response"] for event in self.events if isinstance(event.get("response"), dict)]
                self._response = snapshots[-1] if snapshots else None
            else:
                found = _parsed(self.body)
                self._response = found if isinstance(found, dict) and found.get("object") == "response" else None
        return self._response

    @property
    def is_whole(self) -> bool:
        """Whether the response came to its end: completed, incomplete or failed."""
        return not self._is_stream or any(event.get("type") in TERMINAL for event in self.events)

    @property
    def text(self) -> str:
        """The text of all messages, refusals too; of a stream without its end, the deltas that there are."""
        if not self.is_whole:
            wanted = ("response.output_text.delta", "response.refusal.delta")
            return "".join(str(event.get("delta", "")) for event in self.events if event.get("type") in wanted)
        parts = [part for item in self._items() if item.get("type") == "message" for part in item.get("content") or ()]
        return "".join(str(part.get("text", part.get("refusal", ""))) for part in parts if isinstance(part, dict))

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The calls that the client is to answer."""
        if not self.is_whole:
            done = [event.get("item") for event in self.events if event.get("type") == "response.output_item.done"]
            items: list[Mapping[str, Any]] = [item for item in done if isinstance(item, dict)]
        else:
            items = list(self._items())
        return tuple(_call(item) for item in items if "call_id" in item and str(item.get("type")).endswith("_call"))

    @property
    def usage(self) -> Mapping[str, Any]:
        """The usage object, {} where there is none."""
        found = (self.response or {}).get("usage")
        return found if isinstance(found, dict) else {}

    def _items(self) -> Iterator[Mapping[str, Any]]:
        for item in (self.response or {}).get("output") or ():
            if isinstance(item, dict):
                yield item

    @property
    def _is_stream(self) -> bool:
        return self.headers.get("content-type", "").startswith("text/event-stream")

    def _read(self) -> Iterator[Mapping[str, Any]]:
        for frame in sse.decode(self.body):
            found = _parsed(frame.data.encode()) if frame.data is not None and frame.complete else None
            if isinstance(found, dict):
                yield found


def _call(item: Mapping[str, Any]) -> ToolCall:
    kind = str(item.get("type"))
    arguments = item.get("arguments", item.get("input", item.get("action")))
    if "arguments" in item and isinstance(arguments, str):
        found = _parsed(arguments.encode())
        arguments = arguments if found is None else found
    return ToolCall(str(item.get("name", kind)), freeze(arguments), str(item["call_id"]), kind)


def _parsed(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
