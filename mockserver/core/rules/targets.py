"""Targets: what a rule's `when` can look at, and how a `when` becomes conditions.

This room decides which targets there are and what may be written for each. It must not know how values are read
(`target_values`), how matchers decide, or what happens when all conditions hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from mockserver.core.errors import Report, nearest
from mockserver.core.messages import ABSENT, Request
from mockserver.core.rules import target_body, target_outputs
from mockserver.core.rules import target_values as values
from mockserver.core.rules.conditions import ENDPOINT, HOLDS, ClaimCondition, Condition, Mismatch, Mismatches
from mockserver.core.rules.index import verdict
from mockserver.core.rules.matchers import compile_matcher
from mockserver.core.rules.predicates import Predicate
from mockserver.core.rules.target_draft import Draft, groups_of, words
from mockserver.core.rules.target_values import Read
from mockserver.core.rules.verdicts import Site, shown


@dataclass(frozen=True, slots=True)
class When:
    """A compiled `when`: pure conditions, claim conditions, and the regex groups of its patterns (None without any).

    `conditions` holds `ENDPOINT` where neither `method` nor `path` is named.
    """

    conditions: tuple[Condition, ...]
    claims: tuple[ClaimCondition, ...]
    groups: Callable[[Request], Mapping[str, str]] | None


Make = Callable[[Any, Site, Draft], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the table: what people read, the JSON Schema of what they write, and the maker."""

    doc: str
    schema: Mapping[str, Any]
    make: Make


def compile_when(when: Any, report: Report, path: tuple[str | int, ...], *, scripted: bool = False) -> When:
    """Compile the conditions of a rule; None and {} hold for every `POST /v1/responses`. Mistakes go to `report`.

    `scripted` says that the rule has turns. A script goes on after its tools have answered, where the user has just said
    nothing: there `input` is what the user said when it began, the newest user message.
    """
    draft = Draft(scripted=scripted)
    if when is not None:
        _fill(when, Site(report, path, ""), draft)
    conditions = draft.conditions if draft.names_endpoint else [ENDPOINT, *draft.conditions]
    return When(tuple(conditions), tuple(draft.claims), groups_of(draft.sources))


def _fill(when: Any, site: Site, draft: Draft) -> None:
    if not isinstance(when, dict):
        site.wrong(f"expected conditions such as {{model: gpt-5}}, got {shown(when)}", f"known: {', '.join(TARGETS)}")
        return
    for name, given in when.items():
        entry = TARGETS.get(name)
        below = site.below(str(name))
        if entry is None:
            guess = nearest(str(name), TARGETS)
            hint = f"did you mean `{guess}`? " if guess else f"known: {', '.join(TARGETS)}; "
            below.wrong(f"unknown condition {name!r}", f"{hint}any field of the body is `body: {{$.{name}: ...}}`")
        else:
            draft.names_endpoint |= name in ("method", "path")
            entry.make(given, below, draft)


# --- makers -----------------------------------------------------------------------------------------------------------


def _text(read: Read) -> Make:
    """Return the maker of a target that is one text."""
    return lambda given, site, draft: draft.add(str(site.path[-1]), given, site, read)


def _input(given: Any, site: Site, draft: Draft) -> None:
    if draft.scripted:
        draft.add("user", given, site, values.user)
    else:
        draft.add("input", given, site, values.said)


def _method(given: Any, site: Site, draft: Draft) -> None:
    if isinstance(given, str) and given != given.upper():
        site.wrong("methods are written in capitals", f"write {given.upper()}")
    draft.add("method", given, site, values.method)


def _path(given: Any, site: Site, draft: Draft) -> None:
    """Compile `path`; a plain text with `*` is a glob, which crosses `/`."""
    if isinstance(given, str):
        if not given.startswith(("/", "*")):
            site.wrong(f"a path starts with /, got {given!r}", f"write /{given}")
        elif "?" in given and "*" not in given:
            site.wrong("the path is compared without the query", "put its parameters under `query`")
        elif "*" in given:
            given = {"glob": given}
    draft.add("path", given, site, values.path)


def _named(target: str, read: Callable[[str], Read]) -> Make:
    """Return the maker of a target that is many texts, each with a name."""

    def make(given: Any, site: Site, draft: Draft) -> None:
        for name, spec, below in _pairs(given, site):
            key = name.lower() if target == "headers" else name
            draft.add(f"{target}.{key}", spec, below, read(name))

    return make


