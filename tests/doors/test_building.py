"""Rules built in Python: what keywords and words mean, how mistakes read, and what only Python can say."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from datetime import date
from enum import Enum
from typing import Any
from unittest.mock import ANY, Mock

import orjson
import pytest

from mockserver.building import Draft, answer, compile_conditions, conditions, dump
from mockserver.core.errors import RuleError
from mockserver.core.messages import Raised, Request
from mockserver.core.rulefiles.rulefile import parse
from mockserver.core.rules.misses import describe
from mockserver.core.rules.targets import TARGETS
from mockserver.core.templates import Compact
from mockserver.testing.asked import AskedRequest
from mockserver.words import (
    Timing,
    any_of,
    auto,
    contains,
    delay,
    equals,
    error,
    events,
    failed,
    function_call,
    gt,
    http,
    include,
    incomplete,
    json_text,
    length,
    matches,
    not_,
    one_of,
    reasoning,
    refusal,
    reset,
    text,
)
from tests.core.asking import ask
from tests.doors.rehearsal import engine_of

EXAMPLE = re.compile(r"^Example: `(.+)`$", re.MULTILINE)


def asking(**fields: Any) -> Request:
    return Request("POST", "/v1/responses", body=orjson.dumps({"model": "gpt-5", "input": "hi", **fields}))


def holds(when: dict[str, Any], **fields: Any) -> bool:
    """Say whether the conditions hold for a request with this body."""
    return not any(condition.test(asking(**fields)) for condition in compile_conditions(when, "here").conditions)


def mistake(make: Callable[[], Any]) -> str:
    with pytest.raises(RuleError) as told:
        make()
    return str(told.value)


class Even:
    """Compares itself, as the objects of dirty-equals do."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int) and other % 2 == 0

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "Even()"


class Meta(type):
    """Of classes that compare themselves, as dirty-equals has them too."""

    def __eq__(cls, other: object) -> bool:
        return isinstance(other, str)

    def __hash__(cls) -> int:
        return 0


class AnyText(metaclass=Meta):
    pass


class Picky:
    """Compares itself, but not with everything."""

    def __eq__(self, other: object) -> bool:
        raise TypeError("no idea")

    def __hash__(self) -> int:
        return 0


class Model(Enum):
    BIG = "gpt-5"


class Text(str):
    __slots__ = ()


# Conditions


def test_keywords_are_the_targets_of_rule_files() -> None:
    names = {"not": "not_"}
    from mockserver.building.conditions import KEYWORDS

    assert set(KEYWORDS) == {names.get(name, name) for name in TARGETS}


@pytest.mark.parametrize(
    ("when", "spec"),
    [
        (conditions(), {}),
        (conditions(model="gpt-5"), {"model": "gpt-5"}),
        (conditions(model=Model.BIG, user=Text("hi")), {"model": "gpt-5", "user": "hi"}),
        (conditions(model={"glob": "gpt-*"}), {"model": {"glob": "gpt-*"}}),
        (conditions(input=re.compile("rain")), {"input": {"matches": "rain"}}),
        (conditions(input=re.compile("rain", re.I | re.S)), {"input": {"matches": "(?is)rain"}}),
        (conditions(input=re.compile("(?i)rain", re.M)), {"input": {"matches": "(?im)rain"}}),
        (conditions(input=matches(re.compile("rain", re.I))), {"input": {"matches": "(?i)rain"}}),
        (conditions(input=not_(re.compile("a"))), {"input": {"not": {"matches": "a"}}}),
        (conditions(tools=include("a", contains("b"))), {"tools": {"include": ["a", {"contains": "b"}]}}),
        (conditions(tools=length(gt(2))), {"tools": {"length": {"gt": 2}}}),
        (conditions(body={"$.a.b": gt(3)}), {"body": {"$.a.b": {"gt": 3}}}),
        (
            conditions(body={"equals": {"a": (1, 2)}, "ignore": "$.b"}),
            {"body": {"equals": {"a": [1, 2]}, "ignore": "$.b"}},
        ),
        (conditions(body=equals({"a": 1})), {"body": {"equals": {"a": 1}}}),
        (conditions(headers={"x-a": contains("b")}), {"headers": {"x-a": {"contains": "b"}}}),
        (conditions(text_format={"name": contains("b")}), {"text_format": {"name": {"contains": "b"}}}),
        (conditions(tool_output={"data": {"$.t": gt(1)}}), {"tool_output": {"data": {"$.t": {"gt": 1}}}}),
        (conditions(tool_output=[{"name": "a"}]), {"tool_output": [{"name": "a"}]}),
        (conditions(any_of=[{"model": contains("a")}]), {"any_of": [{"model": {"contains": "a"}}]}),
        (conditions(not_={"input": contains("a")}), {"not": {"input": {"contains": "a"}}}),
        (conditions(all_of=[{"not_": {"stream": True}}]), {"all_of": [{"not": {"stream": True}}]}),
    ],
)
def test_conditions_are_the_when_of_a_rule_file(when: dict[str, Any], spec: dict[str, Any]) -> None:
    assert when == spec


