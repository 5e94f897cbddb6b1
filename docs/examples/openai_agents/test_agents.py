"""An agent of openai-agents, unmodified: the model is scripted, the framework runs the tools."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from agents import Agent, Runner, function_tool, set_default_openai_client, set_tracing_disabled
from openai import AsyncOpenAI

from mockserver import MockServer, contains, function_call, reasoning, text

set_tracing_disabled(True)  # it would go to the real API


@function_tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"18 °C in {city}"


AGENT = Agent(name="Weather", instructions="Be short.", model="gpt-5", tools=[get_weather])


@pytest_asyncio.fixture(autouse=True)
async def own_client(mockserver: MockServer) -> AsyncIterator[None]:
    """Each test has an event loop of its own, and the connections of one client belong to one."""
    async with AsyncOpenAI(**mockserver.client_kwargs) as client:
        set_default_openai_client(client, use_for_tracing=False)
        yield


@pytest.fixture(autouse=True)
def script(mockserver: MockServer) -> None:
    mockserver.when(transcript=contains("weather")).turns(
        [reasoning("I have a tool for that."), function_call("get_weather", {"city": "Paris"})],
        text("It is {{ tool_outputs.get_weather }}."),
    )


@pytest.mark.asyncio
async def test_a_run(mockserver: MockServer):
    result = await Runner.run(AGENT, "How is the weather in Paris?")
    assert result.final_output == "It is 18 °C in Paris."
    assert mockserver.requests[0].tools == ["get_weather"]
    assert [output.output for output in mockserver.tool_outputs] == ["18 °C in Paris"]


@pytest.mark.asyncio
async def test_a_streamed_run(mockserver: MockServer):
    result = Runner.run_streamed(AGENT, "How is the weather in Paris?")
    pieces = [
        event.data.delta
        async for event in result.stream_events()
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
    ]
    assert "".join(pieces) == result.final_output == "It is 18 °C in Paris."
    assert all(request.stream for request in mockserver.requests)
