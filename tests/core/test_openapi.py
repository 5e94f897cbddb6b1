"""The builder of small JSON Schemas from OpenAPI documents, ours or anyone's."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.errors import SchemaSourceError
from mockserver.core.schemas.openapi import build
from mockserver.core.schemas.overlay import text
from tests.core.sources import built, read


def document(request: Any, schemas: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return a small OpenAPI document whose only operation takes `request`."""
    body = {"content": {"application/json": {"schema": request}}}
    operation = {"operationId": "ask", "requestBody": body, "responses": {"200": {"description": "fine"}}}
    found = {"openapi": "3.1.0", "paths": {"/ask": {"post": operation}}, "components": {"schemas": dict(schemas or {})}}
    return {**found, **more}


def ref(name: str) -> dict[str, str]:
    """Return a reference to a named schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def request_of(request: Any, schemas: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return the built request schema."""
    return build(document(request, schemas, **more))["request"]


def mistakes(schema: dict[str, Any], instance: Any) -> set[str]:
    """Return `path: message` of every mistake, and see that both libraries agree on the verdict."""
    assert jsonschema_rs.meta.is_valid(schema)
    rust = jsonschema_rs.Draft202012Validator(schema)
    assert rust.is_valid(instance) == jsonschema.Draft202012Validator(schema).is_valid(instance)
    return {f"{'.'.join(map(str, error.instance_path))}: {error.message}" for error in rust.iter_errors(instance)}


def kind(name: str, **properties: Any) -> dict[str, Any]:
    """Return an object schema whose `type` is `name` and whose properties are all required."""
    return {
        "type": "object",
        "required": ["type", *properties],
        "properties": {"type": {"const": name}, **properties},
    }


def said_by(role: str, **properties: Any) -> dict[str, Any]:
    """Return a message schema of one role."""
    told = {"type": {"const": "message"}, "role": {"enum": [role]}}
    return {"type": "object", "required": ["type", "role"], "properties": {**told, **properties}}


CAT = kind("cat", lives={"type": "integer"})
DOG = kind("dog", tricks={"type": "array", "items": {"type": "string"}})
SOME_CAT = {"type": "cat", "lives": 9}
ANIMALS = {"Cat": CAT, "Dog": DOG}


