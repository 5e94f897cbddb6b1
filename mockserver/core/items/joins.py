"""Two JSON Schemas joined into one that accepts what both accept, keyword by keyword.

This room decides how each keyword joins. It must not know what the result is for; keywords that cannot be joined one by
one take the newer value, so whoever makes a value from the result checks it against the original.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final


def joined(one: Any, other: Any) -> Any:
    """Return one schema for both; a schema is a mapping or a boolean."""
    if one is False or other is False:
        return False
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return other if isinstance(other, Mapping) else one
    result = dict(one)
    for key, value in other.items():
        join = _JOINS.get(key)
        if key not in result or join is None:
            result[key] = value
        else:
            result[key] = join(result[key], value)
    return result


def listed(value: Any) -> list[Any]:
    """Return a list as it is, anything else as a list of one."""
    return value if isinstance(value, list) else [value]


def _types(one: Any, other: Any) -> list[Any]:
    first, second = listed(one), listed(other)
    both = [kind for kind in first if kind in second]
    if "integer" not in both and (
        ("integer" in first and "number" in second) or ("integer" in second and "number" in first)
    ):
        both.append("integer")
    return both


def _properties(one: Any, other: Any) -> Any:
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return other
    return {
        **one,
        **{name: {"allOf": [one[name], schema]} if name in one else schema for name, schema in other.items()},
    }


def _union(one: Any, other: Any) -> list[Any]:
    first = listed(one)
    return [*first, *(name for name in listed(other) if name not in first)]


def _intersection(one: Any, other: Any) -> list[Any]:
    second = listed(other)
    return [value for value in listed(one) if value in second]


def _larger(one: Any, other: Any) -> Any:
    return max(one, other) if isinstance(one, (int, float)) and isinstance(other, (int, float)) else other


def _smaller(one: Any, other: Any) -> Any:
    return min(one, other) if isinstance(one, (int, float)) and isinstance(other, (int, float)) else other


def _all_of(one: Any, other: Any) -> list[Any]:
    return [*listed(one), *listed(other)]


_JOINS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "type": _types,
    "properties": _properties,
    "required": _union,
    "enum": _intersection,
    "allOf": _all_of,
    "items": joined,
    "additionalProperties": joined,
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), _larger),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), _smaller),
}
"""How a keyword that stands in both is joined; any other keeps the newer value."""
