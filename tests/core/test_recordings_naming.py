"""Names of recordings: known again by people, and taken by every file system."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.recordings.capture import Capture, Piece
from mockserver.core.recordings.writing.naming import MOST, exact_name, set_of, slug, stem_of, unique
from mockserver.core.rulefiles.recordingform import is_exact_name

LEGAL = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
DEVICES = {"con", "prn", "aux", "nul", "com1", "lpt9"}


def stem(path: str = "/v1/responses", method: str = "POST", **fields: Any) -> str:
    return stem_of(Capture(method, path, 200, (), request_body=orjson.dumps(fields) if fields else b""))


@pytest.mark.parametrize(
    ("given_input", "named"),
    [
        ("What is the weather?", "what-is-the-weather"),
        ("What's up", "whats-up"),
        ("Größe: Łódź & Đà Nẵng", "grosse-lodz-da-nang"),
        ("one two three four five six seven eight nine ten", "one-two-three-four-five-six-seven-eight"),
        ("x" * 100, "x" * MOST),
        ("CON", "con-file"),
        ("lpt1.txt", "lpt1-txt"),
        ([{"role": "user", "content": [{"type": "input_text", "text": "Hi"}, {"type": "input_image"}]}], "hi"),
        ([{"role": "developer", "content": "Be kind."}, {"role": "user", "content": "Hello there"}], "hello-there"),
        ([{"role": "user", "content": "one"}, {"role": "assistant"}, {"role": "user", "content": "two"}], "one"),
        ([{"type": "function_call_output", "call_id": "c", "output": "o"}], "responses"),
        ("日本語", "responses"),
        (None, "responses"),
        ([1, None, {"role": "user", "content": 5}], "responses"),
    ],
)  # fmt: skip
def test_a_file_is_called_by_what_the_user_said_first(given_input: Any, named: str) -> None:
    assert stem(model="gpt-5", input=given_input) == named


def test_where_the_user_said_nothing_something_else_names_it() -> None:
    assert stem(instructions="Be kind.", input="日本語") == "be-kind"
    assert stem("/v1/models", "GET") == "get-models"
    assert stem("/v1/responses/resp_1/cancel") == "post-responses-resp-1-cancel"
    assert stem("/", "GET") == "get"


@given(st.text())
def test_a_slug_is_a_legal_name(text: str) -> None:
    made = slug(text)
    assert made == "" or (LEGAL.fullmatch(made) and len(made) <= MOST + 5 and made not in DEVICES)


def test_a_name_is_taken_whatever_its_case() -> None:
    assert unique("hello", []) == "hello"
    assert unique("hello", ["HELLO", "Hello-2"]) == "hello-3"


@pytest.mark.parametrize(
    ("test_id", "kept_at"),
    [
        ("tests/test_agent.py::test_ask", "recordings/test_agent/test_ask"),
        ("tests/test_agent.py::TestTools::test_ask[paris-1]", "recordings/test_agent/TestTools.test_ask-paris-1"),
        ("tests\\test_agent.py::test_ask", "recordings/test_agent/test_ask"),
        ("aux.py::nul", "recordings/aux-file/nul-file"),
    ],
)
def test_a_test_has_a_set_of_its_own(test_id: str, kept_at: str) -> None:
    assert set_of(test_id) == kept_at


def test_parameters_that_no_name_can_hold_stay_apart() -> None:
    ids = ["a/b", "a-b", "A-B", "a:b", "日本", "", "x" * 200, "x" * 201, "a::b", "..", "a."]
    sets = [set_of(f"t.py::test_x[{each}]") for each in ids] + [set_of("t.py::test_x")]
    assert len({each.casefold() for each in sets}) == len(sets)
    assert all(re.fullmatch(r"recordings/t/test_x(?:[\w.-]*\w)?", each, re.ASCII) and len(each) < 80 for each in sets)


def test_tests_and_modules_with_names_in_other_letters_stay_apart() -> None:
    ids = [
        "t.py::test_größe",
        "t.py::test_grüße",
        "t.py::test_天气",
        "t.py::test_天空",
        "t.py::test_",
        "t.py::TestÄ::test_a",
    ]
    ids += ["t.py::TestÖ::test_a", "tä.py::test_a", "tö.py::test_a"]
    sets = [set_of(each) for each in ids]
    assert len(set(sets)) == len(sets)
    assert all(re.fullmatch(r"recordings/[\w-]+/[\w.-]*\w", each, re.ASCII) for each in sets)


@pytest.mark.parametrize(
    ("content_type", "pieces", "suffix"),
    [
        ("text/event-stream; charset=utf-8", [b"data: 1\n\n"], "sse"),
        ("application/json", [b"{", b"}"], "json"),
        ("application/problem+json", [b"{}"], "json"),
        ("text/plain", [b"a"], "txt"),
        ("text/plain", [b"\xff"], "bin"),
        ("text/plain", [b"a", b"b"], "chunks"),
        ("image/png", [b"a"], "bin"),
        ("", [], "bin"),
    ],
)
def test_an_exact_file_shows_what_is_inside(content_type: str, pieces: list[bytes], suffix: str) -> None:
    capture = Capture("GET", "/", 200, (("content-type", content_type),), tuple(Piece(0, each) for each in pieces))
    name = exact_name(capture, "hello", 3)
    assert name == f"hello.3.{suffix}"
    assert is_exact_name(name)
