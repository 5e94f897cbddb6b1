"""A dialect: one API description with an overlay of what another speaker of the API does differently.

This room decides what an overlay may say and how it changes the description, and names the files of a built dialect. It
must not know where sources and built files are kept, nor what a schema means.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from mockserver.core.dialect import Quirks
from mockserver.core.errors import SchemaSourceError, nearest
from mockserver.core.schemas.openapi import SETTINGS, build

MANIFEST: Final = "dialect.json"
"""The file of a built dialect that says what it is: name, quirks, event types, and the digest of its source."""


def build_dialect(
    source: Mapping[str, Any],
    overlay: Mapping[str, Any] | None = None,
    *,
    operation: str | None = None,
    name: str | None = None,
) -> dict[str, Any]:
    """Return the files of a dialect: relative path (`request.json`, `events/response.created.json`, ...) to JSON value.

    `source` is an OpenAPI 3 document, ours or anyone's; `overlay` is as in `apply`. `operation` is as in
    `openapi.build`. `name` names the dialect where neither the overlay nor the source does (then: `custom`).

    Raises `SchemaSourceError` for a source or an overlay that cannot be used.
    """
    document = source if overlay is None else apply(source, overlay)
    settings = document.get(SETTINGS, {})
    schemas = build(document, operation)
    files: dict[str, Any] = {f"{path}.json": schema for path, schema in schemas.items()}
    files[MANIFEST] = {
        "name": name or settings.get("dialect", "custom"),
        "quirks": _quirks(settings.get("quirks", {})),
        "events": [path.removeprefix("events/") for path in schemas if path.startswith("events/")],
        "digest": digest(source, overlay),
    }
    return files


def text(value: Mapping[str, Any]) -> str:
    """Return the text of a built file: one line per key, and per shared schema, so that a change is a short diff."""
    lines = []
    for key, inner in value.items():
        if key == "$defs":
            shared = ",\n".join(f"  {_line(name)}: {_line(schema)}" for name, schema in inner.items())
            lines.append(f"{_line(key)}: {{\n{shared}\n}}")
        else:
            lines.append(f"{_line(key)}: {_line(inner)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def digest(source: Mapping[str, Any], overlay: Mapping[str, Any] | None = None) -> str:
    """Return the SHA-256 of what a dialect is built from, as `sha256:<hex>`. Comments and layout do not change it."""
    text = json.dumps([source, overlay], sort_keys=True, ensure_ascii=True, default=str)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def apply(source: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Return the source with the overlay's changes made, in this order:

    - `name`, and `base`: the dialect that the source must be;
    - `requests`, `answers`: house rules of a side (`lowering.Side`), replacing the base's key by key;
    - `quirks`: fields of `dialect.Quirks`, likewise;
    - `schemas`: whole schemas, added or replaced;
    - `set`: schema -> field -> schema of that field, added or replaced;
    - `remove`, `relax`, `require`, `nullable`: schema -> fields that no longer exist, are optional, are required, may
      be null;
    - `union`: union schema -> names of schemas that join its members;
    - `events`: the event types that remain; all when absent.

    Raises `SchemaSourceError` for an unknown key, schema, field or event type, all of them in one message.
    """
    problems = [f"unknown key {key!r}; known are {', '.join(_KEYS)}" for key in overlay if key not in _KEYS]
    document = copy.deepcopy(dict(source))
    settings: dict[str, Any] = document.setdefault(SETTINGS, {})
    if overlay.get("base", settings.get("dialect")) != settings.get("dialect"):
        problems.append(f"base is {overlay['base']!r}, but the source is {settings.get('dialect')!r}")
    settings["dialect"] = overlay.get("name", "custom")
    for key in ("requests", "answers", "quirks"):
        settings[key] = {**settings.get(key, {}), **overlay.get(key, {})}
    schemas: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(copy.deepcopy(dict(overlay.get("schemas", {}))))
    for key, change in _CHANGES.items():
        for name, wanted in overlay.get(key, {}).items():
            if name in schemas:
                problems.extend(f"{key}.{name}: {problem}" for problem in change(schemas[name], wanted))
            else:
                problems.append(f"{key}: no schema {name!r}{_hint(name, schemas)}")
    if "events" in overlay:
        problems.extend(f"events: {problem}" for problem in _keep_events(schemas, overlay["events"]))
    if problems:
        raise SchemaSourceError(f"overlay {overlay.get('name', '')!r}: " + "; ".join(problems))
    return document


Change = Callable[[dict[str, Any], Any], list[str]]


def _set(schema: dict[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    schema.setdefault("properties", {}).update(copy.deepcopy(dict(wanted)))
    return []


def _remove(schema: dict[str, Any], wanted: list[str]) -> list[str]:
    problems = _missing(schema, wanted)
    _relax(schema, wanted)
    for field in wanted:
        schema.get("properties", {}).pop(field, None)
    return problems


def _relax(schema: dict[str, Any], wanted: list[str]) -> list[str]:
    problems = [f"{field!r} is not required" for field in wanted if field not in schema.get("required", ())]
    schema["required"] = [field for field in schema.get("required", ()) if field not in wanted]
    return problems


def _require(schema: dict[str, Any], wanted: list[str]) -> list[str]:
    schema["required"] = list(dict.fromkeys([*schema.get("required", ()), *wanted]))
    return _missing(schema, wanted)


def _nullable(schema: dict[str, Any], wanted: list[str]) -> list[str]:
    for field in wanted:
        if field in schema.get("properties", {}):
            schema["properties"][field] = {"anyOf": [schema["properties"][field], {"type": "null"}]}
    return _missing(schema, wanted)


def _join(schema: dict[str, Any], wanted: list[str]) -> list[str]:
    members = schema.get("oneOf", schema.get("anyOf"))
    if members is None:
        return ["is no union"]
    members.extend({"$ref": f"#/components/schemas/{name}"} for name in wanted)
    return []


_CHANGES: Final[Mapping[str, Change]] = {
    "set": _set,
    "remove": _remove,
    "relax": _relax,
    "require": _require,
    "nullable": _nullable,
    "union": _join,
}
_KEYS: Final = ("name", "base", "requests", "answers", "quirks", "schemas", *_CHANGES, "events")


def _missing(schema: Mapping[str, Any], fields: list[str]) -> list[str]:
    known = schema.get("properties", {})
    return [f"no field {field!r}{_hint(field, known)}" for field in fields if field not in known]


def _keep_events(schemas: dict[str, Any], wanted: list[str]) -> list[str]:
    """Leave those members of the event union whose `type` is wanted."""
    union = schemas.get("StreamEvent", {})
    by_type: dict[str, Any] = {}
    for member in union.get("oneOf", ()):
        schema = schemas.get(str(member["$ref"]).rpartition("/")[2], {})
        by_type[schema.get("properties", {}).get("type", {}).get("const", "")] = member
    union["oneOf"] = [by_type[kind] for kind in wanted if kind in by_type]
    return [f"no event type {kind!r}{_hint(kind, by_type)}" for kind in wanted if kind not in by_type]


def _quirks(given: Mapping[str, Any]) -> dict[str, Any]:
    known = {field.name for field in dataclasses.fields(Quirks)}
    for key in given:
        if key not in known:
            raise SchemaSourceError(f"unknown quirk {key!r}{_hint(key, known)}")
    return dataclasses.asdict(Quirks(**given))


def _hint(word: str, known: Any) -> str:
    near = nearest(word, known)
    return f" (did you mean {near!r}?)" if near else ""


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
