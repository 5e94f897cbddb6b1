"""The tables agree with the official client, legal streams built from the tables pass, and each breach is named."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, get_args

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from openai.types.responses import ResponseStreamEvent

from mockserver.core.grammar.event_types import INDEX
from mockserver.core.grammar.sequence import (
    EVENTS,
    ITEM_ROWS,
    SCHEMA_TYPES,
    TERMINALS,
    Extras,
    Parts,
    Signal,
    Text,
    check,
    full_name,
    has_failed,
    opened,
    row_of,
    similar_name,
    step_types,
)

Events = list[dict[str, Any]]
CLIENT: Final = {
    get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(get_args(ResponseStreamEvent)[0])
}

# ---------------------------------------------------------------------------------------------------------- tables


def test_table_has_exactly_the_types_of_the_official_client() -> None:
    """59 types, and the two that only live traffic has are marked."""
    assert set(CLIENT) == SCHEMA_TYPES
    assert len(SCHEMA_TYPES) == 59
    assert {name for name, row in EVENTS.items() if not row.in_schema} == {
        "response.apply_patch_call_operation_diff.delta",
        "response.apply_patch_call_operation_diff.done",
    }


WIDER: Final = {
    "error": {"code", "param"},  # nullable in the published schema, optional in the client
    "response.output_text.annotation.added": {"annotation"},  # likewise
}


@pytest.mark.parametrize("name", sorted(SCHEMA_TYPES))
def test_required_fields_are_those_of_the_official_client(name: str) -> None:
    """What the table requires is what the client requires, but for the allow-list."""
    fields = CLIENT[name].model_fields
    required = {key for key, value in fields.items() if value.is_required()} - {"type", "sequence_number"}
    assert set(EVENTS[name].required) - WIDER.get(name, set()) == required - WIDER.get(name, set())
    assert {*EVENTS[name].required, *EVENTS[name].optional} - {"name"} <= set(fields) | {"obfuscation"}


@pytest.mark.parametrize("row", EVENTS.values(), ids=lambda row: str(row.short))
def test_a_row_names_only_its_own_fields(row: Any) -> None:
    """Delta, whole, main and defaults are required fields of the event; what it closes is a delta of the same stem."""
    for key in (row.delta, row.whole, row.main, *row.defaults):
        assert key is None or key in row.required
    if row.scope in INDEX:
        assert INDEX[row.scope] in row.required
    if row.closes:
        assert EVENTS[row.closes].delta
        assert EVENTS[row.closes].scope == row.scope


@pytest.mark.parametrize(("kind", "row"), ITEM_ROWS.items(), ids=ITEM_ROWS)
def test_item_rows_name_events_that_belong_to_the_item(kind: str, row: Any) -> None:
    """Every step speaks in event types whose table row lists the item type."""
    for step in row.steps:
        texts = step.texts.values() if isinstance(step, Parts) else [step] if isinstance(step, Text) else []
        names = [*step_types(step), *(name for text in texts for name in (text.delta, text.done, *text.interleaved))]
        if isinstance(step, Extras):
            names.append(step.type)
        for name in names:
            assert kind in EVENTS[name].items


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("created", "response.created"),
        ("response.created", "response.created"),
        ("output_text.delta", "response.output_text.delta"),
        ("error", "error"),
        ("response.error", None),
        ("output_text", None),
        ("", None),
    ],
)
def test_names_are_understood_short_and_full(spelling: str, name: str | None) -> None:
    """`response.` may be left out."""
    assert full_name(spelling) == name


def test_a_misspelt_name_gets_the_nearest() -> None:
    """Hints are short names."""
    assert similar_name("output_text.dleta") == "output_text.delta"
    assert similar_name("response.complete") == "completed"
    assert similar_name("zzz") is None


def test_an_opened_item_is_blank_and_in_progress() -> None:
    """What will be streamed is not there yet, the rest is."""
    call = {"type": "function_call", "id": "fc", "name": "f", "arguments": "{}", "status": "completed"}
    assert opened(call) == {**call, "arguments": "", "status": "in_progress"}
    assert opened({"type": "reasoning", "id": "rs", "summary": [1]}) == {"type": "reasoning", "id": "rs", "summary": []}
    patch = {"type": "apply_patch_call", "operation": {"type": "create_file", "path": "a", "diff": "+x"}}
    assert opened(patch)["operation"] == {"type": "create_file", "path": "a", "diff": ""}
    assert patch["operation"]["diff"] == "+x"  # type: ignore[index]  # the value is a dict here


def test_failure_is_read_from_status_or_error() -> None:
    """`mcp_list_tools` has no status: its error tells."""
    assert has_failed({"status": "failed"})
    assert has_failed({"error": {"code": 1}})
    assert not has_failed({"error": None})
    assert not has_failed({"status": "completed", "error": "x"})


# ------------------------------------------------------------------------------------------- streams from the table


def item_events(item: Mapping[str, Any], index: int, cut: Callable[[str], list[str]], extras: int = 0) -> Events:
    """Walk the row of a finished item."""
    who = {"item_id": item.get("id"), "output_index": index}
    events: Events = [{"type": "response.output_item.added", "output_index": index, "item": opened(item)}]

    def texts(text: Text, holder: Mapping[str, Any], where: Mapping[str, Any]) -> None:
        whole = text.read(holder)
        for piece in cut(whole):
            events.append({"type": text.delta, **where, "delta": piece})
            events.extend(
                {"type": name, **where, "annotation_index": 0, "annotation": {}} for name in text.interleaved[:extras]
            )
        events.append({"type": text.done, **where, EVENTS[text.done].whole or "": whole})

    for step in row_of(item).steps:
        match step:
            case Signal():
                if (name := step.told_of(item)) is not None:
                    events.append({"type": name, **who})
            case Text():
                texts(step, item, who)
            case Parts():
                for number, part in enumerate(item.get(step.field) or ()):
                    where = {**who, step.index: number}
                    events.append({"type": step.added, **where, "part": step.opened(part)})
                    if part["type"] in step.texts:
                        texts(step.texts[part["type"]], part, where)
                    events.append({"type": step.done, **where, "part": part})
            case Extras():
                for number in range(extras):
                    events.append(
                        {"type": step.type, **who, "partial_image_index": number, "partial_image_b64": "aGk="}
                    )
    events.append({"type": "response.output_item.done", "output_index": index, "item": dict(item)})
    return events


def whole_stream(body: Sequence[Mapping[str, Any]], output: list[Any], last: str = "response.completed") -> Events:
    """Put the life cycle around item events, and number everything."""

    def life(name: str, status: str, items: list[Any]) -> dict[str, Any]:
        return {"type": name, "response": {"id": "resp_1", "status": status, "output": items}}

    events = [
        life("response.created", "in_progress", []),
        life("response.in_progress", "in_progress", []),
        *(dict(event) for event in body),
        life(last, TERMINALS[last], output),
    ]
    return numbered(events)


def numbered(events: Sequence[Mapping[str, Any]]) -> Events:
    """Count the events anew."""
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def in_two(text: str) -> list[str]:
    """Cut a text into halves; the empty text has no pieces."""
    half = len(text) // 2
    return [piece for piece in (text[:half], text[half:]) if piece]


texts = st.text(max_size=12)
parts = st.one_of(
    st.fixed_dictionaries({"type": st.just("output_text"), "text": texts, "annotations": st.just([])}),
    st.fixed_dictionaries({"type": st.just("refusal"), "refusal": texts}),
)
SHAPES: Final[dict[str, dict[str, Any]]] = {
    "message": {"role": st.just("assistant"), "content": st.lists(parts, max_size=3)},
    "reasoning": {
        "summary": st.lists(st.fixed_dictionaries({"type": st.just("summary_text"), "text": texts}), max_size=2),
        "content": st.lists(st.fixed_dictionaries({"type": st.just("reasoning_text"), "text": texts}), max_size=2),
    },
    "function_call": {"name": texts, "arguments": texts},
    "custom_tool_call": {"name": texts, "input": texts},
    "apply_patch_call": {
        "operation": st.fixed_dictionaries({"type": st.just("create_file"), "path": texts, "diff": texts})
    },
    "web_search_call": {"action": st.just({"type": "search", "query": "q"})},
    "file_search_call": {"queries": st.just(["q"])},
    "code_interpreter_call": {"code": texts},
    "image_generation_call": {"result": st.just("aGk=")},
    "mcp_list_tools": {"tools": st.just([]), "error": st.sampled_from([None, {"message": "no"}])},
    "mcp_call": {"arguments": texts},
    "compaction": {"encrypted_content": texts},
    "computer_call": {"call_id": texts},
}
WITHOUT_STATUS: Final = {"reasoning", "mcp_list_tools", "compaction"}


@st.composite
def items(draw: st.DrawFn) -> dict[str, Any]:
    """One finished item of any type, with a row or without; those that may fail sometimes do."""
    kind = draw(st.sampled_from(sorted(SHAPES)))
    item = {"type": kind, **draw(st.fixed_dictionaries(SHAPES[kind]))}
    if kind not in WITHOUT_STATUS:
        may_fail = kind in ("web_search_call", "image_generation_call", "mcp_call")
        item["status"] = draw(st.sampled_from(["completed", "failed"])) if may_fail else "completed"
    return item


@st.composite
def streams(draw: st.DrawFn) -> Events:
    """A legal stream: any items, interleaved, with events of no fixed place between."""
    output = draw(st.lists(items(), min_size=1, max_size=4))
    extras = draw(st.integers(0, 1))
    runs = [item_events({**item, "id": f"item_{index}"}, index, in_two, extras) for index, item in enumerate(output)]
    finals = [run[-1]["item"] for run in runs]
    body: Events = [runs[0].pop(0)]
    opened_runs = 1
    while any(runs):
        choices = [number for number in range(opened_runs) if runs[number]]
        if opened_runs < len(runs):
            choices.append(opened_runs)
        number = draw(st.sampled_from(choices))
        opened_runs = max(opened_runs, number + 1)
        body.append(runs[number].pop(0))
        if draw(st.integers(0, 9)) == 0:
            body.append(draw(st.sampled_from(ANYWHERE)))
    return whole_stream(body, finals)


ANYWHERE: Final = [
    {"type": "response.audio.delta", "delta": "aGk="},
    {"type": "response.audio.transcript.done"},
    {"type": "error", "code": None, "message": "odd", "param": None},
]
quick = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(streams())
def test_streams_built_from_the_table_are_legal(stream: Events) -> None:
    """Builder and checker read the same rows."""
    assert check(stream, types=EVENTS.keys()) == ()
    assert check(stream) == ()


def is_loose(event: Mapping[str, Any]) -> bool:
    """Say whether an event may be left out or repeated without breaking anything."""
    row = EVENTS[event["type"]]
    return (row.scope == "free" and not row.whole) or row.short in (
        "output_text.annotation.added",
        "image_generation_call.partial_image",
    )


@quick
@given(streams(), st.data())
def test_leaving_out_or_repeating_an_event_is_noticed(stream: Events, data: st.DataObject) -> None:
    """Every event but the loose ones is needed exactly once, even when the rest is numbered without a gap.

    Items that failed may leave out steps, so theirs are not touched.
    """
    failed = {event["output_index"] for event in stream if has_failed(event.get("item", {}))}
    spots = [n for n, event in enumerate(stream) if not is_loose(event) and event.get("output_index") not in failed]
    index = data.draw(st.sampled_from(spots))
    assert check(numbered(stream[:index] + stream[index + 1 :]), types=EVENTS.keys())
    assert check(numbered(stream[: index + 1] + stream[index:]), types=EVENTS.keys())


@quick
@given(streams(), st.data())
def test_swapping_neighbours_of_one_item_is_noticed(stream: Events, data: st.DataObject) -> None:
    """Inside an item the order is fixed, but for equal deltas and loose events."""
    pairs = [
        n
        for n, (one, two) in enumerate(pairwise(stream))
        if one["type"] != two["type"]
        and one.get("output_index") == two.get("output_index")
        and EVENTS[one["type"]].short != "output_text.annotation.added"
        and "free" not in (EVENTS[one["type"]].scope, EVENTS[two["type"]].scope)
        and EVENTS[two["type"]].short != "output_text.annotation.added"
    ]
    index = data.draw(st.sampled_from(pairs))
    swapped = [*stream[:index], stream[index + 1], stream[index], *stream[index + 2 :]]
    assert check(numbered(swapped), types=EVENTS.keys())


@quick
@given(streams(), st.data())
def test_a_changed_text_is_noticed(stream: Events, data: st.DataObject) -> None:
    """Deltas, the done text, the part and the item all tell the same text."""
    spots = [n for n, event in enumerate(stream) if EVENTS[event["type"]].delta or EVENTS[event["type"]].whole]
    spots = [n for n in spots if EVENTS[stream[n]["type"]].scope != "free"]
    assume(spots)
    changed = copy.deepcopy(stream)
    event = changed[data.draw(st.sampled_from(spots))]
    row = EVENTS[event["type"]]
    event[row.delta or row.whole or ""] += "!"
    assert {problem.code for problem in check(changed, types=EVENTS.keys())} & {"text_differs", "item_differs"}


@quick
@given(streams())
def test_every_prefix_lacks_its_end(stream: Events) -> None:
    """A stream that is cut off has no terminal."""
    for length in range(len(stream)):
        assert "no_terminal" in {problem.code for problem in check(stream[:length])}


# ------------------------------------------------------------------------------------------------- each rule by hand

MESSAGE: Final = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Hello", "annotations": []}],
}
STREAM: Final = whole_stream(item_events(MESSAGE, 0, in_two), [MESSAGE])
# 0 created, 1 in_progress, 2 item.added, 3 part.added, 4 He, 5 llo, 6 text.done, 7 part.done, 8 item.done, 9 completed


def changed(index: int, **fields: Any) -> Events:
    """Return the plain stream with other fields in one event; None takes the field away."""
    stream = copy.deepcopy(STREAM)
    stream[index] = {key: value for key, value in {**stream[index], **fields}.items() if value is not None}
    return stream


def without(*indexes: int) -> Events:
    """Return the plain stream less some events, numbered anew."""
    return numbered([event for number, event in enumerate(STREAM) if number not in indexes])


CASES: Final[list[tuple[str, Events, int, str, str]]] = [
    ("nothing at all", [], 0, "no_terminal", "ends without"),
    ("a gap in the numbers", changed(4, sequence_number=9), 4, "sequence", "is 9; expected 4"),
    ("a number that is no integer", changed(4, sequence_number="4"), 4, "sequence", "'4'; expected 4"),
    ("no number", changed(4, sequence_number=None), 4, "sequence", "sequence_number is missing; expected 4"),
    (
        "an unknown type",
        changed(4, type="response.output_text.detla"),
        4,
        "unknown_type",
        "did you mean `output_text.d",
    ),
    ("no created", without(0), 0, "wrong_order", "after nothing"),
    ("an item first", without(0, 1), 0, "not_created", "expected `created`"),
    ("no in_progress", without(1), 1, "too_early", "before `in_progress`"),
    ("created twice", numbered([STREAM[0], *STREAM]), 1, "wrong_order", "only as the first"),
    ("two terminals", numbered([*STREAM, STREAM[-1]]), 10, "after_terminal", "which ends the stream"),
    ("no terminal", without(9), 8, "no_terminal", "ends without"),
    (
        "a status that does not fit",
        changed(9, response={**STREAM[9]["response"], "status": "failed"}),
        9,
        "wrong_status",
        "'failed'; expected completed",
    ),
    (
        "another response",
        changed(9, response={**STREAM[9]["response"], "id": "x"}),
        9,
        "wrong_response",
        "expected 'resp_1'",
    ),
    ("no delta field", changed(4, delta=None), 4, "missing_field", "lacks `delta`"),
    ("an index ahead", changed(2, output_index=3), 2, "wrong_index", "is 3; expected 0"),
    ("an item unknown", changed(4, output_index=3), 4, "item_not_open", "item 3 is not open"),
    ("an item closed", numbered([*STREAM[:9], STREAM[8], STREAM[9]]), 9, "item_not_open", "already closed"),
    ("another item's id", changed(4, item_id="msg_2"), 4, "wrong_item", "expected 'msg_1'"),
    ("an item of the wrong type", changed(4, type="response.refusal.delta"), 4, "wrong_part", "`output_text`"),
    (
        "an event of another item type",
        changed(4, type="response.mcp_call.in_progress"),
        4,
        "wrong_item",
        "belongs to `mcp_call` items",
    ),
    (
        "an id twice",
        numbered([*STREAM[:3], {**STREAM[2], "output_index": 1}, *STREAM[3:]]),
        3,
        "duplicate_item",
        "msg_1",
    ),
    ("an item left open", without(8), 8, "item_unfinished", "not closed"),
    ("no part", without(3), 3, "part_not_open", "expected `content_part.added`"),
    ("a part left open", without(7), 7, "item_unfinished", "`content_part.done` for content_index 0"),
    ("a part out of turn", changed(3, content_index=1), 3, "wrong_part", "expected 0, the next"),
    ("another part's text", changed(4, content_index=1), 4, "wrong_part", "expected 0, the open"),
    ("a part inside a part", numbered([*STREAM[:4], *STREAM[3:]]), 4, "part_unfinished", "still open"),
    ("no done text", without(6), 6, "part_unfinished", "`output_text.done`"),
    (
        "a text that does not add up",
        changed(4, delta="Ha"),
        6,
        "text_differs",
        "'Hello'; expected what was streamed, 'Hallo'",
    ),
    ("a delta after its end", numbered([*STREAM[:7], STREAM[5], *STREAM[7:]]), 7, "after_done", "already closed"),
    (
        "another part at the end",
        changed(7, part={"type": "output_text", "text": "Bye", "annotations": []}),
        7,
        "part_differs",
        "holds 'Bye'",
    ),
    ("a part of another type", changed(7, part={"type": "refusal", "refusal": ""}), 7, "part_differs", "`output_text`"),
    ("an item with other parts", changed(8, item={**MESSAGE, "content": []}), 8, "item_differs", "has 0 parts; 1"),
    ("an item of another id", changed(8, item={**MESSAGE, "id": "msg_2"}), 8, "item_differs", "id 'msg_1'"),
    (
        "another output",
        changed(9, response={**STREAM[9]["response"], "output": [{**MESSAGE, "role": "x", "more": 1}]}),
        9,
        "output_differs",
        "in `role`, `more`",
    ),
    (
        "no output",
        changed(9, response={**STREAM[9]["response"], "output": []}),
        9,
        "output_differs",
        "has 0 output items",
    ),
    (
        "output of another kind",
        changed(9, response={**STREAM[9]["response"], "output": [1]}),
        9,
        "output_differs",
        "no object",
    ),
]


@pytest.mark.parametrize(
    ("stream", "index", "code", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_each_breach_is_named_at_its_event(stream: Events, index: int, code: str, words: str) -> None:
    """The problem carries the event's place, a rule name and what was expected."""
    found = [problem for problem in check(stream) if (problem.index, problem.code) == (index, code)]
    assert found, [*map(str, check(stream))]
    assert any(words in problem.message for problem in found)
    assert str(found[0]).startswith(f"event {index}: ")


