"""A rule as people write it: conditions, and what to answer.

This room decides the keys of a rule and builds `rules.Rule`. It must not know the file around it or how conditions are
tested (`targets` does).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from mockserver.core.errors import Report, nearest
from mockserver.core.items.fields import described
from mockserver.core.messages import EMPTY, Json
from mockserver.core.reply import Reply
from mockserver.core.rulefiles import attachedform, recordingform, replyform
from mockserver.core.rulefiles.forms import (
    ANYTHING,
    BOOLEAN,
    LINE,
    MAPPING,
    WRONG,
    Form,
    Key,
    Leaf,
    Path,
    choice,
    whole,
)
from mockserver.core.rulefiles.headernames import header_names
from mockserver.core.rulefiles.replyform import Standing, read_reply
from mockserver.core.rulefiles.requestform import REQUEST_SCHEMA
from mockserver.core.rules.book import Rule
from mockserver.core.rules.conditions import ENDPOINT
from mockserver.core.rules.target_draft import words
from mockserver.core.rules.targets import TARGETS, compile_when

ANSWERS: Final = ("reply", "replies", "turns")

_REPLY: Final = {"$ref": "#/$defs/reply"}
_COUNTED: Final = {"$ref": "#/$defs/counted_reply"}

FORM: Final = Form(
    "a rule",
    MappingProxyType(
        {
            "name": Key("What the rule is called in logs and reports; one per file. FILE:LINE unless given.", LINE),
            "when": Key("The conditions, all of which must hold.", Leaf(MAPPING.read, {"$ref": "#/$defs/when"})),
            "request": Key(
                "The recorded request: this rule answers the same one, once, in the order of the file.",
                Leaf(MAPPING.read, REQUEST_SCHEMA),
            ),
            "reply": Key("What to answer, each time.", Leaf(ANYTHING.read, _REPLY)),
            "replies": Key(
                "What to answer, one after the other.",
                Leaf(ANYTHING.read, {"type": "array", "minItems": 1, "items": _COUNTED}),
            ),
            "exhausted": Key(
                "After the last of `replies`, or of alike recordings: no match, the last one again, or all over again.",
                choice("miss", "repeat", "cycle"),
            ),
            "turns": Key(
                "A scripted tool loop: the turn is chosen by which of its calls have outputs.",
                Leaf(ANYTHING.read, {"type": "array", "minItems": 1, "items": _REPLY}),
            ),
            "priority": Key("Higher is tried first; 0 unless given.", whole("a whole number", -(2**31), 2**31)),
            "optional": Key("Whether a test passes although the rule was never used.", BOOLEAN),
            "allow_invalid": Key("Serve events that the API would never send in this order.", BOOLEAN),
            "exact": Key(
                "The file beside this one with the recorded bytes; it answers as long as `reply` is not edited.",
                Leaf(recordingform.read_exact_name, recordingform.EXACT_SCHEMA),
            ),
            "files": Key(
                "The files beside this one with long values of the recording, each with its digest.", attachedform.FILES
            ),
            "recorded": Key("What a recorder noted; nothing to edit.", MAPPING),
        }
    ),
    elsewhere={
        **dict.fromkeys(replyform.FORM.keys, "inside `reply`"),
        **dict.fromkeys(TARGETS, "inside `when`"),
        **dict.fromkeys(
            ("defaults", "include", "limits", "auth", "version", "otherwise", "rules", "match"), "at the file's top"
        ),
        "times": "to a reply in the list `replies`",
    },
    example="- {when: {input: hello}, reply: {text: Hi}}",
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the file gives to every rule in it."""

    file: str
    place: Callable[[Path], str]
    when: Mapping[str, Json] = field(default_factory=lambda: EMPTY)
    """Conditions as written; a rule's own win, key by key."""
    modifiers: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    """Modifiers of replies, as read; a reply's own win."""
    setting: recordingform.Setting = field(default_factory=recordingform.Setting)
    """What recordings in this file go by."""


