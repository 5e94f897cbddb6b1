"""What a `{{ path }}` may begin with, and how its steps are followed.

This room decides what each root of a template stands for when a request is there. It must not know how templates are
written or where they stand (`templates` does).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

import orjson

from mockserver.core.conversation import output_text
from mockserver.core.messages import ABSENT, Json, Request

Steps: TypeAlias = tuple[str | int, ...]
"""What follows the root: names and indexes."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What look-ups see: the request, and what the claim knew. `match` gives regex groups, computed when asked for."""

    request: Request
    hit: int
    state: Mapping[str, str]
    match: Callable[[], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Root:
    """Where a look-up may begin. `steps` says what may follow the name."""

    doc: str
    find: Callable[[Scope, Steps], Json]
    """Returns ABSENT where there is nothing."""
    steps: str = "some"
    """`none`: the value has no parts; `some`: steps may follow; `name`: a name must follow."""


def walk(value: Json, steps: Steps) -> Json:
    """Return what `steps` lead to inside a JSON value, ABSENT when they lead nowhere."""
    for step in steps:
        if isinstance(value, Mapping):
            value = value.get(step if isinstance(step, str) else str(step), ABSENT)
        elif isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return ABSENT
    return value


def _inside(text: str, steps: Steps) -> Json:
    """Return the text, or with steps what they lead to in the JSON it holds."""
    if not steps:
        return text
    try:
        return walk(orjson.loads(text), steps)
    except orjson.JSONDecodeError:
        return ABSENT


def _or_absent(value: str | None) -> Json:
    return ABSENT if value is None else value


def _tool_output(scope: Scope, steps: Steps) -> Json:
    outputs = scope.request.conversation.tail_outputs
    return _inside(output_text(outputs[-1]), steps) if outputs else ABSENT


def _tool_outputs(scope: Scope, steps: Steps) -> Json:
    conversation = scope.request.conversation
    for item in reversed(conversation.outputs):
        if conversation.call_name(item.get("call_id")) == steps[0]:
            return _inside(output_text(item), steps[1:])
    return ABSENT


ROOTS: Final[Mapping[str, Root]] = MappingProxyType(
    {
        "input": Root(
            "What the user just said: the last user message after everything the model made.",
            lambda scope, steps: _or_absent(scope.request.conversation.said),
            "none",
        ),
        "user": Root(
            "The newest user message, wherever it stands.",
            lambda scope, steps: _or_absent(scope.request.conversation.user),
            "none",
        ),
        "model": Root(
            "The model that was asked for.", lambda scope, steps: scope.request.fields.get("model", ABSENT), "none"
        ),
        "turn": Root(
            "1 for the first request of a conversation, 2 after the first thing the model made, and so on.",
            lambda scope, steps: scope.request.conversation.turn,
            "none",
        ),
        "hit": Root(
            "How often the claim reached this rule, this time included.", lambda scope, steps: scope.hit, "none"
        ),
        "state": Root("What `set_state` remembered, by name.", lambda scope, steps: walk(dict(scope.state), steps)),
        "metadata": Root(
            "The request's metadata, by name.",
            lambda scope, steps: walk(scope.request.fields.get("metadata", ABSENT), steps),
        ),
        "headers": Root(
            "The request's headers, by name, without case.",
            lambda scope, steps: walk(dict(scope.request.headers), steps),
        ),
        "body": Root(
            "The request's JSON body: `body.tools[0].name`.", lambda scope, steps: walk(scope.request.json, steps)
        ),
        "tool_output": Root(
            "The text of the last tool output just sent; with steps, what they lead to in its JSON.", _tool_output
        ),
        "tool_outputs": Root(
            "The newest output of a tool by the tool's name; further steps look into its JSON.", _tool_outputs, "name"
        ),
        "match": Root(
            "The groups of this rule's `matches` conditions: `match[1]`, or `match.NAME` for `(?P<NAME>…)`.",
            lambda scope, steps: walk(dict(scope.match()), steps),
            "name",
        ),
    }
)
"""Every root by name."""
