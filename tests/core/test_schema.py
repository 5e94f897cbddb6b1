"""Verdicts and violations in both libraries, and that no schema ever makes them fetch anything."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.errors import SchemaSourceError
from mockserver.core.messages import MAX_DEPTH
from mockserver.core.schemas.schema import Schema, SchemaViolation, follow, kind_of, resolve

LIBRARIES = ("jsonschema-rs", "jsonschema")
both_libraries = pytest.mark.parametrize("library", LIBRARIES)

ITEMS: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["model", "input"],
    "properties": {
        "model": {"type": "string"},
        "input": {
            "type": ["string", "array"],
            "allOf": [
                {"if": {"type": "string"}, "then": {"maxLength": 20}},
                {"if": {"type": "array"}, "then": {"items": {"$ref": "#/$defs/Item"}}},
            ],
        },
        "temperature": {"type": ["number", "null"], "minimum": 0, "maximum": 2},
        "tier": {"type": ["string", "null"], "enum": ["auto", "flex", None]},
        "metadata": {
            "type": ["object", "null"],
            "maxProperties": 2,
            "propertyNames": {"maxLength": 4},
            "additionalProperties": {"type": "string"},
        },
    },
    "additionalProperties": False,
    "$defs": {
        "Item": {
            "type": "object",
            "required": ["type"],
            "properties": {"type": {"type": "string", "enum": ["message", "call"]}},
            "allOf": [
                {
                    "if": {"properties": {"type": {"const": "message"}}, "required": ["type"]},
                    "then": {"$ref": "#/$defs/Message"},
                },
                {
                    "if": {"properties": {"type": {"const": "call"}}, "required": ["type"]},
                    "then": {"$ref": "#/$defs/Call"},
                },
            ],
        },
        "Message": {
            "type": "object",
            "required": ["role"],
            "properties": {
                "type": {},
                "role": {"type": "string", "enum": ["user"]},
                "parts": {"items": {"$ref": "#/$defs/Item"}},
            },
            "additionalProperties": False,
        },
        "Call": {
            "type": "object",
            "required": ["name", "arguments"],
            "properties": {"type": {}, "name": {"type": "string", "minLength": 1}, "arguments": {"type": "string"}},
            "additionalProperties": False,
        },
    },
}  # fmt: skip

Short = tuple[tuple[str | int, ...], str, tuple[str, ...]]

CASES: list[tuple[Any, list[Short]]] = [
    ({"model": "m", "input": "hi"}, []),
    ({"model": "m", "input": [{"type": "message", "role": "user"}], "temperature": None, "tier": None}, []),
    ({}, [((), "required", ("model",)), ((), "required", ("input",))]),
    ({"model": 1, "input": "hi"}, [(("model",), "type", ())]),
    ({"model": "m", "input": 5}, [(("input",), "type", ())]),
    ({"model": "m", "input": "far more than twenty letters"}, [(("input",), "maxLength", ())]),
    ({"model": "m", "input": "hi", "z": 1, "a": 2}, [((), "additionalProperties", ("z", "a"))]),
    ({"model": "m", "input": [{"type": "mess"}]}, [(("input", 0, "type"), "enum", ())]),
    ({"model": "m", "input": [{}]}, [(("input", 0), "required", ("type",))]),
    (
        {"model": "m", "input": [{"type": "message", "role": "user"}, {"type": "call", "name": "", "role": "user"}]},
        [
            (("input", 1), "required", ("arguments",)),
            (("input", 1), "additionalProperties", ("role",)),
            (("input", 1, "name"), "minLength", ()),
        ],
    ),
    (
        {"temperature": 3, "input": "hi", "model": "m", "tier": "fast"},
        [(("temperature",), "maximum", ()), (("tier",), "enum", ())],
    ),
    ({"model": "m", "input": "hi", "tier": 5}, [(("tier",), "type", ()), (("tier",), "enum", ())]),
    (
        {"model": "m", "input": "hi", "metadata": {"a": 1, "bbbbb": "x", "c": "y"}},
        [
            (("metadata",), "maxProperties", ()),
            (("metadata",), "propertyNames", ("bbbbb",)),
            (("metadata", "a"), "type", ()),
        ],
    ),
    (
        {"model": "m", "input": [{"type": "message", "role": "user", "parts": [1, {"type": "message", "role": 2}]}]},
        [
            (("input", 0, "parts", 0), "type", ()),
            (("input", 0, "parts", 1, "role"), "type", ()),
            (("input", 0, "parts", 1, "role"), "enum", ()),
        ],
    ),
]


def short(violations: tuple[SchemaViolation, ...]) -> list[Short]:
    return [(each.path, each.keyword, each.keys) for each in violations]


@both_libraries
@pytest.mark.parametrize(("instance", "expected"), CASES)
def test_violations_have_exact_paths_in_instance_order(library: str, instance: Any, expected: list[Short]) -> None:
    """Only the right branch of a union explains; each place tells each fault once; wrong types and gaps come first."""
    schema = Schema(ITEMS, library)
    assert schema.is_valid(instance) is (not expected)
    assert short(schema.violations(instance)) == expected


@both_libraries
def test_a_violation_carries_what_was_expected_and_found(library: str) -> None:
    """The keyword's value, the schema object around it and the value at the path come along."""
    (found,) = Schema(ITEMS, library).violations({"model": "m", "input": "hi", "temperature": -1})
    assert (found.expected, found.found, found.schema["maximum"]) == (0, -1, 2)
    assert found.message == "expected minimum 0, found -1"
    (found,) = Schema(ITEMS, library).violations(
        {"model": "m", "input": [{"type": "message", "role": "user", "zz": 1}]}
    )
    assert found.schema == ITEMS["$defs"]["Message"]


