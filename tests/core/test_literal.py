"""How literal events are read, completed, sent as they are, and checked before anyone asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.events import Answer
from mockserver.core.grammar.sequence import EVENTS, ITEM_ROWS, SCHEMA_TYPES, TERMINALS
from mockserver.core.literals.literal import check_literal, compose, entry, has_terminal
from mockserver.core.reply import Events, LiteralEvent, Reply
from tests.core.answering import Mistakes, asked, assert_legal, assert_valid_response, dialect


def read(entries: list[Any], fill: bool = True) -> Events:
    """Read a list that has no mistakes."""
    mistakes = Mistakes()
    found = [entry(value, mistakes, ("events", index)) for index, value in enumerate(entries)]
    assert mistakes.found == []
    return Events(tuple(event for event in found if event is not None), fill)


def composed(entries: list[Any], fill: bool = True, speaks: str = "standard", **modifiers: Any) -> Answer:
    """Return what the list becomes for a plain request."""
    kind = read(entries, fill)
    return compose(kind, Reply(kind, **modifiers), asked(speaks=dialect(speaks)))


def told(answer: Answer) -> list[str]:
    """Return the short names of the events."""
    return [EVENTS[event.type].short if event.type in EVENTS else event.type for event in answer.events]


def fields(answer: Answer, name: str) -> list[Mapping[str, Any]]:
    """Return the data of every event of one type."""
    return [
        event.data for event in answer.events if event.type == f"response.{name}" and not isinstance(event.data, str)
    ]


# ----------------------------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize(
    ("value", "event"),
    [
        ("created", LiteralEvent("response.created")),
        ("response.created", LiteralEvent("response.created")),
        ({"created": None}, LiteralEvent("response.created")),
        ({"output_text.delta": "Hel"}, LiteralEvent("response.output_text.delta", {"delta": "Hel"})),
        ({"output_text.done": "Hel"}, LiteralEvent("response.output_text.done", {"text": "Hel"})),
        (
            {"at": "120ms", "response.output_text.delta": {"delta": "lo", "logprobs": []}},
            LiteralEvent("response.output_text.delta", {"delta": "lo", "logprobs": []}, at=120.0),
        ),
        ({"output_item.added": "reasoning"}, LiteralEvent("response.output_item.added", {"item": "reasoning"})),
        (
            {"output_item.added": {"type": "message"}},
            LiteralEvent("response.output_item.added", {"item": {"type": "message"}}),
        ),
        (
            {"output_item.added": {"output_index": 2}},
            LiteralEvent("response.output_item.added", {"output_index": 2}),
        ),
        ({"error": "odd"}, LiteralEvent("error", {"message": "odd"})),
        ({"failed": "broke"}, LiteralEvent("response.failed", {"message": "broke"})),
        ({"incomplete": "content_filter"}, LiteralEvent("response.incomplete", {"reason": "content_filter"})),
        (
            {"type": "output_text.delta", "delta": "x", "at": "1s"},
            LiteralEvent("response.output_text.delta", {"delta": "x"}, at=1000.0, written="long"),
        ),
        (
            {"type": "made.up", "data": {"a": 1}},
            LiteralEvent("made.up", {"a": 1}, written="exact"),
        ),
        ({"type": "created", "data": "{oops"}, LiteralEvent("response.created", raw="{oops", written="exact")),
    ],
)
def test_entries_are_read_in_every_spelling(value: Any, event: LiteralEvent) -> None:
    """Names short and full, lone values, fields, in full, exact; each with its offset."""
    mistakes = Mistakes()
    assert entry(value, mistakes, ()) == event
    assert mistakes.found == []


@pytest.mark.parametrize(
    ("value", "path", "message", "hint"),
    [
        ("output_text.dleta", (), "no event 'output_text.dleta'", "did you mean `output_text.delta`?"),
        ({"creatde": None}, ("creatde",), "no event 'creatde'", "did you mean `created`?"),
        (7, (), "expected an event, got 7", "created"),
        ([], (), "got a list", "created"),
        ({}, (), "found none", "its own"),
        ({"created": None, "completed": None}, (), "found `created`, `completed`", "its own"),
        ({"at": 120, "created": None}, ("at",), "needs a unit", ""),
        ({"created": "now"}, ("created",), "`created` takes fields, got 'now'", "name alone"),
        ({"output_text.delta": 5}, ("output_text.delta",), "takes a text, got 5", 'write "5"'),
        ({"output_text.delta": True}, ("output_text.delta",), "takes a text", 'write "true"'),
        ({"output_text.delta": ["a"]}, ("output_text.delta",), "takes fields, got a list", ""),
        ({"output_text.delta": {"dleta": "a"}}, ("output_text.delta", "dleta"), "no field 'dleta'", "`delta`"),
        ({"type": 5}, ("type",), "expected the name of an event", ""),
        ({"type": "created", "data": "{}", "more": 1}, ("more",), "beside `data`", "into `data`"),
        ({"type": "created", "data": 5}, ("data",), "expected a mapping or a string, got 5", ""),
        ({"type": "created", "data": "a\nb"}, ("data",), "one line", "`http`"),
    ],
)
def test_mistakes_are_reported_where_they_are(value: Any, path: tuple[str, ...], message: str, hint: str) -> None:
    """Never raised; what was wrong, and what to write instead."""
    mistakes = Mistakes()
    entry(value, mistakes, ("events", 3))
    ((found_path, found_message, found_hint),) = mistakes.found
    assert found_path == ("events", 3, *path)
    assert message in found_message
    assert hint in found_hint


# -------------------------------------------------------------------------------------------------------- completing


def test_deltas_alone_become_the_stream_that_the_api_would_send() -> None:
    """The opening and closing frames are added, everything is numbered, the text reaches the final output."""
    answer = composed(
        [
            "created",
            "in_progress",
            {"output_text.delta": "Hel"},
            {"at": "120ms", "output_text.delta": "lo"},
            "completed",
        ]
    )
    assert told(answer) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert_legal(answer.events, dialect())
    assert answer.response["output"][0]["content"][0]["text"] == "Hello"
    assert answer.events[-1].data["response"] == answer.response  # type: ignore[index]  # the data is an object
    assert [event.at for event in answer.events if event.delta] == [None, 120.0]
    assert_valid_response(answer.response, dialect())


COMPLETED: Final[list[tuple[str, list[Any], list[str]]]] = [
    (
        "the steps before and after a lone signal",
        ["web_search_call.searching"],
        ["added", "in_progress", "searching", "completed", "done"],
    ),
    (
        "all around code",
        [{"code_interpreter_call_code.delta": "1+1"}],
        ["added", "in_progress", "delta", "done", "interpreting", "completed", "done"],
    ),
    (
        "around an image",
        ["image_generation_call.partial_image"],
        ["added", "in_progress", "generating", "partial_image", "completed", "done"],
    ),
    ("a failure", ["mcp_list_tools.failed"], ["added", "in_progress", "failed", "done"]),
    (
        "a whole without deltas",
        [{"function_call_arguments.done": "{}"}],
        ["added", "delta", "done", "done"],
    ),
    (
        "a second call after the first is whole",
        [{"function_call_arguments.done": "{}"}, {"function_call_arguments.delta": "{}"}],
        ["added", "delta", "done", "done", "added", "delta", "done", "done"],
    ),
    (
        "a second search",
        ["web_search_call.completed", "web_search_call.in_progress"],
        [*["added", "in_progress", "searching", "completed", "done"] * 2],
    ),
    (
        "a part of another type in the same message",
        [{"output_text.delta": "a"}, {"refusal.delta": "b"}],
        ["added", "added", "delta", "done", "done", "added", "delta", "done", "done", "done"],
    ),
    (
        "summary and raw reasoning",
        [{"reasoning_summary_text.delta": "a"}, {"reasoning_text.delta": "b"}],
        ["added", "added", "delta", "done", "done", "added", "delta", "done", "done", "done"],
    ),
    (
        "an annotation",
        [{"output_text.delta": "a"}, {"output_text.annotation.added": {"annotation": {"url": "https://example.org"}}}],
        ["added", "added", "delta", "added", "done", "done", "done"],
    ),
    (
        "parts by hand",
        [{"content_part.added": "refusal"}, {"refusal.delta": "no"}, "refusal.done", "content_part.done"],
        ["added", "added", "delta", "done", "done", "done"],
    ),
    (
        "an item by hand, its part not",
        ["output_item.added", {"output_text.delta": "a"}, "output_item.done"],
        ["added", "added", "delta", "done", "done", "done"],
    ),
    (
        "shell commands",
        ["shell_call_command.added", {"shell_call_command.delta": "ls"}, "shell_call_command.done"],
        ["added", "added", "delta", "done", "done"],
    ),
    (
        "what a command wrote",
        [{"shell_call_output_content.delta": "a\n"}, "shell_call_output_content.done"],
        ["added", "delta", "done", "done"],
    ),
    (
        "a bare part that belongs to what follows, not to the reasoning before",
        [
            {"reasoning_text.delta": "a"},
            "content_part.added",
            {"refusal.delta": "b"},
            "refusal.done",
            "content_part.done",
        ],
        ["added", "added", "delta", "done", "done", "done", "added", "added", "delta", "done", "done", "done"],
    ),
    (
        "a bare item of the type that follows",
        [
            "output_item.added",
            *(f"web_search_call.{step}" for step in ("in_progress", "searching", "completed")),
            "output_item.done",
        ],
        ["added", "in_progress", "searching", "completed", "done"],
    ),
    (
        "a part closed by hand, its text not",
        [{"output_text.delta": "a"}, {"content_part.done": {"type": "output_text", "text": "a", "annotations": []}}],
        ["added", "added", "delta", "done", "done", "done"],
    ),
    (
        "a part called by its index",
        [{"output_text.delta": "a"}, {"output_text.delta": {"content_index": 1, "delta": "b"}}],
        ["added", "added", "delta", "done", "done", "added", "delta", "done", "done", "done"],
    ),
    (
        "a part by hand after one that was not",
        [
            {"output_text.delta": "a"},
            "content_part.added",
            {"output_text.delta": "b"},
            "output_text.done",
            "content_part.done",
        ],
        ["added", "added", "delta", "done", "done", "added", "delta", "done", "done", "done"],
    ),
    ("an item by hand and nothing else", ["output_item.added", "output_item.done"], ["added", "done"]),
    ("compaction", ["compaction.compacting"], ["added", "compacting", "done"]),
    ("audio", [{"audio.delta": "aGk="}, "audio.done"], ["delta", "done"]),
    ("an error", ["error"], ["error"]),
]


@pytest.mark.parametrize(("entries", "steps"), [case[1:] for case in COMPLETED], ids=[case[0] for case in COMPLETED])
def test_what_is_missing_around_short_entries_is_added(entries: list[Any], steps: list[str]) -> None:
    """Each list becomes legal, and valid for the official client."""
    answer = composed(["created", "in_progress", *entries, "completed"])
    assert [name.rpartition(".")[2] for name in told(answer)] == ["created", "in_progress", *steps, "completed"]
    assert_legal(answer.events, dialect())
    assert check_literal(read(["created", "in_progress", *entries, "completed"])) == ()


BY_HAND: Final = {"response.created", "response.in_progress", "response.output_item.added"}


@pytest.mark.parametrize("name", sorted(SCHEMA_TYPES - TERMINALS.keys() - BY_HAND))
def test_each_event_type_alone_becomes_a_legal_stream(name: str) -> None:
    """Any short name between `in_progress` and the end, also without a value."""
    entries = ["created", "in_progress", name, "completed"]
    if name == "response.queued":
        entries = ["created", name, "in_progress", "completed"]
    answer = composed(entries)
    assert name in [event.type for event in answer.events]
    assert_legal(answer.events, dialect())


def test_what_was_streamed_fills_done_events_parts_items_and_output() -> None:
    """Bare done names repeat what the deltas said."""
    answer = composed(
        [
            "created",
            "in_progress",
            {"output_item.added": {"type": "function_call", "name": "f", "call_id": "call_7"}},
            {"function_call_arguments.delta": '{"a"'},
            {"function_call_arguments.delta": ":1}"},
            "function_call_arguments.done",
            "output_item.done",
            "completed",
        ]
    )
    assert_legal(answer.events, dialect())
    (item,) = answer.response["output"]
    assert (item["name"], item["call_id"], item["arguments"]) == ("f", "call_7", '{"a":1}')
    assert fields(answer, "function_call_arguments.done")[0]["arguments"] == '{"a":1}'
    assert fields(answer, "output_item.added")[0]["item"]["arguments"] == ""


def test_commands_and_their_output_reach_the_items() -> None:
    """Though no row orders them."""
    answer = composed(
        [
            "created",
            "in_progress",
            "shell_call_command.added",
            {"shell_call_command.done": "ls"},
            "shell_call_command.added",
            {"shell_call_command.delta": "pwd"},
            "shell_call_command.done",
            {"shell_call_output_content.delta": "a"},
            {"shell_call_output_content.delta": {"delta": {"stderr": "b"}}},
            "shell_call_output_content.done",
            "completed",
        ]
    )
    call, output = answer.response["output"]
    assert call["action"]["commands"] == ["ls", "pwd"]
    assert output["call_id"] == call["call_id"]
    assert output["output"] == [{"stdout": "a", "stderr": "b", "outcome": {"type": "exit", "exit_code": 0}}]
    assert [event.delta for event in answer.events if event.type.endswith("content.delta")] == ["a", "b"]


def test_items_called_by_index_interleave() -> None:
    """They stay open beside each other until the end."""
    pieces = [(0, "a"), (1, "b"), (0, "c"), (1, "d")]
    answer = composed(
        [
            "created",
            "in_progress",
            *({"output_text.delta": {"output_index": index, "delta": text}} for index, text in pieces),
            "completed",
        ]
    )
    assert_legal(answer.events, dialect())
    assert [item["content"][0]["text"] for item in answer.response["output"]] == ["ac", "bd"]


def test_an_item_called_by_id_has_it() -> None:
    """And the next event without id goes to the same item."""
    answer = composed(
        [
            "created",
            "in_progress",
            {"output_text.delta": {"item_id": "msg_me", "delta": "a"}},
            {"output_text.delta": "b"},
            "completed",
        ]
    )
    assert_legal(answer.events, dialect())
    assert [(item["id"], item["content"][0]["text"]) for item in answer.response["output"]] == [("msg_me", "ab")]


def test_ids_differ_and_are_drawn() -> None:
    """Two items of one type have ids and call ids of their own; the same request draws the same."""
    entries = [
        "created",
        "in_progress",
        {"function_call_arguments.done": "{}"},
        {"function_call_arguments.done": "{}"},
        "completed",
    ]
    one, two = composed(entries), composed(entries)
    assert one == two
    assert len({item[key] for item in one.response["output"] for key in ("id", "call_id")}) == 4


def test_an_incomplete_answer_closes_its_frames_with_that_status() -> None:
    """The same frames; item and response are incomplete, for the reason given."""
    answer = composed(["created", "in_progress", {"output_text.delta": "Hel"}, {"incomplete": "content_filter"}])
    assert_legal(answer.events, dialect())
    assert answer.response["incomplete_details"] == {"reason": "content_filter"}
    assert answer.response["output"][0]["status"] == "incomplete"
    assert told(answer)[-4:] == ["output_text.done", "content_part.done", "output_item.done", "incomplete"]


def test_a_failed_answer_breaks_off() -> None:
    """Nothing is closed; the output so far is in the response."""
    answer = composed(["created", "in_progress", {"output_text.delta": "Hel"}, {"failed": "It broke."}])
    assert_legal(answer.events, dialect())
    assert told(answer)[-2:] == ["output_text.delta", "failed"]
    assert answer.response["error"] == {"code": "server_error", "message": "It broke."}
    assert answer.response["output"][0]["content"][0]["text"] == "Hel"


def test_snapshots_can_be_changed_field_by_field() -> None:
    """A written response is merged over the made one; a background response starts queued."""
    answer = composed(
        [
            "created",
            "queued",
            "in_progress",
            {"completed": {"response": {"model": "other", "usage": {"total_tokens": 9}}}},
        ]
    )
    assert [event.data["response"]["status"] for event in answer.events] == [  # type: ignore[index]  # an object
        "queued",
        "queued",
        "in_progress",
        "completed",
    ]
    assert (answer.response["model"], answer.response["usage"]["total_tokens"]) == ("other", 9)
    assert answer.response["usage"]["input_tokens"] > 0


def test_numbers_follow_the_one_that_was_written() -> None:
    """And the check says where the count went wrong."""
    entries = ["created", {"in_progress": {"sequence_number": 5}}, "completed"]
    assert [event.data["sequence_number"] for event in composed(entries).events] == [0, 5, 6]  # type: ignore[index]
    assert [(problem.index, problem.code) for problem in check_literal(read(entries))] == [(1, "sequence")]


def test_errors_are_nested_where_the_dialect_nests_them() -> None:
    """Flat as published, nested as live."""
    entries: list[Any] = ["created", "in_progress", {"error": {"message": "odd", "code": "c"}}, "failed"]
    flat, nested = composed(entries).events[2].data, composed(entries, speaks="openai").events[2].data
    assert flat == {"type": "error", "sequence_number": 2, "code": "c", "message": "odd", "param": None}
    assert nested == {
        "type": "error",
        "sequence_number": 2,
        "error": {"type": "server_error", "code": "c", "message": "odd", "param": None},
    }


def test_what_is_added_stays_within_the_dialect() -> None:
    """A dialect without search events gets an item that opens and closes."""
    answer = composed(["created", "in_progress", "web_search_call.searching", "completed"], speaks="reference")
    assert told(answer) == [
        "created",
        "in_progress",
        "output_item.added",
        "web_search_call.searching",
        "output_item.done",
        "completed",
    ]


# ------------------------------------------------------------------------------------------------- left as they are


def test_without_fill_events_are_sent_as_written() -> None:
    """No number, no id; the response is the one in the terminal event."""
    answer = composed(["created", {"output_text.delta": "x"}, {"completed": {"response": {"id": "r"}}}], fill=False)
    assert [event.data for event in answer.events] == [
        {"type": "response.created"},
        {"type": "response.output_text.delta", "delta": "x"},
        {"type": "response.completed", "response": {"id": "r"}},
    ]
    assert [event.delta for event in answer.events] == [None, "x", None]
    assert answer.response == {"id": "r"}


def test_long_entries_get_their_fields_but_nothing_around_them() -> None:
    """The item they speak of is not opened for them."""
    long = {"type": "response.output_text.delta", "delta": "x", "item_id": "m", "output_index": 0, "content_index": 0}
    answer = composed(["created", "in_progress", long, "completed"])
    assert told(answer) == ["created", "in_progress", "output_text.delta", "completed"]
    assert answer.events[2].data == {**long, "sequence_number": 2, "logprobs": []}
    assert [problem.code for problem in check_literal(read(["created", "in_progress", long, "completed"]))] == [
        "item_not_open"
    ]


def test_long_entries_find_the_open_item() -> None:
    """Its id and index are filled in."""
    long = {"type": "response.output_text.delta", "delta": "b"}
    answer = composed(["created", "in_progress", {"output_text.delta": "a"}, long, "completed"])
    assert_legal(answer.events, dialect())
    assert answer.response["output"][0]["content"][0]["text"] == "ab"


def test_exact_entries_are_not_touched() -> None:
    """A mapping is encoded as it is, a string is not even that; both are heeded by what follows."""
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": []}
    done = {"type": "response.output_item.done", "sequence_number": 3, "output_index": 0, "item": message}
    added = orjson.dumps({**done, "type": "response.output_item.added", "sequence_number": 2}).decode()
    answer = composed(
        [
            "created",
            "in_progress",
            {"type": "output_item.added", "data": added},
            {"type": "output_item.done", "data": done},
            "completed",
        ]
    )
    assert answer.events[2].data == added
    assert answer.events[3].data == done
    assert answer.response["output"] == [message]
    assert [event.data["sequence_number"] for event in (answer.events[0], answer.events[4])] == [0, 4]  # type: ignore[index]


def test_an_exact_terminal_gives_the_json_answer() -> None:
    """Also as verbatim text; a list without an end answers with the response as it stood."""
    assert composed(["created", {"type": "completed", "data": '{"response":{"id":"r"}}'}]).response == {"id": "r"}
    assert composed(["created", {"type": "completed", "data": '{"response":{"id":"r"}}'}], fill=False).response == {
        "id": "r"
    }
    assert composed(["created", "in_progress"]).response["status"] == "in_progress"
    assert composed(["created", {"type": "completed", "data": "{oops"}], fill=False).response["status"] == "in_progress"
    assert not has_terminal(read(["created", "in_progress"]))
    assert has_terminal(read(["created", "failed"]))


# ----------------------------------------------------------------------------------------------------------- checking


@pytest.mark.parametrize(
    ("entries", "index", "code"),
    [
        ([{"output_text.delta": "x"}, "completed"], 0, "not_created"),
        (["created", "in_progress", {"output_text.delta": "x"}], 2, "no_terminal"),
        (
            ["created", "in_progress", "output_item.added", {"output_text.delta": "x"}, "completed"],
            4,
            "item_unfinished",
        ),
        (["created", "in_progress", "completed", "completed"], 3, "after_terminal"),
        (
            ["created", "in_progress", {"output_text.delta": "a"}, {"output_text.done": "b"}, "completed"],
            3,
            "text_differs",
        ),
        (["created", "in_progress", {"type": "ping", "data": "{}"}, "completed"], 2, "wrong_type"),
        (["created", "in_progress", {"type": "ping"}, "completed"], 2, "unknown_type"),
        (["created", "in_progress", {"type": "error", "data": "{oops"}, "completed"], 2, "not_json"),
        (["created", "in_progress", {"type": "error", "data": "[]"}, "completed"], 2, "not_json"),
        (["created", "completed"], 1, "wrong_order"),
    ],
)
def test_an_illegal_list_is_known_before_anyone_asks(entries: list[Any], index: int, code: str) -> None:
    """The problem points at the entry as written, also where frames were added before it."""
    assert (index, code) in [(problem.index, problem.code) for problem in check_literal(read(entries))]


def test_an_empty_list_has_no_end() -> None:
    """Checking never fails itself."""
    assert [problem.code for problem in check_literal(Events(()))] == ["no_terminal"]


values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.text(max_size=3) | st.sampled_from(["message", "output_text"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "id", "text", "content"]), inner, max_size=2)
    ),
    max_leaves=4,
)
names = st.sampled_from(sorted(EVENTS))
odd = st.one_of(
    names,
    st.builds(lambda name, value: {name: value}, names, values),
    names.flatmap(
        lambda name: st.dictionaries(
            st.sampled_from([*EVENTS[name].required, "sequence_number"]), values, max_size=3
        ).map(lambda given: {name: given})
    ),
    names.flatmap(
        lambda name: st.dictionaries(st.sampled_from([*EVENTS[name].required, "x"]), values).map(
            lambda f: {**f, "type": name}
        )
    ),
    st.builds(
        lambda name, data: {"type": name, "data": data}, names, st.dictionaries(st.text(max_size=3), values, max_size=2)
    ),
    values,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(odd, max_size=6), st.booleans())
def test_no_list_of_any_kind_breaks_reading_composing_or_checking(entries: list[Any], fill: bool) -> None:
    """Whatever an author writes is reported or sent, never an exception of ours."""
    mistakes = Mistakes()
    found = [entry(value, mistakes, (index,)) for index, value in enumerate(entries)]
    kind = Events(tuple(event for event in found if event is not None), fill)
    check_literal(kind)
    answer = compose(kind, Reply(kind), asked())
    assert len(answer.events) >= len(kind.entries)
    orjson.dumps([event.data for event in answer.events])


pieces = st.sampled_from(
    [
        *({name: "x"} for name, row in sorted(EVENTS.items()) if row.delta and row.in_schema),
        *(name for name, row in sorted(EVENTS.items()) if row.scope == "item" and row.in_schema and not row.main),
        "error",
        "audio.done",
        "image_generation_call.partial_image",
        "output_text.annotation.added",
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(pieces, max_size=8), st.sampled_from(sorted(TERMINALS)))
def test_short_entries_in_any_order_become_a_legal_stream(entries: list[Any], last: str) -> None:
    """Fill keeps its promise for every mixture of deltas and signals."""
    answer = composed(["created", "in_progress", *entries, last])
    assert_legal(answer.events, dialect())
    assert {item["type"] for item in answer.response["output"]} <= {
        *ITEM_ROWS,
        "shell_call",
        "shell_call_output",
        "compaction",
    }
