"""Answers without an author: whatever satisfies the request. And the check whether an author's answer does.

This room decides what a request asks of its answer: a forced tool, a JSON Schema for the text or for a tool's arguments.
It must not know rules or events. A request's schemas open no file and no connection.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import orjson

from mockserver.core.errors import SchemaSourceError
from mockserver.core.items.instances import instance
from mockserver.core.items.patterns import sample
from mockserver.core.messages import Json, Request, Untruth
from mockserver.core.schemas.costs import StrangersSchema

__all__ = ["GREETING", "instance", "items_for", "untruths"]

GREETING: Final = "Hello from mockserver."
"""What is said when a request asks for nothing in particular."""

_HOSTED: Final[Mapping[str, Mapping[str, Any]]] = {
    "web_search": {"type": "web_search_call"},
    "file_search": {"type": "file_search_call"},
    "code_interpreter": {"type": "code_interpreter_call"},
    "image_generation": {"type": "image_generation_call"},
    "mcp": {"type": "mcp_call"},
}
"""What the service itself does with a forced tool of its own before it speaks, by tool type (dated ones included)."""

_CLIENTS: Final[Mapping[str, str]] = {
    "computer": "computer_call",
    "computer_use_preview": "computer_call",
    "local_shell": "local_shell_call",
    "shell": "shell_call",
    "apply_patch": "apply_patch_call",
}
"""Built-in tools that the client runs, and the call it gets."""


def items_for(request: Request) -> list[Json]:
    """Return output items (ids still missing) that satisfy the request.

    A forced tool is called with arguments valid against its `parameters`, unless its output has just come; else a text
    that meets `text.format`; else a greeting.
    """
    fields = request.fields
    tool = _forced(fields)
    if tool is None or request.conversation.tail_outputs:
        return [_message(fields)]
    kind = str(tool.get("type"))
    if kind == "function":
        arguments = instance(tool.get("parameters") or {})
        text = _compact(arguments if isinstance(arguments, dict) else {})
        return [{"type": "function_call", "name": tool.get("name", ""), "arguments": text}]
    if kind == "custom":
        return [{"type": "custom_tool_call", "name": tool.get("name", ""), "input": _free_input(tool)}]
    if kind in _CLIENTS:
        return [{"type": _CLIENTS[kind]}]
    hosted = next((call for name, call in _HOSTED.items() if kind == name or kind.startswith(f"{name}_")), None)
    if hosted is None:
        return [_message(fields)]
    label = {"server_label": tool["server_label"]} if isinstance(tool.get("server_label"), str) else {}
    return [{**hosted, **label}, _message(fields)]


def _forced(fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the tool that the request makes the model call, as it stands in `tools`; None when it may choose."""
    tools = _mappings(fields.get("tools"))
    choice = fields.get("tool_choice")
    if choice == "required":
        return tools[0] if tools else None
    if not isinstance(choice, Mapping):
        return None
    if choice.get("type") == "allowed_tools":
        if choice.get("mode") != "required":
            return None
        allowed = _mappings(choice.get("tools"))
        return next((tool for tool in tools if any(_names(each, tool) for each in allowed)), None)
    return next((tool for tool in tools if _names(choice, tool)), choice)


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    """Return the mappings of a list; a request that was let through may hold anything."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _names(choice: Mapping[str, Any], tool: Mapping[str, Any]) -> bool:
    """Say whether a choice speaks of this tool: same type, and same name or server where it gives one."""
    return all(choice[key] == tool.get(key) for key in ("type", "server_label") if key in choice) and (
        "name" not in tool or choice.get("name") == tool["name"]
    )


def _free_input(tool: Mapping[str, Any]) -> str:
    form = tool.get("format")
    if isinstance(form, Mapping) and form.get("syntax") == "regex" and isinstance(form.get("definition"), str):
        return sample(form["definition"]) or ""
    return GREETING


def _message(fields: Mapping[str, Any]) -> dict[str, Any]:
    form = _format(fields)
    text = GREETING
    if form.get("type") == "json_schema":
        text = _compact(instance(form.get("schema")))
    elif form.get("type") == "json_object":
        text = "{}"
    return {"type": "message", "content": [{"type": "output_text", "text": text}]}


def _format(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    text = fields.get("text")
    form = text.get("format") if isinstance(text, Mapping) else None
    return form if isinstance(form, Mapping) else {}


def _compact(value: Json) -> str:
    return orjson.dumps(value).decode()


def untruths(request: Request, items: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return a note for every completed item that breaks what the request itself asks for; () when none does.

    Looked at are the text of messages (`text.format` of type `json_schema` or `json_object`) and the arguments of function
    calls (the function's `parameters`). Refusals, commentary and items that are not `completed` may be anything.
    """
    fields = request.fields
    form = _format(fields)
    parameters: dict[str, Any] | None = None
    notes: list[str] = []
    for index, item in enumerate(items):
        kind = item.get("type")
        if item.get("status", "completed") != "completed" or item.get("phase") == "commentary":
            continue
        if kind == "message" and form.get("type") in ("json_schema", "json_object"):
            schema = form.get("schema") if form["type"] == "json_schema" else {"type": "object"}
            for text in _texts(item):
                notes += _breaks(f"output[{index}]: the text", "the request's text.format", text, schema)
        elif kind == "function_call":
            if parameters is None:
                parameters = _parameters(_mappings(fields.get("tools")))
            name = str(item.get("name"))
            what = f"output[{index}]: the arguments of {name}"
            notes += _breaks(what, "the tool's parameters", item.get("arguments"), parameters.get(name))
    return tuple(notes)


def _texts(item: Mapping[str, Any]) -> Iterator[Any]:
    for part in item.get("content") or ():
        if isinstance(part, Mapping) and part.get("type") == "output_text":
            yield part.get("text")


def _parameters(tools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the schema of each function by name."""
    return {str(tool.get("name")): tool.get("parameters") for tool in tools if tool.get("type") == "function"}


def _breaks(what: str, whose: str, text: Any, schema: Any) -> list[str]:
    """Return what is wrong with a text that must be JSON valid against `schema`."""
    if not isinstance(schema, Mapping):
        return []
    try:
        value = orjson.loads(text if isinstance(text, str) else b"")
    except orjson.JSONDecodeError as error:
        return [Untruth(f"{what} must be JSON for {whose}, and is not: {error}")]
    try:
        judge = _judge(schema)
    except SchemaSourceError as error:
        return [f"{what} could not be checked against {whose}: {error}"]
    if not judge.affords(value):
        return [f"{what} could not be checked against {whose}: judging by this JSON Schema may take too long"]
    if judge.is_valid(value):
        return []
    first, *others = judge.violations(value)
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in first.path).lstrip(".")
    more = f" (and {len(others)} more)" if others else ""
    return [Untruth(f"{what} breaks {whose}: {f'{place}: ' if place else ''}{first.message}{more}")]


def _judge(schema: Mapping[str, Any]) -> StrangersSchema:
    """Return the compiled schema. The same few schemas come with every request, so small ones are kept."""
    text = orjson.dumps(schema)
    return _kept(text) if len(text) <= 16_384 else StrangersSchema(schema)


@lru_cache(maxsize=128)
def _kept(text: bytes) -> StrangersSchema:
    return StrangersSchema(orjson.loads(text))