@pytest.mark.parametrize(
    ("when", "good", "bad"),
    [
        (conditions(input=lambda value: value.startswith("a")), {"input": "ab"}, {"input": "ba"}),
        (conditions(input="ab".__eq__), {"input": "ab"}, {"input": "ba"}),
        (conditions(input=functools.partial(re.match, "a")), {"input": "ab"}, {"input": "ba"}),
        (conditions(metadata={"a": ANY}), {"metadata": {"a": "x"}}, {"metadata": {}}),
        (conditions(body={"$.n": Even()}), {"n": 2}, {"n": 3}),
        (conditions(body={"$.n": [1, Even()]}), {"n": [1, 2]}, {"n": [1, 3]}),
        (
            conditions(body={"$.n": equals({"a": ANY, "b": True})}),
            {"n": {"a": True, "b": True}},
            {"n": {"a": 1, "b": 1}},
        ),
        (conditions(body={"$.n": equals({"a": ANY})}), {"n": {"a": False}}, {"n": {"a": 1, "b": 1}}),
        (conditions(body={"$.n": one_of(Even(), 3)}), {"n": 3}, {"n": 5}),
        (conditions(body={"$.n": {"exists": True, "equals": Even()}}), {"n": 4}, {"n": 5}),
        (conditions(body={"$.n": not_(Even())}), {"n": 5}, {"n": 4}),
        (conditions(body={"$.n": include(Even())}), {"n": [1, 2]}, {"n": [1]}),
        (conditions(body={"$.n": length(Even())}), {"n": [1, 2]}, {"n": [1]}),
        (conditions(body={"$.n": any_of(Even(), lambda value: value > 8)}), {"n": 9}, {"n": 7}),
        (conditions(body=lambda body: "n" in body), {"n": 1}, {"m": 1}),
        (conditions(body={"equals": {"model": ANY, "input": "hi"}}), {}, {"n": 1}),
        (conditions(model=AnyText), {"model": "x"}, {"model": 1}),
        (conditions(turn=lambda turn: turn == 1), {}, {"input": [{"role": "assistant", "content": "a"}]}),
        (conditions(tools=lambda names: "a" in names), {"tools": [{"type": "function", "name": "a"}]}, {"tools": []}),
        (conditions(not_={"input": lambda value: value == "a"}), {"input": "b"}, {"input": "a"}),
        (conditions(any_of=[{"input": Even()}, {"input": ANY}]), {"input": "b"}, {"input": None}),
    ],
)
def test_functions_and_objects_that_compare_themselves_are_conditions(
    when: dict[str, Any], good: dict[str, Any], bad: dict[str, Any]
) -> None:
    assert holds(when, **good)
    assert not holds(when, **bad)


@pytest.mark.parametrize("flags", [0, re.I, re.X, re.A | re.M, re.S])
def test_a_compiled_pattern_keeps_its_flags(flags: int) -> None:
    pattern = re.compile("^a .c # d\n", flags)
    for said in ("a c # d\n", "x\na c # d\n", "A C # D\n", "a\nc", "ac", "a xc # d\n"):
        assert holds(conditions(input=pattern), input=said) == (pattern.search(said) is not None), said


def test_a_value_that_is_not_there_fails_a_function_without_asking_it() -> None:
    asked: list[Any] = []
    assert not holds(conditions(instructions=asked.append))
    assert asked == []


def test_a_function_that_raises_does_not_hold_and_the_miss_says_why() -> None:
    engine = engine_of(Draft(conditions(input=lambda value: value["no"]), [answer("hi")]))
    assert ask(engine, "hello").status == 404
    [entry] = engine.sessions.find("default").journal.entries()
    assert "raised TypeError: string indices must be integers" in entry.exchange.miss
    assert re.search(r"lambda at tests/doors/test_building\.py:\d+", entry.exchange.miss)


