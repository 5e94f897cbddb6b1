"""Matchers by name: from what a rule file says to one function, from a value to the reasons why it does not hold.

This room decides which matchers there are and how they combine. It must not know where the value came from (`targets`
does), nor count or remember anything. A value of the wrong type is a mismatch, never an error; ABSENT fails all but
`exists: false` and `not`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from mockserver.core.errors import Report, SchemaSourceError, nearest
from mockserver.core.messages import ABSENT, Json
from mockserver.core.rules.conditions import HOLDS, Mismatch, Mismatches
from mockserver.core.rules.leaves import comparison, contains, equals, exists, glob, matches, one_of
from mockserver.core.rules.predicates import Predicate, of_predicate
from mockserver.core.rules.verdicts import NEVER, Matcher, Site, all_hold, kind, leaf, shown

__all__ = ["MATCHERS", "Entry", "Matcher", "compile_matcher", "matcher_schema"]

MAX_SHOWN: Final = 5
"""Schema violations that one mismatch list shows."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the table: what people read, the JSON Schema of what they write, and the maker."""

    doc: str
    schema: Mapping[str, Any]
    make: Callable[[Any, Site], Matcher]


def compile_matcher(
    spec: Any,
    report: Report,
    path: tuple[str | int, ...],
    *,
    label: str = "",
    text: bool = False,
    patterns: list[re.Pattern[str]] | None = None,
) -> Matcher:
    """Compile what stands in a rule file: a scalar or list means equals, a mapping holds matchers that all must hold.

    A `Predicate` may stand for a matcher anywhere; only Python can say that.

    `label` names the value in mismatches (default: the last part of `path`). With `text` the value is always text.
    `patterns` receives the regular expressions that must match. Mistakes go to `report`.
    """
    return _compile(spec, Site(report, path, label or str(path[-1] if path else ""), text, patterns))


def _compile(spec: Any, site: Site) -> Matcher:
    if isinstance(spec, Predicate):
        return of_predicate(spec, site)
    if not isinstance(spec, dict):
        return equals(spec, site)
    if not spec:
        return site.wrong("no matcher given", f"one of {', '.join(MATCHERS)}; an empty object is `equals: {{}}`")
    parts = []
    for name, given in spec.items():
        entry = MATCHERS.get(name)
        if entry is None:
            guess = nearest(str(name), MATCHERS)
            known = f"did you mean `{guess}`?" if guess else f"known: {', '.join(MATCHERS)}; an object needs `equals:`"
            parts.append(site.below(str(name)).wrong(f"unknown matcher {name!r}", known))
        else:
            parts.append(entry.make(given, site.below(name)))
    return all_hold(parts)


def _length(given: Any, site: Site) -> Matcher:
    if isinstance(given, bool) or not isinstance(given, (int, dict, Predicate)):
        return site.wrong(f"expected a number or a matcher such as {{gte: 2}}, got {shown(given)}")
    inner = _compile(given, replace(site, text=False, patterns=None))

    def mismatches(value: Json) -> Mismatches:
        if isinstance(value, (str, list, dict)):
            return inner.mismatches(len(value))
        word = "" if value is ABSENT else f"{kind(value)} has no length"
        return (Mismatch(site.label, given, value, word),)

    return Matcher(lambda value: isinstance(value, (str, list, dict)) and inner.holds(len(value)), mismatches)


def _include(given: Any, site: Site) -> Matcher:
    wanted = given if isinstance(given, list) else [given]
    if not wanted:
        return site.wrong("an empty list is included in everything")
    inner = replace(site, patterns=None)
    tests = [(one, _compile(one, inner).holds) for one in wanted]

    def missing(value: Json) -> str:
        if not isinstance(value, list):
            return f"{kind(value)} where a list was expected"
        lacks = [one for one, test in tests if not any(map(test, value))]
        return "" if len(wanted) == 1 else "lacks " + ", ".join(shown(one) for one in lacks)

    return leaf(
        site.label,
        given,
        lambda value: isinstance(value, list) and all(any(map(test, value)) for _, test in tests),
        missing,
    )


