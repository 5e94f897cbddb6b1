"""What a session may be created with: its name, its options, its clock, its rules.

This room decides how they are written as JSON. It must not know what they change. What is left out is as the server has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any, Final

from mockserver.adapters.control.clock import time_of_day
from mockserver.core.errors import Report
from mockserver.core.options import Options
from mockserver.core.rulefiles.forms import (
    ANYTHING,
    BOOLEAN,
    LINE,
    WRONG,
    Form,
    Key,
    Leaf,
    Path,
    checked,
    choice,
    listed,
    number,
    whole,
)
from mockserver.core.sessions import misnamed


def _read_name(value: Any, report: Report, path: Path) -> Any:
    if not isinstance(value, str):
        report(path, f"expected a session's name, got {value!r}", "leave it out for a free one")
        return WRONG
    why = misnamed(value)
    if why:
        report(path, why)
        return WRONG
    return value


NAME: Final = Leaf(_read_name, {"type": "string"})

_SPEED: Final = number("a factor: 1, 2 for twice as fast, 0 for at once", least=0)
_MOST_KEPT: Final = 1_000_000

CLOCK: Final = "clock"
_HURRY: Final = checked(
    f"true, false or {CLOCK}",
    lambda value: isinstance(value, bool) or value == CLOCK,
    {"anyOf": [{"type": "boolean"}, {"const": CLOCK}]},
)

OPTIONS: Final[Mapping[str, Key]] = {
    "seed": Key("Same seed, same ids and jitter.", whole("a whole number of 64 bits", -(2**63), 2**63 - 1)),
    "speed": Key("Scales every timing.", _SPEED),
    "validate": Key("What an invalid request body gets.", choice("enforce", "warn", "off")),
    "lenient": Key("Accept `{}` bodies, unknown ids and contradictory parameters.", BOOLEAN),
    "allow_params": Key("Request fields to let through.", listed(LINE)),
    "on_miss": Key("What a request that no rule matches gets.", choice("error", "auto")),
    "exhausted": Key("What follows a rule's last reply.", choice("miss", "repeat", "cycle")),
    "auth_keys": Key("API keys to accept; without any, all are.", listed(LINE)),
    "journal": Key("How many exchanges are kept.", whole(f"a whole number from 0 to {_MOST_KEPT}", 0, _MOST_KEPT)),
    "keep_answers": Key("Keep what was to be sent, too: the journal tells it on request.", BOOLEAN),
}


def form(now: Callable[[], float]) -> Form:
    """Return what a session is created from on a server whose clock shows `now`."""
    return Form(
        "a session",
        {
            "name": Key("What it is called; a free name unless given.", NAME),
            **OPTIONS,
            "now": Key("Freezes its clock at this time.", time_of_day(now)),
            "hurry": Key("Whether answers are sent at once: true, false, or `clock`, while that stands still.", _HURRY),
            "origin": Key("What ids and jitter are drawn from; its name unless given.", NAME),
            "examples": Key("False: without the rules that the server has when it was given none.", BOOLEAN),
            "rules": Key("Its rules: the text of a rule file, or the same as JSON.", ANYTHING),
            "file": Key("What the rules are called where places are told.", FILE),
        },
        example='{"name": "blue", "speed": 0, "rules": [{"reply": {"text": "hi"}}]}',
    )


def _is_file(value: Any) -> bool:
    return (
        isinstance(value, str) and bool(value) and value == value.strip() and value.isprintable() and len(value) <= 200
    )


FILE: Final = checked("a file's name: one printable line of at most 200 characters", _is_file, {"type": "string"})


def chosen(read: Mapping[str, Any], server: Options) -> Options:
    """Return the options that were read over the server's own."""
    given = {field.name: read[field.name] for field in fields(Options) if field.name in read}
    for name, make in (("allow_params", frozenset), ("speed", float)):
        if name in given:
            given[name] = make(given[name])
    return replace(server, **given)
