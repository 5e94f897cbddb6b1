"""Mistakes that mend themselves are mended, everything else is left as it was."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.rulefiles.mending import mend
from mockserver.core.rulefiles.rulefile import parse

CASES = [
    ("a misspelt key", "rules: [{reply: {txt: hi}}]", "rules: [{reply: {text: hi}}]"),
    (
        "a misspelt key and what it hid",
        "rules:\n  - whn: {modle: x}\n    reply: {text: hi}\n",
        "rules:\n  - when: {model: x}\n    reply: {text: hi}\n",
    ),
    (
        "a time without its unit",
        "otherwise: {text: hi, timing: {first: 25}}",
        "otherwise: {text: hi, timing: {first: 25ms}}",
    ),
    ("a misspelt error", "otherwise: {error: slow_dwn}", "otherwise: {error: slow_down}"),
    (
        "two on one line",
        "rules: [{reply: {txt: hi, timing: {evry: 3ms}}}]",
        "rules: [{reply: {text: hi, timing: {every: 3ms}}}]",
    ),
    (
        "comments and layout stay",
        "# keep\nrules:   # me\n  -   reply: {txt: 'a  b'}\n",
        "# keep\nrules:   # me\n  -   reply: {text: 'a  b'}\n",
    ),
]


@pytest.mark.parametrize(("before", "after"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_what_has_one_correction_is_mended(before: str, after: str) -> None:
    mended = mend(before, "f.mock.yaml")
    assert mended.text == after
    assert mended.problems
    assert parse(mended.text, "f.mock.yaml").problems == ()


@pytest.mark.parametrize(
    "text",
    [
        "rules: [{reply: {text: hi}}]",
        "rules: [{reply: {qqqqqqqq: hi}}]",
        "rules: [{reply: {text: hi}, when: {model: [}}]",
        "",
        "otherwise: {text: txt}",
    ],
)
def test_everything_else_is_left_alone(text: str) -> None:
    mended = mend(text, "f.mock.yaml")
    assert (mended.text, mended.problems) == (text, ())


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["text", "refusal", "timing", "usage"]), st.sampled_from(["when", "reply", "name"]), st.data())
def test_mending_never_adds_mistakes(inner: str, outer: str, data: st.DataObject) -> None:
    """Whatever letter is lost, there are at most as many mistakes after as before, and mending twice changes nothing."""
    text = "rules:\n  - name: n\n    when: {model: x}\n    reply: {text: hi, timing: {first: 5ms}}\n"
    for word in (inner, outer):
        at = data.draw(st.integers(0, len(word) - 1))
        text = text.replace(f"{word}:", f"{word[:at]}{word[at + 1 :]}:", 1)
    mended = mend(text, "f.mock.yaml")
    assert len(parse(mended.text, "f.mock.yaml").problems) <= len(parse(text, "f.mock.yaml").problems)
    assert mend(mended.text, "f.mock.yaml").text == mended.text