@pytest.mark.parametrize(
    ("schema", "instance", "message"),
    [
        ({"type": ["string", "null"]}, 1.5, "expected string or null, found number"),
        ({"type": "string"}, True, "expected string, found boolean"),
        ({"required": ["a"]}, {}, "'a' is missing"),
        ({"additionalProperties": False}, {"a": 1, "b": 1}, "'a', 'b' is not known here"),
        ({"propertyNames": {"maxLength": 1}}, {"ab": 1}, "'ab' is no valid name here"),
        ({"enum": ["a", None]}, "b", 'expected one of "a", null, found "b"'),
        ({"anyOf": [{"type": "string"}]}, 1, "1 fits none of the alternatives, or more than one"),
        ({"properties": {"a": False}}, {"a": 1}, "no value is allowed here"),
        ({"const": "x" * 200}, [1], f'expected const "{"x" * 98}…, found [1]'),
    ],
)
@both_libraries
def test_messages_are_for_people_and_bounded(library: str, schema: Any, instance: Any, message: str) -> None:
    """The same words whichever library judged; never the whole instance."""
    assert [each.message for each in Schema(schema, library).violations(instance)] == [message]


def test_kinds_are_those_of_json_schema() -> None:
    """A number without a fraction is an integer, a boolean is no number."""
    values = ["", 1, 1.0, 1.5, True, [], {}, None]
    kinds = ["string", "integer", "integer", "number", "boolean", "array", "object", "null"]
    assert [kind_of(value) for value in values] == kinds


def test_a_keyword_is_found_through_the_references_on_its_way() -> None:
    """Some versions of the library name a keyword by the way taken, references included."""
    way = ("properties", "input", "allOf", 1, "then", "items", "$ref", "allOf", 0, "then", "$ref", "properties", "role")
    assert follow(ITEMS, way) == {"type": "string", "enum": ["user"]}
    assert follow(ITEMS, ("properties", "nope", 1)) is None


def test_resolve_follows_local_references_only() -> None:
    """Chains, escapes and lists are followed; dead, circular and foreign references lead to None."""
    document = {"a": {"$ref": "#/b~1c/0"}, "b/c": [{"$ref": "#/d"}], "d": {"x": 1}, "e": {"$ref": "#/e"}}
    assert resolve(document, document["a"]) == {"x": 1}
    assert resolve(document, {"$ref": "#"}) is document
    for reference in ("#/e", "#/nope", "#/b~1c/9", "#name", "http://example.com/x"):
        assert resolve(document, {"$ref": reference}) is None


# --- nothing outside the schema ----------------------------------------------------------------------------------------


@pytest.fixture
def listener() -> Iterator[tuple[str, list[bytes]]]:
    """A URL that would serve a schema, and what was asked of it."""
    server = socket.create_server(("127.0.0.1", 0))
    visits: list[bytes] = []
    done = threading.Event()

    def answer() -> None:
        while True:
            connection, _ = server.accept()
            with connection:
                if done.is_set():
                    return
                visits.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")

    thread = threading.Thread(target=answer)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}/schema.json", visits
    done.set()
    socket.create_connection(server.getsockname()).close()
    thread.join()
    server.close()


FOREIGN: list[tuple[str, Any]] = [
    ("$ref", lambda url: {"$ref": url}),
    ("a deep $ref", lambda url: {"properties": {"a": {"items": {"$ref": url + "#/x"}}}}),
    ("$dynamicRef", lambda url: {"$dynamicRef": url}),
    ("a relative $ref below an $id", lambda url: {"$id": url, "properties": {"a": {"$ref": "other.json"}}}),
    ("draft 7", lambda url: {"$schema": "http://json-schema.org/draft-07/schema#", "allOf": [{"$ref": url}]}),
]


