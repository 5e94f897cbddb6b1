"""A reply as people write it: one kind, and what stands beside it.

This room decides the kinds of reply, as one table, and builds `reply.Reply` from what a rule file says. It must not know
when a rule answers (`ruleform` does) or what an answer looks like on the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from mockserver.core.errors import Report
from mockserver.core.items.fields import described
from mockserver.core.items.sketches import REPLY_KINDS
from mockserver.core.literals import literal
from mockserver.core.messages import EMPTY, Json
from mockserver.core.reply import Auto, Events, Forward, Http, Kind, LiteralEvent, Output, Reply
from mockserver.core.rulefiles.errorform import HTTP, read_error, read_http
from mockserver.core.rulefiles.forms import (
    ANYTHING,
    BOOLEAN,
    TRUE,
    WRONG,
    Form,
    JsonSchema,
    Key,
    Leaf,
    Path,
    Wrong,
    whole,
)
from mockserver.core.rulefiles.modifiers import ANY_ANSWER, MODIFIERS, PACED, RESPONSE, TIMING
from mockserver.core.templates import compile_template, verbatim
from mockserver.core.waits import retry_headers


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a reply stands: FILE:LINE of a path, modifiers the file gives to all, and what its rule says about it."""

    place: Callable[[Path], str]
    defaults: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    """Modifiers as read; a kind that does not take one goes without."""
    streams_only: bool = False
    """The rule answers streams alone: `when: {stream: true}`."""
    allow_invalid: bool = False
    recorded: bool = False
    """The reply of a recording: no text in it is a template, and its headers may name the content type."""


class Made(NamedTuple):
    """A kind as read, and the names of the tools it calls."""

    kind: Kind
    calls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplyForm:
    """One kind of reply: what it is for, what may be written, which modifiers it takes, how it is read."""

    doc: str
    schema: JsonSchema
    modifiers: frozenset[str]
    read: Callable[[Json, Mapping[str, Any], Standing, Report, Path], Made | Wrong]
    """From the value, the whole reply and where it stands."""


# Kinds that are output items

ANSWERED_BY_CLIENT: Final = frozenset(
    {
        "apply_patch_call",
        "computer_call",
        "custom_tool_call",
        "function_call",
        "local_shell_call",
        "shell_call",
    }
)
"""Calls whose output comes with a later request, so that a turn can wait for it."""


def _items(name: str) -> ReplyForm:
    row = REPLY_KINDS[name]

    def read(value: Json, reply: Mapping[str, Any], standing: Standing, report: Report, path: Path) -> Made | Wrong:
        items = [item for item in row.read(value, report, path) if item is not None]
        # Nameless calls go by their type, as `Conversation.call_name` has it.
        calls = tuple(item.get("name", item["type"]) for item in items if item["type"] in ANSWERED_BY_CLIENT)
        return Made(Output(verbatim(items) if standing.recorded else compile_template(items, report, path)), calls)

    return ReplyForm(row.doc, row.schema, RESPONSE | {"failed", "incomplete"}, read)


# Literal events


def _read_events(value: Json, reply: Mapping[str, Any], standing: Standing, report: Report, path: Path) -> Made | Wrong:
    if not isinstance(value, list) or not value:
        report(path, f"expected a list of events, got {described(value)}", "write e.g. `events: [created, completed]`")
        return WRONG
    entries: list[LiteralEvent] = []
    for index, each in enumerate(value):
        entry = literal.entry(each, report, (*path, index))
        if entry is not None:
            entries.append(replace(entry, place=standing.place((*path, index))))
    events = Events(tuple(entries), reply.get("fill") is not False)
    if len(entries) < len(value):
        return WRONG
    if not standing.streams_only and not literal.has_terminal(events):
        report(
            path,
            "no event ends the response, so there is no answer for `stream: false`",
            "end with completed, incomplete or failed, or say `when: {stream: true}`",
        )
    elif not standing.allow_invalid:
        for problem in literal.check_literal(events):
            report((*path, problem.index), problem.message, "if it is meant, say `allow_invalid: true` in the rule")
    return Made(events)


# The rest


def _read_error(value: Json, reply: Mapping[str, Any], standing: Standing, report: Report, path: Path) -> Made | Wrong:
    error = read_error(value, report, path)
    return WRONG if error is WRONG else Made(error)


def _read_http(value: Json, reply: Mapping[str, Any], standing: Standing, report: Report, path: Path) -> Made | Wrong:
    answer = read_http(value, report, path)
    return WRONG if answer is WRONG else Made(answer)


def _constant(kind: Kind) -> Callable[..., Made | Wrong]:
    def read(value: Json, reply: Mapping[str, Any], standing: Standing, report: Report, path: Path) -> Made | Wrong:
        return WRONG if TRUE.read(value, report, path) is WRONG else Made(kind)

    return read


_AUTO: Final = "Whatever satisfies the request: a forced tool call, a valid instance of its schema, or fixed text."