class TestUnions:
    """Only the branch that was meant explains a mistake, at its exact place."""

    @pytest.mark.parametrize("keyword", ["oneOf", "anyOf"])
    @pytest.mark.parametrize("discriminator", [{}, {"discriminator": {"propertyName": "type"}}])
    def test_objects_by_a_property(self, keyword: str, discriminator: dict[str, Any]) -> None:
        """A property with different constants tells members apart, named as discriminator or not."""
        schema = request_of({keyword: [ref("Cat"), ref("Dog")], **discriminator}, ANIMALS)
        assert mistakes(schema, {"type": "cat", "lives": 9}) == set()
        assert mistakes(schema, {"type": "dog", "tricks": ["sit", 5]}) == {'tricks.1: 5 is not of type "string"'}
        assert mistakes(schema, {"type": "cow"}) == {'type: "cow" is not one of "cat" or "dog"'}
        assert mistakes(schema, {"lives": 9}) == {': "type" is a required property'}
        assert mistakes(schema, "cat") == {': "cat" is not of type "object"'}

    def test_shape_is_if_then(self) -> None:
        """The built form is the one that other rooms read: an enum on the property, and a chain of branches."""
        schema = request_of({"oneOf": [ref("Cat"), ref("Dog")]}, ANIMALS)
        assert schema["properties"] == {"type": {"type": "string", "enum": ["cat", "dog"]}}
        assert schema["if"] == {"type": "object", "properties": {"type": {"const": "cat"}}, "required": ["type"]}
        assert schema["then"] == {"$ref": "#/$defs/Cat"}
        assert schema["else"]["then"] == {"$ref": "#/$defs/Dog"}

    @pytest.mark.parametrize(
        ("mapping", "cat"),
        [
            ({}, "Cat"),
            ({"feline": "#/components/schemas/Cat", "canine": "#/components/schemas/Dog"}, "feline"),
            ({"feline": "Cat", "canine": "Dog"}, "feline"),
        ],
    )
    def test_discriminator_values_outside_the_members(self, mapping: dict[str, str], cat: str) -> None:
        """Without constants the mapping gives the values, and without a mapping the schemas' names do."""
        text = {"type": "string"}
        plain = {
            "Cat": {"type": "object", "required": ["type", "lives"], "properties": {"type": text, "lives": text}},
            "Dog": {"type": "object", "required": ["type"], "properties": {"type": text}},
        }
        union = {"oneOf": [ref("Cat"), ref("Dog")], "discriminator": {"propertyName": "type", "mapping": mapping}}
        schema = request_of(union, plain)
        assert mistakes(schema, {"type": cat, "lives": "nine"}) == set()
        assert mistakes(schema, {"type": cat}) == {': "lives" is a required property'}

    def test_by_json_type(self) -> None:
        """Text or a list: a mistake in the list is told as such, and only a third type is told as a wrong type."""
        union = {"oneOf": [{"type": "string"}, {"type": "array", "items": ref("Cat")}, {"type": "boolean"}]}
        schema = request_of(union, ANIMALS)
        assert schema["type"] == ["string", "array", "boolean"]
        assert mistakes(schema, [{"type": "cat", "lives": "x"}]) == {'0.lives: "x" is not of type "integer"'}
        assert [mistake[:19] for mistake in mistakes(schema, 5)] == [": 5 is not of types"]

    def test_mixed_json_types_and_objects(self) -> None:
        """Several objects beside a string are told apart among themselves."""
        schema = request_of({"anyOf": [{"type": "string"}, ref("Cat"), ref("Dog")]}, ANIMALS)
        assert mistakes(schema, {"type": "cat", "lives": 1.5}) == {'lives: 1.5 is not of type "integer"'}

    def test_second_property_below_the_first(self) -> None:
        """Members with the same type are told apart by the next property that differs."""
        members = [said_by("user", text={"type": "string"}), said_by("assistant", score={"type": "number"}), ref("Cat")]
        schema = request_of({"oneOf": members}, ANIMALS)
        assert mistakes(schema, {"type": "message", "role": "user", "text": 5}) == {'text: 5 is not of type "string"'}
        assert mistakes(schema, {"type": "message", "role": "x"}) == {'role: "x" is not one of "user" or "assistant"'}

    def test_union_inside_a_union_is_opened(self) -> None:
        """A named union that is a member of another takes its own branches."""
        cow = kind("cow")
        schema = request_of({"oneOf": [ref("Pet"), ref("Cow")]}, {**ANIMALS, "Pet": {"oneOf": [CAT, DOG]}, "Cow": cow})
        assert schema["properties"]["type"]["enum"] == ["cat", "dog", "cow"]

    def test_one_member_without_the_property(self) -> None:
        """The member that leaves the discriminator optional explains objects without it."""
        easy = {"type": "object", "required": ["text"], "properties": {"type": {"const": "easy"}, "text": {}}}
        schema = request_of({"oneOf": [CAT, easy], "discriminator": {"propertyName": "type"}})
        assert mistakes(schema, {"text": 1}) == set()
        assert mistakes(schema, {}) == {': "text" is a required property'}

    def test_x_absent_names_the_branch(self) -> None:
        """Our own extension: the branch for objects without the property."""
        schema = request_of({"oneOf": [CAT, DOG], "x-absent": {"type": "object", "required": ["name"]}})
        assert mistakes(schema, {}) == {': "name" is a required property'}

    @pytest.mark.parametrize(
        ("members", "built"),
        [
            ([{"type": "string"}, {"type": "string", "enum": ["a"]}], {"type": "string"}),
            ([{"type": "integer"}, {"type": "number"}], {"type": "number"}),
            (
                [{"type": "string", "enum": ["a"]}, {"type": "string", "enum": ["b", "a"]}],
                {"type": "string", "enum": ["a", "b"]},
            ),
            ([{"type": "string"}, {"type": "null"}], {"type": ["string", "null"]}),
            ([{"type": "null"}], {"type": "null"}),
        ],
    )
    def test_scalars_are_joined(self, members: list[Any], built: dict[str, Any]) -> None:
        """What one list or one type says needs no branches."""
        schema = request_of({"anyOf": members})
        assert {key: value for key, value in schema.items() if key != "$schema"} == built

    def test_nothing_tells_them_apart(self) -> None:
        """Then any member will do: `oneOf` of overlapping members is never what its author meant."""
        one = {"type": "object", "properties": {"a": {"type": "string"}}}
        other = {"type": "object", "properties": {"b": {"type": "string"}}}
        schema = request_of({"oneOf": [one, other]})
        assert mistakes(schema, {"a": "x", "b": "y"}) == set()
        assert len(schema["anyOf"]) == 2


