"""The words tail, said, user, transcript and turn, on conversations of every shape."""

from __future__ import annotations

from typing import Any

import pytest

from mockserver.core.conversation import Conversation, output_text, text_of

USER = {"role": "user", "content": "hi"}
AGAIN = {
    "type": "message",
    "role": "user",
    "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}],
}
SYSTEM = {"role": "system", "content": "be kind"}
ASSISTANT = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hello"}]}
REASONING = {"type": "reasoning", "id": "rs_1", "summary": []}
CALL = {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "18 °C"}
SHELL = {"type": "local_shell_call", "call_id": "c2", "action": {}}
SHELL_OUTPUT = {"type": "local_shell_call_output", "call_id": "c2", "output": {"code": 0}}
LIST = {"type": "mcp_list_tools", "id": "mcpl_1"}


@pytest.mark.parametrize(
    ("given", "tail", "said", "user", "turn"),
    [
        ("hi", 1, "hi", "hi", 1),
        ([USER], 1, "hi", "hi", 1),
        ([SYSTEM, USER, AGAIN], 3, "a\nb", "a\nb", 1),
        ([USER, CALL, OUTPUT], 1, None, "hi", 2),
        ([USER, REASONING, CALL, OUTPUT], 1, None, "hi", 2),
        ([USER, CALL, OUTPUT, AGAIN], 2, "a\nb", "a\nb", 2),
        ([USER, CALL, OUTPUT, ASSISTANT, AGAIN], 1, "a\nb", "a\nb", 3),
        ([USER, LIST], 0, None, "hi", 2),
        ([USER, {"type": "item_reference", "id": "msg_1"}, OUTPUT], 1, None, "hi", 2),
        ([OUTPUT], 1, None, None, 1),
        ([], 0, None, None, 1),
        (None, 0, None, None, 1),
        (["not an item", USER], 1, "hi", "hi", 1),
    ],
)
def test_words(given: Any, tail: int, said: str | None, user: str | None, turn: int) -> None:
    """Tail is what stands after the last item the model made; the turn counts runs of such items."""
    conversation = Conversation((), given)
    assert (len(conversation.tail), conversation.said, conversation.user, conversation.turn) == (tail, said, user, turn)


def test_a_stored_chain_comes_first() -> None:
    """History counts for turn, transcript, user and tool names, never for the tail."""
    conversation = Conversation([USER, CALL], [OUTPUT])
    assert conversation.turn == 2
    assert conversation.user == "hi"
    assert conversation.said is None
    assert conversation.transcript == "hi\n18 °C"
    assert conversation.call_name("c1") == "get_weather"
    assert conversation.tail_outputs == [OUTPUT]


def test_a_call_without_a_name_goes_by_its_type() -> None:
    """Built-in tools have no name of their own; an unknown call has none at all."""
    conversation = Conversation((), [USER, SHELL, SHELL_OUTPUT])
    assert conversation.call_name("c2") == "local_shell_call"
    assert conversation.call_name("c3") is None
    assert conversation.transcript == 'hi\n{"code":0}'


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("plain", "plain"),
        (
            [{"type": "output_text", "text": "a"}, {"type": "input_image"}, {"type": "refusal", "refusal": "no"}],
            "a\nno",
        ),
        (None, ""),
        ([1, {"text": 2}], ""),
    ],
)
def test_text_of(content: Any, text: str) -> None:
    """Strings and text parts; anything else has no text."""
    assert text_of(content) == text


def test_output_text_of_parts_and_nothing() -> None:
    """A tool output is a string, text parts, or JSON."""
    assert output_text({"output": [{"type": "input_text", "text": "x"}]}) == "x"
    assert output_text({}) == ""


@pytest.mark.parametrize("kind", [[], {}, 1, True, None, [["message"]]])
def test_items_of_no_type_at_all_are_nobody_s(kind: object) -> None:
    """Validation may be off: whatever stands there, nothing breaks."""
    talk = Conversation((), [{"type": kind, "role": kind, "content": kind, "call_id": kind, "output": kind}])
    assert (talk.said, talk.user, talk.turn, talk.tail_outputs) == (None, None, 1, [])
    assert talk.transcript == ""