def read_rule(value: Json, around: Surroundings, report: Report, path: Path) -> Rule | None:
    """Return the rule written as `value`, None where it has no usable answer."""
    read = FORM.read(value, report, path)
    if read is WRONG:
        return None
    if "files" in value and "request" in value:
        whole = attachedform.whole(value, read["files"], around.setting, report, path) if "files" in read else None
        if whole is None:
            return None
        value = whole
    own = read.get("when", {})
    given = {**around.when, **own}

    when_path = (*path, "when")
    depth = len(when_path)

    def tell(path: Path, message: str, hint: str = "") -> None:
        # A mistake in the file's own `when` is told once, where it stands.
        if len(path) <= depth or path[depth] in own or path[depth] not in around.when:
            report(path, message, hint)

    when = compile_when(given, tell, when_path, scripted="turns" in value)
    allow_invalid = read.get("allow_invalid", False)
    standing = Standing(around.place, around.modifiers, given.get("stream") is True, allow_invalid)
    recording = "request" in value
    replies = _read_answers(value, replace(standing, recorded=recording), report, path)
    if "exhausted" in value and "replies" not in value and not recording:
        report((*path, "exhausted"), "`exhausted` says what follows the last of `replies`; there are none")
    if "exact" in value and not recording:
        report((*path, "exact"), "`exact` goes with `request`: only recordings have exact bytes")
    if "files" in value and not recording:
        report((*path, "files"), "`files` goes with `request`: only values of recordings stand in files")
    place = around.place(path)
    name = read.get("name", place)
    if recording:
        found = recordingform.read(value, (name, place), replies, around.setting, report, path)
        if found is None:
            return None
        replies = ((found.reply, 1),)
        conditions = (*found.likeness.conditions, *(each for each in when.conditions if each is not ENDPOINT))
        alike = found.likeness.alike if not given else f"{found.likeness.alike} {words('when', given)}"
    else:
        conditions, alike = when.conditions, ""
    if not replies:
        return None
    return Rule(
        name=name,
        place=place,
        replies=replies,
        conditions=conditions,
        claims=when.claims,
        exhausted=read.get("exhausted"),
        turns="turns" in value,
        priority=read.get("priority", 0),
        optional=read.get("optional", False),
        allow_invalid=allow_invalid,
        key=(around.file, name),
        groups=when.groups,
        headers=header_names(given, *(value[key] for key in ANSWERS if key in value and not recording)),
        alike=alike,
    )


Replies = tuple[tuple[Reply, int | None], ...]


def _read_answers(value: Mapping[str, Any], standing: Standing, report: Report, path: Path) -> Replies:
    """Return each reply with how often it answers (None: for ever); () where none is usable."""
    given = [key for key in ANSWERS if key in value]
    if len(given) != 1:
        if given:
            report((*path, given[1]), f"a rule answers in one way; found {' and '.join(given)}")
        elif not any(key in replyform.FORM.keys or nearest(key, ANSWERS) for key in value):  # else that is told already
            report(path, "a rule needs `reply`, `replies` or `turns`")
        return ()
    [key] = given
    at = (*path, key)
    if key == "reply":
        reply = read_reply(value[key], standing, report, at)
        return () if reply is None else ((reply, None),)
    listing = value[key]
    if not isinstance(listing, list) or not listing:
        report(at, f"expected a list of replies, got {'an empty list' if listing == [] else described(listing)}")
        return ()
    form = replyform.COUNTED if key == "replies" else replyform.FORM
    replies: list[tuple[Reply, int | None]] = []
    for index, each in enumerate(listing):
        reply = read_reply(each, standing, report, (*at, index), form)
        if reply is not None:
            times = each.get("times", 1) if key == "replies" and isinstance(each, dict) else 1
            usable = isinstance(times, int) and not isinstance(times, bool) and times > 0
            replies.append((reply, (times if usable else 1) if key == "replies" else None))
    return tuple(replies)
