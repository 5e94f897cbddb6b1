"""Output items of the API spelt as an author would write them: the shortest way that gives the same item.

This room decides the spelling of one item: a shorthand, else the literal item, in both without what is filled in anyway.
Every spelling is read again before it is taken. It must not know responses or YAML.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

import orjson

from mockserver.core import templates
from mockserver.core.items.kinds import KINDS, PARTS, UNKNOWN, complete
from mockserver.core.items.sketches import output_item
from mockserver.core.messages import Json
from mockserver.core.response import Asked
from mockserver.core.rules.equality import equal

Item = Mapping[str, Json]
Fields = dict[str, Json]


class UnspeakableError(ValueError):
    """An item that no rule file can say, such as one of a type that is not known."""


def spelt(item: Item, asked: Asked) -> Json:
    """Return the entry of an `output` list that gives this item, for whoever asks.

    It may give more than the item has (a status, a default), never less. Raises `UnspeakableError`.
    """
    for entry in _spellings(item):
        if says(entry, item, asked):
            return entry
    raise UnspeakableError(f"an item of type {item.get('type')!r} that cannot be written as an entry of `output`")


def says(entry: Json, item: Item, asked: Asked) -> bool:
    """Say whether an entry of an `output` list gives all that this item has."""
    made = item_of(entry, asked)
    return made is not None and covers(made, item)


def item_of(entry: Json, asked: Asked) -> Item | None:
    """Return the item that an entry gives, None where it is no entry. Templates in it are text like any other."""
    mistakes: list[str] = []

    def report(path: tuple[str | int, ...], message: str, hint: str = "") -> None:
        mistakes.append(message)

    sketched = output_item(entry, report, ())
    if sketched is None or mistakes:
        return None
    tree = templates.verbatim([sketched]).tree
    [made] = complete(tree, asked)
    return made


def covers(made: Json, wanted: Json) -> bool:
    """Say whether `made` has all that `wanted` has, and where it has more, only in fields that `wanted` lacks."""
    if isinstance(wanted, Mapping):
        return isinstance(made, Mapping) and all(key in made and covers(made[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        return isinstance(made, list) and len(made) == len(wanted) and all(map(covers, made, wanted))
    return equal(wanted, made)


def _spellings(item: Item) -> Iterator[Json]:
    """Yield ways to write an item, the shortest first; not each of them gives the item."""
    name = str(item.get("type"))
    bare = _without_defaults(item)
    for shorten in _SHORT.get(name, ()):
        short = _shortened(shorten, bare)
        if short is not None:
            yield {name: _ordered(short)}
    kept = {key: value for key, value in bare.items() if key != "type"}
    if isinstance(kept.get("arguments"), str):
        yield {"type": name, **_ordered({**kept, "arguments": _arguments(kept["arguments"])})}
    yield {"type": name, **_ordered(kept)}
    yield dict(item)


def _shortened(shorten: Callable[[Item], Fields], item: Item) -> Fields | None:
    try:
        return shorten(item)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError):
        return None  # the item is not what items of its type look like


def _ordered(fields: Mapping[str, Json]) -> Fields:
    """Return the fields with ids last: people look for the rest."""
    last = ("call_id", "id", "encrypted_content")
    return {
        **{key: value for key, value in fields.items() if key not in last},
        **{key: fields[key] for key in last if key in fields},
    }


def _without_defaults(item: Item) -> Fields:
    kind = KINDS.get(str(item.get("type")), UNKNOWN)
    filled = {**kind.defaults, **({"status": "completed"} if kind.statuses else {})}
    return {key: value for key, value in item.items() if key not in filled or not equal(value, filled[key])}


# One function for each shorthand: the item without defaults -> the fields of the shorthand


def _message(item: Item) -> Fields:
    """Say what kind of annotation it is where its fields do not tell that."""
    return _message_of([_part(part) for part in item.get("content", [])], item)


def _brief_message(item: Item) -> Fields:
    """Leave the types of annotations to their fields, which mostly tell them."""
    return _message_of([_briefly_annotated(_part(part)) for part in item.get("content", [])], item)


def _briefly_annotated(part: Fields) -> Fields:
    if "annotations" not in part:
        return part
    bare = [{key: value for key, value in each.items() if key != "type"} for each in part["annotations"]]
    return {**part, "annotations": bare}


def _message_of(parts: list[Fields], item: Item) -> Fields:
    rest = {key: value for key, value in item.items() if key not in ("type", "content")}
    if len(parts) == 1 and parts[0].keys() <= {"text", "annotations"}:
        return {**rest, **parts[0]}
    if len(parts) == 1 and parts[0].keys() == {"refusal"}:
        return {**rest, **parts[0]}
    return {**rest, "content": parts}


def _part(part: Item) -> Fields:
    """Return a part of a message; a text or a refusal goes without its type and without empty fields."""
    text, defaults = PARTS.get(str(part["type"]), ("", {}))
    if part["type"] not in ("output_text", "refusal") or not text:
        return dict(part)
    kept = {
        key: value for key, value in part.items() if key != "type" and not (key in defaults and value == defaults[key])
    }
    return {text: kept.pop(text), **kept}


def _texts(parts: list[Item], kind: str) -> Json:
    """Return the texts of parts that have nothing else: a lone one as it is."""
    texts = [part["text"] for part in parts if part.keys() == {"type", "text"} and part["type"] == kind]
    if len(texts) < len(parts):
        raise ValueError("parts that are more than their texts")
    return texts[0] if len(texts) == 1 else texts


def _reasoning(item: Item) -> Fields:
    made: Fields = {key: value for key, value in item.items() if key not in ("type", "summary", "content")}
    if "summary" in item:
        made["summary"] = _texts(item["summary"], "summary_text")
    if "content" in item:
        made["content"] = _texts(item["content"], "reasoning_text")
    return made


def _function_call(item: Item) -> Fields:
    made = _as_is(item)
    if "arguments" in made:
        made["arguments"] = _arguments(made["arguments"])
    return {"name": made.pop("name"), **made}


def _arguments(text: str) -> Json:
    """Return the value of a JSON text where that gives the same text again, else the text."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return value if isinstance(value, (dict, list)) and orjson.dumps(value).decode() == text else text


