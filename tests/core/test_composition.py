"""Items become legal streams: every event valid, deltas that add up, and the same answer in both encodings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockserver.core.composition import MOST_DELTAS, compose, final_response, pieces
from mockserver.core.dialect import Dialect, Quirks
from mockserver.core.events import Event
from mockserver.core.grammar.event_types import EVENTS, SCHEMA_TYPES
from mockserver.core.items.kinds import KINDS, complete
from mockserver.core.progress import output_so_far
from mockserver.core.reply import Failed
from mockserver.core.timeline import Timing
from tests.core.answering import asked, assert_legal, assert_valid_response, dialect, reply, request

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40) | st.sampled_from(
    ["one two three", " lead", "trail  \n", '{"a":"b c","d":[1]}', "  ", "naïve 日本語 👩‍👩‍👧"]
)
CITATION = st.builds(
    lambda end: {"type": "url_citation", "url": "https://a.example/", "end_index": end}, st.integers(0, 50)
)
OUTPUT_TEXT = st.builds(
    lambda text, cited: {"type": "output_text", "text": text, "annotations": cited},
    TEXTS,
    st.lists(CITATION, max_size=3),
)
REFUSAL = st.builds(lambda text: {"type": "refusal", "refusal": text}, TEXTS)
PROTOCOL_ERROR = {"type": "mcp_protocol_error", "code": 1, "message": "m"}
ITEM: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(lambda parts: {"type": "message", "content": parts}, st.lists(OUTPUT_TEXT | REFUSAL, max_size=3)),
    st.builds(
        lambda summary, content: {"type": "reasoning", "summary": summary, "content": content},
        st.lists(TEXTS, max_size=2),
        st.lists(TEXTS, max_size=2),
    ),
    st.builds(lambda text: {"type": "function_call", "name": "f", "arguments": text}, TEXTS),
    st.builds(lambda text: {"type": "custom_tool_call", "name": "f", "input": text}, TEXTS),
    st.builds(lambda text: {"type": "code_interpreter_call", "code": text}, TEXTS),
    st.builds(
        lambda images: {"type": "image_generation_call", "result": "aGk=", "partial_images": images},
        st.lists(st.just("aGk="), max_size=3),
    ),
    st.builds(
        lambda text, error: {
            "type": "mcp_call",
            "arguments": text,
            "error": error,
            "status": "failed" if error else "completed",
        },
        TEXTS,
        st.sampled_from([None, PROTOCOL_ERROR]),
    ),
    st.builds(lambda error: {"type": "mcp_list_tools", "error": error}, st.sampled_from([None, "down"])),
    st.sampled_from(sorted(KINDS)).map(lambda kind: {"type": kind}),
)
ITEMS = st.lists(ITEM, max_size=4)
CHUNK = st.sampled_from(["word", "char", "whole", 3])
OFTEN = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def answer(items: Sequence[Mapping[str, Any]], name: str = "standard", **modifiers: Any) -> Any:
    """Return the answer that these unfinished items make in a dialect."""
    question = asked(speaks=dialect(name))
    return compose(complete(items, question), reply(**modifiers), question)


def data(event: Event) -> Mapping[str, Any]:
    """Return the event's document."""
    assert isinstance(event.data, Mapping)
    return event.data


def types(events: Sequence[Event]) -> list[str]:
    """Return the events' short names, a run of the same one written once."""
    return [name for name, _ in groupby(event.type.removeprefix("response.") for event in events)]


@OFTEN
@given(ITEMS, CHUNK, st.sampled_from(["standard", "reference", "openai"]))
def test_every_stream_is_legal(items: list[dict[str, Any]], chunk: Any, name: str) -> None:
    """Any items, in any dialect: valid events in a legal order, and the terminal holds the JSON answer."""
    made = answer(items, name, timing=Timing(chunk=chunk))
    assert_legal(made.events, dialect(name))
    assert_valid_response(made.response, dialect(name))
    assert made.events[-1].type == "response.completed"
    assert data(made.events[-1])["response"] == made.response
    done = [data(event)["item"] for event in made.events if event.type == "response.output_item.done"]
    assert done == made.response["output"]


@OFTEN
@given(ITEMS, CHUNK)
def test_deltas_add_up(items: list[dict[str, Any]], chunk: Any) -> None:
    """The deltas of every text, joined, are what its done event says."""
    sent: dict[tuple[Any, ...], str] = {}
    for event in answer(items, timing=Timing(chunk=chunk)).events:
        row, document = EVENTS[event.type], data(event)
        place = tuple(document.get(key) for key in ("output_index", "content_index", "summary_index"))
        if row.delta:
            assert event.delta == document[row.delta]
            sent[row.type, *place] = sent.get((row.type, *place), "") + document[row.delta]
        elif row.whole:
            assert sent.get((row.closes, *place), "") == document[row.whole]
        elif event.type != "response.image_generation_call.partial_image":
            assert event.delta is None