KINDS: Final[Mapping[str, ReplyForm]] = MappingProxyType(
    {
        **{name: _items(name) for name in REPLY_KINDS},
        "events": ReplyForm(
            "Literal stream events, filled in unless `fill: false`.",
            {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/event"}},
            RESPONSE,
            _read_events,
        ),
        "error": ReplyForm(
            "An HTTP error in the provider's shape: a name from the catalogue, or one of your own.",
            {"anyOf": [{"$ref": "#/$defs/error_name"}, {"$ref": "#/$defs/error"}]},
            PACED | {"retry_after"},
            _read_error,
        ),
        "http": ReplyForm("Any status, headers and body.", HTTP.schema, PACED | {"retry_after"}, _read_http),
        "auto": ReplyForm(_AUTO, TRUE.schema, RESPONSE | {"failed", "incomplete"}, _constant(Auto())),
        "forward": ReplyForm("The upstream's answer.", TRUE.schema, ANY_ANSWER - {"faults"}, _constant(Forward())),
    }
)
"""The kinds of reply by name."""

FILL: Final = Key("Whether short `events` are completed; true unless given.", BOOLEAN)
TIMES: Final = Key("How often this reply answers; 1 unless given.", whole("a whole number, at least 1", 1))

# Every key of a reply. Kinds are read by their own row, which sees the whole reply.
FORM: Final = Form(
    "a reply",
    MappingProxyType(
        {
            **{name: Key(kind.doc, Leaf(ANYTHING.read, kind.schema)) for name, kind in KINDS.items()},
            **MODIFIERS,
            "fill": FILL,
        }
    ),
    elsewhere={
        **dict.fromkeys(TIMING.keys, "inside `timing`"),
        **dict.fromkeys(("reply", "replies", "turns", "when", "name", "priority", "optional"), "in the rule"),
        "allow_invalid": "in the rule, beside `reply`",
        "exhausted": "in the rule, beside `replies`",
        "times": "to a reply in the list `replies`",
        "status": "inside `error` or `http`",
        "body": "inside `http`",
        "function_call": "inside `output`; `call: {NAME: ARGUMENTS}` is shorter",
        "message": "inside `output`; `text` is shorter",
        "reasoning": "inside `output`",
        "delay": "inside `faults`",
        "cut": "inside `faults`",
        "reset": "inside `faults`",
        "stall": "inside `faults`",
    },
    example="reply: {text: Hello}",
)
OTHERWISE: Final = replace(
    FORM,
    elsewhere=MappingProxyType(
        {
            **FORM.elsewhere,
            **dict.fromkeys(("reply", "replies", "turns"), "to a rule; `otherwise` is itself the reply"),
            "when": "to a rule; `otherwise` answers whatever no rule does",
        }
    ),
)
"""The reply under `otherwise`."""
COUNTED: Final = replace(FORM, keys=MappingProxyType({**FORM.keys, "times": TIMES}))
"""A reply in the list `replies`."""


def read_reply(value: Json, standing: Standing, report: Report, path: Path, form: Form = FORM) -> Reply | None:
    """Return the reply written as `value` (a bare text is a message), None where it has no usable kind."""
    if isinstance(value, str):
        value = {"text": value}
        path_of_kind = path
    else:
        path_of_kind = None
    read = form.read(value, report, path)
    if read is WRONG:
        return None
    names = [name for name in value if name in KINDS]
    if len(names) != 1:
        if names:
            report((*path, names[1]), f"a reply is one kind; found {' and '.join(names)}")
        elif not any(key not in form.keys for key in value):
            report(path, f"a reply needs one of {', '.join(KINDS)}")
        return None
    [name] = names
    row = KINDS[name]
    _check_modifiers(name, row, value, standing, report, path)
    found = row.read(value[name], value, standing, report, (*path, name) if path_of_kind is None else path_of_kind)
    if found is WRONG:
        return None
    kind = found.kind
    told = {**standing.defaults, **read}
    for one, other in (("failed", "incomplete"), ("incomplete", "failed")):
        if one in read and other not in read:
            told.pop(other, None)
    modifiers = {key: told[key] for key in row.modifiers if key in told}
    if isinstance(kind, Http) and "retry_after" in modifiers:
        kind = replace(kind, headers=(*kind.headers, *retry_headers(modifiers["retry_after"])))
    return Reply(
        kind=kind, **modifiers, allow_invalid=standing.allow_invalid, place=standing.place(path), calls=found.calls
    )


def _check_modifiers(
    name: str, row: ReplyForm, value: Mapping[str, Any], standing: Standing, report: Report, path: Path
) -> None:
    for key in value:
        if key in MODIFIERS and key not in row.modifiers:
            kinds = ", ".join(other for other, each in KINDS.items() if key in each.modifiers)
            report((*path, key), f"`{key}` means nothing beside `{name}`", f"it goes with {kinds}")
    if "fill" in value and name != "events":
        report((*path, "fill"), f"`fill` means nothing beside `{name}`", "it goes with events")
    if "failed" in value and "incomplete" in value:
        report((*path, "incomplete"), "a response ends once: `failed` or `incomplete`, not both")
    if not standing.recorded:
        check_headers(value.get("headers"), report, (*path, "headers"))


def check_headers(headers: Json, report: Report, path: Path) -> None:
    """Report a content type among the headers of a reply: each kind has its own."""
    for name in headers if isinstance(headers, dict) else ():
        if name.lower() == "content-type":
            report(
                (*path, name),
                "the content type goes with the kind of reply",
                "for another one write `http` with `headers`",
            )
