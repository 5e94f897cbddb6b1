"""A conversation as the API's items: who said what last, what the tools gave back, which turn this is.

This room decides what *tail*, *user*, *transcript*, *turn* and *tool output* mean. It must not know HTTP, rules or where
stored items come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

Item = Mapping[str, Any]

MODEL_MADE: Final = frozenset({"reasoning", "item_reference", "compaction", "mcp_list_tools", "mcp_approval_request"})
"""Item types made by the model besides assistant messages and everything that ends in `_call`."""


def is_model_made(item: Item) -> bool:
    """Say whether the model made this item; messages are told by their role."""
    kind = item.get("type")
    if kind is None or kind == "message":
        return item.get("role") == "assistant"
    return isinstance(kind, str) and (kind in MODEL_MADE or kind.endswith("_call"))


def is_user_message(item: Item) -> bool:
    """Say whether this item is a message with role `user`."""
    return item.get("type") in (None, "message") and item.get("role") == "user"


def text_of(content: Any) -> str:
    """Return the text of a message's content or a tool's output: a string, or text parts joined by newline."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = []
    for part in content:
        if isinstance(part, dict):
            text = part.get("text", part.get("refusal"))
            if isinstance(text, str):
                parts.append(text)
    return "\n".join(parts)


def is_call(item: Item) -> bool:
    """Say whether this item is a call that the client answers with an output item."""
    kind = item.get("type")
    return isinstance(kind, str) and kind.endswith("_call") and "call_id" in item


def is_output(item: Item) -> bool:
    """Say whether this item is what a tool gave back."""
    kind = item.get("type")
    return isinstance(kind, str) and kind.endswith("_call_output")


def output_text(item: Item) -> str:
    """Return a tool output's text: the string, its text parts, or the compact JSON of anything else."""
    output = item.get("output")
    if isinstance(output, str):
        return output
    if output is None:
        return ""
    text = text_of(output)
    return text or orjson.dumps(output).decode()


class Conversation:
    """Stored items first, then the request's own input. A string input is one user message."""

    __slots__ = ("_transcript", "_turn", "history", "input")

    def __init__(self, history: Sequence[Item], given: Any) -> None:
        self.history = history
        if isinstance(given, str):
            self.input: Sequence[Item] = ({"type": "message", "role": "user", "content": given},)
        elif isinstance(given, list):
            self.input = [item for item in given if isinstance(item, dict)]
        else:
            self.input = ()
        self._transcript: str | None = None
        self._turn = 0

    def items(self) -> Iterator[Item]:
        """Yield every item, oldest first."""
        yield from self.history
        yield from self.input

    @property
    def tail(self) -> Sequence[Item]:
        """The input items after the last item the model made."""
        for index in range(len(self.input) - 1, -1, -1):
            if is_model_made(self.input[index]):
                return self.input[index + 1 :]
        return self.input

    @property
    def said(self) -> str | None:
        """What the user just said: the last user message in the tail; None right after a tool output."""
        return _last_user_text(self.tail)

    @property
    def user(self) -> str | None:
        """The newest user message, wherever it stands."""
        text = _last_user_text(self.input)
        return _last_user_text(self.history) if text is None else text

    @property
    def transcript(self) -> str:
        """All message and tool-output text, one a line, stored chain first."""
        if self._transcript is None:
            texts = []
            for item in self.items():
                if is_output(item):
                    texts.append(output_text(item))
                elif item.get("type") in (None, "message"):
                    texts.append(text_of(item.get("content")))
            self._transcript = "\n".join(text for text in texts if text)
        return self._transcript

    @property
    def turn(self) -> int:
        """1 + the number of runs of model-made items; the second request of a tool loop is turn 2."""
        if not self._turn:
            turn, inside = 1, False
            for item in self.items():
                made = is_model_made(item)
                turn += made and not inside
                inside = made
            self._turn = turn
        return self._turn

    @property
    def tail_outputs(self) -> Sequence[Item]:
        """The tool outputs in the tail."""
        return [item for item in self.tail if is_output(item)]

    @property
    def outputs(self) -> Sequence[Item]:
        """Every tool output, oldest first."""
        return [item for item in self.items() if is_output(item)]

    def call_name(self, call_id: Any) -> str | None:
        """Return the tool name of the newest call with this `call_id`, or None; nameless calls go by their type."""
        for items in (self.input, self.history):
            for item in reversed(items):
                if item.get("call_id") == call_id and is_call(item):
                    name = item.get("name", item["type"])
                    return name if isinstance(name, str) else None
        return None


def _last_user_text(items: Sequence[Item]) -> str | None:
    for item in reversed(items):
        if is_user_message(item):
            return text_of(item.get("content"))
    return None
