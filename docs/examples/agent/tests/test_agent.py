"""The agent, with a model that says what each test needs."""

import agent
import pytest

from mockserver import MockServer, contains, error, function_call, reset, text

WEATHER = {"transcript": contains("weather")}


def test_it_uses_its_tool(mockserver: MockServer):
    mockserver.when(**WEATHER).turns(
        function_call("get_weather", {"city": "Paris"}),
        text("It is {{ tool_outputs.get_weather }} in Paris."),
    )
    assert agent.run("How is the weather in Paris?") == "It is 18 °C in Paris."
    assert mockserver.requests[0].tools == ["get_weather"]
    assert mockserver.tool_calls == ["get_weather"]


def test_two_calls_in_one_turn(mockserver: MockServer):
    mockserver.when(**WEATHER).turns(
        [function_call("get_weather", {"city": "Paris"}), function_call("get_weather", {"city": "Oslo"})],
        text("Paris is warmer."),
    )
    assert agent.run("Where is the weather warmer?") == "Paris is warmer."
    assert [output.output for output in mockserver.tool_outputs] == ["18 °C", "4 °C"]


def test_a_tool_that_fails_is_told_to_the_model(mockserver: MockServer):
    mockserver.when(tool_output={"name": "get_weather", "output": contains("KeyError")}).reply("I don't know Atlantis.")
    mockserver.when(**WEATHER).reply(function_call("get_weather", {"city": "Atlantis"}))
    assert agent.run("The weather in Atlantis?") == "I don't know Atlantis."


def test_it_gives_up_on_a_model_that_never_ends(mockserver: MockServer):
    rule = mockserver.when(**WEATHER).reply(function_call("get_weather", {"city": "Oslo"}))
    with pytest.raises(agent.EndlessError):
        agent.run("The weather, for ever")
    assert rule.call_count == agent.MOST_ROUNDS


def test_it_waits_when_it_is_told_to(mockserver: MockServer):
    mockserver.when().reply(error("rate_limit_exceeded", retry_after=0.05), times=2).then("Patience.")
    assert agent.run("Hurry!") == "Patience."
    mockserver.clients.assert_backed_off()


def test_a_broken_stream_is_begun_again(mockserver: MockServer):
    broken = reset(after={"deltas": 2})
    mockserver.when(stream=True).reply("one two three", faults=[broken], times=1).then("one two three")
    assert "".join(agent.tell("count")) == "one two three"
    assert [request.ended for request in mockserver.requests] == ["reset", "complete"]


@pytest.mark.mockserver("../rules/small_talk.mock.yaml")
def test_small_talk_needs_no_tool(mockserver: MockServer):
    assert agent.run("Hello there").startswith("Hello!")
    assert mockserver.tool_calls == []