def test_an_object_that_cannot_be_compared_does_not_hold() -> None:
    assert not holds(conditions(input=Picky()))


def test_a_miss_shows_a_condition_that_is_python_by_name() -> None:
    def is_polite(said: str) -> bool:
        return "please" in said

    rule = Draft(conditions(input=is_polite, metadata={"a": ANY}), [answer("hi")])
    engine = engine_of(rule)
    miss = describe(asking(), engine.book.nearest(asking()))
    assert re.search(r'input: expected "is_polite at tests/doors/test_building\.py:\d+", found "hi"', miss)
    assert 'metadata.a: expected "<ANY>", found nothing' in miss


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (
            lambda: conditions(model=str),
            "model: a type is no test, got <class 'str'> (write `lambda value: isinstance(",
        ),
        (lambda: conditions(model=re.compile(b"a")), "model: expected a pattern of text"),
        (lambda: conditions(model=date(2026, 1, 1)), "model: expected a JSON value, got datetime.date(2026, 1, 1)"),
        (lambda: conditions(model=b"a"), "model: expected a JSON value, got b'a'"),
        (lambda: conditions(body={"$.a": float("nan")}), "body: $.a: JSON has no nan"),
        (lambda: conditions(body={"$.a": equals({1: 2})}), "body: $.a: names in JSON are text, got 1"),
        (lambda: conditions(body={"$.a": [gt(3)]}), "body: $.a: a matcher cannot stand inside a value, got gt(3)"),
        (lambda: conditions(body={"$.a": equals({"b": len})}), "body: $.a: a test cannot stand inside a value"),
        (lambda: conditions(headers={"a": b"b"}), "headers: a: expected a JSON value, got b'b'"),
        (lambda: conditions(body={"equals": {"a": ANY}, "ignore": "$.b"}), "body: `ignore` and `mask` go with a plain"),
        (lambda: conditions(any_of={"model": "a"}), "any_of: expected a list of conditions, got {'model': 'a'}"),  # type: ignore[arg-type]
        (lambda: conditions(any_of=["a"]), "any_of: [0]: expected conditions such as"),  # type: ignore[list-item]
    ],
)
def test_what_is_no_test_is_told_with_its_place_and_keyword(make: Callable[[], Any], told: str) -> None:
    place, _, said = mistake(make).partition(": ")
    assert re.fullmatch(r"tests/doors/test_building\.py:\d+", place)
    assert said.startswith(told)


def test_a_mock_makes_conditions_and_answers_like_any_function() -> None:
    test, reply = Mock(return_value=True), Mock(return_value="hi")
    assert ask(engine_of(Draft(conditions(input=test), [answer(reply)])), "hello").text == "hi"
    test.assert_called_with("hello")
    assert reply.call_args.args[0].input_text == "hello"


async def waiting(value: str) -> bool:
    return True


def test_an_asynchronous_function_is_no_test() -> None:
    assert "waiting at" in mistake(lambda: conditions(model=waiting))


@pytest.mark.parametrize(
    ("keywords", "told"),
    [
        ({"modle": "a"}, "unknown condition `modle`; did you mean `model`?"),
        ({"temperature": 1}, "(any field of the body is `body={'$.temperature': ...}`)"),
        ({"not_": {"imput": "a"}}, "unknown condition `imput`; did you mean `input`?"),
        ({"any_of": [{"imput": "a"}]}, "unknown condition `imput` in `[0]`; did you mean `input`?"),
    ],
)
def test_a_misspelt_condition_is_a_type_error_with_the_nearest_name(keywords: dict[str, Any], told: str) -> None:
    with pytest.raises(TypeError) as raised:
        conditions(**keywords)
    assert told in str(raised.value)


# Answers


