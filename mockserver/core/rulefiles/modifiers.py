"""What may stand beside a reply's kind: how it ends, what it adds, how it is paced, what goes wrong.

This room decides the modifiers of a reply, as one table. It must not know the kinds of reply (`replyform` does).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from mockserver.core.catalogue import ERRORS, FAILURE_CODES, LIVE_FAILURE_CODES
from mockserver.core.errors import Report, nearest
from mockserver.core.items.fields import described, quoting
from mockserver.core.messages import Json
from mockserver.core.reply import Failed
from mockserver.core.rulefiles.faultform import compile_fault
from mockserver.core.rulefiles.forms import (
    HEADERS,
    MAPPING,
    TEXT,
    TIME,
    WAIT,
    WRONG,
    Form,
    Key,
    Leaf,
    Path,
    choice,
    listed,
    number,
    whole,
)
from mockserver.core.timeline import Timing

GAPS: Final = ("every", "tokens_per_second", "duration")
CHUNKS: Final = ("word", "char", "whole")


def _read_chunk(value: Json, report: Report, path: Path) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    if isinstance(value, str) and value in CHUNKS:
        return value
    report(path, f"expected word, char, whole or a number of characters, got {described(value)}")
    return WRONG


TIMING: Final = Form(
    "timing",
    MappingProxyType(
        {
            "first": Key("When the first delta is due, from the arrival of the request.", TIME),
            "every": Key("The gap between one delta and the next.", TIME),
            "tokens_per_second": Key(
                "The gaps as a speed, one token for each delta.", number("a number above 0", above=0)
            ),
            "duration": Key("When the last event is due, from the arrival of the request; the gaps are even.", TIME),
            "jitter": Key("How much each gap may be shorter or longer, drawn from the seed.", TIME),
            "chunk": Key(
                "How text is cut into deltas: word, char, whole, or a number of characters.",
                Leaf(_read_chunk, {"anyOf": [{"enum": list(CHUNKS)}, {"type": "integer", "minimum": 1}]}),
            ),
        }
    ),
    example="timing: {first: 300ms, every: 25ms}",
)


def _read_timing(value: Json, report: Report, path: Path) -> Any:
    read = TIMING.read(value, report, path)
    if read is WRONG:
        return WRONG
    gaps = [key for key in GAPS if key in value]
    if len(gaps) > 1:
        report((*path, gaps[1]), f"one of {', '.join(GAPS)} says how gaps are made; found {' and '.join(gaps)}")
        return WRONG
    if "duration" in read and read["duration"] < read.get("first", 0.0):
        report(
            (*path, "duration"),
            "the end comes before the first delta",
            "`duration` counts from the request, like `first`",
        )
    return Timing(**read)


_TIMING_SCHEMA: Final = {
    **TIMING.schema,
    "allOf": [{"not": {"required": [one, other]}} for index, one in enumerate(GAPS) for other in GAPS[index + 1 :]],
}

CODES: Final = (*FAILURE_CODES, *sorted(LIVE_FAILURE_CODES))
"""What `failed` may say went wrong: a client with a closed list of codes must not meet another by accident."""


def _read_code(value: Json, report: Report, path: Path) -> Any:
    if isinstance(value, str) and value in CODES:
        return value
    close = nearest(value, CODES) if isinstance(value, str) else None
    hint = f"did you mean `{close}`?" if close else f"one of {', '.join(CODES)}; any other in literal `events`"
    report(path, f"no response fails with the code {described(value)}", hint)
    return WRONG


FAILED: Final = Form(
    "`failed`",
    MappingProxyType(
        {
            "code": Key("The error's code; server_error unless given.", Leaf(_read_code, {"enum": list(CODES)})),
            "message": Key("The error's message; one that suits the code unless given.", TEXT),
            "after": Key(
                "How many deltas are sent before; all of them unless given.", whole("a number of deltas, 0 or more", 0)
            ),
        }
    ),
    example="failed: {code: server_error, message: The model broke., after: 3}",
)


def _read_failed(value: Json, report: Report, path: Path) -> Any:
    read = FAILED.read(value, report, path)
    if read is WRONG:
        return WRONG
    code = read.get("code", "server_error")
    message = FAILURE_CODES.get(code) or ERRORS[code].message
    return Failed(code, read.get("message", message), read.get("after"))


def _read_usage(value: Json, report: Report, path: Path) -> Any:
    """Numbers of tokens and their details; deep-merged later, null stays null."""
    if not isinstance(value, dict):
        report(
            path,
            f"expected numbers of tokens by name, got {described(value)}",
            "write e.g. `usage: {input_tokens: 12}`",
        )
        return WRONG
    for key, given in value.items():
        if isinstance(given, dict):
            _read_usage(given, report, (*path, key))
        elif given is not None and (not isinstance(given, int) or isinstance(given, bool) or given < 0):
            report((*path, key), f"expected a number of tokens, 0 or more, got {described(given)}")
    return value


NOT_IN_RESPONSE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "status": "the reply's kind, `failed` and `incomplete` decide it",
        "output": "write it as `output`, beside `response`",
        "usage": "write it as `usage`, beside `response`",
    }
)
"""Fields that `response` never sets, and what does."""


def _read_response(value: Json, report: Report, path: Path) -> Any:
    read = MAPPING.read(value, report, path)
    if read is WRONG:
        return WRONG
    for key, hint in NOT_IN_RESPONSE.items():
        if key in read:
            report((*path, key), f"`response` never sets `{key}`", hint)
    return {key: each for key, each in read.items() if key not in NOT_IN_RESPONSE}


def _read_state(value: Json, report: Report, path: Path) -> Any:
    if not isinstance(value, dict):
        report(path, f"expected texts by name, got {described(value)}", "write e.g. `set_state: {step: paid}`")
        return WRONG
    kept = {}
    for key, given in value.items():
        if given is None or isinstance(given, str):
            kept[key] = given
        else:
            report((*path, key), f"state holds text, or null to unset it; got {described(given)}", quoting(given))
    return kept


def _read_fault(value: Json, report: Report, path: Path) -> Any:
    fault = compile_fault(value, report, path)
    return WRONG if fault is None else fault


MODIFIERS: Final[Mapping[str, Key]] = MappingProxyType(
    {
        "failed": Key("End with `response.failed` and this error.", Leaf(_read_failed, FAILED.schema)),
        "incomplete": Key(
            "End with `response.incomplete` for this reason.", choice("max_output_tokens", "content_filter")
        ),
        "usage": Key(
            "Numbers of tokens, merged over those made up.",
            Leaf(
                _read_usage,
                {
                    "type": "object",
                    "additionalProperties": {
                        "anyOf": [{"type": ["integer", "null"], "minimum": 0}, {"$ref": "#/$defs/tokens"}]
                    },
                },
            ),
        ),
        "response": Key(
            "Fields of the response object, merged over those made up; never status, output or usage.",
            Leaf(_read_response, {"type": "object", "properties": dict.fromkeys(NOT_IN_RESPONSE, False)}),
        ),
        "headers": Key("Headers of the answer, by name.", HEADERS),
        "retry_after": Key("How long the client is told to wait: `retry-after` and `retry-after-ms`.", WAIT),
        "timing": Key("How the answer is paced.", Leaf(_read_timing, _TIMING_SCHEMA)),
        "speed": Key("Scales `timing`: 2 is twice as fast, 0 at once.", number("a number, 0 or more", least=0)),
        "faults": Key(
            "What goes wrong on purpose, in order: cut, reset, stall, delay.",
            listed(Leaf(_read_fault, {"$ref": "#/$defs/fault"})),
        ),
        "set_state": Key(
            "What the session remembers once this reply is taken; null unsets.",
            Leaf(_read_state, {"type": "object", "additionalProperties": {"type": ["string", "null"]}}),
        ),
    }
)
"""Every modifier by name; read, each is the `reply.Reply` field of that name."""

ANY_ANSWER: Final = frozenset({"headers", "faults", "set_state"})
"""Modifiers that every kind of reply takes."""
PACED: Final = ANY_ANSWER | {"timing", "speed"}
"""Modifiers of an answer that is made here."""
RESPONSE: Final = PACED | {"usage", "response"}
"""Modifiers of an answer that is a response object."""
