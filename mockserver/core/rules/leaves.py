"""Matchers that need no other matcher: equality, text and numbers.

This room decides what each of them accepts. It must not know the names they go by or how they are combined (`matchers`).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from mockserver.core.messages import ABSENT, Json
from mockserver.core.rules.equality import equal
from mockserver.core.rules.expressions import compiled
from mockserver.core.rules.verdicts import NEVER, Matcher, Site, kind, leaf, shown

MAX_SUBJECT: Final = 200_000
"""Characters of text that a pattern is tried on; longer text does not match. Python's patterns backtrack: the time of one
with several `.*` grows with a power of the length, and nothing else can answer meanwhile."""


def _literal(given: Any, site: Site) -> Any:
    """Return a value to compare with, as text where the target is text; ABSENT when it makes no sense (and reported)."""
    if not site.text or isinstance(given, str):
        return given
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, int):
        return str(given)
    if isinstance(given, float):
        site.wrong(f"{given} is read as a number, and this is text", f'quote it: "{given}"')
    elif given is None:
        site.wrong("null is never found here", "for a value that is not set write `{exists: false}`")
    elif isinstance(given, list):
        site.wrong("a list never equals text", "one of several texts is `{in: [...]}`")
    else:
        site.wrong("an object never equals text")
    return ABSENT


def equals(given: Any, site: Site) -> Matcher:
    expected = _literal(given, site)
    if expected is ABSENT:
        return NEVER
    if isinstance(expected, str):
        return leaf(site.label, expected, lambda value: bool(value == expected), _type_differs(expected))
    return leaf(site.label, expected, lambda value: equal(expected, value), _type_differs(expected))


def _type_differs(expected: Any) -> Callable[[Json], str]:
    word = kind(expected)
    return lambda value: "" if kind(value) == word else f"{kind(value)} where {word} was expected"


def one_of(given: Any, site: Site) -> Matcher:
    if not isinstance(given, list) or not given:
        return site.wrong(f"expected a list of values, got {shown(given)}", "such as `in: [a, b]`")
    choices = [_literal(choice, site.below(index)) for index, choice in enumerate(given)]
    if any(choice is ABSENT for choice in choices):
        return NEVER
    if all(isinstance(choice, str) for choice in choices):
        known = frozenset(choices)
        return leaf(site.label, choices, lambda value: isinstance(value, str) and value in known)
    return leaf(site.label, choices, lambda value: any(equal(choice, value) for choice in choices))


def exists(given: Any, site: Site) -> Matcher:
    if given is True:
        return leaf(site.label, True, lambda value: value is not ABSENT)
    if given is False:
        return leaf(site.label, False, lambda value: value is ABSENT)
    return site.wrong(f"expected true or false, got {shown(given)}")


def contains(given: Any, site: Site) -> Matcher:
    wanted = [_word(part, site) for part in given] if isinstance(given, list) else [_word(given, site)]
    if not wanted:
        return site.wrong("an empty list is contained in everything")
    if None in wanted:
        return site.wrong(f"expected text or a list of texts, got {shown(given)}")
    words = tuple(word for word in wanted if word is not None)
    if len(words) == 1:
        word = words[0]
        return leaf(site.label, word, lambda value: isinstance(value, str) and word in value, _not_text)

    def missing(value: Json) -> str:
        return _not_text(value) or "lacks " + ", ".join(repr(part) for part in words if part not in value)

    return leaf(
        site.label,
        list(words),
        lambda value: isinstance(value, str) and all(part in value for part in words),
        missing,
    )


def _word(given: Any, site: Site) -> str | None:
    """Return text to look for; a whole number is taken as its digits, since YAML reads `contains: 42` as one."""
    if isinstance(given, int) and not isinstance(given, bool):
        return str(given)
    return given if isinstance(given, str) else None


def glob(given: Any, site: Site) -> Matcher:
    pattern = _word(given, site)
    if pattern is None:
        return site.wrong(f"expected text with * ? or [..], got {shown(given)}")
    match = re.compile(fnmatch.translate(pattern)).match
    return leaf(site.label, pattern, lambda value: isinstance(value, str) and match(value) is not None, _not_text)


_DOUBLY_REPEATED: Final = re.compile(
    r"""(?<!\\)\((?:\?:|\?P<\w+>)?      # a group
        (?:\\.|\[\^?\]?[^\]]*\]|[^\\()\[\]{}|*+?])   # that holds one thing
        (?:[*+]|\{\d+,\})              # repeated without bound
        \)(?:[*+]|\{\d+,\})            # and is so repeated itself""",
    re.VERBOSE,
)


def matches(given: Any, site: Site) -> Matcher:
    source = _word(given, site)
    if source is None:
        return site.wrong(f"expected a regular expression, got {shown(given)}")
    try:
        pattern = compiled(source)
    except ValueError as error:
        return site.wrong(str(error))
    doubly = _DOUBLY_REPEATED.search(source)
    if doubly:
        return site.wrong(
            f"`{doubly[0]}` repeats a repetition at character {doubly.start() + 1}: text that does not match could take hours",
            "repeat it once",
        )
    if site.patterns is not None:
        site.patterns.append(pattern)
    search = pattern.search
    return leaf(
        site.label,
        source,
        lambda value: isinstance(value, str) and len(value) <= MAX_SUBJECT and search(value) is not None,
        _not_searchable,
    )


def _not_text(value: Json) -> str:
    return "" if isinstance(value, str) else f"{kind(value)} where text was expected"


def _not_searchable(value: Json) -> str:
    if isinstance(value, str) and len(value) > MAX_SUBJECT:
        return f"text of {len(value)} characters; patterns are tried on at most {MAX_SUBJECT}"
    return _not_text(value)


_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?\Z", re.ASCII)

_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "gt": lambda value, bound: bool(value > bound),
    "gte": lambda value, bound: bool(value >= bound),
    "lt": lambda value, bound: bool(value < bound),
    "lte": lambda value, bound: bool(value <= bound),
}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def comparison(name: str) -> Callable[[Any, Site], Matcher]:
    compare = _COMPARE[name]

    def make(given: Any, site: Site) -> Matcher:
        if not _is_number(given):
            return site.wrong(f"expected a number, got {shown(given)}")

        def holds(value: Json) -> bool:
            return _is_number(value) and compare(value, given)

        def holds_of_text(value: Json) -> bool:
            return isinstance(value, str) and bool(_NUMBER.match(value)) and compare(float(value), given)

        return leaf(
            site.label,
            given,
            holds_of_text if site.text else holds,
            None
            if site.text
            else lambda value: "" if _is_number(value) else f"{kind(value)} where a number was expected",
        )

    return make
