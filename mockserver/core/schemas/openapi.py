"""An OpenAPI document as a set of small JSON Schemas, one per body and per event type.

This room decides where in a document the request, the answer, the events and the error of an operation are, and how a
reference is followed; it never follows one out of the document. `lowering` says what a single schema becomes. It must not
know which API is described, nor where the schemas are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mockserver.core.errors import SchemaSourceError, nearest
from mockserver.core.schemas.lowering import Lowering, Side
from mockserver.core.schemas.references import Document
from mockserver.core.schemas.unions import branches

SETTINGS: Final = "x-mockserver"
"""The document's own key for how each side is read: `requests` and `answers`, fields of `lowering.Side`."""

_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_EVENT_STREAM: Final = "text/event-stream"
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


def build(document: Mapping[str, Any], operation: str | None = None) -> dict[str, dict[str, Any]]:
    """Return the schemas of one operation by name, each complete in itself (`$defs`, and references to them alone).

    Names are `request`, `response`, `error`, `item` (of the response's `output`), `input_item` (of the request's
    `input`) and `events/<type>`, as far as the document has them. `operation` is an `operationId` or `POST /path`; None
    takes the only POST, or else the one whose path ends in `/responses`.

    Raises `SchemaSourceError` for a document that is no OpenAPI 3, an operation that is not there, and a reference that
    leads nowhere or out of the document.
    """
    source = Document(document)
    if not str(document.get("openapi", "")).startswith("3."):
        raise SchemaSourceError("not an OpenAPI 3 document: the key `openapi` must start with 3. (such as 3.1.0)")
    place, found = _operation(source, operation)
    asking, answering = _sides(document)
    built: dict[str, dict[str, Any]] = {}

    request = _media(source, found.get("requestBody"), f"{place}/requestBody", json=True)
    if request is not None:
        built["request"] = _one(source, asking, request, f"{place}/requestBody")
        item = _items(source, _property(source, request, "input"))
        if item is not None:
            built["input_item"] = _one(source, asking, item, f"{place}/requestBody (input item)")

    success, failure = _responses(found)
    for status in success:
        where, response = f"{place}/responses/{status}", found["responses"][status]
        answer = _media(source, response, where, json=True)
        if answer is not None and "response" not in built:
            built["response"] = _one(source, answering, answer, where)
            item = _items(source, _property(source, answer, "output"))
            if item is not None:
                built["item"] = _one(source, answering, item, f"{where} (output item)")
        stream = _media(source, response, where, json=False)
        if stream is not None and not any(name.startswith("events/") for name in built):
            built.update(_events(source, answering, stream, where))
    for status in failure:
        where = f"{place}/responses/{status}"
        error = _media(source, found["responses"][status], where, json=True)
        if error is not None:
            built["error"] = _one(source, answering, error, where)
            break
    if not built:
        raise SchemaSourceError(f"{place}: no JSON body and no event stream is described")
    return built


def _one(source: Document, side: Side, node: Any, where: str) -> dict[str, Any]:
    return Lowering(source, side).document(node, where)


def _events(source: Document, side: Side, node: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and schema of each event type; nothing when the stream is not described as a union by `type`."""
    for value, member in branches(source, node, "type"):
        if not isinstance(value, str) or not _FILE_NAME.fullmatch(value):
            raise SchemaSourceError(f"{where}: the event type {value!r} cannot be a file name")
        yield f"events/{value}", _one(source, side, member, f"{where} ({value})")


def _sides(document: Mapping[str, Any]) -> tuple[Side, Side]:
    settings = document.get(SETTINGS, {})
    sides = []
    for name, is_request in (("requests", True), ("answers", False)):
        try:
            sides.append(Side(request=is_request, **settings.get(name, {})))
        except TypeError:
            known = ", ".join(sorted(set(Side.__slots__) - {"request"}))
            raise SchemaSourceError(
                f"{SETTINGS}.{name}: unknown key in {settings[name]!r}; known are {known}"
            ) from None
    return sides[0], sides[1]


def _operation(source: Document, wanted: str | None) -> tuple[str, Mapping[str, Any]]:
    """Find the operation; return its place, for messages, and its object."""
    operations: dict[str, tuple[str, Mapping[str, Any]]] = {}
    posts: list[str] = []
    for path, item in source.root.get("paths", {}).items():
        for method, operation in source.resolve(item, f"paths/{path}").items():
            if method in _METHODS:
                place = f"{method.upper()} {path}"
                operations[operation.get("operationId", place)] = operations[place] = (place, operation)
                if method == "post":
                    posts.append(place)
    if wanted is None:
        likely = posts if len(posts) == 1 else [place for place in posts if place.endswith("/responses")]
        if len(likely) != 1:
            raise SchemaSourceError(f"which operation? Name one of: {', '.join(operations) or 'none is described'}")
        wanted = likely[0]
    found = operations.get(wanted)
    if found is None:
        near = nearest(wanted, operations)
        hint = f"did you mean {near!r}?" if near else f"there are: {', '.join(operations) or 'none'}"
        raise SchemaSourceError(f"no operation {wanted!r} in the document; {hint}")
    return found


def _responses(operation: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return the statuses that mean success and those that mean failure, each in order of preference."""
    statuses = [str(status) for status in operation.get("responses", {})]
    success = sorted(status for status in statuses if status.startswith("2"))
    failure = sorted(status for status in statuses if status[:1] in ("4", "5"))
    if "default" in statuses:
        (failure if success else success).append("default")
    return success, failure


def _media(source: Document, holder: Any, where: str, *, json: bool) -> Any | None:
    """Return the schema of the JSON (or else the event-stream) content of a request body or response; None without."""
    if holder is None:
        return None
    for media, described in source.resolve(holder, where).get("content", {}).items():
        kind = media.split(";")[0].strip().lower()
        is_json = kind == "application/json" or kind.endswith("+json")
        if is_json if json else kind == _EVENT_STREAM:
            return described.get("schema")
    return None


def _property(source: Document, node: Any, name: str) -> Any | None:
    return source.properties(node).get(name) if isinstance(source.resolve(node), Mapping) else None


def _items(source: Document, node: Any) -> Any | None:
    """Return the schema of the items of an array, also where the array is one branch of a union."""
    if node is None:
        return None
    found = source.resolve(node)
    if "items" in found:
        return found["items"]
    for keyword in ("oneOf", "anyOf"):
        for member in found.get(keyword, ()):
            items = _items(source, member)
            if items is not None:
                return items
    return None
