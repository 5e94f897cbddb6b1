"""The response object: what the request echoes, what a dialect requires, what the reply adds.

This room decides every field of a response but `output`. It must not know events or pacing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mockserver.core import usage as tokens
from mockserver.core.dialect import Dialect, Quirks
from mockserver.core.draws import Draw
from mockserver.core.messages import Request
from mockserver.core.reply import Reply


@dataclass(frozen=True, slots=True)
class Asked:
    """One request with all that an answer may draw on. `now` is seconds since the epoch by the session's clock."""

    request: Request
    draw: Draw
    dialect: Dialect
    now: float
    conversation: str
    """The conversation id: the request's own, its chain's, or one made up."""
    sound: bool = True
    """Whether the request is known to be valid. What any other says is looked at before it is said back."""


UNNAMED_MODEL: Final = "mockserver"
"""The model echoed when a request that was let through names none."""

_TEXT: Final[Mapping[str, Any]] = {"format": {"type": "text"}, "verbosity": "medium"}
_REASONING: Final[Mapping[str, Any]] = {"effort": None, "summary": None}

_DEFAULTS: Final[dict[str, Any]] = {
    "id": "",
    "object": "response",
    "created_at": 0,
    "status": "in_progress",
    "background": False,
    "completed_at": None,
    "error": None,
    "frequency_penalty": 0.0,
    "incomplete_details": None,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "model": UNNAMED_MODEL,
    "output": [],
    "parallel_tool_calls": True,
    "presence_penalty": 0.0,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": _REASONING,
    "safety_identifier": None,
    "service_tier": "default",
    "store": True,
    "temperature": 1.0,
    "text": _TEXT,
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "usage": None,
    "user": None,
    "metadata": {},
}
"""A response to a request that sets nothing: the API's defaults, in the order in which the API writes its fields."""

_NUMBER: Final = (int, float)

_ECHOED: Final[Mapping[str, type | tuple[type, ...]]] = {
    "background": bool,
    "frequency_penalty": _NUMBER,
    "instructions": (str, list),
    "max_output_tokens": int,
    "max_tool_calls": int,
    "metadata": dict,
    "model": str,
    "parallel_tool_calls": bool,
    "presence_penalty": _NUMBER,
    "previous_response_id": str,
    "prompt": dict,
    "prompt_cache_key": str,
    "prompt_cache_retention": str,
    "safety_identifier": str,
    "store": bool,
    "temperature": _NUMBER,
    "top_logprobs": int,
    "top_p": _NUMBER,
    "truncation": str,
    "user": str,
}
"""Request fields echoed as they are, and the types echoed: null means the default, and a wrong type that validation was
told to let through must not make the answer invalid too. Not echoed by the API: `include`, `context_management`,
`stream`, `stream_options`, `input`."""

_FUNCTION: Final[Mapping[str, Any]] = {"description": None, "parameters": None, "strict": True}
_JSON_SCHEMA: Final[Mapping[str, Any]] = {"description": None, "strict": False}
_CACHE: Final[Mapping[str, Any]] = {"mode": "implicit", "ttl": "30m"}
_TIERS: Final[Mapping[str, str]] = {"auto": "default", "fast": "priority"}


def _tools(value: Any) -> Any:
    """Echo tools; the API shows a function's optional fields even where the request left them out."""
    if not isinstance(value, list):
        return []
    return [
        {**_FUNCTION, **tool} if tool.get("type") == "function" else tool for tool in value if isinstance(tool, dict)
    ]


def _text(value: Any) -> Any:
    if not isinstance(value, dict):
        return _TEXT
    text = {**_TEXT, **{key: given for key, given in value.items() if given is not None}}
    form = text["format"]
    if isinstance(form, dict) and form.get("type") == "json_schema":
        text["format"] = {**_JSON_SCHEMA, **form}
    return text


def _reasoning(value: Any) -> Any:
    return {**_REASONING, **value} if isinstance(value, dict) else _REASONING


def _service_tier(value: Any) -> Any:
    return _TIERS.get(value, value) if isinstance(value, str) else "default"


def _tool_choice(value: Any) -> Any:
    return value if isinstance(value, (str, dict)) else "auto"


def _prompt_cache_options(value: Any) -> Any:
    given = value if isinstance(value, dict) else {}
    return {**_CACHE, **{key: option for key, option in given.items() if option is not None}}


_SHAPED: Final[Mapping[str, Callable[[Any], Any]]] = {
    "prompt_cache_options": _prompt_cache_options,
    "reasoning": _reasoning,
    "service_tier": _service_tier,
    "text": _text,
    "tool_choice": _tool_choice,
    "tools": _tools,
}
"""Request fields that the API completes or resolves before it echoes them."""