@pytest.mark.parametrize(
    ("made", "spec"),
    [
        (answer("hi"), {"text": "hi"}),
        (answer(text("hi")), {"text": "hi"}),
        (answer(refusal("no")), {"refusal": "no"}),
        (answer(refusal("no", id="m")), {"output": [{"refusal": {"refusal": "no", "id": "m"}}]}),
        (answer(json_text({"a": 1})), {"json": {"a": 1}}),
        (answer(json_text("a")), {"json": "a"}),
        (answer(function_call("f", {"a": 1})), {"call": {"f": {"a": 1}}}),
        (answer(function_call("f")), {"output": [{"function_call": {"name": "f"}}]}),
        (
            answer("hi", function_call("f", call_id="c")),
            {"output": [{"message": "hi"}, {"function_call": {"name": "f", "call_id": "c"}}]},
        ),
        (answer(["hi", reasoning("r")]), {"output": [{"message": "hi"}, {"reasoning": "r"}]}),
        (answer({"type": "compaction", "id": "c"}), {"output": [{"type": "compaction", "id": "c"}]}),
        (answer({"message": "hi"}), {"text": "hi"}),
        (answer(error("server_error"), times=2), {"error": "server_error", "times": 2}),
        (answer(auto()), {"auto": True}),
        (answer(failed("half", message="m", after=3)), {"text": "half", "failed": {"message": "m", "after": 3}}),
        (answer(failed()), {"output": [], "failed": {}}),
        (answer(incomplete("half", reasoning("r"))), None),
        (answer("half", incomplete="content_filter"), {"text": "half", "incomplete": "content_filter"}),
        (answer("half", failed={"code": "server_error"}), {"text": "half", "failed": {"code": "server_error"}}),
        (answer("hi", timing=Timing(every=0.1)), {"text": "hi", "timing": {"every": "100ms"}}),
        (answer("hi", timing={"every": "100ms"}), {"text": "hi", "timing": {"every": "100ms"}}),
        (answer("hi", faults=reset()), {"text": "hi", "faults": [{"reset": {}}]}),
        (answer("hi", faults=("cut", delay(1))), {"text": "hi", "faults": ["cut", {"delay": {"time": "1000ms"}}]}),
        (answer("hi", faults=(), timing=None, usage=None, times=None), {"text": "hi"}),
        (answer("hi", usage={"input_tokens": 3}, headers={"x-a": "b"}), None),
        (answer("hi", set_state={"a": None}), {"text": "hi", "set_state": {"a": None}}),
        (answer(text="hi"), {"text": "hi"}),
        (answer(json=None), {"json": None}),
        (answer(json={"a": (1, 2)}), {"json": {"a": [1, 2]}}),
        (answer(call={"f": {}}), {"call": {"f": {}}}),
        (answer(output=["hi", function_call("f")]), None),
        (answer(error="server_error", retry_after=2), {"error": "server_error", "retry_after": "2000ms"}),
        (answer(http={"status": 204}), {"http": {"status": 204}}),
        (
            answer(events=["created", {"at": 0.5, "completed": {}}]),
            {"events": ["created", {"at": "500ms", "completed": {}}]},
        ),
        (
            answer(events=[{"type": "x", "data": "raw"}], fill=False),
            {"events": [{"type": "x", "data": "raw"}], "fill": False},
        ),
    ],
)
def test_parts_and_keywords_become_a_reply_of_a_rule_file(made: Any, spec: dict[str, Any] | None) -> None:
    assert spec is None or made.spec == spec
    assert Draft({"stream": True}, [made], allow_invalid=True).compile(0).replies


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (answer, "a reply needs something to say"),
        (lambda: answer("a", error("server_error")), "a reply is one thing: Answer(error='server_error') cannot stand"),
        (lambda: answer("a", lambda request: "b"), "a reply is one thing: "),
        (lambda: answer("a", text="b"), "a reply is one thing: found 'a' and `text=`"),
        (lambda: answer(3), "expected text, items, an answer or a function of the request, got 3"),  # type: ignore[arg-type]
        (lambda: answer("a", reset()), "reset() is no part of an answer (write `faults=`)"),  # type: ignore[arg-type]
        (lambda: answer(Timing(first=1)), "Timing(first=1"),  # type: ignore[arg-type]
        (lambda: answer(error("server_error", retry_after=1), retry_after=2), "`retry_after` is given twice: in "),
        (lambda: answer("a", retry_after=-1), "retry_after: expected a number of seconds, 0 or more, got -1"),
        (lambda: answer("\ud800"), "no text, but half a character: '\\ud800'"),
        (lambda: answer(json={"a": 2**64}), "does not fit in 64 bits: 18446744073709551616"),
        (lambda: answer("a", usage={"a": {1, 2}}), "usage: expected a JSON value, got {1, 2}"),
        (lambda: answer(contains("a")), "expected text, items, an answer or a function"),  # type: ignore[arg-type]
    ],
)
def test_parts_that_do_not_go_together_are_refused(make: Callable[[], Any], told: str) -> None:
    assert mistake(make).startswith(told)


