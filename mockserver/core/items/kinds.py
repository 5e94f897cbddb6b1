"""The kinds of output item as one table, and how an item that an author left unfinished is finished.

This room decides what an item of each type must hold: id, status, call id and the fields that the published types
require. It must not know how authors abbreviate items (`shorthands`) or which events an item becomes (`composition`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

import orjson

from mockserver.core.draws import Draw
from mockserver.core.messages import EMPTY
from mockserver.core.response import Asked

_WORKING: Final = ("in_progress", "completed", "incomplete")


@dataclass(frozen=True, slots=True)
class ItemKind:
    """One row of the table.

    `prefix` opens the item's id. `statuses` are those the API knows, () where the type has no status. `calls` says
    whether the item has a `call_id`: `own` draws a new one, `answered` takes the newest earlier one. `defaults` are the
    required fields an author may leave out. `texts` are fields that hold text: a template may have made them anything.
    `drawn` maps further fields that hold an id to its prefix. `parts` maps a field that lists parts to the type of a
    part that names none.
    """

    prefix: str
    statuses: tuple[str, ...] = ()
    calls: Literal["", "own", "answered"] = ""
    defaults: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    texts: tuple[str, ...] = ()
    drawn: tuple[tuple[str, str], ...] = ()
    parts: tuple[tuple[str, str], ...] = ()


_SERVER: Final = {"execution": "server"}

# Sources: the official client's output item types for required fields and statuses, recorded traffic for prefixes.
KINDS: Final[Mapping[str, ItemKind]] = MappingProxyType(
    {
        "message": ItemKind(
            "msg_", _WORKING, defaults={"role": "assistant", "content": []}, parts=(("content", "output_text"),)
        ),
        "reasoning": ItemKind(
            "rs_",
            _WORKING,
            defaults={"summary": []},
            parts=(("summary", "summary_text"), ("content", "reasoning_text")),
        ),
        "function_call": ItemKind("fc_", _WORKING, "own", {"name": "", "arguments": "{}"}, ("arguments",)),
        "function_call_output": ItemKind("fco_", _WORKING, "answered", {"output": ""}),
        "custom_tool_call": ItemKind("ctc_", _WORKING, "own", {"name": "", "input": ""}, ("input",)),
        "custom_tool_call_output": ItemKind("ctco_", _WORKING, "answered", {"output": ""}),
        "web_search_call": ItemKind(
            "ws_",
            ("in_progress", "searching", "completed", "failed", "incomplete"),
            defaults={"action": {"type": "search", "query": ""}},
        ),
        "file_search_call": ItemKind(
            "fs_",
            ("in_progress", "searching", "completed", "incomplete", "failed"),
            defaults={"queries": [], "results": None},
        ),
        "code_interpreter_call": ItemKind(
            "ci_",
            ("in_progress", "completed", "incomplete", "interpreting", "failed"),
            defaults={"code": "", "outputs": None},
            texts=("code",),
            drawn=(("container_id", "cntr_"),),
        ),
        "image_generation_call": ItemKind(
            "ig_", ("in_progress", "completed", "generating", "failed"), defaults={"result": None}
        ),
        "mcp_call": ItemKind(
            "mcp_",
            ("in_progress", "completed", "incomplete", "calling", "failed"),
            defaults={
                "server_label": "",
                "name": "",
                "arguments": "{}",
                "approval_request_id": None,
                "output": None,
                "error": None,
            },
            texts=("arguments",),
        ),
        "mcp_list_tools": ItemKind("mcpl_", defaults={"server_label": "", "tools": [], "error": None}),
        "mcp_approval_request": ItemKind(
            "mcpr_", defaults={"server_label": "", "name": "", "arguments": "{}"}, texts=("arguments",)
        ),
        "mcp_approval_response": ItemKind(
            "mcpa_", defaults={"approve": True, "reason": None}, drawn=(("approval_request_id", "mcpr_"),)
        ),
        "compaction": ItemKind("cmp_", defaults={"encrypted_content": ""}),
        "computer_call": ItemKind(
            "cu_", _WORKING, "own", {"action": {"type": "screenshot"}, "pending_safety_checks": []}
        ),
        "computer_call_output": ItemKind(
            "cuo_",
            ("completed", "incomplete", "failed", "in_progress"),
            "answered",
            {"output": {"type": "computer_screenshot", "image_url": ""}, "acknowledged_safety_checks": []},
        ),
        "program": ItemKind("prg_", calls="own", defaults={"code": "", "fingerprint": ""}, texts=("code",)),
        "program_output": ItemKind("prgo_", ("completed", "incomplete"), "answered", {"result": ""}),
        "tool_search_call": ItemKind("tsc_", _WORKING, defaults={"call_id": None, **_SERVER, "arguments": {}}),
        "tool_search_output": ItemKind("tso_", _WORKING, defaults={"call_id": None, **_SERVER, "tools": []}),
        "additional_tools": ItemKind("at_", defaults={"role": "developer", "tools": []}),
        "local_shell_call": ItemKind("lsh_", _WORKING, "own", {"action": {"type": "exec", "command": [], "env": {}}}),
        "local_shell_call_output": ItemKind("lsho_", _WORKING, "answered", {"output": ""}),
        "shell_call": ItemKind(
            "sh_",
            _WORKING,
            "own",
            {"action": {"commands": [], "max_output_length": None, "timeout_ms": None}, "environment": None},
        ),
        "shell_call_output": ItemKind("sho_", _WORKING, "answered", {"max_output_length": None, "output": []}),
        "apply_patch_call": ItemKind(
            "apc_",
            ("in_progress", "completed"),
            "own",
            {"operation": {"type": "create_file", "path": "", "diff": ""}},
        ),
        "apply_patch_call_output": ItemKind("apco_", ("completed", "failed"), "answered", {"output": None}),
    }
)
"""Every output item type of the API. The shared `defaults` are never changed: `complete` makes new items."""

UNKNOWN: Final = ItemKind("item_", _WORKING)
"""How an item of a type that the table lacks is finished: it gets an id and a status, and is left alone otherwise."""

PARTS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = MappingProxyType(
    {
        "output_text": ("text", {"annotations": [], "logprobs": []}),
        "refusal": ("refusal", EMPTY),
        "summary_text": ("text", EMPTY),
        "reasoning_text": ("text", EMPTY),
    }
)
"""By part type: the field that holds its text, and the required fields an author may leave out."""

ANNOTATIONS: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "url_citation": {"start_index": 0, "end_index": 0, "title": "", "url": ""},
        "file_citation": {"file_id": "", "filename": "", "index": 0},
        "container_file_citation": {
            "container_id": "",
            "file_id": "",
            "filename": "",
            "start_index": 0,
            "end_index": 0,
        },
        "file_path": {"file_id": "", "index": 0},
    }
)
"""By annotation type: its required fields."""

PARTIAL_IMAGES: Final = "partial_images"
"""A field that an author may write on an image generation call: the images its stream shows first. The API has no such
field: `composition` takes it off."""


def complete(items: Iterable[Mapping[str, Any]], asked: Asked) -> list[dict[str, Any]]:
    """Return new items with all that the API always sends filled in: ids, call ids, status, required fields.

    What an author wrote stays as it is, except that text which a template turned into another JSON value becomes its
    compact JSON text.
    """
    draw = asked.draw
    finished: list[dict[str, Any]] = []
    newest_call: Any = None
    for index, item in enumerate(items):
        kind = KINDS.get(item["type"], UNKNOWN)
        made = _completed(item, kind, draw, index)
        if kind.calls == "answered" and "call_id" not in made:
            made["call_id"] = newest_call or draw.identifier("call_", f"call {index}")
        elif kind.calls == "own":
            newest_call = made["call_id"]
        finished.append(made)
    return finished


def _completed(item: Mapping[str, Any], kind: ItemKind, draw: Draw, index: int) -> dict[str, Any]:
    made: dict[str, Any] = {"id": None, "type": None}
    if kind.statuses:
        made["status"] = "completed"
    made.update(kind.defaults)
    made.update(item)
    if not made["id"]:
        made["id"] = draw.identifier(kind.prefix, f"item {index}")
    if kind.calls == "own" and not made.get("call_id"):
        made["call_id"] = draw.identifier("call_", f"call {index}")
    for key, prefix in kind.drawn:
        if not made.get(key):
            made[key] = draw.identifier(prefix, f"{key} {index}")
    for key in kind.texts:
        if not isinstance(made[key], str):
            made[key] = as_text(made[key])
    for key, default in kind.parts:
        if key in made:
            made[key] = _parts(made[key], default)
    return made


def _parts(value: Any, default: str) -> list[dict[str, Any]]:
    """Return content or summary as the API writes it: a list of parts, each with its type and required fields."""
    return [_part(part, default) for part in (value if isinstance(value, (list, tuple)) else [value])]


def _part(part: Any, default: str) -> dict[str, Any]:
    if not isinstance(part, Mapping):
        part = {"text": part}
    made: dict[str, Any] = {"type": default, **part}
    text_key, defaults = PARTS.get(str(made["type"]), ("", EMPTY))
    if text_key:
        text = made.get(text_key, "")
        made[text_key] = text if isinstance(text, str) else as_text(text)
        for key, value in defaults.items():
            made.setdefault(key, value)
        annotations = made.get("annotations")
        if annotations:
            end = len(made[text_key])
            made["annotations"] = [_annotation(each, end) for each in annotations if isinstance(each, Mapping)]
    return made


def _annotation(annotation: Mapping[str, Any], end: int) -> dict[str, Any]:
    """Return an annotation with its required fields; one that spans text spans all of it unless told otherwise."""
    made = {**ANNOTATIONS.get(str(annotation.get("type")), EMPTY), **annotation}
    if "end_index" in made and "end_index" not in annotation:
        made["end_index"] = end
    return made


def as_text(value: Any) -> str:
    """Return a value as text where the API wants text: text itself, "" for null, else compact JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value).decode()
