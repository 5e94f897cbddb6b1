"""One answer of an aimock fixture as a reply: what it says, its envelope, its pace, what goes wrong.

This room decides which parts have an equivalent. What has none is named: a note where the answer is the same without it, a
refusal where it would be another answer. It must not know when the answer is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from mockserver.core.recordings.imports.bodies import json_text
from mockserver.core.recordings.imports.taken import UnusableError

_OTHER: Final = {
    "embedding": "an embedding", "image": "an image", "images": "images", "audio": "speech", "video": "a video",
    "transcription": "a transcription", "json": "JSON of another service",
}  # fmt: skip
"""Answers of other endpoints, by the field that holds them."""
_CONTENT: Final = ("blocks", "content", "toolCalls", "reasoning", "webSearches")
_ENVELOPE: Final = ("id", "created", "model", "usage", "finishReason", "role")
_ENDINGS: Final = {"length": "max_output_tokens", "content_filter": "content_filter"}
_PLAIN_ENDINGS: Final = ("stop", "tool_calls", "function_call", "completed")
_TOKENS: Final = {
    "prompt_tokens": "input_tokens",
    "completion_tokens": "output_tokens",
    "prompt_tokens_details": "input_tokens_details",
    "completion_tokens_details": "output_tokens_details",
}
_USAGE: Final = {
    "input_tokens": None,
    "output_tokens": None,
    "total_tokens": None,
    "input_tokens_details": ("cached_tokens", "cache_write_tokens"),
    "output_tokens_details": ("reasoning_tokens",),
}
"""The numbers of tokens that a response has; those with details name them."""
_IGNORED: Final = ("metadata",)
"""Notes of its recorder, which change no answer."""
_OPTIONS: Final = (
    "latency", "chunkSize", "streamingProfile", "recordedTimings", "replaySpeed", "truncateAfterChunks",
    "disconnectAfterMs", "chaos",
)  # fmt: skip


def reply_of(fixture: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    """Return the reply of a fixture; what got lost is added to `notes`. Raises `UnusableError` for another answer."""
    response = fixture["response"]
    if response.get("error") is not None:
        reply = _error(response, notes)
    else:
        reply = _output(response, notes)
        _timing(fixture, reply, notes)
    faults = list(_faults(fixture, notes))
    if faults:
        reply["faults"] = faults
    known = ("match", "response", *_OPTIONS, *_IGNORED)
    notes += [f"`{key}` has no equivalent" for key in fixture if key not in known]
    return reply


# What it says


def _output(response: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    for name, what in _OTHER.items():
        if response.get(name) is not None:
            raise UnusableError(f"its answer is {what}, which this API does not give")
    items = list(_items(response))
    if not items:
        raise UnusableError(f"its answer is of a kind that has no equivalent ({', '.join(response) or 'empty'})")
    reply: dict[str, Any] = {"output": items}
    if len(items) == 1 and "message" in items[0]:
        content = response.get("content")
        # Data stays data; texts stay texts.
        reply = (
            {"text": items[0]["message"]} if isinstance(content, str) or content is None else {"json": _plain(content)}
        )
    _envelope(response, reply, notes)
    known = (*_CONTENT, *_ENVELOPE)
    notes += [f"`response.{key}` has no equivalent" for key in response if key not in known]
    return reply


def _items(response: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    if response.get("reasoning"):
        yield {"reasoning": _plain(_text("reasoning", response["reasoning"]))}
    for query in _list(response, "webSearches"):
        yield {"web_search_call": _plain(_text("webSearches", query))}
    blocks = _list(response, "blocks")
    for block in blocks:
        kind = block.get("type") if isinstance(block, Mapping) else None
        if kind == "text":
            yield {"message": _plain(_text("blocks", block.get("text")))}
        elif kind == "toolCall":
            yield _call(block)
        else:
            raise UnusableError(f"a block of type {kind!r} has no equivalent")
    if blocks:
        return
    content = response.get("content")
    if content is not None:
        yield {"message": _plain(content if isinstance(content, str) else json_text(content).decode())}
    for call in _list(response, "toolCalls"):
        yield _call(call)


def _call(call: Any) -> dict[str, Any]:
    if not isinstance(call, Mapping) or not isinstance(call.get("name"), str):
        raise UnusableError("a tool call has no name")
    if call.get("type") not in (None, "function", "toolCall"):
        return _custom(call)
    arguments = call.get("arguments", "{}")
    made: dict[str, Any] = {"name": _plain(call["name"]), "arguments": _plain(arguments)}
    if isinstance(call.get("id"), str):
        made["call_id"] = _plain(call["id"])
    return {"function_call": made}


def _custom(call: Mapping[str, Any]) -> dict[str, Any]:
    if call.get("type") != "custom" or not isinstance(call.get("input"), str):
        raise UnusableError(f"a tool call of type {call.get('type')!r} has no equivalent")
    made = {"name": _plain(call["name"]), "input": _plain(call["input"])}
    if isinstance(call.get("id"), str):
        made["call_id"] = _plain(call["id"])
    return {"custom_tool_call": made}


def _error(response: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    given = response["error"]
    status = response.get("status", 500)
    if not isinstance(given, Mapping) or not isinstance(status, int) or not 400 <= status <= 599:
        raise UnusableError("its error has no fields, or no status from 400 to 599")
    error = {"status": status, **{key: given[key] for key in ("type", "code", "param", "message") if key in given}}
    reply: dict[str, Any] = {"error": error}
    if _is_number(response.get("retryAfter")):
        reply["retry_after"] = f"{response['retryAfter']:g}s"
    notes += [f"`response.error.{key}` has no equivalent" for key in given if key not in error]
    known = ("error", "status", "retryAfter")
    notes += [f"`response.{key}` has no equivalent" for key in response if key not in known]
    return reply


def _envelope(response: Mapping[str, Any], reply: dict[str, Any], notes: list[str]) -> None:
    fields = {"id": "id", "created": "created_at", "model": "model"}
    made = {to: response[name] for name, to in fields.items() if response.get(name) is not None}
    if made:
        reply["response"] = made
    ending = response.get("finishReason")
    if isinstance(ending, str) and ending in _ENDINGS:
        reply["incomplete"] = _ENDINGS[ending]
    elif ending is not None and ending not in _PLAIN_ENDINGS:
        notes.append(f"finishReason {ending!r} has no equivalent")
    if isinstance(response.get("usage"), Mapping):
        usage = _usage(response["usage"], notes)
        if usage:
            reply["usage"] = usage


def _usage(given: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    usage: dict[str, Any] = {}
    for key, value in given.items():
        name = _TOKENS.get(key, key)
        details = _USAGE.get(name)
        if name in _USAGE and details is None and isinstance(value, int):
            usage[name] = value
        elif details and isinstance(value, Mapping):
            usage[name] = {each: value[each] for each in details if isinstance(value.get(each), int)}
        else:
            notes.append(f"`usage.{key}` has no equivalent")
    return usage


# How it is sent


def _timing(fixture: Mapping[str, Any], reply: dict[str, Any], notes: list[str]) -> None:
    timing: dict[str, Any] = {}
    profile, recorded = fixture.get("streamingProfile"), fixture.get("recordedTimings")
    if isinstance(recorded, Mapping):
        gaps = [gap for gap in _list(recorded, "interChunkDelaysMs") if _is_number(gap)]
        if _is_number(recorded.get("ttftMs")):
            timing["first"] = _ms(recorded["ttftMs"])
        if gaps:
            timing["every"] = _ms(sum(gaps) / len(gaps))
            notes.append("recordedTimings became their mean gap")
        if _is_number(fixture.get("replaySpeed")):
            reply["speed"] = fixture["replaySpeed"]
    elif isinstance(profile, Mapping):
        if _is_number(profile.get("ttft")):
            timing["first"] = _ms(profile["ttft"])
        if _is_number(profile.get("tps")) and profile["tps"] > 0:
            gap = 1000 / profile["tps"]
            timing["every"] = _ms(gap)
            if _is_number(profile.get("jitter")) and profile["jitter"] > 0:
                timing["jitter"] = _ms(gap * profile["jitter"])
    elif _is_number(fixture.get("latency")) and fixture["latency"] > 0:
        timing = {"first": _ms(fixture["latency"]), "every": _ms(fixture["latency"])}
    size = fixture.get("chunkSize")
    if isinstance(size, int) and not isinstance(size, bool) and size > 0:
        timing["chunk"] = size
    if timing:
        reply["timing"] = timing


def _faults(fixture: Mapping[str, Any], notes: list[str]) -> Iterable[dict[str, Any]]:
    chaos = fixture.get("chaos")
    if isinstance(chaos, Mapping):
        for key, value in chaos.items():
            if key == "latencyMs" and _is_number(value) and value > 0:
                yield {"delay": _ms(value)}
            elif value:
                notes.append(f"`chaos.{key}` has no equivalent: faults here do not strike by chance")
    count = fixture.get("truncateAfterChunks")
    if isinstance(count, int) and not isinstance(count, bool) and count >= 0:
        yield {"reset": {"after": {"events": count}}}
        notes.append("truncateAfterChunks became a reset after that many events")
    if _is_number(fixture.get("disconnectAfterMs")):
        yield {"reset": {"after": {"time": _ms(fixture["disconnectAfterMs"])}}}


def _ms(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") + "ms"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0


# Values


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise UnusableError(f"`{name}` is no text")
    return value


def _list(response: Mapping[str, Any], name: str) -> list[Any]:
    value = response.get(name)
    if value is None or isinstance(value, list):
        return value or []
    raise UnusableError(f"`{name}` is no list")


def _plain(value: Any) -> Any:
    """Return a value in whose texts nothing looks like a template."""
    match value:
        case str():
            return value.replace("{{", "{{{{")
        case Mapping():
            return {key: _plain(each) for key, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case _:
            return value
