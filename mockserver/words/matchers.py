"""The matchers as functions: tests of one value, for the conditions of a rule.

This room decides their Python names and arguments. It must not know what they do: `core.rules.matchers` does, and reports
whatever makes no sense when a rule is built of them.

Wherever a matcher takes another matcher it also takes a plain value (equals), a compiled pattern (matches), a function of
the value, or an object that compares itself (`unittest.mock.ANY`, dirty-equals). A value that is not there fails every
matcher but `exists(False)` and `not_(...)`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mockserver.words.spelling import spelled
from mockserver.words.values import Matcher


@spelled
def equals(value: Any) -> Matcher:
    """The same JSON value: 1 is 1.0, True is not 1. What a bare value means; needed for an object.

    Example: `mockserver.when(body={"$.text.format": equals({"type": "text"})})`
    """
    return Matcher({"equals": value})


@spelled
def contains(*texts: str) -> Matcher:
    """Text that contains this; of several: all of them.

    Example: `mockserver.when(input=contains("weather"))`
    """
    return Matcher({"contains": _one_or_all(texts)})


@spelled
def glob(pattern: str) -> Matcher:
    """The whole text, with `*`, `?` and `[..]`.

    Example: `mockserver.when(model=glob("gpt-*"))`
    """
    return Matcher({"glob": pattern})


@spelled
def matches(pattern: str | re.Pattern[str]) -> Matcher:
    """A regular expression, found anywhere in the text; `{{ match.1 }}` in the reply is its first group.

    Example: `mockserver.when(input=matches(r"in (\\w+)")).reply("So you like {{ match.1 }}.")`
    """
    return Matcher({"matches": pattern})


@spelled
def one_of(*values: Any) -> Matcher:
    """Equal to one of these (`in` in a rule file).

    Example: `mockserver.when(model=one_of("gpt-5", "gpt-5-mini"))`
    """
    return Matcher({"in": list(values)})


@spelled
def exists(there: bool = True) -> Matcher:
    """There is a value, whatever it is; with False: there is none.

    Example: `mockserver.when(previous_response_id=exists(False))`
    """
    return Matcher({"exists": there})


@spelled
def gt(number: float) -> Matcher:
    """A number greater than this.

    Example: `mockserver.when(body={"$.temperature": gt(1)})`
    """
    return Matcher({"gt": number})


@spelled
def gte(number: float) -> Matcher:
    """A number that is this or greater.

    Example: `mockserver.when(turn=gte(2))`
    """
    return Matcher({"gte": number})


@spelled
def lt(number: float) -> Matcher:
    """A number less than this.

    Example: `mockserver.when(body={"$.max_output_tokens": lt(100)})`
    """
    return Matcher({"lt": number})


@spelled
def lte(number: float) -> Matcher:
    """A number that is this or less.

    Example: `mockserver.when(hit=lte(2)).reply(error("server_error"))`
    """
    return Matcher({"lte": number})


@spelled
def length(size: Any) -> Matcher:
    """The characters of a text, elements of a list or keys of an object: a number, or a matcher of the number.

    Example: `mockserver.when(tools=length(gte(3)))`
    """
    return Matcher({"length": size})


@spelled
def include(*elements: Any) -> Matcher:
    """A list with an element like this (a value or a matcher); of several: all of them.

    Example: `mockserver.when(tools=include("get_weather"))`
    """
    return Matcher({"include": _one_or_all(elements)})


@spelled
def schema(json_schema: Mapping[str, Any]) -> Matcher:
    """Valid against this JSON Schema.

    Example: `mockserver.when(body={"$.metadata": schema({"type": "object", "required": ["user"]})})`
    """
    return Matcher({"schema": json_schema})


@spelled
def any_of(*matchers: Any) -> Matcher:
    """At least one of these matchers holds.

    Example: `mockserver.when(input=any_of(contains("rain"), contains("snow")))`
    """
    return Matcher({"any_of": list(matchers)})


@spelled
def all_of(*matchers: Any) -> Matcher:
    """All of these matchers hold.

    Example: `mockserver.when(input=all_of(contains("rain"), length(lt(100))))`
    """
    return Matcher({"all_of": list(matchers)})


@spelled
def not_(matcher: Any) -> Matcher:
    """This matcher does not hold; a value that is not there is fine.

    Example: `mockserver.when(model=not_(glob("gpt-*")))`
    """
    return Matcher({"not": matcher})


def _one_or_all(values: tuple[Any, ...]) -> Any:
    return values[0] if len(values) == 1 else list(values)
