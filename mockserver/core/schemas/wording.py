"""A schema violation in the provider's words: code, parameter and message.

This room decides how one violation reads. It must not know in which order violations are told, nor rules that no schema
states (`validation`). The templates stand in `catalogue`; the words put into them follow the API's observed messages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from mockserver.core.catalogue import ERRORS
from mockserver.core.messages import Json, Violation
from mockserver.core.schemas.schema import Path, SchemaViolation, clipped
from mockserver.core.schemas.typewords import GOT, as_list, expected, got, listed

MOVED: Final[Mapping[str, str]] = {
    "messages": "input",
    "response_format": "text.format",
    "reasoning_effort": "reasoning.effort",
    "max_completion_tokens": "max_output_tokens",
}
"""Parameters of an older API and where their meaning went. The API tells these from keys it never knew."""

_FARTHEST: Final = 2
"""The API suggests names within this edit distance (official behaviour, measured)."""

_LONGEST: Final = 100
"""A key or value is echoed up to this many characters: both are the client's, and may be megabytes."""


def violation(name: str, param: str | None, path: Path = (), **fields: object) -> Violation:
    """Return a violation told with the catalogue's template of that name; `fields` fill it."""
    entry = ERRORS[name]
    return Violation(entry.message.format_map({**entry.example, "param": param, **fields}), entry.code, param, path)


