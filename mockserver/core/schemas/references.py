"""An OpenAPI document with its references followed.

This room decides what a `$ref` may point at: anything inside the document, nothing outside it. It must not know what a
schema means beyond the few keywords needed to look into it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from mockserver.core.errors import SchemaSourceError

_JSON_TYPES: Final = ("null", "boolean", "integer", "number", "string", "array", "object")


class Document:
    """One document. `root` is its top mapping; schemas are handed around as the mappings they are."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        if not isinstance(root, Mapping):
            raise SchemaSourceError(f"an API description is a mapping, not {_kind(root)}")
        self.root = root

    def follow(self, ref: Any, where: str = "") -> tuple[str, Any]:
        """Return the short name and the target of a reference such as `#/components/schemas/Item`.

        Raises `SchemaSourceError` when it leads out of the document or nowhere.
        """
        at = f"{where}: " if where else ""
        if not isinstance(ref, str):
            raise SchemaSourceError(f"{at}a $ref is text, not {_kind(ref)}")
        if not ref.startswith("#"):
            raise SchemaSourceError(
                f"{at}$ref {ref!r} leads out of the document; put its target under components and refer to that"
            )
        if ref != "#" and not ref.startswith("#/"):
            raise SchemaSourceError(f"{at}$ref {ref!r} is no path from the top of the document (#/...)")
        node: Any = self.root
        parts = [unquote(part).replace("~1", "/").replace("~0", "~") for part in ref[2:].split("/")] if ref[2:] else []
        for part in parts:
            if isinstance(node, Mapping) and part in node:
                node = node[part]
            elif isinstance(node, list) and part.isdecimal() and int(part) < len(node):
                node = node[int(part)]
            else:
                raise SchemaSourceError(f"{at}$ref {ref!r} leads nowhere: there is no {part!r}")
        plain = parts[:2] == ["components", "schemas"] and len(parts) == 3
        return (parts[2] if plain else ".".join(parts)), node

    def resolve(self, node: Any, where: str = "") -> Mapping[str, Any]:
        """Return the mapping that `node` is or refers to. Raises `SchemaSourceError` when it is none, or for a circle."""
        seen: set[str] = set()
        while isinstance(node, Mapping) and "$ref" in node:
            ref = node["$ref"]
            if ref in seen:
                raise SchemaSourceError(f"{where or ref}: $ref {ref!r} refers to itself")
            _, node = self.follow(ref, where)
            seen.add(ref)
        if isinstance(node, bool):
            return {} if node else {"not": {}}
        if not isinstance(node, Mapping):
            raise SchemaSourceError(f"{where or 'a schema'}: expected a mapping, found {_kind(node)}")
        return node

    def properties(self, node: Any, depth: int = 0) -> dict[str, Any]:
        """Return the properties of an object schema, those of its `allOf` parts included."""
        found = self._shallow(node, depth)
        merged: dict[str, Any] = {}
        for part in found.get("allOf", ()):
            merged.update(self.properties(part, depth + 1))
        merged.update(found.get("properties", {}))
        return merged

    def required(self, node: Any, depth: int = 0) -> tuple[str, ...]:
        """Return the required keys of an object schema, those of its `allOf` parts included."""
        found = self._shallow(node, depth)
        keys = list(found.get("required", ()))
        for part in found.get("allOf", ()):
            keys.extend(self.required(part, depth + 1))
        return tuple(dict.fromkeys(keys))

    def types(self, node: Any, depth: int = 0) -> tuple[str, ...] | None:
        """Return the JSON types that a schema admits, in its own order; None when it does not say."""
        found = self._shallow(node, depth)
        known = self._own_types(found, depth)
        if known is not None and found.get("nullable") is True and "null" not in known:
            known = (*known, "null")
        return known

    def _own_types(self, found: Mapping[str, Any], depth: int) -> tuple[str, ...] | None:
        if "type" in found:
            given = found["type"]
            return tuple(given) if isinstance(given, list) else (given,)
        values = [found["const"]] if "const" in found else found.get("enum")
        if values is not None:
            return tuple(dict.fromkeys(json_type(value) for value in values))
        for keyword in ("oneOf", "anyOf"):
            if keyword in found:
                members = [self.types(member, depth + 1) for member in found[keyword]]
                if any(member is None for member in members):
                    return None
                return tuple(dict.fromkeys(kind for member in members for kind in member or ()))
        for part in found.get("allOf", ()):
            inner = self.types(part, depth + 1)
            if inner is not None:
                return inner
        if "properties" in found or "additionalProperties" in found:
            return ("object",)
        return ("array",) if "items" in found else None

    def _shallow(self, node: Any, depth: int) -> Mapping[str, Any]:
        if depth > 64:
            raise SchemaSourceError(f"a schema is part of itself (allOf, oneOf or anyOf in a circle): {str(node)[:80]}")
        return self.resolve(node)


def json_type(value: Any) -> str:
    """Return the JSON type of a value: `integer` for whole numbers, else `number`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _kind(value: Any) -> str:
    return {"null": "nothing", "object": "a mapping", "array": "a list"}.get(json_type(value), f"a {json_type(value)}")
