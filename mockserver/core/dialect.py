"""A dialect as a value: which fields and events exist, and the quirks of whoever speaks it.

This room decides nothing about one request. It must not know files: `disk` reads the built schemas and hands them in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mockserver.core.schemas.schema import Schema


@dataclass(frozen=True, slots=True)
class Quirks:
    """Where two speakers of the same API differ on the wire."""

    tool_choice_object: bool = False
    """Echo a string `tool_choice` as `{"type": "allowed_tools", "mode": ..., "tools": [...]}`."""
    usage_null_until_end: bool = False
    conversation_always: bool = True
    error_event_nested: bool = False
    done_marker: bool = False
    obfuscation: bool = False


@dataclass(frozen=True, slots=True)
class Dialect:
    """`load` gives the JSON Schema document of a name: `request`, `response`, `error`, `item`, or `events/<type>`."""

    name: str
    quirks: Quirks
    event_types: frozenset[str]
    load: Callable[[str], Mapping[str, Any]]
    _compiled: dict[str, Schema] = field(default_factory=dict, compare=False, repr=False)

    def schema(self, name: str) -> Schema:
        """Return the compiled schema of that name, compiled on first use."""
        found = self._compiled.get(name)
        if found is None:
            found = self._compiled[name] = Schema(self.load(name))
        return found

    def field(self, name: str, key: str) -> Schema:
        """Return the compiled schema of one field of an object's schema; anything is valid where it says nothing."""
        place = f"{name}#{key}"
        found = self._compiled.get(place)
        if found is None:
            document = self.schema(name).document
            about = document.get("properties", {}).get(key, {})
            found = self._compiled[place] = Schema({"$defs": document.get("$defs", {}), **about})
        return found