def _pairs(given: Any, site: Site) -> list[tuple[str, Any, Site]]:
    if not isinstance(given, dict) or not given:
        site.wrong(f"expected names with matchers, got {shown(given)}", f"such as `{site.path[-1]}: {{name: value}}`")
        return []
    return [(str(name), spec, site.below(str(name))) for name, spec in given.items()]


def _state(given: Any, site: Site, draft: Draft) -> None:
    if _at_top(site, draft):
        for name, spec, below in _pairs(given, site):
            test = compile_matcher(spec, below.report, below.path, label=below.label, text=True).mismatches
            draft.claims.append(ClaimCondition(below.label, name, "state", test))


def _hit(given: Any, site: Site, draft: Draft) -> None:
    if _at_top(site, draft) and _is_numeric(given, site):
        test = compile_matcher(given, site.report, site.path, label=site.label).mismatches
        draft.claims.append(ClaimCondition(site.label, "hit", "hit", test))


def _at_top(site: Site, draft: Draft) -> bool:
    if not draft.claimable:
        site.wrong(
            f"`{site.path[-1]}` cannot stand inside `any_of` or `not`: it is counted, not a property of the request",
            "put it at the top of `when`, and write one rule for each case",
        )
    return draft.claimable


def _turn(given: Any, site: Site, draft: Draft) -> None:
    if _is_numeric(given, site):
        draft.add("turn", given, site, values.turn, text=False)


def _is_numeric(given: Any, site: Site) -> bool:
    if isinstance(given, (dict, Predicate)) or (isinstance(given, (int, float)) and not isinstance(given, bool)):
        return True
    site.wrong(f"expected a number or a matcher such as {{gte: 2}}, got {shown(given)}")
    return False


def _stream(given: Any, site: Site, draft: Draft) -> None:
    if isinstance(given, bool):
        draft.add("stream", given, site, values.stream, text=False)
    else:
        site.wrong(f"expected true or false, got {shown(given)}", "absent and null count as false")


def _tools(given: Any, site: Site, draft: Draft) -> None:
    if isinstance(given, (dict, list, Predicate)):
        draft.add("tools", given, site, values.tools, text=False)
    else:
        site.wrong(f"expected {{include: ...}}, got {shown(given)}", f"write {{include: {given}}}")


def _text_format(given: Any, site: Site, draft: Draft) -> None:
    """Compile `text_format`: a matcher of its type, or an object of matchers for `type` and `name`."""
    if isinstance(given, dict) and given.keys() & {"type", "name"}:
        for name, spec in given.items():
            read = {"type": values.format_type, "name": values.format_name}.get(name)
            if read is None:
                site.below(str(name)).wrong(f"unknown field {name!r}", "known: type, name")
            else:
                draft.add(f"text_format.{name}", spec, site.below(name), read)
    else:
        draft.add("text_format.type", given, site, values.format_type)


# --- combinations -----------------------------------------------------------------------------------------------------


def _branches(given: Any, site: Site) -> list[tuple[Any, Site]]:
    if not isinstance(given, list) or not given:
        site.wrong(f"expected a list of conditions, got {shown(given)}", "such as `[{model: a}, {model: b}]`")
        return []
    return [(one, site.below(index)) for index, one in enumerate(given)]


def _all_of(given: Any, site: Site, draft: Draft) -> None:
    for one, below in _branches(given, site):
        _fill(one, below, draft)


def _any_of(given: Any, site: Site, draft: Draft) -> None:
    branches = [_inner(one, below, draft) for one, below in _branches(given, site)]
    for branch in branches:
        draft.sources.extend(branch.sources)
    tests = tuple(tuple(branch.conditions) for branch in branches)
    verdicts = tuple(tuple(map(verdict, branch)) for branch in tests)

    def holds(request: Request) -> bool:
        return any(all(each(request) for each in branch) for branch in verdicts)

    def test(request: Request) -> Mismatches:
        if holds(request):
            return HOLDS
        found = [_mismatches(branch, request) for branch in tests]
        return min(found, key=len, default=()) or (Mismatch(site.label, given, ABSENT, "none of them holds"),)

    draft.conditions.append(Condition(site.label, test, holds=holds, spec=words("any_of", given)))


def _not(given: Any, site: Site, draft: Draft) -> None:
    inner = tuple(map(verdict, _inner(given, site, draft).conditions))

    def holds(request: Request) -> bool:
        return not all(each(request) for each in inner)

    def test(request: Request) -> Mismatches:
        return HOLDS if holds(request) else (Mismatch(site.label, given, ABSENT, "all of it holds, and must not"),)

    draft.conditions.append(Condition(site.label, test, holds=holds, spec=words("not", given)))