def _as_object(tool_choice: str, tools: Sequence[Any]) -> dict[str, Any]:
    """Say a string `tool_choice` as the object that means the same; `none` allows no tool at all."""
    allowed = [] if tool_choice == "none" else [_reference(tool) for tool in tools if isinstance(tool, dict)]
    return {"type": "allowed_tools", "mode": "required" if tool_choice == "required" else "auto", "tools": allowed}


def _reference(tool: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tool[key] for key in ("type", "name", "server_label") if key in tool}


def frame(asked: Asked) -> dict[str, Any]:
    """Return all that stays the same through the life of a response, as a new dict that nobody else holds.

    `at_moment` turns it into snapshots; `snapshot` does both for whoever needs only one.
    """
    made = _DEFAULTS.copy()
    made["id"] = asked.draw.identifier("resp_", "response")
    made["created_at"] = int(asked.now)
    fields = asked.request.fields
    for key, value in fields.items():
        kinds = _ECHOED.get(key)
        if kinds is not None:
            if isinstance(value, kinds):
                made[key] = value
        elif key in _SHAPED and value is not None:
            made[key] = _SHAPED[key](value)
    if not asked.sound:
        _mend(made, fields, asked.dialect)
    quirks = asked.dialect.quirks
    if quirks.conversation_always or fields.get("conversation") is not None:
        made["conversation"] = {"id": asked.conversation}
    if quirks.tool_choice_object and isinstance(made["tool_choice"], str):
        made["tool_choice"] = _as_object(made["tool_choice"], made["tools"])
    return made


def _mend(made: dict[str, Any], fields: Mapping[str, Any], dialect: Dialect) -> None:
    """Put the default in place of whatever a request says that must not stand in a response."""
    for key in fields:
        if key in made and not dialect.field("response", key).is_valid(made[key]):
            if key in _DEFAULTS:
                made[key] = _DEFAULTS[key]
            else:
                del made[key]


def at_moment(
    frame: Mapping[str, Any],
    asked: Asked,
    reply: Reply,
    *,
    status: str,
    output: Sequence[Mapping[str, Any]],
    error: Mapping[str, Any] | None = None,
    incomplete: str | None = None,
    spent: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """Return the response object at one moment of its life, from its `frame`.

    `spent` are the tokens of the output and of its reasoning, where they are known already.
    """
    made = {
        **frame,
        "status": status,
        "completed_at": int(asked.now) if status == "completed" else None,
        "error": error,
        "incomplete_details": None if incomplete is None else {"reason": incomplete},
        "output": output,
        "usage": _usage(asked, reply, status, output, spent),
    }
    return merged(made, reply.response) if reply.response else made


def snapshot(
    asked: Asked,
    reply: Reply,
    *,
    status: str,
    output: Sequence[Mapping[str, Any]],
    error: Mapping[str, Any] | None = None,
    incomplete: str | None = None,
) -> dict[str, Any]:
    """Return the response object at one moment of its life (`in_progress`, `completed`, ...).

    `error` is the `code` and `message` of a failed response, `incomplete` the reason of an incomplete one. The values
    are shared with the request and between snapshots: read them, don't change them.
    """
    return at_moment(frame(asked), asked, reply, status=status, output=output, error=error, incomplete=incomplete)


_UNENDED: Final = frozenset({"queued", "in_progress"})
_UNCOUNTED: Final = _UNENDED | {"failed", "cancelled"}
"""The statuses in which the live service says `usage: null`."""


def _usage(
    asked: Asked, reply: Reply, status: str, output: Sequence[Mapping[str, Any]], spent: tuple[int, int] | None
) -> Mapping[str, Any] | None:
    quirks: Quirks = asked.dialect.quirks
    if quirks.usage_null_until_end and status in _UNCOUNTED:
        return None
    if status in _UNENDED:
        made = tokens.NOTHING
    else:
        made = tokens.usage(tokens.input_tokens(asked.request), *(spent or tokens.output_tokens(output)))
    if not reply.usage:
        return made
    made = merged(made, reply.usage)
    if "total_tokens" not in reply.usage:
        parts = made["input_tokens"], made["output_tokens"]
        if all(isinstance(part, int) for part in parts):
            made["total_tokens"] = sum(parts)
    return made


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return a new dict: `above` merged over `below`, mappings deeply, anything else (null too) replacing."""
    result = dict(below)
    for key, value in above.items():
        under = result.get(key)
        if isinstance(value, Mapping):
            result[key] = merged(under if isinstance(under, Mapping) else {}, value)
        else:
            result[key] = value
    return result
