"""The stream event types as one table: which fields each has, what it belongs to, which event closes which deltas.

This room decides what an event type is called and carries. It must not know in which order events come (`item_rows` and
`grammar` do), who makes them or how they are encoded.

    >>> EVENTS["response.output_text.done"].whole, EVENTS["response.output_text.done"].closes
    ('text', 'response.output_text.delta')
    >>> full_name("output_text.delta")
    'response.output_text.delta'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from mockserver.core.errors import nearest
from mockserver.core.messages import EMPTY

Scope: TypeAlias = Literal["response", "item", "part", "summary_part", "free"]
"""What an event speaks of: the response, an item, a content part of it, a summary part of it, or none of these."""

PREFIX: Final = "response."


@dataclass(frozen=True, slots=True)
class EventType:
    """One row of the table.

    `required` are the fields besides `type` and `sequence_number`, in the order the API writes them. `delta` names the
    field that carries a piece, None for events that are no delta. `whole` names the field in which a done event repeats
    all pieces, and `closes` the delta type it ends. `main` is where a lone value belongs (`{output_text.delta: Hel}`).
    `items` are the item types it may belong to, () for any. `defaults` are values for required fields that have an
    obvious empty one. `in_schema` is False for types that only live traffic has.
    """

    type: str
    short: str
    required: tuple[str, ...]
    scope: Scope
    items: tuple[str, ...] = ()
    delta: str | None = None
    whole: str | None = None
    closes: str | None = None
    main: str | None = None
    defaults: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    optional: tuple[str, ...] = ()
    in_schema: bool = True


INDEX: Final[Mapping[str, str]] = MappingProxyType({"part": "content_index", "summary_part": "summary_index"})
"""Which field counts the parts of a scope."""

_ITEM = "item_id output_index"
_PART = "item_id output_index content_index"
_SUMMARY = "item_id output_index summary_index"
_TEXT: Final[Mapping[str, Any]] = {"logprobs": []}

# Sources: the published event schemas and the official client's event union. Columns: the short name; the required
# fields; the main field, in which a done event holds the whole; the item types the event belongs to, "" for any.
_TABLE: Final = (
    ("response.created", "response", "", ""),
    ("response.queued", "response", "", ""),
    ("response.in_progress", "response", "", ""),
    ("response.completed", "response", "", ""),
    ("response.failed", "response", "", ""),
    ("response.incomplete", "response", "", ""),
    ("response.output_item.added", "output_index item", "item", ""),
    ("response.output_item.done", "output_index item", "item", ""),
    ("response.content_part.added", f"{_PART} part", "part", "message reasoning"),
    ("response.content_part.done", f"{_PART} part", "part", "message reasoning"),
    ("response.output_text.delta", f"{_PART} delta logprobs", "delta", "message"),
    ("response.output_text.done", f"{_PART} text logprobs", "text", "message"),
    ("response.output_text.annotation.added", f"{_PART} annotation_index annotation", "annotation", "message"),
    ("response.refusal.delta", f"{_PART} delta", "delta", "message"),
    ("response.refusal.done", f"{_PART} refusal", "refusal", "message"),
    ("response.function_call_arguments.delta", f"{_ITEM} delta", "delta", "function_call"),
    ("response.function_call_arguments.done", f"{_ITEM} arguments", "arguments", "function_call"),
    ("response.custom_tool_call_input.delta", f"{_ITEM} delta", "delta", "custom_tool_call"),
    ("response.custom_tool_call_input.done", f"{_ITEM} input", "input", "custom_tool_call"),
    ("response.reasoning_text.delta", f"{_PART} delta", "delta", "reasoning"),
    ("response.reasoning_text.done", f"{_PART} text", "text", "reasoning"),
    ("response.reasoning_summary_part.added", f"{_SUMMARY} part", "part", "reasoning"),
    ("response.reasoning_summary_part.done", f"{_SUMMARY} part", "part", "reasoning"),
    ("response.reasoning_summary_text.delta", f"{_SUMMARY} delta", "delta", "reasoning"),
    ("response.reasoning_summary_text.done", f"{_SUMMARY} text", "text", "reasoning"),
    ("response.file_search_call.in_progress", _ITEM, "", "file_search_call"),
    ("response.file_search_call.searching", _ITEM, "", "file_search_call"),
    ("response.file_search_call.completed", _ITEM, "", "file_search_call"),
    ("response.web_search_call.in_progress", _ITEM, "", "web_search_call"),
    ("response.web_search_call.searching", _ITEM, "", "web_search_call"),
    ("response.web_search_call.completed", _ITEM, "", "web_search_call"),
    ("response.code_interpreter_call.in_progress", _ITEM, "", "code_interpreter_call"),
    ("response.code_interpreter_call.interpreting", _ITEM, "", "code_interpreter_call"),
    ("response.code_interpreter_call.completed", _ITEM, "", "code_interpreter_call"),
    ("response.code_interpreter_call_code.delta", f"{_ITEM} delta", "delta", "code_interpreter_call"),
    ("response.code_interpreter_call_code.done", f"{_ITEM} code", "code", "code_interpreter_call"),
    ("response.image_generation_call.in_progress", _ITEM, "", "image_generation_call"),
    ("response.image_generation_call.generating", _ITEM, "", "image_generation_call"),
    (
        "response.image_generation_call.partial_image",
        f"{_ITEM} partial_image_index partial_image_b64",
        "partial_image_b64",
        "image_generation_call",
    ),
    ("response.image_generation_call.completed", _ITEM, "", "image_generation_call"),
    ("response.mcp_call.in_progress", _ITEM, "", "mcp_call"),
    ("response.mcp_call.completed", _ITEM, "", "mcp_call"),
    ("response.mcp_call.failed", _ITEM, "", "mcp_call"),
    ("response.mcp_call_arguments.delta", f"{_ITEM} delta", "delta", "mcp_call"),
    ("response.mcp_call_arguments.done", f"{_ITEM} arguments", "arguments", "mcp_call"),
    ("response.mcp_list_tools.in_progress", _ITEM, "", "mcp_list_tools"),
    ("response.mcp_list_tools.completed", _ITEM, "", "mcp_list_tools"),
    ("response.mcp_list_tools.failed", _ITEM, "", "mcp_list_tools"),
    ("response.shell_call_command.added", "output_index command_index command", "command", "shell_call"),
    ("response.shell_call_command.delta", "output_index command_index delta", "delta", "shell_call"),
    ("response.shell_call_command.done", "output_index command_index command", "command", "shell_call"),
    ("response.shell_call_output_content.delta", f"{_ITEM} command_index delta", "delta", "shell_call_output"),
    ("response.shell_call_output_content.done", f"{_ITEM} command_index output", "output", "shell_call_output"),
    ("response.compaction.compacting", _ITEM, "", "compaction"),
    ("response.audio.delta", "delta", "delta", ""),
    ("response.audio.done", "", "", ""),
    ("response.audio.transcript.delta", "delta", "delta", ""),
    ("response.audio.transcript.done", "", "", ""),
    ("error", "code message param", "message", ""),
    # Sent by the live service, absent from its published schemas.
    ("response.apply_patch_call_operation_diff.delta", f"{_ITEM} delta", "delta", "apply_patch_call"),
    ("response.apply_patch_call_operation_diff.done", f"{_ITEM} diff", "diff", "apply_patch_call"),
)

_LIVE_ONLY: Final = "response.apply_patch_call_operation_diff."
_DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "response.output_text.delta": _TEXT,
    "response.output_text.done": _TEXT,
    "error": {"code": None, "param": None},
}
_OPTIONAL: Final[Mapping[str, tuple[str, ...]]] = {
    "response.output_text.delta": ("obfuscation",),
    "response.function_call_arguments.done": ("name",),  # the schema wants it, live traffic omits it
    "response.image_generation_call.partial_image": ("size", "quality", "background", "output_format"),
    "response.reasoning_summary_part.done": ("status",),
    "response.shell_call_command.delta": ("obfuscation",),
}


def _scope(fields: tuple[str, ...]) -> Scope:
    """Read off the fields what an event speaks of."""
    if "summary_index" in fields:
        return "summary_part"
    if "content_index" in fields:
        return "part"
    if "output_index" in fields:
        return "item"
    return "response" if "response" in fields else "free"


def _events() -> Mapping[str, EventType]:
    names = {row[0] for row in _TABLE}
    built = {}
    for name, fields, main, items in _TABLE:
        required = tuple(fields.split())
        stem, _, last = name.rpartition(".")
        closes = f"{stem}.delta" if last == "done" and f"{stem}.delta" in names else None
        built[name] = EventType(
            type=name,
            short=name.removeprefix(PREFIX),
            required=required,
            scope=_scope(required),
            items=tuple(items.split()),
            delta="delta" if last == "delta" else None,
            whole=(main or None) if closes else None,
            closes=closes,
            main=main or None,
            defaults=MappingProxyType(dict(_DEFAULTS.get(name, {}))),
            optional=_OPTIONAL.get(name, ()),
            in_schema=not name.startswith(_LIVE_ONLY),
        )
    return MappingProxyType(built)


EVENTS: Final = _events()
"""Every event type by its full name, in the order of the API's own life cycle."""

SCHEMA_TYPES: Final = frozenset(name for name, row in EVENTS.items() if row.in_schema)
"""The types that the current published schemas and the official client know."""

TERMINALS: Final[Mapping[str, str]] = MappingProxyType(
    {"response.completed": "completed", "response.failed": "failed", "response.incomplete": "incomplete"}
)
"""The events that end a stream, and the response status each stands for. Cancelling has none."""

_BY_NAME: Final = {spelling: row.type for row in EVENTS.values() for spelling in (row.short, row.type)}


def full_name(name: str) -> str | None:
    """Return the event type of a short (`output_text.delta`) or full name, None when there is no such type."""
    return _BY_NAME.get(name)


def similar_name(name: str) -> str | None:
    """Return the known short name most like `name`, for a hint, or None when nothing is close."""
    return nearest(name.removeprefix(PREFIX), (row.short for row in EVENTS.values()))