SEARCH: Final = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
SEARCHING: Final = whole_stream(item_events(SEARCH, 0, in_two), [SEARCH])


@pytest.mark.parametrize(
    ("order", "code", "words"),
    [
        ([0, 1, 2, 4, 3, 5, 6, 7], "wrong_order", "`web_search_call.searching` came too early"),
        ([0, 1, 2, 3, 5, 6, 7], "wrong_order", "`web_search_call.searching` was expected and is missing"),
        ([0, 1, 2, 3, 4, 6, 7], "item_unfinished", "`web_search_call.completed` was expected and is missing"),
        ([0, 1, 2, 3, 4, 4, 5, 6, 7], "repeated", "already sent"),
    ],
)
def test_signals_run_in_the_order_of_the_row(order: list[int], code: str, words: str) -> None:
    """added, in_progress, searching, completed, done."""
    problems = check(numbered([SEARCHING[number] for number in order]))
    assert any(problem.code == code and words in problem.message for problem in problems), problems


def test_an_item_that_failed_or_stayed_incomplete_may_leave_out_the_rest() -> None:
    """What was begun must still be closed."""
    item = {**MESSAGE, "status": "incomplete", "content": []}
    assert check(whole_stream(item_events(item, 0, in_two), [item], "response.incomplete")) == ()
    search = {**SEARCH, "status": "failed"}
    short = [event for event in item_events(search, 0, in_two) if event["type"] != "response.web_search_call.searching"]
    assert check(whole_stream(short, [search])) == ()
    half = [event for event in STREAM[2:9] if event["type"] != "response.content_part.done"]
    half[-1] = {**half[-1], "item": {**MESSAGE, "status": "incomplete"}}
    codes = {problem.code for problem in check(whole_stream(half, [half[-1]["item"]], "response.incomplete"))}
    assert "item_unfinished" in codes