def _inner(given: Any, site: Site, draft: Draft) -> Draft:
    """Compile conditions that do not have to hold by themselves."""
    inner = Draft(claimable=False, scripted=draft.scripted)
    _fill(given, site, inner)
    draft.names_endpoint |= inner.names_endpoint
    return inner


def _mismatches(conditions: tuple[Condition, ...], request: Request) -> Mismatches:
    found: Mismatches = HOLDS
    for each in conditions:
        found += each.test(request)
    return found


# --- the table --------------------------------------------------------------------------------------------------------

_MATCHER: Final = {"$ref": "#/$defs/matcher"}
_WHEN: Final = {"$ref": "#/$defs/when"}
_NAMED: Final = {"type": "object", "minProperties": 1, "additionalProperties": _MATCHER}
_WHENS: Final = {"type": "array", "minItems": 1, "items": _WHEN}
_NUMERIC: Final = {"type": ["number", "object"], "allOf": [_MATCHER]}

TARGETS: Final[Mapping[str, Entry]] = MappingProxyType(
    {
        "method": Entry("the HTTP method, in capitals", _MATCHER, _method),
        "path": Entry("the path without session prefix and query; a text with * is a glob", _MATCHER, _path),
        "headers": Entry("request headers by name, case of the name ignored", _NAMED, _named("headers", values.header)),
        "query": Entry("parameters of the query by name", _NAMED, _named("query", values.query)),
        "metadata": Entry("entries of `metadata` by name", _NAMED, _named("metadata", values.metadata)),
        "state": Entry("what `set_state` has set in this session, by name", _NAMED, _state),
        "hit": Entry("how often the claim has reached this rule in this session, this time included", _NUMERIC, _hit),
        "model": Entry("the model's name", _MATCHER, _text(values.field("model"))),
        "instructions": Entry("the instructions", _MATCHER, _text(values.field("instructions"))),
        "previous_response_id": Entry(
            "the id of the response that is continued", _MATCHER, _text(values.field("previous_response_id"))
        ),
        "conversation": Entry("the conversation's id", _MATCHER, _text(values.conversation)),
        "stream": Entry("whether a stream is asked for; absent is false", {"type": "boolean"}, _stream),
        "input": Entry(
            "what the user just said; absent right after a tool output, but for rules with turns", _MATCHER, _input
        ),
        "user": Entry("the newest user message, wherever it stands", _MATCHER, _text(values.user)),
        "tool_output": Entry(
            "one new tool output with all of these fields; a list: each met by some output",
            target_outputs.SCHEMA,
            target_outputs.make,
        ),
        "transcript": Entry("all message and tool-output text, stored chain first", _MATCHER, _text(values.transcript)),
        "turn": Entry("1, plus one for every time the model has had its say", _NUMERIC, _turn),
        "tools": Entry(
            "the names of the tools (else their server_label, else their type); use `include`",
            {"type": ["object", "array"], "allOf": [_MATCHER]},
            _tools,
        ),
        "tool_choice": Entry(
            "the choice, or the name (else the type) of the tool; absent is auto", _MATCHER, _text(values.tool_choice)
        ),
        "text_format": Entry(
            "the type of `text.format` (absent is text), or matchers for `type` and `name`",
            {
                "anyOf": [
                    _MATCHER,
                    {
                        "type": "object",
                        "minProperties": 1,
                        "additionalProperties": False,
                        "properties": {"type": _MATCHER, "name": _MATCHER},
                    },
                ]
            },
            _text_format,
        ),
        "body": Entry(
            "JSONPaths into the body, any node counts; or `equals` with `ignore` and `mask`",
            target_body.SCHEMA,
            target_body.make,
        ),
        "any_of": Entry("at least one of these groups of conditions holds", _WHENS, _any_of),
        "all_of": Entry("all of these groups of conditions hold", _WHENS, _all_of),
        "not": Entry("these conditions do not all hold", _WHEN, _not),
    }
)
"""Every target by name. Schemas refer to `#/$defs/matcher` and to `#/$defs/when`, which is `when_schema()`."""


def when_schema() -> dict[str, Any]:
    """Return the JSON Schema of a `when`, to be put at `#/$defs/when`."""
    return {
        "description": "Conditions that all must hold.",
        "type": "object",
        "additionalProperties": False,
        "properties": {name: {**entry.schema, "description": entry.doc} for name, entry in TARGETS.items()},
    }
