"""Rules said by a test: their order, their handles, what follows, what is refused."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from mockserver import RuleError, contains, function_call, reasoning, text
from mockserver.testing.asked import AskedRequest
from mockserver.testing.server import MockServer
from tests.testing.asks import post, text_of


def said(server: MockServer, given: str = "hi", **fields: Any) -> str:
    return text_of(post(server.base_url, {"input": given, **fields}))


def line() -> int:
    return sys._getframe(1).f_lineno


def test_the_first_rule_that_fits_answers(server: MockServer) -> None:
    server.when(input=contains("rain")).reply("Wet.")
    server.when(model="m").reply("Dry.")
    server.when().reply("never", optional=True)
    assert (said(server, "any rain?"), said(server)) == ("Wet.", "Dry.")


def test_a_higher_priority_comes_first(server: MockServer) -> None:
    server.when().reply("low")
    server.when().reply("high", priority=1)
    assert said(server) == "high"


def test_a_handle_counts_what_its_rule_answered(server: MockServer) -> None:
    rain = server.when(input=contains("rain")).reply("Wet.")
    other = server.when().reply("Dry.", name="other")
    assert not rain.called
    for each in ("rain", "sun", "more rain"):
        said(server, each)
    assert (rain.called, rain.call_count, other.call_count) == (True, 2, 1)
    assert [request.input_text for request in rain.requests] == ["rain", "more rain"]
    assert [request.rule for request in server.requests] == [rain.place, "other", rain.place]
    assert repr(other) == f'<rule {other.place} "other", answered once>'
    assert server.handles[0].requests == rain.requests


def test_rules_of_one_line_are_told_apart(server: MockServer) -> None:
    """Those made in a loop count for themselves."""
    rules = [server.when(input=each).reply(each.upper()) for each in "abc"]
    for each in "aab":
        assert said(server, each) == each.upper()
    assert [rule.call_count for rule in rules] == [2, 1, 0]
    assert [len(rule.requests) for rule in rules] == [2, 1, 0]
    assert len({rule.label for rule in rules}) == 3
    assert len({rule.place for rule in rules}) == 1


def test_replies_follow_one_another(server: MockServer, client: OpenAI) -> None:
    """What is counted stays when more is added while it runs; then nothing is left, and that is a miss."""
    rule = server.when().reply(server.error("rate_limit_exceeded"), times=2)
    assert rule.then("fine") is rule
    assert client.responses.create(model="m", input="hi").output_text == "fine"
    assert rule.call_count == 3
    assert post(server.base_url)[0] == 404
    rule.then("once more")
    assert said(server) == "once more"


def test_the_last_reply_may_go_on(server: MockServer) -> None:
    server.when().reply("one").then("two", exhausted="repeat")
    assert [said(server) for _ in range(3)] == ["one", "two", "two"]


def test_turns_are_a_script_of_a_tool_loop(server: MockServer, client: OpenAI) -> None:
    server.when(input=contains("weather")).turns(
        [reasoning("A tool will know."), function_call("get_weather", {"city": "Paris"}, call_id="c1")],
        text("18 °C in Paris"),
        name="weather",
    )
    first = client.responses.create(model="m", input="the weather?")
    assert [item.type for item in first.output] == ["reasoning", "function_call"]
    history: list[Any] = [
        {"role": "user", "content": "the weather?"},
        {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "18"},
    ]
    server.when(turn=2).reply("unreached", optional=True)
    rule = server.handles[0]
    with pytest.raises(RuleError, match="turns follow the conversation"):
        rule.then("more")
    assert post(server.base_url, {"input": history})[0] == 200


def test_a_function_of_the_request_may_ask_the_server(server: MockServer) -> None:
    """It runs on the server's own thread, where asking must not wait for itself."""

    def reply(request: AskedRequest) -> str:
        assert not server.requests
        return f"{request.input_text} from {request.headers['X-Case']} to {request.model}"

    server.when().reply(reply)
    assert text_of(post(server.base_url, {"input": "hello"}, X_Case="me")) == "hello from me to m"


