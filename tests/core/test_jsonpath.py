"""Paths select what RFC 9535 says, by the quick walker and by the library alike."""

from __future__ import annotations

from typing import Any

import jsonpath_rfc9535
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.messages import ABSENT
from mockserver.core.rules.jsonpath import Path, compile_path, simple_steps, spell
from tests.core.reporting import Reported, refuse

DOCUMENT: Any = {"a": {"b": [1, {"c": None}, 3]}, "x y": "quoted", "temperature": 0, "é": 1}


def path(text: str) -> Path:
    found = compile_path(text, refuse, ())
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "values", "locations"),
    [
        ("$", [DOCUMENT], [()]),
        ("$.temperature", [0], [("temperature",)]),
        ("$.a.b[0]", [1], [("a", "b", 0)]),
        ("$.a.b[-1]", [3], [("a", "b", 2)]),
        ("$.a.b[-4]", [], []),
        ("$.a.b[3]", [], []),
        ("$['x y']", ["quoted"], [("x y",)]),
        ('$["x y"]', ["quoted"], [("x y",)]),
        ("$.é", [1], [("é",)]),
        ("$.a.b[1].c", [None], [("a", "b", 1, "c")]),
        ("$.a.b.c", [], []),
        ("$.temperature.deeper", [], []),
        ("$.a[0]", [], []),
        ("$.a.b[*]", [1, {"c": None}, 3], [("a", "b", 0), ("a", "b", 1), ("a", "b", 2)]),
        ("$..c", [None], [("a", "b", 1, "c")]),
        ("$.a.b[?@ > 2]", [3], [("a", "b", 2)]),
        ("$.a.b[0:2]", [1, {"c": None}], [("a", "b", 0), ("a", "b", 1)]),
        ("$['\\u0061']", [DOCUMENT["a"]], [("a",)]),
    ],
)
def test_what_a_path_selects(text: str, values: list[Any], locations: list[tuple[str | int, ...]]) -> None:
    """Names, indexes, slices, filters and descendants; null is a value, a missing node is none."""
    found = path(text)
    assert list(found.values(DOCUMENT)) == values
    assert list(found.locations(DOCUMENT)) == locations
    assert found.value(DOCUMENT) == (values[0] if values else ABSENT)


@pytest.mark.parametrize("text", ["$", "$.a", "$.a.b[0]", "$..a"])
def test_nothing_selects_nothing(text: str) -> None:
    """A body that is absent has no nodes, not even the root."""
    found = path(text)
    assert (list(found.values(ABSENT)), list(found.locations(ABSENT)), found.value(ABSENT)) == ([], [], ABSENT)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("$.a[", "at character 5", ""),
        ("$.a..", "at character 6", ""),
        ("$.x-case", "at character 4", "['x-case']"),
        ("$[01]", "leading zero", ""),
        ("$[9007199254740992]", "not a JSONPath", ""),
        ("$[?nope(@)]", "not a JSONPath", ""),
        ("temperature", "starts with $", "write $.temperature"),
        ("", "starts with $", "the top of the body is $"),
        (3, "starts with $", "the top of the body is $"),
    ],
)
def test_a_bad_path_is_reported_with_its_position(text: Any, message: str, hint: str) -> None:
    """The author is told where, and what to write instead."""
    report = Reported()
    assert compile_path(text, report, ("body", "x")) is None
    where, said, help_ = report.only
    assert where == "body.x"
    assert message in said
    assert hint in help_


def test_a_path_in_parentheses_without_end_is_a_mistake_and_no_crash() -> None:
    """Deep nesting in a filter is refused by a report."""
    report = Reported()
    assert compile_path("$[?" + "(" * 5000 + "@.a" + ")" * 5000 + "]", report, ()) is None
    assert report.mistakes


def test_a_document_deeper_than_any_body_selects_nothing() -> None:
    """The library gives up; that is no error of the request."""
    deep: Any = 1
    for _ in range(400):
        deep = [deep]
    assert list(path("$..a").values(deep)) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a", "b"]),
    lambda child: st.lists(child, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c d"]), child, max_size=3),
    max_leaves=12,
)
STEPS = st.lists(st.sampled_from(["a", "b", "c d"]) | st.integers(-3, 3), max_size=4).map(tuple)


@given(JSON, STEPS)
@settings(max_examples=100, deadline=None)
def test_the_walker_agrees_with_the_library(document: Any, steps: tuple[str | int, ...]) -> None:
    """The quick way and the library select the same nodes at the same places."""
    text = spell(steps)
    assert simple_steps(text) == steps
    found = path(text)
    expected = jsonpath_rfc9535.find(text, document)
    assert list(found.values(document)) == [node.value for node in expected]
    assert list(found.locations(document)) == [node.location for node in expected]


@given(st.lists(st.text(max_size=5) | st.integers(-5, 5), max_size=3).map(tuple))
@settings(max_examples=60, deadline=None)
def test_spelling_is_exact(steps: tuple[str | int, ...]) -> None:
    """A location of simple names is read back as written."""
    if not any(isinstance(step, str) and any(char < " " or char in "\\'" for char in step) for step in steps):
        assert simple_steps(spell(steps)) == steps
