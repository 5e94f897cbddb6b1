"""The keywords of JSON Schema as tables: what is copied, what holds schemas, what decides anything at all.

This room decides nothing about a document; it must not know one. Source: JSON Schema 2020-12, and OpenAPI 3.0's
`nullable`.
"""

from __future__ import annotations

from typing import Final

BOUNDS: Final = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minContains",
    "maxContains",
    "minProperties",
    "maxProperties",
)
"""Limits on size, range and form."""

UNIONS: Final = ("oneOf", "anyOf")
"""Lists of schemas of which one is meant."""

COPIED: Final = ("const", "dependentRequired")
"""Taken over as they are."""

HOLD_ONE: Final = (
    "items",
    "contains",
    "additionalProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "then",
    "else",
)
"""Hold one schema."""

TESTS: Final = ("if", "not")
"""Hold one schema that is asked, not demanded."""

HOLD_LIST: Final = ("prefixItems",)
HOLD_MAP: Final = ("patternProperties", "dependentSchemas")

_OWN: Final = ("type", "enum", "properties", "required", "allOf", "nullable")

MEANING: Final = frozenset((*BOUNDS, *UNIONS, *COPIED, *HOLD_ONE, *TESTS, *HOLD_LIST, *HOLD_MAP, *_OWN))
"""Keywords that decide anything; all others are for readers."""
