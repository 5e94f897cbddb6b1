"""The words in Python: each stands for what a rule file says, shows itself briefly, and its example works."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from datetime import timedelta
from typing import Any

import pytest

import mockserver
from mockserver import words
from mockserver.core.errors import RuleError
from mockserver.core.faults import FAULTS
from mockserver.core.items.shorthands import ITEMS
from mockserver.core.rulefiles.modifiers import TIMING
from mockserver.core.rules.matchers import MATCHERS
from mockserver.words import (
    Timing,
    all_of,
    any_of,
    auto,
    contains,
    cut,
    delay,
    equals,
    error,
    events,
    exists,
    file_search_call,
    function_call,
    glob,
    gt,
    gte,
    http,
    include,
    item,
    json_text,
    length,
    lt,
    lte,
    matches,
    mcp_call,
    message,
    not_,
    one_of,
    reasoning,
    refusal,
    reset,
    schema,
    stall,
    text,
    web_search_call,
)
from tests.doors.rehearsal import Rehearsal

FUNCTIONS = {
    name: found for name in words.__all__ if inspect.isfunction(found := getattr(words, name)) and name != "duration"
}


@pytest.mark.parametrize(
    ("word", "spec", "shown"),
    [
        (equals({"a": 1}), {"equals": {"a": 1}}, "equals({'a': 1})"),
        (equals([1, 2]), {"equals": [1, 2]}, "equals([1, 2])"),
        (contains("rain"), {"contains": "rain"}, "contains('rain')"),
        (contains("rain", "snow"), {"contains": ["rain", "snow"]}, "contains('rain', 'snow')"),
        (glob("gpt-*"), {"glob": "gpt-*"}, "glob('gpt-*')"),
        (matches("a+"), {"matches": "a+"}, "matches('a+')"),
        (one_of("a", 1), {"in": ["a", 1]}, "one_of('a', 1)"),
        (exists(), {"exists": True}, "exists(True)"),
        (exists(False), {"exists": False}, "exists(False)"),
        (gt(1), {"gt": 1}, "gt(1)"),
        (gte(1.5), {"gte": 1.5}, "gte(1.5)"),
        (lt(1), {"lt": 1}, "lt(1)"),
        (lte(1), {"lte": 1}, "lte(1)"),
        (length(3), {"length": 3}, "length(3)"),
        (include("a"), {"include": "a"}, "include('a')"),
        (include("a", "b"), {"include": ["a", "b"]}, "include('a', 'b')"),
        (schema({"type": "object"}), {"schema": {"type": "object"}}, "schema({'type': 'object'})"),
        (any_of("a", "b"), {"any_of": ["a", "b"]}, "any_of('a', 'b')"),
        (all_of(contains("a"), length(gt(2))), None, "all_of(contains('a'), length(gt(2)))"),
        (not_(glob("a*")), None, "not_(glob('a*'))"),
    ],
)
def test_a_matcher_is_what_a_rule_file_says_and_shows_itself_as_it_was_written(
    word: Any, spec: Any, shown: str
) -> None:
    assert isinstance(word, words.Matcher)
    assert spec is None or word.spec == spec
    assert repr(word) == shown


@pytest.mark.parametrize(
    ("word", "spec", "shown"),
    [
        (text("Hi"), {"message": "Hi"}, "text('Hi')"),
        (refusal("No."), {"refusal": "No."}, "refusal('No.')"),
        (refusal("No.", phase="commentary"), {"refusal": {"refusal": "No.", "phase": "commentary"}}, None),
        (json_text({"a": 1}), {"json": {"a": 1}}, "json_text({'a': 1})"),
        (message("Hi", id="m1"), {"message": {"text": "Hi", "id": "m1"}}, "message(text='Hi', id='m1')"),
        (reasoning("So."), {"reasoning": "So."}, "reasoning('So.')"),
        (reasoning(["a", "b"]), {"reasoning": ["a", "b"]}, None),
        (reasoning("So.", content="raw"), {"reasoning": {"summary": "So.", "content": "raw"}}, None),
        (reasoning(), {"reasoning": {}}, "reasoning()"),
        (
            function_call("create_user", {"name": "Bob"}, call_id="c1"),
            {"function_call": {"name": "create_user", "arguments": {"name": "Bob"}, "call_id": "c1"}},
            "function_call(name='create_user', arguments={'name': 'Bob'}, call_id='c1')",
        ),
        (web_search_call("rain"), {"web_search_call": "rain"}, None),
        (web_search_call(url="https://example.org"), {"web_search_call": {"url": "https://example.org"}}, None),
        (file_search_call("a", results=["b"]), {"file_search_call": {"queries": "a", "results": ["b"]}}, None),
        (mcp_call("wiki", "ask"), {"mcp_call": {"server_label": "wiki", "name": "ask"}}, None),
        (item("compaction", id="c"), {"type": "compaction", "id": "c"}, "item(type='compaction', id='c')"),
    ],
)
def test_an_item_is_an_entry_of_output(word: Any, spec: Any, shown: str | None) -> None:
    assert isinstance(word, words.Item)
    assert word.spec == spec
    assert shown is None or repr(word) == shown


@pytest.mark.parametrize(
    ("word", "spec"),
    [
        (error("rate_limit_exceeded"), {"error": "rate_limit_exceeded"}),
        (error("rate_limit_exceeded", retry_after=0.1), {"error": "rate_limit_exceeded", "retry_after": "100ms"}),
        (error("model_not_found", message="Gone."), {"error": {"name": "model_not_found", "message": "Gone."}}),
        (error(status=418, code=None, param="x"), {"error": {"status": 418, "code": None, "param": "x"}}),
        (error("a", fields={"limit": 3}), {"error": {"name": "a", "limit": 3}}),
        (http(204), {"http": {"status": 204}}),
        (
            http(200, {"a": 1}, headers={"x-a": "b"}),
            {"http": {"status": 200, "headers": {"x-a": "b"}, "body": {"a": 1}}},
        ),
        (http(503, b"down", retry_after=2), {"http": {"status": 503, "body": "down"}, "retry_after": "2000ms"}),
        (events("created", "completed"), {"events": ["created", "completed"]}),
        (
            events("created", {"at": 0.12, "output_text.delta": "Hi"}, fill=False),
            {"events": ["created", {"at": "120ms", "output_text.delta": "Hi"}], "fill": False},
        ),
        (auto(), {"auto": True}),
        (delay(2), {"delay": {"time": "2000ms"}}),
        (delay(timedelta(milliseconds=5), after={"events": 1}), {"delay": {"time": "5ms", "after": {"events": 1}}}),
        (stall(), {"stall": {}}),
        (stall(1, after={"time": 0.3}), {"stall": {"time": "1000ms", "after": {"time": "300ms"}}}),
        (cut(before="response.completed"), {"cut": {"before": "response.completed"}}),
        (reset(after={"deltas": 3}), {"reset": {"after": {"deltas": 3}}}),
        (
            Timing(first=0.3, every=0.025, jitter=0.005, chunk="char"),
            {"first": "300ms", "every": "25ms", "jitter": "5ms", "chunk": "char"},
        ),
        (Timing(tokens_per_second=40), {"tokens_per_second": 40}),
    ],
)
def test_answers_faults_and_timing_take_seconds_and_give_text_with_a_unit(word: Any, spec: Any) -> None:
    assert word.spec == spec


def test_values_show_themselves_briefly() -> None:
    assert repr(error("rate_limit_exceeded", retry_after=0.1)) == (
        "Answer(error='rate_limit_exceeded', retry_after='100ms')"
    )
    assert repr(reset(after={"deltas": 3})) == "reset(after={'deltas': 3})"
    assert repr(Timing(first=1)).startswith("Timing(first=1")
    assert len(repr(text("long " * 100))) < 80


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0ms"),
        (0.0001, "0.1ms"),
        (0.3, "300ms"),
        (1e-6, "0.001ms"),
        (2.5, "2500ms"),
        (3600, "3600000ms"),
        ("2s", "2s"),
    ],
)
def test_seconds_as_text(seconds: Any, written: str) -> None:
    assert words.duration(seconds, "delay()") == written


@pytest.mark.parametrize("wrong", [-1, float("inf"), float("nan"), True, None, [1]])
def test_what_is_no_time_is_refused_where_it_is_said(wrong: Any) -> None:
    with pytest.raises(RuleError, match=re.escape("delay(): expected a number of seconds, 0 or more, got ")):
        delay(wrong)


def test_a_body_that_is_no_text_is_refused() -> None:
    with pytest.raises(RuleError, match="UTF-8"):
        http(200, b"\xff")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: error("x", retry_afetr=1), "unknown argument `retry_afetr` of error(); did you mean `retry_after`?"),  # type: ignore[call-arg]
        (
            lambda: function_call("f", callid="c"),  # type: ignore[call-arg]
            "unknown argument `callid` of function_call(); did you mean `call_id`?",
        ),
        (lambda: Timing(frist=1), "unknown argument `frist` of Timing(); did you mean `first`?"),  # type: ignore[call-arg]
        (lambda: cut(when=1), "unknown argument `when` of cut(); known: after, before"),  # type: ignore[call-arg]
    ],
)
def test_a_misspelt_keyword_of_a_word_is_a_type_error_with_the_nearest_name(make: Any, told: str) -> None:
    with pytest.raises(TypeError) as raised:
        make()
    assert str(raised.value) == told


# Completeness: what a rule file can say, Python can say


def test_every_matcher_has_a_word() -> None:
    names = {"in": "one_of", "not": "not_"}
    assert {names.get(name, name) for name in MATCHERS} <= set(FUNCTIONS)


@pytest.mark.parametrize("name", ITEMS)
def test_every_shorthand_has_a_word_with_its_fields(name: str) -> None:
    taken = inspect.signature(FUNCTIONS[name]).parameters
    assert set(taken) == set(ITEMS[name].fields)


def test_every_fault_and_all_of_timing_have_words() -> None:
    assert set(FAULTS) <= set(FUNCTIONS)
    assert list(inspect.signature(Timing).parameters) == list(TIMING.keys)


# The public names


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_word_is_public_and_its_example_makes_a_rule(name: str) -> None:
    """The docstring of each word ends in an example; it is run as it stands."""
    assert getattr(mockserver, name) is FUNCTIONS[name]
    said = inspect.getdoc(FUNCTIONS[name]) or ""
    [example] = re.findall(r"^Example: `(.+)`$", said, re.MULTILINE)
    assert f"{name}(" in example
    rehearsal = Rehearsal()
    eval(example, {**FUNCTIONS, "Timing": Timing, "mockserver": rehearsal})
    assert rehearsal.drafts
    assert rehearsal.drafts[0].answers or name in MATCHERS or name in ("one_of", "not_")


def test_the_package_gives_its_public_names_and_no_others() -> None:
    assert list(mockserver.__all__) == sorted(mockserver.__all__)
    assert set(mockserver.__all__) <= set(dir(mockserver))
    for name in mockserver.__all__:
        assert getattr(mockserver, name) is not None
    with pytest.raises(AttributeError, match=re.escape("has no attribute 'contians'; did you mean 'contains'?")):
        _ = mockserver.contians  # type: ignore[attr-defined]


def test_what_type_checkers_see_of_the_package_is_what_there_is() -> None:
    """The imports that only type checkers follow name every public name, each from where it is loaded."""
    tree = ast.parse(inspect.getsource(mockserver))
    [seen] = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    rooms = {alias.name: node.module for node in seen.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert sorted(rooms) == list(mockserver.__all__)
    for name, room in rooms.items():
        assert getattr(mockserver, name) is getattr(importlib.import_module(str(room)), name)


def test_no_word_is_hidden_by_a_room() -> None:
    """A room below the package becomes its attribute once imported, in the place of a word of that name."""
    assert not {each.name for each in pkgutil.iter_modules(mockserver.__path__)} & set(mockserver.__all__)
