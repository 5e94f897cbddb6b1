"""Types in the provider's words: what was expected at a place, and what was found there.

This room decides how JSON types and closed lists are said. It must not know what else can be wrong with a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from mockserver.core.messages import Json
from mockserver.core.schemas.schema import Path, SchemaViolation, kind_of, resolve

GOT: Final[Mapping[str, str]] = {
    "string": "a string",
    "integer": "an integer",
    "number": "a decimal",
    "boolean": "a boolean",
    "array": "an array",
    "object": "an object",
    "null": "null",
}
_PLURAL: Final[Mapping[str, str]] = {
    "string": "strings",
    "integer": "integers",
    "number": "decimals",
    "boolean": "booleans",
    "array": "arrays",
    "object": "objects",
}
_NAMED: Final[Mapping[tuple[Path, str], str]] = {
    (("input",), "array"): "an array of input items",
    (("input", "[]"), "object"): "an input item",
    (("tools",), "array"): "an array of tools",
    (("metadata",), "object"): "a metadata object",
}
"""Where the API names a thing rather than its JSON type."""


def got(value: Json) -> str:
    """Return the API's words for what was found: `a string`, `an integer`, `a decimal`, `null`."""
    return GOT[kind_of(value)]


def expected(found: SchemaViolation, document: Mapping[str, Any], *, only_first: bool = False) -> str:
    """Return what a `type` violation of the schema `document` missed, such as `one of a string or array of objects`.

    `only_first` names the first alternative alone: a null at the top of a body is told as if nothing else would do.
    """
    words, members = _alternatives(found, document)
    if words and (only_first or (len(words) == 1 and not members)):
        return words[0]
    first, *rest = [*words, *([joined(members, "or")] if members else [])]
    rest = [word.removeprefix("a ").removeprefix("an ") for word in rest]
    return f"one of {joined([first, *rest], 'or')}" if rest or len(members) > 1 else first


def _alternatives(found: SchemaViolation, document: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return the types that would do, and the members where a string must be one of a closed list."""
    kinds = [kind for kind in as_list(found.expected) if kind != "null"] or ["null"]
    shape = tuple("[]" if isinstance(step, int) else step for step in found.path)
    words: list[str] = []
    members: list[str] = []
    for kind in kinds:
        facets = list(_facets(found.schema, kind, document))
        if kind == "string":
            members = [quoted(each) for facet in facets for each in facet.get("enum", ()) if isinstance(each, str)]
            if members:
                continue
        named = _NAMED.get((shape, kind))
        if named is None and kind == "array":
            named = "an array" + _of_items(facets, document)
        words.append(named or GOT[kind])
    return words, members


def _of_items(facets: Iterable[Mapping[str, Any]], document: Mapping[str, Any]) -> str:
    for facet in facets:
        items = resolve(document, facet.get("items"))
        if isinstance(items, Mapping):
            kinds = as_list(items.get("type"))
            members = [quoted(each) for each in items.get("enum", ()) if isinstance(each, str)]
            if members:
                return f" of one of {joined(members, 'or')}"
            if len(kinds) == 1 and kinds[0] in _PLURAL:
                return f" of {_PLURAL[kinds[0]]}"
    return ""


def _facets(schema: Mapping[str, Any], kind: str, document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the schema and whatever its `if type then` branches for `kind` add."""
    yield schema
    for branch in schema.get("allOf", ()):
        condition = branch.get("if") if isinstance(branch, Mapping) else None
        if isinstance(condition, Mapping) and kind in as_list(condition.get("type")):
            then = resolve(document, branch.get("then"))
            if isinstance(then, Mapping):
                yield from _facets(then, kind, document)


def listed(values: Sequence[str], word: str) -> str:
    """Return `'a'`, `'a' or 'b'`, `'a', 'b', or 'c'`: the API's punctuation."""
    return joined([quoted(value) for value in values], word)


def joined(values: Sequence[str], word: str) -> str:
    """Return the same of words that carry their own quotes, or none."""
    if len(values) < 3:
        return f" {word} ".join(values)
    return f"{', '.join(values[:-1])}, {word} {values[-1]}"


def quoted(value: str) -> str:
    """Return a word in the API's quotes."""
    return f"'{value}'"


def as_list(value: Any) -> list[Any]:
    """Return a schema keyword that may be one value or a list of them as a list; absent is empty."""
    return list(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]
