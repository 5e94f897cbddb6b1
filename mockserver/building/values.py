"""Values as people give them in Python, to values as a rule file has them.

This room decides what a plain value, a pattern, a function, or an object that compares itself means as a test, and which
values are JSON. It must not know targets, replies or where the value was given: its mistakes are `RuleError`s without a
place, beginning with what was wrong.
"""

from __future__ import annotations

import enum
import functools
import math
import re
import types
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from mockserver.building.places import of_function, unwrapped
from mockserver.core.errors import RuleError
from mockserver.core.rules.equality import equal
from mockserver.core.rules.predicates import Predicate
from mockserver.words import Answer, Fault, Item, Matcher, Timing

Json: TypeAlias = Any

_FUNCTIONS: Final = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.MethodDescriptorType,
    types.MethodWrapperType,
    types.WrapperDescriptorType,
    functools.partial,
)
"""Callables by nature; some of these types define how they compare, which is not meant."""

_NEVER_JSON: Final = ("builtins", "datetime", "uuid", "pathlib", "ipaddress")
"""Modules whose objects compare only with their own kind: equal to nothing that a request holds."""

_WORDS: Final = (Matcher, Item, Answer, Fault, Timing)


def compares_itself(value: Any) -> bool:
    """Say whether an object decides by itself what it is equal to: `unittest.mock.ANY`, dirty-equals and their like."""
    kind: Any = type(value)
    if value is None or isinstance(value, (str, int, float, list, tuple, Mapping, enum.Enum, *_FUNCTIONS, *_WORDS)):
        return False
    return kind.__eq__ is not object.__eq__ and kind.__eq__ is not type.__eq__ and kind.__module__ not in _NEVER_JSON


def wanted(value: Any) -> Json | Predicate:
    """Return a test of one value as a matcher's mapping, a plain value (equals) or a predicate."""
    if isinstance(value, Predicate):
        return value
    if isinstance(value, Matcher):
        return _matchers(value.spec)
    if isinstance(value, re.Pattern):
        return _pattern(value)
    if compares_itself(value):
        return Predicate(lambda found: value == found, repr(value))
    if isinstance(value, type):
        raise RuleError(f"a type is no test, got {value!r} (write `lambda value: isinstance(value, {value.__name__})`)")
    if callable(value):
        return predicate(value)
    if isinstance(value, Mapping):
        return _matchers(value)
    return literal(value)


def predicate(function: Callable[[Any], Any]) -> Predicate:
    """Return the predicate that a function of a value is."""
    if _is_asynchronous(function):
        raise RuleError(f"a condition cannot wait, and {of_function(function)} is asynchronous (write a plain `def`)")
    return Predicate(function, of_function(function))


def _is_asynchronous(function: Callable[..., Any]) -> bool:
    code = getattr(unwrapped(function), "__code__", None)
    return code is not None and bool(code.co_flags & _ASYNCHRONOUS)


_ASYNCHRONOUS: Final = 0x80 | 0x200
"""CO_COROUTINE and CO_ASYNC_GENERATOR."""


def _pattern(pattern: re.Pattern[Any]) -> Json | Predicate:
    """Return a compiled pattern as `matches`, its flags written inside."""
    text = pattern.pattern
    if not isinstance(text, str):
        raise RuleError(f"expected a pattern of text, got {pattern!r}")
    letters = "".join(letter for flag, letter in _FLAGS.items() if pattern.flags & flag)
    written = f"(?{letters}){_INLINE.sub('', text, count=1)}" if letters else text
    try:
        same = re.compile(written).flags == pattern.flags
    except re.error:
        same = False
    if same:
        return {"matches": written}
    return Predicate(lambda found: isinstance(found, str) and pattern.search(found) is not None, repr(pattern))


_FLAGS: Final = {re.ASCII: "a", re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "s", re.VERBOSE: "x"}
_INLINE: Final = re.compile(r"\(\?[aimsux]+\)")
"""Flags for the whole of a pattern; they stand only at its start."""


# Mappings of matchers