@OFTEN
@given(ITEMS, st.integers(0, 12) | st.none(), st.sampled_from(["standard", "reference", "openai"]))
def test_failure_after_any_delta(items: list[dict[str, Any]], after: int | None, name: str) -> None:
    """A failed stream is legal, has just so many deltas, and its response holds what was sent of the output."""
    whole = answer(items, name)
    made = answer(items, name, failed=Failed("server_error", "It broke.", after))
    assert_legal(made.events, dialect(name))
    assert_valid_response(made.response, dialect(name))
    assert made.events[-1].type == "response.failed"
    assert made.response["status"] == "failed"
    assert made.response["error"] == {"code": "server_error", "message": "It broke."}
    deltas = [event.delta for event in whole.events if event.delta is not None]
    assert [event.delta for event in made.events if event.delta is not None] == deltas[:after]
    assert made.events[: len(made.events) - 1] != () or items == []
    opened = [event for event in made.events if event.type == "response.output_item.added"]
    assert len(made.response["output"]) == len(opened)


@OFTEN
@given(ITEMS)
def test_incomplete_sends_everything(items: list[dict[str, Any]]) -> None:
    """An incomplete stream has all deltas; the last item is incomplete where its type can be."""
    made = answer(items, incomplete="max_output_tokens")
    assert_legal(made.events, dialect())
    assert_valid_response(made.response, dialect())
    assert made.events[-1].type == "response.incomplete"
    assert made.response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert made.response["completed_at"] is None
    whole = [event.delta for event in answer(items).events]
    assert [event.delta for event in made.events] == whole
    if items and "incomplete" in KINDS[items[-1]["type"]].statuses:
        assert made.response["output"][-1]["status"] == "incomplete"


@OFTEN
@given(ITEMS, st.sampled_from([{}, {"incomplete": "content_filter"}, {"failed": Failed("server_error", "m", 2)}]))
def test_the_response_alone_is_the_same(items: list[dict[str, Any]], modifiers: dict[str, Any]) -> None:
    """What a plain JSON answer needs is what the stream ends with."""
    question = asked()
    finished = complete(items, question)
    assert final_response(finished, reply(**modifiers), question) == answer(items, **modifiers).response


@settings(max_examples=100, deadline=None)
@given(TEXTS, CHUNK, st.booleans())
def test_pieces_join_to_the_text(text: str, chunk: Any, prose: bool) -> None:
    """However a text is cut, nothing is lost and no piece is empty."""
    cut = pieces(text, chunk, prose)
    assert "".join(cut) == text
    assert all(cut)


@pytest.mark.parametrize(
    ("text", "chunk", "prose", "cut"),
    [
        ("one two three", "word", True, ["one", " two", " three"]),
        (" one  two \n", "word", True, [" one", "  two \n"]),
        ("   ", "word", True, ["   "]),
        ("", "word", True, []),
        ("don't split, please.", "word", True, ["don't", " split,", " please."]),
        ('{"city":"Paris"}', "word", False, ['{"', "city", '":"', "Paris", '"}']),
        ('{"city":"New York"}', "word", True, ['{"', "city", '":"', "New", " York", '"}']),
        ("x = 1", "word", False, ["x", " =", " 1"]),
        ("añb", "char", True, ["a", "ñ", "b"]),
        ("abcdefg", 3, True, ["abc", "def", "g"]),
        ("one two", "whole", True, ["one two"]),
    ],
)
def test_how_text_is_cut(text: str, chunk: Any, prose: bool, cut: list[str]) -> None:
    """Words for people, signs for machines, characters and lengths as asked."""
    assert pieces(text, chunk, prose) == cut


def test_cutting_stays_linear() -> None:
    """A megabyte of white space, which a template may bring in, is cut at once."""
    text = " " * 1_000_000
    assert pieces(text, "word") == [text]
    assert len(pieces(f"a{text}b{text}", "word")) == 2


