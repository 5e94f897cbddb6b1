"""Shorthands become items, mistakes are told, and every item type can be completed into a valid item."""

from __future__ import annotations

from typing import Any, get_args

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import ResponseOutputItem
from pydantic import TypeAdapter

from mockserver.core.items.kinds import KINDS, as_text
from mockserver.core.items.sketches import ITEMS, REPLY_KINDS, complete, output_item, sketch, sketches_for
from mockserver.core.schemas.schema import Schema
from mockserver.core.templates import Compact
from tests.core.answering import Mistakes, asked, dialect

CLIENT_ITEM: TypeAdapter[Any] = TypeAdapter(ResponseOutputItem)


def rendered(node: Any) -> Any:
    """Fill in what rendering fills in, for sketches without templates."""
    if isinstance(node, Compact):
        return as_text(rendered(node.value)) if node.value is not None else "null"
    if isinstance(node, dict):
        return {key: rendered(value) for key, value in node.items()}
    return [rendered(value) for value in node] if isinstance(node, list) else node


def completed(name: str, value: Any) -> dict[str, Any]:
    """Return the completed item that a shorthand stands for."""
    report = Mistakes()
    item = sketch(name, value, report, ("reply",))
    assert report.found == []
    return complete([rendered(item)], asked())[0]


def text_part(text: str, *annotations: Any) -> dict[str, Any]:
    """Return an output text part."""
    return {"type": "output_text", "text": text, "annotations": list(annotations), "logprobs": []}


