"""Rules are taken out and replaced; everything else in the text stays, to the byte."""

from __future__ import annotations

import pytest

from mockserver.core.recordings.editing import is_recorded, listed, replaced, without

HEAD = "# ours\nmatch: {mask: [date]}\nrules:\n"
HAND = "  # by hand\n  - name: mine\n    when: {input: x}\n    reply: {text: 'a ü b'}\n\n"
RECORDED = (
    "  # noted\n  - name: r 1\n    request:\n      body:\n        input: |\n          one\n\n          # two\n"
    "    reply: {text: hi}\n"
)
LAST = "  - # the dash stands alone\n    name: r 2\n    request: {body: {input: y}}\n    reply: {text: hi}\n"
TAIL = "  # at the end\notherwise: {text: ok}\n"


def test_recorded_rules_go() -> None:
    """What a recorder wrote goes with the comments right above; the hand-written rule and the rest stay."""
    assert without(HEAD + HAND + RECORDED + LAST + TAIL, is_recorded) == HEAD + HAND + TAIL


def test_nothing_goes() -> None:
    """A text without such rules is the same text."""
    text = HEAD + HAND + TAIL
    assert without(text, is_recorded) == text


def test_order_does_not_matter() -> None:
    """A recorded rule may stand before a hand-written one."""
    assert without(HEAD + RECORDED + HAND + TAIL, is_recorded) == HEAD + HAND + TAIL


def test_one_is_replaced() -> None:
    """The new entry takes the lines of the old; comments stay."""
    entry = "  - name: r 1\n    request: {body: {}}\n    reply: {text: new}\n"
    text = replaced(HEAD + HAND + RECORDED + LAST + TAIL, "r 1", entry)
    assert text == HEAD + HAND + "  # noted\n" + entry + LAST + TAIL


def test_line_ends_and_no_last_line_end() -> None:
    """A file without a line end at its end, and one from another system."""
    text = (HEAD + HAND + RECORDED).replace("\n", "\r\n").rstrip()
    assert without(text, is_recorded) == (HEAD + HAND).replace("\n", "\r\n")


def test_rules_in_one_line() -> None:
    """Rules that do not stand on lines of their own are not taken apart."""
    with pytest.raises(ValueError, match="line 1"):
        without("rules: [{name: r, request: {body: {}}, reply: {text: hi}}]\n", is_recorded)


def test_an_unknown_name() -> None:
    """There is nothing to replace."""
    with pytest.raises(ValueError, match="no rule is called 'nobody'"):
        replaced(HEAD + HAND, "nobody", "")


@pytest.mark.parametrize("text", ["", "rules: 1\n", "[]\n", "rules: [\n", "otherwise: {text: hi}\n"])
def test_files_without_rules(text: str) -> None:
    """They have none, and stay as they are."""
    assert listed(text) == []
    assert without(text, is_recorded) == text


def test_what_stands_around_a_replaced_rule_stays() -> None:
    text = "rules:\n  # one\n  - name: a\n    x: 1\n\n  # two\n  - name: b\n\n# end\n"
    made = replaced(text, "a", "  - name: a\n    x: 2\n")
    assert made == text.replace("x: 1", "x: 2")
    assert replaced(text, "b", "  - name: b\n    x: 2\n") == text.replace("- name: b\n", "- name: b\n    x: 2\n")
