"""Output items as authors write them: literal items, one-key shorthands, and the reply kinds that stand for items.

This room decides what becomes an item, while a rule file is read. It must not know a request: ids and whatever else
depends on one are filled in by `complete`. Templates inside are still text here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from mockserver.core.errors import Report, nearest
from mockserver.core.items.fields import JSON_TEXT, TEXT, JsonSchema, Path, described, listed
from mockserver.core.items.kinds import KINDS, complete
from mockserver.core.items.shorthands import ITEMS, Shorthand, sketch
from mockserver.core.messages import Json
from mockserver.core.templates import Compact

__all__ = ["ITEMS", "REPLY_KINDS", "ReplyKind", "Shorthand", "complete", "output_item", "sketch", "sketches_for"]


def output_item(value: Any, report: Report, path: Path) -> Json:
    """Return one entry of an `output` list as an item: literal with the key `type`, else a shorthand; None if wrong."""
    if not isinstance(value, Mapping):
        hint = "for a message write `- message: ...`" if isinstance(value, str) else ""
        report(path, f"expected an item: a mapping with `type`, or one shorthand; got {described(value)}", hint)
    elif "type" in value:
        kind = value["type"]
        if isinstance(kind, str) and kind in KINDS:
            return dict(value)
        close = nearest(str(kind), KINDS)
        hint = f"did you mean `{close}`?" if close else f"types are {', '.join(KINDS)}"
        report((*path, "type"), f"`{kind}` is no type of output item", hint)
    elif len(value) != 1:
        found = f"found {', '.join(map(str, value))}" if value else "found nothing"
        report(
            path, f"expected a literal item with `type`, or one shorthand; {found}", "each item is an entry of its own"
        )
    else:
        [(name, given)] = value.items()
        return sketch(str(name), given, report, (*path, name))
    return None


def _text_items(value: Any, report: Report, path: Path) -> list[Json]:
    return [sketch("message", {"text": value}, report, path)]


def _refusal_items(value: Any, report: Report, path: Path) -> list[Json]:
    return [sketch("refusal", {"refusal": value}, report, path)]


def _json_items(value: Any, report: Report, path: Path) -> list[Json]:
    return [{"type": "message", "content": [{"type": "output_text", "text": Compact(value)}]}]


def _call_items(value: Any, report: Report, path: Path) -> list[Json]:
    calls: list[Json] = []
    for index, group in enumerate(listed(value)):
        at = (*path, index) if isinstance(value, list) else path
        if not isinstance(group, Mapping) or not group:
            report(
                at, f"expected `NAME: ARGUMENTS`, got {described(group)}", "as in `call: {get_weather: {city: Paris}}`"
            )
            continue
        for name, arguments in group.items():
            fields = {"name": name, "arguments": arguments}
            calls.append(sketch("function_call", fields, report, (*at, name)))
    if value == []:
        report(path, "expected at least one call")
    return calls


def _output_items(value: Any, report: Report, path: Path) -> list[Json]:
    if not isinstance(value, list):
        report(path, f"expected a list of items, got {described(value)}", "each item starts with `- `")
        return []
    return [output_item(each, report, (*path, index)) for index, each in enumerate(value)]


@dataclass(frozen=True, slots=True)
class ReplyKind:
    """One way to write a reply that becomes output items: what it is for, and what may be written (JSON Schema)."""

    doc: str
    schema: JsonSchema
    read: Callable[[Any, Report, Path], list[Json]]


_CALLS: Final = {"type": "object", "minProperties": 1, "additionalProperties": JSON_TEXT.schema}
_OUTPUT: Final = {
    "type": "object",
    "properties": {"type": {"enum": list(KINDS)}, **{name: dict(row.schema) for name, row in ITEMS.items()}},
    "if": {"not": {"required": ["type"]}},
    "then": {"minProperties": 1, "maxProperties": 1, "propertyNames": {"enum": list(ITEMS)}},
}

REPLY_KINDS: Final[Mapping[str, ReplyKind]] = MappingProxyType(
    {
        "text": ReplyKind("One message with this text.", TEXT.schema, _text_items),
        "refusal": ReplyKind("One message that refuses with this text.", TEXT.schema, _refusal_items),
        "json": ReplyKind("One message whose text is this value as compact JSON.", {}, _json_items),
        "call": ReplyKind(
            "One function call or more, each `name: arguments`; a list calls one function several times.",
            {"anyOf": [_CALLS, {"type": "array", "minItems": 1, "items": _CALLS}]},
            _call_items,
        ),
        "output": ReplyKind(
            "Output items: one-key shorthands, or literal items with `type`.",
            {"type": "array", "items": _OUTPUT},
            _output_items,
        ),
    }
)
"""The reply kinds that become output items, by name."""


def sketches_for(kind: str, value: Any, report: Report, path: Path) -> list[Json]:
    """Return the items that a reply of this kind stands for, for `templates.compile_template`; report what is wrong.

    `kind` is one of `REPLY_KINDS`, `path` where `value` stands. Wrong items are left out.
    """
    return [item for item in REPLY_KINDS[kind].read(value, report, path) if item is not None]