def _as_is(item: Item) -> Fields:
    return {key: value for key, value in item.items() if key != "type"}


def _custom_tool_call(item: Item) -> Fields:
    made = _as_is(item)
    return {"name": made.pop("name"), "input": made.pop("input", ""), **made}


def _web_search_call(item: Item) -> Fields:
    rest = {key: value for key, value in item.items() if key not in ("type", "action")}
    action = dict(item.get("action", KINDS["web_search_call"].defaults["action"]))
    kind = action.pop("type")
    if kind == "search" and "sources" in action:
        action["sources"] = [
            source["url"] if source.keys() == {"type", "url"} and source["type"] == "url" else source
            for source in action["sources"]
        ]
    if kind == "search" and action.get("queries") == [action.get("query")]:
        action["queries"] = action.pop("query")
    known = {"search": {"query", "queries", "sources"}, "open_page": {"url"}, "find_in_page": {"url", "pattern"}}
    if action.keys() <= known.get(kind, set()):
        return {**action, **rest}
    return {"action": item["action"], **rest}


def _file_search_call(item: Item) -> Fields:
    made = _as_is(item)
    queries = made.pop("queries", [])
    return {"queries": queries[0] if len(queries) == 1 else queries, **made}


def _code_interpreter_call(item: Item) -> Fields:
    made = _as_is(item)
    outputs = made.pop("outputs", None)
    if outputs is not None:
        logs = [each["logs"] for each in outputs if each.keys() == {"type", "logs"} and each["type"] == "logs"]
        if outputs and len(logs) == len(outputs):
            made["logs"] = logs[0] if len(logs) == 1 else logs
        else:
            made["outputs"] = outputs
    return {"code": made.pop("code", ""), **made}


_BLANK_TOOL: Final = ("description", "annotations")


def _mcp_list_tools(item: Item) -> Fields:
    made = _as_is(item)
    tools = made.pop("tools", [])
    made["tools"] = [
        {key: tool[key] for key in dict.fromkeys(("name", *tool)) if not (key in _BLANK_TOOL and tool[key] is None)}
        for tool in tools
    ]
    return {"server_label": made.pop("server_label"), **made}


def _mcp_call(item: Item) -> Fields:
    made = _function_call(item)
    error = made.get("error")
    if isinstance(error, Mapping) and error.get("type") == "mcp_tool_execution_error":
        content = error["content"]
        if len(content) == 1 and content[0].keys() == {"type", "text"}:
            made["error"] = content[0]["text"]
            made.pop("status", None)
    return {"server_label": made.pop("server_label"), **made}


_SHORT: Final[Mapping[str, tuple[Callable[[Item], Fields], ...]]] = MappingProxyType(
    {
        "message": (_brief_message, _message),
        "reasoning": (_reasoning,),
        "function_call": (_function_call,),
        "custom_tool_call": (_custom_tool_call,),
        "web_search_call": (_web_search_call,),
        "file_search_call": (_file_search_call,),
        "code_interpreter_call": (_code_interpreter_call,),
        "image_generation_call": (_as_is,),
        "mcp_list_tools": (_mcp_list_tools,),
        "mcp_call": (_mcp_call,),
    }
)
"""By item type, what its shorthand would say; the first that says enough is taken."""
