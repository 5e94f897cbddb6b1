"""The shorthands for output items: which exist, what may be written, and which item each stands for.

This room decides that, while a rule file is read. It must not know a request: ids and whatever else depends on one are
filled in by `item_kinds.complete`. Templates inside are still text here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from mockserver.core.errors import Report, nearest
from mockserver.core.items.fields import (
    FAILURE,
    JSON_TEXT,
    LISTING,
    MAPPING,
    PARTS_LIST,
    TEXT,
    TEXTS,
    Field,
    JsonSchema,
    Path,
    choice,
    content_parts,
    described,
    interpreter_outputs,
    json_text,
    listed,
    mcp_error,
    mcp_tools,
    quoting,
    read_annotations,
    search_results,
    web_action,
)
from mockserver.core.items.kinds import KINDS, PARTIAL_IMAGES
from mockserver.core.messages import Json

Make = Callable[[Mapping[str, Any], Report, Path], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Shorthand:
    """One way to write an item.

    `lone` names the field meant by a value that is no mapping, "" when only a mapping will do. `needs` are fields that
    must be there; `any_of` fields of which at least one must. `make` turns checked fields into those of the item.
    `type` is the item's, the shorthand's own name when "".
    """

    doc: str
    fields: Mapping[str, Field]
    make: Make
    lone: str = ""
    needs: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    type: str = ""
    schema: JsonSchema = field(default_factory=dict)
    """What may be written under the shorthand's name, as JSON Schema; filled by the table."""


def _message(fields: Mapping[str, Any], report: Report, path: Path) -> dict[str, Any]:
    content = content_parts(fields.get("content", []), report, (*path, "content"))
    if "text" in fields:
        part: dict[str, Any] = {"type": "output_text", "text": fields["text"]}
        if "annotations" in fields:
            part["annotations"] = read_annotations(fields["annotations"], report, (*path, "annotations"))
        content.append(part)
    elif "annotations" in fields:
        report((*path, "annotations"), "annotations belong to a text", "write `text` beside them")
    if "refusal" in fields:
        content.append({"type": "refusal", "refusal": fields["refusal"]})
    made: dict[str, Any] = {"content": content}
    if "phase" in fields:
        made["phase"] = fields["phase"]
    return made


def _reasoning(fields: Mapping[str, Any], report: Report, path: Path) -> dict[str, Any]:
    made = dict(fields)
    made["summary"] = [{"type": "summary_text", "text": text} for text in listed(fields.get("summary", []))]
    if "content" in fields:
        made["content"] = [{"type": "reasoning_text", "text": text} for text in listed(fields["content"])]
    return made


def _call(fields: Mapping[str, Any], report: Report, path: Path) -> dict[str, Any]:
    return {**fields, "arguments": json_text(fields.get("arguments"))}


def _as_written(fields: Mapping[str, Any], report: Report, path: Path) -> dict[str, Any]:
    return dict(fields)


def _web_search(fields: Mapping[str, Any], report: Report, path: Path) -> dict[str, Any]:
    return {"action": web_action(fields, report, path)}


def _file_search(fields: Mapping[str, Any], report: Report, path: Path) -> dict[str, Any]:
    made: dict[str, Any] = {"queries": listed(fields.get("queries", []))}
    if "results" in fields:
        made["results"] = search_results(fields["results"], report, (*path, "results"))
    return made


def _code_interpreter(fields: Mapping[str, Any], report: Report, path: Path) -> dict[str, Any]:
    made = {key: value for key, value in fields.items() if key not in ("logs", "outputs")}
    outputs = [{"type": "logs", "logs": logs} for logs in listed(fields.get("logs", []))]
    outputs += interpreter_outputs(fields.get("outputs", []), report, (*path, "outputs"))
    if outputs:
        made["outputs"] = outputs
    return made


def _mcp_list_tools(fields: Mapping[str, Any], report: Report, path: Path) -> dict[str, Any]:
    return {**fields, "tools": mcp_tools(fields.get("tools", []), report, (*path, "tools"))}


def _mcp_call(fields: Mapping[str, Any], report: Report, path: Path) -> dict[str, Any]:
    made = _call(fields, report, path)
    if "output" in fields and fields["output"] is not None:
        made["output"] = json_text(fields["output"])
    if fields.get("error") is not None:
        made["error"] = mcp_error(fields["error"])
        made["status"] = "failed"
    return made


_PHASE: Final = choice("commentary", "final_answer")

