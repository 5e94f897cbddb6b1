"""Where an exchange belongs: the URL that was asked, as a path of our own server.

This room decides which URLs are the API's and what a hidden one must have been. It must not know any file format.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import orjson

from mockserver.core import sse
from mockserver.core.endpoints import RESPONSES
from mockserver.core.messages import EMPTY
from mockserver.core.recordings.imports.taken import UnusableError

ROOT: Final = "/v1"

RESOURCES: Final = frozenset(
    {
        "assistants",
        "audio",
        "batches",
        "chat",
        "completions",
        "containers",
        "conversations",
        "embeddings",
        "evals",
        "files",
        "fine_tuning",
        "images",
        "models",
        "moderations",
        "realtime",
        "responses",
        "threads",
        "uploads",
        "vector_stores",
        "videos",
    }
)
"""What stands behind `/v1/` in the API; other services have a `/v1/` too."""

_HIDDEN: Final = re.compile(
    r"[\W_]*(?:redacted|filtered|removed|masked|scrubbed|hidden|censored|x{3,}|\*{3,})?[\W_]*", re.I
)
_METHOD: Final = re.compile(r"[A-Z]{1,20}")
_KINDS: Final[Mapping[tuple[str, str], str]] = {
    ("POST", "response"): RESPONSES,
    ("GET", "response"): f"{RESPONSES}/{{id}}",
    ("DELETE", "response.deleted"): f"{RESPONSES}/{{id}}",
    ("POST", "response.compaction"): f"{RESPONSES}/compact",
    ("POST", "response.input_tokens"): f"{RESPONSES}/input_tokens",
    ("POST", "chat.completion"): "/v1/chat/completions",
    ("POST", "chat.completion.chunk"): "/v1/chat/completions",
    ("POST", "conversation"): "/v1/conversations",
    ("GET", "conversation"): "/v1/conversations/{id}",
    ("GET", "model"): "/v1/models/{id}",
    ("GET", "list of model"): "/v1/models",
    ("POST", "list of embedding"): "/v1/embeddings",
}
"""Which method and path gave an answer, by the `object` it says it is."""
_ASKED: Final = (("input", RESPONSES), ("messages", "/v1/chat/completions"))
"""Which path takes a body, by a field it has beside `model`."""
_SHOWN: Final = 80
"""How many characters of a URL a message shows."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request goes on our server, which base URL it went to, and what of this was inferred."""

    path: str
    query: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    upstream: str = ""
    note: str = ""


def is_hidden(text: str) -> bool:
    """Say whether somebody's redaction stands in place of a value, or nothing at all."""
    return _HIDDEN.fullmatch(text) is not None


def shown(url: str) -> str:
    """Return a URL for a message: without user, password and query, and short."""
    if is_hidden(url):
        return f"({url.strip()})" if url.strip() else "(no URL)"
    parts = _split(url)
    text = url if parts is None else f"{_origin(parts)}{parts.path}"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def place(method: str, url: str, base: str, asked: bytes, answered: bytes) -> Place:
    """Return where this request goes.

    `base` is the base URL that its client had (`https://host/v1`), "" for any whose paths are the API's. `asked` and
    `answered` are the bodies, which tell what a redacted URL was. Raises `UnusableError` for a request to something else.
    """
    if not _METHOD.fullmatch(method):
        raise UnusableError(f"its request has no HTTP method ({method!r})")
    parts = None if is_hidden(url) else _split(url)
    if parts is None:
        if base:
            raise UnusableError("its URL is hidden, so nobody can say whether it is below --base")
        return _inferred(method, asked, answered)
    if base:
        return _below(parts, base)
    before, found, rest = parts.path.rpartition(f"{ROOT}/")
    if not found:
        raise UnusableError("no path of the API (/v1/…); --base URL selects another")
    if is_hidden(rest):
        return _inferred(method, asked, answered)
    if rest.split("/")[0] not in RESOURCES:
        raise UnusableError(f"/v1/{rest.split('/')[0]} is no path of the API; --base URL selects it all the same")
    return Place(unquote(f"{ROOT}/{rest}"), _query(parts), f"{_origin(parts)}{before}{ROOT}")


def _split(url: str) -> SplitResult | None:
    """Return the parts of an absolute URL, None for what is none."""
    try:
        parts = urlsplit(url.strip())
        return parts if parts.scheme in ("http", "https") and parts.netloc else None
    except ValueError:  # brackets that are no IPv6 address, for one
        return None


def _origin(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _query(parts: SplitResult) -> Mapping[str, str]:
    """Return the query as a request of ours has it: repeated names are joined."""
    query: dict[str, str] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        query[name] = f"{query[name]}, {value}" if name in query else value
    return query


def _below(parts: SplitResult, base: str) -> Place:
    above = urlsplit(base)
    stem = above.path.rstrip("/")
    same = (parts.scheme, parts.netloc.rpartition("@")[2].lower()) == (above.scheme, above.netloc.lower())
    if not same or not parts.path.startswith(f"{stem}/"):
        raise UnusableError("not below --base")
    rest = parts.path[len(stem) :]
    return Place(unquote(ROOT + rest), _query(parts), f"{_origin(parts)}{stem}")


def _inferred(method: str, asked: bytes, answered: bytes) -> Place:
    kind, name = _kind(answered)
    path = _KINDS.get((method, kind), "")
    if path and (name or "{" not in path):
        path = path.format(id=name)
        return Place(path, note=f"the URL is hidden; {method} {path} was told from the answer")
    body = _mapping(asked)
    if method == "POST" and "model" in body:
        for field_name, path in _ASKED:
            if field_name in body:
                return Place(path, note=f"the URL is hidden; {method} {path} was told from the request's body")
    raise UnusableError("its URL is hidden, and neither body tells what was asked")


def _kind(answered: bytes) -> tuple[str, str]:
    """Return what `object` an answer is and its id, "" for unknown."""
    value = _mapping(answered) or _first_event(answered)
    response = value.get("response")
    if isinstance(response, dict):
        value = response
    kind, name = value.get("object"), value.get("id")
    rows = value.get("data")
    if kind == "list" and isinstance(rows, list) and rows and isinstance(rows[0], dict):
        kind = f"list of {rows[0].get('object')}"
    return kind if isinstance(kind, str) else "", name if isinstance(name, str) else ""


def _first_event(answered: bytes) -> dict[str, Any]:
    for frame in sse.decode(answered[:65536]):
        if frame.data is not None:
            return _mapping(frame.data.encode())
    return {}


def _mapping(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}