class TestNull:
    """Nullable in the words of OpenAPI 3.0, 3.1 and our own house rule."""

    @pytest.mark.parametrize(
        "schema",
        [
            {"type": "string", "nullable": True},
            {"type": ["string", "null"]},
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
            {"type": "string", "enum": ["a"], "nullable": True},
            {"const": "a", "nullable": True},
            {"enum": ["a"], "nullable": True},
            {**ref("Cat"), "nullable": True},
            {"allOf": [ref("Cat")], "nullable": True},
            {"anyOf": [ref("Cat"), ref("Dog"), {"type": "null"}]},
            {"oneOf": [ref("Cat"), ref("Dog")], "nullable": True},
            {"oneOf": [{"type": "string"}, ref("Dog")], "nullable": True},
        ],
    )
    def test_null_is_accepted_and_a_wrong_type_is_not(self, schema: dict[str, Any]) -> None:
        """Null passes, a number does not, and its one mistake is at the field itself."""
        built = request_of({"type": "object", "properties": {"a": schema}}, ANIMALS)
        assert mistakes(built, {"a": None}) == set()
        assert {mistake.partition(":")[0] for mistake in mistakes(built, {"a": 5})} == {"a"}

    def test_optional_fields_of_a_nullable_side(self) -> None:
        """Required fields stay what they are; everything else may be null, also where it is free-form."""
        node = {"type": "object", "required": ["a"], "properties": {"a": ref("Cat"), "b": ref("Cat"), "c": {}}}
        rules = {"x-mockserver": {"requests": {"nullable": True}}}
        schema = request_of(node, ANIMALS, **rules)
        good = {"type": "cat", "lives": 9}
        assert mistakes(schema, {"a": good, "b": None, "c": None}) == set()
        assert mistakes(schema, {"a": None}) == {'a: null is not of type "object"'}
        assert mistakes(request_of(node, ANIMALS), {"a": good, "b": None}) == {'b: null is not of type "object"'}


