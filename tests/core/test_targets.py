"""Every target by a table: which request a condition holds for, what is told when not, and which mistakes are reported."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import jsonschema
import orjson
import pytest

from mockserver.core.messages import ABSENT, Request
from mockserver.core.rules.conditions import ENDPOINT, HOLDS, Condition, Mismatch
from mockserver.core.rules.matchers import matcher_schema
from mockserver.core.rules.targets import TARGETS, When, compile_when, when_schema
from tests.core.reporting import Reported, refuse

Body = Mapping[str, Any]


def ask(
    body: Any = None,
    *,
    method: str = "POST",
    path: str = "/v1/responses",
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    history: Sequence[Body] = (),
) -> Request:
    text = b"" if body is None else orjson.dumps(body)
    return Request(method, path, headers=headers or {}, query=query or {}, body=text, history=history)


def compiled(when: Any) -> When:
    return compile_when(when, refuse, ("rules", 0, "when"))


def mismatches(when: Any, request: Request) -> tuple[Mismatch, ...]:
    found: tuple[Mismatch, ...] = HOLDS
    for condition in compiled(when).conditions:
        told = condition.test(request)
        assert condition.holds is None or condition.holds(request) is not bool(told)
        if condition.read is not None and condition.accepts is not None:
            assert condition.accepts(condition.read(request)) is not bool(told)
        found += told
    return found


CALL = {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": '{"celsius": 18, "days": [{"rain": true}]}'}
OTHER_CALL = {"type": "function_call", "call_id": "c2", "name": "get_time", "arguments": "{}"}
OTHER_OUTPUT = {"type": "function_call_output", "call_id": "c2", "output": "noon"}
USER = {"role": "user", "content": "weather in Paris?"}
LOOP = {"model": "m", "input": [USER, CALL, OUTPUT]}
TWO = {"model": "m", "input": [USER, CALL, OTHER_CALL, OUTPUT, OTHER_OUTPUT]}
TOOLS = {"tools": [{"type": "function", "name": "f"}, {"type": "mcp", "server_label": "s"}, {"type": "web_search"}]}
FORMAT = {"text": {"format": {"type": "json_schema", "name": "City", "schema": {}}}}

HOLD: list[tuple[Any, Request]] = [
    (None, ask({})),
    ({}, ask({})),
    ({"method": "GET"}, ask(method="GET", path="/v1/models")),
    ({"path": "/v1/responses"}, ask({})),
    ({"path": "/v1/*"}, ask(path="/v1/models/a", method="GET")),
    ({"path": "*"}, ask(method="PUT", path="/x")),
    ({"path": {"matches": "^/v1/(?:a|b)$"}}, ask(path="/v1/a")),
    ({"headers": {"X-Case": "retry"}}, ask({}, headers={"x-case": "retry"})),
    ({"headers": {"x-try": 2}}, ask({}, headers={"x-try": "2"})),
    ({"headers": {"x-try": {"gte": 2}}}, ask({}, headers={"x-try": "10"})),
    ({"headers": {"x-gone": {"exists": False}}}, ask({})),
    ({"query": {"a": "1"}}, ask({}, query={"a": "1"})),
    ({"metadata": {"case": "x"}}, ask({"metadata": {"case": "x"}})),
    ({"metadata": {"n": 5, "on": True}}, ask({"metadata": {"n": 5, "on": True}})),
    ({"metadata": {"n": {"exists": False}}}, ask({"metadata": {"n": None}})),
    ({"metadata": {"n": {"exists": False}}}, ask({"metadata": None})),
    ({"model": {"glob": "gpt-*"}}, ask({"model": "gpt-5"})),
    ({"model": {"exists": False}}, ask({"model": None})),
    ({"model": {"not": "a"}}, ask({})),
    ({"model": 5}, ask({"model": "5"})),
    ({"instructions": {"contains": "brief"}}, ask({"instructions": "be brief"})),
    ({"previous_response_id": "resp_1"}, ask({"previous_response_id": "resp_1"})),
    ({"previous_response_id": {"exists": False}}, ask({"previous_response_id": None})),
    ({"conversation": "conv_1"}, ask({"conversation": "conv_1"})),
    ({"conversation": "conv_1"}, ask({"conversation": {"id": "conv_1"}})),
    ({"conversation": {"exists": False}}, ask({"conversation": {}})),
    ({"stream": False}, ask({})),
    ({"stream": False}, ask({"stream": None})),
    ({"stream": True}, ask({"stream": True})),
    ({"input": "hi"}, ask({"input": "hi"})),
    (
        {"input": "a\nb"},
        ask({"input": [{"role": "user", "content": [{"type": "input_text", "text": "a"}, {"text": "b"}]}]}),
    ),
    ({"input": {"exists": False}}, ask(LOOP)),
    ({"user": {"contains": "Paris"}}, ask(LOOP)),
    ({"user": "first"}, ask({"input": [OUTPUT]}, history=[{"role": "user", "content": "first"}])),
    ({"transcript": {"contains": ["Paris", "celsius"]}}, ask(LOOP)),
    ({"transcript": ""}, ask({})),
    ({"turn": 1}, ask({"input": "x"})),
    ({"turn": {"gte": 2}}, ask(LOOP)),
    ({"tools": {"include": ["f", "s", "web_search"]}}, ask(TOOLS)),
    ({"tools": {"length": 3}}, ask(TOOLS)),
    ({"tools": ["f", "s", "web_search"]}, ask(TOOLS)),
    ({"tools": {"exists": False}}, ask({"tools": None})),
    ({"tool_choice": "auto"}, ask({})),
    ({"tool_choice": "required"}, ask({"tool_choice": "required"})),
    ({"tool_choice": "f"}, ask({"tool_choice": {"type": "function", "name": "f"}})),
    ({"tool_choice": "web_search"}, ask({"tool_choice": {"type": "web_search"}})),
    ({"text_format": "text"}, ask({"text": None})),
    ({"text_format": "json_schema"}, ask(FORMAT)),
    ({"text_format": {"in": ["json_schema", "json_object"]}}, ask(FORMAT)),
    ({"text_format": {"type": "json_schema", "name": {"glob": "C*"}}}, ask(FORMAT)),
    ({"tool_output": {"name": "get_weather"}}, ask(LOOP)),
    ({"tool_output": {}}, ask(LOOP)),
    ({"tool_output": {"call_id": "c1", "output": {"contains": "18"}}}, ask(LOOP)),
    ({"tool_output": {"data": {"$.celsius": {"gt": 10}, "$.days[*].rain": True}}}, ask(LOOP)),
    ({"tool_output": {"data": {"$.nope": {"exists": False}}}}, ask(LOOP)),
    ({"tool_output": {"name": "get_time", "data": {"$": {"exists": False}}}}, ask(TWO)),
    ({"tool_output": [{"name": "get_time"}, {"name": "get_weather"}]}, ask(TWO)),
    ({"tool_output": {"name": "get_weather"}}, ask({"input": [OUTPUT]}, history=[USER, CALL])),
    ({"not": {"tool_output": {}}}, ask({"input": "x"})),
    ({"body": {"$.temperature": 0}}, ask({"temperature": 0.0})),
    ({"body": {"$.input[-1].role": "user", "$": {"length": 1}}}, ask({"input": [USER]})),
    ({"body": {"$.tools[*].name": "f"}}, ask(TOOLS)),
    ({"body": {"$.tools[?@.type == 'mcp'].server_label": {"exists": True}}}, ask(TOOLS)),
    ({"body": {"$.store": None}}, ask({"store": None})),
    ({"body": {"$": {"exists": False}}}, ask(None)),
    ({"body": {"equals": {"model": "m", "n": 1}}}, ask({"n": 1.0, "model": "m"})),
    ({"body": {"equals": {"a": 1}, "ignore": "$.metadata"}}, ask({"a": 1, "metadata": {}})),
    ({"body": {"equals": {"a": 1, "metadata": 2}, "ignore": ["$.metadata"]}}, ask({"a": 1})),
    ({"body": {"equals": {"x": [1, 3]}, "ignore": ["$.x[?@ == 2]"]}}, ask({"x": [1, 2, 3]})),
    (
        {"body": {"equals": {"x": {"b": 1}}, "ignore": ["$.x.a", "$.x.a.b", "$..c"]}},
        ask({"x": {"a": {"b": 1}, "b": 1, "c": []}}),
    ),
    ({"body": {"equals": {"input": "at 2020-01-01"}, "mask": "date"}}, ask({"input": "at 2026-11-22"})),
    ({"any_of": [{"model": "a"}, {"model": "b", "stream": False}]}, ask({"model": "b"})),
    ({"all_of": [{"model": "b"}, {"stream": False}]}, ask({"model": "b"})),
    ({"not": {"model": "a", "stream": True}}, ask({"model": "a"})),
    ({"any_of": [{"path": "/a"}, {"path": "/b"}]}, ask(path="/b")),
]


@pytest.mark.parametrize(("when", "request_"), HOLD, ids=[repr(row[0]) for row in HOLD])
def test_a_condition_holds(when: Any, request_: Request) -> None:
    """What the table of targets promises."""
    assert mismatches(when, request_) == HOLDS


FAIL: list[tuple[Any, Request, str, Any, Any]] = [
    # conditions, request, then the first mismatch: path, expected, found
    ({}, ask(method="GET"), "endpoint", "POST /v1/responses", "GET /v1/responses"),
    ({"model": "a"}, ask({"model": "a"}, path="/v1/x"), "endpoint", "POST /v1/responses", "POST /v1/x"),
    ({"path": "/v1/*"}, ask(path="/v2"), "path.glob", "/v1/*", "/v2"),
    ({"headers": {"X-Case": "a"}}, ask({}, headers={"x-case": "A"}), "headers.X-Case", "a", "A"),
    ({"model": "a"}, ask({"model": ["a"]}), "model", "a", ["a"]),
    ({"model": "a"}, ask(None), "model", "a", ABSENT),
    ({"stream": True}, ask({"stream": "true"}), "stream", True, False),
    ({"input": {"contains": "Paris"}}, ask(LOOP), "input.contains", "Paris", ABSENT),
    ({"tools": {"include": "x"}}, ask(TOOLS), "tools.include", "x", ["f", "s", "web_search"]),
    ({"tools": {"include": "x"}}, ask({}), "tools.include", "x", ABSENT),
    ({"turn": 2}, ask({"input": "x"}), "turn", 2, 1),
    ({"metadata": {"a": "x"}}, ask({"metadata": "a"}), "metadata.a", "x", ABSENT),
    ({"metadata": {"a": "x"}}, ask({"metadata": {"a": {"b": 1}}}), "metadata.a", "x", {"b": 1}),
    ({"text_format": {"name": "x"}}, ask({}), "text_format.name", "x", ABSENT),
    ({"tool_output": {"name": "x"}}, ask({"input": "x"}), "tool_output", {"name": "x"}, ABSENT),
    ({"tool_output": {"name": "x"}}, ask(LOOP), "tool_output.name", "x", "get_weather"),
    (
        {"tool_output": {"name": "get_weather", "output": "noon"}},
        ask(TWO),
        "tool_output.output",
        "noon",
        OUTPUT["output"],
    ),
    ({"tool_output": {"data": {"$.days[*].rain": False}}}, ask(LOOP), "tool_output.data.$.days[*].rain", False, True),
    ({"tool_output": [{"name": "get_time"}, {"name": "x"}]}, ask(TWO), "tool_output[1].name", "x", "get_weather"),
    ({"body": {"$.a.b": 1}}, ask({"a": {"b": 2}}), "body.$.a.b", 1, 2),
    ({"body": {"$.a[*]": {"gt": 3}}}, ask({"a": [1, 2]}), "body.$.a[*]", {"gt": 3}, [1, 2]),
    ({"body": {"$.a[*]": 3}}, ask({"a": []}), "body.$.a[*]", 3, ABSENT),
    ({"body": {"equals": {"a": 1}}}, ask({"a": True}), "body.equals.$.a", 1, True),
    ({"body": {"equals": {"a": 1}}}, ask({"a": 1, "b": 2}), "body.equals.$.b", ABSENT, 2),
    ({"body": {"equals": {}}}, ask(None), "body.equals", {}, ABSENT),
    ({"any_of": [{"model": "a", "stream": True}, {"model": "b"}]}, ask({"model": "c"}), "any_of[1].model", "b", "c"),
    ({"all_of": [{"model": "a"}]}, ask({"model": "c"}), "all_of[0].model", "a", "c"),
    ({"not": {"model": "a"}}, ask({"model": "a"}), "not", {"model": "a"}, ABSENT),
    ({"not": {}}, ask({}), "not", {}, ABSENT),
]


@pytest.mark.parametrize(("when", "request_", "path", "expected", "found"), FAIL, ids=[repr(row[0]) for row in FAIL])
def test_a_mismatch_tells_path_expected_and_found(
    when: Any, request_: Request, path: str, expected: Any, found: Any
) -> None:
    """The condition as written, so that it can be searched for in the rule file."""
    first = mismatches(when, request_)[0]
    assert (first.path, first.expected, first.found) == (path, expected, found)


MISTAKES: list[tuple[Any, str, str, str]] = [
    # conditions, where it is reported, what is said, the hint
    ({"modle": "a"}, "modle", "unknown condition", "did you mean `model`"),
    ({"temperature": 1}, "temperature", "unknown condition", "$.temperature"),
    ({7: 1}, "7", "unknown condition", "model"),
    ([], "", "expected conditions", "model"),
    ("model", "", "expected conditions", "model"),
    ({"method": "post"}, "method", "capitals", "POST"),
    ({"path": "v1/x"}, "path", "starts with /", "/v1/x"),
    ({"path": "/v1/x?a=1"}, "path", "without the query", "query"),
    ({"headers": "x"}, "headers", "names with matchers", "headers: {name: value}"),
    ({"headers": {"x": None}}, "headers.x", "null", "exists: false"),
    ({"metadata": {}}, "metadata", "names with matchers", ""),
    ({"model": 4.1}, "model", "number", '"4.1"'),
    ({"model": ["a", "b"]}, "model", "list", "in: [...]"),
    ({"stream": "yes"}, "stream", "true or false", ""),
    ({"stream": {"equals": True}}, "stream", "true or false", ""),
    ({"turn": "2"}, "turn", "number", ""),
    ({"hit": True}, "hit", "number", ""),
    ({"tools": "get_weather"}, "tools", "include", "{include: get_weather}"),
    ({"text_format": {"type": "text", "nam": "x"}}, "text_format.nam", "unknown field", "name"),
    ({"tool_output": "x"}, "tool_output", "fields", "name"),
    ({"tool_output": {"nmae": "x"}}, "tool_output.nmae", "unknown field", "name"),
    ({"tool_output": {"exists": False}}, "tool_output.exists", "unknown field", "not: {tool_output: {}}"),
    ({"tool_output": []}, "tool_output", "empty list", ""),
    ({"tool_output": {"data": 1}}, "tool_output.data", "JSONPaths", "$.temperature"),
    ({"tool_output": {"data": {"a": 1}}}, "tool_output.data.a", "starts with $", "$.a"),
    ({"body": "x"}, "body", "JSONPaths", "$.temperature"),
    ({"body": {"temperature": 1}}, "body.temperature", "JSONPath", "$.temperature"),
    ({"body": {"equal": {}}}, "body.equal", "JSONPath", "equals"),
    ({"body": {"$.a[": 1}}, "body.$.a[", "at character 5", ""),
    ({"body": {"$.a": {"gtt": 1}}}, "body.$.a.gtt", "unknown matcher", "gt"),
    ({"body": {"mask": ["date"], "$.a": 1}}, "body.mask", "only goes with", "equals"),
    ({"body": {"equals": {}, "mask": ["dat"]}}, "body.mask.0", "unknown mask", "date"),
    ({"body": {"equals": {}, "ignore": ["a.b"]}}, "body.ignore.0", "starts with $", "$.a.b"),
    ({"body": {"equals": {}, "ignore": "$"}}, "body.ignore", "whole body", ""),
    ({"any_of": {"model": "a"}}, "any_of", "list of conditions", ""),
    ({"any_of": [{"hit": 1}]}, "any_of.0.hit", "cannot stand inside", "one rule for each case"),
    ({"not": {"all_of": [{"state": {"a": "b"}}]}}, "not.all_of.0.state", "cannot stand inside", ""),
    ({"not": None}, "not", "expected conditions", ""),
    ({"any_of": [{"mdel": "a"}]}, "any_of.0.mdel", "unknown condition", "model"),
]


@pytest.mark.parametrize(("when", "where", "message", "hint"), MISTAKES, ids=[repr(row[0]) for row in MISTAKES])
def test_mistakes_are_reported_where_they_stand(when: Any, where: str, message: str, hint: str) -> None:
    """Each with what was expected and how to fix it; compiling goes on."""
    report = Reported()
    compile_when(when, report, ("when",))
    place, said, help_ = report.only
    assert place == ".".join(filter(None, ("when", where)))
    assert message in said
    assert hint in help_


def test_hit_and_state_are_left_to_the_claim() -> None:
    """They depend on a session, so they are no pure conditions; `all_of` may hold them."""
    when = compiled({"hit": {"lte": 2}, "state": {"step": 1}, "all_of": [{"state": {"gone": {"exists": False}}}]})
    assert when.conditions == (ENDPOINT,)
    kinds = [(claim.path, claim.kind, claim.key) for claim in when.claims]
    assert kinds == [("hit", "hit", "hit"), ("state.step", "state", "step"), ("all_of[0].state.gone", "state", "gone")]
    hit, step, gone = (claim.test for claim in when.claims)
    assert hit(2) is HOLDS
    assert hit(3) == (Mismatch("hit.lte", 2, 3),)
    assert step("1") is HOLDS
    assert step(ABSENT) == (Mismatch("state.step", "1", ABSENT),)
    assert gone(ABSENT) is HOLDS


@pytest.mark.parametrize(
    ("when", "endpoint"),
    [
        ({}, True),
        ({"model": "a"}, True),
        ({"method": "GET"}, False),
        ({"path": "/v1/responses"}, False),
        ({"any_of": [{"path": "/a"}, {"model": "b"}]}, False),
        ({"not": {"all_of": [{"method": "GET"}]}}, False),
    ],
)
def test_the_endpoint_goes_without_saying(when: Any, endpoint: bool) -> None:
    """Only a rule that names neither method nor path, at any depth, means POST /v1/responses."""
    assert (ENDPOINT in compiled(when).conditions) is endpoint


@pytest.mark.parametrize(
    ("when", "equality"),
    [
        ({"model": "a"}, ("model", "a")),
        ({"model": {"equals": "a"}}, ("model", "a")),
        ({"model": 5}, ("model", "5")),
        ({"headers": {"X-Case": "a"}}, ("headers.x-case", "a")),
        ({"metadata": {"case": "a"}}, ("metadata.case", "a")),
        ({"query": {"q": True}}, ("query.q", "true")),
        ({"all_of": [{"input": "a"}]}, ("input", "a")),
        ({"body": {"$['a'].b[0]": "x"}}, ("body$.a.b[0]", "x")),
        ({"body": {"$.a": 1}}, None),
        ({"body": {"$.a[*]": "x"}}, None),
        ({"path": "/a*"}, None),
        ({"model": {"glob": "a"}}, None),
        ({"model": {"equals": "a", "contains": "a"}}, None),
        ({"turn": 1}, None),
        ({"not": {"model": "a"}}, None),
    ],
)
def test_plain_equalities_can_be_looked_up(when: Any, equality: tuple[str, str] | None) -> None:
    """The book indexes these; whatever spelling names one target gives one key."""
    [condition] = [each for each in compiled(when).conditions if each is not ENDPOINT]
    assert condition.equality == equality


def test_whole_bodies_are_looked_up_by_digest() -> None:
    """Two recordings that are compared in the same way share one target; another way is another target."""

    def body(**given: Any) -> Condition:
        return compiled({"body": given}).conditions[1]

    one, same = body(equals={"a": 1, "t": 5}, ignore=["$.t"]), body(equals={"a": 1.0}, ignore=["$.t"])
    other, elsewhere = body(equals={"a": 2}, ignore=["$.t"]), body(equals={"a": 1})
    assert one.equality == same.equality
    assert one.equality is not None
    assert other.equality is not None
    assert elsewhere.equality is not None
    assert one.equality[0] == other.equality[0] != elsewhere.equality[0]
    assert one.read is not None
    assert one.read(ask({"a": 1, "t": 9})) == one.equality[1] != other.equality[1]


def test_regex_groups_are_numbered_and_named() -> None:
    """Of several patterns the first to set a group wins; a group that took no part is left out."""
    when = compiled(
        {
            "input": {"matches": r"in (?P<city>\w+)(x)?"},
            "tool_output": {"name": {"matches": "get_(.*)"}},
            "body": {"$.tools[*].name": {"matches": "^(?P<tool>f)$"}},
            "any_of": [{"user": {"matches": "(?P<never>zzz)"}}, {"user": {"matches": "(?P<first>.)"}}],
            "not": {"model": {"matches": "(?P<negative>q)"}},
        }
    )
    assert when.groups is not None
    assert when.groups(ask({"model": "q", "input": "weather in Paris", **TOOLS})) == {
        "0": "in Paris",
        "1": "Paris",
        "city": "Paris",
        "tool": "f",
        "first": "w",
    }
    assert when.groups(ask(TWO)) == {"0": "get_weather", "1": "weather", "first": "w"}
    assert compiled({"input": "x", "model": {"glob": "*"}}).groups is None


def test_groups_come_from_the_output_that_met_the_condition() -> None:
    """Not from another output that the pattern would fit as well."""
    when = compiled(
        {"tool_output": {"name": "get_time", "output": {"matches": "^(n.*)"}, "call_id": {"matches": ".(.)"}}}
    )
    assert when.groups is not None
    assert when.groups(ask(TWO)) == {"0": "noon", "1": "noon"}


def test_the_table_is_documented_and_its_schema_holds_what_compiles() -> None:
    """The JSON Schema of `when` accepts every good row and refuses misspelt names and wrong shapes."""
    assert all(entry.doc for entry in TARGETS.values())
    definitions = {"matcher": matcher_schema(), "when": when_schema()}
    checker = jsonschema.Draft202012Validator({"$ref": "#/$defs/when", "$defs": definitions})
    for when, _ in HOLD:
        assert when is None or checker.is_valid(json.loads(json.dumps(when))), when
    bad: list[Any] = [
        {"modle": "a"},
        {"stream": "yes"},
        {"tools": "x"},
        {"turn": "2"},
        {"headers": "x"},
        {"any_of": []},
    ]
    bad += [{"body": {"a": 1}}, {"body": {"mask": "date"}}, {"tool_output": {"x": 1}}, {"not": {"x": 1}}]
    for when in bad:
        assert not checker.is_valid(when), when


def test_input_of_a_script_is_what_began_it() -> None:
    """After a tool output the user has just said nothing; a rule with turns goes on there all the same."""

    def report(path: tuple[str | int, ...], message: str, hint: str = "") -> None:
        raise AssertionError(message)

    loop = [
        {"role": "user", "content": "the weather?"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "x"},
    ]
    request = Request("POST", "/v1/responses", body=orjson.dumps({"model": "m", "input": loop}))
    for given in ({"input": {"contains": "weather"}}, {"any_of": [{"input": "the weather?"}]}):
        for scripted in (True, False):
            when = compile_when(given, report, (), scripted=scripted)
            assert all(not condition.test(request) for condition in when.conditions) is scripted