ORDERS = [
    (
        {"type": "message", "content": "one two"},
        "output_item.added content_part.added output_text.delta output_text.done content_part.done output_item.done",
    ),
    (
        {"type": "message", "content": [{"type": "refusal", "refusal": "no"}]},
        "output_item.added content_part.added refusal.delta refusal.done content_part.done output_item.done",
    ),
    ({"type": "message", "content": []}, "output_item.added output_item.done"),
    ({"type": "reasoning"}, "output_item.added output_item.done"),
    (
        {"type": "reasoning", "summary": "a b"},
        "output_item.added reasoning_summary_part.added reasoning_summary_text.delta reasoning_summary_text.done "
        "reasoning_summary_part.done output_item.done",
    ),
    (
        {"type": "reasoning", "content": "a b"},
        "output_item.added content_part.added reasoning_text.delta reasoning_text.done content_part.done "
        "output_item.done",
    ),
    (
        {"type": "function_call", "arguments": '{"a":1}'},
        "output_item.added function_call_arguments.delta function_call_arguments.done output_item.done",
    ),
    (
        {"type": "custom_tool_call", "input": "a"},
        "output_item.added custom_tool_call_input.delta custom_tool_call_input.done output_item.done",
    ),
    (
        {"type": "web_search_call"},
        "output_item.added web_search_call.in_progress web_search_call.searching web_search_call.completed "
        "output_item.done",
    ),
    (
        {"type": "file_search_call"},
        "output_item.added file_search_call.in_progress file_search_call.searching file_search_call.completed "
        "output_item.done",
    ),
    (
        {"type": "code_interpreter_call", "code": "1"},
        "output_item.added code_interpreter_call.in_progress code_interpreter_call_code.delta "
        "code_interpreter_call_code.done code_interpreter_call.interpreting code_interpreter_call.completed "
        "output_item.done",
    ),
    (
        {"type": "image_generation_call", "partial_images": ["aGk=", "aGk="]},
        "output_item.added image_generation_call.in_progress image_generation_call.generating "
        "image_generation_call.partial_image image_generation_call.completed output_item.done",
    ),
    (
        {"type": "mcp_list_tools"},
        "output_item.added mcp_list_tools.in_progress mcp_list_tools.completed output_item.done",
    ),
    (
        {"type": "mcp_call", "arguments": "{}"},
        "output_item.added mcp_call.in_progress mcp_call_arguments.delta mcp_call_arguments.done mcp_call.completed "
        "output_item.done",
    ),
    (
        {"type": "mcp_call", "arguments": "{}", "status": "failed", "error": PROTOCOL_ERROR},
        "output_item.added mcp_call.in_progress mcp_call_arguments.delta mcp_call_arguments.done mcp_call.failed "
        "output_item.done",
    ),
    ({"type": "compaction", "encrypted_content": "x"}, "output_item.added output_item.done"),
]


@pytest.mark.parametrize(("item", "order"), ORDERS, ids=lambda value: value["type"] if isinstance(value, dict) else "")
def test_order_of_each_item(item: dict[str, Any], order: str) -> None:
    """Each item runs in the order that the live service sends."""
    assert types(answer([item]).events) == ["created", "in_progress", *order.split(), "completed"]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_added_items_are_open(kind: str) -> None:
    """An item is added with an allowed status, in progress where its type can be, and still blank."""
    added = next(
        data(event)["item"] for event in answer([{"type": kind}]).events if event.type == "response.output_item.added"
    )
    if KINDS[kind].statuses:
        assert added["status"] in KINDS[kind].statuses
        assert added["status"] == "in_progress" or "in_progress" not in KINDS[kind].statuses


def test_reference_dialect_leaves_out_what_it_lacks() -> None:
    """21 types: a web search comes as an item alone, numbered without gaps."""
    made = answer([{"type": "web_search_call"}, {"type": "reasoning", "summary": "a"}], "reference")
    assert types(made.events) == [
        "created",
        "in_progress",
        "output_item.added",
        "output_item.done",
        "output_item.added",
        "output_item.done",
        "completed",
    ]
    assert made.response["output"][1]["summary"][0]["text"] == "a"


def test_annotations_follow_the_text_they_end_in() -> None:
    """Each is told once the text it speaks of has been sent, in order, the rest before the text is done."""
    cited = [{"type": "url_citation", "url": "u", "end_index": end} for end in (3, 1, 7, 99)]
    part = {"type": "output_text", "text": "one two three", "annotations": cited}
    made = answer([{"type": "message", "content": [part]}])
    told = [
        event.delta or data(event)["annotation_index"]
        for event in made.events
        if "output_text.delta" in event.type or "annotation" in event.type
    ]
    assert told == ["one", 0, 1, " two", 2, " three", 3]


def test_partial_images_are_streamed_and_not_kept() -> None:
    """The images shown first are events; the finished item does not have them."""
    item = {"type": "image_generation_call", "result": "cg==", "size": "1x1", "partial_images": ["YQ==", "Yg=="]}
    made = answer([item])
    shown = [data(event) for event in made.events if event.type.endswith("partial_image")]
    assert [(each["partial_image_index"], each["partial_image_b64"], each["size"]) for each in shown] == [
        (0, "YQ==", "1x1"),
        (1, "Yg==", "1x1"),
    ]
    assert "partial_images" not in made.response["output"][0]


