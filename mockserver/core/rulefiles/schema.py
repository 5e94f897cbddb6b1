"""The JSON Schema of rule files, for editors and for whoever writes rule files by program.

This room decides nothing: it gathers the tables that the parser reads by, so that the two cannot differ. What only the
parser can tell (that a look-up exists, that events stand in a legal order) is not in the schema.

Draft 7 is what editors understand best. There, keywords beside a `$ref` do not count, so only descriptions stand there.
"""

from __future__ import annotations

from typing import Any, Final

from mockserver.core.catalogue import ERRORS
from mockserver.core.faults import FAULTS
from mockserver.core.grammar.sequence import EVENTS
from mockserver.core.rulefiles import errorform, replyform, rulefile, ruleform
from mockserver.core.rulefiles.faultform import AFTER
from mockserver.core.rulefiles.forms import TIME
from mockserver.core.rulefiles.modifiers import MODIFIERS
from mockserver.core.rules.matchers import matcher_schema
from mockserver.core.rules.targets import when_schema

_TITLE: Final = "Rule file of mockserver (*.mock.yaml)"


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 7) of a rule file; a new object each time."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": _TITLE,
        "description": "Rules that say what to answer to which request.",
        **rulefile.FORM.schema,
        "minProperties": 1,
        "$defs": {
            "counted_reply": _reply("A reply with how often it is given.", replyform.COUNTED.schema),
            "error": _error(),
            "error_name": {"description": "The name of an error in the catalogue.", "enum": sorted(ERRORS)},
            "event": _event(),
            "event_name": {
                "description": "A stream event: its type, or the type without `response.`.",
                "enum": sorted({name for row in EVENTS.values() for name in (row.type, row.short)}),
            },
            "fault": _fault(),
            "matcher": matcher_schema(),
            "place": _place(),
            "reply": _reply("A reply; a bare text is a message.", replyform.FORM.schema),
            "rule": _rule(),
            "tokens": dict(MODIFIERS["usage"].leaf.schema),
            "when": when_schema(),
        },
    }


def _rule() -> dict[str, Any]:
    return {
        "description": "Conditions, and what to answer when they hold.",
        **ruleform.FORM.schema,
        "oneOf": [{"required": [key]} for key in ruleform.ANSWERS],
        "if": {"required": ["exhausted"]},
        "then": {"anyOf": [{"required": ["replies"]}, {"required": ["request"]}]},
        "dependencies": {
            "exact": ["request"],
            "files": ["request"],
            "request": {"properties": {"replies": False, "turns": False}},
        },
    }


def _reply(doc: str, mapping: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a reply: text, or one kind with the modifiers that the kind takes."""
    known = (*MODIFIERS, "fill")
    only = {name: row.modifiers | ({"fill"} if name == "events" else set()) for name, row in replyform.KINDS.items()}
    return {
        "description": doc,
        "if": {"type": "object"},
        "then": {
            **mapping,
            "oneOf": [{"required": [name]} for name in replyform.KINDS],
            "allOf": [
                *(
                    {
                        "if": {"required": [name]},
                        "then": {"properties": dict.fromkeys((key for key in known if key not in taken), False)},
                    }
                    for name, taken in only.items()
                ),
                {"not": {"required": ["failed", "incomplete"]}},
            ],
        },
        "else": {"type": "string"},
    }


def _error() -> dict[str, Any]:
    form = errorform.ERROR.schema
    words = sorted({word for row in ERRORS.values() for word in row.fields} - form["properties"].keys())
    filled = {"description": "Fills this word in the message.", "type": ["string", "number"]}
    return {
        **form,
        "properties": {
            **form["properties"],
            "name": {"$ref": "#/$defs/error_name"},
            **{word: dict(filled) for word in words},
        },
        "anyOf": [{"required": ["name"]}, {"required": ["status"]}],
    }


def _event() -> dict[str, Any]:
    at = {"description": "When it is due, from the arrival of the request.", **TIME.schema}
    name = {"$ref": "#/$defs/event_name"}
    return {
        "description": "A literal event: a name, a name with its value, or in full with `type`.",
        "if": {"type": "object"},
        "then": {
            "type": "object",
            "properties": {"at": at},
            "if": {"required": ["type"]},
            # Any type may be sent on purpose; the names are there to choose from.
            "then": {
                "properties": {
                    "type": {"anyOf": [name, {"type": "string", "minLength": 1}]},
                    "data": {"description": "Sent as it is.", "type": ["object", "string"]},
                }
            },
            "else": {
                "propertyNames": {"anyOf": [{"const": "at"}, name]},
                "minProperties": 1,
                "maxProperties": 2,
                "if": {"required": ["at"]},
                "then": {"minProperties": 2},
                "else": {"maxProperties": 1},
            },
        },
        "else": name,
    }


def _fault() -> dict[str, Any]:
    named: dict[str, Any] = {}
    for name, fault in FAULTS.items():
        options: dict[str, Any] = {"$ref": "#/$defs/place"}
        if fault.takes_time == "never":
            options = {"allOf": [options, {"properties": {"time": False}}]}
        elif fault.takes_time == "must":
            options = {"allOf": [options, {"required": ["time"]}]}
        options["type"] = "object"
        forms = [{"type": "object", "allOf": [options]}]
        forms += [{"type": "null"}] if fault.takes_time != "must" else []
        forms += [dict(TIME.schema)] if fault.takes_time != "never" else []
        named[name] = {"description": f"{fault.doc[0].upper()}{fault.doc[1:]}.", "anyOf": forms}
    bare = [name for name, fault in FAULTS.items() if fault.takes_time != "must"]
    return {
        "description": "One fault: its name, or its name with a time and a place.",
        "if": {"type": "object"},
        "then": {
            "type": "object",
            "properties": named,
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        },
        "else": {"enum": bare},
    }


def _place() -> dict[str, Any]:
    count = {"type": "integer", "minimum": 0}
    kinds: dict[str, Any] = {
        **dict.fromkeys(AFTER, count),
        "text": {"type": "string", "minLength": 1},
        "time": TIME.schema,
    }
    return {
        "description": "Where a fault strikes: after what has reached the client, or before an event.",
        "properties": {
            "time": {"description": "How long, such as 300ms.", **TIME.schema},
            "after": {
                "description": "What has reached the client by then.",
                "type": "object",
                "properties": {kind: dict(each) for kind, each in kinds.items()},
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1,
            },
            "before": {"$ref": "#/$defs/event_name"},
        },
        "additionalProperties": False,
        "not": {"required": ["after", "before"]},
    }
