"""Recordings as text: any value comes back as it was, it reads well, and a file that stands is only added to."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mockserver.core.recordings.editing import appended
from mockserver.core.recordings.writing.text import entry_text, new_file
from mockserver.core.rulefiles import yamlreader
from mockserver.core.rulefiles.yamlsource import read

NASTY = [
    "", " ", "\n", "\n\n", "a\n", "a\n\n", "\na", " a\nb", "\ta\nb", "a\n\tb", "a \nb", "a\t\nb", "a\r\nb", "a\rb",
    "a\n\n b\n", "  \n  a", "null", "~", "yes", "No", "on", "<<", "=", "1", "1.0", "0777", "1e5", "-", "- a", "a: b",
    "a:", ":a", "a #b", "#a", "'", "\"", "it's", "it's \"so\"", "\\", "a\\nb", "{a}", "[a]", "{{ input }}", "a, b", "?",
    "? a", "*a", "&a", "!a", "|", ">", "%a", "@a", "`a`", "---", "...", "--- a", "\u2028", "a\u2028b\nc", "\x00", "\x1b[0m",
    "\x85", "a\u00a0b", "\ufeffa", "\ufffe", "😀", "😀\n👩‍👩‍👧", "ünï", "2026-01-31", "12:30:00", "0x1f", ".5", "+1",
    "deadbeefdeadbeef", "12345678901234567890123456789012", "x" * 300, "it's " * 60 + ": x", "a\n" + "b: c # d\n" * 3,
    "a'b\": c", "\u202eabc", "end\\", "a\\\n", " \\ a\n ", "http://x/y?z=1", "C:\\x", "\"quoted\"\n", "\x7f",
    "tab\tin", "\u200b",
]  # fmt: skip

characters = st.one_of(
    st.characters(exclude_categories=["Cs"]), st.sampled_from(" \n\t\r:#'\"\\-{}[],?|>&*!%@`\u2028\x85")
)
texts = st.one_of(st.sampled_from(NASTY), st.text(characters, max_size=30))
scalars = st.one_of(
    texts, st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)


@pytest.fixture(params=["C", "Python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Read with the parser in C, and with the one in Python that stands in where C was not built."""
    if request.param == "Python":
        monkeypatch.setattr(yamlreader, "_LOADER", yaml.SafeLoader)
    elif not yaml.__with_libyaml__:
        pytest.skip("the parser in C is not built")
    return str(request.param)


def entry(value: Any) -> dict[str, Any]:
    return {"name": "a 1", "request": {"body": value}, "reply": {"output": [value, {"message": value}], "usage": value}}


def same(text: str, value: Any) -> None:
    """The text is read as exactly this value: order of keys and kind of numbers included."""
    source = read(text)
    assert source.problems == ()
    assert json.dumps(source.value) == json.dumps(value)
    assert not re.search(r"[ \t]$", text, re.MULTILINE)
    assert text.isprintable() or all(
        char == "\n" or char == "\t" or ord(char) > 0x9F for char in text if not char.isprintable()
    )


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("text", NASTY)
def test_text_that_yaml_would_read_otherwise_comes_back(text: str) -> None:
    for value in (text, [text], {text: text}, [[text, text]], {"a": {"b": {"c": [text]}}}):
        same(new_file(entry_text(entry(value))), {"rules": [entry(value)]})


@settings(max_examples=150, deadline=None)
@given(values)
@example([{"a": [[], {}]}, [[["x\ny"]]]])
@example({"k" * 2000: {"a": "b\nc"}, "l" * 2000: [1, [2]], "m" * 2000: "x\ny"})
def test_any_value_comes_back(value: Any) -> None:
    same(
        new_file(entry_text(entry(value)), match={"ignore": [value]}),
        {"match": {"ignore": [value]}, "rules": [entry(value)]},
    )


@settings(max_examples=40, deadline=None)
@given(values, values)
def test_a_second_rule_comes_back_too(one: Any, other: Any) -> None:
    text = new_file(entry_text(entry(one)))
    added = appended(text, entry_text(entry(other)))
    assert added.startswith(text)
    same(added, {"rules": [entry(one), entry(other)]})