def test_a_misspelt_argument_of_a_reply_is_a_type_error_with_the_nearest_name() -> None:
    with pytest.raises(TypeError, match=r"unknown argument `tming` of a reply; did you mean `timing`\?"):
        answer("hi", tming=Timing())  # type: ignore[call-arg]


# Drafts


def test_a_draft_knows_where_it_was_said_and_gives_its_mapping() -> None:
    draft = Draft(conditions(model="gpt-5"), [answer("hi")], priority=2, optional=True, name="greeting")
    assert re.fullmatch(r"tests/doors/test_building\.py:\d+", draft.place)
    assert draft.mapping() == {
        "name": "greeting",
        "when": {"model": "gpt-5"},
        "reply": {"text": "hi"},
        "priority": 2,
        "optional": True,
    }


def test_several_answers_are_replies_and_turns_a_script() -> None:
    twice = answer(error("rate_limit_exceeded", retry_after=0.1), times=2)
    assert Draft({}, [twice, answer("ok")], exhausted="cycle").mapping() == {
        "replies": [{"error": "rate_limit_exceeded", "retry_after": "100ms", "times": 2}, {"text": "ok"}],
        "exhausted": "cycle",
    }
    assert Draft({}, [answer("one"), answer("two")], turns=True).mapping() == {
        "turns": [{"text": "one"}, {"text": "two"}]
    }


def test_a_compiled_draft_is_a_rule_of_its_place() -> None:
    draft = Draft(conditions(model="gpt-5"), [answer("hi")], place="tests/test_a.py:3")
    rule = draft.compile(4)
    assert (rule.place, rule.label, rule.key) == ("tests/test_a.py:3",) * 2 + (("python", "tests/test_a.py:3#4"),)
    draft.name = "greeting"
    assert draft.compile(4).key == ("python", "greeting")
    assert draft.compile(4).label == 'tests/test_a.py:3 "greeting"'


def test_every_mistake_of_a_draft_is_told_with_place_key_and_what_was_expected() -> None:
    draft = Draft(conditions(model={"globb": "a"}, hit="x"), [answer("hi", speed=-1)], place="t.py:1")
    assert mistake(lambda: draft.compile(0)).splitlines() == [
        "t.py:1: when.model.globb: unknown matcher 'globb' (did you mean `glob`?)",
        "t.py:1: when.hit: expected a number or a matcher such as {gte: 2}, got 'x'",
        "t.py:1: reply.speed: expected a number, 0 or more, got `-1`",
    ]


@pytest.mark.parametrize(
    ("draft", "told"),
    [
        (Draft({}, place="t.py:1"), "t.py:1: `when` without a reply (add `.reply(...)`)"),
        (
            Draft({}, [answer(error("rate_limit"))], place="t.py:1"),
            "t.py:1: reply.error: unknown error `rate_limit` (did you mean `rate_limit_exceeded`?",
        ),
        (
            Draft({}, [answer("{{ inptu }}")], place="t.py:1"),
            "t.py:1: reply.text: `{{ inptu }}` begins with an unknown name, `inptu` (did you mean `input`?)",
        ),
        (
            Draft({}, [answer("a", faults=[{"reste": {}}])], place="t.py:1"),  # type: ignore[list-item]
            "t.py:1: reply.faults[0].reste: unknown fault `reste` (did you mean `reset`?)",
        ),
        (
            Draft(conditions(stream="yes"), [answer("a")], place="t.py:1"),  # type: ignore[arg-type]
            "t.py:1: when.stream: expected true or false, got 'yes'",
        ),
        (
            Draft(conditions(headers="x"), [answer("a")], place="t.py:1"),  # type: ignore[arg-type]
            "t.py:1: when.headers: expected names with matchers, got 'x'",
        ),
        (
            Draft({}, [answer(lambda request: "a", speed=-1)], place="t.py:1"),
            "t.py:1: reply.speed: expected a number, 0 or more, got `-1`",
        ),
        (
            Draft({}, [answer("a", times=0)], place="t.py:1"),
            "t.py:1: replies[0].times: expected a whole number, at least 1, got `0`",
        ),
    ],
)
def test_mistakes_of_a_draft(draft: Draft, told: str) -> None:
    assert mistake(lambda: draft.compile(0)).startswith(told)