CITED = {"type": "url_citation", "url": "https://a.example/", "start_index": 0, "end_index": 2, "title": ""}
SHORT = [
    ("message", "hi", {"type": "message", "role": "assistant", "status": "completed", "content": [text_part("hi")]}),
    ("message", {"text": "hi", "phase": "commentary"}, {"phase": "commentary", "content": [text_part("hi")]}),
    ("message", {"text": "hi", "annotations": ["https://a.example/"]}, {"content": [text_part("hi", CITED)]}),
    (
        "message",
        {"content": ["a", {"text": "b", "annotations": []}, {"refusal": "no"}]},
        {"content": [text_part("a"), text_part("b"), {"type": "refusal", "refusal": "no"}]},
    ),
    (
        "message",
        {"text": "x", "annotations": [{"file_id": "file_1"}, {"filename": "a.txt", "file_id": "file_2"}]},
        {
            "content": [
                text_part(
                    "x",
                    {"type": "file_path", "file_id": "file_1", "index": 0},
                    {"type": "file_citation", "file_id": "file_2", "filename": "a.txt", "index": 0},
                )
            ]
        },
    ),
    ("message", {"content": "hi", "id": "msg_1"}, {"id": "msg_1", "content": [text_part("hi")]}),
    ("refusal", "no", {"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}),
    ("refusal", {"refusal": "no", "status": "incomplete"}, {"type": "message", "status": "incomplete"}),
    ("reasoning", "why", {"summary": [{"type": "summary_text", "text": "why"}]}),
    (
        "reasoning",
        ["a", "b"],
        {"summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}]},
    ),
    (
        "reasoning",
        {"content": "raw", "encrypted_content": "e"},
        {"summary": [], "content": [{"type": "reasoning_text", "text": "raw"}], "encrypted_content": "e"},
    ),
    ("function_call", {"name": "f"}, {"name": "f", "arguments": "{}"}),
    ("function_call", {"name": "f", "arguments": {"a": [1, None]}}, {"arguments": '{"a":[1,null]}'}),
    (
        "function_call",
        {"name": "f", "arguments": '{"broken', "call_id": "c"},
        {"arguments": '{"broken', "call_id": "c"},
    ),
    ("custom_tool_call", {"name": "f", "input": "x = 1"}, {"name": "f", "input": "x = 1"}),
    ("web_search_call", "rain", {"action": {"type": "search", "query": "rain"}}),
    (
        "web_search_call",
        {"queries": ["a", "b"], "sources": ["https://a.example/"]},
        {
            "action": {
                "type": "search",
                "query": "a",
                "queries": ["a", "b"],
                "sources": [{"type": "url", "url": "https://a.example/"}],
            }
        },
    ),
    ("web_search_call", {"url": "https://a.example/"}, {"action": {"type": "open_page", "url": "https://a.example/"}}),
    (
        "web_search_call",
        {"url": "https://a.example/", "pattern": "x"},
        {"action": {"type": "find_in_page", "url": "https://a.example/", "pattern": "x"}},
    ),
    ("web_search_call", {"action": {"type": "open_page", "url": "u"}}, {"action": {"type": "open_page", "url": "u"}}),
    ("file_search_call", "q", {"queries": ["q"], "results": None}),
    (
        "file_search_call",
        {"queries": ["a"], "results": ["found", {"filename": "f", "score": 0.5}]},
        {
            "results": [
                {"attributes": {}, "file_id": "", "filename": "", "score": 0.0, "text": "found"},
                {"attributes": {}, "file_id": "", "filename": "f", "score": 0.5, "text": ""},
            ]
        },
    ),
    ("code_interpreter_call", "1+1", {"code": "1+1", "outputs": None}),
    (
        "code_interpreter_call",
        {"code": "c", "logs": "2", "outputs": ["3", {"url": "u"}], "container_id": "cntr_1"},
        {
            "container_id": "cntr_1",
            "outputs": [{"type": "logs", "logs": "2"}, {"type": "logs", "logs": "3"}, {"type": "image", "url": "u"}],
        },
    ),
    ("image_generation_call", "aGk=", {"result": "aGk="}),
    ("image_generation_call", {"result": "aGk=", "size": "1x1", "quality": "low"}, {"size": "1x1", "quality": "low"}),
    (
        "mcp_list_tools",
        {"server_label": "s", "tools": ["a", {"name": "b", "description": "d"}]},
        {
            "tools": [
                {
                    "input_schema": {"type": "object", "properties": {}},
                    "description": description,
                    "annotations": None,
                    "name": name,
                }
                for name, description in (("a", None), ("b", "d"))
            ],
            "error": None,
        },
    ),
    ("mcp_list_tools", {"server_label": "s", "error": "down"}, {"error": "down", "tools": []}),
    (
        "mcp_call",
        {"server_label": "s", "name": "f", "arguments": {"a": 1}, "output": {"b": 2}},
        {"arguments": '{"a":1}', "output": '{"b":2}', "error": None, "status": "completed"},
    ),
    (
        "mcp_call",
        {"server_label": "s", "name": "f", "error": "broken"},
        {
            "error": {"type": "mcp_tool_execution_error", "content": [{"type": "text", "text": "broken"}]},
            "output": None,
            "status": "failed",
        },
    ),
    (
        "mcp_call",
        {"server_label": "s", "name": "f", "error": {"code": 500, "message": "m"}},
        {"error": {"type": "http_error", "code": 500, "message": "m"}},
    ),
]


@pytest.mark.parametrize(("name", "value", "expected"), SHORT)
def test_shorthands(name: str, value: Any, expected: dict[str, Any]) -> None:
    """Each shorthand becomes the item meant, valid by schema and client, and its own schema allows it."""
    item = completed(name, value)
    assert {key: item[key] for key in expected} == expected
    assert dialect().schema("item").violations(item) == ()
    CLIENT_ITEM.validate_json(orjson.dumps(item), strict=True)
    assert Schema(ITEMS[name].schema).is_valid(value)


def test_every_shorthand_has_an_example_here() -> None:
    """The table above leaves none out."""
    assert {name for name, _, _ in SHORT} == set(ITEMS)


WRONG: list[tuple[str, Any, tuple[str | int, ...], str]] = [
    ("message", 42, (), 'quote it: "42"'),
    ("message", {"txt": "hi"}, ("txt",), "did you mean `text`?"),
    ("message", {"phase": "final_answer"}, (), ""),
    ("message", {"text": True}, ("text",), 'quote it: "true"'),
    ("message", {"text": "x", "phase": "middle"}, ("phase",), ""),
    ("message", {"text": "x", "status": "done"}, ("status",), ""),
    ("message", {"content": ["a", 7]}, ("content", 1), 'quote it: "7"'),
    ("message", {"content": [{"txt": "a"}]}, ("content", 0), ""),
    ("message", {"text": "x", "annotations": [{"type": "quote"}]}, ("annotations", 0, "type"), ""),
    ("message", {"refusal": "x", "annotations": []}, ("annotations",), ""),
    ("reasoning", ["a", 1], (), ""),
    ("reasoning", {"summary": None}, ("summary",), ""),
    ("function_call", "f", (), ""),
    ("function_call", {"arguments": {}}, (), ""),
    ("function_call", {"name": "f", "arguments": 3}, ("arguments",), 'quote it: "3"'),
    ("custom_tool_call", {"name": "f"}, (), ""),
    ("web_search_call", {}, (), ""),
    ("file_search_call", {"results": []}, (), ""),
    ("code_interpreter_call", {"code": "c", "outputs": [3]}, ("outputs", 0), 'quote it: "3"'),
    ("image_generation_call", {"result": "aGk=", "partial_images": "aGk="}, ("partial_images",), ""),
    ("mcp_call", {"server_label": "s"}, (), ""),
    ("mcp_list_tools", {"server_label": "s", "tools": [{"description": "d"}]}, ("tools", 0), ""),
]


@pytest.mark.parametrize(("name", "value", "at", "hint"), WRONG)
def test_mistakes_are_told_where_they_are(name: str, value: Any, at: tuple[str | int, ...], hint: str) -> None:
    """One report for one mistake, at its place, with a hint where one helps; nothing is raised."""
    report = Mistakes()
    sketch(name, value, report, ("rules", 0, name))
    [(path, message, told)] = report.found
    assert path == ("rules", 0, name, *at)
    assert message
    assert hint in told


def test_every_mistake_is_told_at_once() -> None:
    """Two wrong fields and a missing one are three reports; a misspelt field is not reported as missing too."""
    report = Mistakes()
    assert sketch("function_call", {"extra": "f", "call_id": 1}, report, ()) is None
    assert [path for path, _, _ in report.found] == [("extra",), ("call_id",), ()]
    report = Mistakes()
    assert sketch("function_call", {"nam": "f"}, report, ()) is None
    assert [path for path, _, _ in report.found] == [("nam",)]


@pytest.mark.parametrize(
    ("entry", "at", "hint"),
    [
        ("hello", (), "message"),
        ({"type": "mesage"}, ("type",), "did you mean `message`?"),
        ({"mesage": "hi"}, ("mesage",), "did you mean `message`?"),
        ({"compaction": {}}, ("compaction",), "{type: compaction, ...}"),
        ({"message": "a", "reasoning": "b"}, (), "entry of its own"),
        ({}, (), ""),
        ({"type": ["message"]}, ("type",), ""),
        (None, (), ""),
    ],
)
def test_wrong_entries_of_an_output(entry: Any, at: tuple[str | int, ...], hint: str) -> None:
    """An entry is a literal item or exactly one shorthand."""
    report = Mistakes()
    assert output_item(entry, report, ()) is None
    [(path, _, told)] = report.found
    assert path == at
    assert hint in told


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_completes_from_its_type_alone(kind: str) -> None:
    """A literal item that names only its type becomes a valid item with an id in the API's shape."""
    [item] = complete([{"type": kind}], asked())
    assert item["id"].startswith(KINDS[kind].prefix)
    assert dialect().schema("item").violations(item) == ()
    CLIENT_ITEM.validate_json(orjson.dumps(item), strict=True)
    if KINDS[kind].statuses:
        assert item["status"] == "completed"


def test_all_output_item_types_of_the_client_are_known() -> None:
    """28 types, none forgotten."""
    models = get_args(get_args(ResponseOutputItem)[0])
    known = {get_args(model.model_fields["type"].annotation)[0] for model in models}
    assert set(KINDS) == known
    assert len(KINDS) == 28


def test_literal_items_keep_what_was_written() -> None:
    """Ids, statuses and unknown fields stay; only what is missing is filled in."""
    written = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "status": "incomplete", "name": "f", "x": 1}
    [item] = complete([written], asked())
    assert item == {**written, "arguments": "{}"}
    assert "arguments" not in written


def test_an_output_belongs_to_the_call_before_it() -> None:
    """A tool output without a call id answers the newest call."""
    items = [{"type": "shell_call"}, {"type": "shell_call_output"}, {"type": "function_call_output", "call_id": "x"}]
    call, output, other = complete(items, asked())
    assert output["call_id"] == call["call_id"]
    assert other["call_id"] == "x"
    [alone] = complete([{"type": "function_call_output"}], asked())
    assert alone["call_id"].startswith("call_")


@pytest.mark.parametrize(("value", "text"), [(7, "7"), (None, ""), ([1, 2], "[1,2]"), ({"a": 1}, '{"a":1}')])
def test_text_that_a_template_made_something_else(value: Any, text: str) -> None:
    """Where the API wants text, any other value becomes its compact JSON."""
    part = {"type": "output_text", "text": value}
    items = [{"type": "message", "content": [part]}, {"type": "function_call", "arguments": value}]
    message, call = complete(items, asked())
    assert message["content"][0]["text"] == text
    assert call["arguments"] == text


REPLIES = [
    ("text", "hi", [{"type": "message", "content": [{"type": "output_text", "text": "hi"}]}]),
    ("refusal", "no", [{"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}]),
    ("json", {"a": 1}, [{"type": "message", "content": [{"type": "output_text", "text": Compact({"a": 1})}]}]),
    ("json", None, [{"type": "message", "content": [{"type": "output_text", "text": Compact(None)}]}]),
    ("call", {"f": {"a": 1}}, [{"type": "function_call", "name": "f", "arguments": Compact({"a": 1})}]),
    (
        "call",
        [{"f": None}, {"f": "{}"}],
        [
            {"type": "function_call", "name": "f", "arguments": Compact({})},
            {"type": "function_call", "name": "f", "arguments": "{}"},
        ],
    ),
    ("output", [{"message": "a"}, {"type": "compaction"}], None),
    ("output", [], []),
]


@pytest.mark.parametrize(("kind", "value", "expected"), REPLIES)
def test_reply_kinds(kind: str, value: Any, expected: Any) -> None:
    """Each reply kind becomes items, and its JSON Schema allows what it reads."""
    report = Mistakes()
    items = sketches_for(kind, value, report, ("reply", kind))
    assert report.found == []
    assert expected is None or items == expected
    assert Schema(REPLY_KINDS[kind].schema).is_valid(value)


@pytest.mark.parametrize(
    ("kind", "value", "at"),
    [
        ("text", 42, ("text",)),
        ("text", None, ("text",)),
        ("refusal", ["no"], ("refusal",)),
        ("call", "f", ()),
        ("call", {}, ()),
        ("call", [], ()),
        ("call", {"f": 3}, ("f", "arguments")),
        ("output", {"message": "a"}, ()),
        ("output", ["a"], (0,)),
    ],
)
def test_wrong_replies(kind: str, value: Any, at: tuple[str | int, ...]) -> None:
    """A reply that cannot be read is reported, and its JSON Schema refuses it too."""
    report = Mistakes()
    assert sketches_for(kind, value, report, ()) == []
    assert [path for path, _, _ in report.found] == [at]
    assert not Schema(REPLY_KINDS[kind].schema).is_valid(value)


WRITTEN = st.one_of(
    st.sampled_from([(name, value) for name, value, _ in SHORT]),
    st.sampled_from(sorted(KINDS)).map(lambda kind: ("", {"type": kind})),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(WRITTEN, max_size=6))
def test_completing_is_done_once(written: list[tuple[str, Any]]) -> None:
    """Completed items are complete, ids differ, and the same request gets the same ids."""
    report = Mistakes()
    entries = [value if name == "" else {name: value} for name, value in written]
    sketches = [rendered(item) for item in sketches_for("output", entries, report, ())]
    question = asked()
    items = complete(sketches, question)
    assert report.found == []
    assert complete(items, question) == items
    assert complete(sketches, question) == items
    drawn = [item["id"] for item in items if item["id"] != "msg_1"]
    assert len(set(drawn)) == len(drawn)
