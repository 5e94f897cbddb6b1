"""Compiled JSON Schemas: a verdict, and every error with its exact path. Never opens a file or a connection.

This room decides how a schema is compiled and how its errors look to the rest of the house. It must not know which schema
is whose, or how an error is told to a client (`validation` does).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SchemaViolation:
    """One failing keyword at one place of the instance."""

    path: tuple[str | int, ...]
    keyword: str
    """The JSON Schema keyword: `type`, `enum`, `const`, `required`, `additionalProperties`, `minimum`, ..."""
    expected: Any
    """The keyword's value in the schema."""
    found: Any
    """The instance at `path`."""
    message: str


class Schema:
    """One compiled schema. Raises `SchemaSourceError` when it cannot be compiled or refers to anything outside itself."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document

    def is_valid(self, instance: Any) -> bool:
        """Give the verdict alone, fast."""
        raise NotImplementedError

    def violations(self, instance: Any) -> tuple[SchemaViolation, ...]:
        """Return every violation, in instance order; () when valid."""
        raise NotImplementedError
