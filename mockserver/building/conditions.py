"""The keywords of `when`: from Python values to the `when` of a rule file.

This room decides what may be given for each target in Python. It must not know how a target is read or a matcher
decides: `core.rules.targets` compiles what is made here, and reports the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypedDict, Unpack

from mockserver.building.places import caller
from mockserver.building.values import compares_itself, literal, wanted
from mockserver.core.errors import MisuseError, RuleError, nearest
from mockserver.core.rules.predicates import Predicate
from mockserver.words import Matcher

Wanted: TypeAlias = Callable[[Any], Any] | object
"""A plain value (equals), a `Matcher`, a compiled pattern, a function of the value, or an object that compares itself.

That is any object; the function is named so that type checkers know what a lambda is given."""


class Conditions(TypedDict, total=False):
    """What `when` takes; all that is given must hold. Every target of a rule file is here, `not` as `not_`.

    A value may be plain (equals), a matcher such as `contains("rain")`, a compiled `re.Pattern` (searched), a function of
    the value that returns whether it will do, or an object that compares itself such as `unittest.mock.ANY`.
    """

    model: Wanted
    """The model's name."""
    input: Wanted
    """What the user just said: the last user message of this request; absent right after a tool output."""
    user: Wanted
    """The newest user message, wherever it stands."""
    transcript: Wanted
    """All text of messages and tool outputs, the stored chain first."""
    instructions: Wanted
    previous_response_id: Wanted
    conversation: Wanted
    """The conversation's id."""
    stream: bool
    """Whether a stream is asked for."""
    tools: Wanted
    """The names of the tools, as a list: `tools=include("get_weather")`."""
    tool_choice: Wanted
    text_format: Wanted
    """The type of `text.format`, or a mapping of tests for its `type` and `name`."""
    tool_output: Mapping[str, Wanted] | Sequence[Mapping[str, Wanted]]
    """One new tool output: tests for `call_id`, `name`, `output` (text), `data` (JSONPaths); a list: each met by some."""
    turn: Wanted
    """1, plus one for every time the model has had its say: 2 in the second request of a tool loop."""
    hit: Wanted
    """How often the rule has been reached, this time included."""
    headers: Mapping[str, Wanted]
    query: Mapping[str, Wanted]
    metadata: Mapping[str, Wanted]
    state: Mapping[str, Wanted]
    """What `set_state` has set, by name."""
    body: Wanted
    """JSONPaths into the body with a test each, `{"$.temperature": lt(1)}`; or one test of the whole body."""
    method: Wanted
    path: Wanted
    any_of: Sequence[Conditions]
    """At least one of these groups of conditions holds."""
    all_of: Sequence[Conditions]
    not_: Conditions
    """These conditions do not all hold."""


KEYWORDS: Final = tuple(Conditions.__annotations__)
"""The keywords of `when`."""


def conditions(**keywords: Unpack[Conditions]) -> dict[str, Any]:
    """Return a rule's `when`, as in a rule file but for predicates where a test is Python.

    Raises `TypeError` with the nearest name for a keyword that does not exist, `RuleError` with the place and the keyword
    for a value that is no test.

    Example: `conditions(model="gpt-5", input=contains("rain"), not_={"stream": True})`
    """
    try:
        return _when(keywords, "")
    except RuleError as wrong:
        raise RuleError(f"{caller()}: {wrong}") from None


def _when(given: Any, inside: str) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise RuleError(f"{inside}: expected conditions such as {{'model': 'gpt-5'}}, got {given!r}")
    made: dict[str, Any] = {}
    for name, value in given.items():
        keyword = "not_" if name == "not" else name
        if keyword not in KEYWORDS:
            raise MisuseError(_unknown(str(name), inside))
        reader: Callable[[Any], Any] = _READERS.get(keyword, wanted)
        try:
            made[keyword.rstrip("_")] = reader(value)
        except RuleError as wrong:
            raise RuleError(f"{_below(inside, keyword)}: {wrong}") from None
    return made


def _unknown(name: str, inside: str) -> str:
    close = nearest(name, KEYWORDS)
    hint = f"did you mean `{close}`?" if close else f"known: {', '.join(KEYWORDS)};"
    where = f" in `{inside}`" if inside else ""
    return f"unknown condition `{name}`{where}; {hint} (any field of the body is `body={{'$.{name}': ...}}`)"


def _below(inside: str, name: str) -> str:
    return f"{inside}.{name}" if inside else name


# Readers of what is given for a target


def _named(given: Any) -> Any:
    """Read tests by name; whatever is no mapping is left for the compiler to report."""
    if not isinstance(given, Mapping):
        return literal(given) if not _is_test(given) else repr(given)
    made = {}
    for name, value in given.items():
        try:
            made[str(name)] = wanted(value)
        except RuleError as wrong:
            raise RuleError(f"{name}: {wrong}") from None
    return made


def _is_test(value: Any) -> bool:
    return callable(value) or compares_itself(value) or isinstance(value, (Matcher, Predicate, re.Pattern))


def _body(given: Any) -> Any:
    if isinstance(given, Mapping) and not isinstance(given, Matcher):
        made = {}
        for name, value in given.items():
            try:
                reader = wanted if str(name).startswith("$") else literal
                made[str(name)] = reader(value)
            except RuleError as wrong:
                raise RuleError(f"{name}: {wrong}") from None
        return _whole(made)
    if not _is_test(given):
        return literal(given)
    found = wanted(given)
    return _whole(found) if isinstance(found, dict) and "equals" in found else {"$": found}


def _whole(given: dict[str, Any]) -> dict[str, Any]:
    """Return `body` with a predicate under `equals` as what it is: a test of the whole body."""
    whole = given.get("equals")
    if not isinstance(whole, Predicate):
        return given
    if given.keys() & {"ignore", "mask", "$"}:
        raise RuleError("`ignore` and `mask` go with a plain body, not with objects that compare themselves")
    return {"$": whole, **{name: each for name, each in given.items() if name != "equals"}}


def _text_format(given: Any) -> Any:
    if isinstance(given, Mapping) and given.keys() & {"type", "name"}:
        return _named(given)
    return wanted(given)


def _tool_output(given: Any) -> Any:
    if isinstance(given, (list, tuple)):
        return [_tool_output(each) for each in given]
    if not isinstance(given, Mapping):
        return _named(given)
    made = _named({name: value for name, value in given.items() if name != "data"})
    return {**made, "data": _named(given["data"])} if "data" in given else made


def _groups(given: Any) -> Any:
    if not isinstance(given, (list, tuple)):
        raise RuleError(
            f"expected a list of conditions, got {given!r} (such as `[{{'model': 'a'}}, {{'model': 'b'}}]`)"
        )
    return [_when(each, f"[{index}]") for index, each in enumerate(given)]


def _negated(given: Any) -> Any:
    return _when(given, "")


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "headers": _named,
    "query": _named,
    "metadata": _named,
    "state": _named,
    "tool_output": _tool_output,
    "text_format": _text_format,
    "body": _body,
    "any_of": _groups,
    "all_of": _groups,
    "not_": _negated,
}
"""How a target's value is read, where it is more than one test."""
