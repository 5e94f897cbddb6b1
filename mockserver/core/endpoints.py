"""The endpoints that answer when no rule does: the models list, and a clear no for everything else.

This room decides what an unmatched request outside `POST /v1/responses` gets. It must not know rules or sessions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final

import orjson

from mockserver.core import catalogue
from mockserver.core.messages import Request
from mockserver.core.reply import Error

BASE: Final = "/v1"
RESPONSES: Final = "/v1/responses"
MODELS: Final = "/v1/models"

METHODS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({RESPONSES: ("POST",), MODELS: ("GET", "HEAD")})
"""The paths we know, with the methods each takes."""

CREATED: Final = 1_700_000_000
"""When our models say they were made; a constant, so that lists are the same in every run."""

_CLOSE: Final = 0.85
"""How alike a path must be to be taken for a slip: paths share much that says nothing."""


def is_create(request: Request) -> bool:
    """Say whether this request asks for a response."""
    return request.path == RESPONSES and request.method == "POST"


def is_api(request: Request) -> bool:
    """Say whether this request is for something below the API's base, where an upstream can be asked instead."""
    return request.path == BASE or request.path.startswith(BASE + "/")


def answer(request: Request, models: Iterable[str]) -> bytes | Error:
    """Return the JSON body of a built-in endpoint, or the error for a path or method that we don't know."""
    path = request.path.rstrip("/") or "/"
    if path.startswith(MODELS + "/"):
        name = path.removeprefix(MODELS + "/")
        if request.method not in METHODS[MODELS]:
            return _not_allowed(request, METHODS[MODELS])
        if name in models:
            return orjson.dumps(_model(name))
        return catalogue.error("model_not_found", model=name)
    allowed = METHODS.get(path)
    if allowed is None:
        return _unknown(request)
    if request.method not in allowed:
        return _not_allowed(request, allowed)
    if path == MODELS:
        return orjson.dumps({"object": "list", "data": [_model(name) for name in models]})
    return _unknown(request)


def is_astray(request: Request, error: Error) -> bool:
    """Say whether this refusal is of a request that was meant for the API: nothing answers it, as a miss.

    Reading outside `/v1` is what browsers and probes do.
    """
    meant = request.method not in ("GET", "HEAD") or request.path.startswith("/v1/")
    return meant and error.name == "unknown_url"


def _unknown(request: Request) -> Error:
    hint = f" {advice(request.path)}"
    return catalogue.error("unknown_url", method=request.method, path=request.path, hint=hint)


def advice(path: str) -> str:
    """Return what a client that asks for this unknown path has probably got wrong."""
    bare = path.rstrip("/")
    if bare in METHODS:
        return f"Write {bare}, without the slash at its end."
    if f"/v1{bare}" in METHODS:
        return f"Did you mean /v1{bare}? A client's base URL ends in /v1 here."
    if path.startswith("/v1/v1/"):
        return f"Did you mean {path[3:]}? The client adds a /v1 of its own: leave it out of the base URL."
    if bare.endswith("/completions"):
        return f"That belongs to another API; this server stands in for POST {RESPONSES}."
    near = get_close_matches(bare, METHODS, n=1, cutoff=_CLOSE)
    if near:
        return f"Did you mean {near[0]}?"
    return f"This server answers POST {RESPONSES}; anything else takes a rule with `path`."


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "mockserver"}


def _not_allowed(request: Request, allowed: tuple[str, ...]) -> Error:
    shown = ", ".join(allowed)
    return catalogue.error(
        "method_not_allowed", method=request.method, path=request.path, allowed=shown, headers=(("allow", shown),)
    )