def test_a_rule_reads_like_one_written_by_hand() -> None:
    rule = {
        "name": "what-is-the-weather 1",
        "request": {
            "body": {
                "model": "gpt-5",
                "instructions": "You are kind.\nAnswer: briefly.\n",
                "input": [{"role": "user", "content": 'What\'s the weather in "Paris"?'}],
                "tools": [
                    {
                        "type": "function",
                        "name": "get_weather",
                        "description": "Look up the weather, now.",
                        "parameters": {
                            "type": "object",
                            "properties": {"city": {"type": "string", "description": "The city's name"}},
                            "required": ["city"],
                        },
                    }
                ],
                "stream": True,
            }
        },
        "reply": {
            "output": [{"function_call": {"name": "get_weather", "arguments": {"city": "Paris"}, "call_id": "call_1"}}],
            "headers": {"x-request-id": "req_1", "openai-processing-ms": "120"},
        },
        "recorded": {"at": "2026-11-22T12:00:00Z", "reply": "0123456789abcdef0123456789abcdef"},
    }
    assert (
        entry_text(rule)
        == """\
  - name: what-is-the-weather 1
    request:
      body:
        model: gpt-5
        instructions: |
          You are kind.
          Answer: briefly.
        input:
          - {role: user, content: 'What''s the weather in "Paris"?'}
        tools:
          - type: function
            name: get_weather
            description: Look up the weather, now.
            parameters:
              type: object
              properties:
                city: {type: string, description: The city's name}
              required: [city]
        stream: true
    reply:
      output:
        - function_call: {name: get_weather, arguments: {city: Paris}, call_id: call_1}
      headers: {x-request-id: req_1, openai-processing-ms: '120'}
    recorded: {at: '2026-11-22T12:00:00Z', reply: '0123456789abcdef0123456789abcdef'}
"""
    )


def test_text_with_blanks_at_line_ends_keeps_a_line_for_each_line() -> None:
    text = entry_text({"reply": {"text": "two blanks  \n indented\r\n\ttab"}})
    assert (
        text
        == """\
  - reply:
      text: "\\
        two blanks  \\n\\
        \\ indented\\r\\n\\
        \\ttab"
"""
    )


FIRST = "  - name: first\n    reply: {text: one}\n"
SECOND = entry_text({"name": "second", "reply": {"text": "two\n"}})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"rules:\n{FIRST}", f"rules:\n{FIRST}\n{SECOND}"),
        (f"rules:\n{FIRST}".rstrip("\n"), f"rules:\n{FIRST}\n{SECOND}"),
        (f"# kept\nrules: # too\n{FIRST}    # at the end\n", f"# kept\nrules: # too\n{FIRST}    # at the end\n\n{SECOND}"),
        (
            f"rules:\n{FIRST}\n# about the rest\notherwise: {{text: ok}}\n",
            f"rules:\n{FIRST}\n{SECOND}\n# about the rest\notherwise: {{text: ok}}\n",
        ),
        ("match: {ignore: [$.user]}\n", f"match: {{ignore: [$.user]}}\n\nrules:\n{SECOND}"),
        ("rules:\n", f"rules:\n{SECOND}"),
        ("rules: []  # none yet\n", f"rules:  # none yet\n{SECOND}"),
        ("", f"rules:\n{SECOND}"),
        (
            "rules:\n- name: first\n  reply: hi\n",
            f"rules:\n- name: first\n  reply: hi\n\n{SECOND.replace(chr(10) + '  ', chr(10))[2:]}",
        ),
        (
            "rules:\n  - name: first\n    reply:\n      text: |+\n        one\n\n",
            "rules:\n  - name: first\n    reply:\n      text: |+\n        one\n\n" + SECOND,
        ),
        (f"rules:\r\n{FIRST}".replace("\n", "\r\n").replace("\r\r", "\r"), f"rules:\n{FIRST}\n{SECOND}".replace("\n", "\r\n")),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("parser")
def test_a_rule_is_added_and_what_stands_is_kept(before: str, after: str) -> None:
    assert appended(before, SECOND) == after


def test_a_deeper_list_takes_a_deeper_rule() -> None:
    added = appended("rules:\n    - name: first\n      reply: hi\n", SECOND)
    assert added.endswith("\n    - name: second\n      reply:\n        text: |\n          two\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rules: [{reply: hi}]\n", "line 1: `rules` is not written as a list"),
        ("rules: {a: b}\n", "line 1: `rules` is not a list"),
        ("- reply: hi\n", "expected a mapping"),
        ("rules:\n  - reply: *x\n", "cannot be read: 2:"),
        ("rules:\n  - reply: hi\n...\n", "leaves no room"),
    ],
)
def test_where_no_rule_can_be_added_it_says_so(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        appended(text, SECOND)