def test_a_rule_may_be_added_by_a_function_of_the_request(server: MockServer) -> None:
    def reply(request: AskedRequest) -> str:
        server.when(input="second").reply("added")
        return "adding"

    server.when(input="first").reply(reply)
    assert (said(server, "first"), said(server, "second")) == ("adding", "added")


def test_otherwise_is_last_whenever_it_was_said(server: MockServer) -> None:
    rule = server.otherwise("whatever")
    server.when(input="a").reply("A")
    assert (said(server, "a"), said(server, "b")) == ("A", "whatever")
    assert rule.call_count == 1


def test_a_later_otherwise_takes_the_place_of_an_earlier_one(server: MockServer) -> None:
    server.otherwise("first")
    last = server.otherwise("last")
    assert said(server) == "last"
    assert [handle.place for handle in server.handles] == [last.place]


def test_what_was_said_can_be_written_as_a_rule_file(server: MockServer, tmp_path: Path) -> None:
    server.when(input=contains("rain")).reply("Wet.").then("Still wet.")
    server.when(model=lambda model: model == "x").reply("unwritable", optional=True)
    server.otherwise("Dry.")
    written = tmp_path / "dumped.mock.yaml"
    written.write_text(server.dump(), encoding="utf-8")
    assert "left out" in server.dump()
    with MockServer(written, host=server.host) as again:
        assert [said(again, each) for each in ("rain", "rain", "sun")] == ["Wet.", "Still wet.", "Dry."]


# --- what is refused


def test_a_misspelt_name_tells_the_nearest(server: MockServer) -> None:
    with pytest.raises(TypeError, match=r"unknown condition `modle`; did you mean `model`"):
        server.when(modle="gpt-5")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"unknown argument `tming` of a reply; did you mean `timing`"):
        server.when().reply("x", tming={})  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"did you mean `optional`"):
        server.when().reply("x", optionl=True)  # type: ignore[call-arg]
    assert server.verdict().ok


@pytest.mark.parametrize(
    "mistake",
    [
        lambda server: server.when(input=server.matches("(")).reply("x"),
        lambda server: server.when(hit="often"),
        lambda server: server.when().reply(),
        lambda server: server.when().reply("x", timing={"evry": "5ms"}),
        lambda server: server.when().reply("a", server.error("server_error")),
        lambda server: server.when().turns(),
    ],
)
def test_what_cannot_be_is_told_with_its_place_and_leaves_nothing(server: MockServer, mistake: Any) -> None:
    """Not even a `when` without a reply: it is told already."""
    with pytest.raises(RuleError, match=r"^tests/testing/test_rules\.py:\d+: "):
        mistake(server)
    assert server.session.rules == ()
    assert server.verdict().ok


def test_a_mistake_in_what_follows_leaves_the_rule_as_it_was(server: MockServer) -> None:
    rule = server.when().reply("one")
    with pytest.raises(RuleError):
        rule.then("two", timing={"evry": "5ms"}, exhausted="repeat")
    assert [said(server), said(server)] == ["one", "one"]


def test_a_when_has_one_reply(server: MockServer) -> None:
    when = server.when()
    when.reply("one")
    with pytest.raises(RuleError, match=r"its reply already"):
        when.reply("two")
    assert said(server) == "one"


def test_a_name_is_given_once(server: MockServer) -> None:
    server.when(input="a").reply("a", name="same")
    with pytest.raises(RuleError, match="another rule is called 'same'"):
        server.when(input="b").reply("b", name="same")


def test_a_when_without_a_reply_is_remembered_with_its_place(server: MockServer) -> None:
    when = server.when(input="half")
    place = f"tests/testing/test_rules.py:{line() - 1}"
    assert repr(when) == f"<when at {place}, without a reply>"
    assert [finding.place for finding in server.verdict().findings] == [place]
    when.reply("whole", optional=True)
    assert server.verdict().ok