def _matchers(given: Mapping[str, Any]) -> Json | Predicate:
    plain: dict[str, Any] = {}
    predicates: list[Predicate] = []
    for name, value in given.items():
        made = _NESTED.get(str(name), _plain)(value)
        if name == "equals" and isinstance(made, Predicate):
            predicates.append(made)
        elif name == "in" and any(isinstance(each, Predicate) for each in made):
            predicates.append(_any_of(made))
        elif name == "matches" and isinstance(made, (dict, Predicate)):
            predicates.append(made) if isinstance(made, Predicate) else plain.update(made)
        else:
            plain[name] = made
    if not predicates:
        return plain
    if len(predicates) == 1 and not plain:
        return predicates[0]
    return {"all_of": [*([plain] if plain else []), *predicates]}


def _any_of(choices: list[Any]) -> Predicate:
    def holds(found: Json) -> bool:
        return any(each.holds(found) if isinstance(each, Predicate) else equal(each, found) for each in choices)

    return Predicate(holds, f"one_of({', '.join(map(repr, choices))})")


def _plain(value: Any) -> Json:
    return value if callable(value) or compares_itself(value) else literal(value)


def _choices(value: Any) -> Json:
    if not isinstance(value, (list, tuple)):
        return _plain(value)
    return [literal(each) for each in value]


def _pattern_or_text(value: Any) -> Json:
    return _pattern(value) if isinstance(value, re.Pattern) else _plain(value)


def _tests(value: Any) -> Json:
    return [wanted(each) for each in value] if isinstance(value, (list, tuple)) else wanted(value)


# JSON

_LONE: Final = re.compile("[\ud800-\udfff]")
"""Halves of characters, which no encoding of text can carry."""


def literal(value: Any) -> Json | Predicate:
    """Return a JSON value as plain dicts, lists, texts and numbers.

    A value with objects inside that compare themselves becomes the predicate that it is equal. Raises `RuleError` for
    anything that no request or answer can hold.
    """
    if compares_itself(value):
        return Predicate(lambda found: value == found, repr(value))
    inside: list[Any] = []
    made = plain(value, inside)
    return Predicate(lambda found: _same(made, found), repr(made)) if inside else made


def _same(expected: Any, found: Json) -> bool:
    """Say whether a value is equal to one with objects inside that compare themselves."""
    if isinstance(expected, dict):
        if not isinstance(found, dict) or expected.keys() != found.keys():
            return False
        return all(_same(each, found[name]) for name, each in expected.items())
    if isinstance(expected, list):
        if not isinstance(found, list) or len(expected) != len(found):
            return False
        return all(map(_same, expected, found))
    return bool(expected == found) if compares_itself(expected) else equal(expected, found)


def plain(value: Any, own: list[Any] | None = None) -> Json:
    """Return a JSON value as plain dicts, lists, texts and numbers; `own` takes what compares itself, which stays."""
    if isinstance(value, enum.Enum):
        return plain(value.value, own)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        if not value.isascii() and _LONE.search(value):
            raise RuleError(f"no text, but half a character: {value!r}")
        return str(value)
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise RuleError(f"does not fit in 64 bits: {value!r}")
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise RuleError(f"JSON has no {value!r}")
        return float(value)
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                raise RuleError(f"names in JSON are text, got {name!r}")
        return {str(name): plain(each, own) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each, own) for each in value]
    if own is not None and compares_itself(value):
        own.append(value)
        return value
    if isinstance(value, Matcher):
        raise RuleError(f"a matcher cannot stand inside a value, got {value!r} (name its place: `{{'$.a.b': ...}}`)")
    if isinstance(value, (re.Pattern, *_FUNCTIONS)):
        raise RuleError(f"a test cannot stand inside a value, got {value!r} (name its place: `{{'$.a.b': ...}}`)")
    raise RuleError(f"expected a JSON value, got {value!r}")


_NESTED: Final[Mapping[str, Callable[[Any], Any]]] = {
    "equals": literal,
    "in": _choices,
    "matches": _pattern_or_text,
    "length": wanted,
    "include": _tests,
    "any_of": _tests,
    "all_of": _tests,
    "not": wanted,
}
"""How the value of a matcher is read, where it is more than a plain one."""