def test_failed_keeps_the_text_so_far() -> None:
    """Three words, then the end: the message is incomplete and holds them."""
    made = answer(
        [{"type": "message", "content": "a b c d"}, {"type": "function_call"}],
        failed=Failed("server_error", "The model broke.", 3),
    )
    [message] = made.response["output"]
    assert message["status"] == "incomplete"
    assert message["content"] == [{"type": "output_text", "text": "a b c", "annotations": [], "logprobs": []}]
    assert types(made.events) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "failed",
    ]


def test_failed_closes_what_was_whole() -> None:
    """After its last delta an item is finished; what comes after is never begun."""
    items = [{"type": "message", "content": "a b"}, {"type": "message", "content": "c"}]
    made = answer(items, failed=Failed("server_error", "m", 2))
    assert [item["status"] for item in made.response["output"]] == ["completed"]
    assert types(made.events)[-2:] == ["output_item.done", "failed"]


def test_failed_before_anything() -> None:
    """After no delta nothing was begun."""
    made = answer([{"type": "web_search_call"}, {"type": "message", "content": "a"}], failed=Failed("x", "m", 0))
    assert types(made.events) == ["created", "in_progress", "failed"]
    assert made.response["output"] == []


def test_background_streams_are_queued_first() -> None:
    """Only a background response is queued, and says so from the start."""
    question = asked(request(background=True))
    events = compose([], reply(), question).events
    assert [event.type for event in events[:3]] == ["response.created", "response.queued", "response.in_progress"]
    assert [data(event)["response"]["status"] for event in events[:3]] == ["queued", "queued", "in_progress"]
    assert_legal(events, dialect())


OBFUSCATING = Dialect("obfuscating", Quirks(obfuscation=True), SCHEMA_TYPES, dialect().load)


@pytest.mark.parametrize(
    ("options", "hidden"),
    [(None, True), ({}, True), ({"include_obfuscation": True}, True), ({"include_obfuscation": False}, False)],
)
def test_obfuscation_is_a_quirk_that_can_be_switched_off(options: Any, hidden: bool) -> None:
    """Deltas carry a drawn string, the same for the same request, unless the request declines."""
    question = asked(request(stream_options=options), OBFUSCATING)
    items = complete([{"type": "message", "content": "a b"}], question)
    events = compose(items, reply(), question).events
    drawn = [data(event).get("obfuscation") for event in events if event.delta is not None]
    assert [each is not None for each in drawn] == [hidden, hidden]
    assert len(set(drawn)) == (2 if hidden else 1)
    assert events == compose(items, reply(), question).events
    assert_legal(events, OBFUSCATING)


def test_a_patch_that_fails_keeps_the_diff_so_far() -> None:
    """Text that stands deeper in an item is kept too; a type that cannot be incomplete is still in progress."""
    patch = {"type": "apply_patch_call", "operation": {"type": "create_file", "path": "a", "diff": "+one +two +three"}}
    made = answer([patch], "openai", failed=Failed("server_error", "m", 2), timing=Timing(chunk=5))
    [item] = made.response["output"]
    assert item["operation"] == {"type": "create_file", "path": "a", "diff": "+one +two "}
    assert item["status"] == "in_progress"


def test_an_annotation_before_the_failure_is_kept() -> None:
    """What was told of a text before the end is in the output so far."""
    cited = [{"type": "url_citation", "url": "u", "end_index": 3}]
    part = {"type": "output_text", "text": "one two", "annotations": cited}
    made = answer([{"type": "message", "content": [part]}], failed=Failed("server_error", "m", 1))
    [message] = made.response["output"]
    assert message["content"][0]["text"] == "one"
    assert [each["url"] for each in message["content"][0]["annotations"]] == ["u"]


@OFTEN
@given(ITEMS)
def test_events_tell_their_items(items: list[dict[str, Any]]) -> None:
    """Reading a whole stream back gives the output."""
    made = answer(items)
    assert output_so_far(made.events) == made.response["output"]


@pytest.mark.parametrize("chunk", ["word", "char", 1, 3])
@pytest.mark.parametrize("length", [200_000, 3_000_000], ids=["long", "very long"])
def test_a_text_of_megabytes_has_bounded_deltas(chunk: Literal["word", "char"] | int, length: int) -> None:
    """A rule may say back what a client said."""
    text = "ab c" * (length // 4)
    cut = pieces(text, chunk)
    assert "".join(cut) == text
    assert MOST_DELTAS / 4 < len(cut) <= MOST_DELTAS
