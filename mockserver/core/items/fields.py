"""What the fields of an item's shorthand may hold, and what their short forms stand for.

This room decides types, words for mistakes, and the short forms inside items: parts, annotations, results, outputs,
tools. It must not know which shorthand has which field (`shorthands` does).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from mockserver.core.errors import Report
from mockserver.core.items.kinds import ANNOTATIONS
from mockserver.core.templates import Compact

Path: TypeAlias = tuple[str | int, ...]
JsonSchema: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """What a field may hold: as JSON Schema, in words, and as Python types.

    `entries` are the types of a list's entries, () when whoever reads the list looks at them. `among` lists the only
    texts allowed, a template aside.
    """

    schema: JsonSchema
    expected: str
    types: tuple[type, ...]
    entries: tuple[type, ...] = ()
    among: tuple[str, ...] = ()

    def accepts(self, value: Any) -> bool:
        """Say whether the value fits."""
        if self.among:
            return value in self.among or (isinstance(value, str) and "{{" in value)
        if self.entries and isinstance(value, list):
            return all(isinstance(each, self.entries) for each in value)
        return isinstance(value, self.types)


_STRING: Final = {"type": "string"}

TEXT: Final = Field(_STRING, "text", (str,))
TEXTS: Final = Field(
    {"anyOf": [_STRING, {"type": "array", "items": _STRING}]}, "text or a list of texts", (str, list), (str,)
)
LISTING: Final = Field({"type": "array"}, "a list", (list,))
PARTS_LIST: Final = Field({"type": ["array", "string"]}, "text or a list of parts", (list, str))
MAPPING: Final = Field({"type": "object"}, "a mapping", (dict,))
JSON_TEXT: Final = Field(
    {"type": ["object", "array", "string", "null"]}, "a mapping, a list or text", (dict, list, str, type(None))
)
FAILURE: Final = Field({"type": ["object", "string", "null"]}, "text or a mapping", (dict, str, type(None)))


def choice(*words: str) -> Field:
    """Return a field that holds one of these words."""
    return Field({"enum": list(words)}, f"one of {', '.join(words)}", (str,), among=words)


def described(value: Any) -> str:
    """Return a value as an author would recognise it in a message: short, and by its YAML name."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return f"`{text if len(text) <= 40 else text[:37] + '...'}`"


def quoting(value: Any) -> str:
    """Return the hint to quote a bare number or boolean that was meant as text; "" where that would not help."""
    return f'quote it: "{described(value).strip("`")}"' if isinstance(value, (bool, int, float)) else ""


def listed(value: Any) -> list[Any]:
    """Return a list as it is, anything else as a list of one."""
    return value if isinstance(value, list) else [value]


def json_text(value: Any) -> Any:
    """Return text as it is, nothing as an empty object, and any other value marked to become compact JSON text."""
    if isinstance(value, str):
        return value
    return Compact({} if value is None else value)


def _entries(value: Any, short: str, expected: str, report: Report, path: Path) -> list[dict[str, Any]]:
    """Read a list whose entries are mappings, or text that stands for `{short: text}`; report any other entry."""
    made: list[dict[str, Any]] = []
    for index, entry in enumerate(listed(value)):
        if isinstance(entry, str):
            made.append({short: entry})
        elif isinstance(entry, Mapping):
            made.append(dict(entry))
        else:
            report((*path, index), f"expected {expected}, got {described(entry)}", quoting(entry))
    return made


def _typed(entry: dict[str, Any], by_field: Mapping[str, str], report: Report, path: Path) -> dict[str, Any]:
    """Return the entry with the `type` told by the first of `by_field` that it has; report it when there is none."""
    if "type" in entry:
        return entry
    for key, kind in by_field.items():
        if key in entry:
            return {"type": kind, **entry}
    report(path, f"expected a `type`, or one of {', '.join(by_field)}")
    return entry


_PART_TYPES: Final = {"text": "output_text", "refusal": "refusal"}
_ANNOTATION_TYPES: Final = {
    "url": "url_citation",
    "container_id": "container_file_citation",
    "filename": "file_citation",
    "file_id": "file_path",
}
_OUTPUT_TYPES: Final = {"logs": "logs", "url": "image"}


def content_parts(value: Any, report: Report, path: Path) -> list[dict[str, Any]]:
    """Read a message's content: texts, `{text, annotations}`, `{refusal}`, or parts in full."""
    parts = []
    for index, entry in enumerate(_entries(value, "text", "text or a part", report, path)):
        part = _typed(entry, _PART_TYPES, report, (*path, index))
        if "annotations" in part:
            part = {**part, "annotations": read_annotations(part["annotations"], report, (*path, index, "annotations"))}
        parts.append(part)
    return parts


def read_annotations(value: Any, report: Report, path: Path) -> list[dict[str, Any]]:
    """Read a text's annotations: a URL, or mappings whose type shows in their fields."""
    made = []
    for index, entry in enumerate(_entries(value, "url", "a URL or an annotation", report, path)):
        annotation = _typed(entry, _ANNOTATION_TYPES, report, (*path, index))
        kind = annotation.get("type")
        if kind is not None and str(kind) not in ANNOTATIONS:
            report((*path, index, "type"), f"`{kind}` is no annotation", f"types are {', '.join(ANNOTATIONS)}")
        made.append(annotation)
    return made


def web_action(fields: Mapping[str, Any], report: Report, path: Path) -> dict[str, Any]:
    """Read what a web search did: search, open a page (`url`), or find a pattern in one (`url` and `pattern`)."""
    if "action" in fields:
        return dict(fields["action"])
    if "url" in fields:
        given = {key: fields[key] for key in ("url", "pattern") if key in fields}
        return {"type": "find_in_page" if "pattern" in fields else "open_page", **given}
    action: dict[str, Any] = {"type": "search"}
    queries = listed(fields.get("queries", fields.get("query", "")))
    action["query"] = fields.get("query", queries[0] if queries else "")
    if "queries" in fields:
        action["queries"] = queries
    if "sources" in fields:
        found = _entries(fields["sources"], "url", "a URL", report, (*path, "sources"))
        action["sources"] = [{"type": "url", **source} for source in found]
    return action


def search_results(value: Any, report: Report, path: Path) -> list[dict[str, Any]]:
    """Read the results of a file search: texts, or mappings with file_id, filename, score, text, attributes."""
    blank = {"attributes": {}, "file_id": "", "filename": "", "score": 0.0, "text": ""}
    return [{**blank, **result} for result in _entries(value, "text", "text or a result", report, path)]


def interpreter_outputs(value: Any, report: Report, path: Path) -> list[dict[str, Any]]:
    """Read what code printed or drew: texts are logs, `{url}` is an image."""
    found = _entries(value, "logs", "logs or an output", report, path)
    return [_typed(entry, _OUTPUT_TYPES, report, (*path, index)) for index, entry in enumerate(found)]


def mcp_tools(value: Any, report: Report, path: Path) -> list[dict[str, Any]]:
    """Read the tools of an MCP server: names, or mappings with name, description and input_schema."""
    blank = {"input_schema": {"type": "object", "properties": {}}, "description": None, "annotations": None}
    made = []
    for index, tool in enumerate(_entries(value, "name", "a name or a tool", report, path)):
        if "name" not in tool:
            report((*path, index), "`name` is missing")
        made.append({**blank, **tool})
    return made


def mcp_error(value: Any) -> Any:
    """Read why an MCP call failed: text is what the tool said, a mapping the error in full."""
    if not isinstance(value, str):
        return {"type": "http_error", **value}
    return {"type": "mcp_tool_execution_error", "content": [{"type": "text", "text": value}]}