@both_libraries
@pytest.mark.parametrize("build", [build for _, build in FOREIGN], ids=[name for name, _ in FOREIGN])
def test_foreign_references_are_refused_and_never_fetched(
    library: str, build: Any, listener: tuple[str, list[bytes]], tmp_path: Path
) -> None:
    """Neither a file that is there nor a server that listens is asked, and the author is told."""
    url, visits = listener
    file = tmp_path / "schema.json"
    file.write_text("{}")
    (tmp_path / "other.json").write_text("{}")
    for where in (url, file.as_uri()):
        with pytest.raises(SchemaSourceError, match="cannot be used"):
            Schema(build(where), library)
    assert visits == []


@both_libraries
def test_a_foreign_meta_schema_is_not_fetched(library: str, listener: tuple[str, list[bytes]]) -> None:
    """An unknown `$schema` means 2020-12; it is not looked up."""
    url, visits = listener
    schema = Schema({"$schema": url, "type": "string"}, library)
    assert schema.is_valid("a")
    assert not schema.is_valid(1)
    assert visits == []


@both_libraries
def test_an_instance_opens_nothing(library: str, listener: tuple[str, list[bytes]]) -> None:
    """References inside the judged value, or inside constants, are data."""
    url, visits = listener
    schema = Schema({"properties": {"schema": {"type": "object"}}, "not": {"const": {"$ref": url}}}, library)
    assert schema.is_valid({"schema": {"$ref": url, "$schema": url, "$dynamicRef": url}})
    assert visits == []


@both_libraries
def test_references_inside_are_followed(library: str) -> None:
    """By pointer, by anchor, by id, and to the known meta-schema."""
    schema = Schema(
        {
            "$id": "https://example.com/root",
            "properties": {
                "a": {"$ref": "#/$defs/text"},
                "b": {"$ref": "#named"},
                "c": {"$ref": "https://example.com/inner"},
                "d": {"$ref": "https://json-schema.org/draft/2020-12/schema"},
            },
            "$defs": {
                "text": {"type": "string"},
                "n": {"$anchor": "named", "type": "integer"},
                "i": {"$id": "inner", "type": "boolean"},
            },
        },
        library,
    )
    assert schema.is_valid({"a": "", "b": 1, "c": True, "d": {"type": "string"}})
    for wrong in ({"a": 1}, {"b": ""}, {"c": 1}, {"d": {"type": 1}}):
        assert not schema.is_valid(wrong)
        assert schema.violations(wrong)


# --- schemas and values that would hurt --------------------------------------------------------------------------------


@both_libraries
@pytest.mark.parametrize(
    "schema",
    [
        {"type": "strin"},
        {"$ref": "#/nope"},
        {"pattern": "("},
        {"properties": 1},
        {"$dynamicRef": "#/nope"},
        {"minLength": "a"},
    ],
)
def test_a_schema_that_is_wrong_is_told(library: str, schema: dict[str, Any]) -> None:
    """Whoever wrote it learns it when it is compiled, not when it is used."""
    with pytest.raises(SchemaSourceError, match="cannot be used"):
        Schema(schema, library)