_SHORTHANDS: Final[Mapping[str, Shorthand]] = {
    "message": Shorthand(
        "A message of the assistant: its text, or a mapping with annotations, a refusal, or several parts.",
        {"text": TEXT, "content": PARTS_LIST, "annotations": LISTING, "refusal": TEXT, "phase": _PHASE},
        _message,
        lone="text",
        any_of=("text", "content", "refusal"),
    ),
    "refusal": Shorthand(
        "A message in which the model refuses.",
        {"refusal": TEXT, "phase": _PHASE},
        _message,
        lone="refusal",
        needs=("refusal",),
        type="message",
    ),
    "reasoning": Shorthand(
        "Reasoning: a text or list of texts is its summary; `content` is the raw reasoning text.",
        {"summary": TEXTS, "content": TEXTS, "encrypted_content": TEXT},
        _reasoning,
        lone="summary",
    ),
    "function_call": Shorthand(
        "A call of one of the request's functions; `arguments` is a mapping, or text sent as it is.",
        {"name": TEXT, "arguments": JSON_TEXT, "call_id": TEXT},
        _call,
        needs=("name",),
    ),
    "custom_tool_call": Shorthand(
        "A call of a custom tool with free-form input.",
        {"name": TEXT, "input": TEXT, "call_id": TEXT},
        _as_written,
        needs=("name", "input"),
    ),
    "web_search_call": Shorthand(
        "A web search: the query, or a mapping; `url` opens a page, `url` with `pattern` searches in it.",
        {"query": TEXT, "queries": TEXTS, "sources": LISTING, "url": TEXT, "pattern": TEXT, "action": MAPPING},
        _web_search,
        lone="query",
        any_of=("query", "queries", "url", "action"),
    ),
    "file_search_call": Shorthand(
        "A file search: the query or a list of queries, or a mapping with results.",
        {"queries": TEXTS, "results": LISTING},
        _file_search,
        lone="queries",
        needs=("queries",),
    ),
    "code_interpreter_call": Shorthand(
        "Code that the interpreter ran: the code, or a mapping with its logs or outputs.",
        {"code": TEXT, "logs": TEXTS, "outputs": LISTING, "container_id": TEXT},
        _code_interpreter,
        lone="code",
        needs=("code",),
    ),
    "image_generation_call": Shorthand(
        "An image in base64, or a mapping; `partial_images` are shown first in a stream.",
        {
            "result": TEXT,
            PARTIAL_IMAGES: LISTING,
            "size": TEXT,
            "quality": choice("low", "medium", "high", "xhigh", "max", "auto"),
            "background": choice("transparent", "opaque", "auto"),
            "output_format": choice("png", "webp", "jpeg", "gif", "svg"),
            "action": choice("generate", "edit", "auto"),
            "revised_prompt": TEXT,
        },
        _as_written,
        lone="result",
    ),
    "mcp_list_tools": Shorthand(
        "The tools of an MCP server: names, or mappings with name, description and input_schema.",
        {"server_label": TEXT, "tools": LISTING, "error": TEXT},
        _mcp_list_tools,
        needs=("server_label",),
    ),
    "mcp_call": Shorthand(
        "A call of an MCP server's tool with its output or its error.",
        {
            "server_label": TEXT,
            "name": TEXT,
            "arguments": JSON_TEXT,
            "output": JSON_TEXT,
            "error": FAILURE,
            "approval_request_id": TEXT,
        },
        _mcp_call,
        needs=("server_label", "name"),
    ),
}


def _filled(name: str, row: Shorthand) -> Shorthand:
    """Return the row with the fields that every item of its type has, and with its JSON Schema."""
    kind = KINDS[row.type or name]
    fields = {**row.fields, "id": TEXT}
    if kind.statuses:
        fields["status"] = choice(*kind.statuses)
    mapping: dict[str, Any] = {
        "type": "object",
        "properties": {key: each.schema for key, each in fields.items()},
        "additionalProperties": False,
    }
    if row.needs:
        mapping["required"] = list(row.needs)
    if row.any_of:
        mapping["anyOf"] = [{"required": [key]} for key in row.any_of]
    schema = {"anyOf": [row.fields[row.lone].schema, mapping]} if row.lone else mapping
    return Shorthand(
        row.doc, fields, row.make, row.lone, row.needs, row.any_of, row.type or name, {"description": row.doc, **schema}
    )


ITEMS: Final[Mapping[str, Shorthand]] = MappingProxyType(
    {name: _filled(name, row) for name, row in _SHORTHANDS.items()}
)
"""The shorthands by name."""


def sketch(name: str, value: Any, report: Report, path: Path) -> Json:
    """Return the item that `{name: value}` stands for, or None after reporting what is wrong.

    The item has its `type`; ids and most required fields are still missing, templates are still text, and
    `templates.Compact` marks what becomes compact JSON text.
    """
    row = ITEMS.get(name)
    if row is None:
        known = nearest(name, ITEMS)
        hint = f"did you mean `{known}`?" if known else f"shorthands are {', '.join(ITEMS)}"
        if name in KINDS:
            hint = f"write it in full: `{{type: {name}, ...}}`"
        report(path, f"`{name}` is no shorthand for an item", hint)
        return None
    if not isinstance(value, Mapping):
        if not row.lone or not row.fields[row.lone].accepts(value):
            wanted = f"{row.fields[row.lone].expected}, or a mapping" if row.lone else "a mapping"
            report(path, f"expected {wanted} with {', '.join(row.fields)}; got {described(value)}", quoting(value))
            return None
        value = {row.lone: value}
    if not _fields_hold(row, value, report, path):
        return None
    made = row.make(value, report, path)
    return {"type": row.type, **{key: value[key] for key in ("id", "status") if key in value}, **made}


def _fields_hold(row: Shorthand, value: Mapping[str, Any], report: Report, path: Path) -> bool:
    """Report every unknown, missing or mistyped field; say whether there was none. A misspelt one is not missing too."""
    fine = True
    meant: set[str] = set()
    for key, given in value.items():
        known = row.fields.get(key)
        if known is None:
            close = nearest(str(key), row.fields)
            hint = f"did you mean `{close}`?" if close else f"fields are {', '.join(row.fields)}"
            meant.add(close or "")
            report((*path, key), f"unknown field `{key}`", hint)
        elif not known.accepts(given):
            report((*path, key), f"expected {known.expected}, got {described(given)}", quoting(given))
        else:
            continue
        fine = False
    for key in row.needs:
        if key not in value and key not in meant:
            report(path, f"`{key}` is missing")
            fine = False
    if row.any_of and not any(key in value or key in meant for key in row.any_of):
        report(path, f"one of {', '.join(row.any_of)} is missing")
        fine = False
    return fine
