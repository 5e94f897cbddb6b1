"""Our answers and events beside the official client's types: fields, required fields and listed values, at any depth.

Every difference stands in `KNOWN` with its reason. One that is not there fails, and so does a reason without a difference.
"""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import BaseModel

from tests.core.sources import built

PAGE = "the reference page requires it"
PUBLISHED = "the published event requires it; the client's type allows null, and so has a default"
ECHO = "an echo of what the client sent, which may leave it out"

KNOWN: dict[str, str] = {
    "response.conversation: required by us only": PAGE,
    "response.usage: required by us only": PAGE,
    "error.code: required by us only": PUBLISHED,
    "error.param: required by us only": PUBLISHED,
    "response.output_text.annotation.added.annotation: required by us only": PUBLISHED,
    "response.prompt.variables.*<input_image>.detail: required by the client only": ECHO,
    "response.output[]<function_call_output>.output[]<input_image>.detail: required by the client only": ECHO,
    "response.output[]<custom_tool_call_output>.output[]<input_image>.detail: required by the client only": ECHO,
    **{
        f"response.{place}tools[]<{tool}: required by the client only": ECHO
        for place in ("", "output[]<tool_search_output>.", "output[]<additional_tools>.")
        for tool in (
            "namespace>.description",
            "web_search_preview>.user_location.type",
            "web_search_preview_2025_03_11>.user_location.type",
        )
    },
    "response.output[]<web_search_call>.action<search>.sources[].url: required by the client only": (
        "sources of type `api` have a name instead"
    ),
}


SCALARS: dict[Any, set[str]] = {str: {"string"}, bool: {"boolean"}, int: {"integer", "number"}, float: {"number"}}


