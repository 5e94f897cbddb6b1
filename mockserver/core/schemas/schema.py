"""Compiled JSON Schemas: a verdict, and every error with its exact path. Never opens a file or a connection.

This room decides how a schema is compiled and how its errors look to the rest of the house. It must not know which schema
is whose, or how an error is told to a client (`validation` does). The libraries that judge live in `judges`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from mockserver.core.messages import EMPTY, Json
from mockserver.core.schemas.judges import Finding, Judge, judge

MOST_NODES: Final = 20_000
"""Above this many values in an instance only the first error is explained: one error each would cost seconds and gigabytes."""

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class SchemaViolation:
    """One failing keyword at one place of the instance."""

    path: Path
    keyword: str
    """The JSON Schema keyword: `type`, `enum`, `const`, `required`, `additionalProperties`, `minimum`, ...; `false` where
    the schema forbids any value, `depth` where the value is nested too deeply for the library to judge."""
    expected: Any
    """The keyword's value in the schema."""
    found: Any
    """The instance at `path`."""
    message: str
    keys: tuple[str, ...] = ()
    """The property names at fault: the missing one (`required`), the unknown ones (`additionalProperties`), the misnamed
    one (`propertyNames`). They are no part of `path`."""
    schema: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    """The schema object that holds the keyword; empty where the library does not tell."""


class Schema:
    """One compiled schema. Raises `SchemaSourceError` when it cannot be compiled or refers to anything outside itself.

    `library` names who judges: `jsonschema-rs`, or `jsonschema` (slower by a factor of some hundred); None takes the
    first of them that can be imported.
    """

    def __init__(self, document: Mapping[str, Any], library: str | None = None) -> None:
        self.document = document
        self._judge: Judge = judge(document, library)

    def is_valid(self, instance: Json) -> bool:
        """Give the verdict alone, fast."""
        return self._judge.is_valid(instance)

    def violations(self, instance: Json) -> tuple[SchemaViolation, ...]:
        """Return every violation, in instance order; () when valid. Of a very large instance the first one alone."""
        if isinstance(instance, (dict, list)) and _has_more_nodes(instance, MOST_NODES):
            first = self._judge.first(instance)
            findings: Iterable[Finding] = () if first is None else (first,)
        else:
            findings = self._judge.findings(instance)
        order = _Order(instance)
        unique: dict[object, SchemaViolation] = {}
        for finding in findings:
            violation = self._violation(finding, instance)
            key = (violation.path, violation.keyword, violation.keys, repr(violation.expected))
            unique.setdefault(key, violation)
        return tuple(sorted(unique.values(), key=lambda each: (order(each.path), *_rank(each.keyword))))

    def _violation(self, finding: Finding, instance: Json) -> SchemaViolation:
        holder = finding.schema
        if holder is None:
            holder = follow(self.document, finding.schema_path)
        if not isinstance(holder, Mapping):
            holder = EMPTY
        path = _named(instance, finding.path)
        found = follow(instance, path)
        keys = finding.keys
        if finding.keyword == "additionalProperties":
            wrong = set(keys)
            keys = tuple(name for name in found if name in wrong or not wrong)
        expected = holder.get(finding.keyword)
        return SchemaViolation(
            path,
            finding.keyword,
            expected,
            found,
            _message(finding.keyword, expected, found, keys),
            keys,
            holder,
        )


def kind_of(value: Json) -> str:
    """Return the JSON type of a value in JSON Schema's words; a number without a fraction is an integer."""
    if isinstance(value, float) and value.is_integer():
        return "integer"
    return _KINDS.get(type(value), "object")


_KINDS: Final[Mapping[type, str]] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    list: "array",
    dict: "object",
    type(None): "null",
}


def clipped(value: Json, limit: int = 100) -> str:
    """Return a value as compact JSON, cut to `limit` characters."""
    text = orjson.dumps(value).decode()
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _rank(keyword: str) -> tuple[bool, bool, str]:
    """At one place a wrong type comes first, then what is missing: the rest may be its consequence."""
    return (keyword != "type", keyword != "required", keyword)