def test_a_failed_response_may_break_off_anywhere() -> None:
    """Also right after `created`; what was finished must agree with the output all the same."""
    failed = {"type": "response.failed", "response": {"id": "resp_1", "status": "failed", "output": []}}
    assert check(numbered([STREAM[0], failed])) == ()
    assert check(numbered([*STREAM[:5], failed])) == ()
    assert check(numbered([*STREAM[:9], {**failed, "response": {**failed["response"], "output": [MESSAGE]}}])) == ()  # type: ignore[dict-item]  # a dict
    other = {**MESSAGE, "role": "user"}
    problems = check(numbered([*STREAM[:9], {**failed, "response": {**failed["response"], "output": [other]}}]))  # type: ignore[dict-item]  # a dict
    assert [problem.code for problem in problems] == ["output_differs"]


def test_a_background_response_is_queued_before_it_is_in_progress() -> None:
    """created (queued), queued, in_progress; never later."""
    created = {**STREAM[0], "response": {**STREAM[0]["response"], "status": "queued"}}
    queued = {**created, "type": "response.queued"}
    assert check(numbered([created, queued, *STREAM[1:]])) == ()
    late = check(numbered([STREAM[0], STREAM[1], queued, *STREAM[2:]]))
    assert [problem.code for problem in late][:1] == ["wrong_order"]


