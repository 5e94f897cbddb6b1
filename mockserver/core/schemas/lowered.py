"""What can be done with a schema that is already plain: let it be null, join it with others, find what it leads to.

This room decides how `null` and alternatives are written. It must not know OpenAPI, sides or documents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mockserver.core.schemas.keywords import BOUNDS


def or_null(schema: Any, types: Sequence[str] | None) -> Any:
    """Let a schema be null too. `types` are the JSON types it admits, where that is known and it does not say itself."""
    if isinstance(schema, bool) or not schema:
        return {"type": "null"} if schema is False else True
    kinds = schema.get("type")
    if kinds is not None and _spares_null(schema):
        given = [kinds] if isinstance(kinds, str) else list(kinds)
        listed = {"enum": _with_null(schema["enum"])} if "enum" in schema else {}
        return {**schema, "type": given if "null" in given else [*given, "null"], **listed}
    if schema.keys() <= {"enum", "const"}:
        return {"enum": _with_null(schema["enum"] if "enum" in schema else [schema["const"]])}
    bare = [kind for kind in types or () if kind != "null"]
    if bare:
        return {"type": [*bare, "null"], "allOf": [{"if": {"type": one_or_list(bare)}, "then": schema}]}
    return {"if": {"type": "null"}, "else": schema}


def any_of(schemas: Sequence[Any]) -> Any:
    """Join schemas of one type: the widest alone where it admits all, one list for lists of values, else `anyOf`."""
    for one in schemas:
        if one is True or (_bare(one) and all(_types(other) <= _types(one) for other in schemas)):
            return one
    if all(isinstance(one, dict) and one.keys() == {"type", "enum"} for one in schemas):
        return {**schemas[0], "enum": list(dict.fromkeys(value for one in schemas for value in one["enum"]))}
    return {"anyOf": list(schemas)}


def chain(cases: Sequence[tuple[Any, Any]]) -> dict[str, Any]:
    """Write `if A then X, else if B then Y ...`: whoever judges stops at the first branch that is meant."""
    out: dict[str, Any] = {}
    for test, then in reversed(cases):
        out = {"if": test, "then": then, **({"else": out} if out else {})}
    return out


def is_leaf(schema: Any) -> bool:
    """Say whether a schema is short enough to stand wherever it is used: a scalar."""
    return isinstance(schema, bool) or not schema.keys() - {"type", "enum", "const", *BOUNDS}


def one_or_list(values: Sequence[Any]) -> Any:
    """Return the only value, or the list of them, as `type` wants it."""
    return values[0] if len(values) == 1 else list(values)


def reference(name: str) -> dict[str, str]:
    """Return the reference to a shared schema."""
    return {"$ref": "#/$defs/" + name.replace("~", "~0").replace("/", "~1")}


def referred(schema: Mapping[str, Any]) -> str:
    """Return the name of the shared schema that a reference means."""
    return str(schema["$ref"]).removeprefix("#/$defs/").replace("~1", "/").replace("~0", "~")


def reachable(body: Any, shared: Mapping[str, Any]) -> set[str]:
    """Return the names of all shared schemas that `body` leads to."""
    found: set[str] = set()
    waiting = [body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                name = referred(node)
                if name not in found:
                    found.add(name)
                    waiting.append(shared[name])
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return found


def _spares_null(schema: Mapping[str, Any]) -> bool:
    """Say whether nothing but `type` and `enum` would refuse a null."""
    if schema.keys() & {"anyOf", "$ref", "not", "const"}:
        return False
    tests = [case.get("if", {}) for case in schema.get("allOf", ())]
    step: Any = schema
    while isinstance(step, Mapping) and "if" in step:
        tests.append(step["if"])
        step = step.get("else", {})
    open_end = step is not schema and step not in ({}, True)
    return not open_end and all("type" in test and "null" not in test["type"] for test in tests)


def _bare(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.keys() == {"type"}


def _types(schema: Any) -> set[str]:
    """Return the JSON types that a schema names; a number may be an integer."""
    named = schema.get("type", ["anything"]) if isinstance(schema, dict) else ["anything"]
    found = {named} if isinstance(named, str) else set(named)
    return found | {"integer"} if "number" in found else found


def _with_null(values: Sequence[Any]) -> list[Any]:
    return list(values) if None in values else [*values, None]