class TestObjects:
    """Closed objects, merged parts, and fields that only one side sends."""

    CLOSED: Mapping[str, Any] = {"x-mockserver": {"requests": {"closed": True}}}

    def test_closed_at_any_depth(self) -> None:
        """Objects that name their keys refuse others; free-form objects do not."""
        node = {"type": "object", "properties": {"cat": ref("Cat"), "free": {"type": "object"}}}
        schema = request_of(node, ANIMALS, **self.CLOSED)
        found = mistakes(schema, {"cat": {"type": "cat", "lives": 9, "extra": 1}, "free": {"any": 1}})
        assert found == {"cat: Additional properties are not allowed ('extra' was unexpected)"}

    def test_parts_of_an_object_are_one_object(self) -> None:
        """`allOf` of plain objects is merged, so that it can be closed and names all keys."""
        parts = {"allOf": [ref("Cat"), {"type": "object", "required": ["name"], "properties": {"name": {}}}]}
        schema = request_of(parts, ANIMALS, **self.CLOSED)
        assert mistakes(schema, {"type": "cat", "lives": 9, "name": "Tom"}) == set()
        assert len(mistakes(schema, {"type": "cat", "lives": 9, "nam": "Tom"})) == 2

    def test_parts_that_cannot_be_merged_stay_open(self) -> None:
        """Where no part names all the keys, closing one would refuse the others' keys."""
        parts = {"allOf": [ref("Cat"), {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}]}
        schema = request_of(parts, ANIMALS, **self.CLOSED)
        assert mistakes(schema, {"type": "cat", "lives": 9, "a": 1}) == set()
        assert len(mistakes(schema, {"type": "cat", "lives": "x", "a": 1})) == 1

    def test_read_only_is_required_in_answers_alone(self) -> None:
        """A client may leave out what the service fills in, and may send it back."""
        thing = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string", "readOnly": True}}}
        source = document(thing)
        source["paths"]["/ask"]["post"]["responses"]["200"]["content"] = {"application/json": {"schema": thing}}
        built = build(source)
        assert mistakes(built["request"], {}) == set()
        assert mistakes(built["request"], {"id": 5}) == {'id: 5 is not of type "string"'}
        assert mistakes(built["response"], {}) == {': "id" is a required property'}

    def test_bounds_and_lists_can_be_left_out(self) -> None:
        """A side without bounds and enums keeps types, and takes branches of unions it knows."""
        node = {
            "type": "object",
            "properties": {
                "n": {"type": "integer", "minimum": 16},
                "word": {"enum": ["a", "b"]},
                "pet": {"oneOf": [ref("Cat"), ref("Dog")]},
            },
        }
        loose = request_of(node, ANIMALS, **{"x-mockserver": {"requests": {"bounds": False, "enums": False}}})
        assert mistakes(loose, {"n": 1, "word": "c", "pet": {"type": "cow"}}) == set()
        assert len(mistakes(loose, {"n": "1", "word": 2, "pet": {"type": "cat"}})) == 3

    def test_exclusive_limits_of_openapi_3_0(self) -> None:
        """There they are flags beside the limit."""
        schema = request_of({"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 2})
        assert mistakes(schema, 0)
        assert not mistakes(schema, 2)

    def test_tests_are_taken_as_written(self) -> None:
        """House rules would change what an `if` asks."""
        node = {
            "type": "object",
            "properties": {"a": {}, "b": {}},
            "if": {"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]},
            "then": {"required": ["b"]},
        }
        schema = request_of(node, **{"x-mockserver": {"requests": {"closed": True, "nullable": True}}})
        assert mistakes(schema, {"a": 1}) == {': "b" is a required property'}
        assert mistakes(schema, {"a": 2}) == set()


class TestOddities:
    """What other people's documents are full of."""

    @pytest.mark.parametrize(
        ("node", "good", "bad"),
        [
            ({"type": "array", "prefixItems": [{"type": "string"}, ref("Cat")]}, ["x"], ["x", 5]),
            ({"type": "object", "patternProperties": {"^a": {"type": "string"}}}, {"a": "x"}, {"ab": 5}),
            ({"type": "object", "propertyNames": {"maxLength": 2}}, {"ab": 1}, {"abc": 1}),
            ({"type": "object", "dependentRequired": {"a": ["b"]}}, {"b": 1}, {"a": 1}),
            ({"properties": {"a": {"type": "string"}}}, {"a": "x"}, {"a": 5}),
            ({"oneOf": [{"properties": {"a": {}}, "required": ["a"]}, {"items": {"type": "string"}}]}, ["x"], [5]),
            ({"oneOf": [{"const": "a"}, {"const": 1}, {"const": 1.5}, {"const": [1]}, {"const": None}]}, 1.5, "b"),
            ({"oneOf": [{}, {"type": "string"}]}, 5, ...),
            ({"oneOf": [True, {"type": "string"}]}, 5, ...),
            ({"not": {"type": "string"}}, 5, "x"),
            (False, ..., 5),
            (True, 5, ...),
            (
                {"type": "object", "properties": {"a": {}}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
                {"a": 1},
                {},
            ),
            ({"type": "object", "oneOf": [ref("Cat"), ref("Dog")]}, {"type": "cat", "lives": 1}, {"type": "cat"}),
            (
                {"oneOf": [{"allOf": [ref("Cat")]}, {"allOf": [ref("Dog"), {"required": ["name"]}]}]},
                {**SOME_CAT},
                {"type": "dog", "tricks": []},
            ),
            ({"anyOf": [ref("Cat"), ref("Dog")], "oneOf": [ref("Cat")]}, {**SOME_CAT}, {"type": "dog", "tricks": []}),
            ({"$ref": "#/x-more/0/odd~1name%20here"}, "x", 5),
            ({**ref("Cat"), "required": ["name"]}, {**SOME_CAT, "name": "Tom"}, {**SOME_CAT}),
            ({"type": "string", "x-ours": 1, "example": 5, "format": "uuid", "default": 5}, "no uuid", 5),
            ({"type": "object", "additionalProperties": ref("Cat")}, {"a": SOME_CAT}, {"a": 5}),
            ({"type": "string", "minLength": 2}, "ab", "a"),
        ],
    )
    def test_keyword(self, node: Any, good: Any, bad: Any) -> None:
        """One value passes and another does not, by both libraries."""
        schema = request_of(node, ANIMALS, **{"x-more": [{"odd/name here": {"type": "string"}}]})
        assert good is ... or mistakes(schema, good) == set()
        assert bad is ... or mistakes(schema, bad) != set()

    @pytest.mark.parametrize("top", [None, [], "text", 5])
    def test_no_mapping(self, top: Any) -> None:
        """A document that is no mapping is told so."""
        with pytest.raises(SchemaSourceError, match="an API description is a mapping, not"):
            build(top)

    def test_tree_of_unions(self) -> None:
        """A filter that contains filters, as search interfaces have them."""
        leaf = kind("eq", value={"type": ["string", "number"]})
        branch = kind("and", filters={"type": "array", "items": ref("Filter")})
        union = {"oneOf": [ref("Leaf"), ref("Branch")]}
        schema = request_of(ref("Filter"), {"Leaf": leaf, "Branch": branch, "Filter": union})
        found = mistakes(
            schema, {"type": "and", "filters": [{"type": "and", "filters": [{"type": "eq", "value": []}]}]}
        )
        assert {mistake.partition(":")[0] for mistake in found} == {"filters.0.filters.0.value"}

    def test_union_that_contains_itself(self) -> None:
        """An endless union is refused in words."""
        with pytest.raises(SchemaSourceError, match="part of itself"):
            request_of(ref("A"), {"A": {"oneOf": [ref("A"), {"type": "string"}]}})


class TestDocument:
    """Which parts of a document are built, and what is said of a document that cannot be used."""

    def test_parts_of_an_operation(self) -> None:
        """Bodies, items and one schema per event type, wherever references lead."""
        source = document(
            {
                "type": "object",
                "properties": {"input": {"oneOf": [{"type": "string"}, {"type": "array", "items": CAT}]}},
            },
            {"Stream": {"oneOf": [kind("a.b"), {"anyOf": [kind("c")]}]}, **ANIMALS},
        )
        operation = source["paths"]["/ask"]["post"]
        operation["responses"] = {
            "200": {"$ref": "#/components/responses/Fine"},
            "429": {"content": {"application/json": {"schema": {"type": "object", "required": ["error"]}}}},
        }
        source["components"]["responses"] = {
            "Fine": {
                "content": {
                    "application/json": {"schema": {"type": "object", "properties": {"output": {"items": ref("Dog")}}}},
                    "text/event-stream; charset=utf-8": {"schema": ref("Stream")},
                }
            }
        }
        built = build(source)
        assert set(built) == {"request", "input_item", "response", "item", "error", "events/a.b", "events/c"}
        assert built["input_item"]["properties"]["type"] == {"const": "cat"}
        assert built["item"]["properties"]["type"] == {"const": "dog"}
        assert all(mistakes(schema, 5) for schema in built.values())

    @pytest.mark.parametrize("wanted", ["ask", "POST /ask", None])
    def test_operation_by_id_or_place(self, wanted: str | None) -> None:
        """An operation has two names; the only POST needs none."""
        assert set(build(document(CAT), wanted)) == {"request"}

    def test_built_schema_is_complete_in_itself(self) -> None:
        """Only what is reached is taken along, recursion included, and nothing for readers."""
        tree = {
            "description": "prose",
            "type": "object",
            "properties": {"below": {"type": "array", "items": ref("Tree")}},
            "examples": [{}],
        }
        schema = request_of(ref("Tree"), {"Tree": tree, **ANIMALS})
        assert set(schema["$defs"]) == {"Tree"}
        assert "prose" not in str(schema)
        assert mistakes(schema, {"below": [{"below": [{"below": 5}]}]}) == {
            'below.0.below.0.below: 5 is not of type "array"'
        }

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"openapi": "2.0"}, ["not an OpenAPI 3 document", "3.1.0"]),
            ({"paths": {}}, ["which operation?", "none is described"]),
            ({"x-mockserver": {"requests": {"close": True}}}, ["x-mockserver.requests", "close", "closed"]),
        ],
    )
    def test_unusable_documents(self, change: dict[str, Any], words: list[str]) -> None:
        """The message says what was expected."""
        with pytest.raises(SchemaSourceError) as caught:
            build({**document(CAT), **change})
        assert all(word in str(caught.value) for word in words)

    @pytest.mark.parametrize(
        ("node", "words"),
        [
            ({"$ref": "http://127.0.0.1:1/x.json"}, ["POST /ask/requestBody", "leads out of the document"]),
            ({"$ref": "other.yaml#/Cat"}, ["other.yaml#/Cat", "leads out of the document"]),
            ({"$ref": "#/components/schemas/Cow"}, ["leads nowhere", "'Cow'"]),
            ({"$ref": "#Cat"}, ["no path from the top"]),
            ({"$ref": 5}, ["a $ref is text"]),
            ({"type": "array", "items": 5}, ["a schema is a mapping", "5"]),
            (ref("Circle"), ["refers to itself"]),
            (ref("Self"), ["part of itself"]),
        ],
    )
    def test_bad_references(self, node: dict[str, Any], words: list[str]) -> None:
        """A reference out of the document is refused, never followed."""
        circles = {
            "Circle": ref("Circle2"),
            "Circle2": ref("Circle"),
            "Self": {"allOf": [ref("Self"), {"type": "object"}]},
        }
        with pytest.raises(SchemaSourceError) as caught:
            build(document({"type": "object", "properties": {"a": node}}, circles))
        assert [word for word in words if word not in str(caught.value)] == []

    def test_unknown_operation_gets_a_suggestion(self) -> None:
        """The nearest name is offered."""
        with pytest.raises(SchemaSourceError, match="did you mean 'ask'"):
            build(document(CAT), "asks")

    def test_event_types_become_file_names(self) -> None:
        """A type that could leave the folder is refused."""
        source = document(CAT)
        stream = {"text/event-stream": {"schema": {"oneOf": [kind("../../etc"), kind("b")]}}}
        source["paths"]["/ask"]["post"]["responses"]["200"]["content"] = stream
        with pytest.raises(SchemaSourceError, match="cannot be a file name"):
            build(source)

    def test_the_source_is_not_changed(self) -> None:
        """Building reads only."""
        source = document({"oneOf": [ref("Cat"), ref("Dog")], "nullable": True}, ANIMALS)
        before = copy.deepcopy(source)
        build(source)
        assert source == before


