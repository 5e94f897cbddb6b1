"""How the events of one output item run, as rows of data: what a builder walks and a checker verifies.

This room decides the steps between `output_item.added` and `output_item.done` for each item type with a known order. It
must not know how items interleave or what a response is. Orders were taken from recorded traffic of the live service.

Every item opens with `response.output_item.added`, which holds `opened(item)`, and closes with
`response.output_item.done`, which holds the item whole. Between them the steps of its row run in order; a type without
a row has none. A builder walks a row like this:

    for step in row_of(item).steps:
        match step:
            case Signal():      # one bare event, or none for the success that a failed item never had
                if (signal := step.told_of(item)) is not None:
                    emit(signal)
            case Text():        # pieces, then the whole
                for piece in pieces(step.read(item)):
                    emit(step.delta, delta=piece)
                emit(step.done, **{EVENTS[step.done].whole: step.read(item)})
            case Parts():       # each part of item[step.field], counted in the event field step.index
                for index, part in enumerate(item.get(step.field) or ()):
                    emit(step.added, part=step.opened(part), **{step.index: index})
                    ...         # Text steps as above, from step.texts.get(part["type"]), reading from the part
                    emit(step.done, part=part, **{step.index: index})
            case Extras():      # any number, also none: only what the author wrote
                pass

A dialect that lacks an event type of a step leaves that step out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from mockserver.core.messages import EMPTY


@dataclass(frozen=True, slots=True)
class Signal:
    """One bare event. With two types the first tells success and the second failure."""

    types: tuple[str, ...]

    def told_of(self, item: Mapping[str, Any]) -> str | None:
        """Return the type to send for this finished item; None where it failed and only success has an event."""
        if self.types[0].endswith(".completed") and has_failed(item):
            return self.types[1] if len(self.types) > 1 else None
        return self.types[0]


@dataclass(frozen=True, slots=True)
class Text:
    """Deltas, then one done event with the whole.

    `path` leads to the text inside the item, or inside the part for the texts of `Parts`. `interleaved` may stand
    between the deltas (annotations).
    """

    delta: str
    done: str
    path: tuple[str, ...]
    interleaved: tuple[str, ...] = ()

    def read(self, holder: Mapping[str, Any]) -> str:
        """Return the text, "" where the holder has none."""
        value: Any = holder
        for key in self.path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class Parts:
    """Any number of parts, one after the other, each opened, streamed by the text of its type, and closed."""

    field: str
    """The item's list of parts: `content` or `summary`."""
    index: str
    """The event field that counts them: `content_index` or `summary_index`."""
    added: str
    done: str
    texts: Mapping[str, Text]
    """By part type. A part of any other type has no deltas: opened, then closed."""

    def opened(self, part: Mapping[str, Any]) -> dict[str, Any]:
        """Return the part as its added event holds it: still without its text and annotations."""
        kind = part.get("type")
        text = self.texts.get(kind) if isinstance(kind, str) else None
        blank: dict[str, Any] = {} if text is None else {text.path[0]: ""}
        if "annotations" in part:
            blank["annotations"] = []
        if part.get("logprobs"):
            blank["logprobs"] = []
        return {**part, **blank}


@dataclass(frozen=True, slots=True)
class Extras:
    """Any number of events of one type, also none: an item does not tell them, only an author or a recording does."""

    type: str


Step: TypeAlias = Signal | Text | Parts | Extras


@dataclass(frozen=True, slots=True)
class Row:
    """The steps of one item type, and what its fields hold while it is open (`blank`, where the item has them)."""

    steps: tuple[Step, ...] = ()
    blank: Mapping[str, Any] = field(default_factory=lambda: EMPTY)


def _signals(call: str, *names: str) -> tuple[Signal, ...]:
    return tuple(Signal((f"response.{call}.{name}",)) for name in names)


def _outcome(call: str) -> Signal:
    return Signal((f"response.{call}.completed", f"response.{call}.failed"))


def _text(stem: str, *path: str, interleaved: tuple[str, ...] = ()) -> Text:
    return Text(f"response.{stem}.delta", f"response.{stem}.done", path, interleaved)


def _content(**texts: Text) -> Parts:
    return Parts(
        "content", "content_index", "response.content_part.added", "response.content_part.done", MappingProxyType(texts)
    )


_SUMMARY: Final = Parts(
    "summary",
    "summary_index",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_part.done",
    MappingProxyType({"summary_text": _text("reasoning_summary_text", "text")}),
)

ITEM_ROWS: Final[Mapping[str, Row]] = MappingProxyType(
    {
        "message": Row(
            (
                _content(
                    output_text=_text("output_text", "text", interleaved=("response.output_text.annotation.added",)),
                    refusal=_text("refusal", "refusal"),
                ),
            ),
            {"content": []},
        ),
        "reasoning": Row(
            (_content(reasoning_text=_text("reasoning_text", "text")), _SUMMARY), {"content": [], "summary": []}
        ),
        "function_call": Row((_text("function_call_arguments", "arguments"),), {"arguments": ""}),
        "custom_tool_call": Row((_text("custom_tool_call_input", "input"),), {"input": ""}),
        "apply_patch_call": Row((_text("apply_patch_call_operation_diff", "operation", "diff"),)),
        "web_search_call": Row(_signals("web_search_call", "in_progress", "searching", "completed")),
        "file_search_call": Row(
            _signals("file_search_call", "in_progress", "searching", "completed"), {"queries": [], "results": None}
        ),
        "code_interpreter_call": Row(
            (
                *_signals("code_interpreter_call", "in_progress"),
                _text("code_interpreter_call_code", "code"),
                *_signals("code_interpreter_call", "interpreting", "completed"),
            ),
            {"code": "", "outputs": None},
        ),
        "image_generation_call": Row(
            (
                *_signals("image_generation_call", "in_progress", "generating"),
                Extras("response.image_generation_call.partial_image"),
                *_signals("image_generation_call", "completed"),
            ),
            {"result": None},
        ),
        "mcp_list_tools": Row(
            (*_signals("mcp_list_tools", "in_progress"), _outcome("mcp_list_tools")), {"tools": [], "error": None}
        ),
        "mcp_call": Row(
            (*_signals("mcp_call", "in_progress"), _text("mcp_call_arguments", "arguments"), _outcome("mcp_call")),
            {"arguments": "", "output": None, "error": None},
        ),
    }
)
"""The known orders by item type."""

NO_ROW: Final = Row()


def has_failed(item: Mapping[str, Any]) -> bool:
    """Say whether a finished item tells of failure: by its status, or by its error where it has no status."""
    status = item.get("status")
    return item.get("error") is not None if status is None else bool(status == "failed")


def row_of(item: Mapping[str, Any]) -> Row:
    """Return the row of an item by its `type`; an empty one when no order is known."""
    kind = item.get("type")
    return ITEM_ROWS.get(kind, NO_ROW) if isinstance(kind, str) else NO_ROW


def opened(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the item as `output_item.added` holds it: in progress, and what is streamed still blank."""
    begun = dict(item)
    for key, blank in row_of(item).blank.items():
        if key in begun:
            begun[key] = blank
    if "status" in begun:
        begun["status"] = "in_progress"
    operation = begun.get("operation")
    if begun.get("type") == "apply_patch_call" and isinstance(operation, Mapping) and "diff" in operation:
        begun["operation"] = {**operation, "diff": ""}
    return begun
