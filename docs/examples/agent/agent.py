"""An agent that knows the weather: it asks a model, runs the tools that the model wants, and asks again."""

import json

from openai import APIConnectionError, OpenAI

client = OpenAI()

MODEL = "gpt-5"
MOST_ROUNDS = 5

DEGREES = {"Paris": 18, "Oslo": 4}


def get_weather(city: str) -> str:
    """Look the weather up."""
    return f"{DEGREES[city]} °C"


TOOLS = {"get_weather": get_weather}

DESCRIPTIONS = [
    {
        "type": "function",
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    }
]


class EndlessError(Exception):
    """The model wants one tool after the other."""


def run(said: str) -> str:
    """Return the model's last word on what the user said."""
    talk = [{"role": "user", "content": said}]
    for _ in range(MOST_ROUNDS):
        answer = client.responses.create(model=MODEL, input=talk, tools=DESCRIPTIONS)
        calls = [item for item in answer.output if item.type == "function_call"]
        if not calls:
            return answer.output_text
        talk += answer.output
        talk += [{"type": "function_call_output", "call_id": call.call_id, "output": use(call)} for call in calls]
    raise EndlessError(f"no answer after {MOST_ROUNDS} rounds")


def use(call) -> str:
    """Run a tool; a mistake is for the model to read."""
    try:
        return TOOLS[call.name](**json.loads(call.arguments))
    except Exception as error:
        return f"error: {error!r}"


def tell(said: str):
    """Yield the pieces of a whole answer; one that breaks off is begun again, once."""
    for attempt in (1, 2):
        try:
            events = client.responses.create(model=MODEL, input=said, stream=True)
            yield from [event.delta for event in events if event.type == "response.output_text.delta"]
            return
        except APIConnectionError:
            if attempt == 2:
                raise