def where(path: Sequence[str | int]) -> str:
    """Return a path as the API writes it, such as `input[2].content[0].type`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{_cut(step)}" for step in path)
    return text.removeprefix(".")


def dotted(path: Sequence[str | int]) -> str:
    """Return a path without its indexes, such as `input.content.type`."""
    return ".".join(_cut(step) for step in path if isinstance(step, str))


def told(found: SchemaViolation, document: Mapping[str, Any]) -> Iterator[Violation]:
    """Tell one violation of the schema `document` as the API would; one for each key that is missing or unknown."""
    keyed = _KEYED.get(found.keyword)
    if keyed is not None:
        for key in found.keys:
            yield keyed(found, key)
    else:
        yield _TOLD.get(found.keyword, _unlike)(found, document)


def _missing(found: SchemaViolation, key: str) -> Violation:
    path = (*found.path, key)
    return violation("missing_required_parameter", where(path), path)


def _unknown(found: SchemaViolation, key: str) -> Violation:
    path = (*found.path, key)
    if not found.path and key in MOVED:
        return violation("unsupported_parameter", None, path, given=key, instead=MOVED[key])
    known = found.schema.get("properties", {})
    absent = [name for name in known if not isinstance(found.found, Mapping) or name not in found.found]
    near = [where((*found.path, name)) for name in _near(key, absent)]
    suggestion = f" Did you mean {listed(near, 'or')}?" if near else ""
    hint = f" (mockserver: --allow-param {dotted(path)} lets it through)"
    return violation("unknown_parameter", where(path), path, suggestion=suggestion + hint)


def _misnamed(found: SchemaViolation, key: str) -> Violation:
    path = (*found.path, key)
    limit = found.expected.get("maxLength") if isinstance(found.expected, Mapping) else None
    if not isinstance(limit, int) or len(key) <= limit:
        return Violation(
            f"Invalid property name in '{where(found.path)}': '{_cut(key)}'.", "invalid_value", where(path), path
        )
    return Violation(
        f"Invalid property name in '{where(found.path)}': '{key[:3]}...{key[-3:]}' is too long. "
        f"Expected a string with maximum length {limit}, but got a string with length {len(key)} instead.",
        "property_name_above_max_length",
        where(path),
        path,
    )


_KEYED: Final[Mapping[str, Callable[[SchemaViolation, str], Violation]]] = {
    "required": _missing,
    "additionalProperties": _unknown,
    "unevaluatedProperties": _unknown,
    "propertyNames": _misnamed,
}


def _wrong_type(found: SchemaViolation, document: Mapping[str, Any]) -> Violation:
    at_top = found.found is None and len(found.path) == 1
    words = {
        "expected": expected(found, document, only_first=at_top),
        "found": GOT["object"] if at_top else got(found.found),
    }
    return violation("invalid_type", where(found.path), found.path, **words)


def _wrong_value(found: SchemaViolation, _: Mapping[str, Any]) -> Violation:
    members = [found.expected] if found.keyword == "const" else as_list(found.expected)
    supported = listed([_plain(each) for each in members if each is not None], "and")
    return violation(
        "invalid_value", where(found.path), found.path, value=_cut(_plain(found.found)), supported=supported
    )


_BOUNDS: Final[Mapping[str, tuple[str, str]]] = {
    "minimum": ("below_min", ">="),
    "exclusiveMinimum": ("below_min", ">"),
    "maximum": ("above_max", "<="),
    "exclusiveMaximum": ("above_max", "<"),
}


def _out_of_bounds(found: SchemaViolation, _: Mapping[str, Any]) -> Violation:
    side, sign = _BOUNDS[found.keyword]
    kinds = as_list(found.schema.get("type"))
    number = "decimal" if "number" in kinds or not (kinds or isinstance(found.found, int)) else "integer"
    told = violation(
        f"{number}_{side}_value",
        where(found.path),
        found.path,
        limit=clipped(found.expected),
        value=clipped(found.found),
    )
    if found.keyword.startswith("exclusive"):
        message = told.message.replace(f"{sign}= ", f"{sign} ", 1)
        return Violation(message, told.code, told.param, told.path)
    return told


_SIZES: Final[Mapping[str, tuple[str, str]]] = {
    "minLength": ("string", "string_below_min_length"),
    "maxLength": ("string", "string_above_max_length"),
    "minItems": ("array", "array_below_min_length"),
    "maxItems": ("array", "array_above_max_length"),
    "maxProperties": ("object", "object_above_max_properties"),
}


def _wrong_size(found: SchemaViolation, _: Mapping[str, Any]) -> Violation:
    noun, name = _SIZES[found.keyword]
    if not found.found and noun != "object":
        article = GOT[noun]
        return Violation(
            f"Invalid '{where(found.path)}': empty {noun}. Expected {article} with minimum length {found.expected}, "
            f"but got an empty {noun} instead.",
            f"empty_{noun}",
            where(found.path),
            found.path,
        )
    return violation(name, where(found.path), found.path, limit=found.expected, value=len(found.found))


def _too_few_properties(found: SchemaViolation, _: Mapping[str, Any]) -> Violation:
    return Violation(
        f"Invalid '{where(found.path)}': too few properties. Expected an object with at least {found.expected} properties, "
        f"but got an object with {len(found.found)} properties instead.",
        "object_below_min_properties",
        where(found.path),
        found.path,
    )


def _unlike_pattern(found: SchemaViolation, _: Mapping[str, Any]) -> Violation:
    return Violation(
        f"Invalid '{where(found.path)}': string does not match pattern. "
        f"Expected a string that matches the pattern '{found.expected}'.",
        "invalid_value",
        where(found.path),
        found.path,
    )


def _forbidden(found: SchemaViolation, document: Mapping[str, Any]) -> Violation:
    if not found.path or not isinstance(found.path[-1], str):
        return _unlike(found, document)
    parent = SchemaViolation(found.path[:-1], "additionalProperties", False, None, "")
    return _unknown(parent, found.path[-1])


def _unlike(found: SchemaViolation, _: Mapping[str, Any]) -> Violation:
    param = where(found.path) or None
    place = "request body" if param is None else f"'{param}'"
    return Violation(f"Invalid {place}: {found.message}.", "invalid_value", param, found.path)


_TOLD: Final[Mapping[str, Callable[[SchemaViolation, Mapping[str, Any]], Violation]]] = {
    "type": _wrong_type,
    "enum": _wrong_value,
    "const": _wrong_value,
    **dict.fromkeys(_BOUNDS, _out_of_bounds),
    **dict.fromkeys(_SIZES, _wrong_size),
    "minProperties": _too_few_properties,
    "pattern": _unlike_pattern,
    "false": _forbidden,
}


def _plain(value: Json) -> str:
    return value if isinstance(value, str) else clipped(value)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _near(word: str, known: Iterable[str]) -> list[str]:
    """Return the known names within the suggestion distance, nearest first, then by name."""
    # The lengths alone rule most out: a key may be megabytes long.
    close = [(edits(word, name), name) for name in known if abs(len(name) - len(word)) <= _FARTHEST]
    # A word with no letter in common is no misspelling, however short it is.
    return [name for distance, name in sorted(close) if distance <= _FARTHEST and distance < len(word)]


def edits(one: str, other: str) -> int:
    """Return how many letters must be put in, left out or changed to make one word of the other."""
    row = list(range(len(other) + 1))
    for index, letter in enumerate(one, 1):
        before, row[0] = row[0], index
        for column, other_letter in enumerate(other, 1):
            before, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, before + (letter != other_letter)),
            )
    return row[-1]
