"""What was sent: a body within bounds, as a JSON document or as text.

This room decides how a body is read. It must not know what it is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
from starlette.requests import Request as Asked

from mockserver.adapters.asgi import MAX_BODY
from mockserver.adapters.control.answers import Refused, invalid
from mockserver.adapters.control.guards import JSON, media_type
from mockserver.core.errors import Problem
from mockserver.core.messages import MAX_DEPTH, depth_exceeds
from mockserver.core.rulefiles.forms import WRONG, Form, Path
from mockserver.core.rulefiles.yamlplaces import dotted

MOST_BYTES: Final = MAX_BODY


async def read(asked: Asked) -> bytes:
    """Return the body. Raises `Refused` when it is too large."""
    parts: list[bytes] = []
    size = 0
    async for part in asked.stream():
        size += len(part)
        if size > MOST_BYTES:
            raise Refused(413, f"The body is larger than {MOST_BYTES} bytes.")
        parts.append(part)
    return b"".join(parts)


async def document(asked: Asked, nothing: Any = None) -> Any:
    """Return the body as JSON, `nothing` for an empty one. Raises `Refused` for what is no JSON."""
    if not is_json(asked):
        raise Refused(415, f"Unsupported content type: send 'content-type: {JSON}' here.")
    body = await read(asked)
    if not body.strip():
        return nothing
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(400, f"The body is not JSON: {error}.") from None
    if depth_exceeds(found, body, MAX_DEPTH):
        raise Refused(400, f"The body is nested deeper than {MAX_DEPTH} levels.")
    return found


def is_json(asked: Asked) -> bool:
    """Say whether JSON was sent, and not YAML."""
    return media_type(asked.headers.get("content-type", "")) == JSON


class Mistakes:
    """Collects what is wrong with a document. It is a `Report`."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def __call__(self, path: Path, message: str, hint: str = "") -> None:
        self.problems.append(Problem(message, key=dotted(path), hint=hint))


async def filled(form: Form, what: str, asked: Asked) -> Mapping[str, Any]:
    """Return what each key of the JSON sent means. Raises `Refused` with every mistake; nothing sent is `{}`."""
    mistakes = Mistakes()
    found = form.read(await document(asked, {}), mistakes, ())
    if mistakes.problems or found is WRONG:
        raise invalid(what, mistakes.problems)
    return found