class TestOurs:
    """Our own description: quick to compile, quick to judge, the same for both libraries."""

    def test_every_schema_compiles_and_is_lean(self) -> None:
        """Each is a valid JSON Schema without what the two libraries judge differently."""
        for name, schema in built("standard").items():
            if name == "dialect.json":
                continue
            assert jsonschema_rs.meta.is_valid(schema), name
            jsonschema_rs.Draft202012Validator(schema)
            for key, value in walk(schema):
                if isinstance(value, dict):
                    continue  # may be a property of that name
                assert key not in ("multipleOf", "unevaluatedProperties", "oneOf", "format", "description"), name
                assert key != "pattern" or "\\d" not in value, name
                assert key != "pattern" or "$" not in value or '"not":{"pattern":"\\n"}' in text(schema), name

    def test_operation_has_a_name(self) -> None:
        """The documented way to ask for it."""
        assert build(read("openapi.yaml"), "createResponse")["request"] == built("standard")["request.json"]

    def test_request_compiles_and_judges_quickly(self) -> None:
        """Far inside the goals (50 ms, a few microseconds), so that a slow machine passes and a slow shape does not."""
        start = time.thread_time()
        validator = jsonschema_rs.Draft202012Validator(built("standard")["request.json"])
        assert time.thread_time() - start < 0.1
        body = {
            "model": "gpt-4o-mini",
            "input": "What is the weather in Paris?" * 4,
            "stream": True,
            "temperature": 0.5,
        }
        start = time.thread_time()
        for _ in range(1000):
            validator.is_valid(body)
        assert (time.thread_time() - start) / 1000 < 50e-6

    @pytest.mark.parametrize("number", [16, 16.0, 1e20, 10**30, 2**63])
    def test_whole_numbers_of_any_kind_are_integers(self, number: float) -> None:
        """Both libraries take 16.0 and numbers beyond 64 bits as integers."""
        assert (
            mistakes(built("standard")["request.json"], {"model": "m", "input": "x", "max_output_tokens": number})
            == set()
        )

    @pytest.mark.parametrize("name", ["a b", "a.b", "ä", "tool\n", "x" * 129])
    def test_names_of_functions(self, name: str) -> None:
        """Letters, digits, underscores and dashes, a trailing newline not forgotten."""
        body = {"model": "m", "input": "x", "tools": [{"type": "function", "name": name}]}
        assert len(mistakes(built("standard")["request.json"], body)) == (2 if name.endswith("\n") else 1)

    def test_call_is_named_one_way_or_the_other(self) -> None:
        """A tool's output says which call it belongs to, or at least which tool."""
        output = {"type": "function_call_output", "output": "x"}
        body: dict[str, Any] = {"model": "m", "input": [output]}
        assert mistakes(built("standard")["request.json"], body) == {'input.0: "call_id" is a required property'}
        assert mistakes(built("standard")["request.json"], {"model": "m", "input": [{**output, "name": "f"}]}) == set()

    @pytest.mark.parametrize(
        ("item", "found"),
        [
            ({"role": "user", "content": "x"}, set()),
            ({"type": None, "role": "user", "content": "x"}, set()),
            ({"id": "msg_1"}, set()),
            ({"type": None, "id": "msg_1"}, set()),
            ({}, {'input.0: "role" is a required property'}),
            ({"id": "msg_1", "role": "user"}, {'input.0: "content" is a required property'}),
            (
                {"role": "assistant", "content": [{"type": "input_text", "text": "x"}]},
                {'input.0.content.0.type: "input_text" is not one of "output_text" or "refusal"'},
            ),
        ],
    )
    def test_items_without_a_type(self, item: dict[str, Any], found: set[str]) -> None:
        """They are messages, or references when all they have is an id."""
        assert mistakes(built("standard")["request.json"], {"model": "m", "input": [item]}) == found