def _message(keyword: str, expected: Any, found: Json, keys: Sequence[str]) -> str:
    named = ", ".join(repr(name) for name in keys)
    match keyword:
        case "type":
            kinds = [expected] if isinstance(expected, str) else expected or ()
            return f"expected {' or '.join(kinds)}, found {kind_of(found)}"
        case "required":
            return f"{named} is missing"
        case "additionalProperties" | "unevaluatedProperties":
            return f"{named} is not known here"
        case "propertyNames":
            return f"{named} is no valid name here"
        case "enum":
            return f"expected one of {', '.join(clipped(value) for value in expected or ())}, found {clipped(found)}"
        case "anyOf" | "oneOf":
            return f"{clipped(found)} fits none of the alternatives, or more than one"
        case "false":
            return "no value is allowed here"
        case "depth":
            return "nested too deeply to be checked"
        case _:
            return f"expected {keyword} {clipped(expected)}, found {clipped(found)}"


def follow(document: Json, path: Sequence[str | int]) -> Any:
    """Return the node at a path, stepping through local references that stand in its way; None when there is none."""
    node = document
    for step in path:
        if step == "$ref" and isinstance(node, Mapping) and isinstance(node.get("$ref"), str):
            node = resolve(document, node)
            continue
        try:
            node = node[_name(node, step)]
        except (KeyError, IndexError, TypeError):
            return None
    return node


def _named(instance: Json, path: Path) -> Path:
    """Return a path with the names of members that a library took for indexes: it says 7 for the name `7`, or `007`."""
    if not any(isinstance(step, int) for step in path):
        return path
    steps: list[str | int] = []
    node = instance
    for step in path:
        steps.append(_name(node, step))
        node = node[steps[-1]]
    return tuple(steps)


def _name(node: Any, step: str | int) -> str | int:
    if isinstance(step, str) or not isinstance(node, Mapping):
        return step
    if str(step) in node:
        return str(step)
    digits = str(step)
    return next(
        (name for name in node if name[-1:].isdigit() and (name.lstrip("+").lstrip("0") or "0") == digits), digits
    )


def resolve(document: Json, node: Any) -> Any:
    """Follow a schema's local references (`#`, `#/...`) to where they lead; a dead or circular one leads to None."""
    for _ in range(32):
        reference = node.get("$ref") if isinstance(node, Mapping) else None
        if not isinstance(reference, str):
            return node
        if reference != "#" and not reference.startswith("#/"):
            return None
        node = document
        for escaped in reference[2:].split("/") if reference != "#" else ():
            step = escaped.replace("~1", "/").replace("~0", "~")
            try:
                node = node[int(step)] if isinstance(node, list) else node[step]
            except (KeyError, IndexError, TypeError, ValueError):
                return None
    return None


class _Order:
    """Ranks paths by where they stand in the instance; each object's keys are numbered once."""

    def __init__(self, instance: Json) -> None:
        self._instance = instance
        self._positions: dict[int, dict[str, int]] = {}

    def __call__(self, path: Path) -> tuple[int, ...]:
        ranks = []
        node = self._instance
        for step in path:
            if isinstance(step, int):
                ranks.append(step)
            else:
                positions = self._positions.get(id(node))
                if positions is None:
                    positions = self._positions[id(node)] = {name: index for index, name in enumerate(node)}
                ranks.append(positions[step])
            node = node[step]
        return tuple(ranks)


def _has_more_nodes(instance: Json, limit: int) -> bool:
    stack: list[Json] = [instance]
    seen = 0
    while stack:
        node = stack.pop()
        children: Iterable[Json] = node.values() if isinstance(node, dict) else node
        seen += len(node)
        if seen > limit:
            return True
        stack += [child for child in children if isinstance(child, (dict, list))]
    return False