LOOPS: list[dict[str, Any]] = [
    {"$ref": "#"},
    {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
    {"allOf": [{"$ref": "#"}]},
    {"if": {"$ref": "#"}, "then": True},
    {"dependentSchemas": {"a": {"$ref": "#"}}},
    {"$dynamicAnchor": "n", "$dynamicRef": "#n"},
]


@both_libraries
@pytest.mark.parametrize("schema", LOOPS)
def test_a_schema_that_refers_to_itself_for_ever_does_no_harm(library: str, schema: dict[str, Any]) -> None:
    """The fast library judges it, the slow one refuses it when compiled; the process lives."""
    if library == "jsonschema":
        with pytest.raises(SchemaSourceError, match="leads back to itself"):
            Schema(schema, library)
    else:
        Schema(schema, library).violations({"a": 1})


def nested(depth: int, leaf: Any) -> Any:
    value = leaf
    for level in range(depth):
        value = {"items": value} if level % 2 else [value]
    return value


TREE: dict[str, Any] = {
    "$ref": "#/$defs/Node",
    "$defs": {
        "Node": {
            "type": ["object", "array", "string"],
            "allOf": [
                {"if": {"type": "object"}, "then": {"properties": {"items": {"$ref": "#/$defs/Node"}}}},
                {"if": {"type": "array"}, "then": {"items": {"$ref": "#/$defs/Node"}}},
            ],
        }
    },
}


def test_the_deepest_body_is_judged_to_its_leaf() -> None:
    """At the depth that bodies may have, the path still leads to the leaf."""
    schema = Schema(TREE)
    assert schema.is_valid(nested(MAX_DEPTH, "x"))
    (found,) = schema.violations(nested(MAX_DEPTH, 1))
    assert (len(found.path), found.keyword, found.found) == (MAX_DEPTH, "type", 1)


def test_the_slow_library_says_so_when_a_value_is_too_deep_for_it() -> None:
    """It judges what fits its stack and calls the rest too deep, without harm."""
    schema = Schema(TREE, "jsonschema")
    assert short(schema.violations(nested(50, 1)))[0][1] == "type"
    assert short(schema.violations(nested(MAX_DEPTH, "x"))) == [((), "depth", ())]
    assert not schema.is_valid(nested(MAX_DEPTH, "x"))
    with pytest.raises(SchemaSourceError, match="nested deeper"):
        Schema({"const": nested(MAX_DEPTH, "x")}, "jsonschema")


def test_the_slow_library_survives_the_end_of_the_stack() -> None:
    """A schema that takes many frames for each level ends as `depth`, not as a crash."""
    chain: dict[str, Any] = {f"n{index}": {"allOf": [{"$ref": f"#/$defs/n{index + 1}"}]} for index in range(40)}
    chain["n40"] = {"items": {"$ref": "#/$defs/n0"}}
    schema = Schema({"$ref": "#/$defs/n0", "$defs": chain}, "jsonschema")
    value: Any = 1
    for _ in range(60):
        value = [value]
    assert short(schema.violations(value)) == [((), "depth", ())]


@both_libraries
def test_a_body_full_of_faults_is_explained_at_bounded_cost(library: str) -> None:
    """Of a very large value only the first fault is told: one for each of a million would take a minute."""
    schema = Schema(ITEMS, library)
    assert len(schema.violations({"model": "m", "input": [1] * 300_000})) == 1
    assert len(schema.violations({"model": "m", "input": [1] * 300})) == 300
    assert schema.violations({"model": "m", "input": "hi" * 10}) == ()


def test_the_draft_that_a_schema_declares_is_spoken() -> None:
    """Schemas that clients send are often draft 7: there a list under `items` is a tuple."""
    for library in LIBRARIES:
        schema = Schema({"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}]}, library)
        assert schema.is_valid(["a", 1])
        assert not schema.is_valid([1])
        with pytest.raises(SchemaSourceError):
            Schema({"items": [{"type": "string"}]}, library)


@pytest.mark.parametrize("blocked", [False, True])
def test_the_libraries_are_imported_late_and_one_is_enough(blocked: bool) -> None:
    """Nothing is loaded before the first schema is compiled; without the fast library the slow one judges."""
    script = (
        "import sys\n"
        "import mockserver.core.schemas.schema as room\n"
        "assert not {'jsonschema', 'jsonschema_rs'} & set(sys.modules)\n"
        + ("sys.modules['jsonschema_rs'] = None\n" if blocked else "")
        + "schema = room.Schema({'type': 'string'})\n"
        "assert schema.is_valid('a') and not schema.is_valid(1)\n"
        "print('jsonschema' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(blocked)


# --- the two libraries against each other ------------------------------------------------------------------------------

leaves = st.sampled_from(["message", "call", "user", "", "hi", 0, 1, -1, 1.5, 2.5, True, None, "auto"])
names = st.sampled_from(
    ["model", "input", "temperature", "tier", "metadata", "type", "role", "name", "arguments", "parts", "zzzzz"]
)
values = st.recursive(
    leaves, lambda below: st.lists(below, max_size=3) | st.dictionaries(names, below, max_size=4), max_leaves=12
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(names, values, max_size=6))
def test_both_libraries_find_the_same(instance: dict[str, Any]) -> None:
    """The slow library is the oracle: same verdict, same places, same keywords, same keys."""
    fast, slow = (Schema(ITEMS, library) for library in LIBRARIES)
    assert fast.is_valid(instance) is slow.is_valid(instance)
    found = fast.violations(instance)
    assert short(found) == short(slow.violations(instance))
    assert [each.expected for each in found] == [each.expected for each in slow.violations(instance)]
    assert bool(found) is not fast.is_valid(instance)
    assert json.dumps(instance)  # judging changes nothing that would not be JSON any more


@pytest.mark.parametrize("name", ["0", "7", "007", "+7", "-7", "00", "18446744073709551616", "1e3", " 1"])
@pytest.mark.parametrize("library", ["jsonschema-rs", "jsonschema"])
def test_names_that_look_like_indexes_stay_names(name: str, library: str) -> None:
    """In the value and in the schema."""
    inside = {"properties": {"m": {"additionalProperties": {"type": "string"}}}}
    (found,) = Schema(inside, library).violations({"m": {name: [1]}})
    assert (found.path, found.found, found.expected) == (("m", name), [1], "string")
    (found,) = Schema({"properties": {name: {"items": {"type": "string"}}}}, library).violations({name: ["a", 1]})
    assert (found.path, found.found, found.expected) == ((name, 1), 1, "string")