def test_errors_may_stand_anywhere_after_created() -> None:
    """Flat as published or nested as seen live; before `created` it is too soon."""
    flat = {"type": "error", "code": None, "message": "m", "param": None}
    nested = {"type": "error", "error": {"type": "x", "code": "y", "message": "m", "param": None}}
    for error in (flat, nested):
        for place in range(1, len(STREAM)):
            assert check(numbered([*STREAM[:place], error, *STREAM[place:]])) == ()
        assert check(numbered([error, *STREAM]))


def test_only_the_steps_of_the_dialect_are_expected() -> None:
    """A dialect without search events opens and closes the item; one without diffs leaves the patch whole."""
    bare = numbered([SEARCHING[number] for number in (0, 1, 2, 6, 7)])
    assert check(bare)
    assert check(bare, types=SCHEMA_TYPES - {name for name in SCHEMA_TYPES if "web_search" in name}) == ()


def test_ciphers_may_differ_between_item_and_output() -> None:
    """The live service encrypts reasoning anew for the final response."""
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "one"}
    assert check(whole_stream(item_events(item, 0, in_two), [{**item, "encrypted_content": "two"}])) == ()


def test_commands_of_a_shell_call_add_up_each_on_its_own() -> None:
    """Events without a known order still carry texts that must add up."""
    call = {"type": "shell_call", "id": "sh_1", "status": "completed", "action": {"commands": ["ls", "pwd"]}}
    events = item_events(call, 0, in_two)

    def told(kind: str, index: int, **fields: Any) -> dict[str, Any]:
        return {"type": f"response.shell_call_command.{kind}", "output_index": 0, "command_index": index, **fields}

    body = [
        told("added", 0, command=""),
        told("added", 1, command=""),
        told("delta", 1, delta="pw"),
        told("delta", 0, delta="ls"),
        told("delta", 1, delta="d"),
        told("done", 0, command="ls"),
        told("done", 1, command="pwd"),
    ]
    assert check(whole_stream([events[0], *body, events[1]], [call])) == ()
    body[-1]["command"] = "pw"
    problems = check(whole_stream([events[0], *body, events[1]], [call]))
    assert [(problem.index, problem.code) for problem in problems] == [(9, "text_differs")]
