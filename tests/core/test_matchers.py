"""Each matcher by a table: what it accepts, what it tells, and which mistakes of authors it reports."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.messages import ABSENT
from mockserver.core.rules.conditions import HOLDS, Mismatch
from mockserver.core.rules.leaves import MAX_SUBJECT
from mockserver.core.rules.matchers import MATCHERS, Matcher, compile_matcher, matcher_schema
from tests.core.reporting import Reported, refuse


def matcher(spec: Any, *, text: bool = False) -> Matcher:
    return compile_matcher(spec, refuse, ("when", "model"), text=text)


ACCEPTED: list[tuple[Any, list[Any], list[Any]]] = [
    # what is written, values it accepts, values it does not
    ("gpt-5", ["gpt-5"], ["GPT-5", "gpt-5 ", 5, None, ["gpt-5"], ABSENT]),
    (1, [1, 1.0], [True, "1", 2, ABSENT]),
    (True, [True], [1, 1.0, "true", False, ABSENT]),
    (None, [None], [False, 0, "", ABSENT]),
    ([1, 2], [[1, 2], [1.0, 2]], [[2, 1], [1], 1, ABSENT]),
    ({"equals": {"a": [1]}}, [{"a": [1.0]}], [{"a": [True]}, {}, ABSENT]),
    ({"equals": {}}, [{}], [[], {"a": 1}, ABSENT]),
    ({"contains": "ab"}, ["xabx"], ["AB", "a b", ["ab"], {"ab": 1}, 7, None, ABSENT]),
    ({"contains": ["a", "b"]}, ["ba"], ["a", "b", "", ABSENT]),
    ({"contains": 42}, ["a42"], ["4 2", 42, ABSENT]),
    ({"glob": "gpt-*"}, ["gpt-", "gpt-5\nmini"], ["xgpt-5", "GPT-5", 1, ABSENT]),
    ({"glob": "gpt-?[45]"}, ["gpt-x4"], ["gpt-4", "gpt-x6"]),
    ({"glob": "/v1/*"}, ["/v1/a/b", "/v1/"], ["/v2/"]),
    ({"glob": "a.b"}, ["a.b"], ["axb"]),
    ({"matches": "^a+$"}, ["aaa"], ["ba", "", 1, ABSENT]),
    ({"matches": "b"}, ["abc"], ["B", ["b"]]),
    ({"in": ["a", "b"]}, ["a"], ["c", "ab", ["a"], ABSENT]),
    ({"in": [1, None, {"a": 1}]}, [1.0, None, {"a": 1}], [True, "1", ABSENT]),
    ({"exists": True}, ["", None, 0], [ABSENT]),
    ({"exists": False}, [ABSENT], ["", None, 0]),
    ({"gt": 1}, [2, 1.5], [1, True, "2", None, ABSENT]),
    ({"gte": 1, "lt": 3}, [1, 2.9], [0.5, 3, "2", ABSENT]),
    ({"lte": 0}, [0, -1], [0.1, False, ABSENT]),
    ({"length": 2}, ["ab", [1, 2], {"a": 1, "b": 2}], ["a", 2, None, ABSENT]),
    ({"length": {"gte": 1}}, ["a", [0]], ["", [], ABSENT]),
    ({"include": "a"}, [["b", "a"]], [["b"], "a", {"a": 1}, ABSENT]),
    ({"include": ["a", 1]}, [["a", 1.0]], [["a"], ["a", True]]),
    ({"include": {"glob": "get_*"}}, [["x", "get_y"]], [["x"], [1]]),
    ({"include": {"equals": {"a": 1}}}, [[{"a": 1}]], [[{"a": 2}]]),
    ({"schema": {"type": "object", "required": ["a"]}}, [{"a": 1}], [{}, 1, ABSENT]),
    ({"any_of": ["a", {"contains": "b"}]}, ["a", "xb"], ["x", 1, ABSENT]),
    ({"any_of": [{"exists": False}, "a"]}, [ABSENT, "a"], ["b"]),
    ({"all_of": [{"contains": "a"}, {"contains": "b"}]}, ["ab"], ["a", ABSENT]),
    ({"not": "a"}, ["b", 1, None, ABSENT], ["a"]),
    ({"not": {"exists": True}}, [ABSENT], ["a"]),
    ({"not": {"not": {"contains": "a"}}}, ["a"], ["b", ABSENT]),
    ({"contains": "a", "not": {"contains": "b"}}, ["a"], ["ab", "b", ABSENT]),
]


@pytest.mark.parametrize(("spec", "good", "bad"), ACCEPTED, ids=[repr(row[0]) for row in ACCEPTED])
def test_what_a_matcher_accepts(spec: Any, good: list[Any], bad: list[Any]) -> None:
    """A wrong type is a mismatch, absence fails, and success is the one shared empty tuple."""
    test = matcher(spec)
    for value in good:
        assert test(value) is HOLDS, value
        assert test.holds(value), value
    for value in bad:
        assert test(value), value
        assert not test.holds(value), value


@pytest.mark.parametrize(
    ("spec", "value", "mismatch"),
    [
        ("a", "b", Mismatch("model", "a", "b")),
        ("a", 1, Mismatch("model", "a", 1, "a number where text was expected")),
        ("a", ABSENT, Mismatch("model", "a", ABSENT)),
        ({"contains": ["a", "b"]}, "a", Mismatch("model.contains", ["a", "b"], "a", "lacks 'b'")),
        ({"contains": "a"}, ["a"], Mismatch("model.contains", "a", ["a"], "a list where text was expected")),
        ({"length": {"gt": 3}}, "ab", Mismatch("model.length.gt", 3, 2)),
        ({"length": 1}, 5, Mismatch("model.length", 1, 5, "a number has no length")),
        ({"include": ["a", "b"]}, ["a"], Mismatch("model.include", ["a", "b"], ["a"], "lacks 'b'")),
        ({"not": "a"}, "a", Mismatch("model.not", "a", "a", "holds, and must not")),
        ({"any_of": ["a", "b"]}, "c", Mismatch("model.any_of", ["a", "b"], "c", "none of them holds")),
        ({"all_of": [{"gt": 1}]}, 0, Mismatch("model.all_of[0].gt", 1, 0)),
    ],
)
def test_what_a_mismatch_tells(spec: Any, value: Any, mismatch: Mismatch) -> None:
    """The condition as written, what was expected, what was found, and a word where these do not suffice."""
    assert matcher(spec)(value) == (mismatch,)


def test_several_matchers_each_tell_their_mismatch() -> None:
    """All must hold, and all that fail are told."""
    paths = [mismatch.path for mismatch in matcher({"contains": "a", "glob": "b*", "exists": True})("c")]
    assert paths == ["model.contains", "model.glob"]


def test_a_schema_tells_each_violation() -> None:
    """The failing keyword, what it wanted and what stood there."""
    test = matcher({"schema": {"type": "object", "properties": {"a": {"type": "string"}}}})
    [mismatch] = test({"a": 1})
    assert (mismatch.path, mismatch.expected, mismatch.found) == ("model.schema", {"type": "string"}, 1)
    assert mismatch.message


MISTAKES: list[tuple[Any, str, str, str]] = [
    # what is written, where it is reported, what is said, the hint
    ({"contian": "a"}, "model.contian", "unknown matcher", "contains"),
    ({"name": "a"}, "model.name", "unknown matcher", "equals"),
    ({}, "model", "no matcher", "contains"),
    ({"matches": "(a"}, "model.matches", "at character 1", ""),
    ({"matches": "a{2,1}"}, "model.matches", "at character 3", ""),
    ({"matches": "a{99999999999999999999}"}, "model.matches", "not a usable", ""),
    ({"matches": "x(a+)+$"}, "model.matches", "at character 2", "once"),
    ({"matches": r"(?:\w*)*"}, "model.matches", "repeats", "once"),
    ({"matches": "([a-z]+)*"}, "model.matches", "repeats", "once"),
    ({"matches": ["a"]}, "model.matches", "regular expression", ""),
    ({"glob": ["a"]}, "model.glob", "expected text", ""),
    ({"contains": []}, "model.contains", "empty list", ""),
    ({"contains": {"a": 1}}, "model.contains", "expected text", ""),
    ({"contains": ["a", None]}, "model.contains", "expected text", ""),
    ({"in": "a"}, "model.in", "list of values", "in: [a, b]"),
    ({"in": []}, "model.in", "list of values", ""),
    ({"exists": "yes"}, "model.exists", "true or false", ""),
    ({"gt": "1"}, "model.gt", "a number", ""),
    ({"gt": True}, "model.gt", "a number", ""),
    ({"length": "2"}, "model.length", "a number", ""),
    ({"length": {"gtt": 2}}, "model.length.gtt", "unknown matcher", "gt"),
    ({"include": []}, "model.include", "empty list", ""),
    ({"schema": 1}, "model.schema", "JSON Schema", ""),
    ({"schema": {"type": "strin"}}, "model.schema", "JSON Schema", ""),
    ({"schema": {"$ref": "http://127.0.0.1:9/x.json"}}, "model.schema", "JSON Schema", ""),
    ({"any_of": []}, "model.any_of", "list of matchers", ""),
    ({"any_of": {"contains": "a"}}, "model.any_of", "list of matchers", ""),
    ({"any_of": ["a", {"glbo": "b"}]}, "model.any_of.1.glbo", "unknown matcher", "glob"),
    ({"not": {"equls": "b"}}, "model.not.equls", "unknown matcher", "equals"),
]


@pytest.mark.parametrize(("spec", "where", "message", "hint"), MISTAKES, ids=[repr(row[0]) for row in MISTAKES])
def test_mistakes_are_reported_where_they_stand(spec: Any, where: str, message: str, hint: str) -> None:
    """Compiling goes on, and what could not be compiled accepts nothing."""
    report = Reported()
    test = compile_matcher(spec, report, ("model",))
    place, said, help_ = report.only
    assert place == where
    assert message in said
    assert hint in help_
    if "not" not in spec and "any_of" not in spec:
        assert not test.holds("a")


def test_every_mistake_is_reported_at_once() -> None:
    """One run tells all."""
    report = Reported()
    compile_matcher({"matches": "(", "glob": 1.5, "in": 3}, report, ())
    assert len(report.mistakes) == 3


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        (5, "5"),
        (True, "true"),
        ({"equals": 1}, "1"),
        ({"in": [1, "a", False]}, "false"),
        ({"gt": 1}, "2"),
        ({"lt": 0.5}, " .1".strip()),
        ({"not": {"gt": 1}}, "x"),
        ({"gt": 1}, "2e3"),
    ],
)
def test_where_the_value_is_text_numbers_are_read_as_people_mean_them(spec: Any, value: str) -> None:
    """YAML reads `x-try: 2` as a number; the header is text."""
    assert matcher(spec, text=True)(value) is HOLDS


@pytest.mark.parametrize(
    ("spec", "hint"),
    [
        (1.1, 'quote it: "1.1"'),
        (None, "exists: false"),
        (["a"], "in: [...]"),
        ({"equals": {}}, ""),
        ({"in": [None]}, "exists"),
    ],
)
def test_what_text_can_never_equal_is_a_mistake(spec: Any, hint: str) -> None:
    """A rule that can never match is no silent miss."""
    report = Reported()
    compile_matcher(spec, report, ("model",), text=True)
    assert hint in report.only[2]


def test_patterns_that_must_match_are_handed_out() -> None:
    """Those under `not` and of list elements say nothing about the value; the others feed `{{ match }}`."""
    patterns: list[Any] = []
    spec = {"matches": "a", "all_of": [{"matches": "b"}], "not": {"matches": "c"}, "include": {"matches": "d"}}
    compile_matcher(spec, refuse, (), patterns=patterns)
    assert [pattern.pattern for pattern in patterns] == ["a", "b"]


def test_patterns_are_not_tried_on_endless_text() -> None:
    """Patterns backtrack; a text beyond the bound is a mismatch that says so."""
    test = matcher({"matches": "a"})
    assert test("a" * MAX_SUBJECT) is HOLDS
    [mismatch] = test("a" * (MAX_SUBJECT + 1))
    assert str(MAX_SUBJECT) in mismatch.message


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "a", "b", "ab", 0.5]),
    lambda child: st.lists(child, max_size=2) | st.dictionaries(st.sampled_from(["a", "b"]), child, max_size=2),
    max_leaves=4,
)
SPECS = st.recursive(
    st.sampled_from([row[0] for row in ACCEPTED]) | VALUES.map(lambda value: {"equals": value}),
    lambda child: st.lists(child, min_size=1, max_size=2).flatmap(
        lambda parts: st.sampled_from([{"any_of": parts}, {"all_of": parts}, {"not": parts[0]}])
    ),
    max_leaves=3,
)


@given(SPECS, VALUES | st.just(ABSENT))
@settings(max_examples=100, deadline=None)
def test_verdict_explanation_and_complement_agree(spec: Any, value: Any) -> None:
    """A mismatch is told exactly when the verdict is no, and `not` is the complement."""
    test = matcher(spec)
    assert test.holds(value) is not bool(test(value))
    assert matcher({"not": spec}).holds(value) is not test.holds(value)


def test_the_table_is_documented_and_its_schema_holds_what_compiles() -> None:
    """Every matcher has a line for people; the JSON Schema accepts the good rows and refuses misspelt names."""
    assert all(entry.doc for entry in MATCHERS.values())
    document = {"$ref": "#/$defs/matcher", "$defs": {"matcher": matcher_schema()}}
    checker = jsonschema.Draft202012Validator(document)
    for spec, _, _ in ACCEPTED:
        assert checker.is_valid(json.loads(json.dumps(spec))), spec
    for spec in ({"contian": "a"}, {}, {"in": "a"}, {"exists": "yes"}, {"gt": "1"}, {"any_of": []}, {"not": {"x": 1}}):
        assert not checker.is_valid(spec), spec