def walk(node: Any) -> list[tuple[str, Any]]:
    """Return every key of every mapping with its value."""
    found: list[tuple[str, Any]] = []
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict):
            found.extend(here.items())
            waiting.extend(here.values())
        elif isinstance(here, list):
            waiting.extend(here)
    return found


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    SCALARS | st.sampled_from(["cat", "dog", "message", "function_call", "input_text", "user", "auto"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "role", "content", "id", "name", "text", "tools", "lives", "arguments"]), inner
        )
    ),
    max_leaves=12,
)
BODY = {
    "model": "m",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "x"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    ],
    "tools": [{"type": "function", "name": "f", "parameters": {"type": "object", "required": ["a"]}}],
    "tool_choice": {"type": "function", "name": "f"},
    "metadata": {"a": "b"},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}},
}


RUST = jsonschema_rs.Draft202012Validator(built("standard")["request.json"])
PYTHON = jsonschema.Draft202012Validator(built("standard")["request.json"])


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_both_libraries_agree_on_broken_requests(data: st.DataObject) -> None:
    """Any value put in any place of a good request gets one verdict from both."""
    body = copy.deepcopy(BODY)
    places = places_of(body)
    holder, key = data.draw(st.sampled_from(places))
    holder[key] = data.draw(VALUES)
    assert RUST.is_valid(body) == PYTHON.is_valid(body)


def places_of(node: Any) -> list[tuple[Any, Any]]:
    """Return every place below `node` as its holder and key."""
    found: list[tuple[Any, Any]] = []
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in pairs:
        found.append((node, key))
        found.extend(places_of(value))
    return found