def test_templates_are_live_in_text_from_python() -> None:
    engine = engine_of(Draft(conditions(input=matches(r"in (\w+)")), [answer("So you like {{ match.1 }}. {{{{ }}")]))
    assert ask(engine, "in Paris").text == "So you like Paris. {{ }}"


def test_json_beside_other_items_is_still_json_once_its_templates_are_filled_in() -> None:
    draft = Draft({}, [answer(reasoning("r"), json_text({"said": "{{ input }}"}))])
    assert isinstance(draft.mapping()["reply"]["output"][1]["content"][0]["text"], Compact)
    assert ask(engine_of(draft), 'a "quoted" word').text == '{"said":"a \\"quoted\\" word"}'


# Answers made by functions


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("made", "same"),
    [
        ("hi", answer("hi")),
        (text("hi"), answer("hi")),
        (["hi", function_call("f", {"a": 1}, call_id="c")], answer("hi", function_call("f", {"a": 1}, call_id="c"))),
        (error("rate_limit_exceeded", retry_after=1), answer(error("rate_limit_exceeded", retry_after=1))),
        (http(418, "tea"), answer(http(418, "tea"))),
        (answer("hi", usage={"input_tokens": 7}), answer("hi", usage={"input_tokens": 7})),
        (events("created", "in_progress", "completed"), answer(events("created", "in_progress", "completed"))),
        (failed("half", message="m"), answer(failed("half", message="m"))),
        (auto(), answer(auto())),
    ],
)
def test_a_function_of_the_request_makes_any_answer(made: Any, same: Any, stream: bool) -> None:
    place = "t.py:1"
    one = ask(engine_of(Draft({}, [answer(lambda request: made)], place=place)), stream=stream)
    other = ask(engine_of(Draft({}, [same], place=place)), stream=stream)
    assert one.status == other.status
    assert one.body == other.body
    assert one.headers == other.headers


def test_a_function_sees_the_request_through_the_given_view() -> None:
    draft = Draft({}, [answer(lambda said: f"You said {said}")], place="t.py:1")
    from mockserver.core.engine import Engine
    from mockserver.core.rules.book import RuleBook

    rule = draft.compile(0, view=lambda request: request.fields["input"])
    assert ask(Engine(RuleBook([rule]), engine_of().dialect), "a").text == "You said a"


def test_what_stands_beside_a_function_goes_with_what_it_makes() -> None:
    def reply(request: AskedRequest) -> Any:
        return {
            "text": "one two",
            "error": error("server_error"),
            "own": answer("one two", headers={"x-a": "mine"}),
        }[request.body["input"]]

    beside = answer(
        reply, timing=Timing(every=0.1), headers={"x-a": "given"}, usage={"input_tokens": 7}, set_state={"a": "b"}
    )
    engine = engine_of(Draft(conditions(state={"a": "b"}, input="again"), [answer("kept")]), Draft({}, [beside]))
    answered = ask(engine, "text")
    assert (answered.end, answered.headers["x-a"], answered.json["usage"]["input_tokens"]) == (100.0, "given", 7)
    assert ask(engine, "own").headers["x-a"] == "mine"
    assert ask(engine, "error").headers["x-a"] == "given"
    assert ask(engine, "error").status == 500
    assert ask(engine, "again").text == "kept"


def test_what_a_function_returns_is_literal() -> None:
    engine = engine_of(Draft({}, [answer(lambda request: [request.input_text or "", json_text({"{{": "{{ x"})])]))
    assert ask(engine, "{{ nope }} {{{{ {{{").text == '{{ nope }} {{{{ {{{{"{{":"{{ x"}'