def _schema(given: Any, site: Site) -> Matcher:
    from mockserver.core.schemas.schema import Schema  # imported when first used: schema compilers are slow to load

    if not isinstance(given, dict):
        return site.wrong(f"expected a JSON Schema, got {shown(given)}")
    try:
        schema = Schema(given)
    except SchemaSourceError as error:
        return site.wrong(f"not a usable JSON Schema: {error}")

    def mismatches(value: Json) -> Mismatches:
        if value is ABSENT:
            return (Mismatch(site.label, given, value),)
        if schema.is_valid(value):
            return HOLDS
        return tuple(
            Mismatch(site.label, {broken.keyword: broken.expected}, broken.found, broken.message)
            for broken in schema.violations(value)[:MAX_SHOWN]
        ) or (Mismatch(site.label, given, value),)

    return Matcher(lambda value: value is not ABSENT and schema.is_valid(value), mismatches)


def _parts(given: Any, site: Site) -> list[Matcher]:
    if not isinstance(given, list) or not given:
        site.wrong(f"expected a list of matchers, got {shown(given)}")
        return []
    return [_compile(one, site.below(index)) for index, one in enumerate(given)]


def _any_of(given: Any, site: Site) -> Matcher:
    parts = _parts(given, site)
    verdicts = tuple(part.holds for part in parts)
    return leaf(
        site.label, given, lambda value: any(holds(value) for holds in verdicts), lambda value: "none of them holds"
    )


def _all_of(given: Any, site: Site) -> Matcher:
    return all_hold(_parts(given, site) or [NEVER])


def _not(given: Any, site: Site) -> Matcher:
    inner = _compile(given, site.without_patterns()).holds
    return leaf(site.label, given, lambda value: not inner(value), lambda value: "holds, and must not")


_MATCHER: Final = {"$ref": "#/$defs/matcher"}
_MATCHERS_LIST: Final = {"type": "array", "minItems": 1, "items": _MATCHER}
_WORD: Final = {"type": ["string", "integer"]}
_NUMBER_SCHEMA: Final = {"type": "number"}

MATCHERS: Final[Mapping[str, Entry]] = MappingProxyType(
    {
        "equals": Entry("the same JSON value (1 is 1.0, true is not 1); what a bare value means", {}, equals),
        "contains": Entry(
            "text that contains this; a list: all of these",
            {"anyOf": [_WORD, {"type": "array", "minItems": 1, "items": _WORD}]},
            contains,
        ),
        "glob": Entry("the whole text, with * ? and [..]", _WORD, glob),
        "matches": Entry("a regular expression (Python's), found anywhere in the text", _WORD, matches),
        "in": Entry("equal to one of these", {"type": "array", "minItems": 1}, one_of),
        "exists": Entry("true: there is a value; false: there is none", {"type": "boolean"}, exists),
        "gt": Entry("a number greater than this", _NUMBER_SCHEMA, comparison("gt")),
        "gte": Entry("a number that is this or greater", _NUMBER_SCHEMA, comparison("gte")),
        "lt": Entry("a number less than this", _NUMBER_SCHEMA, comparison("lt")),
        "lte": Entry("a number that is this or less", _NUMBER_SCHEMA, comparison("lte")),
        "length": Entry(
            "characters of a text, elements of a list, keys of an object: a number or a matcher",
            {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "object", "allOf": [_MATCHER]}]},
            _length,
        ),
        "include": Entry("a list with an element like this (a value or a matcher); a list: all of these", {}, _include),
        "schema": Entry("valid against this JSON Schema", {"type": "object"}, _schema),
        "any_of": Entry("at least one of these matchers holds", _MATCHERS_LIST, _any_of),
        "all_of": Entry("all of these matchers hold", _MATCHERS_LIST, _all_of),
        "not": Entry("this matcher does not hold", _MATCHER, _not),
    }
)
"""Every matcher by name. Schemas refer to `#/$defs/matcher`, which is `matcher_schema()`."""


def matcher_schema() -> dict[str, Any]:
    """Return the JSON Schema of anything that may stand for a matcher, to be put at `#/$defs/matcher`."""
    return {
        "description": "A value to be equal to, or matchers that all must hold.",
        "anyOf": [
            {"type": ["string", "number", "boolean", "null", "array"]},
            {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": False,
                "properties": {name: {**row.schema, "description": row.doc} for name, row in MATCHERS.items()},
            },
        ],
    }