def leaves(schema: Any, shared: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the schemas that a built schema leads to, references followed and every branch taken."""
    if not isinstance(schema, dict):
        return
    if "$ref" in schema:
        yield from leaves(shared[schema["$ref"].rpartition("/")[2]], shared)
        return
    branched = False
    for part in schema.get("allOf", ()):
        branched = True
        yield from leaves(part.get("then", part), shared)
    step: Any = schema
    while isinstance(step, dict) and "then" in step and "properties" in step.get("if", {}):
        branched = True
        yield from leaves(step["then"], shared)
        step = step.get("else")
    if not branched or {"string", "number", "boolean"} & set(kinds(schema)):
        yield schema


def kinds(schema: Mapping[str, Any]) -> list[str]:
    """Return the types that a schema names."""
    named = schema.get("type", [])
    return [named] if isinstance(named, str) else list(named)


def listed(schema: Mapping[str, Any]) -> set[Any] | None:
    """Return the values that a schema lists; None where it lists none."""
    if "const" in schema:
        return {schema["const"]}
    return set(schema["enum"]) if "enum" in schema else None


def told_type(schema: Mapping[str, Any]) -> set[Any] | None:
    """Return the values of an object's `type`, where they are listed."""
    told = schema.get("properties", {}).get("type")
    return listed(told) if isinstance(told, dict) else None


def parts(annotation: Any) -> Iterator[Any]:
    """Yield the plain types in an annotation: members of unions, elements of lists as `list[...]`, values of mappings."""
    if type(annotation).__name__ == "TypeAliasType":
        yield from parts(annotation.__value__)
    elif typing.get_origin(annotation) is typing.Annotated:
        yield from parts(typing.get_args(annotation)[0])
    elif typing.get_origin(annotation) in (typing.Union, types.UnionType):
        for member in typing.get_args(annotation):
            yield from parts(member)
    else:
        yield annotation


def compare(annotation: Any, schema: Any, shared: Mapping[str, Any], where: str, seen: frozenset[Any]) -> Iterator[str]:
    """Yield how an annotation of the client and a schema of ours differ, as `place: difference`."""
    found = list(leaves(schema, shared))
    for part in parts(annotation):
        origin = typing.get_origin(part)
        if origin is list:
            for leaf in (leaf for leaf in found if "items" in leaf):
                yield from compare(typing.get_args(part)[0], leaf["items"], shared, f"{where}[]", seen)
        elif origin is dict:
            for leaf in (leaf for leaf in found if isinstance(leaf.get("additionalProperties"), dict)):
                yield from compare(typing.get_args(part)[1], leaf["additionalProperties"], shared, f"{where}.*", seen)
        elif origin is typing.Literal:
            lists = [listed(leaf) for leaf in found if not kinds(leaf) or "string" in kinds(leaf)]
            if all(one is not None for one in lists):
                ours = {value for one in lists for value in one or ()}
                yield from (f"{where}: we refuse {value!r}" for value in typing.get_args(part) if value not in ours)
        elif part in SCALARS and found and all(kinds(leaf) for leaf in found):
            if not SCALARS[part] & {kind for leaf in found for kind in kinds(leaf)}:
                yield f"{where}: we refuse any {part.__name__}"
        elif isinstance(part, type) and issubclass(part, BaseModel):
            yield from compare_model(part, found, shared, where, seen)


def compare_model(
    model: type[BaseModel], found: list[Mapping[str, Any]], shared: Mapping[str, Any], where: str, seen: frozenset[Any]
) -> Iterator[str]:
    """Yield how a model and the one of our objects that stands for it differ."""
    told = model.model_fields.get("type")
    annotated = parts(told.annotation) if told is not None else ()
    literals = [literal for part in annotated for literal in typing.get_args(part)]
    for literal in literals or [None]:
        place = f"{where}<{literal}>" if literal and len(found) > 1 else where
        objects = [leaf for leaf in found if "properties" in leaf and literal in (told_type(leaf) or {literal})]
        if not objects:
            yield f"{place}: we have no such object"
            continue
        if (model.__name__, id(objects[0])) in seen:
            continue
        ours, theirs = objects[0], model.model_fields
        inner = seen | {(model.__name__, id(ours))}
        required = set(ours.get("required", ()))
        for name, field in theirs.items():
            key = field.alias or name
            if key not in ours["properties"]:
                yield f"{place}.{key}: we do not know it"
                continue
            if field.is_required() and key not in required:
                yield f"{place}.{key}: required by the client only"
            if key != "type":
                yield from compare(field.annotation, ours["properties"][key], shared, f"{place}.{key}", inner)
        known = {field.alias or name for name, field in theirs.items() if field.is_required()}
        yield from (f"{place}.{key}: required by us only" for key in ours.get("required", ()) if key not in known)


@functools.cache
def event_models() -> dict[str, type[BaseModel]]:
    """Return the client's event models by event type."""
    return {typing.get_args(model.model_fields["type"].annotation)[0]: model for model in parts(ResponseStreamEvent)}


SHARED = ("response.", "item.", "item<")


@functools.cache
def differences() -> dict[str, list[str]]:
    """Return all differences by schema; those inside a response and an item are told once, for `response`.

    Echoed instructions are left out: they are as loose as the reference page shows them.
    """
    files = built("standard")
    found: dict[str, list[str]] = {}
    for name, model in {
        "response": Response,
        **{f"events/{kind}": model for kind, model in event_models().items()},
    }.items():
        schema = files[f"{name}.json"]
        lines = compare(model, schema, schema.get("$defs", {}), name.removeprefix("events/"), frozenset())
        inside = ("response.instructions[]", *(f"{name.removeprefix('events/')}.{field}" for field in SHARED))
        found[name] = [line for line in dict.fromkeys(lines) if not line.startswith(inside)]
    return found


def test_same_event_types() -> None:
    """We build a schema for each of the client's event types, and for no other."""
    assert set(event_models()) == set(built("standard")["dialect.json"]["events"])
    assert len(event_models()) == 59


@pytest.mark.parametrize("name", ["response", *(f"events/{kind}" for kind in sorted(event_models()))])
def test_differences_have_a_reason(name: str) -> None:
    """Whatever differs is written down."""
    assert [line for line in differences()[name] if line not in KNOWN] == []


FIELDS: dict[str, Any] = {
    "type": {"enum": ["a", "b"]},
    "size": {"type": "integer"},
    "word": {"type": ["string", "null"]},
}


class Part(BaseModel):
    """A model of our own, to see that a comparison tells."""

    type: typing.Literal["a", "b"]
    size: int
    word: typing.Literal["x", "y"] | None = None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, []),
        ({"required": ["type"]}, ["part.size: required by the client only"]),
        ({"required": ["type", "size", "word"]}, ["part.word: required by us only"]),
        ({"properties": {"type": {"enum": ["a", "b"]}, "size": {"type": "integer"}}}, ["part.word: we do not know it"]),
        ({"properties": {**FIELDS, "word": {"enum": ["x"]}}}, ["part.word: we refuse 'y'"]),
        ({"properties": {**FIELDS, "size": {"type": "string"}}}, ["part.size: we refuse any int"]),
        ({"properties": {**FIELDS, "type": {"const": "a"}}}, ["part: we have no such object"]),
    ],
)
def test_comparison_tells(change: dict[str, Any], told: list[str]) -> None:
    """Each kind of difference is seen."""
    schema = {"type": "object", "required": ["type", "size"], "properties": FIELDS, **change}
    assert list(dict.fromkeys(compare(Part, schema, {}, "part", frozenset()))) == told


def test_reasons_have_a_difference() -> None:
    """No reason outlives what it explained."""
    assert set(KNOWN) == {line for lines in differences().values() for line in lines}