def test_a_function_counts_in_replies_like_any_answer() -> None:
    asked: list[str] = []

    def count(request: AskedRequest) -> str:
        asked.append("x")
        return f"call {len(asked)}"

    engine = engine_of(Draft({}, [answer(count, times=2), answer("done")]), exhausted="repeat")
    assert [ask(engine).text for _ in range(4)] == ["call 1", "call 2", "done", "done"]


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (
            lambda request: request.nothing,
            r"lambda at tests/doors/test_building\.py:\d+ raised AttributeError: .* \(tests/",
        ),
        (lambda request: None, "returned is no answer: expected text, items or an answer, got None"),
        (
            lambda request: 3,
            "returned is no answer: expected text, items, an answer or a function of the request, got 3",
        ),
        (
            lambda request: lambda request: "a",
            "returned is no answer: expected text, items or an answer, got another",
        ),
        (lambda request: answer("a", times=2), "`times` stands beside the function"),
        (lambda request: answer("a", set_state={"a": "b"}), "`set_state` stands beside the function"),
        (lambda request: error("rate_limit"), "returned is no answer: error: unknown error `rate_limit`"),
        (lambda request: {"a": "b"}, "returned is no answer: output"),
        (lambda request: orjson.loads("{"), r"raised JSONDecodeError: .* \(tests/doors/test_building\.py:\d+\)"),
    ],
)
def test_a_function_that_fails_is_a_500_with_its_place_that_fails_the_test(function: Any, told: str) -> None:
    engine = engine_of(Draft({}, [answer(function)], place="t.py:7"))
    answered = ask(engine)
    assert answered.status == 500
    assert answered.headers["x-should-retry"] == "false"
    message = answered.json["error"]["message"]
    assert message.startswith("t.py:7: ")
    assert re.search(told, message)
    [entry] = engine.sessions.find("default").journal.entries()
    assert [type(note) for note in entry.exchange.notes] == [Raised]
    assert entry.exchange.notes == (message,)
    assert (entry.exchange.kind, entry.exchange.place) == ("error", "t.py:7")


async def slow(request: AskedRequest) -> str:
    return "a"


def test_an_asynchronous_function_is_no_answer() -> None:
    assert re.match(
        r"t\.py:1: slow at tests/doors/test_building\.py:\d+ is asynchronous",
        mistake(lambda: Draft({}, [answer(slow)], place="t.py:1").compile(0)),  # type: ignore[arg-type]
    )


# Dumping


def test_a_dump_is_a_rule_file_and_says_what_it_leaves_out() -> None:
    drafts = [
        Draft(conditions(input=contains("a")), [answer("hi")], place="t.py:1"),
        Draft(conditions(input=lambda value: True), [answer("hi")], place="t.py:2"),
        Draft({}, [answer("one"), answer(slow_sync)], place="t.py:3"),
        Draft({}, place="t.py:4"),
        Draft({}, [answer(reasoning("r"), json_text({"a": "{{ input }}"}))], place="t.py:5"),
        Draft({}, [answer("fallback")], place="t.py:6", otherwise=True),
    ]
    written = dump(drafts)
    assert re.sub(r"building\.py:\d+", "building.py:N", written).splitlines() == [
        "rules:",
        "  # t.py:1",
        '  - when: {input: {contains: "a"}}',
        '    reply: {text: "hi"}',
        "  # t.py:2: left out: `when.input` is Python: lambda at tests/doors/test_building.py:N",
        "  # t.py:3: left out: `replies[1]` is a Python function: slow_sync at tests/doors/test_building.py:N",
        "  # t.py:4: left out: it has no reply",
        "  # t.py:5: left out: `reply.output[1].content[0].text` is JSON with look-ups among other items",
        "# t.py:6",
        'otherwise: {text: "fallback"}',
    ]
    file = parse(written, "f")
    assert file.problems == ()
    assert len(file.rules) == 1
    assert file.otherwise is not None


def slow_sync(request: AskedRequest) -> str:
    return "a"


@pytest.mark.parametrize("drafts", [[], [Draft({}, [answer(slow_sync)])]])
def test_a_dump_of_nothing_is_a_rule_file_too(drafts: list[Draft]) -> None:
    assert parse(dump(drafts), "f").problems == ()


def test_a_dump_of_a_long_rule_is_spread_over_lines() -> None:
    parts = [function_call(f"tool_{index}", {"text": "word " * 12}) for index in range(3)]
    draft = Draft(
        conditions(input=any_of(*(contains("word " * 10 + str(index)) for index in range(3)))), [answer(*parts)]
    )
    written = dump([draft])
    assert max(map(len, written.splitlines())) < 140
    assert len(written.splitlines()) > 8
    [rule] = parse(written, "f").rules
    assert rule.replies[0][0].kind == draft.compile(0).replies[0][0].kind


@pytest.mark.parametrize("function", [answer, conditions])
def test_the_examples_of_the_builders_work(function: Callable[..., Any]) -> None:
    [example] = EXAMPLE.findall(re.sub(r"\n +", "\n", function.__doc__ or ""))
    scope = {"answer": answer, "conditions": conditions, "contains": contains}
    eval(example, {**scope, "reasoning": reasoning, "text": text, "Timing": Timing})
