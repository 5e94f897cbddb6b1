"""Turns are told by the conversation alone."""

from __future__ import annotations

from typing import Any

import pytest

from mockserver.core.conversation import Conversation
from mockserver.core.reply import Auto, Reply
from mockserver.core.turns import due

USER = {"role": "user", "content": "weather?"}
SAID = {"type": "message", "role": "assistant", "content": "It rains."}


def call(name: str, call_id: str) -> dict[str, Any]:
    return {"type": "function_call", "name": name, "call_id": call_id, "arguments": "{}"}


def output(call_id: str) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": "x"}


def turns(*calls: tuple[str, ...]) -> list[Reply]:
    return [Reply(Auto(), calls=names) for names in calls]


LOOP = turns(("get_weather",), ())
TWICE = turns(("search",), ("search",), ())
PARALLEL = turns(("a", "b"), ())
SHELL = turns(("local_shell_call",), ())
ASKING = turns((), ("search",), ())


@pytest.mark.parametrize(
    ("script", "items", "index"),
    [
        (LOOP, [USER], 0),
        (LOOP, [USER, call("get_weather", "1"), output("1")], 1),
        (LOOP, [USER, call("get_weather", "1")], 0),
        (LOOP, [USER, call("other", "1"), output("1")], 0),
        (LOOP, [USER, call("get_weather", "1"), output("1"), SAID, USER], 0),
        (LOOP, [USER, call("get_weather", "1"), output("1"), SAID, USER, call("get_weather", "2"), output("2")], 1),
        (LOOP, [USER, SAID, USER], 0),
        (TWICE, [USER, call("search", "1"), output("1")], 1),
        (TWICE, [USER, call("search", "1"), output("1"), call("search", "2"), output("2")], 2),
        (PARALLEL, [USER, call("a", "1"), call("b", "2"), output("1")], 0),
        (PARALLEL, [USER, call("a", "1"), call("b", "2"), output("2"), output("1")], 1),
        (SHELL, [USER, {"type": "local_shell_call", "call_id": "1"}, output("1")], 1),
        (ASKING, [USER], 0),
        (ASKING, [USER, SAID], 0),
        (ASKING, [USER, SAID, USER], 1),
        (ASKING, [USER, SAID, USER, call("search", "1"), output("1")], 2),
    ],
)
def test_due(script: list[Reply], items: list[dict[str, Any]], index: int) -> None:
    """Which turn answers this conversation."""
    assert due(script, Conversation((), items)) == index


def test_a_stored_chain_counts() -> None:
    """With `previous_response_id` the calls stand in the chain and the outputs in the input."""
    assert due(LOOP, Conversation([USER, call("get_weather", "1")], [output("1")])) == 1


def test_asking_again_gets_the_same_turn() -> None:
    """A retried request is no progress."""
    conversation = Conversation((), [USER, call("get_weather", "1"), output("1")])
    assert [due(LOOP, conversation) for _ in range(3)] == [1, 1, 1]
